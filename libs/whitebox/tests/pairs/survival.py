"""The pairs of `whitebox.survival`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import reference, survival

slow = reference.survival


@st.composite
def studies(draw: st.DrawFn) -> tuple[list[float], list[int]]:
    """Times with ties, and whether each ended in an event; at least one did."""
    n = draw(st.integers(2, 12))
    times = draw(st.lists(st.integers(1, 5).map(float), min_size=n, max_size=n))
    events = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    return times, events if any(events) else [1, *events[1:]]


@st.composite
def with_groups(draw: st.DrawFn) -> tuple[Any, ...]:
    times, events = draw(studies())
    return times, events, [0, 1, *(draw(st.integers(0, 1)) for _ in times[2:])]


@st.composite
def with_covariates(draw: st.DrawFn) -> tuple[Any, ...]:
    times, events = draw(studies())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d = draw(st.integers(1, 3))
    X, beta = rng.standard_normal((len(times), d)), rng.standard_normal(d)
    return X.tolist(), times, events, beta.tolist(), draw(st.sampled_from(["efron", "breslow"]))


PAIRS = [
    Pair(
        "survival.kaplan_meier",
        slow.kaplan_meier,
        lambda *a: tuple(survival.kaplan_meier(*a)[:3]),
        studies(),
        rtol=1e-12,
        atol=1e-12,
    ),
    Pair(
        "survival.nelson_aalen",
        slow.nelson_aalen,
        lambda *a: tuple(survival.nelson_aalen(*a)[:2]),
        studies(),
        rtol=1e-12,
    ),
    Pair(
        "survival.log_rank",
        slow.log_rank,
        lambda *a: survival.log_rank(*a).statistic,
        with_groups(),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "survival.cox_log_likelihood",
        slow.cox_log_likelihood,
        lambda *a: survival.cox_log_likelihood(*a[:4], ties=a[4]),
        with_covariates(),
        rtol=1e-9,
        atol=1e-9,
    ),
]
