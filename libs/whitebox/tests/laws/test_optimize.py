from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from whitebox import optimize
from whitebox.optimize import (
    AdaGrad,
    Adam,
    AdamW,
    CosineDecay,
    ExponentialDecay,
    GradientDescent,
    Momentum,
    NAdam,
    Nesterov,
    RMSprop,
    StepDecay,
    WarmUp,
    descend,
)

ALL = [GradientDescent(0.1), Momentum(0.1), Nesterov(0.1), AdaGrad(0.1), RMSprop(), Adam(), AdamW(), NAdam()]
GRADIENTS = arrays(float, (6, 3), elements=st.floats(-10, 10).map(lambda g: round(g, 3)))


def path(optimizer, gradients) -> np.ndarray:
    x = np.ones(gradients.shape[1:])
    state, points = optimizer.init(x), []
    for gradient in gradients:
        x, state = optimizer.step(x, gradient, state)
        points.append(x)
    return np.array(points)


@pytest.mark.parametrize("optimizer", ALL, ids=lambda optimizer: type(optimizer).__name__)
def test_a_step_changes_nothing_in_place_and_goes_downhill(optimizer) -> None:
    x, gradient = np.array([[1.0, -2.0]]), np.array([[3.0, -1.0]])
    state = optimizer.init(x)
    first, then = optimizer.step(x, gradient, state)
    again, _ = optimizer.step(x, gradient, state)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(x, [[1.0, -2.0]])
    assert (state.step, then.step) == (0, 1)
    assert ((first - x) * gradient < 0).all()


@pytest.mark.parametrize("optimizer", ALL, ids=lambda optimizer: type(optimizer).__name__)
def test_every_optimiser_gets_down_a_long_valley(optimizer) -> None:
    curvature = np.array([1.0, 10.0])
    faster = type(optimizer)(0.05)
    x = descend(lambda point: curvature * point, [3.0, -2.0], faster, steps=3000)
    assert np.abs(x).max() < 0.1


@pytest.mark.parametrize("make", [AdaGrad, RMSprop, Adam, NAdam])
@EXAMPLES
@given(GRADIENTS, st.sampled_from([1e-6, 1e6]))
def test_adaptive_steps_do_not_depend_on_the_scale_of_the_gradient(make, gradients, scale: float) -> None:
    np.testing.assert_allclose(
        path(make(0.1, epsilon=0.0), gradients), path(make(0.1, epsilon=0.0), scale * gradients), rtol=1e-9, atol=1e-9
    )


@EXAMPLES
@given(GRADIENTS)
def test_without_momentum_or_decay_the_family_falls_together(gradients) -> None:
    plain = path(GradientDescent(0.1), gradients)
    np.testing.assert_array_equal(path(Momentum(0.1, momentum=0.0), gradients), plain)
    np.testing.assert_array_equal(path(Nesterov(0.1, momentum=0.0), gradients), plain)
    np.testing.assert_allclose(path(AdamW(0.1, weight_decay=0.0), gradients), path(Adam(0.1), gradients))


def test_the_first_step_of_adam_has_the_length_of_the_rate_in_every_coordinate() -> None:
    steps = path(Adam(0.25, epsilon=0.0), np.array([[1e-5, -3.0, 1e7]])) - 1
    np.testing.assert_allclose(steps, [[-0.25, 0.25, -0.25]], rtol=1e-12)


def test_a_parameter_without_a_gradient_stays_where_it_is() -> None:
    for make in (AdaGrad, RMSprop, Adam, NAdam):
        assert (path(make(0.1, epsilon=0.0), np.zeros((3, 2))) == 1).all()


def test_weight_decay_shrinks_apart_from_the_gradient() -> None:
    decayed = path(AdamW(0.1, weight_decay=0.5), np.zeros((3, 1)))
    np.testing.assert_allclose(decayed[:, 0], 0.95 ** np.arange(1, 4))
    # Were the decay part of the gradient, Adam would normalise it away and shrink large and small ones alike.
    x, _ = AdamW(0.1, weight_decay=0.5).step(np.array([1.0, 100.0]), np.zeros(2), AdamW(0.1).init(np.zeros(2)))
    np.testing.assert_allclose(x, [0.95, 95.0])


def test_plain_descent_contracts_by_one_minus_rate_times_curvature() -> None:
    x = descend(lambda point: np.array([1.0, 4.0]) * point, [1.0, 1.0], GradientDescent(0.1), steps=7)
    np.testing.assert_allclose(x, [0.9**7, 0.6**7])


def test_under_a_steady_gradient_momentum_speeds_up_to_the_geometric_limit() -> None:
    points = path(Momentum(0.1, momentum=0.5), np.ones((60, 1)))
    np.testing.assert_allclose(points[-2] - points[-1], 0.1 / (1 - 0.5))


@EXAMPLES
@given(st.floats(1e-4, 1), st.integers(1, 20), st.floats(0.1, 1))
def test_decays_fall_from_the_initial_rate_and_warm_up_rises_to_it(rate: float, steps: int, factor: float) -> None:
    for schedule in (StepDecay(rate, factor, steps), ExponentialDecay(rate, factor), CosineDecay(rate, steps)):
        rates = [schedule(step) for step in range(2 * steps)]
        assert rates[0] == pytest.approx(rate)
        assert all(b <= a * (1 + 1e-12) for a, b in itertools.pairwise(rates))
        warmed = WarmUp(steps, schedule)
        rising = [warmed(step) for step in range(steps)]
        assert rising == sorted(rising)
        assert rising[-1] == pytest.approx(rate)
        assert [warmed(steps + step) for step in range(2 * steps)] == rates
    assert CosineDecay(rate, steps, final=rate / 2)(99) == pytest.approx(rate / 2)


def test_a_schedule_drives_the_rate_step_by_step() -> None:
    x = path(GradientDescent(StepDecay(1.0, factor=0.5, every=1)), np.ones((4, 1)))
    np.testing.assert_allclose(x[:, 0], 1 - np.cumsum([1, 0.5, 0.25, 0.125]))


def rosenbrock(x) -> tuple[float, np.ndarray]:
    a, b = x[:-1], x[1:]
    gradient = np.zeros_like(x)
    gradient[:-1] = -400 * a * (b - a**2) - 2 * (1 - a)
    gradient[1:] += 200 * (b - a**2)
    return float((100 * (b - a**2) ** 2 + (1 - a) ** 2).sum()), gradient


def rosenbrock_hessian(x) -> np.ndarray:
    a, b = x[:-1], x[1:]
    diagonal = np.zeros_like(x)
    diagonal[:-1] = 1200 * a**2 - 400 * b + 2
    diagonal[1:] += 200
    return np.diag(diagonal) + np.diag(-400 * a, 1) + np.diag(-400 * a, -1)


POINTS = arrays(float, 3, elements=st.floats(-2, 2))


@EXAMPLES
@given(POINTS, st.floats(0.01, 5), st.floats(1e-3, 10))
def test_the_line_searches_keep_what_they_promise(x, length: float, initial: float) -> None:
    value, gradient = rosenbrock(x)
    if (gradient**2).sum() < 1e-8:
        return
    p = -length * gradient / np.sqrt((gradient**2).sum())
    slope = gradient @ p
    step = optimize.armijo(rosenbrock, x, p, initial=initial)
    assert step.size > 0
    assert step.value <= value + 1e-4 * step.size * slope
    for c2 in (0.9, 0.1):
        step = optimize.strong_wolfe(rosenbrock, x, p, initial=initial, c2=c2)
        assert step.size > 0
        assert step.value <= value + 1e-4 * step.size * slope
        assert abs(step.gradient @ p) <= -c2 * slope
        np.testing.assert_array_equal(step.x, x + step.size * p)
        assert step.value == rosenbrock(step.x)[0]


def test_line_searches_step_back_from_where_the_objective_is_not_defined() -> None:
    def barrier(x) -> tuple[float, np.ndarray]:
        if x[0] <= 0:
            return math.nan, np.full(1, math.nan)
        return x[0] - math.log(x[0]), 1 - 1 / x

    for search in (optimize.armijo, optimize.strong_wolfe):
        step = search(barrier, [2.0], [-40.0])
        assert 0 < step.x[0] < 2
    assert optimize.lbfgs(barrier, [20.0]).x[0] == pytest.approx(1)


def test_a_line_search_that_finds_nothing_stays() -> None:
    def kink(x) -> tuple[float, np.ndarray]:
        return abs(x[0]), np.array([-1.0])  # the gradient lies: there is no way down from 0

    for search in (optimize.armijo, optimize.strong_wolfe):
        step = search(kink, [0.0], [1.0], max_iter=20)
        assert (step.size, step.x[0], step.evaluations) == (0.0, 0.0, 21)


@EXAMPLES
@given(POINTS)
def test_all_methods_reach_the_bottom_of_rosenbrocks_valley(x) -> None:
    start = np.concatenate([x, x])[:2]
    for minimum in (
        optimize.newton(rosenbrock, rosenbrock_hessian, start),
        optimize.bfgs(rosenbrock, start),
        optimize.lbfgs(rosenbrock, start),
    ):
        assert minimum.converged
        np.testing.assert_allclose(minimum.x, 1, atol=1e-5)
        np.testing.assert_array_equal(minimum.gradient, rosenbrock(minimum.x)[1])
        assert minimum.value == rosenbrock(minimum.x)[0]


@EXAMPLES
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_newton_needs_one_step_for_a_parabola_and_is_blind_to_a_change_of_coordinates(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    B, T = rng.standard_normal((n, n)), np.eye(n) + 0.3 * np.tril(rng.standard_normal((n, n)), -1)
    A, b, x = B @ B.T + np.eye(n), rng.standard_normal(n), rng.standard_normal(n)
    minimum = optimize.newton(lambda z: (float(z @ A @ z / 2 - b @ z), A @ z - b), lambda z: A, x)
    assert minimum.iterations <= 1
    np.testing.assert_allclose(A @ minimum.x, b, atol=1e-8)

    def bent(z):
        return float(np.cosh(z).sum() - b @ z), np.sinh(z) - b

    def turned(z):
        value, gradient = bent(T @ z)
        return value, T.T @ gradient

    one = optimize.newton(bent, lambda z: np.diag(np.cosh(z)), T @ x, max_iter=2)
    other = optimize.newton(turned, lambda z: (T.T * np.cosh(T @ z)) @ T, x, max_iter=2)
    np.testing.assert_allclose(T @ other.x, one.x, rtol=1e-6, atol=1e-8)


def test_newton_leaves_a_saddle_downhill() -> None:
    def saddle(x):
        return float(x[0] ** 2 - x[1] ** 2 + x[1] ** 4), np.array([2 * x[0], -2 * x[1] + 4 * x[1] ** 3])

    minimum = optimize.newton(saddle, lambda x: np.diag([2.0, -2 + 12 * x[1] ** 2]), [1.0, 0.01])
    np.testing.assert_allclose(minimum.x, [0, math.sqrt(0.5)], atol=1e-6)


@EXAMPLES
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 8))
def test_the_two_loops_map_the_last_change_of_gradient_to_the_last_step(seed: int, n: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((n, n))
    steps = list(rng.standard_normal((count, n)))
    changes = [(B @ B.T + np.eye(n)) @ s for s in steps]
    np.testing.assert_allclose(optimize.two_loop(changes[-1], steps, changes), steps[-1], rtol=1e-8, atol=1e-8)


def test_running_out_of_steps_is_said() -> None:
    for minimum in (
        optimize.newton(rosenbrock, rosenbrock_hessian, [-1.2, 1.0], max_iter=2),
        optimize.bfgs(rosenbrock, [-1.2, 1.0], max_iter=2),
        optimize.lbfgs(rosenbrock, [-1.2, 1.0], max_iter=2),
    ):
        assert not minimum.converged
        assert minimum.iterations == 2
        assert minimum.value < rosenbrock(np.array([-1.2, 1.0]))[0]


def test_at_the_minimum_nothing_is_done() -> None:
    for minimum in (
        optimize.newton(rosenbrock, rosenbrock_hessian, [1.0, 1.0]),
        optimize.bfgs(rosenbrock, [1.0, 1.0]),
        optimize.lbfgs(rosenbrock, [1.0, 1.0]),
    ):
        assert (minimum.iterations, minimum.evaluations, minimum.converged) == (0, 1, True)
