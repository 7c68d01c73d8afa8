"""The encoder once more, by the transparent maths: from the published weights and with a tokenizer of its own.

It shares nothing with what serves but the files: neither the graph, nor the engine, nor the tokenizer's library.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from whitebox.autograd import Tensor, no_grad
from whitebox.errors import WhiteboxError
from whitebox.metrics.pairwise import cosine_similarity
from whitebox.safetensors import load_safetensors
from whitebox.transformers.bert import Bert, BertConfig, mean_pooling
from whitebox.transformers.tokenizer import WordPieceTokenizer
from whitebox_runtime.errors import FailedPrecondition
from whitebox_runtime.self_check import SelfChecks

from whitebox_embedding.embedder import Embeddings
from whitebox_embedding.errors import ModelError
from whitebox_embedding.model_folder import Architecture, Weights, bare_names

_BUSY_SECONDS = 1.0


class WhiteboxEncoder:
    """A BERT of `whitebox.transformers` with the pooling of the served model; one text at a time, no padding.

    Args:
        weights: Tensors by the names that `transformers.BertModel` gives them.
        architecture: The encoder's shape.

    Raises:
        ModelError: The weights do not fit the shape.
    """

    def __init__(self, weights: Weights, architecture: Architecture) -> None:
        self._pooling = architecture.pooling
        try:
            config = BertConfig(
                vocab_size=len(weights["embeddings.word_embeddings.weight"]),
                hidden_size=architecture.dimensions,
                num_hidden_layers=architecture.layers,
                num_attention_heads=architecture.heads,
                intermediate_size=len(weights["encoder.layer.0.intermediate.dense.weight"]),
                max_position_embeddings=len(weights["embeddings.position_embeddings.weight"]),
                type_vocab_size=len(weights["embeddings.token_type_embeddings.weight"]),
                layer_norm_eps=architecture.epsilon,
            )
            self._model = Bert(config, rng=np.random.default_rng(0)).load_published(weights).eval()
        except (KeyError, WhiteboxError) as error:
            raise ModelError(f"the weights cannot be recomputed with: {error}") from error

    def encode(self, token_ids: Sequence[int] | NDArray[np.int32]) -> NDArray[np.float32]:
        """Embeds one text.

        Args:
            token_ids: (tokens,) with special tokens, at most the model's positions.

        Returns:
            (dimensions,) of unit Euclidean norm.
        """
        with no_grad():
            hidden: Tensor = self._model(np.asarray(token_ids)[np.newaxis])
            # The first token's state is the mean of one state.
            seen = hidden.shape[1] if self._pooling == "mean" else 1
            vector: NDArray[np.float32] = mean_pooling(hidden, [seen]).data[0]
        return vector


def open_tokenizer(path: Path) -> WordPieceTokenizer:
    """Reads the vocabulary from a `tokenizer.json`.

    Raises:
        FailedPrecondition: It is no WordPiece tokenizer as BERT has it.
    """
    described = json.loads(path.read_bytes())
    model, normalizer = described.get("model") or {}, described.get("normalizer") or {}
    if model.get("type") != "WordPiece" or normalizer.get("type") != "BertNormalizer":
        raise FailedPrecondition(
            "the model in service has no WordPiece tokenizer, so its texts cannot be recomputed",
            reason="not_recomputable",
        )
    return WordPieceTokenizer(model["vocab"], lowercase=bool(normalizer.get("lowercase", True)))


@dataclass(frozen=True)
class Comparison:
    """One text, served and recomputed.

    Attributes:
        cosine_distance: 1 - cosine similarity of the two vectors.
        largest_difference: Between two entries at the same place.
        token_count: Tokens that were served.
        recomputed_token_count: Tokens by the other tokenizer.
    """

    cosine_distance: float
    largest_difference: float
    token_count: int
    recomputed_token_count: int


@dataclass(frozen=True)
class Report:
    """What a self-check found.

    Attributes:
        comparisons: One a text.
        tolerance: Largest cosine distance that rounding explains.
        served_seconds: Time for what is served.
        recomputed_seconds: Time for recomputing, reading the weights included.
    """

    comparisons: list[Comparison]
    tolerance: float
    served_seconds: float
    recomputed_seconds: float

    @property
    def agrees(self) -> bool:
        """Whether every text has the same tokens and, within the tolerance, the same direction."""
        return all(
            one.token_count == one.recomputed_token_count and one.cosine_distance <= self.tolerance
            for one in self.comparisons
        )


def _cosine_distance(served: NDArray[np.float32], recomputed: NDArray[np.float32]) -> float:
    """NaN where what is served has no direction: that is within no tolerance."""
    if not np.isfinite(served).all():
        return float("nan")
    return 1 - float(cosine_similarity(served[np.newaxis], recomputed[np.newaxis])[0, 0])


class Serving(Protocol):
    """The callers' own path to vectors."""

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeds texts in their order."""
        ...


class SelfCheck:
    """Recomputes texts on demand.

    Weights are read for each check and let go of after it: memory is needed while one runs, and one runs at a time.

    Args:
        serving: What callers get.
        weights_path: The published safetensors file.
        tokenizer_path: Its `tokenizer.json`.
        architecture: The encoder's shape.
        smallest_cosine: Below which rounding does not explain the difference.
    """

    def __init__(
        self,
        serving: Serving,
        *,
        weights_path: Path,
        tokenizer_path: Path,
        architecture: Architecture,
        smallest_cosine: float,
    ) -> None:
        self._serving = serving
        self._weights_path = weights_path
        self._tokenizer_path = tokenizer_path
        self._architecture = architecture
        self._tolerance = 1 - smallest_cosine
        self._checks = SelfChecks("embedding", retry_after=_BUSY_SECONDS)

    async def run(self, texts: Sequence[str]) -> Report:
        """Embeds the texts both ways.

        Raises:
            FailedPrecondition: The model's tokenizer cannot be recomputed.
            ResourceExhausted: Another check is running, or there is no room for the texts.
        """

        async def serve() -> tuple[Embeddings, float]:
            began = time.perf_counter()
            served = await self._serving.embed(texts)
            return served, time.perf_counter() - began

        checked = await self._checks.run(serve, lambda _: self._recompute(list(texts)))
        served, served_seconds = checked.served
        report = Report(
            [
                Comparison(
                    cosine_distance=_cosine_distance(ours, vector),
                    largest_difference=float(np.abs(ours - vector).max()),
                    token_count=count,
                    recomputed_token_count=tokens,
                )
                for (vector, tokens), ours, count in zip(
                    checked.recomputed, served.vectors, served.token_counts, strict=True
                )
            ],
            self._tolerance,
            served_seconds,
            checked.recomputed_seconds,
        )
        self._checks.count(report.agrees)
        return report

    def _recompute(self, texts: list[str]) -> list[tuple[NDArray[np.float32], int]]:
        tokenizer = open_tokenizer(self._tokenizer_path)
        encoder = WhiteboxEncoder(bare_names(load_safetensors(self._weights_path)), self._architecture)
        found = []
        for text in texts:
            ids = tokenizer.encode(text, max_tokens=self._architecture.max_tokens)
            found.append((encoder.encode(ids), len(ids)))
        return found
