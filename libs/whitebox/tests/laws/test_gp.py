from __future__ import annotations

import math

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox import gp, linalg
from whitebox.gp import RBF, BayesianOptimizer, Constant, GaussianProcessRegressor, Matern, White

SEEDS = st.integers(0, 2**32 - 1)
KERNELS = [RBF(0.7), Matern(0.7, nu=0.5), Matern(0.7), Matern(0.7, nu=2.5), 2.0 * RBF(1.0) * Matern(1.0) + 0.3]


def drawn(seed: int, n: int = 8, d: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-2, 2, (n, d)), rng.standard_normal(n)


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
@EXAMPLES
@given(SEEDS)
def test_covariances_are_symmetric_and_positive(kernel, seed: int) -> None:
    X, _ = drawn(seed)
    K = kernel(X)
    np.testing.assert_allclose(K, K.T, rtol=1e-12)
    np.testing.assert_allclose(K.diagonal(), kernel.diagonal(X))
    assert linalg.eigh((K + K.T) / 2).values.min() > -1e-9 * K.max()


@EXAMPLES
@given(SEEDS, st.integers(1, 3))
def test_covariances_keep_their_digits_where_distances_are_small(seed: int, d: int) -> None:
    X, _ = drawn(seed, d=d)
    X = 1e3 + 1e-4 * X
    squares = (((X[:, None] - X) / 1e-4) ** 2).sum(axis=2)
    np.testing.assert_allclose(-2 * np.log(RBF(1e-4)(X)), squares, rtol=1e-6, atol=1e-8)
    near, _ = drawn(seed, d=d)
    near[1] = near[0] + 1e-8
    distance = np.sqrt(((near[1] - near[0]) ** 2).sum())
    assert 1 - Matern(1.0, nu=0.5)(near)[0, 1] == pytest.approx(distance, rel=1e-6)


@EXAMPLES
@given(SEEDS)
def test_a_kernel_with_its_own_theta_is_itself(seed: int) -> None:
    kernel = Constant(2.0) * Matern([0.5, 3.0], nu=2.5) + White(0.1, None)
    theta = np.random.default_rng(seed).uniform(-1, 1, 3)
    changed = kernel.with_theta(theta)
    np.testing.assert_allclose(changed.theta, theta)
    assert changed.right == kernel.right
    assert kernel.bounds.shape == (3, 2)
    np.testing.assert_allclose(kernel.with_theta(kernel.theta).theta, kernel.theta)


@EXAMPLES
@given(SEEDS)
def test_without_noise_the_process_goes_through_its_data(seed: int) -> None:
    X, y = drawn(seed)
    mean, std = GaussianProcessRegressor(Matern(0.3), optimizer=None).fit(X, y).predict(X, return_std=True)
    np.testing.assert_allclose(mean, y, atol=1e-5)
    np.testing.assert_allclose(std, 0, atol=1e-3)


@EXAMPLES
@given(SEEDS)
def test_far_from_the_data_there_is_only_the_prior(seed: int) -> None:
    X, y = drawn(seed)
    model = GaussianProcessRegressor(3.0 * RBF(1.0) + White(0.5), optimizer=None).fit(X, y)
    mean, std = model.predict(X + 100, return_std=True)
    np.testing.assert_allclose(mean, 0, atol=1e-12)
    np.testing.assert_allclose(std, math.sqrt(3.5))


@EXAMPLES
@given(SEEDS)
def test_more_data_never_widen_the_prediction(seed: int) -> None:
    X, y = drawn(seed)
    few, many = (
        GaussianProcessRegressor(RBF(0.8), alpha=0.1, optimizer=None).fit(X[:k], y[:k]).predict(X, return_std=True)[1]
        for k in (4, 8)
    )
    assert (many <= few + 1e-9).all()


def test_noise_on_the_diagonal_smooths() -> None:
    """One observation of variance 1 with noise 1: the prediction goes half the way."""
    for model in (
        GaussianProcessRegressor(RBF(1.0), alpha=1.0, optimizer=None),
        GaussianProcessRegressor(RBF(1.0) + White(1.0), alpha=0.0, optimizer=None),
    ):
        assert model.fit([[0.0]], [2.0]).predict([[0.0]])[0] == pytest.approx(1.0)


def test_a_noise_for_each_row_weighs_it() -> None:
    model = GaussianProcessRegressor(RBF(1.0), alpha=np.array([1e-6, 1e6]), optimizer=None)
    assert model.fit([[0.0], [0.0]], [1.0, -1.0]).predict([[0.0]])[0] == pytest.approx(1.0, abs=1e-4)


def test_predictions_follow_the_units_of_normalised_targets() -> None:
    X, y = drawn(0)
    plain = GaussianProcessRegressor(RBF(1.0), alpha=0.1, optimizer=None, normalize_y=True).fit(X, y)
    scaled = GaussianProcessRegressor(RBF(1.0), alpha=0.1, optimizer=None, normalize_y=True).fit(X, 100 * y + 7)
    (mean, std), (other, wider) = (model.predict(X, return_std=True) for model in (plain, scaled))
    np.testing.assert_allclose(other, 100 * mean + 7)
    np.testing.assert_allclose(wider, 100 * std)


def test_fitting_climbs_the_likelihood_to_where_it_is_flat() -> None:
    X, _ = drawn(1, n=40)
    y = np.sin(2 * X[:, 0]) + 0.1 * np.random.default_rng(0).standard_normal(40)
    start = Constant(1.0) * RBF([1.0, 1.0], (1e-3, 1e3)) + White(1.0)
    model = GaussianProcessRegressor(start, tol=1e-3).fit(X, y)
    value, gradient = model.log_marginal_likelihood(eval_gradient=True)
    assert value == pytest.approx(model.log_marginal_likelihood_value_)
    assert value > model.log_marginal_likelihood(start.theta) + 5
    low, high = start.bounds.T
    inside = (model.kernel_.theta > low + 0.1) & (model.kernel_.theta < high - 0.1)
    assert inside[[0, 1, 3]].all()
    assert np.abs(gradient[inside]).max() < 0.05
    more = GaussianProcessRegressor(start, n_restarts=1, random_state=0).fit(X, y)
    assert more.log_marginal_likelihood_value_ >= value - 1e-3


def test_drawn_functions_have_the_predicted_moments() -> None:
    X, y = drawn(2)
    model = GaussianProcessRegressor(RBF(1.0), alpha=0.1, optimizer=None).fit(X, y)
    mean, covariance = model.predict(X[:3] + 0.5, return_cov=True)
    functions = model.sample_y(X[:3] + 0.5, 4000, random_state=1)
    spread = np.sqrt(covariance.diagonal())
    np.testing.assert_allclose(functions.mean(axis=1), mean, atol=4 * spread.max() / math.sqrt(4000))
    np.testing.assert_allclose(np.cov(functions), covariance, atol=4 * spread.max() ** 2 * math.sqrt(2 / 4000))


# Acquisitions and what they lead to.

NUMBERS = st.floats(-5, 5)
SPREADS = st.one_of(st.just(0.0), st.floats(1e-3, 5))


@EXAMPLES
@given(NUMBERS, SPREADS, NUMBERS)
def test_a_lower_mean_and_a_wider_spread_promise_more(mean: float, std: float, best: float) -> None:
    promises = gp.expected_improvement([mean, mean - 0.5, mean], [std, std, std + 0.5], best)
    assert promises[0] >= max(0.0, best - mean) - 1e-12
    assert promises[1] >= promises[0]
    assert promises[2] >= promises[0] - 1e-12
    assert np.diff(gp.upper_confidence_bound([mean, mean - 1], [std, std]))[0] == pytest.approx(1)
    low, high = gp.probability_of_improvement([mean, mean - 0.5], [std, std], best)
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("acquisition", ["ei", "pi", "ucb"])
def test_every_acquisition_gets_near_the_minimum(acquisition) -> None:
    found = gp.minimise(
        lambda x: (x[0] - 3) ** 2, [(-5.0, 10.0)], evaluations=16, acquisition=acquisition, random_state=1
    )
    assert abs(found.x[0] - 3) < 0.5
    assert found.points.shape == (16, 1)
    assert ((found.points >= -5) & (found.points <= 10)).all()
    assert found.value == found.values.min()


def test_a_parabolas_minimum_is_found() -> None:
    found = gp.minimise(lambda x: (x[0] - 0.3) ** 2, [(-1.0, 1.0)], evaluations=9, n_initial=4, random_state=0)
    assert abs(found.x[0] - 0.3) < 0.02


def test_the_first_points_fill_every_slice_of_every_axis() -> None:
    optimizer, points = BayesianOptimizer([(0.0, 1.0), (10.0, 20.0)], n_initial=8, random_state=0), []
    for _ in range(8):
        points.append(optimizer.ask())
        optimizer.tell(points[-1], 0.0)
    slices = np.floor(8 * (np.array(points) - [0, 10]) / [1, 10])
    np.testing.assert_array_equal(np.sort(slices, axis=0), np.tile(np.arange(8)[:, None], 2))


def test_the_same_seed_asks_for_the_same_points() -> None:
    first, again = (gp.minimise(lambda x: abs(x[0]), [(-1.0, 2.0)], evaluations=8, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.points, again.points)
