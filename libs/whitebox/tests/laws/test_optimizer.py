"""Laws of steps over a module's parameters."""

from __future__ import annotations

import numpy as np
import pytest
from whitebox.errors import NotFiniteError, ShapeError, StateError
from whitebox.nn import Linear, Optimizer, Parameter, Sequential
from whitebox.nn import _optimizer as optimizer_module
from whitebox.optimize import first_order
from whitebox.safetensors import load_safetensors, save_safetensors

METHODS = [
    first_order.GradientDescent(0.1),
    first_order.Momentum(0.1),
    first_order.Nesterov(0.1),
    first_order.AdaGrad(0.1),
    first_order.RMSprop(0.1),
    first_order.Adam(lambda step: np.float64(0.1) / (step + 1)),
    first_order.AdamW(0.1, weight_decay=0.3),
    first_order.NAdam(0.1),
]


def gradients(count: int, shapes: list[tuple[int, ...]]) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(1)
    return [[rng.standard_normal(shape).astype(np.float32) for shape in shapes] for _ in range(count)]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_each_parameter_takes_the_steps_of_the_method_in_its_own_precision(method) -> None:
    shapes = [(3, 70, 500), (7,), (), (0, 2)]
    assert optimizer_module._BLOCK < 3 * 70 * 500
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    parameters = [Parameter(array) for array in arrays]
    optimizer = Optimizer(parameters, method)
    points, states = list(arrays), [method.init(array) for array in arrays]
    for slopes in gradients(3, shapes):
        for place, (parameter, slope) in enumerate(zip(parameters, slopes, strict=True)):
            parameter.grad = slope
            points[place], states[place] = method.step(points[place], slope, states[place])
        optimizer.step()
    for parameter, point in zip(parameters, points, strict=True):
        assert parameter.dtype == np.float32
        np.testing.assert_allclose(parameter.data, point, rtol=1e-5, atol=1e-6)


def test_all_gradients_are_clipped_by_their_norm_together() -> None:
    first, second, third = Parameter(np.zeros(1)), Parameter(np.zeros((1, 2))), Parameter(np.ones(2))
    optimizer = Optimizer([first, second, third], first_order.GradientDescent(1.0), max_norm=6.5)
    first.grad, second.grad = np.array([12.0]), np.array([[3.0, 4.0]])
    assert optimizer.step() == pytest.approx(13.0)
    np.testing.assert_allclose(first.data, [-6.0])
    np.testing.assert_allclose(second.data, [[-1.5, -2.0]])
    np.testing.assert_array_equal(third.data, [1.0, 1.0])  # it has no gradient
    np.testing.assert_array_equal(first.grad, [12.0])  # gradients are not changed
    first.grad, second.grad = np.array([0.0]), np.array([[3.0, 4.0]])
    assert optimizer.step() == pytest.approx(5.0)
    np.testing.assert_allclose(second.data, [[-4.5, -6.0]])  # below the limit, nothing is scaled
    optimizer.zero_grad()
    assert second.grad is None
    assert optimizer.step() == 0.0


def test_large_single_precision_gradients_are_clipped_and_broken_ones_refused() -> None:
    weight = Parameter(np.zeros(2, np.float32))
    optimizer = Optimizer(Sequential(lambda x: x, [weight]), first_order.Momentum(1.0), max_norm=5.0)
    weight.grad = np.array([3e30, 4e30], np.float32)
    assert optimizer.step() == pytest.approx(5e30)
    np.testing.assert_allclose(weight.data, [-3.0, -4.0], rtol=1e-6)
    for broken in (np.nan, np.inf):
        weight.grad = np.array([0.0, broken], np.float32)
        with pytest.raises(NotFiniteError, match=r"layers\.1\.0 holds NaN"):
            optimizer.step()
    weight.grad = np.zeros(1, np.float32)
    with pytest.raises(ShapeError, match=r"layers\.1\.0 has shape \(1,\)"):
        optimizer.step()
    np.testing.assert_allclose(weight.data, [-3.0, -4.0], rtol=1e-6)


def test_arrays_taken_before_a_step_do_not_change() -> None:
    weight = Parameter(np.ones(3))
    before, optimizer = weight.data, Optimizer([weight], first_order.Adam(0.5))
    weight.grad = np.ones(3)
    optimizer.step()
    kept, states = weight.data, optimizer.state_dict()
    optimizer.step()
    assert before.tolist() == [1.0, 1.0, 1.0]
    assert kept.tolist() != weight.data.tolist()
    assert states["0.step"] == 1
    assert states["0.mean"].tolist() == pytest.approx([0.1, 0.1, 0.1])


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_a_saved_optimizer_goes_on_as_if_it_had_never_stopped(method, tmp_path) -> None:
    shapes = [(2, 3), (2,)]
    model = Linear(3, 2, rng=np.random.default_rng(0))
    resumed = Linear(3, 2, rng=np.random.default_rng(1))
    optimizer = Optimizer(model, method)
    slopes = gradients(4, shapes)

    def step(module, optimizer, number) -> None:
        # The bias gets its first gradient late: its state begins then.
        module.weight.grad, module.bias.grad = slopes[number][0], slopes[number][1] if number else None
        optimizer.step()

    for number in range(2):
        step(model, optimizer, number)
    save_safetensors(tmp_path / "optimizer", optimizer.state_dict())
    resumed.load_state_dict(model.state_dict())
    second = Optimizer(resumed.named_parameters(), method)
    second.load_state_dict(load_safetensors(tmp_path / "optimizer"))
    for number in range(2, 4):
        step(model, optimizer, number)
        step(resumed, second, number)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(resumed.state_dict()[name], array)
    for name, array in optimizer.state_dict().items():
        np.testing.assert_array_equal(second.state_dict()[name], array)


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    weight = Parameter(np.ones(2))
    optimizer = Optimizer([weight], first_order.Momentum(0.5))
    weight.grad = np.ones(2)
    optimizer.step()
    before = optimizer.state_dict()
    for state, error, message in [
        ({"0.step": 1}, StateError, "0 lacks velocity"),
        ({"0.step": 1, "0.velocity": [1.0]}, ShapeError, r"0\.velocity must have shape \(2,\)"),
        ({"0.step": 1, "0.velocity": [1.0, 1.0], "1.step": 1}, StateError, r"Momentum here: 1\.step"),
    ]:
        with pytest.raises(error, match=message):
            optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    assert {name: array.tolist() for name, array in after.items()} == {n: a.tolist() for n, a in before.items()}
    optimizer.load_state_dict({})
    assert optimizer.state_dict() == {}
