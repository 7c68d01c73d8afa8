"""The pairs of `whitebox.causal`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import causal, reference

slow = reference.causal
numbers = st.floats(-5.0, 5.0).map(lambda x: round(x, 3))


@st.composite
def studies(draw: st.DrawFn) -> tuple[Any, ...]:
    """Outcome, treatment, propensity, predictions with and without treatment."""
    n = draw(st.integers(2, 8))
    treatment = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda t: 0 < sum(t) < len(t)))
    column = st.lists(numbers, min_size=n, max_size=n)
    propensity = draw(st.lists(st.floats(0.05, 0.95), min_size=n, max_size=n))
    return draw(column), treatment, propensity, draw(column), draw(column)


@st.composite
def covariates(draw: st.DrawFn) -> tuple[Any, ...]:
    """X, treatment, outcome; every group in every corner, so that nothing is separable or singular."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    X = np.vstack([corners, corners, rng.normal(size=(4, 2)).round(3)])
    treatment = [0] * 4 + [1] * 4 + rng.integers(0, 2, 4).tolist()
    return X.tolist(), treatment, rng.normal(size=12).round(3).tolist()


PAIRS = [
    Pair(
        "causal.ipw",
        lambda y, t, e, *_: slow.ipw(y, t, e),
        lambda y, t, e, *_: causal.ipw(y, t, e)[:2],
        studies(),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "causal.ipw (Horvitz and Thompson)",
        lambda y, t, e, *_: slow.ipw(y, t, e, "horvitz_thompson"),
        lambda y, t, e, *_: causal.ipw(y, t, e, method="horvitz_thompson")[:2],
        studies(),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair("causal.aipw", slow.aipw, lambda *arguments: causal.aipw(*arguments)[:2], studies(), rtol=1e-9, atol=1e-9),
    Pair(
        "causal.propensity_scores",
        lambda X, t, _: slow.propensity_scores(X, t),
        lambda X, t, _: causal.propensity_scores(X, t),
        covariates(),
        rtol=1e-5,
        atol=1e-6,
    ),
    Pair(
        "causal.TLearner",
        lambda X, t, y: slow.TLearner().fit(X, y, t).predict(X),
        lambda X, t, y: causal.TLearner().fit(X, y, t).predict(X),
        covariates(),
        rtol=1e-7,
        atol=1e-8,
    ),
]
