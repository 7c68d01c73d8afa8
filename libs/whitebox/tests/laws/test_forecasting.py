from __future__ import annotations

import math

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from pairs.forecasting import processes
from whitebox.forecasting import (
    ARIMA,
    AdditiveModel,
    ExponentialSmoothing,
    acf,
    arma_log_likelihood,
    backtest,
    coefficients_from_partial,
    ljung_box,
    mape,
    mase,
    pacf,
    rolling_origin,
    smape,
    smooth,
)

SEASON = np.array([3.0, -1.0, -4.0, 2.0])


def arma(steps: int, ar: list[float], ma: list[float], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise, y = rng.standard_normal(steps + 200), np.zeros(steps + 200)
    for t in range(3, len(y)):
        y[t] = (
            noise[t]
            + sum(a * y[t - 1 - i] for i, a in enumerate(ar))
            + sum(b * noise[t - 1 - j] for j, b in enumerate(ma))
        )
    return y[200:]


@EXAMPLES
@given(st.lists(st.floats(-0.999, 0.999), min_size=1, max_size=6))
def test_any_partial_autocorrelations_make_a_stationary_autoregression(partial) -> None:
    roots = np.roots(np.append(1.0, -coefficients_from_partial(partial)))
    assert (np.abs(roots) < 1 + 1e-6).all()


@EXAMPLES
@given(processes(), st.floats(0.1, 10))
def test_the_likelihood_does_not_care_for_units_or_for_the_direction_of_time(drawn, unit: float) -> None:
    y, ar, ma, variance = drawn
    ours = arma_log_likelihood(y, ar, ma, variance)
    seen = np.count_nonzero(~np.isnan(y))
    scaled = arma_log_likelihood(unit * np.array(y), ar, ma, unit**2 * variance)
    assert scaled == pytest.approx(ours - seen * math.log(unit), rel=1e-7, abs=1e-7)
    assert arma_log_likelihood(y[::-1], ar, ma, variance) == pytest.approx(ours, rel=1e-6, abs=1e-6)


def test_the_filter_goes_on_rightly_after_it_has_settled_and_after_a_gap() -> None:
    y = arma(300, [0.5], [0.4])
    y[200:203] = np.nan
    # Nothing settles when asked about every stretch anew: the density of a part given what came before.
    whole = arma_log_likelihood(y, [0.5], [0.4])
    dense = np.zeros((300, 300))
    psi = np.append(1.0, 0.9 * 0.5 ** np.arange(400))
    for lag in range(300):
        np.fill_diagonal(dense[lag:], psi[: len(psi) - lag] @ psi[lag:])
    dense = np.tril(dense) + np.tril(dense, -1).T
    seen = ~np.isnan(y)
    S, v = dense[np.ix_(seen, seen)], y[seen]
    expected = -(len(v) * math.log(2 * math.pi) + np.linalg.slogdet(S)[1] + v @ np.linalg.solve(S, v)) / 2
    assert whole == pytest.approx(expected, rel=1e-10)


def test_the_fit_is_a_maximum_of_the_likelihood_and_recovers_what_made_the_series() -> None:
    y = 5 + arma(2000, [0.6, -0.3], [0.5])
    model = ARIMA((2, 0, 1)).fit(y)
    # Four standard errors of each are below 0.2 at this length.
    np.testing.assert_allclose([*model.ar_, *model.ma_], [0.6, -0.3, 0.5], atol=0.2)
    assert model.variance_ == pytest.approx(1, abs=4 * math.sqrt(2 / 2000))
    assert model.mean_ == pytest.approx(5, abs=4 * 1.5 / 0.7 / math.sqrt(2000))
    centred = y - model.mean_
    best = arma_log_likelihood(centred, model.ar_, model.ma_, model.variance_)
    assert best == pytest.approx(model.log_likelihood_, rel=1e-10)
    for step in (1e-3, -1e-3):
        assert arma_log_likelihood(centred, model.ar_ + np.array([step, 0]), model.ma_, model.variance_) < best
        assert arma_log_likelihood(centred, model.ar_, model.ma_ + step, model.variance_) < best
        assert arma_log_likelihood(centred + step, model.ar_, model.ma_, model.variance_) < best
    assert model.ljung_box(20).p_value > 0.01
    assert ljung_box(y, 20).p_value < 1e-6


@pytest.mark.parametrize(
    "model",
    [ARIMA((1, 0, 1)), ARIMA((1, 1, 1)), ARIMA((0, 2, 1)), ARIMA((1, 0, 0), (0, 1, 1), 4)],
    ids=lambda model: f"{model.order}{model.seasonal_order}",
)
def test_forecasts_and_intervals_move_and_stretch_with_the_series(model) -> None:
    y = np.cumsum(arma(60, [0.5], [0.3])) + np.tile(SEASON, 15)
    plain = model.fit(y).forecast(8)
    moved = model.fit(100 + 10 * y).forecast(8)
    np.testing.assert_allclose(moved.mean, 100 + 10 * plain.mean, rtol=1e-4)
    np.testing.assert_allclose(moved.standard_error, 10 * plain.standard_error, rtol=1e-3)
    assert (np.diff(plain.standard_error) > 0).all()
    np.testing.assert_allclose(plain.upper - plain.mean, plain.mean - plain.lower)
    np.testing.assert_allclose(plain.upper - plain.mean, 1.959963985 * plain.standard_error)


def test_a_random_walk_is_forecast_to_stay_and_its_spread_grows_with_the_root_of_the_horizon() -> None:
    y = 50 + np.cumsum(arma(100, [], []))
    model = ARIMA((0, 1, 0)).fit(y)
    found = model.forecast(9)
    np.testing.assert_allclose(found.mean, y[-1])
    np.testing.assert_allclose(found.standard_error, math.sqrt(model.variance_) * np.sqrt(np.arange(1, 10)))
    drifting = ARIMA((0, 1, 0), constant=True).fit(y)
    np.testing.assert_allclose(drifting.forecast(9).mean, y[-1] + (y[-1] - y[0]) / 99 * np.arange(1, 10), rtol=1e-6)


def test_seasonal_differences_repeat_the_last_season() -> None:
    y = np.tile(SEASON, 6) + np.repeat(np.arange(6.0), 4)
    y[3] += 0.5  # something to fit
    found = ARIMA((0, 0, 0), (0, 1, 0), 4).fit(y).forecast(8)
    np.testing.assert_allclose(found.mean, np.tile(y[-4:], 2))
    np.testing.assert_allclose(found.standard_error[4:], math.sqrt(2) * found.standard_error[:4])


def test_intervals_hold_as_many_futures_as_they_say() -> None:
    inside = []
    for seed in range(60):
        y = np.cumsum(arma(104, [0.5], [], seed))
        found = ARIMA((1, 1, 0)).fit(y[:100]).forecast(4, level=0.8)
        inside.append((found.lower < y[100:]) & (y[100:] < found.upper))
    # Horizons of a series are not independent: as if there were but one of each series.
    assert abs(np.mean(inside) - 0.8) < 4 * math.sqrt(0.8 * 0.2 / 60)


def test_missing_values_are_left_out_of_the_likelihood() -> None:
    y = arma(200, [0.7], [])
    y[50:70] = np.nan
    model = ARIMA((1, 0, 0)).fit(y)
    assert model.ar_[0] == pytest.approx(0.7, abs=4 * math.sqrt((1 - 0.49) / 180))
    assert np.isnan(model.residuals_[50:70]).all()
    assert np.isfinite(model.forecast(3).mean).all()


@EXAMPLES
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_autocorrelations_are_those_of_some_stationary_process(seed: int, lags: int) -> None:
    y = np.random.default_rng(seed).standard_normal(10)
    r, partial = acf(y, lags), pacf(y, lags)
    assert (np.abs(r) <= 1 + 1e-12).all()
    assert (np.abs(partial[1:]) < 1).all()
    np.testing.assert_allclose(acf(3 - 2 * y, lags), r, atol=1e-12)
    np.testing.assert_allclose(coefficients_from_partial(partial[1:])[-1], partial[-1])


@EXAMPLES
@given(st.integers(0, 2**32 - 1), st.sampled_from(["additive", "multiplicative"]))
def test_smoothing_follows_units_and_sums_of_effects(seed: int, seasonal) -> None:
    rng = np.random.default_rng(seed)
    y, seasons = 5 + rng.random(12), 1 + 0.1 * rng.standard_normal(3)
    weights = {"alpha": 0.3, "beta": 0.1, "gamma": 0.2, "phi": 0.9}
    plain = smooth(y, **weights, level=5, trend=0.1, seasons=seasons, seasonal=seasonal)
    scaled = smooth(
        4 * y,
        **weights,
        level=20,
        trend=0.4,
        seasons=seasons * (4 if seasonal == "additive" else 1),
        seasonal=seasonal,
    )
    np.testing.assert_allclose(scaled.fitted, 4 * plain.fitted)
    base = np.append(5, plain.levels[:-1]) + 0.9 * np.append(0.1, plain.trends[:-1])
    together = base + plain.seasons[:12] if seasonal == "additive" else base * plain.seasons[:12]
    np.testing.assert_allclose(plain.fitted, together)


def test_a_line_and_a_season_are_continued_without_error() -> None:
    t = np.arange(24)
    for seasonal, y in (
        ("additive", 10 + 0.5 * t + np.tile(SEASON, 6)),
        ("multiplicative", (10 + 0.5 * t) * np.tile(1 + SEASON / 10, 6)),
    ):
        model = ExponentialSmoothing(trend=True, seasonal=seasonal, period=4).fit(y[:18])
        np.testing.assert_allclose(model.forecast(6).mean, y[18:], rtol=1e-4)
        assert model.scale_ < 1e-3


def test_the_season_that_comes_next_is_the_one_that_is_due() -> None:
    y = np.tile([0.0, 0.0, 9.0, 0.0], 5)[:18]  # ends within a season
    found = ExponentialSmoothing(seasonal="additive", period=4).fit(y + 1e-3 * np.cos(np.arange(18.0) ** 2)).forecast(7)
    np.testing.assert_allclose(found.mean, [9, 0, 0, 0, 9, 0, 0], atol=0.02)


def test_the_smoothers_fit_is_no_worse_than_any_neighbour() -> None:
    y = np.cumsum(arma(60, [0.5], [])) + 20
    model = ExponentialSmoothing(trend=True).fit(y)
    for name in ("alpha", "beta", "level", "trend"):
        for step in (-1e-3, 1e-3):
            at = {
                "alpha": model.alpha_,
                "beta": model.beta_,
                "level": model.initial_level_,
                "trend": model.initial_trend_,
            }
            at[name] += step
            if at["beta"] <= 0 or not 0 < at["beta"] < at["alpha"] < 1:
                continue
            assert ((y - smooth(y, **at).fitted) ** 2).sum() >= model.sse_ - 1e-9


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"trend": True},
        {"trend": True, "damped": True},
        {"seasonal": "additive", "period": 4},
        {"trend": True, "seasonal": "additive", "period": 4},
        {"trend": True, "seasonal": "multiplicative", "period": 4},
    ],
    ids=lambda form: "+".join(map(str, form.values())) or "simple",
)
def test_the_spread_of_a_smoothers_forecast_is_that_of_simulated_futures(form) -> None:
    rng = np.random.default_rng(3)
    y = 30 + np.tile(SEASON, 10) + np.cumsum(rng.standard_normal(40)) + rng.standard_normal(40)
    model = ExponentialSmoothing(**form).fit(y)
    found = model.forecast(9)
    assert found.standard_error[0] == pytest.approx(model.scale_, rel=0.05)
    assert (found.standard_error[1:] > found.standard_error[0] * 0.98).all()
    count, futures = 1500, []
    last = model.components_
    for _ in range(count):
        errors = model.scale_ * rng.standard_normal(9)
        level, trend, seasons = last.levels[-1], last.trends[-1], list(last.seasons[40:])
        path = []
        for e in errors:
            base, season = level + model.phi_ * trend, seasons.pop(0)
            many = form.get("seasonal") == "multiplicative"
            path.append((base * season if many else base + season) + e)
            level = base + model.alpha_ * (e / season if many else e)
            trend = model.phi_ * trend + model.beta_ * (e / season if many else e)
            seasons.append(season + model.gamma_ * (e / base if many else e))
        futures.append(path)
    np.testing.assert_allclose(found.standard_error, np.std(futures, axis=0), rtol=5 / math.sqrt(2 * count))
    np.testing.assert_allclose(
        found.mean, np.mean(futures, axis=0), atol=5 * found.standard_error.max() / math.sqrt(count)
    )


def test_the_damped_trend_levels_off() -> None:
    y = 10 * (1 - 0.9 ** np.arange(40.0)) + 0.05 * arma(40, [], [])
    found = ExponentialSmoothing(trend=True, damped=True).fit(y).forecast(200).mean
    assert abs(found[-1] - found[-2]) < 0.05 * abs(found[1] - found[0]) + 1e-6


def daily(days: int = 400) -> tuple[np.ndarray, np.ndarray]:
    t = np.arange(float(days))
    trend = 20 + 0.05 * t - 0.1 * np.maximum(t - 150, 0)
    return t, trend + 3 * np.sin(2 * np.pi * t / 7) + 8 * (t % 100 == 30) + 0.3 * arma(days, [], [], 5)


def test_an_additive_model_finds_its_parts_and_they_add_up() -> None:
    t, y = daily()
    events = {"fair": [30.0, 130.0, 230.0, 330.0, 430.0]}
    model = AdditiveModel(seasons=((7.0, 2),), events=events).fit(t, y)
    parts = model.components(t)
    assert list(parts) == ["trend", "season 7", "fair"]
    np.testing.assert_allclose(sum(parts.values()), model.predict(t).mean)
    np.testing.assert_allclose(parts["season 7"], 3 * np.sin(2 * np.pi * t / 7), atol=0.1)
    assert parts["fair"].max() == pytest.approx(8, abs=4 * 0.3 / 2)
    assert model.sigma_ == pytest.approx(0.3, rel=4 / math.sqrt(2 * 370))
    # The rate turns from 0.05 to -0.05 at day 150.
    assert model.rates_[0] == pytest.approx(0.05, abs=0.01)
    assert model.rates_[-1] == pytest.approx(-0.05, abs=0.01)
    ahead = model.predict([430.0, 431.0]).mean
    assert ahead[0] - ahead[1] > 5


def test_an_additive_model_is_less_certain_the_further_it_looks() -> None:
    t, y = daily()
    model = AdditiveModel(seasons=((7.0, 2),)).fit(t, y)
    ahead = model.predict(400.0 + 7 * np.arange(1, 30))
    assert (np.diff(ahead.standard_error) > 0).all()
    assert (ahead.standard_error > model.sigma_).all()
    no_bends = AdditiveModel(changepoints=0).fit(t, y)
    assert no_bends.rates_.shape == (1,)


def test_an_additive_model_minimises_its_penalised_sum_of_squares() -> None:
    t, y = daily(120)
    model = AdditiveModel(seasons=((7.0, 1),), changepoints=3, changepoint_scale=0.1).fit(t, y)
    scaled, top = t / 119, np.abs(y).max()
    hinges = np.maximum(scaled[:, None] - (model.changepoints_ / 119), 0)
    angle = 2 * np.pi * t / 7
    design = np.column_stack([np.ones(120), scaled, hinges, np.cos(angle), np.sin(angle)])
    scale = np.array([5.0, 5.0, 0.1, 0.1, 0.1, 10.0, 10.0])
    noise = (model.sigma_ / top) ** 2
    gradient = design.T @ (design @ model.coefficients_ - y / top) + noise * model.coefficients_ / scale**2
    assert np.abs(gradient).max() < 1e-9
    hat = design @ np.linalg.solve(design.T @ design + noise * np.diag(1 / scale**2), design.T)
    residual = y / top - design @ model.coefficients_
    assert noise == pytest.approx(residual @ residual / (120 - np.trace(hat)), rel=1e-6)


def test_the_order_and_origin_of_times_do_not_matter() -> None:
    t, y = daily(100)
    mixed = np.random.default_rng(0).permutation(100)
    ours = AdditiveModel(changepoints=4).fit(t, y).predict([120.0]).mean
    np.testing.assert_allclose(AdditiveModel(changepoints=4).fit(t[mixed], y[mixed]).predict([120.0]).mean, ours)
    np.testing.assert_allclose(
        AdditiveModel(changepoints=4).fit(t + 1e4, y).predict([1e4 + 120.0]).mean, ours, rtol=1e-6
    )


def test_a_backtest_never_sees_what_comes_after_the_origin() -> None:
    y = np.arange(20.0)
    seen = []

    def forecaster(known: np.ndarray, horizon: int) -> np.ndarray:
        seen.append(known.copy())
        known[:] = np.nan  # spoils nothing
        return np.repeat(seen[-1][-1], horizon)

    found = backtest(forecaster, y, initial=10, horizon=3, step=2, window=5)
    assert found.origins.tolist() == [10, 12, 14, 16]
    for origin, known, actual in zip(found.origins, seen, found.actuals, strict=True):
        np.testing.assert_array_equal(known, y[origin - 5 : origin])
        np.testing.assert_array_equal(actual, y[origin : origin + 3])
    np.testing.assert_array_equal(found.forecasts[:, 0], found.origins - 1)


@EXAMPLES
@given(st.integers(2, 30), st.integers(1, 10), st.integers(1, 5), st.integers(1, 4))
def test_origins_roll_on_evenly_to_the_end(length: int, initial: int, horizon: int, step: int) -> None:
    if initial + horizon > length:
        return
    pairs = list(rolling_origin(length, initial=initial, horizon=horizon, step=step))
    assert pairs[0] == (slice(0, initial), slice(initial, initial + horizon))
    assert all(known.stop == ahead.start and ahead.stop - ahead.start == horizon for known, ahead in pairs)
    assert length - step < pairs[-1][1].stop <= length


def test_the_naive_forecast_has_a_scaled_error_of_one_within_sample() -> None:
    y = arma(50, [0.5], [])
    assert mase(y[1:], y[:-1], y) == pytest.approx(1)
    assert mase(y[4:], y[:-4], y, period=4) == pytest.approx(1)
    assert mape(y, y) == smape(y, y) == 0
    assert smape(y, -y) == 2
    assert smape(y, 2 * y) == smape(2 * y, y)


def test_the_spread_of_the_simplest_smoother_follows_its_formula() -> None:
    model = ExponentialSmoothing().fit(np.cumsum(arma(40, [], [])))
    steps = np.arange(12)
    np.testing.assert_allclose(model.forecast(12).standard_error, model.scale_ * np.sqrt(1 + model.alpha_**2 * steps))


def test_coefficients_are_counted_off_in_the_test_of_residuals() -> None:
    y = arma(60, [], [])
    assert (ljung_box(y, 5).dof, ljung_box(y, 5, fitted=2).dof) == (5, 3)
    assert ljung_box(y, 5, fitted=2).p_value < ljung_box(y, 5).p_value


def test_bends_to_come_make_the_far_future_uncertain() -> None:
    t, y = daily()
    model = AdditiveModel().fit(t, y)
    far, further = model.predict([800.0, 1600.0]).standard_error ** 2
    # Beyond the end h the variance of bends to come grows with h³, of what is estimated with h².
    assert further / far > 1.3 * (1600 / 800) ** 2
