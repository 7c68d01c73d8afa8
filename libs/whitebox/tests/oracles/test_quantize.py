"""Eight-bit arithmetic against onnxruntime's operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from whitebox.autograd import Tensor
from whitebox.nn import Linear
from whitebox.quantize.int8 import (
    affine_parameters,
    dequantize_affine,
    integer_product,
    quantize_affine,
    quantize_int8,
)
from whitebox.quantize.linear import Int8Weight, QuantizedLinear

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")


def run(operator: str, inputs: dict[str, np.ndarray], outputs: int = 1, **attributes: Any) -> list[np.ndarray]:
    """What onnxruntime's operator makes of arrays."""
    helper, kinds = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype
    names = [f"out{place}" for place in range(outputs)]
    given = [helper.make_tensor_value_info(name, kinds(array.dtype), array.shape) for name, array in inputs.items()]
    made = [onnx.ValueInfoProto(name=name) for name in names]
    graph = helper.make_graph([helper.make_node(operator, list(inputs), names, **attributes)], "g", given, made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


RNG = np.random.default_rng(0)
X = (RNG.standard_normal((33, 130)) * np.exp(RNG.standard_normal((33, 1)))).astype(np.float32)
X[0, :12] = np.arange(-6, 6) / 8  # halves of a scale of 1 / 4


@pytest.mark.parametrize("axis", [0, 1])
def test_channels_are_quantised_and_read_as_onnx_does(axis: int) -> None:
    scale = np.abs(X).max(axis=1 - axis) / 100
    scale[0] = 0.25
    zero = RNG.integers(-128, 128, scale.shape).astype(np.int8)
    ours = quantize_affine(X, scale, zero, axis=axis)
    (theirs,) = run("QuantizeLinear", {"x": X, "s": scale, "z": zero}, axis=axis)
    np.testing.assert_array_equal(ours.values, theirs)
    (back,) = run("DequantizeLinear", {"q": theirs, "s": scale, "z": zero}, axis=axis)
    np.testing.assert_array_equal(dequantize_affine(ours), back)
    assert (theirs == 127).any()
    assert (theirs == -128).any()


def test_dynamic_parameters_are_onnx_s() -> None:
    for part in (X, X[:1], X + 100, -np.abs(X), X[:1, :1] * 0 + 3):
        scale, zero = affine_parameters(part.min(), part.max())
        values, s, z = run("DynamicQuantizeLinear", {"x": part}, 3)
        np.testing.assert_allclose(scale, s, rtol=3e-7)
        # Its integers are without sign.
        assert int(z) - 128 == zero
        np.testing.assert_array_equal(quantize_affine(part, s, zero).values, values.astype(np.int16) - 128)


def test_integer_products_are_onnx_s() -> None:
    x, weight = (RNG.integers(-128, 128, (rows, 1537)).astype(np.int8) for rows in (20, 30))
    x_zero, weight_zero = np.int8(-77), RNG.integers(-128, 128, 30).astype(np.int8)
    inputs = {"x": x, "w": weight.T.copy(), "xz": np.array(x_zero), "wz": weight_zero}
    (theirs,) = run("MatMulInteger", inputs)
    np.testing.assert_array_equal(integer_product(x, weight, x_zero=x_zero, weight_zero=weight_zero), theirs)


def test_a_static_layer_is_onnx_s_quantised_product() -> None:
    layer = Linear(130, 17, rng=RNG)
    weight = Int8Weight(layer.weight.data)
    ours = QuantizedLinear(weight, layer.bias, input_range=(float(X.min()), float(X.max())))
    (q,) = run("QuantizeLinear", {"x": X, "s": ours.input_scale, "z": ours.input_zero_point})
    (total,) = run("MatMulInteger", {"x": q, "w": weight.values.T.copy(), "xz": ours.input_zero_point})
    expected = total * ours.input_scale * weight.scale + layer.bias.data
    np.testing.assert_allclose(ours(Tensor(X)).data, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours(Tensor(X)).data, layer(Tensor(X)).data, atol=0.2)
    packed = quantize_int8(layer.weight.data, axis=0)
    np.testing.assert_array_equal(packed.values, weight.values)
