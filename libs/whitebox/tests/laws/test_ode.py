from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from whitebox.autograd import Tensor, gradcheck
from whitebox.errors import ConvergenceError
from whitebox.ode.ensemble import NeuralODEEnsemble
from whitebox.ode.neural_ode import NeuralODE, VectorField, odeint, odeint_adjoint
from whitebox.ode.runge_kutta import dormand_prince, rk4


def prey(t, y):
    """Lotka and Volterra's predators and prey."""
    return np.array([1.1 * y[0] - y[0] * y[1], y[0] * y[1] - y[1]])


def test_rk4_is_of_fourth_order() -> None:
    exact = dormand_prince(prey, [1.0, 0.5], [0.0, 4.0], rtol=1e-12, atol=1e-13).states[-1]
    errors = [np.abs(rk4(prey, [1.0, 0.5], [0.0, 4.0], steps=n).states[-1] - exact).max() for n in (40, 80, 160)]
    np.testing.assert_allclose(np.log2([errors[0] / errors[1], errors[1] / errors[2]]), 4, atol=0.15)


def test_rk4_integrates_cubic_polynomials_exactly() -> None:
    found = rk4(lambda t, y: [4 * t**3 - 3 * t**2 + 1], [2.0], [-1.0, 2.0]).states[-1]
    np.testing.assert_allclose(found, [2 + (16 - 8 + 2) - (1 + 1 - 1)], rtol=1e-14)


def test_the_error_follows_the_tolerance_and_costs_its_fifth_root() -> None:
    errors, costs = [], []
    for rtol in (1e-4, 1e-7, 1e-10):
        found = dormand_prince(lambda t, y: [y[1], -y[0]], [0.0, 1.0], [0.0, 20.0], rtol=rtol, atol=rtol)
        errors.append(np.abs(found.states[-1] - [np.sin(20.0), np.cos(20.0)]).max())
        costs.append(found.evaluations)
    assert all(error < 40 * rtol for error, rtol in zip(errors, (1e-4, 1e-7, 1e-10), strict=True))
    np.testing.assert_allclose(np.diff(np.log10(costs)), 3 / 5, atol=0.12)


def test_states_between_steps_are_as_good_as_those_at_their_ends() -> None:
    times = np.linspace(0.0, 6.0, 97)
    found = dormand_prince(lambda t, y: [y[1], -y[0]], [0.0, 1.0], times, rtol=1e-8, atol=1e-10)
    assert found.steps < 90
    np.testing.assert_allclose(found.states[:, 0], np.sin(times), atol=2e-7)


def test_a_sudden_turn_is_not_run_over() -> None:
    found = dormand_prince(lambda t, y: [np.tanh(200 * (t - 5))], [0.0], [0.0, 5.5], rtol=1e-8, atol=1e-8)
    assert found.rejected > 0
    np.testing.assert_allclose(found.states[-1], [-4.5], atol=1e-6)


def test_what_goes_forth_comes_back() -> None:
    there = dormand_prince(prey, [1.0, 0.5], [0.0, 3.0], rtol=1e-10).states[-1]
    np.testing.assert_allclose(dormand_prince(prey, there, [3.0, 0.0], rtol=1e-10).states[-1], [1.0, 0.5], rtol=1e-8)


def test_a_solution_that_ends_is_said_to_end() -> None:
    with pytest.raises(ConvergenceError, match="at t = 1"):
        dormand_prince(lambda t, y: y**2, [1.0], [0.0, 2.0])


def network(*, with_time: bool = False) -> VectorField:
    return VectorField(2, hidden=(8,), with_time=with_time, rng=np.random.default_rng(0), dtype=np.float64)


def gradients(field: VectorField, *, steps: int, adjoint: bool) -> np.ndarray:
    rng = np.random.default_rng(1)
    y0, weights = Tensor(rng.standard_normal((3, 2)), requires_grad=True), rng.standard_normal((4, 3, 2))
    field.zero_grad()
    states = NeuralODE(field, steps=steps, adjoint=adjoint)(y0, [0.0, 0.5, 1.2, 2.0])
    (states * weights).sum().backward()
    return np.concatenate([y0.grad.ravel(), *(one.grad.ravel() for one in field.parameters())])


def test_adjoint_gradients_tend_to_those_through_the_solver_with_fourth_order() -> None:
    for with_time in (False, True):
        field = network(with_time=with_time)
        gaps = []
        for steps in (2, 4, 8):
            through = gradients(field, steps=steps, adjoint=False)
            gaps.append(np.abs(gradients(field, steps=steps, adjoint=True) - through).max() / np.abs(through).max())
        assert gaps[-1] < 1e-7
        np.testing.assert_allclose(np.log2([gaps[0] / gaps[1], gaps[1] / gaps[2]]), 4, atol=0.4)


def test_gradients_through_the_solver_are_those_of_differences() -> None:
    field, y0 = network(with_time=True), Tensor(np.array([[0.3, -0.5]]), requires_grad=True)
    first, last = field.parameters()[0], field.parameters()[-1]
    assert gradcheck(lambda y, *_: odeint(field, y, [0.0, 0.4, 1.0], steps=2), y0, first, last)


def test_the_adjoint_of_a_linear_equation_is_its_closed_form() -> None:
    rate, y0 = Tensor(np.array(-0.7), requires_grad=True), Tensor(np.array([2.0]), requires_grad=True)
    states = odeint_adjoint(lambda t, y: rate * y, y0, [0.0, 1.0, 3.0], parameters=[rate], steps=40)
    states[1:].sum().backward()
    decays = np.exp(-0.7 * np.array([1.0, 3.0]))
    np.testing.assert_allclose(y0.grad, [decays.sum()], rtol=1e-6)
    np.testing.assert_allclose(rate.grad, 2 * (decays * [1, 3]).sum(), rtol=1e-6)


def test_the_adjoint_adds_to_gradients_once_and_leaves_what_is_frozen() -> None:
    field, y0 = network(), Tensor(np.ones((1, 2)))
    frozen, *learned = field.parameters()
    frozen.requires_grad = False
    found = []
    for kept in (0.0, 1.0):
        for one in learned:
            one.grad = np.full(one.shape, kept)
        odeint_adjoint(field, y0, [0.0, 1.0], parameters=field.parameters())[1].sum().backward()
        found.append([one.grad for one in learned])
    for alone, added in zip(*found, strict=True):
        np.testing.assert_allclose(added, alone + 1)
    assert y0.grad is None
    assert frozen.grad is None


def test_single_precision_stays_single() -> None:
    for adjoint in (False, True):
        field, y0 = (
            VectorField(2, with_time=True, rng=np.random.default_rng(0)),
            Tensor(np.ones((3, 2), np.float32), True),
        )
        states = NeuralODE(field, steps=2, adjoint=adjoint)(y0, [0.0, 0.5, 1.0])
        states.sum().backward()
        assert {one.dtype for one in (states, y0.grad, *(one.grad for one in field.parameters()))} == {np.dtype("f4")}


def peak(steps: int, *, adjoint: bool) -> int:
    model, y0 = NeuralODE(network(), steps=steps, adjoint=adjoint), Tensor(np.ones((100, 2)), requires_grad=True)
    tracemalloc.start()
    try:
        model(y0, [0.0, 1.0])[1].sum().backward()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_adjoint_needs_no_more_memory_for_more_steps() -> None:
    peak(1, adjoint=True)
    assert peak(40, adjoint=True) < 1.2 * peak(5, adjoint=True)
    assert peak(40, adjoint=False) > 6 * peak(5, adjoint=False)


def trajectories(n: int, seed: int, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    times, starts = np.linspace(0.0, 5.0, 21), rng.uniform(0.5, 2.0, (2, n))
    clean = rk4(prey, starts, times, steps=10).states.transpose(2, 0, 1)
    return times, clean + noise * rng.standard_normal(clean.shape)


@pytest.mark.slow
def test_bands_hold_the_share_of_new_observations_that_they_promise() -> None:
    times, seen = trajectories(30, 0)
    _, fresh = trajectories(40, 1)
    model = NeuralODEEnsemble(hidden=(16,), max_iter=300, learning_rate=0.02, random_state=0).fit(times, seen)
    # What was added is found again, though no trajectory was ever seen without it.
    np.testing.assert_allclose(model.noise_, 0.05, rtol=0.2)
    low, high = model.predict_interval(fresh[:, 0], times, level=0.9)
    covered = ((low <= fresh) & (fresh <= high))[:, 1:].mean()
    assert 0.8 < covered < 0.97
    bands = model.predict(fresh[:, 0], times)
    assert np.sqrt(np.mean((fresh - bands.mean)[:, 1:] ** 2)) < 0.15  # the states' own deviation is 0.5
    # Noise alone, without what the networks disagree on, would promise too much.
    assert (np.abs(fresh - bands.mean) < 1.645 * model.noise_)[:, 1:].mean() < 0.75
    far = model.predict([[1.0, 1.0], [8.0, 8.0]], times).epistemic.mean(axis=(1, 2))
    assert far[1] > 3 * far[0]
