"""Llama: a transformer that writes (Touvron et al. 2023), and the published weights of its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from whitebox.autograd import Tensor, no_grad, silu
from whitebox.errors import RangeError, ShapeError, StateError
from whitebox.nn import Embedding, Linear, Module, RMSNorm
from whitebox.transformers._decoder import Caches, DecoderOnly, NoDraws, PreNormLayer, cached_attention, translated
from whitebox.transformers.attention import merge_heads, rotary, split_heads
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
    def __init__(self, config: LlamaConfig, rng: np.random.Generator, dtype: npt.DTypeLike) -> None:
        super().__init__()
        width, narrow = config.hidden_size, config.num_key_value_heads * config.head_width
        self.config = config
        self.query = Linear(width, width, bias=False, rng=rng, dtype=dtype)
        self.key = Linear(width, narrow, bias=False, rng=rng, dtype=dtype)
        self.value = Linear(width, narrow, bias=False, rng=rng, dtype=dtype)
        self.output = Linear(width, width, bias=False, rng=rng, dtype=dtype)

    def forward(self, x: Tensor, positions: npt.NDArray[np.intp], layer: int, cache: Caches | None) -> Tensor:
        config = self.config
        turn = config.rope_theta, config.interleaved
        query = rotary(split_heads(self.query(x), config.num_attention_heads), positions, turn[0], interleaved=turn[1])
        key = rotary(split_heads(self.key(x), config.num_key_value_heads), positions, turn[0], interleaved=turn[1])
        value = split_heads(self.value(x), config.num_key_value_heads)
        merged: Tensor = self.output(merge_heads(cached_attention(query, key, value, layer, cache)))
        return merged


class _Layer(PreNormLayer):
    def __init__(self, config: LlamaConfig, rng: np.random.Generator, dtype: npt.DTypeLike) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.attention_norm = RMSNorm(width, epsilon=config.rms_norm_eps, dtype=dtype)
        self.attention = _SelfAttention(config, rng, dtype)
        self.feed_forward_norm = RMSNorm(width, epsilon=config.rms_norm_eps, dtype=dtype)
        self.gate = Linear(width, inner, bias=False, rng=rng, dtype=dtype)
        self.up = Linear(width, inner, bias=False, rng=rng, dtype=dtype)
        self.down = Linear(inner, width, bias=False, rng=rng, dtype=dtype)

    def feed_forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.down(silu(self.gate(x)) * self.up(x))
        return result


class Llama(DecoderOnly):
    r"""The decoder: each layer adds what attention and a gated network make of the normalised input.

    .. math:: x' = x + \mathrm{Attention}(\mathrm{RMS}(x)), \qquad
        x'' = x' + W_3 (\mathrm{SiLU}(W_1 \hat x) \odot W_2 \hat x), \quad \hat x = \mathrm{RMS}(x')

    with rotary embeddings of queries and keys, key heads shared by groups of query heads, and no biases.

    Args:
        config: Its shape.
        rng: Draws the weights.
        dtype: Their precision.

    >>> config = LlamaConfig(50, 8, 16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1)
    >>> Llama(config, rng=np.random.default_rng(0))(np.array([[1, 2, 3]])).shape
    (1, 3, 50)
    """

    kind = "Llama"
    layer_prefix = "model.layers."
    published: ClassVar[Mapping[str, str]] = {
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

    def __init__(self, config: LlamaConfig, *, rng: np.random.Generator, dtype: npt.DTypeLike = np.float32) -> None:
        super().__init__()
        self.config = config
        self.vocabulary, self.max_positions = config.vocab_size, config.max_position_embeddings
        self.key_heads, self.head_width = config.num_key_value_heads, config.head_width
        width, tied = config.hidden_size, config.tie_word_embeddings
        self.embedding = Embedding(config.vocab_size, width, rng=rng, dtype=dtype)
        self.layers = [_Layer(config, rng, dtype) for _ in range(config.num_hidden_layers)]
        self.norm = RMSNorm(width, epsilon=config.rms_norm_eps, dtype=dtype)
        self.output = None if tied else Linear(width, config.vocab_size, bias=False, rng=rng, dtype=dtype)

    @classmethod
    def _from_config(cls, values: Mapping[str, Any]) -> Self:
        return cls(LlamaConfig.from_dict(values), rng=NoDraws())  # type: ignore[arg-type]  # every weight is replaced

    @classmethod
    def from_gguf(cls, path: str | Path) -> Self:
        """A published model from a GGUF file, with its weights decoded to single precision.

        Raises:
            StateError: The file is damaged, or holds another kind of model.
            ShapeError: A tensor does not have the configuration's shape.
        """
        file = open_gguf(path)
        model = cls(gguf_config(file), rng=NoDraws())  # type: ignore[arg-type]  # every weight is replaced
        return model.load_state_dict({name: file.tensor(_gguf_name(name)) for name in model.state_dict()})


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
    one = Llama(replace(config, num_hidden_layers=1), rng=NoDraws())  # type: ignore[arg-type]  # all are replaced
    layer = one.layers[0]
    outer = [name for name in one.state_dict() if not name.startswith("layers.")]
    one.load_state_dict({name: file.tensor(_gguf_name(name)) for name in outer}, strict=False)
    found = []
    with no_grad():
        positions = np.arange(len(ids))
        x = one.embedded(np.asarray(ids)[None], positions)
        for number in range(config.num_hidden_layers):
            names = {name: _gguf_name(f"layers.{number}.{name}") for name in layer.state_dict()}
            layer.load_state_dict({name: file.tensor(stored) for name, stored in names.items()})
            x = layer(x, positions, 0, None)
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


def _gguf_name(name: str) -> str:
    return translated(name, _GGUF, "blk.")
