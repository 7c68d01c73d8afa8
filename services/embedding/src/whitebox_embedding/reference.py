"""The encoder once more, in plain NumPy, straight from the weights: what the served graph is checked against.

It is slow, takes one text at a time and shares nothing with the graph but the weights' names.
"""

import math

import numpy as np
from numpy.typing import NDArray

from whitebox_embedding.model_folder import Architecture, Weights

_Array = NDArray[np.float64]


def encode(weights: Weights, architecture: Architecture, token_ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Embeds one text.

    Args:
        weights: Tensors by the names that `transformers.BertModel` gives them.
        architecture: The encoder's shape.
        token_ids: (tokens,) with special tokens, at most `architecture.max_tokens`.

    Returns:
        (dimensions,) of unit Euclidean norm, computed in float64.
    """
    tokens, heads, width = len(token_ids), architecture.heads, architecture.dimensions

    def dense(x: _Array, name: str) -> _Array:
        product: _Array = x @ weights[name + ".weight"].T.astype(np.float64) + weights[name + ".bias"]
        return product

    def layer_norm(x: _Array, name: str) -> _Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + architecture.epsilon)
        normed: _Array = centred / scale * weights[name + ".weight"] + weights[name + ".bias"]
        return normed

    def by_head(x: _Array) -> _Array:
        return x.reshape(tokens, heads, width // heads).swapaxes(0, 1)

    words = weights["embeddings.word_embeddings.weight"][token_ids].astype(np.float64)
    positions = weights["embeddings.position_embeddings.weight"][:tokens]
    hidden = layer_norm(
        words + positions + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm"
    )
    for index in range(architecture.layers):
        prefix = f"encoder.layer.{index}."
        query, key, value = (by_head(dense(hidden, f"{prefix}attention.self.{n}")) for n in ("query", "key", "value"))
        scores = query @ key.swapaxes(1, 2) / math.sqrt(width // heads)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        context = (shares @ value).swapaxes(0, 1).reshape(tokens, width)
        attended = layer_norm(
            hidden + dense(context, prefix + "attention.output.dense"), prefix + "attention.output.LayerNorm"
        )
        inner = _gelu(dense(attended, prefix + "intermediate.dense"))
        hidden = layer_norm(attended + dense(inner, prefix + "output.dense"), prefix + "output.LayerNorm")
    pooled = hidden.mean(axis=0) if architecture.pooling == "mean" else hidden[0]
    vector: NDArray[np.float32] = (pooled / np.linalg.norm(pooled)).astype(np.float32)
    return vector


def _gelu(x: _Array) -> _Array:
    """Computes x Φ(x) with the exact normal distribution (https://arxiv.org/abs/1606.08415)."""
    erf: _Array = np.vectorize(math.erf, otypes=[np.float64])(x / math.sqrt(2))
    return x * (1 + erf) / 2
