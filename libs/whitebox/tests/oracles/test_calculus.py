from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.special
from scipy.differentiate import derivative as scipys_derivative
from whitebox import calculus


def test_the_derivatives_of_rosenbrocks_function_are_scipys() -> None:
    def rosenbrock(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    x = np.random.default_rng(0).standard_normal(12)
    np.testing.assert_allclose(calculus.gradient(rosenbrock, x), scipy.optimize.rosen_der(x), rtol=1e-12)
    np.testing.assert_allclose(calculus.hessian(rosenbrock, x), scipy.optimize.rosen_hess(x), rtol=1e-12, atol=1e-12)
    numeric = calculus.gradient(rosenbrock, x, method="central")
    np.testing.assert_allclose(numeric, scipy.optimize.rosen_der(x), rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("f", [np.sin, np.exp, np.tanh, lambda x: np.exp(-x * x) * np.cos(3 * x)])
def test_derivatives_equal_scipys_adaptive_ones(f) -> None:
    x = np.linspace(-2, 2, 31)
    theirs = scipys_derivative(f, x).df
    for method in ("dual", "complex", "central"):
        np.testing.assert_allclose(calculus.derivative(f, x, method=method), theirs, rtol=1e-7, atol=1e-9)


def test_the_gradient_of_a_log_sum_of_exponentials_is_the_softmax() -> None:
    x = np.random.default_rng(1).standard_normal(8) * 5
    p = scipy.special.softmax(x)

    def logsumexp(z):
        shift = z.value.max()
        return np.log(np.sum(np.exp(z - shift))) + shift

    np.testing.assert_allclose(calculus.gradient(logsumexp, x), p, rtol=1e-12)
    np.testing.assert_allclose(calculus.hessian(logsumexp, x), np.diag(p) - np.outer(p, p), atol=1e-12)
