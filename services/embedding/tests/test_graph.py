"""The ONNX graph against libs/whitebox, on weights that no one trained."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from whitebox_embedding.errors import ModelError
from whitebox_embedding.graph import build_graph
from whitebox_embedding.recomputation import WhiteboxEncoder


def run(model: onnx.ModelProto, rows: list[list[int]], padding: int = 0) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    longest = max(map(len, rows))
    ids = np.array([row + [padding] * (longest - len(row)) for row in rows], np.int32)
    return session.run(None, {"input_ids": ids, "lengths": np.array([len(row) for row in rows], np.int32)})[0]


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_graph_equals_whitebox_for_texts_of_any_length_in_one_batch(tiny_weights, tiny, pooling):
    shape = replace(tiny, pooling=pooling)
    random = np.random.default_rng(1)
    rows = [random.integers(0, 50, length).tolist() for length in (1, 2, 7, 24)]
    encoder = WhiteboxEncoder(tiny_weights, shape)
    expected = [encoder.encode(row) for row in rows]
    np.testing.assert_allclose(run(build_graph(tiny_weights, shape), rows), expected, atol=2e-6)


def test_padding_has_no_influence_whatever_its_token(tiny_weights, tiny):
    model = build_graph(tiny_weights, tiny)
    rows = [[3, 1, 4], [1, 5, 9, 2, 6, 5, 3, 5]]
    np.testing.assert_allclose(run(model, rows, padding=0), run(model, rows, padding=49), atol=1e-7)


def test_fp32_uses_standard_operators_only(tiny_weights, tiny):
    model = build_graph(tiny_weights, tiny)
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}


def test_int8_keeps_the_direction_of_the_vectors(tiny_weights, tiny):
    rows = [[3, 1, 4, 1, 5], [9, 2, 6]]
    exact, rounded = (run(build_graph(tiny_weights, tiny, p), rows) for p in ("fp32", "int8"))
    assert (exact * rounded).sum(axis=1).min() > 0.99


def test_a_missing_tensor_is_named(tiny_weights, tiny):
    weights = {name: tensor for name, tensor in tiny_weights.items() if name != "encoder.layer.1.output.dense.bias"}
    with pytest.raises(ModelError, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        build_graph(weights, tiny)


def test_a_tensor_of_another_shape_is_named(tiny_weights, tiny):
    name = "encoder.layer.0.attention.self.key.weight"
    with pytest.raises(ModelError, match=r"key\.weight has shape \(64, 128\), expected \(128, 128\)"):
        build_graph({**tiny_weights, name: tiny_weights[name][:64]}, tiny)


def test_a_window_beyond_the_known_positions_is_refused(tiny_weights, tiny):
    with pytest.raises(ModelError, match="32 positions, the window is 64"):
        build_graph(tiny_weights, replace(tiny, max_tokens=64))


def test_int8_refuses_layers_that_its_blocks_do_not_fit(tiny_weights, tiny):
    narrow = {name: tensor[..., :96] if tensor.ndim == 2 else tensor for name, tensor in tiny_weights.items()}
    narrow = {name: tensor[:96] if tensor.shape[0] == 128 else tensor for name, tensor in narrow.items()}
    with pytest.raises(ModelError, match="multiples of 64"):
        build_graph(narrow, replace(tiny, dimensions=96), "int8")
