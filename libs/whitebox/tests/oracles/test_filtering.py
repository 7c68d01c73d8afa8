from __future__ import annotations

import numpy as np
import pytest
from filterpy.common import Q_discrete_white_noise
from filterpy.kalman import ExtendedKalmanFilter, KalmanFilter, MerweScaledSigmaPoints, UnscentedKalmanFilter
from filterpy.monte_carlo import stratified_resample, systematic_resample
from scipy.linalg import block_diag
from statsmodels.datasets import nile
from statsmodels.tsa.statespace.structural import UnobservedComponents
from whitebox.filtering import LinearGaussian, NonlinearGaussian, extended, kalman, particle, smoother, unscented


def target() -> LinearGaussian:
    step = np.array([[1.0, 0.5], [0.0, 1.0]])
    noise = Q_discrete_white_noise(2, 0.5, 0.1)
    return LinearGaussian(
        block_diag(step, step),
        [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
        block_diag(noise, noise),
        [[0.5, 0.1], [0.1, 0.3]],
        [1.0, 0.0, -1.0, 0.0],
        4 * np.eye(4),
    )


def positions(steps: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.cumsum(rng.normal(size=(steps, 2)), axis=0) + rng.normal(size=(steps, 2))


def test_filtered_and_smoothed_states_are_filterpys() -> None:
    model, y = target(), positions(500)
    theirs = KalmanFilter(4, 2)
    theirs.F, theirs.H, theirs.Q, theirs.R = (
        model.transition,
        model.observation,
        model.process_noise,
        model.observation_noise,
    )
    theirs.x, theirs.P = model.mean.copy(), model.covariance.copy()
    means, covariances, _, _ = theirs.batch_filter(y, update_first=True)
    ours = kalman.filter(model, y)
    np.testing.assert_allclose(ours.means, means, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.covariances, covariances, rtol=1e-9, atol=1e-12)
    smoothed = smoother.rts(ours)
    expected = theirs.rts_smoother(means, covariances)
    np.testing.assert_allclose(smoothed.means, expected[0], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(smoothed.covariances, expected[1], rtol=1e-8, atol=1e-10)


def test_a_level_of_the_nile_with_gaps_is_statsmodels() -> None:
    flow = nile.load_pandas().data["volume"].to_numpy().copy()
    flow[20:40] = np.nan
    variances = [15099.0, 1469.1]
    theirs = UnobservedComponents(flow, "llevel")
    theirs.ssm.initialize_known(np.array([1000.0]), np.array([[1e5]]))
    theirs.ssm.loglikelihood_burn = 0
    result = theirs.smooth(variances)
    model = LinearGaussian([[1.0]], [[1.0]], [[variances[1]]], [[variances[0]]], [1000.0], [[1e5]])
    ours = kalman.filter(model, flow)
    np.testing.assert_allclose(ours.means[:, 0], result.filtered_state[0], rtol=1e-9)
    np.testing.assert_allclose(ours.log_likelihoods, result.llf_obs, rtol=1e-9, atol=1e-9)
    smoothed = smoother.rts(ours)
    np.testing.assert_allclose(smoothed.means[:, 0], result.smoothed_state[0], rtol=1e-9)
    np.testing.assert_allclose(smoothed.covariances[:, 0, 0], result.smoothed_state_cov[0, 0], rtol=1e-8)


# A radar sees the distance and the angle of what moves in the plane.
def _move(x):
    return np.array([x[0] + 0.5 * x[1], x[1], x[2] + 0.5 * x[3], 0.99 * x[3]])


def radar() -> tuple[NonlinearGaussian, np.ndarray]:
    rng = np.random.default_rng(1)
    noise = Q_discrete_white_noise(2, 0.5, 0.05)
    model = NonlinearGaussian(
        lambda x: [x[0] + 0.5 * x[1], x[1], x[2] + 0.5 * x[3], 0.99 * x[3]],
        lambda x: [np.sqrt(x[0] ** 2 + x[2] ** 2), np.arctan(x[2] / x[0])],
        block_diag(noise, noise),
        np.diag([0.25, 1e-3]),
        [20.0, 1.0, 10.0, 0.5],
        np.diag([4.0, 1.0, 4.0, 1.0]),
    )
    x, seen = model.mean, []
    for _ in range(150):
        seen.append(np.array(model.observation(x)) + rng.normal(size=2) * [0.5, 0.03])
        x = _move(x) + rng.multivariate_normal(np.zeros(4), model.process_noise)
    return model, np.array(seen)


def test_the_extended_filter_is_filterpys_with_jacobians_from_dual_numbers() -> None:
    model, y = radar()

    def slope(x):
        x = x.ravel()
        far = x[0] ** 2 + x[2] ** 2
        return np.array([[x[0], 0, x[2], 0], [-x[2] / np.sqrt(far), 0, x[0] / np.sqrt(far), 0]]) / np.sqrt(far)

    theirs = ExtendedKalmanFilter(4, 2)
    theirs.x, theirs.P, theirs.Q, theirs.R = (
        model.mean[:, None],
        model.covariance,
        model.process_noise,
        model.observation_noise,
    )
    theirs.F = np.array([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.5], [0, 0, 0, 0.99]])
    ours = extended.filter(model, y)
    for t, row in enumerate(y):
        if t:
            theirs.predict()
        theirs.update(row[:, None], slope, lambda x: np.array(model.observation(x.ravel()))[:, None])
        np.testing.assert_allclose(ours.means[t], theirs.x.ravel(), rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(ours.covariances[t], theirs.P, rtol=1e-8, atol=1e-10)
    given = NonlinearGaussian(
        model.transition,
        model.observation,
        *(model.process_noise, model.observation_noise, model.mean, model.covariance),
        observation_jacobian=slope,
    )
    np.testing.assert_allclose(extended.filter(given, y).means, ours.means, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("alpha", "beta", "kappa"), [(0.5, 2.0, 0.0), (1.0, 2.0, 1.0), (0.1, 0.0, 0.0)])
def test_the_unscented_filter_is_filterpys(alpha: float, beta: float, kappa: float) -> None:
    model, y = radar()
    points = MerweScaledSigmaPoints(4, alpha, beta, kappa)
    theirs = UnscentedKalmanFilter(4, 2, 0.5, lambda x: np.array(model.observation(x)), lambda x, dt: _move(x), points)
    theirs.x, theirs.P, theirs.Q, theirs.R = (
        model.mean.copy(),
        model.covariance,
        model.process_noise,
        model.observation_noise,
    )
    # Theirs has drawn its points at the prediction, so that the first one stands for no step of time.
    theirs.sigmas_f = points.sigma_points(theirs.x, theirs.P)
    ours = unscented.filter(model, y, unscented.Spread(alpha, beta, kappa))
    for t, row in enumerate(y[:60]):
        if t:
            theirs.predict()
            # Ours draws points anew from the prediction with its noise; theirs keeps those that were moved.
            theirs.sigmas_f = points.sigma_points(theirs.x, theirs.P)
        theirs.update(row)
        np.testing.assert_allclose(ours.means[t], theirs.x, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(ours.covariances[t], theirs.P, rtol=1e-5, atol=1e-8)


def test_a_particle_filter_agrees_with_the_unscented_one_about_the_radar() -> None:
    model, y = radar()
    Q, R = model.process_noise, model.observation_noise
    root, inverse = np.linalg.cholesky(Q + 1e-12 * np.eye(4)), 1 / np.diag(R)

    def seen(obs, states):
        far, angle = np.hypot(states[:, 0], states[:, 2]), np.arctan(states[:, 2] / states[:, 0])
        residual = obs - np.column_stack([far, angle])
        return -(residual**2 @ inverse + np.log((2 * np.pi) ** 2 * R[0, 0] * R[1, 1])) / 2

    system = particle.StateSpace(
        lambda rng, count: rng.multivariate_normal(model.mean, model.covariance, count),
        lambda rng, states: _move(states.T).T + rng.standard_normal(states.shape) @ root.T,
        seen,
    )
    found = particle.filter(np.random.default_rng(0), system, y[:60], 4000)
    near = unscented.filter(model, y[:60])
    spread = np.sqrt(np.diagonal(near.covariances, axis1=1, axis2=2))
    assert np.abs((found.means - near.means) / spread).mean() < 0.1
    assert found.log_likelihood == pytest.approx(near.log_likelihood, abs=3)


def test_resampling_is_filterpys(monkeypatch) -> None:
    rng = np.random.default_rng(2)
    weights, uniforms = rng.dirichlet(np.ones(50)), rng.random(50)
    theirs = "filterpy.monte_carlo.resampling"
    monkeypatch.setattr(f"{theirs}.random", lambda *size: uniforms[: size[0]] if size else uniforms[0])
    np.testing.assert_array_equal(particle.systematic(weights, uniforms[0]), systematic_resample(weights))
    np.testing.assert_array_equal(particle.stratified(weights, uniforms), stratified_resample(weights))
