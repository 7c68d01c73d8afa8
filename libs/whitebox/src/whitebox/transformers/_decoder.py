"""What transformers that write have in common: pre-normalised layers, positions behind a cache, logits, weights."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from whitebox.autograd import Tensor
from whitebox.errors import ShapeError, StateError
from whitebox.nn import Embedding, Linear, Module
from whitebox.safetensors import load_safetensors
from whitebox.transformers.attention import attention
from whitebox.transformers.cache import ContiguousCache, KeyValueCache, PackedCaches
from whitebox.transformers.paged_cache import BlockPool

Caches = KeyValueCache | PackedCaches


class PreNormLayer(Module):
    r"""A layer whose input is normalised before each of its two parts, which are added.

    .. math:: x' = x + \mathrm{Attention}(\mathrm{Norm}(x)), \qquad x'' = x' + \mathrm{FeedForward}(\mathrm{Norm}(x'))
    """

    attention_norm: Module
    attention: Module
    feed_forward_norm: Module

    @abstractmethod
    def feed_forward(self, x: Tensor) -> Tensor:
        """What the second part makes of its normalised input."""

    def forward(self, x: Tensor, positions: npt.NDArray[np.intp], layer: int, cache: Caches | None) -> Tensor:
        """From (b, n, w) to (b, n, w); `layer` is its number in the cache."""
        x = x + self.attention(self.attention_norm(x), positions, layer, cache)
        return x + self.feed_forward(self.feed_forward_norm(x))


class DecoderOnly(Module):
    """A transformer that writes: each position sees itself and what is before it.

    An heir sets the attributes below, and says how tokens are embedded and what its weights are called elsewhere.

    Attributes:
        vocabulary: Tokens it knows.
        max_positions: Of a sequence.
        key_heads: Heads of keys and values.
        head_width: Numbers in a head.
        embedding: Vectors of the tokens.
        layers: Of attention and feed-forward networks.
        norm: Behind the last layer.
        output: From vectors to logits; None where the embedding's own vectors do it.
    """

    #: What the published model is called, and the beginning of the names of its layers' weights.
    kind: ClassVar[str]
    layer_prefix: ClassVar[str]
    #: Names of the weights as transformers publishes them, by ours.
    published: ClassVar[Mapping[str, str]]

    vocabulary: int
    max_positions: int
    key_heads: int
    head_width: int
    embedding: Embedding
    layers: Sequence[PreNormLayer]
    norm: Module
    output: Linear | None

    def embedded(self, ids: npt.NDArray[Any], positions: npt.NDArray[np.intp]) -> Tensor:  # noqa: ARG002
        """Vectors of tokens at their positions, shape (b, n, w)."""
        vectors: Tensor = self.embedding(ids)
        return vectors

    # ---- weights

    @classmethod
    @abstractmethod
    def _from_config(cls, values: Mapping[str, Any]) -> Self:
        """A model of a configuration's shape, whose weights are yet to come."""

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """A published model: `config.json` and `model.safetensors`, as Hugging Face's transformers saves it.

        Raises:
            StateError: A file is damaged, or a tensor is missing.
            ShapeError: A tensor does not have the configuration's shape.
            OSError: A file cannot be read.
        """
        folder = Path(folder)
        try:
            values = json.loads((folder / "config.json").read_text())
            if not isinstance(values, dict):
                raise StateError("it holds no object")
            model = cls._from_config(values)
        except (ValueError, TypeError) as error:
            raise StateError(f"{folder / 'config.json'} cannot be used: {error}") from error
        return model.load_published(load_safetensors(folder / "model.safetensors"))

    def load_published(self, tensors: Mapping[str, npt.ArrayLike]) -> Self:
        """Takes over tensors by the names under which transformers saves them; others are left out.

        Raises:
            StateError: One is missing.
            ShapeError: One does not fit.
        """
        wanted = {name: translated(name, self.published, self.layer_prefix) for name in self.state_dict()}
        missing = [published for published in wanted.values() if published not in tensors]
        if missing:
            others = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise StateError(f"no {self.kind} as transformers saves it: {missing[0]} is missing{others}")
        return self.load_state_dict({name: tensors[published] for name, published in wanted.items()})

    # ---- caches

    def new_cache(self, batch: int = 1, capacity: int | None = None) -> ContiguousCache:
        """A cache for this model's keys and values.

        Args:
            batch: Sequences side by side.
            capacity: Positions; the model's own limit by default.
        """
        return ContiguousCache(
            layers=len(self.layers),
            batch=batch,
            heads=self.key_heads,
            width=self.head_width,
            capacity=self.max_positions if capacity is None else capacity,
            dtype=self.embedding.weight.dtype,
        )

    def new_pool(self, blocks: int, block_size: int = 16, *, prefix_caching: bool = True) -> BlockPool:
        """A pool of blocks for the keys and values of many sequences.

        Args:
            blocks: How many there are.
            block_size: Positions in a block.
            prefix_caching: Whether sequences that begin alike share their beginning.
        """
        return BlockPool(
            layers=len(self.layers),
            heads=self.key_heads,
            width=self.head_width,
            blocks=blocks,
            block_size=block_size,
            dtype=self.embedding.weight.dtype,
            prefix_caching=prefix_caching,
        )

    # ---- what it computes

    def hidden(self, ids: npt.ArrayLike, cache: Caches | None = None) -> Tensor:
        """Vectors of all positions behind the last layer, normalised; shape (b, n, w). See `forward`."""
        numbers = np.asarray(ids)
        positions = self._positions(numbers, cache)
        x = self.embedded(numbers, positions)
        for number, layer in enumerate(self.layers):
            x = layer(x, positions, number, cache)
        normed: Tensor = self.norm(x)
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits of the next token from vectors, shape (..., vocabulary)."""
        if self.output is not None:
            scores: Tensor = self.output(hidden)
            return scores
        return hidden @ self.embedding.weight.T

    def forward(self, ids: npt.ArrayLike, cache: Caches | None = None, *, last_only: bool = False) -> Tensor:
        """Logits of the token that follows each position.

        Args:
            ids: Token numbers, shape (b, n); with packed caches (1, n), the new tokens of one sequence behind those of
                another.
            cache: Of the tokens before these; is extended by these.
            last_only: Only those behind the last position, or the last of each packed sequence: what generation needs,
                for a fraction of the time.

        Returns:
            Shape (b, n, vocabulary), or (b, 1, vocabulary), or (1, sequences, vocabulary).

        Raises:
            ShapeError: The shape does not fit, or there are more positions than the model knows.
            RangeError: A number is no token.
            CacheFullError: The cache has no room.
        """
        hidden = self.hidden(ids, cache)
        if last_only:
            hidden = hidden[:, cache.last()] if isinstance(cache, PackedCaches) else hidden[:, -1:]
        return self.logits(hidden)

    def _positions(self, numbers: npt.NDArray[Any], cache: Caches | None) -> npt.NDArray[np.intp]:
        limit = self.max_positions
        if isinstance(cache, PackedCaches):
            positions = cache.positions()
            if numbers.shape != (1, len(positions)):
                raise ShapeError(f"packed ids must have shape (1, {len(positions)}), got {numbers.shape}")
            if positions.max() >= limit:
                raise ShapeError(f"a packed sequence would be {positions.max() + 1} positions long, of at most {limit}")
            return positions
        start = 0 if cache is None else cache.length
        if numbers.ndim != 2 or not 1 <= numbers.shape[1] <= limit - start:
            raise ShapeError(f"ids must have shape (rows, 1 to {limit - start} positions), got {numbers.shape}")
        return np.arange(start, start + numbers.shape[1])


def cached_attention(query: Tensor, key: Tensor, value: Tensor, layer: int, cache: Caches | None) -> Tensor:
    """Causal attention of new positions to themselves and to what a cache holds, to which they are added.

    Args:
        query: Shape (b, h, n, d).
        key: Shape (b, g, n, d).
        value: Shape (b, g, n, d).
        layer: Number of the layer.
        cache: Its memory. What is read back has no history: a cache is for use, not for training.

    Returns:
        Shape (b, h, n, d).
    """
    if cache is None:
        return attention(query, key, value, causal=True)
    if not isinstance(cache, PackedCaches):
        keys, values = cache.extend(layer, key.data, value.data)
        return attention(query, Tensor(keys), Tensor(values), causal=True)
    found = np.empty(query.shape, query.dtype)
    for one, part in zip(cache.caches, cache.parts, strict=True):
        keys, values = one.extend(layer, key.data[:, :, part], value.data[:, :, part])
        found[:, :, part] = attention(Tensor(query.data[:, :, part]), Tensor(keys), Tensor(values), causal=True).data
    return Tensor(found)


def translated(name: str, names: Mapping[str, str], layers: str) -> str:
    """The name that others give to one of our weights.

    Args:
        name: Ours, such as "layers.3.attention.query.weight".
        names: Theirs by ours, without layer, number and kind.
        layers: How the names of weights in a layer begin, up to its number.
    """
    module, _, kind = name.rpartition(".")
    if not module.startswith("layers."):
        return f"{names[module]}.{kind}"
    _, number, inner = module.split(".", 2)
    return f"{layers}{number}.{names[inner]}.{kind}"


class NoDraws:
    """Stands in for a random generator where all weights are replaced at once: drawing them would take seconds."""

    def uniform(self, low: float, high: float, shape: Any) -> npt.NDArray[np.float32]:  # noqa: ARG002
        """Zeros."""
        return np.zeros(shape, np.float32)

    def standard_normal(self, shape: Any) -> npt.NDArray[np.float32]:
        """Zeros."""
        return np.zeros(shape, np.float32)
