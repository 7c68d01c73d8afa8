from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.datasets as data
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.tools.sm_exceptions import ConvergenceWarning
from statsmodels.tsa import stattools
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.holtwinters import ExponentialSmoothing as HoltWinters
from statsmodels.tsa.statespace.sarimax import SARIMAX
from whitebox.forecasting import ARIMA, ExponentialSmoothing, acf, arma_log_likelihood, ljung_box, pacf, smooth

NILE = data.nile.load_pandas().data["volume"].to_numpy()
SUNSPOTS = data.sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
CO2 = data.co2.load_pandas().data["co2"].resample("MS").mean().ffill().to_numpy()


def theirs(y, order, seasonal_order, period: int, constant: bool):
    seasonal = (*seasonal_order, period) if any(seasonal_order) else (0, 0, 0, 0)
    return SARIMAX(y, order=order, seasonal_order=seasonal, trend="c" if constant else "n", simple_differencing=True)


@pytest.mark.parametrize("y", [NILE, SUNSPOTS, CO2[:200]], ids=["nile", "sunspots", "co2"])
def test_correlations_and_their_test_are_statsmodels(y) -> None:
    np.testing.assert_allclose(acf(y, 20), stattools.acf(y, nlags=20, fft=False), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(pacf(y, 20), stattools.pacf(y, nlags=20, method="ldb"), rtol=1e-7, atol=1e-9)
    expected = acorr_ljungbox(y, lags=[1, 4, 15])
    for lags, statistic, p_value in zip([1, 4, 15], expected["lb_stat"], expected["lb_pvalue"], strict=True):
        found = ljung_box(y, lags)
        assert found.statistic == pytest.approx(statistic, rel=1e-9)
        assert found.p_value == pytest.approx(p_value, rel=1e-8, abs=1e-290)
    noise = np.random.default_rng(0).standard_normal(80)
    expected = acorr_ljungbox(noise, lags=[7], model_df=2)
    assert ljung_box(noise, 7, fitted=2).p_value == pytest.approx(expected["lb_pvalue"].iloc[0], rel=1e-9)


@pytest.mark.parametrize(
    ("ar", "ma"), [([0.9], []), ([1.4, -0.7], [0.3]), ([], [0.9, 0.4]), ([0.2, 0.1, -0.3], [-0.5, 0.2])]
)
def test_the_likelihood_is_statsmodels(ar, ma) -> None:
    y = SUNSPOTS - SUNSPOTS.mean()
    y[30:35] = np.nan
    model = SARIMAX(y, order=(len(ar), 0, len(ma)))
    expected = model.loglike([*ar, *ma, 300.0])
    assert arma_log_likelihood(y, ar, ma, 300.0) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("y", "order", "seasonal_order", "period"),
    [
        (NILE, (1, 0, 0), (0, 0, 0), 1),
        (NILE, (0, 1, 1), (0, 0, 0), 1),
        (NILE, (2, 1, 1), (0, 0, 0), 1),
        (SUNSPOTS, (2, 0, 0), (0, 0, 0), 1),
        (SUNSPOTS, (3, 0, 2), (0, 0, 0), 1),
        (CO2[:240], (0, 1, 1), (0, 1, 1), 12),
        (CO2[:240], (1, 1, 1), (1, 1, 1), 12),
    ],
    ids=lambda value: str(value) if isinstance(value, tuple) else "",
)
def test_the_fit_is_at_least_as_likely_as_statsmodels_and_as_likely_by_its_own_measure(
    y, order, seasonal_order, period: int
) -> None:
    ours = ARIMA(order, seasonal_order, period).fit(y)
    constant = order[1] + seasonal_order[1] == 0
    model = theirs(y, order, seasonal_order, period, constant)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = model.fit(disp=0, maxiter=200)
    assert ours.log_likelihood_ > fitted.llf - 1e-3
    ar_of_the_mean = (1 - ours.ar_.sum()) * ours.mean_
    parameters = [
        *([ar_of_the_mean] if constant else []),
        *(*ours.ar_, *ours.ma_, *ours.seasonal_ar_, *ours.seasonal_ma_, ours.variance_),
    ]
    assert model.loglike(parameters) == pytest.approx(ours.log_likelihood_, rel=1e-7)
    assert ours.aic_ == pytest.approx(2 * len(parameters) - 2 * ours.log_likelihood_)
    assert ours.bic_ - ours.aic_ == pytest.approx(len(parameters) * (np.log(len(ours.residuals_)) - 2))


@pytest.mark.parametrize(
    ("y", "order", "seasonal_order", "period"),
    [(SUNSPOTS, (2, 0, 1), (0, 0, 0), 1), (NILE, (1, 1, 1), (0, 0, 0), 1), (CO2[:180], (0, 1, 1), (0, 1, 1), 12)],
    ids=["mean", "difference", "season"],
)
def test_forecasts_and_intervals_are_statsmodels_for_the_same_parameters(y, order, seasonal_order, period: int) -> None:
    ours = ARIMA(order, seasonal_order, period).fit(y)
    constant = order[1] == 0
    seasonal = (*seasonal_order, period) if any(seasonal_order) else (0, 0, 0, 0)
    model = SARIMAX(y, order=order, seasonal_order=seasonal, trend="c" if constant else "n")
    parameters = [
        *([(1 - ours.ar_.sum()) * ours.mean_] if constant else []),
        *(*ours.ar_, *ours.ma_, *ours.seasonal_ma_, ours.variance_),
    ]
    expected = model.filter(parameters).get_forecast(24)
    found = ours.forecast(24, level=0.9)
    np.testing.assert_allclose(found.mean, expected.predicted_mean, rtol=1e-4)
    np.testing.assert_allclose(found.standard_error, expected.se_mean, rtol=1e-4)
    np.testing.assert_allclose(np.column_stack(found[1:3]), expected.conf_int(alpha=0.1), rtol=1e-4)


FORMS = {
    "simple": ({}, {}),
    "holt": ({"trend": True}, {"trend": "add"}),
    "damped": ({"trend": True, "damped": True}, {"trend": "add", "damped_trend": True}),
    "additive": (
        {"trend": True, "seasonal": "additive", "period": 12},
        {"trend": "add", "seasonal": "add", "seasonal_periods": 12},
    ),
    "multiplicative": (
        {"trend": True, "seasonal": "multiplicative", "period": 12},
        {"trend": "add", "seasonal": "mul", "seasonal_periods": 12},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_smoothers_fit_is_at_least_as_good_as_statsmodels_and_its_forecasts_are_the_same(form: str) -> None:
    own, other = FORMS[form]
    y = CO2[:180] if "period" in own else NILE
    ours = ExponentialSmoothing(**own).fit(y)
    model = ETSModel(y, **other)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = model.fit(disp=0, maxiter=2000)
    assert ours.log_likelihood_ > fitted.llf - 1e-4
    # Their components and forecasts at our parameters.
    numbers = {
        "smoothing_level": ours.alpha_,
        "smoothing_trend": ours.beta_,
        "smoothing_seasonal": ours.gamma_,
        "damping_trend": ours.phi_,
        "initial_level": ours.initial_level_,
        "initial_trend": ours.initial_trend_,
        **{f"initial_seasonal.{k}": s for k, s in enumerate(ours.initial_seasons_[::-1])},
        # Theirs names seasons from the one before the first value backwards.
        **{f"initial_seasonal.L{k + 1}": s for k, s in enumerate(ours.initial_seasons_[::-1])},
    }
    smoothed = model.smooth([numbers[name] for name in model.param_names])
    np.testing.assert_allclose(ours.components_.fitted, smoothed.fittedvalues, rtol=1e-8)
    assert ours.log_likelihood_ == pytest.approx(smoothed.llf, rel=1e-8)
    np.testing.assert_allclose(ours.forecast(24).mean, smoothed.forecast(24), rtol=1e-8)
    if form != "multiplicative":
        named = ETSModel(pd.Series(y), **other).smooth([numbers[name] for name in model.param_names])
        theirs_interval = named.get_prediction(start=len(y), end=len(y) + 23)
        # Theirs divides the sum of squares by n, ours by n less the number of parameters.
        ratio = np.sqrt(smoothed.mse) / ours.scale_
        np.testing.assert_allclose(
            ratio * ours.forecast(24).standard_error, np.sqrt(theirs_interval.forecast_variance), rtol=1e-7
        )


def test_components_are_those_of_holt_and_winters_for_their_parameters() -> None:
    y = CO2[:120]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = HoltWinters(y, trend="add", seasonal="add", seasonal_periods=12).fit()
    p = fitted.params
    ours = smooth(
        y,
        alpha=p["smoothing_level"],
        beta=p["smoothing_level"] * p["smoothing_trend"],
        gamma=p["smoothing_seasonal"],
        level=p["initial_level"],
        trend=p["initial_trend"],
        seasons=p["initial_seasons"],
    )
    np.testing.assert_allclose(ours.fitted, fitted.fittedvalues, rtol=1e-9)
    np.testing.assert_allclose(ours.levels, fitted.level, rtol=1e-9)
    assert ExponentialSmoothing(trend=True, seasonal="additive", period=12).fit(y).sse_ <= fitted.sse * (1 + 1e-6)
