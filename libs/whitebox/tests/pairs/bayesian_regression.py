"""The pair of `whitebox.linear_model.BayesianLinearRegression`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import linear_model, reference


@st.composite
def noisy(draw: st.DrawFn) -> tuple[Any, Any, bool]:
    """Rows, targets that depend on them with noise, and whether there is an intercept."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(10, 14)), draw(st.integers(1, 3))
    X = rng.standard_normal((n, d)) + draw(st.sampled_from([0.0, 3.0]))
    intercept = draw(st.booleans())
    y = X @ (1 + np.arange(d)) + 0.5 * rng.standard_normal(n) + 2 * intercept
    return X.tolist(), y.tolist(), intercept


def _posterior(model: Any) -> tuple[Any, ...]:
    return model.alpha_, model.lambda_, model.coef_, model.intercept_, model.covariance_, model.log_evidence_


def _slow(X: Any, y: Any, intercept: bool, noise: float | None, weights: float | None) -> Any:
    model = reference.linear_model.BayesianLinearRegression(noise, weights, intercept, 1 if noise else 120).fit(X, y)
    each = [model.predict(x) for x in X]
    return (*_posterior(model), [mean for mean, _ in each], [std for _, std in each])


def _fast(X: Any, y: Any, intercept: bool, noise: float | None, weights: float | None) -> Any:
    model = linear_model.BayesianLinearRegression(noise, weights, fit_intercept=intercept, tol=1e-12).fit(X, y)
    return (*_posterior(model), *model.predict(X, return_std=True))


PAIRS = [
    Pair(
        "linear_model.BayesianLinearRegression",
        lambda drawn: _slow(*drawn, 2.0, 0.5),
        lambda drawn: _fast(*drawn, 2.0, 0.5),
        st.tuples(noisy()),
        rtol=1e-8,
        atol=1e-8,
    ),
    Pair(
        "linear_model.BayesianLinearRegression (evidence)",
        lambda drawn: _slow(*drawn, None, None),
        lambda drawn: _fast(*drawn, None, None),
        st.tuples(noisy()),
        rtol=1e-5,
        atol=1e-6,
    ),
]
