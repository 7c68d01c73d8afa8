from __future__ import annotations

import gc
import threading
import tracemalloc

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox import autograd
from whitebox.autograd import Tensor, checkpoint, gradcheck, no_grad, primitives, tensor
from whitebox.errors import DtypeError, GradientError, RangeError, ShapeError


def draw(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> Tensor:
    """Numbers without ties and away from 0, where |x|, relu and maximum have corners."""
    values = np.random.default_rng(seed).permutation(np.linspace(low, high, int(np.prod(shape)) + 1)[:-1] + 0.0137)
    return Tensor(values.reshape(shape), requires_grad=True)


POSITIVE = {"low": 0.2, "high": 3.0}
CASES = {
    "add": (lambda x, y: x + y, draw(3, 4), draw(4, seed=1)),
    "add to a number": (lambda x: 2.5 + x, draw(3)),
    "subtract": (lambda x, y: x - y, draw(2, 1, 4), draw(3, 1, seed=1)),
    "subtract from a number": (lambda x: 1 - x, draw(3)),
    "multiply": (lambda x, y: x * y, draw(3, 4), draw(3, 1, seed=1)),
    "divide": (lambda x, y: x / y, draw(3, 4), draw(4, seed=1, **POSITIVE)),
    "divide a number": (lambda x: 3 / x, draw(4, **POSITIVE)),
    "power": (lambda x: x**3, draw(5)),
    "power of a half": (lambda x: x**-0.5, draw(5, **POSITIVE)),
    "power of nothing": (lambda x: x**0, draw(3)),
    "negative": (lambda x: -x, draw(3)),
    "absolute": (abs, draw(6)),
    "maximum": (autograd.maximum, draw(3, 4), draw(4, seed=1)),
    "minimum": (autograd.minimum, draw(3, 4), draw(4, seed=1)),
    "clip": (lambda x: autograd.clip(x, -1.0, 1.0), draw(9)),
    "clip below": (lambda x: autograd.clip(x, 0.0, None), draw(9)),
    "where": (lambda x, y: autograd.where(np.arange(4) % 2 == 0, x, y), draw(3, 4), draw(3, 1, seed=1)),
    "where, else a number": (lambda x: autograd.where(x.data > 0, x, 7.0), draw(5)),
    "exp": (autograd.exp, draw(4)),
    "log": (autograd.log, draw(4, **POSITIVE)),
    "sqrt": (autograd.sqrt, draw(4, **POSITIVE)),
    "sin": (autograd.sin, draw(4)),
    "cos": (autograd.cos, draw(4)),
    "tanh": (autograd.tanh, draw(4)),
    "sigmoid": (autograd.sigmoid, draw(4)),
    "softplus": (autograd.softplus, draw(4)),
    "log_sigmoid": (autograd.log_sigmoid, draw(4)),
    "relu": (autograd.relu, draw(6)),
    "silu": (autograd.silu, draw(4)),
    "erf": (autograd.erf, draw(4)),
    "gelu": (autograd.gelu, draw(4)),
    "gelu by tanh": (lambda x: autograd.gelu(x, approximate=True), draw(4)),
    "sum": (lambda x: x.sum(), draw(2, 3)),
    "sum over axes": (lambda x: x.sum((0, 2)), draw(2, 3, 2)),
    "sum, kept": (lambda x: x.sum(-1, keepdims=True), draw(2, 3)),
    "mean": (lambda x: x.mean(), draw(2, 3)),
    "mean over an axis": (lambda x: x.mean(1), draw(2, 3)),
    "max": (lambda x: x.max(), draw(2, 3)),
    "max over an axis": (lambda x: x.max(1), draw(2, 3)),
    "max, kept": (lambda x: x.max(0, keepdims=True), draw(2, 3)),
    "logsumexp": (autograd.logsumexp, draw(2, 3)),
    "logsumexp over columns": (lambda x: autograd.logsumexp(x, 0, keepdims=True), draw(2, 3)),
    "softmax": (autograd.softmax, draw(2, 4)),
    "softmax over columns": (lambda x: autograd.softmax(x, 0), draw(3, 2)),
    "log_softmax": (autograd.log_softmax, draw(2, 4)),
    "matrix times matrix": (lambda x, y: x @ y, draw(3, 4), draw(4, 2, seed=1)),
    "matrix times vector": (lambda x, y: x @ y, draw(3, 4), draw(4, seed=1)),
    "vector times matrix": (lambda x, y: x @ y, draw(4), draw(4, 2, seed=1)),
    "vector times vector": (lambda x, y: x @ y, draw(4), draw(4, seed=1)),
    "batch times matrix": (lambda x, y: x @ y, draw(2, 3, 4), draw(4, 2, seed=1)),
    "batch times vector": (lambda x, y: x @ y, draw(2, 3, 4), draw(4, seed=1)),
    "vector times batch": (lambda x, y: x @ y, draw(3), draw(2, 3, 4, seed=1)),
    "matrix times batch": (lambda x, y: x @ y, draw(2, 3), draw(4, 3, 2, seed=1)),
    "broadcast batches": (lambda x, y: x @ y, draw(2, 1, 2, 3), draw(3, 3, 2, seed=1)),
    "array times tensor": (lambda x: np.ones((2, 3)) @ x, draw(3, 2)),
    "einsum": (lambda x, y: autograd.einsum("bij,bjk->bik", [x, y]), draw(2, 2, 3), draw(2, 3, 2, seed=1)),
    "einsum with a lonely index": (lambda x, y: autograd.einsum("ij,k->i", [x, y]), draw(2, 3), draw(3, seed=1)),
    "einsum of three": (
        lambda x, y, z: autograd.einsum("ij,jk,kl->il", [x, y, z]),
        draw(2, 3),
        draw(3, 2, seed=1),
        draw(2, 2, seed=2),
    ),
    "reshape": (lambda x: x.reshape(3, -1) * np.arange(2), draw(2, 3)),
    "transpose": (lambda x: x.transpose(1, 2, 0) * np.arange(2), draw(2, 3, 4)),
    "T": (lambda x: x.T @ x, draw(2, 3)),
    "swapaxes": (lambda x: x.swapaxes(0, -1) * np.arange(2), draw(2, 3, 4)),
    "broadcast_to": (lambda x: x.broadcast_to((2, 3, 4)) * np.arange(4), draw(3, 1)),
    "getitem by slice": (lambda x: x[1:, ::2] * 3, draw(3, 4)),
    "getitem by number": (lambda x: x[..., 1], draw(3, 4)),
    "getitem by repeated rows": (lambda x: x[np.array([0, 2, 0, 0])] * np.arange(4)[:, None], draw(3, 2)),
    "getitem by pairs": (lambda x: x[np.array([0, 0, 1]), np.array([1, 1, 0])], draw(2, 2)),
    "getitem by truth values": (lambda x: x[np.array([True, False, True])], draw(3, 2)),
    "take": (lambda x: autograd.take(x, np.array([[0, 2], [2, 2]])) * 1.5, draw(4, 2)),
    "concatenate": (lambda x, y: autograd.concatenate([x, y], 1) * np.arange(5), draw(2, 3), draw(2, 2, seed=1)),
    "stack": (lambda x, y: autograd.stack([x, y], 1) * np.arange(3), draw(2, 3), draw(2, 3, seed=1)),
    "pad": (lambda x: autograd.pad(x, [(1, 0), (0, 2)]) * 2, draw(2, 2)),
    "a diamond": (lambda x: (x * 2) * (x * 3) + x, draw(3)),
    "the same tensor twice": (lambda x: x + x, draw(3)),
    "the same tensor on both sides of a product": (lambda x: x @ x, draw(3, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_differences(name: str) -> None:
    function, *inputs = CASES[name]
    assert gradcheck(function, *inputs)


def check_softmax() -> None:
    test_gradients_are_those_of_differences("softmax")


def check_repeated_rows() -> None:
    test_gradients_are_those_of_differences("getitem by repeated rows")


def check_mean() -> None:
    test_gradients_are_those_of_differences("mean")


def test_every_primitive_is_checked() -> None:
    covered = set()
    for function, *inputs in CASES.values():
        waiting = [function(*inputs)]
        while waiting:
            one = waiting.pop()
            if one.node is not None:
                covered.add(one.node.name)
                waiting += one.node.inputs
    own = {name for name, value in vars(primitives).items() if getattr(value, "__wrapped__", None) is not None}
    assert own - {"astype"} - covered == set()


shapes = st.lists(st.integers(1, 3), min_size=0, max_size=3)


@EXAMPLES
@given(shapes, st.data())
def test_gradients_have_the_shapes_of_what_was_broadcast(shape: list[int], data: st.DataObject) -> None:
    other = [length if data.draw(st.booleans()) else 1 for length in shape][data.draw(st.integers(0, len(shape))) :]
    x, y = draw(*shape), draw(*other, seed=1)
    for operation in (lambda a, b: a * b, lambda a, b: a - b, lambda a, b: a / (b * b + 1), autograd.maximum):
        x.zero_grad(), y.zero_grad()
        result = operation(x, y)
        result.backward(np.ones(result.shape))
        assert x.grad.shape == x.shape
        assert y.grad.shape == y.shape


def test_a_graph_of_many_thousand_operations_needs_no_recursion() -> None:
    x = tensor(1.0, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y * 1.00001
    y.backward()
    assert x.grad == pytest.approx(1.00001**20_000)
    z = x
    for _ in range(20_000):
        z = z + 1.0
    # Thrown away without having been walked, it is taken down without recursion too.
    del z
    gc.collect()


def test_paths_multiply_but_each_node_is_visited_once() -> None:
    x = tensor(1.0, requires_grad=True)
    y = x
    for _ in range(200):  # 2²⁰⁰ paths
        y = (y + y) * 0.5
    y.backward()
    assert x.grad == pytest.approx(1.0)


def test_a_deep_branch_that_joins_late_arrives_before_the_node_passes_on() -> None:
    x = tensor(2.0, requires_grad=True)
    y = x * 3
    slow = y
    for _ in range(50):
        slow = slow * 1.0
    (y * slow).backward()  # 9 x²
    assert x.grad == pytest.approx(36.0)


def test_gradients_add_up_over_calls_and_do_not_share_memory() -> None:
    x, y = draw(3), draw(3, seed=1)
    (x + y).sum().backward()
    x.grad += 100
    assert y.grad.tolist() == [1.0] * 3
    (y * 2).sum().backward()
    assert y.grad.tolist() == [3.0] * 3
    z = x + x  # both inputs get the very array that arrives
    seed = np.ones(3)
    x.zero_grad()
    z.backward(seed)
    x.grad += 1
    assert seed.tolist() == [1.0] * 3


def test_what_a_gradient_depends_on_cannot_be_overwritten() -> None:
    @autograd.primitive
    def exp(x):
        y = np.exp(x)
        return y, lambda g: (g * y,)

    x = draw(3)
    y = exp(x)
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 5.0
    before = x.data.copy()
    loss = (y * x).sum()
    x.data = x.data * 0  # a leaf is given another array; the graph keeps the one it saw
    loss.backward()
    np.testing.assert_allclose(x.grad, np.exp(before) * (1 + before))


def test_augmented_assignment_makes_another_tensor() -> None:
    x = draw(3)
    y = x
    y += 1
    assert y is not x
    y.sum().backward()
    assert x.grad.tolist() == [1.0] * 3


def test_a_graph_is_taken_apart_unless_it_is_to_be_kept() -> None:
    x = draw(3)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad, 4 * x.data)
    with pytest.raises(GradientError, match="retain_graph=True"):
        y.backward()


def test_without_recording_results_have_no_history_and_other_threads_go_on() -> None:
    x = draw(3)
    seen = []
    with no_grad():
        assert not (x * 2).requires_grad
        assert (x * 2).node is None
        thread = threading.Thread(target=lambda: seen.append((x * 2).requires_grad))
        thread.start()
        thread.join()
        with pytest.raises(GradientError), no_grad():
            (x * 2).sum().backward()
        assert not (x * 2).requires_grad  # the inner block restores what it found
    assert seen == [True]
    assert (x * 2).requires_grad


def test_constants_get_no_gradient_and_detached_tensors_pass_none_on() -> None:
    x, constant = draw(3), Tensor(np.arange(3.0))
    (x * constant + x.detach() * 5).sum().backward()
    assert constant.grad is None
    np.testing.assert_allclose(x.grad, constant.data)


@pytest.mark.parametrize(
    "name", ["add", "multiply", "gelu", "sigmoid", "softmax", "log_softmax", "softplus", "erf", "mean"]
)
def test_single_precision_stays_single(name: str) -> None:
    function, *inputs = CASES[name]
    single = [Tensor(one.data.astype(np.float32), requires_grad=True) for one in inputs]
    result = function(*single) * 2.0 + 1
    assert result.dtype == np.float32
    result.backward(np.ones(result.shape))
    for one, double in zip(single, inputs, strict=True):
        assert one.grad.dtype == np.float32
        double.zero_grad()
    wide = function(*inputs) * 2.0 + 1
    wide.backward(np.ones(wide.shape))
    np.testing.assert_allclose(result.data, wide.data, rtol=2e-6, atol=2e-6)
    for one, double in zip(single, inputs, strict=True):
        np.testing.assert_allclose(one.grad, double.grad, rtol=1e-5, atol=3e-6)
        double.zero_grad()


def test_types_change_on_the_way_and_back() -> None:
    x = draw(3)
    y = x.astype(np.float32) * np.float32(0.1)
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float64
    np.testing.assert_allclose(x.grad, 0.1, rtol=1e-7)


def test_extreme_values_do_not_overflow() -> None:
    x = tensor([-1e4, -50.0, 0.0, 50.0, 1e4], requires_grad=True)
    for function in (autograd.sigmoid, autograd.softplus, autograd.log_sigmoid, autograd.softmax, autograd.log_softmax,
                     autograd.logsumexp, autograd.gelu, autograd.silu, autograd.tanh, autograd.erf):  # fmt: skip
        x.zero_grad()
        with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
            result = function(x)
            result.backward(np.ones(result.shape))
        assert np.isfinite(result.data).all()
        assert np.isfinite(x.grad).all()


def test_a_checkpoint_gives_the_same_gradients() -> None:
    x, weight = draw(4, 3), draw(3, 3, seed=1)

    def block(inputs: Tensor) -> Tensor:
        return autograd.tanh(inputs @ weight) * inputs

    plain = block(block(x)).sum()
    plain.backward()
    expected = x.grad, weight.grad
    x.zero_grad(), weight.zero_grad()
    again = checkpoint(block, checkpoint(block, x, parameters=[weight]), parameters=[weight]).sum()
    assert again.item() == plain.item()
    again.backward()
    np.testing.assert_allclose(x.grad, expected[0])
    np.testing.assert_allclose(weight.grad, expected[1])


def test_a_checkpoint_keeps_less_in_memory() -> None:
    def deep(inputs: Tensor) -> Tensor:
        for _ in range(40):
            inputs = autograd.tanh(inputs)
        return inputs

    def held(function) -> int:
        x = Tensor(np.zeros(50_000), requires_grad=True)
        tracemalloc.start()
        result = function(x)
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        del result
        return size

    assert held(lambda x: checkpoint(deep, x)) < held(deep) / 20


def test_a_wrong_derivative_is_found_with_its_place() -> None:
    @autograd.primitive
    def wrong(x):
        gradient = 2 * x
        gradient[1] *= 1.01
        return x**2, lambda g: (g * gradient,)

    with pytest.raises(GradientError, match=r"input 0, place \[1\]"):
        gradcheck(wrong, draw(3))
    with pytest.raises(DtypeError, match="float64"):
        gradcheck(autograd.exp, Tensor(np.ones(1, np.float32), requires_grad=True))


def test_what_cannot_be_differentiated_says_so() -> None:
    x = draw(3)
    with pytest.raises(ShapeError, match=r"gradient of shape \(3,\)"):
        (x * 2).backward()
    with pytest.raises(ShapeError, match=r"must have shape \(3,\), got \(2,\)"):
        (x * 2).backward([1.0, 2.0])
    with pytest.raises(GradientError, match="nothing"):
        Tensor([1.0]).sum().backward()
    with pytest.raises(DtypeError, match="floating-point"):
        tensor([1, 2], requires_grad=True)
    with pytest.raises(DtypeError, match="real numbers"):
        Tensor(["a"])
    with pytest.raises(ShapeError, match="matmul"):
        x @ tensor(2.0)
    with pytest.raises(RangeError, match="einsum"):
        autograd.einsum("ii", [draw(2, 2)])
