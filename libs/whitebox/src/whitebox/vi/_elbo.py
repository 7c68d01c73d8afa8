"""The evidence lower bound, and its maximum."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, positive_int
from whitebox.errors import EmptyInputError, NotFiniteError, ShapeError
from whitebox.linalg import gram_schmidt
from whitebox.optimize import Adam, Optimizer, lbfgs
from whitebox.vi._gaussian import FullRank, Gaussian, MeanField

Family = TypeVar("Family", MeanField, FullRank)
# From rows (s, d) to log-densities (s,), up to a constant, and their gradients (s, d).
LogDensities = Callable[[Array], tuple[Array, Array]]


class Bound(NamedTuple):
    """An estimate of the evidence lower bound.

    Attributes:
        value: The estimate.
        standard_error: Of the estimate, by chance of the draws.
        gradient: By the parameters of the family, shape (k,).
    """

    value: float
    standard_error: float
    gradient: Array


def elbo(gaussian: Gaussian, target: LogDensities, draws: npt.ArrayLike) -> Bound:
    r"""Evidence lower bound of a normal distribution q.

    .. math:: \mathcal L = E_q[\log p(x)] + H[q] = \log \int p - \mathrm{KL}(q \Vert p) \le \log \int p

    with the expectation as a mean over places :math:`x = \mu + L z` of standard normal draws z, which the parameters
    move, so that the gradient goes through them (Kingma, Welling: Auto-Encoding Variational Bayes, 2014, section 2.4;
    Kucukelbir et al.: Automatic Differentiation Variational Inference, 2017, equations 8 and 9), and the entropy H
    exactly. One evaluation of the target a draw.

    Args:
        gaussian: q.
        target: :math:`\log p`, up to a constant, and its gradients, row by row.
        draws: z, shape (s, d), s at least 2.

    Raises:
        ShapeError: if `draws` or what the target gives has another shape.
        EmptyInputError: of fewer than two draws.
        DtypeError, NotFiniteError: for unusable input, or a target that is not finite.

    >>> standard = lambda x: (-0.5 * (x**2).sum(axis=1) - 0.5 * math.log(2 * math.pi), -x)
    >>> bound = elbo(MeanField([0.0]), standard, [[1.0], [-1.0]])
    >>> round(bound.value, 6) + 0.0, bound.gradient.tolist()
    (0.0, [0.0, 0.0])
    """
    z = as_matrix(draws, "draws")
    if z.shape[1] != gaussian.size:
        raise ShapeError(f"draws has {z.shape[1]} columns for {gaussian.size} unknowns")
    if len(z) < 2:
        raise EmptyInputError("an error bar takes two draws or more, got 1 sample")
    x = gaussian.place(z)
    values, slopes = (np.asarray(part, dtype=np.float64) for part in target(x))
    if values.shape != (len(z),) or slopes.shape != x.shape:
        raise ShapeError(f"the target gave shapes {values.shape} and {slopes.shape} for rows of shape {x.shape}")
    if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
        raise NotFiniteError("the log-density or its gradient is not finite at some draw")
    gradient = gaussian.pullback(z, slopes / len(z))
    # The entropy grows with the logarithms of the scales, which come last.
    gradient[-gaussian.size :] += 1
    error = float(values.std(ddof=1)) / math.sqrt(len(z))
    return Bound(float(values.mean()) + gaussian.entropy, error, gradient)


class VIState(NamedTuple):
    """State of `VariationalInference`.

    Attributes:
        gaussian: The approximation.
        optimizer: State of the optimiser.
    """

    gaussian: Any
    optimizer: Any


@dataclass(frozen=True)
class VariationalInference(Generic[Family]):
    r"""Climbs the evidence lower bound by stochastic gradients: a pure kernel, like the samplers of `whitebox.mcmc`.

    Args:
        target: :math:`\log p`, up to a constant, and its gradients, row by row.
        draws: For each step, at least 2.
        optimizer: How to step; `whitebox.optimize.Adam` with a rate of 0.05 by default.

    Raises:
        RangeError: if `draws` is no whole number of at least 1.

    >>> kernel = VariationalInference(lambda x: (-0.5 * ((x - 3) ** 2).sum(axis=1), 3 - x))
    >>> state, bound = kernel.step(np.random.default_rng(0), kernel.init(MeanField([0.0])))
    >>> state.gaussian.mean.round(2).tolist()
    [0.05]
    """

    target: LogDensities
    draws: int = 32
    optimizer: Optimizer[Any] | None = None

    def __post_init__(self) -> None:
        positive_int(self.draws, "draws")

    def init(self, gaussian: Family) -> VIState:
        """The state that starts from this approximation."""
        return VIState(gaussian, self._optimizer.init(gaussian.parameters))

    def step(self, rng: np.random.Generator, state: VIState) -> tuple[VIState, Bound]:
        """The next state, and the bound that was estimated on the way."""
        return self.step_with(rng.standard_normal((self.draws, state.gaussian.size)), state)

    def step_with(self, draws: npt.ArrayLike, state: VIState) -> tuple[VIState, Bound]:
        """As `step`, with the draws z given, shape (s, d)."""
        bound = elbo(state.gaussian, self.target, draws)
        parameters, inner = self._optimizer.step(state.gaussian.parameters, -bound.gradient, state.optimizer)
        return VIState(state.gaussian.with_parameters(parameters), inner), bound

    @property
    def _optimizer(self) -> Optimizer[Any]:
        return Adam(0.05) if self.optimizer is None else self.optimizer


class Fitted(NamedTuple):
    """What `fit` and `fit_to_draws` give.

    Attributes:
        gaussian: The approximation.
        elbo: The bound at every step, shape (steps,).
    """

    gaussian: Any
    elbo: Array


def fit(
    target: LogDensities,
    gaussian: Family,
    rng: np.random.Generator,
    *,
    steps: int = 1000,
    draws: int = 32,
    optimizer: Optimizer[Any] | None = None,
) -> Fitted:
    """Runs `VariationalInference`, and gives the mean of the parameters over the last half of the steps.

    The mean is steadier than the last iterate, which the draws keep moving about (Polyak, Juditsky 1992).

    Args:
        target: As in `VariationalInference`.
        gaussian: Where to start; the family to search.
        rng: Source of chance.
        steps: How many.
        draws: For each step.
        optimizer: As in `VariationalInference`.

    Raises:
        RangeError, ShapeError, EmptyInputError, NotFiniteError: for unusable arguments or a target that is not finite.

    >>> target = lambda x: (-2 * ((x - 3) ** 2).sum(axis=1), 4 * (3 - x))
    >>> found = fit(target, MeanField([0.0]), np.random.default_rng(0))
    >>> bool(abs(found.gaussian.mean[0] - 3) < 0.02), bool(abs(found.gaussian.covariance[0, 0] - 0.25) < 0.02)
    (True, True)
    """
    kernel: VariationalInference[Family] = VariationalInference(target, draws, optimizer)
    state, path = kernel.init(gaussian), np.empty(positive_int(steps, "steps"))
    total, kept = np.zeros_like(gaussian.parameters), 0
    for step in range(steps):
        state, bound = kernel.step(rng, state)
        path[step] = bound.value
        if step >= steps // 2:
            total, kept = total + state.gaussian.parameters, kept + 1
    return Fitted(gaussian.with_parameters(total / kept), path)


def fit_to_draws(
    target: LogDensities, gaussian: Family, draws: npt.ArrayLike, *, tol: float = 1e-6, max_iter: int = 500
) -> Fitted:
    r"""Maximises the bound as these draws estimate it, always the same ones, by `whitebox.optimize.lbfgs`.

    No step sizes, and an end that is reached; the answer depends on the draws as a mean over so many of them does
    (Giordano, Ingram, Broderick: Black Box Variational Inference with a Deterministic Objective, 2024). Draws with mean
    0 and covariance I, as `whitened` makes them, give normal targets exactly.

    Args:
        target: As in `elbo`.
        gaussian: Where to start; the family to search.
        draws: z, shape (s, d), more than d of them.
        tol: Stops when the norm of the gradient falls to this.
        max_iter: Steps at most.

    Raises:
        RangeError, ShapeError, EmptyInputError, NotFiniteError: for unusable arguments or a target that is not finite.

    >>> draws = whitened(np.random.default_rng(0).normal(size=(10, 1)))
    >>> found = fit_to_draws(lambda x: (-2 * ((x - 3) ** 2).sum(axis=1), 4 * (3 - x)), MeanField([0.0]), draws)
    >>> found.gaussian.mean.round(4).tolist(), found.gaussian.covariance.round(4).tolist()
    ([3.0], [[0.25]])
    """
    path: list[float] = []

    def objective(parameters: Array) -> tuple[float, Array]:
        try:
            with np.errstate(all="ignore"):  # a step too long; the line search takes a shorter one
                bound = elbo(gaussian.with_parameters(parameters), target, draws)
        except NotFiniteError:
            return math.inf, np.zeros_like(parameters)
        path.append(bound.value)
        return -bound.value, -bound.gradient

    elbo(gaussian, target, draws)  # refuses what cannot be used, at the start
    best = lbfgs(objective, gaussian.parameters, tol=tol, max_iter=max_iter)
    return Fitted(gaussian.with_parameters(best.x), np.array(path))


def whitened(draws: npt.ArrayLike) -> Array:
    """Draws moved and mixed so that their mean is 0 and their covariance, with s in the denominator, the identity.

    Args:
        draws: Shape (s, d), more than d of them.

    Returns:
        Shape (s, d).

    Raises:
        SingularMatrixError: if they do not span the space.
        ShapeError: if there are not more than d.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> whitened([[0.0], [4.0]]).tolist()
    [[-1.0], [1.0]]
    """
    z = as_matrix(draws, "draws")
    if len(z) <= z.shape[1]:
        raise ShapeError(f"{z.shape[1]} unknowns take more draws than that, got {len(z)}")
    return math.sqrt(len(z)) * gram_schmidt(z - z.mean(axis=0)).Q
