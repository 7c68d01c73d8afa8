"""Bad and degenerate input of filters, forecasters and survival analysis."""

from __future__ import annotations

import math
import warnings
from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox.errors import (
    DegenerateWeightsError,
    DtypeError,
    EmptyInputError,
    NotFiniteError,
    NotFittedError,
    NotPositiveDefiniteError,
    RangeError,
    ShapeError,
    SingleClassError,
)
from whitebox.filtering import (
    Gaussian,
    LinearGaussian,
    NonlinearGaussian,
    extended,
    kalman,
    particle,
    smoother,
    unscented,
)
from whitebox.filtering.particle import (
    Particles,
    StateSpace,
    effective_sample_size,
    multinomial,
    resample,
    stratified,
    systematic,
)
from whitebox.filtering.unscented import Spread, sigma_points
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
from whitebox.survival import CoxRegression, cox_log_likelihood, kaplan_meier, log_rank, nelson_aalen

ONE = [[1.0]]
WALK = LinearGaussian(ONE, ONE, ONE, ONE, [0.0], ONE)
EXACT = LinearGaussian(ONE, ONE, [[0.0]], [[0.0]], [0.0], [[0.0]])
GROWING = LinearGaussian([[1e200]], ONE, ONE, ONE, [1.0], ONE)
BENT = NonlinearGaussian(np.sin, np.sin, ONE, ONE, [0.0], ONE)
EXACTLY_BENT = NonlinearGaussian(np.sin, np.sin, [[0.0]], [[0.0]], [0.0], [[0.0]])
WIDE = NonlinearGaussian(lambda x: [x[0], x[0]], lambda x: [x[0], x[0]], ONE, ONE, [0.0], ONE)
BROKEN = NonlinearGaussian(lambda x: [math.nan], lambda x: [math.nan], ONE, ONE, [0.0], ONE)
SLOPELESS = NonlinearGaussian(
    np.sin, np.sin, ONE, ONE, [0.0], ONE, lambda x: np.ones((2, 2)), lambda x: np.ones((2, 2))
)
RNG = np.random.default_rng(0)


def cloud(log_likelihood=None, initial=None, transition=None) -> StateSpace:
    return StateSpace(
        initial or (lambda rng, count: np.zeros((count, 1))),
        transition or (lambda rng, states: states),
        log_likelihood or (lambda y, states: np.zeros(len(states))),
    )


THREE = Particles(np.zeros((3, 1)), np.log(np.full(3, 1 / 3)))
SERIES = np.sin(np.arange(30.0)) + 5
REFUSED = [
    ("F of another size", partial(LinearGaussian, np.eye(2), ONE, ONE, ONE, [0.0], ONE), ShapeError, r"transition must have shape \(1, 1\)"),
    ("H of another size", partial(LinearGaussian, ONE, np.eye(2), ONE, ONE, [0.0], ONE), ShapeError, "observation must"),
    ("NaN in F", partial(LinearGaussian, [[math.nan]], ONE, ONE, ONE, [0.0], ONE), NotFiniteError, r"transition\[0, 0\] is NaN"),
    ("a negative Q", partial(LinearGaussian, ONE, ONE, [[-1.0]], ONE, [0.0], ONE), NotPositiveDefiniteError, "process_noise.*-1"),
    ("a negative R", partial(LinearGaussian, ONE, ONE, ONE, [[-1.0]], [0.0], ONE), NotPositiveDefiniteError, "observation_noise"),
    (
        "a P that is not symmetric",
        partial(LinearGaussian, np.eye(2), [[1.0, 0.0]], np.eye(2), ONE, [0.0, 0.0], [[1.0, 1.0], [0.0, 1.0]]),
        NotPositiveDefiniteError,
        "covariance is not symmetric",
    ),
    ("an empty mean", partial(LinearGaussian, ONE, ONE, ONE, ONE, [], ONE), EmptyInputError, "mean is empty"),
    ("a matrix for f", partial(NonlinearGaussian, ONE, np.sin, ONE, ONE, [0.0], ONE), DtypeError, "transition must be a function"),
    ("a matrix for a Jacobian", partial(NonlinearGaussian, np.sin, np.sin, ONE, ONE, [0.0], ONE, ONE), DtypeError, "transition_jacobian"),
    ("a longer observation", partial(kalman.update, WALK, kalman.init(WALK), [1.0, 2.0]), ShapeError, "observation must have"),
    ("an infinite observation", partial(kalman.update, WALK, kalman.init(WALK), [math.inf]), NotFiniteError, r"\[0\] is inf"),
    ("a certain state seen without noise", partial(kalman.update, EXACT, kalman.init(EXACT), [1.0]), NotPositiveDefiniteError, "without noise"),
    ("a longer shift", partial(kalman.predict, WALK, kalman.init(WALK), [1.0, 2.0]), ShapeError, "shift"),
    ("no observations", partial(kalman.filter, WALK, []), EmptyInputError, "no time"),
    ("words as observations", partial(kalman.filter, WALK, ["a"]), DtypeError, "real numbers"),
    ("wide observations", partial(kalman.filter, WALK, np.zeros((3, 2))), ShapeError, r"\(T, 1\)"),
    ("infinite observations", partial(kalman.filter, WALK, [0.0, -math.inf]), NotFiniteError, r"observations\[1, 0\] is -inf"),
    ("inputs of another length", partial(kalman.filter, WALK, [0.0, 1.0], inputs=np.zeros((4, 1))), ShapeError, "inputs"),
    ("NaN as input", partial(kalman.filter, WALK, [0.0, 1.0], inputs=[[math.nan]]), NotFiniteError, "inputs"),
    ("a filter that knows all", partial(kalman.filter, EXACT, [0.0]), NotPositiveDefiniteError, "at time 0"),
    ("a filter that overflows", partial(kalman.filter, GROWING, [math.nan, math.nan, math.nan, 0.0]), NotFiniteError, "at time .: .*overflows"),
    ("an innovation known already", partial(kalman.linear_update, np.eye(1), np.zeros((1, 1)), np.zeros(1), Gaussian(np.zeros(1), np.zeros((1, 1)))), NotPositiveDefiniteError, "innovation"),
    ("f of another size", partial(extended.predict, WIDE, extended.init(WIDE)), ShapeError, r"transition\(x\) must have shape \(1,\)"),
    ("h of another size", partial(extended.update, WIDE, extended.init(WIDE), [0.0]), ShapeError, r"observation\(x\)"),
    ("f that gives NaN", partial(extended.predict, BROKEN, extended.init(BROKEN)), NotFiniteError, r"transition\(x\)\[0\]"),
    ("a Jacobian of another size", partial(extended.predict, SLOPELESS, extended.init(SLOPELESS)), ShapeError, "Jacobian of transition"),
    ("h that gives NaN, in time", partial(extended.filter, BROKEN, [0.0]), NotFiniteError, "at time 0"),
    ("a tangent that knows all", partial(extended.filter, EXACTLY_BENT, [0.0]), NotPositiveDefiniteError, "at time 0"),
    ("sigma points that know all", partial(unscented.filter, EXACTLY_BENT, [0.0]), NotPositiveDefiniteError, "at time 0"),
    ("f of another size at sigma points", partial(unscented.predict, WIDE, unscented.init(WIDE)), ShapeError, r"transition\(x\)"),
    ("h that gives NaN at sigma points", partial(unscented.filter, BROKEN, [0.0]), NotFiniteError, "at time 0"),
    ("a number as spread", partial(unscented.filter, BENT, [0.0], 1.0), RangeError, "spread must be a Spread"),
    ("no spread", partial(Spread, 0.0), RangeError, "alpha"),
    ("a negative beta", partial(Spread, 1.0, -1.0), RangeError, "beta"),
    ("a negative kappa", partial(Spread, 1.0, 2.0, -1.0), RangeError, "kappa"),
    ("no trajectories", partial(smoother.sample, RNG, kalman.filter(WALK, [0.0]), 0), RangeError, "count"),
    ("a number for a function", partial(StateSpace, 1.0, np.sin, np.sin), DtypeError, "initial must be a function"),
    ("no particles", partial(particle.init, RNG, cloud(), 0), RangeError, "count"),
    ("too few particles", partial(particle.init, RNG, cloud(initial=lambda rng, count: np.zeros((1, 1))), 3), ShapeError, "3 rows"),
    ("particles that are NaN", partial(particle.predict, RNG, cloud(transition=lambda rng, s: s + math.nan), THREE), NotFiniteError, "NaN"),
    ("likelihoods of another size", partial(particle.update, cloud(lambda y, s: np.zeros(2)), THREE, [0.0]), ShapeError, "log_likelihood"),
    ("likelihoods that are NaN", partial(particle.update, cloud(lambda y, s: s[:, 0] + math.nan), THREE, [0.0]), NotFiniteError, "NaN"),
    ("an impossible observation", partial(particle.update, cloud(lambda y, s: s[:, 0] - math.inf), THREE, [0.0]), DegenerateWeightsError, "impossible"),
    ("an impossible observation, in time", partial(particle.filter, RNG, cloud(lambda y, s: s[:, 0] - math.inf), [[0.0]]), DegenerateWeightsError, "at time 0"),
    ("nothing to filter", partial(particle.filter, RNG, cloud(), []), EmptyInputError, "no time"),
    ("a threshold of 2", partial(particle.filter, RNG, cloud(), [[0.0]], threshold=2.0), RangeError, "threshold"),
    ("an unknown scheme", partial(particle.filter, RNG, cloud(), [[0.0]], scheme="residual"), RangeError, "scheme"),
    ("an unknown scheme at once", partial(resample, RNG, THREE, "residual"), RangeError, "scheme"),
    ("negative weights", partial(effective_sample_size, [1.0, -0.5]), RangeError, "negative"),
    ("no weight", partial(multinomial, [0.0, 0.0], [0.5]), RangeError, "positive"),
    ("NaN as weight", partial(stratified, [math.nan], [0.5]), NotFiniteError, "weights"),
    ("a uniform of 1", partial(systematic, [1.0], 1.0), RangeError, "uniforms"),
    ("no uniforms", partial(stratified, [1.0], []), EmptyInputError, "uniforms"),
    ("no draws", partial(systematic, [1.0], 0.5, 0), RangeError, "count"),
    # Forecasting.
    ("NaN to smooth", partial(smooth, [1.0, math.nan], alpha=0.5, level=1.0), NotFiniteError, r"y\[1\]"),
    ("an infinite weight", partial(smooth, [1.0], alpha=math.inf, level=1.0), RangeError, "alpha"),
    ("an unknown season", partial(smooth, [1.0], alpha=0.5, level=1.0, seasonal="other"), RangeError, "seasonal"),
    ("no seasons", partial(smooth, [1.0], alpha=0.5, level=1.0, seasons=[]), EmptyInputError, "seasons"),
    ("a damped level", partial(ExponentialSmoothing(damped=True).fit, SERIES), RangeError, "trend=True"),
    ("a season of one", partial(ExponentialSmoothing(seasonal="additive").fit, SERIES), RangeError, "period must be at least 2"),
    ("an unknown season to fit", partial(ExponentialSmoothing(seasonal="other", period=4).fit, SERIES), RangeError, "seasonal"),
    ("less than two seasons", partial(ExponentialSmoothing(seasonal="additive", period=20).fit, SERIES), EmptyInputError, "two seasons"),
    ("too few values", partial(ExponentialSmoothing(trend=True).fit, [1.0, 2.0]), EmptyInputError, "too few for 5 parameters"),
    ("zeros under a multiplicative season", partial(ExponentialSmoothing(seasonal="multiplicative", period=2).fit, SERIES - 5), RangeError, "positive values"),
    ("a smoother before fit", partial(ExponentialSmoothing().forecast, 1), NotFittedError, "call fit first"),
    ("no horizon", partial(ExponentialSmoothing().fit(SERIES).forecast, 0), RangeError, "horizon"),
    ("a sure interval", partial(ExponentialSmoothing().fit(SERIES).forecast, 1, level=1.0), RangeError, "level"),
    ("two orders", partial(ARIMA((1, 0)).fit, SERIES), RangeError, "three whole numbers"),
    ("a negative order", partial(ARIMA((1, -1, 0)).fit, SERIES), RangeError, "at least 0"),
    ("a season without period", partial(ARIMA((1, 0, 0), (1, 0, 0)).fit, SERIES), RangeError, "period"),
    ("a short series", partial(ARIMA((3, 0, 3)).fit, SERIES[:8]), EmptyInputError, "too few for 8 parameters"),
    ("a series shorter than its differences", partial(ARIMA((0, 1, 0), (0, 1, 0), 12).fit, SERIES[:12]), EmptyInputError, "13 differences"),
    ("a gap with differences", partial(ARIMA((0, 1, 0)).fit, [1.0, math.nan, 2.0, 3.0]), NotFiniteError, r"y\[1\] is NaN"),
    ("nothing but gaps", partial(ARIMA().fit, [math.nan] * 5), EmptyInputError, "empty"),
    ("an infinite series", partial(ARIMA().fit, [math.inf] * 5), NotFiniteError, "infinite"),
    ("words", partial(ARIMA().fit, ["a"]), DtypeError, "real numbers"),
    ("a table", partial(ARIMA().fit, np.ones((3, 3))), ShapeError, "vector"),
    ("ARIMA before fit", partial(ARIMA().forecast, 1), NotFittedError, "call fit first"),
    ("a test before fit", partial(ARIMA().ljung_box, 1), NotFittedError, "call fit first"),
    ("as many lags as coefficients", partial(ARIMA((1, 0, 0)).fit(SERIES).ljung_box, 1), RangeError, "fitted"),
    ("a unit root", partial(arma_log_likelihood, [1.0], [1.0], []), RangeError, "not stationary"),
    ("no variance", partial(arma_log_likelihood, [1.0], [], [], 0.0), RangeError, "variance"),
    ("NaN as coefficient", partial(arma_log_likelihood, [1.0], [], [math.nan]), NotFiniteError, "ma"),
    ("a partial autocorrelation of 1", partial(coefficients_from_partial, [1.0]), RangeError, "between -1 and 1"),
    ("a constant's autocorrelation", partial(acf, [2.0, 2.0, 2.0], 1), RangeError, "constant"),
    ("too many lags", partial(pacf, [1.0, 2.0], 2), RangeError, "lags"),
    ("no lags", partial(ljung_box, [1.0, 2.0], 0), RangeError, "lags"),
    ("a negative count", partial(ljung_box, [1.0, 2.0, 4.0], 2, fitted=-1), RangeError, "fitted"),
    ("a percentage of zero", partial(mape, [0.0], [1.0]), RangeError, "zero"),
    ("forecasts of another length", partial(smape, [1.0], [1.0, 2.0]), ShapeError, "shape"),
    ("a training series without error", partial(mase, [1.0], [1.0], [2.0, 2.0]), RangeError, "repeats"),
    ("a training series shorter than a season", partial(mase, [1.0], [1.0], [2.0, 3.0], period=2), EmptyInputError, "season"),
    ("an origin beyond the end", partial(rolling_origin, 5, initial=5), RangeError, "6 values are needed"),
    ("no step", partial(rolling_origin, 5, initial=1, step=0), RangeError, "step"),
    ("a forecaster that forgets", partial(backtest, lambda known, horizon: [0.0], SERIES, initial=5, horizon=2), ShapeError, r"\(2,\)"),
    ("a forecaster that gives NaN", partial(backtest, lambda known, horizon: [math.nan], SERIES, initial=5), NotFiniteError, "forecast"),
    ("times of another length", partial(AdditiveModel().fit, [1.0, 2.0], [1.0]), ShapeError, "2 values"),
    ("one time", partial(AdditiveModel().fit, [1.0, 1.0], [1.0, 2.0]), EmptyInputError, "single time"),
    ("a season without harmonics", partial(AdditiveModel(seasons=(7.0,)).fit, [1.0, 2.0], [1.0, 2.0]), RangeError, "pairs"),
    ("a season of no length", partial(AdditiveModel(seasons=((0.0, 1),)).fit, [1.0, 2.0], [1.0, 2.0]), RangeError, "period"),
    ("negative bends", partial(AdditiveModel(changepoints=-1).fit, [1.0, 2.0], [1.0, 2.0]), RangeError, "changepoints"),
    ("a scale of zero", partial(AdditiveModel(changepoint_scale=0.0).fit, [1.0, 2.0], [1.0, 2.0]), RangeError, "changepoint_scale"),
    ("an event that never was", partial(AdditiveModel(events={"fair": [math.nan]}).fit, [1.0, 2.0], [1.0, 2.0]), NotFiniteError, "events"),
    ("an additive model before fit", partial(AdditiveModel().predict, [1.0]), NotFittedError, "call fit first"),
    # Survival.
    ("an event of 2", partial(kaplan_meier, [1.0, 2.0], [1, 2]), RangeError, r"events\[1\] is 2"),
    ("events of another length", partial(nelson_aalen, [1.0, 2.0], [1]), ShapeError, "events"),
    ("a time that is NaN", partial(kaplan_meier, [math.nan]), NotFiniteError, r"times\[0\]"),
    ("no times", partial(nelson_aalen, []), EmptyInputError, "times"),
    ("a level of 1", partial(kaplan_meier, [1.0], level=1.0), RangeError, "level"),
    ("an unknown interval", partial(kaplan_meier, [1.0], interval="exact"), RangeError, "interval"),
    ("one group", partial(log_rank, [1.0, 2.0], None, [0, 0]), SingleClassError, "one label"),
    ("groups of another length", partial(log_rank, [1.0, 2.0], None, [0]), ShapeError, "groups"),
    ("coefficients of another length", partial(cox_log_likelihood, [[1.0], [2.0]], [1.0, 2.0], None, [1.0, 2.0]), ShapeError, "coefficients"),
    ("an unknown rule for ties", partial(cox_log_likelihood, [[1.0]], [1.0], None, [1.0], ties="exact"), RangeError, "ties"),
    ("no event", partial(CoxRegression().fit, [[1.0], [2.0]], [[1.0, 0], [2.0, 0]]), RangeError, "no event"),
    ("three columns of times", partial(CoxRegression().fit, [[1.0], [2.0]], np.ones((2, 3))), ShapeError, "y must have shape"),
    ("Cox before fit", partial(CoxRegression().predict_survival, [[1.0]], [1.0]), NotFittedError, "call fit first"),
    ("nobody to compare", partial(CoxRegression().fit([[1.0], [2.0]], [1.0, 2.0]).score, [[1.0], [2.0]], [[1.0, 0], [1.0, 0]]), RangeError, "no two rows"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of an overflow, where NumPy does the steps
        with pytest.raises(error, match=message):
            call()


def _constant_arima() -> list[float]:
    return ARIMA((1, 0, 0)).fit([4.0] * 8).forecast(2).mean.round(6).tolist()


WORKS = [
    ("one observation", lambda: kalman.filter(WALK, [1.0]).means.round(9), [[0.5]]),
    ("one observation to smooth", lambda: smoother.rts(kalman.filter(WALK, [1.0])).means.round(9), [[0.5]]),
    ("nothing but gaps", lambda: kalman.filter(WALK, [math.nan] * 2).covariances[:, 0, 0], [1.0, 2.0]),
    ("a certain state, never seen", lambda: smoother.rts(kalman.filter(EXACT, [math.nan] * 3)).means[:, 0], [0.0] * 3),
    ("nothing but gaps, bent", lambda: extended.filter(BENT, [math.nan]).means, [[0.0]]),
    ("nothing but gaps at sigma points", lambda: unscented.filter(BENT, [math.nan]).means, [[0.0]]),
    ("a certain state's points", lambda: sigma_points(unscented.init(EXACTLY_BENT)).ravel(), [0.0] * 3),
    ("one particle", lambda: particle.filter(RNG, cloud(), [[0.0], [1.0]], 1).means, [[0.0], [0.0]]),
    ("a single weight", lambda: effective_sample_size([3.0]), 1.0),
    ("a weight of zero at the end", lambda: stratified([1.0, 0.0], [0.5, 1 - 2**-53]), [0, 0]),
    ("a constant series", lambda: ExponentialSmoothing().fit([3.0] * 6).forecast(2).mean.round(9), [3.0, 3.0]),
    ("a constant ARIMA", _constant_arima, [4.0, 4.0]),
    ("white noise", lambda: ARIMA((0, 0, 0)).fit([1.0, 2.0, 3.0]).forecast(1).mean.round(9), [2.0]),
    ("no coefficients", lambda: coefficients_from_partial([]), []),
    ("zero forecast as zero", lambda: smape([0.0], [0.0]), 0.0),
    ("a series of zeros", lambda: AdditiveModel().fit([1.0, 2.0, 3.0], [0.0] * 3).predict([4.0]).mean, [0.0]),
    ("an event that is over", lambda: AdditiveModel(events={"e": [9.0]}).fit([0.0, 1.0], [1.0, 1.0]).components([0.0])["e"], [0.0]),
    ("one life", lambda: kaplan_meier([2.0]).survival, [0.0]),
    ("all censored", lambda: kaplan_meier([1.0, 2.0], [0, 0]).survival, []),
    ("no hazard", lambda: nelson_aalen([1.0], [0]).hazard, []),
    ("no events to compare", lambda: log_rank([1.0, 2.0], [0, 0], [0, 1]).statistic, 0.0),
    ("equal covariates", lambda: CoxRegression().fit([[1.0], [1.0]], [1.0, 2.0]).coef_, [0.0]),
    ("all at once", lambda: CoxRegression().fit([[1.0], [0.0]], [1.0, 1.0]).coef_.round(9) + 0, [0.0]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == expected


def test_a_fit_that_does_not_converge_warns() -> None:
    X, times = np.random.default_rng(0).standard_normal((30, 2)), np.arange(30.0)
    with pytest.warns(RuntimeWarning, match="no convergence within 1 steps"):
        CoxRegression(max_iter=1).fit(X, times)
