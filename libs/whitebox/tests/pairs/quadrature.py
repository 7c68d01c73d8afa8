"""The pairs of `whitebox.quadrature`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from pairs.strategies import numbers
from whitebox import quadrature, reference

slow = reference.quadrature


@st.composite
def waves(draw: st.DrawFn) -> tuple[Any, Any, float, float]:
    """A function with a hump and some oscillation, of arrays and of numbers, and an interval."""
    a, b, c = (draw(st.floats(-2, 2)) for _ in range(3))
    frequency, low = draw(st.integers(1, 12)), draw(st.floats(-3, 3))

    def of_arrays(x: Any) -> Any:
        return a * np.sin(frequency * x) + b / (1 + (x - c) ** 2) + c

    def of_numbers(x: float) -> float:
        return a * math.sin(frequency * x) + b / (1 + (x - c) ** 2) + c

    return of_arrays, of_numbers, low, low + draw(st.floats(0.1, 5))


@st.composite
def recurrences(draw: st.DrawFn) -> tuple[list[float], list[float], float]:
    """Coefficients of the recurrence of some weight's polynomials."""
    n = draw(st.integers(1, 8))
    diagonal = draw(st.lists(st.floats(-2, 2), min_size=n, max_size=n))
    beside = draw(st.lists(st.floats(0.2, 2), min_size=n - 1, max_size=n - 1))
    return diagonal, beside, draw(st.floats(0.1, 10))


@st.composite
def samples(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    """Values and rising places."""
    m = draw(st.integers(1, 9))
    gaps = draw(st.lists(st.floats(0.1, 3), min_size=m, max_size=m))
    return draw(st.lists(numbers(-100, 100), min_size=m, max_size=m)), np.cumsum(gaps).tolist()


@st.composite
def boxes(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[float], int, int]:
    """Bounds, coefficients of a function of that many variables, a number of points and a seed."""
    d = draw(st.integers(1, 3))
    low = draw(st.lists(st.floats(-2, 2), min_size=d, max_size=d))
    width = draw(st.lists(st.floats(0.1, 2), min_size=d, max_size=d))
    coefficients = draw(st.lists(st.floats(-1, 1), min_size=d, max_size=d))
    bounds = [(a, a + w) for a, w in zip(low, width, strict=True)]
    return bounds, coefficients, draw(st.integers(6, 40)), draw(st.integers(0, 2**31))


def _ridge(coefficients: list[float]) -> tuple[Any, Any]:
    """The same function of many points and of one."""
    c = np.array(coefficients)
    return lambda x: np.exp(x @ c), lambda x: math.exp(sum(a * b for a, b in zip(coefficients, x, strict=True)))


def _plain(bounds: Any, coefficients: Any, n: int, seed: int) -> Any:
    draws = np.random.default_rng(seed).random((n, len(bounds))).tolist()
    return slow.monte_carlo(_ridge(coefficients)[1], bounds, draws)


def _nets(bounds: Any, coefficients: Any, n: int, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    # As the fast one draws them, one scramble after the other.
    nets = [quadrature.sobol(16, len(bounds), rng=rng).tolist() for _ in range(n)]
    return slow.quasi_monte_carlo(_ridge(coefficients)[1], bounds, nets)


def _cells(bounds: Any, coefficients: Any, n: int, seed: int) -> Any:
    draws = np.random.default_rng(seed).random((3 ** len(bounds), n, len(bounds))).tolist()
    return slow.stratified(_ridge(coefficients)[1], bounds, 3, draws)


def _weighted(bounds: Any, coefficients: Any, n: int, seed: int) -> Any:
    draws = np.random.default_rng(seed).standard_normal((n, len(bounds))).tolist()
    return slow.importance_sampling(_ridge(coefficients)[1], lambda x: math.exp(-sum(a * a for a in x) / 2), draws)


def _controlled(bounds: Any, coefficients: Any, n: int, seed: int) -> Any:
    draws = np.random.default_rng(seed).random((n, len(bounds))).tolist()
    means = [(a + b) / 2 for a, b in bounds]
    return slow.control_variates(_ridge(coefficients)[1], lambda x: x, means, bounds, draws)


PAIRS = [
    Pair(
        "quadrature.newton_cotes",
        slow.newton_cotes,
        lambda n: quadrature.newton_cotes(n)[:2],
        st.tuples(st.integers(2, 20)),
        rtol=1e-14,
    ),
    Pair(
        "quadrature.trapezoid",
        slow.trapezoid,
        quadrature.trapezoid,
        samples(),
        rtol=1e-12,
        atol=1e-10,
    ),
    Pair(
        "quadrature.simpson",
        slow.simpson,
        quadrature.simpson,
        samples(),
        rtol=1e-10,
        atol=1e-9,
    ),
    Pair(
        "quadrature.composite",
        lambda f, g, a, b: [slow.composite(g, a, b, slow.newton_cotes(n), 3) for n in (2, 3, 5)],
        lambda f, g, a, b: [quadrature.composite(f, a, b, quadrature.newton_cotes(n), 3) for n in (2, 3, 5)],
        waves(),
        rtol=1e-11,
        atol=1e-11,
    ),
    Pair(
        "quadrature.gauss_legendre",
        slow.gauss_legendre,
        lambda n: quadrature.gauss_legendre(n)[:2],
        st.tuples(st.integers(1, 16)),
        rtol=1e-11,
        atol=1e-14,
    ),
    Pair(
        "quadrature.gauss_hermite",
        slow.gauss_hermite,
        lambda n: quadrature.gauss_hermite(n)[:2],
        st.tuples(st.integers(1, 12)),
        rtol=1e-10,
        atol=1e-14,
    ),
    Pair(
        "quadrature.golub_welsch",
        slow.golub_welsch,
        lambda a, b, mass: quadrature.golub_welsch(a, b, mass)[:2],
        recurrences(),
        rtol=1e-7,
        atol=1e-9,
    ),
    Pair(
        "quadrature.gauss_kronrod",
        lambda f, g, a, b: slow.gauss_kronrod(g, a, b),
        lambda f, g, a, b: quadrature.gauss_kronrod(f, a, b, rtol=0.0, atol=1e-10).value,
        waves(),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "quadrature.tanh_sinh",
        lambda f, g, a, b: slow.tanh_sinh(lambda x: g(x) * math.sqrt(x - a), a, b, 0.03125),
        lambda f, g, a, b: quadrature.tanh_sinh(lambda x: f(x) * np.sqrt(x - a), a, b, rtol=1e-9, atol=1e-9).value,
        waves(),
        rtol=1e-7,
        atol=1e-7,
    ),
    Pair(
        "quadrature.sobol",
        lambda n, d, skip: slow.sobol(n + skip, d)[skip:],
        lambda n, d, skip: quadrature.sobol(n, d, skip=skip),
        st.tuples(st.integers(1, 40), st.integers(1, 8), st.integers(0, 20)),
    ),
    Pair(
        "quadrature.halton",
        lambda n, d, skip: slow.halton(n + skip, d)[skip:],
        lambda n, d, skip: quadrature.halton(n, d, skip=skip),
        st.tuples(st.integers(1, 40), st.integers(1, 8), st.integers(0, 20)),
        rtol=1e-14,
    ),
    *(
        Pair(
            f"quadrature.discrepancy ({kind})" if kind == "star" else "quadrature.discrepancy",
            lambda n, d, seed, kind=kind: slow.discrepancy(np.random.default_rng(seed).random((n, d)).tolist(), kind),
            lambda n, d, seed, kind=kind: quadrature.discrepancy(np.random.default_rng(seed).random((n, d)), kind=kind),
            st.tuples(st.integers(1, 8), st.integers(1, 4), st.integers(0, 2**31)),
            rtol=1e-9,
            atol=1e-9,
        )
        for kind in ("centered", "star")
    ),
    Pair(
        "quadrature.monte_carlo",
        _plain,
        lambda bounds, c, n, seed: quadrature.monte_carlo(_ridge(c)[0], bounds, n, np.random.default_rng(seed))[:2],
        boxes(),
        rtol=1e-11,
        atol=1e-13,
    ),
    Pair(
        "quadrature.quasi_monte_carlo",
        _nets,
        lambda bounds, c, n, seed: quadrature.quasi_monte_carlo(
            _ridge(c)[0], bounds, 16, np.random.default_rng(seed), replicates=n
        )[:2],
        boxes(),
        rtol=1e-11,
        atol=1e-12,
    ),
    Pair(
        "quadrature.stratified",
        _cells,
        lambda bounds, c, n, seed: quadrature.stratified(_ridge(c)[0], bounds, 3, np.random.default_rng(seed), each=n)[
            :2
        ],
        boxes(),
        rtol=1e-11,
        atol=1e-12,
    ),
    Pair(
        "quadrature.importance_sampling",
        _weighted,
        lambda bounds, c, n, seed: quadrature.importance_sampling(
            _ridge(c)[0],
            lambda rng, n: rng.standard_normal((n, len(bounds))),
            lambda x: np.exp(-(x * x).sum(axis=1) / 2),
            n,
            np.random.default_rng(seed),
        )[:2],
        boxes(),
        rtol=1e-11,
        atol=1e-12,
    ),
    Pair(
        "quadrature.control_variates",
        _controlled,
        lambda bounds, c, n, seed: quadrature.control_variates(
            _ridge(c)[0],
            bounds,
            n,
            np.random.default_rng(seed),
            controls=lambda x: x,
            means=[(a + b) / 2 for a, b in bounds],
        )[:2],
        boxes(),
        rtol=1e-7,
        atol=1e-9,
    ),
]
