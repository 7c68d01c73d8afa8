"""Builds the ONNX graph of a BERT sentence encoder from its weights alone: embeddings, layers, pooling, unit norm.

Only standard ONNX operators are used in fp32, so the graph runs in any runtime, and ONNX Runtime fuses them into the
same kernels that its own BERT operators use. The inputs are `input_ids` (batch, sequence) int32, padded at the right
with anything, and `lengths` (batch,) int32; the output is `vectors` (batch, dimensions) float32.

int8 replaces each dense layer by MatMulNBits: weights in blocks of 64 with a scale each, activations quantised per row
and block. Unlike dynamic quantisation, which takes one scale from the whole batch, a text's vector then does not depend
on the texts that happen to share its batch.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from whitebox_embedding.encoding import Precision
from whitebox_embedding.errors import ModelError
from whitebox_embedding.model_folder import Architecture, Weights

# Part of the cache key: raise it whenever the same weights would give another graph.
GRAPH_VERSION = 2

_OPSET = 20
_IR_VERSION = 10
# Wider blocks are faster, but with 128 ONNX Runtime 1.31 rounds a row differently alone than among others.
_BLOCK = 64
_MASKED = np.float32(-1e9)


def build_graph(weights: Weights, architecture: Architecture, precision: Precision = "fp32") -> ModelProto:
    """Assembles the encoder.

    Args:
        weights: Tensors by the names that `transformers.BertModel` gives them.
        architecture: The encoder's shape.
        precision: Of the dense layers' arithmetic; everything else stays fp32.

    Raises:
        ModelError: A tensor is missing or has an unexpected shape.
    """
    return _Builder(weights, architecture, precision).build()


class _Builder:
    """Collects nodes and constants; each method appends what it names and returns the name of its output."""

    def __init__(self, weights: Weights, architecture: Architecture, precision: Precision) -> None:
        self._weights = weights
        self._shape = architecture
        self._precision = precision
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}

    def build(self) -> ModelProto:
        shape = self._shape
        self._op("Shape", ["input_ids"], "sequence", start=1, end=2)
        mask = self._mask()
        bias = self._attention_bias(mask)
        hidden = self._embeddings()
        for index in range(shape.layers):
            hidden = self._layer(hidden, bias, f"encoder.layer.{index}.")
        pooled = self._mean(hidden, mask) if shape.pooling == "mean" else self._first(hidden)
        self._op("LpNormalization", [pooled], "vectors", axis=-1, p=2)
        graph = helper.make_graph(
            self._nodes,
            "sentence-encoder",
            [
                helper.make_tensor_value_info("input_ids", TensorProto.INT32, ["batch", "sequence"]),
                helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
            ],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", shape.dimensions])],
            list(self._constants.values()),
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="whitebox")

    def _mask(self) -> str:
        """(batch, sequence) float32: 1 where a token is, 0 where padding is."""
        # Slices of a constant ramp rather than Range: ONNX Runtime 1.31 fails on Gather(table, Range(scalar)).
        ramp = self._constant("ramp", np.arange(self._shape.max_tokens, dtype=np.int32))
        positions = self._op("Slice", [ramp, *self._until_sequence()], "positions")
        ends = self._op("Unsqueeze", ["lengths", self._axes(1)], "ends")
        inside = self._op("Less", [positions, ends], "inside")
        return self._op("Cast", [inside], "mask", to=TensorProto.FLOAT)

    def _attention_bias(self, mask: str) -> str:
        """(batch, 1, 1, sequence): 0 for tokens and a large negative number for padding."""
        outside = self._op("Sub", [self._constant("one", np.float32(1)), mask], "outside")
        scaled = self._op("Mul", [outside, self._constant("masked", _MASKED)], "masked_outside")
        return self._op("Unsqueeze", [scaled, self._axes(1, 2)], "attention_bias")

    def _embeddings(self) -> str:
        width = self._shape.dimensions
        # Every text is a single segment, so its type vector is a constant part of the position vectors.
        segment = self._tensor("embeddings.token_type_embeddings.weight", None, width)[0]
        positions = self._tensor("embeddings.position_embeddings.weight", None, width)[: self._shape.max_tokens]
        if len(positions) < self._shape.max_tokens:
            raise ModelError(f"the weights know {len(positions)} positions, the window is {self._shape.max_tokens}")
        table = self._constant("embeddings.positions", positions + segment)
        words = self._constant("embeddings.words", self._tensor("embeddings.word_embeddings.weight", None, width))
        word = self._op("Gather", [words, "input_ids"], "word")
        position = self._op("Slice", [table, *self._until_sequence()], "position")
        summed = self._op("Add", [word, position], "embedded")
        return self._layer_norm(summed, "embeddings.LayerNorm")

    def _layer(self, hidden: str, bias: str, prefix: str) -> str:
        width = self._shape.dimensions
        inner = self._tensor(prefix + "intermediate.dense.weight", None, width).shape[0]
        context = self._attention(hidden, bias, prefix + "attention.self.")
        projected = self._dense(context, prefix + "attention.output.dense", width, width)
        attended = self._layer_norm(
            self._op("Add", [projected, hidden], prefix + "attended"), prefix + "attention.output.LayerNorm"
        )
        widened = self._dense(attended, prefix + "intermediate.dense", inner, width)
        activated = self._op("Gelu", [widened], prefix + "gelu")
        narrowed = self._dense(activated, prefix + "output.dense", width, inner)
        return self._layer_norm(
            self._op("Add", [narrowed, attended], prefix + "transformed"), prefix + "output.LayerNorm"
        )

    def _attention(self, hidden: str, bias: str, prefix: str) -> str:
        width, heads = self._shape.dimensions, self._shape.heads
        split = self._constant("split_heads", np.array([0, 0, heads, width // heads], np.int64))
        joined = self._constant("join_heads", np.array([0, 0, width], np.int64))
        scale = self._constant("scale", np.float32((width // heads) ** -0.5))

        def per_head(name: str, order: list[int]) -> str:
            dense = self._dense(hidden, prefix + name, width, width)
            parts = self._op("Reshape", [dense, split], f"{prefix}{name}.heads")
            return self._op("Transpose", [parts], f"{prefix}{name}.by_head", perm=order)

        query, key, value = (
            per_head("query", [0, 2, 1, 3]),
            per_head("key", [0, 2, 3, 1]),
            per_head("value", [0, 2, 1, 3]),
        )
        scores = self._op("Mul", [self._op("MatMul", [query, key], prefix + "products"), scale], prefix + "scores")
        visible = self._op("Add", [scores, bias], prefix + "visible")
        shares = self._op("Softmax", [visible], prefix + "shares", axis=-1)
        context = self._op("MatMul", [shares, value], prefix + "context")
        ordered = self._op("Transpose", [context], prefix + "ordered", perm=[0, 2, 1, 3])
        return self._op("Reshape", [ordered, joined], prefix + "joined")

    def _dense(self, inputs: str, name: str, rows: int, columns: int) -> str:
        """`inputs` times the transposed weight plus the bias; torch stores weights as (outputs, inputs)."""
        weight = self._tensor(name + ".weight", rows, columns)
        product = self._int8(inputs, name, weight) if self._precision == "int8" else self._fp32(inputs, name, weight)
        return self._op("Add", [product, self._constant(name + ".bias", self._tensor(name + ".bias", rows))], name)

    def _fp32(self, inputs: str, name: str, weight: NDArray[np.float32]) -> str:
        return self._op("MatMul", [inputs, self._constant(name + ".weight", weight.T)], name + ".product")

    def _int8(self, inputs: str, name: str, weight: NDArray[np.float32]) -> str:
        outputs, width = weight.shape
        if width % _BLOCK:
            raise ModelError(f"int8 needs layer widths that are multiples of {_BLOCK}; {name} has {width}: use fp32")
        blocks = weight.reshape(outputs, width // _BLOCK, _BLOCK)
        scales = np.maximum(np.abs(blocks).max(axis=-1) / 127, np.finfo(np.float32).tiny).astype(np.float32)
        # 128 is the operator's implied zero point.
        quantised = (np.rint(blocks / scales[..., np.newaxis]) + 128).astype(np.uint8)
        return self._op(
            "MatMulNBits",
            [
                inputs,
                self._constant(name + ".quantised", quantised),
                self._constant(name + ".scales", scales),
            ],
            name + ".product",
            domain="com.microsoft",
            K=width,
            N=outputs,
            bits=8,
            block_size=_BLOCK,
            accuracy_level=4,
        )

    def _layer_norm(self, inputs: str, name: str) -> str:
        width = self._shape.dimensions
        gain = self._constant(name + ".weight", self._tensor(name + ".weight", width))
        shift = self._constant(name + ".bias", self._tensor(name + ".bias", width))
        return self._op("LayerNormalization", [inputs, gain, shift], name, axis=-1, epsilon=self._shape.epsilon)

    def _mean(self, hidden: str, mask: str) -> str:
        """Sum over the tokens; the unit norm that follows makes the division by their number redundant."""
        row = self._op("Unsqueeze", [mask, self._axes(1)], "mask_row")
        summed = self._op("MatMul", [row, hidden], "summed")
        return self._op("Squeeze", [summed, self._axes(1)], "pooled")

    def _first(self, hidden: str) -> str:
        return self._op("Gather", [hidden, self._constant("first", np.int64(0))], "pooled", axis=1)

    def _until_sequence(self) -> list[str]:
        """The bounds of a slice of the first axis from zero to the batch's padded length."""
        return [self._axes(0), "sequence:out", self._axes(0)]

    def _axes(self, *values: int) -> str:
        return self._constant("axes_" + "_".join(map(str, values)), np.array(values, np.int64))

    def _tensor(self, name: str, *shape: int | None) -> NDArray[np.float32]:
        tensor = self._weights.get(name)
        if tensor is None:
            raise ModelError(f"the weights have no tensor {name}: not a BERT encoder saved by transformers")
        if tensor.ndim != len(shape) or any(
            want not in (None, size) for want, size in zip(shape, tensor.shape, strict=True)
        ):
            raise ModelError(f"tensor {name} has shape {tensor.shape}, expected {shape}")
        return tensor

    def _constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def _op(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        # Nodes and constants share one namespace, and a layer's output takes the layer's name: mark it.
        output = output if output == "vectors" else f"{output}:out"
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output
