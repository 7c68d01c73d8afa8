"""Decides which waiting texts run next: fair between requests, and together only with texts of about their length.

Fairness is start-time fair queueing (Goyal, Vin, Cheng 1996) with tokens as the cost. Each text gets a tag: the queue's
virtual time when its request came, plus the tokens of the texts before it in the same request. Lower tags go first.
A single query so stands right behind what is running, however long the request in front of it, while the texts of two
long requests alternate and none of them starves.

On a CPU a batch costs what its padded tokens cost, so texts share a batch only within one class of length.
"""

import heapq
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

_CLASS_WIDTH = 16

_T = TypeVar("_T")


class FairQueue(Generic[_T]):
    """Texts waiting to run.

    Args:
        max_batch_tokens: Bound on a batch's padded tokens; a single longer text still makes a batch.
    """

    def __init__(self, max_batch_tokens: int) -> None:
        self._max_batch_tokens = max_batch_tokens
        self._virtual_time = 0
        self._sequence = 0
        # By class of length, a heap of (tag, arrival, tokens, text); the arrival breaks ties, first come first served.
        self._classes: dict[int, list[tuple[int, int, int, _T]]] = {}
        self._tokens = 0

    @property
    def tokens(self) -> int:
        """Tokens of all waiting texts."""
        return self._tokens

    def add(self, request: Sequence[tuple[int, _T]]) -> None:
        """Enqueues the (tokens, text) pairs of one request; shorter ones go first."""
        tag = self._virtual_time
        for tokens, text in sorted(request, key=lambda pair: pair[0]):
            heapq.heappush(self._classes.setdefault(_class_of(tokens), []), (tag, self._sequence, tokens, text))
            tag += tokens
            self._sequence += 1
            self._tokens += tokens

    def take(self) -> list[_T]:
        """Removes and returns the next batch; empty when nothing waits."""
        if not self._classes:
            return []
        chosen = min(self._classes, key=lambda key: self._classes[key][0])
        heap = self._classes[chosen]
        self._virtual_time = max(self._virtual_time, heap[0][0])
        batch: list[_T] = []
        longest = 0
        while heap:
            tokens = heap[0][2]
            if batch and max(longest, tokens) * (len(batch) + 1) > self._max_batch_tokens:
                break
            longest = max(longest, tokens)
            self._tokens -= tokens
            batch.append(heapq.heappop(heap)[3])
        if not heap:
            del self._classes[chosen]
        return batch

    def remove(self, texts: Iterable[_T]) -> None:
        """Forgets texts, by identity, whose caller has gone; those that run or have run already are ignored."""
        gone = {id(text) for text in texts}
        for key, heap in list(self._classes.items()):
            kept = [entry for entry in heap if id(entry[3]) not in gone]
            if len(kept) == len(heap):
                continue
            self._tokens -= sum(entry[2] for entry in heap) - sum(entry[2] for entry in kept)
            if kept:
                heapq.heapify(kept)
                self._classes[key] = kept
            else:
                del self._classes[key]


def _class_of(tokens: int) -> int:
    return (tokens - 1) // _CLASS_WIDTH
