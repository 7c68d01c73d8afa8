"""Texts in, vectors out: admission, tokenising off the event loop, and the batcher."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from whitebox_runtime.errors import ResourceExhausted

from whitebox_embedding.batcher import Batcher
from whitebox_embedding.encoding import Tokenizer

# Characters tokenised in one piece, some milliseconds of work: a query waits for one such piece, not for a whole book.
_SLICE_CHARACTERS = 16_384
# A request of at most so many texts is a query, and the last quarter of the room is kept for queries.
QUERY_TEXTS = 8
_BULK_SHARE = 0.75

_T = TypeVar("_T")


@dataclass(frozen=True)
class Embeddings:
    """Vectors and what the model read.

    Attributes:
        vectors: (texts, dimensions) float32 of unit norm.
        token_counts: Tokens used per text, special tokens included.
        truncated: Whether each text lost its tail.
    """

    vectors: NDArray[np.float32]
    token_counts: list[int]
    truncated: list[bool]


class Embedder:
    """The model as the rest of the service sees it.

    Args:
        tokenizer: Cuts texts into tokens.
        batcher: Runs the encoder; the caller keeps and closes it.
        max_waiting_texts: Texts admitted at the same time, over all callers; more are refused.
    """

    def __init__(self, tokenizer: Tokenizer, batcher: Batcher, *, max_waiting_texts: int) -> None:
        self._tokenizer = tokenizer
        self._batcher = batcher
        self._max_waiting = max_waiting_texts
        self._waiting = 0
        # Two, so that a query's few words need not wait for a slice of somebody's book.
        self._executor = ThreadPoolExecutor(2, thread_name_prefix="tokenizer")

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeds texts in their order.

        Raises:
            ResourceExhausted: Too many texts are waiting; `retry_after` estimates when they will be done.
        """
        with self._admitted(len(texts)):
            encoded = await self._in_slices(self._tokenizer.encode, texts)
            vectors = await self._batcher.embed([text.ids for text in encoded])
        return Embeddings(vectors, [len(text.ids) for text in encoded], [text.truncated for text in encoded])

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens per text, without special tokens and without a limit."""
        return await self._in_slices(self._tokenizer.count, texts)

    def close(self) -> None:
        """Ends the tokenizer's threads."""
        self._executor.shutdown()

    @contextmanager
    def _admitted(self, texts: int) -> Iterator[None]:
        room = self._max_waiting if texts <= QUERY_TEXTS else int(self._max_waiting * _BULK_SHARE)
        if self._waiting + texts > room:
            raise ResourceExhausted(
                f"{self._waiting} texts are waiting and {texts} more exceed the limit of {room}; try again later "
                "or send fewer texts at a time",
                reason="embedding_queue_full",
                retry_after=min(max(self._batcher.backlog_seconds, 0.1), 30.0),
            )
        self._waiting += texts
        try:
            yield
        finally:
            self._waiting -= texts

    async def _in_slices(self, work: Callable[[Sequence[str]], list[_T]], texts: Sequence[str]) -> list[_T]:
        """Runs `work` over slices of `texts`, one after the other, so that requests take turns."""
        loop = asyncio.get_running_loop()
        results: list[_T] = []
        for piece in _slices(texts):
            results += await loop.run_in_executor(self._executor, work, piece)
        return results


def _slices(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Consecutive runs of texts of about `_SLICE_CHARACTERS` together; a longer text is alone."""
    start, characters = 0, 0
    for index, text in enumerate(texts):
        if index > start and characters + len(text) > _SLICE_CHARACTERS:
            yield texts[start:index]
            start, characters = index, 0
        characters += len(text)
    if start < len(texts):
        yield texts[start:]
