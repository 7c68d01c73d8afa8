"""BERT: a transformer that reads in both directions (Devlin et al. 2018), with its heads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox.autograd import Tensor, gelu, tanh
from whitebox.errors import RangeError, ShapeError, StateError
from whitebox.nn import Embedding, LayerNorm, Linear, Module, Parameter
from whitebox.safetensors import load_safetensors
from whitebox.transformers.attention import attention, merge_heads, split_heads

_UNSEEN = np.float32(-1e30)


@dataclass(frozen=True)
class BertConfig:
    """Shape of a BERT, under the names of Hugging Face's `config.json`.

    >>> BertConfig.from_dict({"hidden_size": 384, "model_type": "bert"}).hidden_size
    384
    """

    vocab_size: int = 30_522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    hidden_act: str = "gelu"

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise RangeError(f"{self.num_attention_heads} heads do not divide a width of {self.hidden_size}")
        if self.hidden_act not in ("gelu", "gelu_new"):
            raise RangeError(f"hidden_act must be 'gelu' or 'gelu_new', got {self.hidden_act!r}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The fields that are known; others, of which there are many, are left out."""
        return cls(**{name: value for name, value in values.items() if name in cls.__dataclass_fields__})


class _SelfAttention(Module):
    def __init__(self, config: BertConfig, rng: np.random.Generator) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        self.query, self.key, self.value, self.output = (Linear(width, width, rng=rng) for _ in range(4))
        self.norm = LayerNorm(width, epsilon=config.layer_norm_eps)

    def forward(self, x: Tensor, bias: npt.NDArray[np.float32] | None) -> Tensor:
        query, key, value = (split_heads(layer(x), self.heads) for layer in (self.query, self.key, self.value))
        found = merge_heads(attention(query, key, value, bias=bias))
        normed: Tensor = self.norm(self.output(found) + x)
        return normed


class _Layer(Module):
    def __init__(self, config: BertConfig, rng: np.random.Generator) -> None:
        super().__init__()
        self.attention = _SelfAttention(config, rng)
        self.intermediate = Linear(config.hidden_size, config.intermediate_size, rng=rng)
        self.output = Linear(config.intermediate_size, config.hidden_size, rng=rng)
        self.norm = LayerNorm(config.hidden_size, epsilon=config.layer_norm_eps)
        self.approximate = config.hidden_act == "gelu_new"

    def forward(self, x: Tensor, bias: npt.NDArray[np.float32] | None) -> Tensor:
        attended = self.attention(x, bias)
        inner = gelu(self.intermediate(attended), approximate=self.approximate)
        normed: Tensor = self.norm(self.output(inner) + attended)
        return normed


class Bert(Module):
    r"""The encoder: embeddings and layers of attention and feed-forward networks, each added and normalised.

    .. math:: x' = \mathrm{LN}(x + \mathrm{Attention}(x)), \qquad x'' = \mathrm{LN}(x' + W_2\, \mathrm{GELU}(W_1 x'))

    O(layers · (n · w² + n² · w)) for n positions of width w.

    Args:
        config: Its shape.
        rng: Draws the weights.

    >>> config = BertConfig(30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    >>> Bert(config, rng=np.random.default_rng(0))(np.array([[1, 2, 3]])).shape
    (1, 3, 8)
    """

    def __init__(self, config: BertConfig, *, rng: np.random.Generator) -> None:
        super().__init__()
        self.config = config
        self.words = Embedding(config.vocab_size, config.hidden_size, rng=rng)
        self.positions = Embedding(config.max_position_embeddings, config.hidden_size, rng=rng)
        self.types = Embedding(config.type_vocab_size, config.hidden_size, rng=rng)
        self.norm = LayerNorm(config.hidden_size, epsilon=config.layer_norm_eps)
        self.layers = [_Layer(config, rng) for _ in range(config.num_hidden_layers)]

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """A published model: `config.json` and `model.safetensors`, as Hugging Face's transformers saves a BertModel.

        Raises:
            StateError: A file is damaged, or a tensor is missing.
            ShapeError: A tensor does not have the configuration's shape.
            OSError: A file cannot be read.
        """
        folder = Path(folder)
        try:
            config = BertConfig.from_dict(json.loads((folder / "config.json").read_text()))
        except ValueError as error:
            raise StateError(f"{folder / 'config.json'} cannot be used: {error}") from error
        model = cls(config, rng=np.random.default_rng(0))
        return model.load_published(load_safetensors(folder / "model.safetensors"))

    def load_published(self, tensors: Mapping[str, npt.ArrayLike]) -> Self:
        """Takes over the tensors of a BertModel by their published names.

        Raises:
            StateError: One is missing.
            ShapeError: One does not fit.
        """
        prefix = "bert." if any(name.startswith("bert.") for name in tensors) else ""
        wanted = {name: prefix + _published(name) for name in self.state_dict()}
        missing = [published for published in wanted.values() if published not in tensors]
        if missing:
            raise StateError(f"no BERT as transformers saves it: {missing[0]} is missing, and {len(missing) - 1} more")
        return self.load_state_dict({name: tensors[published] for name, published in wanted.items()})

    def forward(
        self, ids: npt.ArrayLike, lengths: npt.ArrayLike | None = None, types: npt.ArrayLike | None = None
    ) -> Tensor:
        """Vectors of all positions.

        Args:
            ids: Token numbers, shape (b, n), padded at the right with any.
            lengths: Tokens of each row, shape (b,); n by default. Nothing is seen of the padding.
            types: Segment of each token, shape (b, n); 0 by default.

        Returns:
            Shape (b, n, hidden_size).

        Raises:
            ShapeError: The shapes do not fit, or the rows are longer than the model's positions.
            RangeError: A token, segment or length is out of range.
        """
        numbers = np.asarray(ids)
        if numbers.ndim != 2 or not 1 <= numbers.shape[1] <= self.config.max_position_embeddings:
            limit = self.config.max_position_embeddings
            raise ShapeError(f"ids must have shape (rows, 1 to {limit} positions), got {numbers.shape}")
        count = numbers.shape[1]
        segments = np.zeros(count, np.intp) if types is None else np.asarray(types)
        embedded = self.words(numbers) + self.positions(np.arange(count)) + self.types(segments)
        hidden: Tensor = self.norm(embedded)
        bias = _padding_bias(lengths, numbers.shape)
        for layer in self.layers:
            hidden = layer(hidden, bias)
        return hidden


class MaskedLanguageModel(Module):
    r"""BERT with its head for words that were hidden: the probability of each word at each position.

    .. math:: \mathrm{logits} = E\, \mathrm{LN}(\mathrm{GELU}(W h)) + b

    where E are the embeddings of the words themselves (Devlin et al. 2018, sec. 3.1).

    Args:
        bert: The encoder.
        rng: Draws the head's weights.

    >>> rng = np.random.default_rng(0)
    >>> bert = Bert(BertConfig(30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2), rng=rng)
    >>> MaskedLanguageModel(bert, rng=rng)([[1, 2, 3]]).shape
    (1, 3, 30)
    """

    def __init__(self, bert: Bert, *, rng: np.random.Generator) -> None:
        super().__init__()
        width = bert.config.hidden_size
        self.bert = bert
        self.transform = Linear(width, width, rng=rng)
        self.norm = LayerNorm(width, epsilon=bert.config.layer_norm_eps)
        self.bias = Parameter(np.zeros(bert.config.vocab_size, np.float32))

    def forward(self, ids: npt.ArrayLike, lengths: npt.ArrayLike | None = None) -> Tensor:
        """Logits of shape (b, n, vocab_size)."""
        hidden = self.norm(gelu(self.transform(self.bert(ids, lengths))))
        logits: Tensor = hidden @ self.bert.words.weight.T + self.bias
        return logits


class SequenceClassifier(Module):
    """BERT with a head that tells classes of whole texts apart, by the vector of the first token.

    Args:
        bert: The encoder.
        classes: How many there are.
        rng: Draws the head's weights.

    >>> rng = np.random.default_rng(0)
    >>> bert = Bert(BertConfig(30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2), rng=rng)
    >>> SequenceClassifier(bert, 4, rng=rng)([[1, 2, 3]]).shape
    (1, 4)
    """

    def __init__(self, bert: Bert, classes: int, *, rng: np.random.Generator) -> None:
        super().__init__()
        self.bert = bert
        self.pooler = Linear(bert.config.hidden_size, bert.config.hidden_size, rng=rng)
        self.classifier = Linear(bert.config.hidden_size, classes, rng=rng)

    def forward(self, ids: npt.ArrayLike, lengths: npt.ArrayLike | None = None) -> Tensor:
        """Logits of shape (b, classes)."""
        logits: Tensor = self.classifier(tanh(self.pooler(self.bert(ids, lengths)[:, 0])))
        return logits


def mean_pooling(hidden: Tensor, lengths: npt.ArrayLike) -> Tensor:
    r"""Unit vectors of whole texts: the mean of their tokens' vectors, at length 1 (Reimers, Gurevych 2019).

    Args:
        hidden: Shape (b, n, w).
        lengths: Tokens of each row, shape (b,).

    Returns:
        Shape (b, w).

    >>> mean_pooling(Tensor([[[3.0, 0.0], [0.0, 4.0], [9.0, 9.0]]]), [2]).data.round(12).tolist()
    [[0.6, 0.8]]
    """
    inside = np.arange(hidden.shape[1]) < np.asarray(lengths)[:, None]
    summed = (hidden * inside[:, :, None].astype(hidden.dtype)).sum(axis=1)
    # The number of tokens cancels against the length.
    return summed * ((summed * summed).sum(axis=1, keepdims=True) + 1e-24) ** -0.5


def _padding_bias(lengths: npt.ArrayLike | None, shape: tuple[int, ...]) -> npt.NDArray[np.float32] | None:
    if lengths is None:
        return None
    ends = np.asarray(lengths)
    if ends.shape != shape[:1]:
        raise ShapeError(f"lengths must have shape ({shape[0]},), got {ends.shape}")
    if ends.size and not 1 <= ends.min() <= ends.max() <= shape[1]:
        raise RangeError(f"lengths must be 1 to {shape[1]}, got {ends.min()} to {ends.max()}")
    if (ends == shape[1]).all():
        return None
    bias: npt.NDArray[np.float32] = np.where(np.arange(shape[1]) < ends[:, None], np.float32(0), _UNSEEN)
    return bias[:, None, None, :]


_PUBLISHED = {
    "words": "embeddings.word_embeddings",
    "positions": "embeddings.position_embeddings",
    "types": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "attention.norm": "attention.output.LayerNorm",
    "intermediate": "intermediate.dense",
    "output": "output.dense",
}


def _published(name: str) -> str:
    """The name that transformers gives to one of our parameters."""
    module, _, kind = name.rpartition(".")
    if not module.startswith("layers."):
        return f"{_PUBLISHED[module]}.{kind}"
    _, number, inner = module.split(".", 2)
    outer = "output.LayerNorm" if inner == "norm" else _PUBLISHED[inner]
    return f"encoder.layer.{number}.{outer}.{kind}"
