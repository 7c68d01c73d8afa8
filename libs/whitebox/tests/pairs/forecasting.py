"""The pairs of `whitebox.forecasting`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from pairs.strategies import numbers
from whitebox import forecasting, reference

slow = reference.forecasting
SHARE = st.floats(0.05, 0.95)


@st.composite
def smoothings(draw: st.DrawFn) -> tuple[Any, ...]:
    seasonal = draw(st.sampled_from(["additive", "multiplicative"]))
    y = draw(st.lists(st.floats(1, 9), min_size=1, max_size=8))
    seasons = draw(st.lists(st.floats(0.8, 1.2), min_size=1, max_size=3))
    return (
        y,
        draw(SHARE),
        0.1 * draw(SHARE),
        0.1 * draw(SHARE),
        draw(SHARE),
        draw(st.floats(4, 9)),
        0.1,
        seasons,
        seasonal,
    )


def _smooth(y: Any, *others: Any) -> Any:
    names = ("alpha", "beta", "gamma", "phi", "level", "trend", "seasons", "seasonal")
    return tuple(forecasting.smooth(y, **dict(zip(names, others, strict=True))))


@st.composite
def series(draw: st.DrawFn) -> tuple[list[float], int]:
    y = draw(st.lists(st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=3, max_size=9))
    y[0] = 7.0  # not constant
    return y, draw(st.integers(1, len(y) - 1))


@st.composite
def processes(draw: st.DrawFn) -> tuple[list[float], list[float], list[float], float]:
    partial = st.lists(st.floats(-0.9, 0.9), max_size=3)
    ar = slow.coefficients_from_partial(draw(partial))
    ma = slow.coefficients_from_partial(draw(partial))
    y: list[float] = draw(st.lists(st.floats(-3, 3), min_size=1, max_size=9))
    if draw(st.booleans()) and len(y) > 2:
        y[1] = float("nan")
    return y, ar, ma, draw(st.floats(0.5, 4))


@st.composite
def forecasts(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    n = draw(st.integers(1, 6))
    values = numbers(-50, 50).map(lambda x: round(x, 3))
    return draw(st.lists(values, min_size=n, max_size=n)), draw(st.lists(values, min_size=n, max_size=n))


TRAINING = st.lists(st.integers(-9, 9).map(float), min_size=3, max_size=8, unique=True)

PAIRS = [
    Pair("forecasting.smooth", slow.smooth, _smooth, smoothings(), rtol=1e-9, atol=1e-9),
    Pair("forecasting.acf", *both("forecasting.acf"), series(), rtol=1e-9, atol=1e-9),
    Pair("forecasting.pacf", *both("forecasting.pacf"), series(), rtol=1e-6, atol=1e-6),
    Pair(
        "forecasting.ljung_box",
        slow.ljung_box,
        lambda *a: forecasting.ljung_box(*a).statistic,
        series(),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "forecasting.coefficients_from_partial",
        *both("forecasting.coefficients_from_partial"),
        st.tuples(st.lists(st.floats(-0.99, 0.99), max_size=5)),
        rtol=1e-12,
        atol=1e-12,
    ),
    Pair(
        "forecasting.arma_log_likelihood", *both("forecasting.arma_log_likelihood"), processes(), rtol=1e-7, atol=1e-7
    ),
    Pair(
        "forecasting.mape",
        *both("forecasting.mape"),
        forecasts().filter(lambda drawn: bool(np.all(drawn[0]))),
        rtol=1e-9,
    ),
    Pair("forecasting.smape", *both("forecasting.smape"), forecasts(), rtol=1e-9),
    Pair(
        "forecasting.mase",
        lambda drawn, x, m: slow.mase(*drawn, x, m),
        lambda drawn, x, m: forecasting.mase(*drawn, x, period=m),
        st.tuples(forecasts(), TRAINING, st.integers(1, 2)),
        rtol=1e-9,
    ),
]
