from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import scipy.integrate
import scipy.special
from scipy.stats import qmc
from whitebox import quadrature as wq

# Published in QUADPACK (Piessens and others 1983), 16 digits: the positive half of the 15 nodes, and their weights.
QK15_NODES = [
    0.9914553711208126, 0.9491079123427585, 0.8648644233597691, 0.7415311855993944, 0.5860872354676911,
    0.4058451513773972, 0.2077849550078985, 0.0,
]  # fmt: skip
QK15_WEIGHTS = [
    0.0229353220105292, 0.0630920926299786, 0.1047900103222502, 0.1406532597155259, 0.1690047266392679,
    0.1903505780647854, 0.2044329400752989, 0.2094821410847278,
]  # fmt: skip


def test_rules_are_numpys_and_scipys() -> None:
    for n in (1, 2, 5, 16, 64, 100):
        for ours, theirs in (
            (wq.gauss_legendre(n), np.polynomial.legendre.leggauss(n)),
            (wq.gauss_hermite(n), np.polynomial.hermite.hermgauss(n)),
        ):
            np.testing.assert_allclose(ours.nodes, theirs[0], atol=1e-14)
            np.testing.assert_allclose(ours.weights, theirs[1], rtol=1e-11)
    for n in (2, 3, 5, 9, 15):
        weights = scipy.integrate.newton_cotes(n - 1, 1)[0]
        np.testing.assert_allclose(wq.newton_cotes(n).weights * (n - 1) / 2, weights, rtol=1e-10)
    laguerre = wq.golub_welsch(2 * np.arange(30) + 1.0, np.arange(1.0, 30))
    nodes, weights = np.polynomial.laguerre.laggauss(30)
    np.testing.assert_allclose(laguerre.nodes, nodes, rtol=1e-12)
    np.testing.assert_allclose(laguerre.weights, weights, rtol=1e-10)
    kronrod = wq.kronrod(7)
    np.testing.assert_allclose(kronrod.nodes[7:][::-1], QK15_NODES, atol=1e-15)
    np.testing.assert_allclose(kronrod.weights[7:][::-1], QK15_WEIGHTS, atol=1e-15)


def test_legendre_weights_are_right_to_the_last_digits_where_numpys_are_not() -> None:
    n = 300
    rule = wq.gauss_legendre(n)
    with mpmath.workdps(40):
        for place in (-1, -2, -40, -150):
            x = mpmath.mpf(float(rule.nodes[place]))
            for _ in range(3):
                before, value = mpmath.mpf(1), x
                for k in range(1, n):
                    before, value = value, ((2 * k + 1) * x * value - k * before) / (k + 1)
                x -= value * (1 - x * x) / (n * (before - x * value))
            weight = 2 * (1 - x * x) / (n * before) ** 2
            assert abs(rule.weights[place] / weight - 1) < 1e-14
            assert abs(rule.nodes[place] - x) < 1e-16 + 1e-16


def test_samples_are_integrated_as_scipy_does() -> None:
    rng = np.random.default_rng(0)
    for m in (1, 2, 3, 4, 7, 10, 101):
        x, y = np.cumsum(rng.random(m) + 0.1), rng.standard_normal((3, m))
        np.testing.assert_allclose(wq.trapezoid(y, x), scipy.integrate.trapezoid(y, x), atol=1e-12)
        if m > 1:
            np.testing.assert_allclose(wq.simpson(y, x), scipy.integrate.simpson(y, x=x), rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(wq.simpson(y, dx=0.3), scipy.integrate.simpson(y, dx=0.3), rtol=1e-9, atol=1e-9)


HARD = [
    ("wave", lambda x: np.cos(60 * x) * np.exp(-x), 0, 4),
    ("peak", lambda x: 1 / (1e-4 + (x - 0.3) ** 2), 0, 1),
    ("kink", lambda x: np.abs(x - 1 / 3) ** 1.5, -1, 1),
    ("gauss", lambda x: np.exp(-((x - 1) ** 2)), -np.inf, np.inf),
    ("tail", lambda x: np.exp(-x) * np.log1p(x), 0, np.inf),
    ("lorentz", lambda x: 1 / (1 + x * x), -np.inf, 1.0),
    ("bessel", lambda x: scipy.special.jv(2.5, x), 0, 30),
]


@pytest.mark.parametrize(("f", "a", "b"), [row[1:] for row in HARD], ids=[row[0] for row in HARD])
def test_adaptive_integrals_are_quadpacks(f, a: float, b: float) -> None:
    theirs = scipy.integrate.quad(f, a, b, epsabs=1e-11, epsrel=1e-11, limit=500)[0]
    ours = wq.gauss_kronrod(f, a, b, rtol=1e-10)
    chosen = wq.integrate(f, (a, b), rtol=1e-8)
    assert ours.converged
    assert chosen.converged
    assert ours.value == pytest.approx(theirs, rel=1e-9, abs=1e-11)
    assert chosen.value == pytest.approx(theirs, rel=1e-7)


SINGULAR = [
    (lambda x: x**-0.75 * (1 - x) ** 0.5, mpmath.beta(0.25, 1.5)),
    (lambda x: np.log(x) ** 2, 2),
    (lambda x: np.sqrt(x) / (1 + x), 2 - mpmath.pi / 2),
    (lambda x: np.log(x) / (1 + x), -(mpmath.pi**2) / 12),
]


@pytest.mark.parametrize(("f", "exact"), SINGULAR)
def test_singular_integrals_are_mpmaths(f, exact) -> None:
    found = wq.tanh_sinh(f, 0, 1, rtol=1e-12)
    assert found.value == pytest.approx(float(exact), rel=1e-11)
    assert found.evaluations < 500


def test_sequences_are_scipys() -> None:
    for d in (1, 3, 17, 64):
        for n, skip in ((256, 0), (100, 37)):
            sobol, halton = qmc.Sobol(d, scramble=False), qmc.Halton(d, scramble=False)
            if skip:
                sobol.fast_forward(skip)
                halton.fast_forward(skip)
            np.testing.assert_array_equal(wq.sobol(n, d, skip=skip), sobol.random(n) if n == 256 else _any(sobol, n))
            np.testing.assert_allclose(wq.halton(n, d, skip=skip), halton.random(n), atol=1e-14)


def _any(engine, n: int):
    # scipy warns of numbers of points that are no powers of two.
    return np.concatenate([engine.random(1) for _ in range(n)])


def test_scrambled_points_are_as_even_as_scipys() -> None:
    points = np.random.default_rng(0).random((300, 4))
    assert wq.discrepancy(points) ** 2 == pytest.approx(qmc.discrepancy(points, method="CD"))
    assert wq.discrepancy(points, kind="star") == pytest.approx(qmc.discrepancy(points, method="L2-star"))
    ours = np.mean([wq.discrepancy(wq.sobol(256, 4, rng=np.random.default_rng(s))) for s in range(10)])
    theirs = np.mean([math.sqrt(qmc.discrepancy(qmc.Sobol(4, rng=s).random(256))) for s in range(10)])
    assert ours < 1.1 * theirs


def test_boxes_are_integrated_as_nquad_does() -> None:
    def f(x):
        return np.exp(-x[:, 0] * x[:, 1]) / (1 + x[:, 2] ** 2)

    theirs = scipy.integrate.tplquad(lambda z, y, x: math.exp(-x * y) / (1 + z**2), 0, 1, 0, 2, -1, 1, epsabs=1e-9)[0]
    found = wq.integrate(f, [(0, 1), (0, 2), (-1, 1)], rtol=1e-7)
    assert found.value == pytest.approx(theirs, rel=1e-7)
    # Genz's corner peak in six variables, whose integral is known.
    c = np.arange(1, 7) / 10
    exact = sum((-1) ** bin(k).count("1") / (1 + sum(c[i] for i in range(6) if k >> i & 1)) for k in range(64)) / (
        math.factorial(6) * np.prod(c)
    )
    peak = wq.integrate(lambda x: (1 + x @ c) ** -7, [(0, 1)] * 6, rtol=1e-5)
    assert peak.converged
    assert abs(peak.value - exact) <= 1e-5 * exact


def test_halton_and_sobol_integrate_a_known_volume() -> None:
    # The ball in five variables.
    exact = math.pi**2.5 / math.gamma(3.5)
    for sequence in ("sobol", "halton"):
        found = wq.quasi_monte_carlo(
            lambda x: (x * x).sum(axis=1) < 1, [(-1, 1)] * 5, 4096, np.random.default_rng(0), sequence=sequence
        )
        assert abs(found.value - exact) < 4 * found.standard_error < 0.2
