"""Mistakes in `whitebox.forecasting`."""

from __future__ import annotations

from mutants.mutant import Mutant

SMOOTHING = "whitebox.forecasting._smoothing"
ARIMA = "whitebox.forecasting._arima"
ARMA = "whitebox.forecasting._arma"
ADDITIVE = "whitebox.forecasting._additive"
DIAGNOSTICS = "whitebox.forecasting._diagnostics"
BACKTEST = "whitebox.forecasting._backtest"
LAWS = "laws.test_forecasting"

MUTANTS = [
    Mutant(
        "the season that comes next is off by one",
        SMOOTHING,
        "coming = seasons[n + (steps - 1) % m]",
        "coming = seasons[n + steps % m]",
        (f"{LAWS}:test_the_season_that_comes_next_is_the_one_that_is_due",),
    ),
    Mutant(
        "the trend learns from the error as the level does",
        SMOOTHING,
        "trend = phi * trend + beta * in_level",
        "trend = phi * trend + alpha * in_level",
        ("pair:forecasting.smooth",),
    ),
    Mutant(
        "a multiplicative season is updated by the bare error",
        SMOOTHING,
        "in_season = error / base if multiplicative else error",
        "in_season = error",
        ("pair:forecasting.smooth", f"{LAWS}:test_smoothing_follows_units_and_sums_of_effects"),
    ),
    Mutant(
        "a smoother's interval does not widen",
        SMOOTHING,
        "np.append(1.0, 1 + np.cumsum(learnt[:-1] ** 2))",
        "np.append(1.0, 1 + 0 * np.cumsum(learnt[:-1] ** 2))",
        (f"{LAWS}:test_the_spread_of_the_simplest_smoother_follows_its_formula",),
    ),
    Mutant(
        "the damped trend goes on undamped in the forecast",
        SMOOTHING,
        "left = np.cumsum(self.phi_**steps)",
        "left = steps",
        (f"{LAWS}:test_the_damped_trend_levels_off",),
    ),
    Mutant(
        "the forecast of the differences is not summed up",
        ARIMA,
        "known.append(float(w - self._delta[1:] @ past))",
        "known.append(float(w))",
        (
            f"{LAWS}:test_a_random_walk_is_forecast_to_stay_and_its_spread_grows_with_the_root_of_the_horizon",
            f"{LAWS}:test_seasonal_differences_repeat_the_last_season",
        ),
    ),
    Mutant(
        "ARIMA's interval does not widen with the horizon",
        ARIMA,
        "variance = self.variance_ * np.cumsum(psi**2)",
        "variance = self.variance_ * np.ones(steps)",
        (f"{LAWS}:test_a_random_walk_is_forecast_to_stay_and_its_spread_grows_with_the_root_of_the_horizon",),
    ),
    Mutant(
        "the interval is that of the differences",
        ARIMA,
        "psi = np.convolve(responses, sums)[:steps]",
        "psi = responses",
        (f"{LAWS}:test_a_random_walk_is_forecast_to_stay_and_its_spread_grows_with_the_root_of_the_horizon",),
    ),
    Mutant(
        "the filter starts from a state that is known",
        ARMA,
        "    _stationary_covariance(ar, ma, P)\n    settled = False",
        "    P[:] = noise\n    settled = False",
        ("pair:forecasting.arma_log_likelihood",),
    ),
    Mutant(
        "Durbin and Levinson's recursion adds",
        ARMA,
        "        phi = np.append(phi - last * phi[::-1], last)\n    return phi\n\n\ndef arma",
        "        phi = np.append(phi + last * phi[::-1], last)\n    return phi\n\n\ndef arma",
        (
            "pair:forecasting.coefficients_from_partial",
            f"{LAWS}:test_any_partial_autocorrelations_make_a_stationary_autoregression",
        ),
    ),
    Mutant(
        "the filter takes itself for settled too early",
        ARMA,
        "settled = left <= 1e-13 * r",
        "settled = left <= 1e-1 * r",
        ("pair:forecasting.arma_log_likelihood",),
    ),
    Mutant(
        "a gap does not make the settled filter uncertain again",
        ARMA,
        "                P[:] = noise\n                settled = False\n",
        "                pass\n",
        (f"{LAWS}:test_the_filter_goes_on_rightly_after_it_has_settled_and_after_a_gap",),
    ),
    Mutant(
        "autocorrelations are divided by the number of terms",
        DIAGNOSTICS,
        "np.array([centred[k:] @ centred[: len(centred) - k] for k in range(lags + 1)]) / total",
        "np.array([centred[k:] @ centred[: len(centred) - k] * len(centred) / (len(centred) - k) for k in range(lags + 1)]) / total",
        ("pair:forecasting.acf",),
    ),
    Mutant(
        "the test of the residuals does not count the coefficients off",
        DIAGNOSTICS,
        "dof = int(lags - fitted)",
        "dof = int(lags)",
        (f"{LAWS}:test_coefficients_are_counted_off_in_the_test_of_residuals",),
    ),
    Mutant(
        "the backtest shows the forecaster what is to come",
        BACKTEST,
        "forecast(values[known].copy(), horizon)",
        "forecast(values[known.start : ahead.stop].copy(), horizon)",
        (f"{LAWS}:test_a_backtest_never_sees_what_comes_after_the_origin",),
    ),
    Mutant(
        "the scaled error is scaled by the test series",
        BACKTEST,
        "unit = float(np.abs(known[m:] - known[:-m]).mean())",
        "unit = float(np.abs(y).mean())",
        ("pair:forecasting.mase", f"{LAWS}:test_the_naive_forecast_has_a_scaled_error_of_one_within_sample"),
    ),
    Mutant(
        "the trend bends without being continuous",
        ADDITIVE,
        "np.maximum(scaled[:, None] - self._bends, 0.0)",
        "np.where(scaled[:, None] > self._bends, scaled[:, None], 0.0)",
        (f"{LAWS}:test_an_additive_model_minimises_its_penalised_sum_of_squares",),
    ),
    Mutant(
        "the trend is taken to go on as it is for ever",
        ADDITIVE,
        "unknown = float(bends @ bends) * ahead**3 / 3",
        "unknown = 0.0",
        (f"{LAWS}:test_bends_to_come_make_the_far_future_uncertain",),
    ),
]
