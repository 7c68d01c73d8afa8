"""Many requests written side by side: continuous batching over a paged cache."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.autograd import Tensor, no_grad
from whitebox.errors import CacheFullError, DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError
from whitebox.transformers.cache import PackedCaches
from whitebox.transformers.generation import Written
from whitebox.transformers.paged_cache import BlockPool, PagedCache
from whitebox.transformers.sampling import GREEDY, Sampling, log_probabilities

Finish = Literal["stop", "length", "cancelled", "failed"]


class PackedDecoder(Protocol):
    """What a scheduler needs of a model; `Llama` and `GPT2` are such."""

    vocabulary: int
    max_positions: int

    def __call__(self, ids: npt.ArrayLike, cache: PackedCaches, *, last_only: bool = False) -> Tensor:
        """Logits behind the last new token of each packed sequence, shape (1, sequences, vocabulary)."""


@dataclass(frozen=True)
class Request:
    """What is to be written.

    Attributes:
        prompt: Tokens to continue, at least one.
        max_tokens: Most tokens to write.
        sampling: How each is chosen; greedily by default.
        stop: Tokens that end the text; the one that did is not given.
        rng: Its own draws, one number for each token; not needed greedily.

    Raises:
        EmptyInputError: The prompt is empty.
        ShapeError: It is no list.
        DtypeError: It holds something other than whole numbers.
        RangeError: `max_tokens` is not positive, or draws are needed and there is no generator.

    >>> Request([1, 2, 3], max_tokens=4).longest
    6
    """

    prompt: Sequence[int]
    max_tokens: int
    sampling: Sampling = GREEDY
    stop: Sequence[int] = ()
    rng: np.random.Generator | None = None

    def __post_init__(self) -> None:
        if not len(self.prompt):
            raise EmptyInputError("the prompt is empty: there is nothing to continue")
        tokens = np.asarray(self.prompt)
        if tokens.ndim != 1:
            raise ShapeError(f"a prompt is a list of token numbers, got shape {tokens.shape}")
        if tokens.dtype.kind not in "iu":
            raise DtypeError(f"a prompt is a list of token numbers, got {tokens.dtype}")
        positive_int(self.max_tokens, "max_tokens")
        if self.sampling.temperature > 0 and self.rng is None:
            raise RangeError("drawing tokens needs a generator: pass rng, or temperature 0")

    @property
    def longest(self) -> int:
        """Positions that it needs at most: the last token that is written is not read again."""
        return len(self.prompt) + self.max_tokens - 1


class Event(NamedTuple):
    """What became of a request in a step.

    Attributes:
        request: Its number.
        written: The token that was written, if one was.
        finish: Why nothing more follows: a stop token, the number of tokens, cancellation, or logits from which nothing
            can be drawn; None while more does.
        error: What was wrong with the logits.
    """

    request: int
    written: Written | None
    finish: Finish | None
    error: NotFiniteError | None = None


@dataclass
class Served:
    """What a scheduler has done.

    Attributes:
        steps: Runs of the model.
        read: Positions computed.
        reused: Positions that were there already, from a sequence that began alike.
        preemptions: How often a sequence had to give up its blocks.
        most_blocks: Blocks used at once.

    >>> Served(steps=2, read=9).read
    9
    """

    steps: int = 0
    read: int = 0
    reused: int = 0
    preemptions: int = 0
    most_blocks: int = 0


@dataclass(eq=False)
class _Sequence:
    """A request on its way: its tokens outlive its blocks."""

    number: int
    request: Request
    tokens: list[int]
    cache: PagedCache | None = None

    @property
    def pending(self) -> int:
        """Tokens that have to be read before the next can be written."""
        return len(self.tokens) - (0 if self.cache is None else self.cache.length)

    @property
    def written(self) -> int:
        return len(self.tokens) - len(self.request.prompt)

    def chunk(self, cache: PagedCache, count: int) -> _Chunk:
        start = cache.length
        return _Chunk(self, cache, self.tokens[start : start + count])


class _Chunk(NamedTuple):
    """Tokens that a sequence reads in a step."""

    sequence: _Sequence
    cache: PagedCache
    tokens: list[int]


class ContinuousBatching:
    """Runs requests side by side, one iteration of the model at a time.

    After each iteration finished sequences leave and waiting ones join (iteration-level scheduling: Yu et al. 2022,
    sec. 3.1); the linear layers run once for all of them. A step reads at most `tokens_per_step` tokens: one for each
    sequence that writes, and with what is left the prompts of others, in chunks, so that a long prompt does not hold up
    those that write (chunked prefill: Agrawal et al. 2023).

    Requests are served in the order in which they came. One is admitted when there are blocks for all its tokens so
    far; where blocks run out, the youngest sequence gives up its own, and reads its tokens again when it is its turn
    (recomputation: Kwon et al. 2023, sec. 4.5). Its text goes on where it was, and nothing is drawn twice. The oldest
    is never interrupted, and fits into the pool, so each request ends.

    Each request's tokens are those that `generate` writes with the same draws: logits differ by rounding alone, as
    products of several rows add up in another order than those of one.

    Args:
        model: Writes.
        pool: Blocks of the same model, used by nothing else meanwhile.
        tokens_per_step: Most tokens that a step reads.
        sequences: Most sequences that run at once; not more than tokens of a step, so that each can write in each step.

    Attributes:
        served: What has been done so far.

    Raises:
        RangeError: A number is not positive, or there may be more sequences than tokens.

    >>> from whitebox.transformers.llama import Llama, LlamaConfig
    >>> model = Llama(LlamaConfig(20, 8, 16, 1, 2, 1), rng=np.random.default_rng(0))
    >>> batching = ContinuousBatching(model, model.new_pool(8, block_size=4), tokens_per_step=16, sequences=4)
    >>> numbers = [batching.submit(Request([1, 2, 3], max_tokens=2)), batching.submit(Request([4], max_tokens=3))]
    >>> [(event.request, event.finish) for event in batching.run()]
    [(0, None), (1, None), (0, 'length'), (1, None), (1, 'length')]
    """

    def __init__(
        self, model: PackedDecoder, pool: BlockPool, *, tokens_per_step: int = 256, sequences: int = 16
    ) -> None:
        self._model, self._pool = model, pool
        self._budget = positive_int(tokens_per_step, "tokens_per_step")
        self._most = positive_int(sequences, "sequences")
        if self._most > self._budget:
            raise RangeError(f"{sequences} sequences need as many tokens_per_step, got {tokens_per_step}")
        self._count = 0
        # Both from the oldest to the youngest, and all that run are older than all that wait.
        self._waiting: deque[_Sequence] = deque()
        self._running: list[_Sequence] = []
        self._cancelled: list[int] = []
        self.served = Served()

    @property
    def waiting(self) -> list[int]:
        """Numbers of the requests that wait, in the order in which they will be served."""
        return [one.number for one in self._waiting]

    @property
    def running(self) -> list[int]:
        """Numbers of the requests that hold blocks, the oldest first."""
        return [one.number for one in self._running]

    def submit(self, request: Request) -> int:
        """Takes a request on; gives its number, by which events name it.

        Raises:
            RangeError: A token is none of the model's.
            ShapeError: It may become longer than the model's positions.
            CacheFullError: It may become longer than the whole pool, and could never be finished.
        """
        tokens = [int(token) for token in request.prompt]
        if not 0 <= min(tokens) <= max(tokens) < self._model.vocabulary:
            raise RangeError(f"tokens must be 0 to {self._model.vocabulary - 1}, got {min(tokens)} to {max(tokens)}")
        if request.longest > self._model.max_positions:
            raise ShapeError(f"a model of {self._model.max_positions} positions is asked for {request.longest}")
        room = self._pool.blocks * self._pool.block_size
        if request.longest > room:
            raise CacheFullError(f"the whole pool holds {room} positions, {request.longest} may be needed")
        self._waiting.append(_Sequence(self._count, request, tokens))
        self._count += 1
        return self._count - 1

    def cancel(self, number: int) -> None:
        """Ends a request; the next step says so. Nothing happens if it has ended already.

        Raises:
            RangeError: There is no such request.
        """
        if not 0 <= number < self._count:
            raise RangeError(f"there is no request {number}: {self._count} have been submitted")
        for one in [*self._running, *self._waiting]:
            if one.number == number:
                self._remove(one)
                self._cancelled.append(number)

    def run(self) -> Iterator[Event]:
        """Steps until nothing is left to do; events come as they happen, and requests may be added meanwhile."""
        while self._waiting or self._running or self._cancelled:
            yield from self.step()

    def step(self) -> list[Event]:
        """Runs the model once over what fits into a step; gives what happened, the oldest requests first.

        Raises:
            CacheFullError: The oldest request alone finds no blocks, because others than this scheduler hold them.
        """
        chunks = self._plan()
        events = [Event(number, None, "cancelled") for number in self._cancelled]
        self._cancelled.clear()
        if not chunks:
            return events
        ids = [token for chunk in chunks for token in chunk.tokens]
        packed = PackedCaches([chunk.cache for chunk in chunks], [len(chunk.tokens) for chunk in chunks])
        with no_grad():
            logits = self._model([ids], packed, last_only=True).data[0]
        self.served.steps += 1
        self.served.read += len(ids)
        self.served.most_blocks = max(self.served.most_blocks, self._pool.blocks - self._pool.available)
        for (one, cache, _), row in zip(chunks, logits, strict=True):
            cache.publish(one.tokens[: cache.length])
            if not one.pending:
                events.append(self._write(one, row))
        return events

    def _write(self, one: _Sequence, logits: npt.NDArray[np.floating]) -> Event:
        """The next token of a sequence that has read all of its own."""
        request = one.request
        try:
            token = request.sampling.draw(logits, 0.0 if request.rng is None else request.rng.random(), one.tokens)
        except NotFiniteError as error:
            # The others' logits are their own: what overflows for one must not end all.
            self._remove(one)
            return Event(one.number, None, "failed", error)
        if token in request.stop:
            self._remove(one)
            return Event(one.number, None, "stop")
        written = Written(token, float(log_probabilities(logits[None], [token])[0]))
        one.tokens.append(token)
        if one.written < request.max_tokens:
            return Event(one.number, written, None)
        self._remove(one)
        return Event(one.number, written, "length")

    def _remove(self, one: _Sequence) -> None:
        if one.cache is None:
            self._waiting.remove(one)
        else:
            self._running.remove(one)
            one.cache.free()
            one.cache = None

    def _plan(self) -> list[_Chunk]:
        """Which sequences run, and what each reads; there are blocks for all of it."""
        pool, preempted = self._pool, self.served.preemptions
        chunks: list[_Chunk] = []
        promised = 0
        counts = allot_tokens([one.pending for one in self._running], self._budget)
        for one, count in zip(list(self._running), counts, strict=True):
            # The youngest give up their blocks, until it is this one's own turn to.
            while one.cache is not None and promised + one.cache.needed(count) > pool.available:
                self._preempt()
            if one.cache is None:
                break
            promised += one.cache.needed(count)
            if count:
                chunks.append(one.chunk(one.cache, count))
        # Who has just given up blocks would take them back at once.
        if self.served.preemptions == preempted:
            chunks += self._admit(self._budget - sum(counts))
        if self._waiting and not chunks:
            raise CacheFullError(f"request {self._waiting[0].number} alone finds no blocks: others hold the pool's")
        return chunks

    def _admit(self, budget: int) -> Iterator[_Chunk]:
        """Lets those that wait join, in their order, while there are blocks for all that the running ones know."""
        while self._waiting and budget and len(self._running) < self._most:
            one = self._waiting[0]
            cache = self._pool.new_sequence(one.tokens)
            one.cache = cache
            known = [*self._running, one]
            if sum(other.cache.needed(other.pending) for other in known if other.cache) > self._pool.available:
                cache.free()
                one.cache = None
                return
            self._running.append(self._waiting.popleft())
            self.served.reused += cache.length
            count = min(one.pending, budget)
            budget -= count
            yield one.chunk(cache, count)

    def _preempt(self) -> None:
        """Takes the blocks of the youngest that runs."""
        if len(self._running) == 1:
            raise CacheFullError(f"request {self._running[0].number} alone finds no blocks: others hold the pool's")
        one = self._running.pop()
        if one.cache is not None:
            one.cache.free()
            one.cache = None
        self._waiting.appendleft(one)
        self.served.preemptions += 1


def allot_tokens(pending: Sequence[int], budget: int) -> list[int]:
    """How many tokens each sequence reads in a step: one where only one is left, and the rest in turn to the others.

    Args:
        pending: Tokens that each has to read, the oldest first; at least one.
        budget: Tokens of the step, at least one for each sequence.

    Returns:
        Counts that sum to at most the budget.

    Raises:
        RangeError: The budget is too small.

    >>> allot_tokens([1, 7, 1, 5], 10)
    [1, 7, 1, 1]
    """
    writing = sum(count == 1 for count in pending)
    if budget < len(pending):
        raise RangeError(f"a step of {budget} tokens has not one for each of {len(pending)} sequences")
    left = budget - writing
    counts = []
    for count in pending:
        given = 1 if count == 1 else min(count, left)
        left -= 0 if count == 1 else given
        counts.append(given)
    return counts
