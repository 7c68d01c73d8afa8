"""GPT-2: a transformer that writes, with learned positions (Radford et al. 2019), and its published weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in, positive_int
from whitebox.autograd import Tensor, gelu
from whitebox.errors import RangeError
from whitebox.nn import Embedding, LayerNorm, Linear, Module
from whitebox.transformers._decoder import Caches, DecoderOnly, NoDraws, PreNormLayer, cached_attention
from whitebox.transformers.attention import merge_heads, split_heads

# Whether GELU is approximated, by the names that transformers has for it.
_ACTIVATIONS = {"gelu_new": True, "gelu_pytorch_tanh": True, "gelu": False}
# What other models of the family change about attention; taking over their weights alone would compute something else.
_UNSUPPORTED = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False, "add_cross_attention": False}


@dataclass(frozen=True)
class GPT2Config:
    """Shape of a GPT-2, under the names of Hugging Face's `config.json`; that of the smallest published one by default.

    Raises:
        RangeError: A number is not positive, the heads do not divide the width, or the activation is not known.

    >>> GPT2Config.from_dict({"n_embd": 1024, "n_head": 16, "model_type": "gpt2"}).inner
    4096
    """

    vocab_size: int = 50_257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    activation_function: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True

    def __post_init__(self) -> None:
        for name in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head"):
            positive_int(getattr(self, name), name)
        positive_int(self.inner, "n_inner")
        number_in(self.initializer_range, "initializer_range", 0)
        if self.n_embd % self.n_head:
            raise RangeError(f"{self.n_head} heads do not divide a width of {self.n_embd}")
        if self.activation_function not in _ACTIVATIONS:
            known = ", ".join(_ACTIVATIONS)
            raise RangeError(f"activation_function must be one of {known}, got {self.activation_function!r}")

    @property
    def inner(self) -> int:
        """Width between the two maps of the feed-forward network."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The fields that are known; others are left out, unless they change what is computed.

        Raises:
            RangeError: As above, or attention is scaled in another way or looks at another model.
        """
        for name, usual in _UNSUPPORTED.items():
            if values.get(name, usual) != usual:
                raise RangeError(f"{name} must be {usual}, got {values[name]!r}")
        return cls(**{name: value for name, value in values.items() if name in cls.__dataclass_fields__})


class _SelfAttention(Module):
    def __init__(self, config: GPT2Config, rng: np.random.Generator, dtype: npt.DTypeLike) -> None:
        super().__init__()
        self.heads = config.n_head
        self.qkv = Linear(config.n_embd, 3 * config.n_embd, rng=rng, dtype=dtype)
        self.output = Linear(config.n_embd, config.n_embd, rng=rng, dtype=dtype)

    def forward(self, x: Tensor, positions: npt.NDArray[np.intp], layer: int, cache: Caches | None) -> Tensor:  # noqa: ARG002
        width = x.shape[-1]
        # One product for all three, of which each takes a third.
        fused = self.qkv(x)
        query, key, value = (
            split_heads(fused[..., start : start + width], self.heads) for start in (0, width, 2 * width)
        )
        merged: Tensor = self.output(merge_heads(cached_attention(query, key, value, layer, cache)))
        return merged


class _Layer(PreNormLayer):
    def __init__(self, config: GPT2Config, rng: np.random.Generator, dtype: npt.DTypeLike) -> None:
        super().__init__()
        width = config.n_embd
        self.attention_norm = LayerNorm(width, epsilon=config.layer_norm_epsilon, dtype=dtype)
        self.attention = _SelfAttention(config, rng, dtype)
        self.feed_forward_norm = LayerNorm(width, epsilon=config.layer_norm_epsilon, dtype=dtype)
        self.up = Linear(width, config.inner, rng=rng, dtype=dtype)
        self.down = Linear(config.inner, width, rng=rng, dtype=dtype)
        self.approximate = _ACTIVATIONS[config.activation_function]

    def feed_forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.down(gelu(self.up(x), approximate=self.approximate))
        return result


class GPT2(DecoderOnly):
    r"""The decoder: learned vectors of tokens and positions, and layers that add to what they are given.

    .. math:: x' = x + \mathrm{Attention}(\mathrm{LN}(x)), \qquad x'' = x' + W_2\, \mathrm{GELU}(W_1 \mathrm{LN}(x'))

    (Radford et al. 2019, sec. 2.3): normalisation comes before each part, and once more behind the last layer; the
    logits are products with the tokens' own vectors. Weights are drawn with standard deviation 0.02, those of maps into
    the residual stream with :math:`0.02 / \sqrt{2 L}` for L layers, as there are 2 L of them. There is no dropout.
    O(layers · (n · w² + n² · w)) for n positions of width w.

    Args:
        config: Its shape.
        rng: Draws the weights.
        dtype: Their precision.

    >>> config = GPT2Config(vocab_size=50, n_positions=16, n_embd=8, n_layer=1, n_head=2)
    >>> GPT2(config, rng=np.random.default_rng(0))(np.array([[1, 2, 3]])).shape
    (1, 3, 50)
    """

    kind = "GPT-2"
    layer_prefix = "h."
    published: ClassVar[Mapping[str, str]] = {
        "embedding": "wte",
        "positions": "wpe",
        "norm": "ln_f",
        "output": "lm_head",
        "attention_norm": "ln_1",
        "attention.qkv": "attn.c_attn",
        "attention.output": "attn.c_proj",
        "feed_forward_norm": "ln_2",
        "up": "mlp.c_fc",
        "down": "mlp.c_proj",
    }

    def __init__(self, config: GPT2Config, *, rng: np.random.Generator, dtype: npt.DTypeLike = np.float32) -> None:
        super().__init__()
        self.config = config
        self.vocabulary, self.max_positions = config.vocab_size, config.n_positions
        self.key_heads, self.head_width = config.n_head, config.n_embd // config.n_head
        width, tied = config.n_embd, config.tie_word_embeddings
        self.embedding = Embedding(config.vocab_size, width, rng=rng, dtype=dtype)
        self.positions = Embedding(config.n_positions, width, rng=rng, dtype=dtype)
        self.layers = [_Layer(config, rng, dtype) for _ in range(config.n_layer)]
        self.norm = LayerNorm(width, epsilon=config.layer_norm_epsilon, dtype=dtype)
        self.output = None if tied else Linear(width, config.vocab_size, bias=False, rng=rng, dtype=dtype)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                parameter.data = np.zeros(parameter.shape, dtype)
            elif parameter.ndim == 2:
                into_residual = name.endswith(("attention.output.weight", "down.weight"))
                scale = config.initializer_range / (math.sqrt(2 * config.n_layer) if into_residual else 1)
                parameter.data = (rng.standard_normal(parameter.shape) * scale).astype(dtype)

    @classmethod
    def _from_config(cls, values: Mapping[str, Any]) -> Self:
        return cls(GPT2Config.from_dict(values), rng=NoDraws())  # type: ignore[arg-type]  # every weight is replaced

    def load_published(self, tensors: Mapping[str, npt.ArrayLike]) -> Self:
        """Takes over tensors by the names under which transformers saves a GPT2Model or GPT2LMHeadModel.

        The published maps are stored as (inputs, outputs), OpenAI's `Conv1D`; they are turned over. For square ones no
        shape would tell.

        Args:
            tensors: By name, with or without "transformer." before them; masks among them are left out.

        Raises:
            StateError: One is missing.
            ShapeError: One does not fit.
        """
        plain = {name.removeprefix("transformer."): value for name, value in tensors.items()}
        turned = {
            name: np.asarray(value).T if name.startswith("h.") and np.ndim(value) == 2 else value
            for name, value in plain.items()
        }
        return super().load_published(turned)

    def embedded(self, ids: npt.NDArray[Any], positions: npt.NDArray[np.intp]) -> Tensor:
        """Vectors of tokens plus those of their positions, shape (b, n, w)."""
        vectors: Tensor = self.embedding(ids) + self.positions(positions)
        return vectors
