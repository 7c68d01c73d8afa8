"""The no-U-turn sampler."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from whitebox._validation import Array, positive_int
from whitebox.mcmc._hamiltonian import MAX_ENERGY_ERROR, HamiltonianKernel, Metric, PhasePoint, leap
from whitebox.mcmc._kernel import HamiltonianState


class NUTSInfo(NamedTuple):
    """What happened in a step.

    Attributes:
        acceptance: Mean over the trajectory of the probability to accept a point in place of the first.
        depth: How often the trajectory was doubled.
        steps: How many leapfrog steps were taken.
        energy: The Hamiltonian where the step started, with the momentum drawn.
        divergent: Whether the energy grew beyond all measure somewhere.
    """

    acceptance: float
    depth: int
    steps: int
    energy: float
    divergent: bool


class _Tree(NamedTuple):
    """A stretch of trajectory: its ends, in the order of time, and a point chosen from within."""

    first: PhasePoint
    last: PhasePoint
    chosen: PhasePoint
    log_weight: float  # log Σ exp(H₀ - H) over its points
    momentum: Array  # the sum over its points
    acceptance: float  # the sum of min(1, exp(H₀ - H))
    steps: int
    usable: bool = True  # false once some part of it turns back or diverges
    divergent: bool = False


@dataclass(frozen=True)
class NUTS(HamiltonianKernel):
    r"""HMC that finds the length of its trajectories: doubles them, forwards or backwards, until they turn back.

    A stretch with end points −, + and the sum ρ of its momenta turns back where

    .. math:: \rho \cdot M^{-1} p_- \le 0 \quad\text{or}\quad \rho \cdot M^{-1} p_+ \le 0

    (the generalised criterion of Betancourt: A Conceptual Introduction to Hamiltonian Monte Carlo, 2017, appendix
    A.4.2), which is asked of every sub-tree, and across the seam of every two. The next position is drawn from the
    points with weights :math:`e^{-H}`, within a new half by its weights, then from old to new half with probability
    :math:`\min(1, w_\text{new} / w_\text{old})` (A.3.2); the trees are those of Hoffman, Gelman: The No-U-Turn Sampler,
    2014. Up to :math:`2^\text{depth} - 1` evaluations of the gradient a step, and memory for `max_depth` points.

    Args:
        log_density: :math:`\log \pi` up to a constant, and its gradient of shape (d,).
        step_size: :math:`\epsilon`, positive; `warm_up` finds one.
        inverse_mass: As in `Metric`.
        max_depth: Doublings at most.

    Raises:
        RangeError: if a number is out of its range.
        DtypeError, ShapeError, NotFiniteError, NotPositiveDefiniteError: for an unusable mass.

    >>> kernel = NUTS(lambda x: (-0.5 * float(x @ x), -x), step_size=0.5)
    >>> state, info = kernel.step(np.random.default_rng(0), kernel.init(np.ones(2)))
    >>> info.depth, info.steps, info.divergent
    (2, 3, False)
    """

    max_depth: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_int(self.max_depth, "max_depth")

    def step(self, rng: np.random.Generator, state: HamiltonianState) -> tuple[HamiltonianState, NUTSInfo]:
        """The next state, and what happened on the way."""
        start = self._launch(rng, state)
        energy = self.metric.energy(start)
        tree = _Tree(start, start, start, 0.0, start.momentum, 0.0, 0)
        depth = 0
        with np.errstate(all="ignore"):
            while tree.usable and depth < self.max_depth:
                sign = 1 if rng.random() < 0.5 else -1
                half = self._grow(rng, tree.last if sign > 0 else tree.first, sign, depth, energy)
                depth += 1
                # Later halves are favoured over the one that holds the start, which takes the chain further.
                switch = half.usable and math.log(1 - rng.random()) < half.log_weight - tree.log_weight
                tree = self._join(tree, half, sign, half.chosen if switch else tree.chosen)
        chosen = tree.chosen
        info = NUTSInfo(tree.acceptance / tree.steps, depth, tree.steps, energy, tree.divergent)
        return HamiltonianState(chosen.position, chosen.log_density, chosen.gradient), info

    def _grow(self, rng: np.random.Generator, edge: PhasePoint, sign: int, depth: int, energy: float) -> _Tree:
        """A tree of 2^depth points beyond an edge of the trajectory, or as much of it as is usable."""
        if depth == 0:
            point = leap(self.log_density, edge, sign * self.step_size, self.metric)
            gain = energy - self.metric.energy(point)
            divergent = gain < -MAX_ENERGY_ERROR
            acceptance = math.exp(min(0.0, gain))
            return _Tree(point, point, point, gain, point.momentum, acceptance, 1, not divergent, divergent)
        inner = self._grow(rng, edge, sign, depth - 1, energy)
        if not inner.usable:
            return inner
        outer = self._grow(rng, inner.last if sign > 0 else inner.first, sign, depth - 1, energy)
        switch = outer.usable and math.log(1 - rng.random()) < outer.log_weight - _log_sum(
            inner.log_weight, outer.log_weight
        )
        return self._join(inner, outer, sign, outer.chosen if switch else inner.chosen)

    def _join(self, inner: _Tree, outer: _Tree, sign: int, chosen: PhasePoint) -> _Tree:
        """The tree of two that follow each other in time (sign 1) or precede (-1)."""
        left, right = (inner, outer) if sign > 0 else (outer, inner)
        momentum = left.momentum + right.momentum
        usable = outer.usable and not (
            _turns(self.metric, left.first, right.last, momentum)
            or _turns(self.metric, left.first, right.first, left.momentum + right.first.momentum)
            or _turns(self.metric, left.last, right.last, left.last.momentum + right.momentum)
        )
        return _Tree(
            left.first,
            right.last,
            chosen,
            _log_sum(inner.log_weight, outer.log_weight),
            momentum,
            inner.acceptance + outer.acceptance,
            inner.steps + outer.steps,
            usable,
            outer.divergent,
        )


def _turns(metric: Metric, first: PhasePoint, last: PhasePoint, momentum: Array) -> bool:
    """Whether the ends of a stretch with this sum of momenta stop moving apart."""
    way = metric.velocity(momentum)
    return not (float(way @ first.momentum) > 0 and float(way @ last.momentum) > 0)


def _log_sum(a: float, b: float) -> float:
    r""":math:`\log(e^a + e^b)`."""
    high, low = (a, b) if a >= b else (b, a)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
