"""The pairs of `whitebox.mcmc`. Both twins take the same draws, in the same order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from whitebox import mcmc, reference

slow = reference.mcmc


class AsRandom:
    """A NumPy generator, spoken to as the standard library's."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def random(self) -> float:
        return self._rng.random()

    def gauss(self) -> float:
        return self._rng.standard_normal()


def target(x: Any) -> tuple[float, Any]:
    """Wider in one direction than in another, and not normal."""
    x = np.asarray(x)
    width = np.arange(1, len(x) + 1)
    z = x / width
    return float(-np.log(np.cosh(z)).sum() - 0.1 * z @ z), -np.tanh(z) / width - 0.2 * z / width


def on_lists(x: list[float]) -> tuple[float, list[float]]:
    value, gradient = target(x)
    return value, gradient.tolist()


def gamma(x: Any) -> float:
    """Of positive numbers."""
    return sum(math.log(a) - a for a in x)


POINTS = st.integers(1, 3).flatmap(
    lambda d: st.lists(st.floats(-3, 3).map(lambda a: round(a, 3)), min_size=d, max_size=d)
)
SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.sampled_from([0.05, 0.3, 1.0, 2.5])
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def _walked(kernel: Any, seed: int, x: list[float], steps: int = 6) -> Any:
    """Where a chain of the reference comes by."""
    rng, path = AsRandom(seed), []
    for _ in range(steps):
        x = kernel.step(rng, x)
        path.append(x)
    return path


def _run(kernel: Any, seed: int, x: list[float], steps: int = 6) -> Any:
    rng, state, path = np.random.default_rng(seed), kernel.init(x), []
    for _ in range(steps):
        state, _ = kernel.step(rng, state)
        path.append(state.position)
    return path


def _proposed(package: Any, name: str, log_density: Any, rng: Any, x: Any, *arguments: Any) -> Any:
    """A draw, and how much denser the way back is than the way there."""
    proposal = getattr(package, name)(*arguments)
    y = proposal.draw(rng, x)
    return y, proposal.log_density(x, y) - proposal.log_density(y, x)


def _proposals(name: str, points: st.SearchStrategy[list[float]], *, gradient: bool = False) -> Pair:
    return Pair(
        f"mcmc.{name}",
        lambda seed, x, s: _proposed(slow, name, None, AsRandom(seed), x, *([on_lists] if gradient else []), s),
        lambda seed, x, s: _proposed(
            mcmc, name, None, np.random.default_rng(seed), np.array(x), *([target] if gradient else []), s
        ),
        st.tuples(SEEDS, points, SIZES),
        **CLOSE,
    )


POSITIVE = POINTS.map(lambda x: [abs(a) + 0.1 for a in x])


@st.composite
def phases(draw: st.DrawFn) -> tuple[Any, ...]:
    """A point with a momentum, inverse masses, a step size and a count."""
    x = draw(POINTS)
    numbers = st.lists(st.floats(0.2, 3).map(lambda a: round(a, 2)), min_size=len(x), max_size=len(x))
    return x, draw(numbers), draw(numbers), draw(st.sampled_from([-0.4, 0.1, 0.7])), draw(st.integers(1, 5))


@st.composite
def draws(draw: st.DrawFn, fewest: int = 8) -> tuple[Any]:
    """Chains with memory, ties, and heavy tails; few draws."""
    chains, n = draw(st.integers(1, 4)), draw(st.integers(fewest, 40))
    rng = np.random.default_rng(draw(SEEDS))
    kind = draw(st.sampled_from(["white", "walk", "alternating", "ties", "cauchy", "apart", "constant"]))
    x = rng.standard_normal((chains, n))
    if kind == "walk":
        x = x.cumsum(axis=1)
    elif kind == "alternating":
        x = x * 0.3 + (-1.0) ** np.arange(n)
    elif kind == "ties":
        x = np.round(x)
    elif kind == "cauchy":
        x = rng.standard_cauchy((chains, n))
    elif kind == "apart":
        x = x + 5 * np.arange(chains)[:, None]
    elif kind == "constant":
        x = np.full((chains, n), 0.1)
    return (x.tolist(),)


METHODS = {"ess": ("bulk", "tail", "mean"), "rhat": ("rank", "split")}


def _diagnosed(name: str) -> Pair:
    return Pair(
        f"mcmc.{name}",
        lambda x: [getattr(slow, name)(x, method) for method in METHODS[name]],
        lambda x: [getattr(mcmc, name)(x, method) for method in METHODS[name]],
        draws(),
        rtol=1e-8,
        examples=80,  # sums of pairs that grow are rare
    )


def _averaged(size: float, acceptances: list[float]) -> list[float]:
    averaging = mcmc.DualAveraging(0.7)
    state = averaging.init(size)
    for acceptance in acceptances:
        state = averaging.update(state, acceptance)
    return [math.exp(state.log_step), math.exp(state.log_mean)]


def _streamed(points: list[list[float]]) -> Any:
    welford = mcmc.Welford()
    state = welford.init(len(points[0]))
    for point in points:
        state = welford.update(state, np.array(point))
    return welford.variance(state)


PAIRS = [
    _proposals("RandomWalk", POINTS),
    _proposals("MultiplicativeWalk", POSITIVE),
    _proposals("Langevin", POINTS, gradient=True),
    Pair(
        "mcmc.MetropolisHastings",
        lambda seed, x, s: _walked(slow.MetropolisHastings(gamma, slow.MultiplicativeWalk(s)), seed, x, 20),
        lambda seed, x, s: _run(mcmc.MetropolisHastings(gamma, mcmc.MultiplicativeWalk(s)), seed, x, 20),
        st.tuples(SEEDS, POSITIVE, SIZES),
        **CLOSE,
    ),
    Pair(
        "mcmc.Metric",
        lambda x, p, v, *_: (slow.Metric(v).velocity(p), slow.Metric(v).kinetic(p), slow.Metric(v).draw(AsRandom(0))),
        lambda x, p, v, *_: (
            mcmc.Metric(v).velocity(np.array(p)),
            mcmc.Metric(v).kinetic(np.array(p)),
            mcmc.Metric(v).draw(np.random.default_rng(0), len(p)),
        ),
        phases(),
        **CLOSE,
    ),
    Pair(
        "mcmc.PhasePoint",  # what holds position and momentum holds them in this order
        lambda x, p, *_: slow.PhasePoint(x, p)[:2],
        lambda x, p, *_: mcmc.PhasePoint(np.array(x), np.array(p), 0.0, np.array(x))[:2],
        phases(),
        **CLOSE,
    ),
    Pair(
        "mcmc.leapfrog",
        lambda x, p, v, size, n: tuple(slow.leapfrog(on_lists, slow.PhasePoint(x, p), size, slow.Metric(v), n)),
        lambda x, p, v, size, n: tuple(
            mcmc.leapfrog(target, mcmc.PhasePoint(np.array(x), np.array(p), *target(x)), size, mcmc.Metric(v), n)[:2]
        ),
        phases(),
        **CLOSE,
    ),
    Pair(
        "mcmc.HMC",
        lambda seed, x, s, n: _walked(slow.HMC(on_lists, s, [2.0] * len(x), n), seed, x),
        lambda seed, x, s, n: _run(mcmc.HMC(target, s, 2.0, n), seed, x),
        st.tuples(SEEDS, POINTS, SIZES, st.integers(1, 5)),
        **CLOSE,
    ),
    Pair(
        "mcmc.NUTS",
        lambda seed, x, s: _walked(slow.NUTS(on_lists, s, [1.5] * len(x), 4), seed, x, 1),
        lambda seed, x, s: _run(mcmc.NUTS(target, s, 1.5, 4), seed, x, 1),
        st.tuples(SEEDS, POINTS, st.sampled_from([0.2, 0.5, 1.0, 2.5])),
        **CLOSE,
    ),
    Pair(
        "mcmc.DualAveraging",
        lambda size, acceptances: slow.DualAveraging(0.7).update(size, acceptances),
        lambda *arguments: tuple(_averaged(*arguments)),
        st.tuples(SIZES, st.lists(st.floats(0, 1), min_size=1, max_size=9)),
        **CLOSE,
    ),
    Pair(
        "mcmc.Welford",
        lambda points: slow.Welford().variance(points),
        _streamed,
        st.tuples(st.lists(st.lists(st.floats(-9, 9), min_size=2, max_size=2), min_size=2, max_size=9)),
        **CLOSE,
    ),
    Pair("mcmc.rank_normalise", *both("mcmc.rank_normalise"), draws(), **CLOSE),
    Pair("mcmc.autocovariance", *both("mcmc.autocovariance"), draws(1), rtol=1e-8, atol=1e-6),
    _diagnosed("ess"),
    _diagnosed("rhat"),
    Pair("mcmc.mcse", *both("mcmc.mcse"), draws(), rtol=1e-7, atol=1e-12),
]
