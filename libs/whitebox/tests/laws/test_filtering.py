from __future__ import annotations

import math
from unittest import mock

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from pairs.filtering import System, systems
from whitebox import _compiled
from whitebox.filtering import (
    Gaussian,
    LinearGaussian,
    NonlinearGaussian,
    _loops,
    extended,
    kalman,
    particle,
    smoother,
    unscented,
)
from whitebox.filtering._steps import empty_results

# A target that moves at a nearly constant speed in the plane, and whose place is seen.
STEP = np.array([[1.0, 1.0], [0.0, 1.0]])
NEARLY_STEADY = np.array([[1 / 3, 1 / 2], [1 / 2, 1.0]])
TARGET = LinearGaussian(
    np.kron(np.eye(2), STEP),
    np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]),
    0.01 * np.kron(np.eye(2), NEARLY_STEADY),
    np.diag([0.5, 2.0]),
    np.zeros(4),
    10 * np.eye(4),
)
AS_FUNCTIONS = NonlinearGaussian(
    lambda x: TARGET.transition @ x,
    lambda x: TARGET.observation @ x,
    *(TARGET.process_noise, TARGET.observation_noise, TARGET.mean, TARGET.covariance),
)
AR1 = LinearGaussian([[0.8]], [[1.0]], [[0.36]], [[0.5]], [0.0], [[1.0]])


def simulated(model: LinearGaussian, steps: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.multivariate_normal(model.mean, model.covariance)
    moves = rng.multivariate_normal(np.zeros_like(x), model.process_noise, steps)
    states = []
    for move in moves:
        states.append(x)
        x = model.transition @ x + move
    noise = rng.multivariate_normal(np.zeros(len(model.observation)), model.observation_noise, steps)
    return np.array(states), np.array(states) @ model.observation.T + noise


def assert_positive_definite(covariances: np.ndarray) -> None:
    np.testing.assert_array_equal(covariances, np.swapaxes(covariances, 1, 2))
    lowest = np.linalg.eigvalsh(covariances)[:, 0]
    assert lowest.min() > 0


def test_covariances_stay_symmetric_and_positive_definite_for_ten_thousand_steps() -> None:
    # Precise observations of a state about which next to nothing is known: what (I - K H) P does not survive.
    model = LinearGaussian(STEP, [[1.0, 0.0]], 1e-8 * NEARLY_STEADY, [[1e-8]], np.zeros(2), 1e4 * np.eye(2))
    filtered = kalman.filter(model, np.zeros(10_000))
    assert_positive_definite(filtered.covariances)
    assert_positive_definite(filtered.predicted_covariances)


@EXAMPLES
@given(st.integers(0, 2**32 - 1))
def test_an_observation_a_billion_times_as_precise_as_what_was_known_leaves_its_own_covariance(seed: int) -> None:
    # (I - K H) P would be all rounding here; the sum of squares is not.
    H = np.linalg.qr(np.random.default_rng(seed).standard_normal((2, 2)))[0] @ np.diag([1.0, 2.0])
    model = LinearGaussian(np.eye(2), H, np.eye(2), 1e-12 * np.eye(2), np.zeros(2), 1e6 * np.eye(2))
    state, _ = kalman.update(model, kalman.init(model), [1.0, 2.0])
    known = np.linalg.inv(H)
    np.testing.assert_allclose(state.covariance, 1e-12 * known @ known.T, rtol=1e-6, atol=1e-18)
    assert_positive_definite(state.covariance[None])


@pytest.mark.parametrize(
    "spread", [unscented.Spread(), unscented.Spread(1.0, 0.0, 0.0), unscented.Spread(1.7, 0.0, 1.0)]
)
def test_the_unscented_filter_stays_positive_definite_on_a_nasty_long_run(spread) -> None:
    # The growth model of Kitagawa, seen through a square, with noise that ranges over twelve orders of magnitude.
    model = NonlinearGaussian(
        lambda x: np.array([x[0] / 2 + 25 * x[0] / (1 + x[0] ** 2), 0.9 * x[1] + 1e-3 * x[0]]),
        lambda x: np.array([x[0] ** 2 / 20, x[1]]),
        np.diag([10.0, 1e-9]),
        np.diag([1e-3, 1e-9]),
        np.zeros(2),
        np.diag([1e4, 1e-6]),
    )
    rng = np.random.default_rng(0)
    filtered = unscented.filter(model, rng.normal(size=(250, 2)) * [5.0, 1.0], spread)
    assert np.isfinite(filtered.log_likelihood)
    for covariances in (filtered.covariances, filtered.predicted_covariances):
        lowest = np.linalg.eigvalsh(covariances)
        assert (lowest[:, 0] > -1e-13 * lowest[:, 1]).all()


def test_a_subtraction_would_have_lost_positive_definiteness_where_the_unscented_filter_keeps_it() -> None:
    model = NonlinearGaussian(
        lambda x: STEP @ x, lambda x: x[:1], 1e-14 * NEARLY_STEADY, [[1e-14]], np.zeros(2), 1e6 * np.eye(2)
    )
    state = unscented.init(model)
    for _ in range(30):
        state, _ = unscented.update(model, unscented.predict(model, state), [0.0])
        np.linalg.cholesky(state.covariance)


@EXAMPLES
@given(systems())
def test_the_compiled_loops_do_what_the_steps_do(drawn: System) -> None:
    s = drawn[0]
    n, m, steps = len(s.mean), len(s.H), len(s.observations)
    inputs = np.random.default_rng(0).standard_normal((steps, n))
    results = empty_results(steps, n, m)
    with mock.patch.object(_compiled, "numba_is_used", return_value=False):
        expected = kalman.filter(s.model, s.observations, inputs=inputs)
        model = s.model
        failed = _loops.filter_all(
            model.transition,
            model.observation,
            model.process_noise,
            model.observation_noise,
            model.mean,
            model.covariance,
            s.observations,
            inputs,
            *results,
        )
        assert failed == -1
        for ours, theirs in zip(results, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)
        room = np.empty((steps - 1, n, n)), np.empty((steps, n)), np.empty((steps, n, n))
        _loops.smooth_all(*expected[:5], *room)
        smoothed = smoother.rts(expected)
        for ours, theirs in zip(room, (smoothed.gains, smoothed.means, smoothed.covariances), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7)


@EXAMPLES
@given(systems())
def test_a_filter_is_its_steps_one_after_the_other(drawn: System) -> None:
    s = drawn[0]
    filtered = kalman.filter(s.model, s.observations)
    state = kalman.init(s.model)
    for t, y in enumerate(s.observations):
        if t:
            state = kalman.predict(s.model, state)
        before = state.mean.copy()
        state, info = kalman.update(s.model, state, y)
        np.testing.assert_allclose(before, filtered.predicted_means[t], rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(state.mean, filtered.means[t], rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(info.innovation, filtered.innovations[t], rtol=1e-8, atol=1e-8)
        assert info.nis == pytest.approx(filtered.nis[t], rel=1e-8, abs=1e-10)


def test_innovations_are_white_and_as_large_as_announced() -> None:
    steps = 4000
    filtered = kalman.filter(TARGET, simulated(TARGET, steps)[1])
    # The mean of T chi-squares of 2 degrees of freedom has a standard error of √(4 / T).
    assert abs(filtered.nis.mean() - 2) < 4 * math.sqrt(4 / steps)
    roots = np.linalg.cholesky(filtered.innovation_covariances)
    white = np.linalg.solve(roots, filtered.innovations[..., None])[..., 0]
    for lag in range(1, 6):
        correlation = (white[lag:].T @ white[:-lag]) / steps
        assert np.abs(correlation).max() < 4 / math.sqrt(steps)


def test_errors_are_as_large_as_the_covariance_says() -> None:
    steps = 4000
    states, observations = simulated(TARGET, steps)
    filtered = kalman.filter(TARGET, observations)
    smoothed = smoother.rts(filtered)
    for means, covariances in ((filtered.means, filtered.covariances), smoothed[:2]):
        errors = (means - states)[::20, :, None]  # far enough from each other to be nearly independent
        nees = (errors * np.linalg.solve(covariances[::20], errors)).sum(axis=(1, 2))
        assert abs(nees.mean() - 4) < 4 * math.sqrt(8 / len(nees))


@EXAMPLES
@given(systems())
def test_smoothing_never_makes_less_certain_and_leaves_the_end_alone(drawn: System) -> None:
    s = drawn[0]
    filtered = kalman.filter(s.model, s.observations)
    smoothed = smoother.rts(filtered)
    np.testing.assert_array_equal(smoothed.means[-1], filtered.means[-1])
    gained = filtered.covariances - smoothed.covariances
    assert (np.linalg.eigvalsh(gained)[:, 0] > -1e-8).all()
    assert (np.linalg.eigvalsh(smoothed.covariances)[:, 0] > -1e-8).all()


@EXAMPLES
@given(systems(missing=False))
def test_the_smoother_finds_the_mean_and_covariance_of_the_joint_normal_distribution(drawn: System) -> None:
    s = drawn[0]
    n, steps = len(s.mean), len(s.observations)
    # All states as a linear function of the first and of all noises.
    step = np.eye(steps * n) - np.kron(np.eye(steps, k=-1), s.F)
    noise = np.kron(np.eye(steps), s.Q)
    noise[:n, :n] = s.covariance
    prior = np.linalg.inv(step)
    joint = prior @ noise @ prior.T
    H = np.kron(np.eye(steps), s.H)
    S = H @ joint @ H.T + np.kron(np.eye(steps), s.R)
    mean = prior[:, :n] @ s.mean
    gain = joint @ H.T @ np.linalg.inv(S)
    surprise = s.observations.ravel() - H @ mean
    filtered = kalman.filter(s.model, s.observations)
    smoothed = smoother.rts(filtered)
    np.testing.assert_allclose(smoothed.means.ravel(), mean + gain @ surprise, rtol=1e-6, atol=1e-6)
    posterior = joint - gain @ H @ joint
    for t in range(steps):
        block = posterior[t * n : (t + 1) * n, t * n : (t + 1) * n]
        np.testing.assert_allclose(smoothed.covariances[t], block, rtol=1e-6, atol=1e-6)
    density = (
        -(len(surprise) * math.log(2 * math.pi) + np.linalg.slogdet(S)[1] + surprise @ np.linalg.solve(S, surprise)) / 2
    )
    assert filtered.log_likelihood == pytest.approx(density, rel=1e-8)


def test_a_reversible_process_looks_the_same_backwards() -> None:
    y = simulated(AR1, 60)[1]
    y[20:30] = np.nan
    there, back = kalman.filter(AR1, y), kalman.filter(AR1, y[::-1])
    assert there.log_likelihood == pytest.approx(back.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(smoother.rts(there).means, smoother.rts(back).means[::-1], rtol=1e-9, atol=1e-12)


@EXAMPLES
@given(systems(), st.floats(-2, 2), st.floats(-2, 2))
def test_units_do_not_matter(drawn: System, state_power: float, seen_power: float) -> None:
    s = drawn[0]
    n, m = len(s.mean), len(s.H)
    D = np.diag(10.0 ** (state_power * np.arange(1, n + 1) / n))
    E = np.diag(10.0 ** (seen_power * np.arange(1, m + 1) / m))
    other = LinearGaussian(
        D @ s.F @ np.linalg.inv(D),
        E @ s.H @ np.linalg.inv(D),
        D @ s.Q @ D,
        E @ s.R @ E,
        D @ s.mean,
        D @ s.covariance @ D,
    )
    ours, theirs = kalman.filter(s.model, s.observations), kalman.filter(other, s.observations * np.diag(E))
    np.testing.assert_allclose(theirs.means, ours.means @ D, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(theirs.nis, ours.nis, rtol=1e-6, atol=1e-8)
    seen = (~np.isnan(s.observations)).sum(axis=0)
    assert theirs.log_likelihood == pytest.approx(ours.log_likelihood - seen @ np.log(np.diag(E)), rel=1e-8, abs=1e-8)


def test_inputs_shift_the_state_and_nothing_else() -> None:
    y, moved = simulated(AR1, 30)[1], np.arange(30.0)
    inputs = (moved[1:] - 0.8 * moved[:-1])[:, None]
    plain, shifted = kalman.filter(AR1, y), kalman.filter(AR1, y + moved[:, None], inputs=inputs)
    np.testing.assert_allclose(shifted.means[:, 0], plain.means[:, 0] + moved, rtol=1e-10)
    np.testing.assert_allclose(shifted.covariances, plain.covariances)


def test_an_observation_that_is_missing_changes_nothing_and_one_without_noise_is_believed() -> None:
    state, info = kalman.update(TARGET, kalman.init(TARGET), [np.nan, np.nan])
    np.testing.assert_array_equal(state.mean, TARGET.mean)
    assert (info.nis, info.log_likelihood) == (0.0, 0.0)
    exact = LinearGaussian(STEP, [[1.0, 0.0]], np.eye(2), [[0.0]], np.zeros(2), np.eye(2))
    state, _ = kalman.update(exact, kalman.init(exact), [3.0])
    assert state.mean[0] == pytest.approx(3)
    assert abs(state.covariance[0, 0]) < 1e-15


def test_in_a_linear_system_the_extended_and_unscented_filters_are_the_kalman_filter() -> None:
    y = simulated(TARGET, 60)[1]
    y[10], y[20, 0] = np.nan, np.nan
    linear = kalman.filter(TARGET, y)
    smoothed = smoother.rts(linear)
    for found, tolerance in (
        (extended.filter(AS_FUNCTIONS, y), 1e-12),
        (unscented.filter(AS_FUNCTIONS, y), 1e-7),
        (unscented.filter(AS_FUNCTIONS, y, unscented.Spread(alpha=1.0)), 1e-11),
        (unscented.filter(AS_FUNCTIONS, y, unscented.Spread(1.5, 0.0, 1.0)), 1e-11),
    ):
        for ours, theirs in zip(found, linear, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=10 * tolerance)
        for ours, theirs in zip(smoother.rts(found)[:2], smoothed[:2], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=10 * tolerance, atol=100 * tolerance)


def test_the_unscented_transform_is_right_to_second_order_where_the_tangent_is_not() -> None:
    square = NonlinearGaussian(lambda x: x**2, lambda x: x, [[0.0]], [[1.0]], [1.0], [[0.25]])
    tangent = extended.predict(square, extended.init(square))
    sigma = unscented.predict(square, unscented.init(square), unscented.Spread(alpha=1.0, beta=2.0, kappa=0.0))
    # x² of N(1, ¼) has mean 1 + ¼ and variance 4 · ¼ + 2 · ¼².
    assert (tangent.mean[0], tangent.covariance[0, 0]) == (1.0, 1.0)
    assert sigma.mean[0] == pytest.approx(1.25)
    assert sigma.covariance[0, 0] == pytest.approx(1.125)


def test_trajectories_drawn_backwards_have_the_smoothers_moments() -> None:
    filtered = kalman.filter(AR1, simulated(AR1, 20)[1])
    smoothed = smoother.rts(filtered)
    count = 4000
    paths = smoother.sample(np.random.default_rng(0), filtered, count)[..., 0]
    spread = np.sqrt(smoothed.covariances[:, 0, 0])
    assert np.abs((paths.mean(axis=0) - smoothed.means[:, 0]) / spread).max() < 4.5 / math.sqrt(count)
    assert np.abs(paths.var(axis=0) / spread**2 - 1).max() < 4.5 * math.sqrt(2 / count)
    # Neighbours vary together as the smoother says: Cov(x_t, x_{t+1} | y) = G P^s.
    together = ((paths - paths.mean(axis=0))[:, 1:] * (paths - paths.mean(axis=0))[:, :-1]).mean(axis=0)
    expected = smoothed.gains[:, 0, 0] * smoothed.covariances[1:, 0, 0]
    assert np.abs(together - expected).max() < 4.5 * (spread**2).max() * math.sqrt(2 / count)


def test_a_state_that_follows_from_others_can_be_smoothed() -> None:
    # Two lags of one process: the predicted covariance is singular.
    model = LinearGaussian(
        [[0.5, 0.3], [1.0, 0.0]], [[1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]], [[0.0]], np.zeros(2), np.eye(2)
    )
    y = np.random.default_rng(0).normal(size=(8, 1))
    smoothed = smoother.rts(kalman.filter(model, y))
    np.testing.assert_allclose(smoothed.means[:, 0], y[:, 0], atol=1e-12)
    np.testing.assert_allclose(smoothed.means[1:, 1], y[:-1, 0], atol=1e-12)


WEIGHTS = st.lists(st.floats(0, 1), min_size=1, max_size=20).filter(lambda w: sum(w) > 1e-3)


@EXAMPLES
@given(WEIGHTS, st.floats(0, 1, exclude_max=True), st.integers(1, 50))
def test_systematic_resampling_gives_each_its_share_rounded_up_or_down(weights, uniform: float, count: int) -> None:
    copies = np.bincount(particle.systematic(weights, uniform, count), minlength=len(weights))
    share = count * np.array(weights) / sum(weights)
    assert (np.abs(copies - share) < 1 + 1e-9).all()
    assert copies.sum() == count
    assert (copies[np.array(weights) == 0] == 0).all()


@EXAMPLES
@given(WEIGHTS, st.integers(0, 2**32 - 1))
def test_stratified_and_multinomial_resampling_leave_out_what_has_no_weight(weights, seed: int) -> None:
    uniforms = np.random.default_rng(seed).random(len(weights))
    for chosen in (particle.stratified(weights, uniforms), particle.multinomial(weights, uniforms)):
        assert (np.array(weights)[chosen] > 0).all()
    assert (np.diff(particle.stratified(weights, uniforms)) >= 0).all()


@pytest.mark.parametrize("scheme", ["systematic", "stratified", "multinomial"])
def test_resampling_is_unbiased_and_systematic_varies_least(scheme: str) -> None:
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(12))
    state = particle.Particles(np.arange(12.0)[:, None], np.log(weights))
    draws = np.array(
        [np.bincount(particle.resample(rng, state, scheme).states[:, 0].astype(int), minlength=12) for _ in range(2000)]
    )
    standard_error = draws.std(axis=0) / math.sqrt(len(draws)) + 1e-9
    assert (np.abs(draws.mean(axis=0) - 12 * weights) < 4.5 * standard_error).all()
    variance, multinomial = draws.var(axis=0).sum(), 12 * (weights * (1 - weights)).sum()
    if scheme == "multinomial":
        assert variance == pytest.approx(multinomial, rel=0.15)
    else:
        assert variance < 0.6 * multinomial


def gaussian_walk() -> particle.StateSpace:
    return particle.StateSpace(
        lambda rng, count: rng.normal(0, 1, (count, 1)),
        lambda rng, states: 0.8 * states + rng.normal(0, 0.6, states.shape),
        lambda y, states: -((y[0] - states[:, 0]) ** 2) / (2 * 0.5) - math.log(2 * math.pi * 0.5) / 2,
    )


def test_resampled_particles_weigh_the_same() -> None:
    state = particle.Particles(np.arange(4.0)[:, None], np.log([0.7, 0.1, 0.1, 0.1]))
    again = particle.resample(np.random.default_rng(0), state)
    np.testing.assert_allclose(again.weights, 0.25)
    assert particle.effective_sample_size(again.weights) == pytest.approx(4)


def test_the_particle_filter_converges_to_the_kalman_filter() -> None:
    y = simulated(AR1, 25)[1]
    y[7] = np.nan
    exact = kalman.filter(AR1, y)
    runs, count = 30, 400
    rng = np.random.default_rng(1)
    found = [particle.filter(rng, gaussian_walk(), y, count) for _ in range(runs)]
    means = np.array([run.means[:, 0] for run in found])
    standard_error = means.std(axis=0) / math.sqrt(runs)
    assert (np.abs(means.mean(axis=0) - exact.means[:, 0]) < 5 * standard_error + 2e-3).all()
    variances = np.array([run.covariances[:, 0, 0] for run in found]).mean(axis=0)
    np.testing.assert_allclose(variances, exact.covariances[:, 0, 0], rtol=0.08)
    # The likelihood itself, not its logarithm, is estimated without bias.
    ratios = np.exp([run.log_likelihood - exact.log_likelihood for run in found])
    assert abs(ratios.mean() - 1) < 4 * ratios.std() / math.sqrt(runs)
    assert any(run.resampled.any() for run in found)
    assert not found[0].resampled[-1]


def test_particles_are_resampled_when_their_weights_have_become_unequal_and_only_then() -> None:
    y = simulated(AR1, 25)[1]
    never = particle.filter(np.random.default_rng(0), gaussian_walk(), y, 200, threshold=0.0)
    often = particle.filter(np.random.default_rng(0), gaussian_walk(), y, 200, threshold=1.0)
    half = particle.filter(np.random.default_rng(0), gaussian_walk(), y, 200)
    assert not never.resampled.any()
    assert often.resampled[:-1].all()
    np.testing.assert_array_equal(half.resampled[:-1], half.effective_sample_sizes[:-1] < 100)
    assert never.effective_sample_sizes[-1] < 20 < often.effective_sample_sizes[-1]


def test_kernels_change_nothing_in_place() -> None:
    state = Gaussian(np.ones(4), 2 * np.eye(4))
    kalman.update(TARGET, kalman.predict(TARGET, state), [1.0, 2.0])
    np.testing.assert_array_equal(state.mean, np.ones(4))
    np.testing.assert_array_equal(state.covariance, 2 * np.eye(4))
    cloud = particle.Particles(np.zeros((3, 1)), np.log(np.full(3, 1 / 3)))
    rng = np.random.default_rng(0)
    particle.update(gaussian_walk(), particle.predict(rng, gaussian_walk(), cloud), [1.0])
    np.testing.assert_array_equal(cloud.states, np.zeros((3, 1)))
