"""Decides which waiting texts run next: fair between requests, and together only with texts of about their length.

Fairness is weighted fair queueing (Demers, Keshav, Shenker 1989) with tokens as the cost and equal weights. The
queue's virtual time is the number of tokens that each waiting request would have had served, had they shared the
encoder evenly. Each text gets a tag: the virtual time when its request came, plus the tokens of the request up to its
own end. Lower tags go first, so a query stands right behind what is running, however long the request in front of it,
while the texts of two long requests alternate and no stream of queries starves them.

On a CPU a batch costs what its padded tokens cost, so texts share a batch only within one class of length.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Generic, NamedTuple, TypeVar

_CLASS_WIDTH = 16
_QUERY_CREDIT = 4

_T = TypeVar("_T")


class _Entry(NamedTuple, Generic[_T]):
    """A waiting text; compared by its tag, then first come first served."""

    tag: float
    arrival: int
    tokens: int
    request: int
    text: _T


class FairQueue(Generic[_T]):
    """Texts waiting to run.

    Args:
        max_batch_tokens: Bound on a batch's padded tokens; a single longer text still makes a batch.
    """

    def __init__(self, max_batch_tokens: int) -> None:
        self._max_batch_tokens = max_batch_tokens
        self._virtual_time = 0.0
        self._requests = count()
        self._arrivals = count()
        # By class of length, a heap in the order of tags.
        self._classes: dict[int, list[_Entry[_T]]] = {}
        # By request, how many of its texts wait.
        self._waiting: Counter[int] = Counter()
        self._tokens = 0

    @property
    def tokens(self) -> int:
        """Tokens of all waiting texts."""
        return self._tokens

    def add(self, request: Sequence[tuple[int, _T]]) -> None:
        """Enqueues the (tokens, text) pairs of one request; shorter ones go first."""
        number, tag = next(self._requests), self._virtual_time
        # Long requests are served by whole batches of one class of length, and some lag behind the virtual time by a
        # few batches. A request that fits one batch gets as much credit, or it would wait until they have caught up.
        if sum(tokens for tokens, _text in request) <= self._max_batch_tokens:
            tag -= _QUERY_CREDIT * self._max_batch_tokens
        for tokens, text in sorted(request, key=lambda pair: pair[0]):
            tag += tokens
            entry = _Entry(tag, next(self._arrivals), tokens, number, text)
            heapq.heappush(self._classes.setdefault(_class_of(tokens), []), entry)
            self._waiting[number] += 1
            self._tokens += tokens

    def take(self) -> list[_T]:
        """Removes and returns the next batch; empty when nothing waits."""
        if not self._classes:
            return []
        chosen = min(self._classes, key=lambda key: self._classes[key][0])
        heap = self._classes[chosen]
        sharing = len(self._waiting)
        batch: list[_Entry[_T]] = []
        longest = 0
        while heap:
            longest = max(longest, heap[0].tokens)
            if batch and longest * (len(batch) + 1) > self._max_batch_tokens:
                break
            batch.append(heapq.heappop(heap))
        if not heap:
            del self._classes[chosen]
        self._virtual_time += self._forget(batch) / sharing
        return [entry.text for entry in batch]

    def remove(self, texts: Iterable[_T]) -> None:
        """Forgets texts, by identity, whose caller has gone; those that run or have run already are ignored."""
        gone = {id(text) for text in texts}
        for key, heap in list(self._classes.items()):
            dropped = [entry for entry in heap if id(entry.text) in gone]
            if not dropped:
                continue
            self._forget(dropped)
            kept = [entry for entry in heap if id(entry.text) not in gone]
            if kept:
                heapq.heapify(kept)
                self._classes[key] = kept
            else:
                del self._classes[key]

    def _forget(self, entries: Sequence[_Entry[_T]]) -> int:
        """Strikes entries from the books; returns their tokens."""
        for entry in entries:
            self._waiting[entry.request] -= 1
            if not self._waiting[entry.request]:
                del self._waiting[entry.request]
        tokens = sum(entry.tokens for entry in entries)
        self._tokens -= tokens
        return tokens


def _class_of(tokens: int) -> int:
    return (tokens - 1) // _CLASS_WIDTH
