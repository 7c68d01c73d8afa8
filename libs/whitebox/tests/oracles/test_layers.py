"""Layers against ONNX Runtime's, losses against SciPy and scikit-learn, at realistic sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special
from sklearn.metrics import log_loss
from whitebox import nn
from whitebox.autograd import Tensor, no_grad

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def run(operator: str, inputs: dict[str, np.ndarray], outputs: int = 1, **attributes: Any) -> list[np.ndarray]:
    """What ONNX Runtime computes with one operator; inputs without a name are left out."""
    helper = onnx.helper
    kinds = {np.dtype(np.float32): onnx.TensorProto.FLOAT}
    names = [f"out{number}" for number in range(outputs)]
    graph = helper.make_graph(
        [
            helper.make_node(
                operator, ["" if value is None else name for name, value in inputs.items()], names, **attributes
            )
        ],
        operator,
        [helper.make_tensor_value_info(n, kinds[v.dtype], v.shape) for n, v in inputs.items() if v is not None],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {name: value for name, value in inputs.items() if value is not None})


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize(
    ("shape", "weight", "options"),
    [
        ((2, 3, 64, 64), (16, 3, 7, 7), {"stride": 2, "padding": 3}),
        ((4, 32, 28, 28), (64, 32, 3, 3), {"padding": 1}),
        ((2, 32, 28, 28), (32, 1, 3, 3), {"padding": 1, "groups": 32}),
        ((2, 8, 30, 21), (12, 4, 3, 2), {"stride": (1, 2), "padding": (4, 1), "dilation": (3, 2), "groups": 2}),
        ((20, 16, 6, 6), (8, 16, 1, 1), {}),
    ],
)
def test_convolution(shape: tuple[int, ...], weight: tuple[int, ...], options: dict[str, Any]) -> None:
    x, w, b = drawn(*shape), drawn(*weight, seed=1), drawn(weight[0], seed=2)
    both = {name: value if isinstance(value, tuple) else (value, value) for name, value in options.items()}
    (expected,) = run(
        "Conv",
        {"x": x, "w": w, "b": b},
        strides=both.get("stride", (1, 1)),
        pads=both.get("padding", (0, 0)) * 2,
        dilations=both.get("dilation", (1, 1)),
        group=options.get("groups", 1),
    )
    found = nn.conv2d(Tensor(x), Tensor(w), Tensor(b), **options).data
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_pools() -> None:
    x = drawn(3, 16, 33, 30)
    options: dict[str, Any] = {"kernel_shape": (3, 2), "strides": (2, 3), "pads": (1, 1, 1, 1)}
    taken: dict[str, Any] = {"stride": (2, 3), "padding": 1}
    (expected,) = run("MaxPool", {"x": x}, **options)
    np.testing.assert_array_equal(nn.max_pool2d(Tensor(x), (3, 2), **taken).data, expected)
    for counted in (False, True):
        (expected,) = run("AveragePool", {"x": x}, count_include_pad=int(counted), **options)
        found = nn.avg_pool2d(Tensor(x), (3, 2), **taken, count_include_pad=counted).data
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    (expected,) = run("GlobalAveragePool", {"x": x})
    np.testing.assert_allclose(nn.global_avg_pool2d(Tensor(x)).data, expected[..., 0, 0], atol=1e-6)


def test_batch_normalisation() -> None:
    layer = nn.BatchNorm2d(16, momentum=0.3)
    layer.load_state_dict({"weight": drawn(16), "bias": drawn(16, seed=1)}, strict=False)
    mean, variance = np.zeros(16, np.float32), np.ones(16, np.float32)
    weights = {"w": layer.weight.data, "b": layer.bias.data}
    for seed in range(3):
        x = 3 * drawn(8, 16, 9, 7, seed=seed) + 1
        expected, mean, variance = run(
            "BatchNormalization", {"x": x, **weights, "m": mean, "v": variance}, 3, training_mode=1, momentum=0.7
        )
        np.testing.assert_allclose(layer(Tensor(x)).data, expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-4, atol=1e-5)
    x = drawn(8, 16, 9, 7, seed=9)
    # ONNX Runtime's running variance is the batch's own; ours, as PyTorch's, the estimate for all inputs.
    (expected,) = run("BatchNormalization", {"x": x, **weights, "m": layer.running_mean, "v": layer.running_var})
    np.testing.assert_allclose(layer.eval()(Tensor(x)).data, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "order"), [("LSTM", (0, 3, 1, 2)), ("GRU", (1, 0, 2))])
def test_recurrent_networks(name: str, order: tuple[int, ...]) -> None:
    batch, steps, d, h = 4, 50, 24, 32
    layer = getattr(nn, name)(d, h, rng=np.random.default_rng(0))
    x = drawn(batch, steps, d)
    states = [drawn(1, batch, h, seed=seed) for seed in range(1, 3 if name == "LSTM" else 2)]

    def reordered(values: np.ndarray) -> np.ndarray:
        """ONNX has the gates i, o, f, g and z, r, n."""
        return np.concatenate([np.split(values, len(order))[place] for place in order])

    w, u, b, b_hh = (reordered(parameter.data) for parameter in layer.parameters())
    inputs = {
        "x": x.swapaxes(0, 1), "w": w[None], "u": u[None], "b": np.concatenate([b, b_hh])[None], "lengths": None,
        **{f"state{number}": state for number, state in enumerate(states)},
    }  # fmt: skip
    options = {"linear_before_reset": 1} if name == "GRU" else {}
    expected, *lasts = run(name, inputs, 1 + len(states), hidden_size=h, **options)
    with no_grad():
        initial = tuple(Tensor(state) for state in states)
        outputs, last = layer(Tensor(x), initial if name == "LSTM" else initial[0])
    np.testing.assert_allclose(outputs.data, expected[:, 0].swapaxes(0, 1), atol=1e-5)
    for found, other in zip(last if name == "LSTM" else [last], lasts, strict=True):
        np.testing.assert_allclose(found.data, other, atol=1e-5)


def test_losses() -> None:
    rng = np.random.default_rng(0)
    z, targets = 5 * rng.standard_normal((500, 10)), rng.integers(0, 10, 500)
    weight = rng.uniform(0.1, 3, 10)
    expected = log_loss(targets, special.softmax(z, axis=1), sample_weight=weight[targets], labels=range(10))
    assert nn.cross_entropy(Tensor(z), targets, weight=weight).item() == pytest.approx(expected)
    yes = rng.integers(0, 2, 500)
    expected = log_loss(yes, special.expit(z[:, 0]), sample_weight=np.where(yes, 3.0, 1.0)) * np.where(yes, 3, 1).mean()
    found = nn.binary_cross_entropy_with_logits(Tensor(z[:, 0]), yes, pos_weight=3.0).item()
    assert found == pytest.approx(expected)
    scores = z @ z.T / 0.7
    expected = -np.diag(special.log_softmax(scores, axis=1)).mean()
    assert nn.info_nce(Tensor(z), Tensor(z), temperature=0.7).item() == pytest.approx(expected)
    assert nn.bpr_loss(Tensor(z[:, 0]), z[:, 1]).item() == pytest.approx(-special.log_expit(z[:, 0] - z[:, 1]).mean())
