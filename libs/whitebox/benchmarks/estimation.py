"""Filters, forecasters and survival analysis against filterpy and statsmodels."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from unittest import mock

import filterpy
import numpy as np
import statsmodels
import statsmodels.datasets as data
from comparison import Comparison
from filterpy.kalman import KalmanFilter, MerweScaledSigmaPoints, UnscentedKalmanFilter
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.statespace.sarimax import SARIMAX
from whitebox import _compiled
from whitebox.filtering import Filtered, LinearGaussian, NonlinearGaussian, kalman, smoother, unscented
from whitebox.forecasting import ARIMA, ExponentialSmoothing, arma_log_likelihood
from whitebox.survival import CoxRegression

STATSMODELS = f"statsmodels {statsmodels.__version__}"


def filters(steps: int) -> Iterator[Comparison]:
    """A target in the plane: four numbers of which two are seen."""
    step = np.array([[1.0, 1.0], [0.0, 1.0]])
    model = LinearGaussian(
        np.kron(np.eye(2), step),
        [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
        0.01 * np.eye(4),
        0.5 * np.eye(2),
        np.zeros(4),
        10 * np.eye(4),
    )
    y = np.cumsum(np.random.default_rng(0).standard_normal((steps, 2)), axis=0)
    peer = f"filterpy {filterpy.__version__}"

    def theirs() -> tuple[np.ndarray, ...]:
        found = KalmanFilter(4, 2)
        found.F, found.H, found.Q = model.transition, model.observation, model.process_noise
        found.R, found.x, found.P = model.observation_noise, np.zeros(4), 10 * np.eye(4)
        return (found, *found.batch_filter(y, update_first=True)[:2])

    def without_numba() -> Filtered:
        with mock.patch.object(_compiled, "numba_is_used", return_value=False):
            return kalman.filter(model, y)

    other, means, covariances = theirs()
    ours = kalman.filter(model, y)
    np.testing.assert_allclose(ours.means, means, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(
        smoother.rts(ours).means, other.rts_smoother(means, covariances)[0], rtol=1e-7, atol=1e-7
    )
    yield Comparison(f"Kalman filter, {steps} steps", peer, lambda: kalman.filter(model, y), theirs, gate=0.1)
    yield Comparison(f"Kalman filter without numba, {steps} steps", peer, without_numba, theirs)
    yield Comparison(
        f"RTS smoother, {steps} steps",
        peer,
        lambda: smoother.rts(ours),
        lambda: other.rts_smoother(means, covariances),
    )
    functions = NonlinearGaussian(
        lambda x: model.transition @ x,
        lambda x: model.observation @ x,
        *(model.process_noise, model.observation_noise, model.mean, model.covariance),
    )
    spread, few = unscented.Spread(0.5, 2.0, 0.0), y[: steps // 10]

    def their_sigma_points() -> UnscentedKalmanFilter:
        points = MerweScaledSigmaPoints(4, 0.5, 2.0, 0.0)
        found = UnscentedKalmanFilter(
            4, 2, 1.0, lambda x: model.observation @ x, lambda x, _: model.transition @ x, points
        )
        found.Q, found.R, found.P = model.process_noise, model.observation_noise, 10 * np.eye(4)
        for row in few:
            found.predict()
            found.update(row)
        return found

    yield Comparison(
        f"unscented filter, {steps // 10} steps",
        peer,
        lambda: unscented.filter(functions, few, spread),
        their_sigma_points,
    )


def forecasters() -> Iterator[Comparison]:
    """On the data sets that statsmodels ships."""
    sunspots = data.sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    co2 = data.co2.load_pandas().data["co2"].resample("MS").mean().ffill().to_numpy()
    centred = sunspots - sunspots.mean()
    model = SARIMAX(centred, order=(2, 0, 1))
    parameters = np.array([1.4, -0.7, -0.1, 270.0])
    ours = arma_log_likelihood(centred, parameters[:2], parameters[2:3], 270.0)
    np.testing.assert_allclose(ours, model.loglike(parameters), rtol=1e-8)
    yield Comparison(
        "ARMA(2, 1) likelihood, 309 sunspot numbers",
        STATSMODELS,
        lambda: arma_log_likelihood(centred, parameters[:2], parameters[2:3], 270.0),
        lambda: model.loglike(parameters),
    )

    def their_fit() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return SARIMAX(sunspots, order=(2, 0, 1), trend="c").fit(disp=0)

    assert ARIMA((2, 0, 1)).fit(sunspots).log_likelihood_ > their_fit().llf - 1e-3
    yield Comparison("ARIMA(2, 0, 1) fit, sunspots", STATSMODELS, lambda: ARIMA((2, 0, 1)).fit(sunspots), their_fit)

    def their_seasonal_fit() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return SARIMAX(co2, order=(1, 1, 1), seasonal_order=(0, 1, 1, 12), trend="n", simple_differencing=True).fit(
                disp=0
            )

    seasonal = ARIMA((1, 1, 1), (0, 1, 1), 12)
    assert seasonal.fit(co2).log_likelihood_ > their_seasonal_fit().llf - 1e-3
    yield Comparison(
        f"ARIMA(1, 1, 1)(0, 1, 1) fit, {len(co2)} months of CO2",
        STATSMODELS,
        lambda: seasonal.fit(co2),
        their_seasonal_fit,
    )

    def their_smoothing() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ETSModel(co2, trend="add", seasonal="add", seasonal_periods=12).fit(disp=0)

    smoothing = ExponentialSmoothing(trend=True, seasonal="additive", period=12)
    assert smoothing.fit(co2).log_likelihood_ > their_smoothing().llf - 1e-3
    yield Comparison(
        f"Holt and Winters' fit, {len(co2)} months of CO2", STATSMODELS, lambda: smoothing.fit(co2), their_smoothing
    )


def survival(rows: int) -> Iterator[Comparison]:
    """Proportional hazards with many ties."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, 5))
    times = np.ceil(30 * rng.exponential(np.exp(-X @ [0.5, -0.3, 0.1, 0.0, 0.2])))
    events = (rng.random(rows) < 0.7).astype(float)
    y = np.column_stack([times, events])

    def theirs() -> object:
        return PHReg(times, X, status=events, ties="efron").fit()

    np.testing.assert_allclose(CoxRegression().fit(X, y).coef_, theirs().params, rtol=1e-4, atol=1e-6)
    yield Comparison(f"Cox regression, {rows} × 5", STATSMODELS, lambda: CoxRegression().fit(X, y), theirs)


def comparisons(scale: int) -> Iterator[Comparison]:
    """Everything, at sizes divided by `scale`."""
    yield from filters(2000 // scale)
    yield from forecasters()
    yield from survival(2000 // scale)
