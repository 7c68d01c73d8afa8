"""Llama: a transformer that writes (Touvron et al. 2023), and the published weights of its kind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox.autograd import Tensor, no_grad, silu
from whitebox.errors import RangeError, ShapeError, StateError
from whitebox.nn import Embedding, Linear, Module, RMSNorm
from whitebox.safetensors import load_safetensors
from whitebox.transformers.attention import attention, merge_heads, rotary, split_heads
from whitebox.transformers.cache import ContiguousCache, KeyValueCache
from whitebox.transformers.gguf import GGUF, open_gguf
from whitebox.transformers.sampling import log_probabilities


@dataclass(frozen=True)
class LlamaConfig:
    """Shape of a Llama, under the names of Hugging Face's `config.json`.

    Attributes:
        interleaved: Rotary embeddings turn neighbouring numbers, as GGUF stores the weights.

    >>> LlamaConfig(hidden_size=576, num_attention_heads=9, num_key_value_heads=3).head_width
    64
    """

    vocab_size: int = 32_000
    hidden_size: int = 4096
    intermediate_size: int = 11_008
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int = 32
    max_position_embeddings: int = 2048
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10_000.0
    tie_word_embeddings: bool = False
    interleaved: bool = False

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads or self.num_attention_heads % self.num_key_value_heads:
            raise RangeError(
                f"a width of {self.hidden_size} cannot be split into {self.num_attention_heads} heads that share "
                f"{self.num_key_value_heads}"
            )

    @property
    def head_width(self) -> int:
        """Numbers in a head."""
        return self.hidden_size // self.num_attention_heads

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The fields that are known; others are left out. The base of the rotary embedding may be nested."""
        rope = values.get("rope_parameters") or {}
        known = {**values, **({"rope_theta": rope["rope_theta"]} if "rope_theta" in rope else {})}
        return cls(**{name: value for name, value in known.items() if name in cls.__dataclass_fields__})


class _SelfAttention(Module):
    def __init__(self, config: LlamaConfig, rng: np.random.Generator) -> None:
        super().__init__()
        width, narrow = config.hidden_size, config.num_key_value_heads * config.head_width
        self.config = config
        self.query = Linear(width, width, bias=False, rng=rng)
        self.key = Linear(width, narrow, bias=False, rng=rng)
        self.value = Linear(width, narrow, bias=False, rng=rng)
        self.output = Linear(width, width, bias=False, rng=rng)

    def forward(self, x: Tensor, layer: int, cache: KeyValueCache | None, start: int) -> Tensor:
        config = self.config
        places = np.arange(start, start + x.shape[1])
        turn = config.rope_theta, config.interleaved
        query = rotary(split_heads(self.query(x), config.num_attention_heads), places, turn[0], interleaved=turn[1])
        key = rotary(split_heads(self.key(x), config.num_key_value_heads), places, turn[0], interleaved=turn[1])
        value = split_heads(self.value(x), config.num_key_value_heads)
        if cache is not None:
            # What is read back has no history: a cache is for use, not for training.
            key, value = (Tensor(array) for array in cache.extend(layer, key.data, value.data))
        merged: Tensor = self.output(merge_heads(attention(query, key, value, causal=True)))
        return merged


class _Layer(Module):
    def __init__(self, config: LlamaConfig, rng: np.random.Generator) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.attention_norm = RMSNorm(width, epsilon=config.rms_norm_eps)
        self.attention = _SelfAttention(config, rng)
        self.feed_forward_norm = RMSNorm(width, epsilon=config.rms_norm_eps)
        self.gate = Linear(width, inner, bias=False, rng=rng)
        self.up = Linear(width, inner, bias=False, rng=rng)
        self.down = Linear(inner, width, bias=False, rng=rng)

    def forward(self, x: Tensor, layer: int, cache: KeyValueCache | None, start: int) -> Tensor:
        x = x + self.attention(self.attention_norm(x), layer, cache, start)
        normed = self.feed_forward_norm(x)
        added: Tensor = x + self.down(silu(self.gate(normed)) * self.up(normed))
        return added


class Llama(Module):
    r"""The decoder: each layer adds what attention and a gated network make of the normalised input.

    .. math:: x' = x + \mathrm{Attention}(\mathrm{RMS}(x)), \qquad
        x'' = x' + W_3 (\mathrm{SiLU}(W_1 \hat x) \odot W_2 \hat x), \quad \hat x = \mathrm{RMS}(x')

    with rotary embeddings of queries and keys, key heads shared by groups of query heads, and no biases.

    Args:
        config: Its shape.
        rng: Draws the weights.

    >>> config = LlamaConfig(50, 8, 16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1)
    >>> Llama(config, rng=np.random.default_rng(0))(np.array([[1, 2, 3]])).shape
    (1, 3, 50)
    """

    def __init__(self, config: LlamaConfig, *, rng: np.random.Generator) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config.vocab_size, config.hidden_size, rng=rng)
        self.layers = [_Layer(config, rng) for _ in range(config.num_hidden_layers)]
        self.norm = RMSNorm(config.hidden_size, epsilon=config.rms_norm_eps)
        tied = config.tie_word_embeddings
        self.output = None if tied else Linear(config.hidden_size, config.vocab_size, bias=False, rng=rng)

    @classmethod
    def from_gguf(cls, path: str | Path) -> Self:
        """A published model from a GGUF file, with its weights decoded to single precision.

        Raises:
            StateError: The file is damaged, or holds another kind of model.
            ShapeError: A tensor does not have the configuration's shape.
        """
        file = open_gguf(path)
        model = cls(gguf_config(file), rng=_NoDraws())  # type: ignore[arg-type]  # every weight is replaced
        return model.load_state_dict({name: file.tensor(_gguf_name(name)) for name in model.state_dict()})

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """A published model: `config.json` and `model.safetensors`, as transformers saves a LlamaForCausalLM.

        Raises:
            StateError: A file is damaged, or a tensor is missing.
            ShapeError: A tensor does not have the configuration's shape.
        """
        folder = Path(folder)
        try:
            config = LlamaConfig.from_dict(json.loads((folder / "config.json").read_text()))
        except ValueError as error:
            raise StateError(f"{folder / 'config.json'} cannot be used: {error}") from error
        model = cls(config, rng=_NoDraws())  # type: ignore[arg-type]  # every weight is replaced
        tensors = load_safetensors(folder / "model.safetensors")
        wanted = {name: _published(name) for name in model.state_dict()}
        missing = [published for published in wanted.values() if published not in tensors]
        if missing:
            raise StateError(f"no Llama as transformers saves it: {missing[0]} is missing, and {len(missing) - 1} more")
        return model.load_state_dict({name: tensors[published] for name, published in wanted.items()})

    def new_cache(self, batch: int = 1, capacity: int | None = None) -> ContiguousCache:
        """A cache for this model's keys and values.

        Args:
            batch: Sequences side by side.
            capacity: Positions; the model's own limit by default.
        """
        config = self.config
        return ContiguousCache(
            layers=config.num_hidden_layers,
            batch=batch,
            heads=config.num_key_value_heads,
            width=config.head_width,
            capacity=config.max_position_embeddings if capacity is None else capacity,
        )

    def hidden(self, ids: npt.ArrayLike, cache: KeyValueCache | None = None) -> Tensor:
        """Vectors of all positions behind the last layer, normalised; shape (b, n, hidden_size). See `forward`."""
        numbers = np.asarray(ids)
        start = 0 if cache is None else cache.length
        limit = self.config.max_position_embeddings
        if numbers.ndim != 2 or not 1 <= numbers.shape[1] <= limit - start:
            raise ShapeError(f"ids must have shape (rows, 1 to {limit - start} positions), got {numbers.shape}")
        x = self.embedding(numbers)
        for number, layer in enumerate(self.layers):
            x = layer(x, number, cache, start)
        normed: Tensor = self.norm(x)
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits of the next token from vectors, shape (..., vocab_size)."""
        if self.output is not None:
            scores: Tensor = self.output(hidden)
            return scores
        return hidden @ self.embedding.weight.T

    def forward(self, ids: npt.ArrayLike, cache: KeyValueCache | None = None, *, last_only: bool = False) -> Tensor:
        """Logits of the token that follows each position.

        Args:
            ids: Token numbers, shape (b, n).
            cache: Of the tokens before these; is extended by these.
            last_only: Only those behind the last position: what generation needs, for a fraction of the time.

        Returns:
            Shape (b, n, vocab_size), or (b, 1, vocab_size).

        Raises:
            ShapeError: The shape does not fit, or there are more positions than the model knows.
            RangeError: A number is no token.
            CacheFullError: The cache has no room.
        """
        hidden = self.hidden(ids, cache)
        return self.logits(hidden[:, -1:] if last_only else hidden)


def streamed_log_probabilities(path: str | Path, ids: Sequence[int], start: int) -> npt.NDArray[np.float64]:
    r"""Log-probabilities of a text's tokens, with the weights of one layer in memory at a time.

    For :math:`t \ge s`, :math:`\log p(x_t \mid x_0 \ldots x_{t-1})`. A model of any depth needs no more memory than its
    embedding and one layer; each call decodes all weights anew.

    Args:
        path: A GGUF file.
        ids: Tokens, shape (n,).
        start: s, at least 1, since nothing precedes the first token.

    Returns:
        Shape (n - s,).

    Raises:
        StateError: The file is damaged, or holds another kind of model.
        RangeError: There is nothing from `start` on, or a number is no token.
        ShapeError: There are more tokens than the model knows positions.
        OSError: The file cannot be read.

    >>> streamed_log_probabilities("model.gguf", [1, 2], start=2)
    Traceback (most recent call last):
    ...
    whitebox.errors.RangeError: start must be 1 to 1 for 2 tokens, got 2
    """
    if not 1 <= start < len(ids):
        raise RangeError(f"start must be 1 to {len(ids) - 1} for {len(ids)} tokens, got {start}")
    file = open_gguf(path)
    config = gguf_config(file)
    if len(ids) > config.max_position_embeddings:
        raise ShapeError(f"the model knows {config.max_position_embeddings} positions, got {len(ids)} tokens")
    one = Llama(replace(config, num_hidden_layers=1), rng=_NoDraws())  # type: ignore[arg-type]  # all are replaced
    layer = one.layers[0]
    outer = [name for name in one.state_dict() if not name.startswith("layers.")]
    one.load_state_dict({name: file.tensor(_gguf_name(name)) for name in outer}, strict=False)
    found = []
    with no_grad():
        x: Tensor = one.embedding(np.asarray(ids)[None])
        for number in range(config.num_hidden_layers):
            names = {name: _gguf_name(f"layers.{number}.{name}") for name in layer.state_dict()}
            layer.load_state_dict({name: file.tensor(stored) for name, stored in names.items()})
            x = layer(x, 0, None, 0)
        hidden = one.norm(x)
        # The logits of a few positions at a time: a vocabulary is wide.
        for first in range(start, len(ids), 64):
            last = min(first + 64, len(ids))
            found.append(log_probabilities(one.logits(hidden[0, first - 1 : last - 1]).data, ids[first:last]))
    return np.concatenate(found)


def gguf_config(file: GGUF) -> LlamaConfig:
    """The configuration in a GGUF file's header.

    Raises:
        StateError: It describes another kind of model, or lacks something.
    """
    data = file.metadata
    if data.get("general.architecture") != "llama":
        raise StateError(f"the file holds a {data.get('general.architecture')!r}, not a llama")
    try:
        return LlamaConfig(
            vocab_size=file.shapes["token_embd.weight"][0],
            hidden_size=data["llama.embedding_length"],
            intermediate_size=data["llama.feed_forward_length"],
            num_hidden_layers=data["llama.block_count"],
            num_attention_heads=data["llama.attention.head_count"],
            num_key_value_heads=data.get("llama.attention.head_count_kv", data["llama.attention.head_count"]),
            max_position_embeddings=data["llama.context_length"],
            rms_norm_eps=data["llama.attention.layer_norm_rms_epsilon"],
            rope_theta=data.get("llama.rope.freq_base", 10_000.0),
            tie_word_embeddings="output.weight" not in file.shapes,
            interleaved=True,
        )
    except KeyError as error:
        raise StateError(f"the file's header lacks {error}") from error


class _NoDraws:
    """Stands in for a random generator where all weights are replaced at once: drawing them would take seconds."""

    def uniform(self, low: float, high: float, shape: Any) -> npt.NDArray[np.float32]:  # noqa: ARG002
        return np.zeros(shape, np.float32)

    def standard_normal(self, shape: Any) -> npt.NDArray[np.float32]:
        return np.zeros(shape, np.float32)


_GGUF = {
    "embedding": "token_embd",
    "norm": "output_norm",
    "output": "output",
    "attention_norm": "attn_norm",
    "attention.query": "attn_q",
    "attention.key": "attn_k",
    "attention.value": "attn_v",
    "attention.output": "attn_output",
    "feed_forward_norm": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}
_PUBLISHED = {
    "embedding": "model.embed_tokens",
    "norm": "model.norm",
    "output": "lm_head",
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "feed_forward_norm": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}


def _gguf_name(name: str) -> str:
    return _translated(name, _GGUF, "blk.")


def _published(name: str) -> str:
    return _translated(name, _PUBLISHED, "model.layers.")


def _translated(name: str, names: Mapping[str, str], layers: str) -> str:
    module, _, kind = name.rpartition(".")
    if not module.startswith("layers."):
        return f"{names[module]}.{kind}"
    _, number, inner = module.split(".", 2)
    return f"{layers}{number}.{names[inner]}.{kind}"
