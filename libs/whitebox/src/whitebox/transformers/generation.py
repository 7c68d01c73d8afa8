"""Writing token by token, alone or with a faster model that drafts ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.autograd import Tensor, no_grad
from whitebox.errors import EmptyInputError, RangeError
from whitebox.transformers.cache import KeyValueCache
from whitebox.transformers.sampling import GREEDY, Sampling, draw_from, log_probabilities


class Decoder(Protocol):
    """What writing needs of a model; `Llama` and `GPT2` are such."""

    def new_cache(self, batch: int = 1, capacity: int | None = None) -> KeyValueCache:
        """A cache for its keys and values."""

    def __call__(self, ids: npt.ArrayLike, cache: KeyValueCache, *, last_only: bool = False) -> Tensor:
        """Logits behind the positions of `ids`, shape (1, n, vocabulary), which come behind what the cache holds."""


@dataclass(frozen=True)
class Written:
    """A token that was written.

    Attributes:
        token: Its number.
        log_probability: Of the model, before sampling changes anything.

    >>> Written(7, -0.5).token
    7
    """

    token: int
    log_probability: float


def generate(
    model: Decoder,
    prompt: Sequence[int],
    *,
    max_tokens: int,
    sampling: Sampling = GREEDY,
    stop: Sequence[int] = (),
    rng: np.random.Generator | None = None,
) -> Iterator[Written]:
    """Continues a prompt, one token at a time, as each is made.

    Keys and values of earlier tokens are kept, so that a token costs one position: O(n) for the n-th.

    Args:
        model: Writes.
        prompt: Tokens to continue, at least one.
        max_tokens: Most tokens to write.
        sampling: How each is chosen; greedily by default.
        stop: Tokens that end the text; the one that did is not given.
        rng: Draws, one number for each token; not needed greedily.

    Raises:
        EmptyInputError: The prompt is empty.
        RangeError: `max_tokens` is not positive, or draws are needed and there is no generator.

    >>> from whitebox.transformers.llama import Llama, LlamaConfig
    >>> model = Llama(LlamaConfig(20, 8, 16, 1, 2, 1), rng=np.random.default_rng(0))
    >>> len(list(generate(model, [1, 2, 3], max_tokens=4)))
    4
    """
    _check(prompt, sampling, rng)
    seen = list(prompt)
    with no_grad():
        cache = model.new_cache(1, len(seen) + positive_int(max_tokens, "max_tokens"))
        ids: Sequence[int] = seen
        for _ in range(max_tokens):
            logits = model([ids], cache, last_only=True).data[0, -1]
            token = sampling.draw(logits, 0.0 if rng is None else rng.random(), seen)
            if token in stop:
                return
            yield Written(token, float(log_probabilities(logits[None], [token])[0]))
            seen.append(token)
            ids = [token]


@dataclass
class Drafted:
    """How drafting went.

    Attributes:
        proposed: Tokens that were drafted.
        accepted: Of these, taken over.
        rounds: Runs of the large model.

    >>> Drafted(proposed=8, accepted=6, rounds=2).accepted
    6
    """

    proposed: int = 0
    accepted: int = 0
    rounds: int = 0


def speculate(
    model: Decoder,
    draft: Decoder,
    prompt: Sequence[int],
    *,
    max_tokens: int,
    ahead: int = 4,
    sampling: Sampling = GREEDY,
    rng: np.random.Generator | None = None,
    statistics: Drafted | None = None,
) -> Iterator[int]:
    r"""Writes as `model` does, while a faster model drafts several tokens that one run of `model` checks together.

    A drafted token x is accepted with probability :math:`\min(1, p(x) / q(x))`; the first that is not is replaced by a
    draw from

    .. math:: p'(x) \propto \max(0, p(x) - q(x))

    (Leviathan, Kalman, Matias 2023, algorithm 1; Chen et al. 2023). Each token then has the distribution p of the large
    model, whatever the draft was: :math:`q \min(1, p / q) + (1 - \sum \min(p, q)) p' = p`. Where all are accepted, the
    large model's own next token comes for free.

    Args:
        model: Whose distribution is written.
        draft: A faster model with the same vocabulary.
        prompt: Tokens to continue, at least one.
        max_tokens: Most tokens to write.
        ahead: Tokens drafted in a round.
        sampling: How tokens are chosen; the repetition penalty counts for both models.
        rng: Draws; not needed greedily.
        statistics: Is told how drafting went.

    Raises:
        EmptyInputError: The prompt is empty.
        RangeError: A number is not positive, or draws are needed and there is no generator.

    >>> from whitebox.transformers.llama import Llama, LlamaConfig
    >>> model, draft = (Llama(LlamaConfig(20, 8, 16, 1, 2, 1), rng=np.random.default_rng(i)) for i in (0, 1))
    >>> alone = [one.token for one in generate(model, [1, 2, 3], max_tokens=6)]
    >>> list(speculate(model, draft, [1, 2, 3], max_tokens=6)) == alone
    True
    """
    _check(prompt, sampling, rng)
    positive_int(ahead, "ahead")
    draws = np.random.default_rng(0) if rng is None else rng
    told = Drafted() if statistics is None else statistics
    seen = list(prompt)
    written = 0
    with no_grad():
        room = len(seen) + positive_int(max_tokens, "max_tokens") + ahead + 1
        held, drafted_by = model.new_cache(1, room), draft.new_cache(1, room)
        while written < max_tokens:
            proposals: list[int] = []
            beliefs = []
            for _ in range(min(ahead, max_tokens - written)):
                unread = [*seen, *proposals][drafted_by.length :]
                logits = draft([unread], drafted_by, last_only=True).data[0, -1]
                beliefs.append(sampling.probabilities(logits, [*seen, *proposals]))
                proposals.append(draw_from(beliefs[-1], draws.random()))
            unread = [*seen, *proposals][held.length :]
            logits = model([unread], held).data[0, -len(proposals) - 1 :]
            told.rounds += 1
            told.proposed += len(proposals)
            chosen: list[int] = []
            for place, token in enumerate(proposals):
                p, q = sampling.probabilities(logits[place], [*seen, *chosen]), beliefs[place]
                if draws.random() * q[token] < p[token]:
                    chosen.append(token)
                    continue
                rest = np.maximum(p - q, 0)
                # Where both are the same but for rounding, nothing is left over: then p itself is right.
                chosen.append(draw_from(rest if rest.sum() > 0 else p, draws.random()))
                break
            else:
                p = sampling.probabilities(logits[-1], [*seen, *chosen])
                chosen.append(draw_from(p, draws.random()))
            told.accepted += len(chosen) - 1
            seen += chosen[: max_tokens - written]
            yield from chosen[: max_tokens - written]
            written += len(chosen)
            # Both forget what they read of tokens that were not taken.
            held.truncate(len(seen) - 1)
            drafted_by.truncate(len(seen) - 1)


def _check(prompt: Sequence[int], sampling: Sampling, rng: np.random.Generator | None) -> None:
    if not len(prompt):
        raise EmptyInputError("the prompt is empty: there is nothing to continue")
    if sampling.temperature > 0 and rng is None:
        raise RangeError("drawing tokens needs a generator: pass rng, or temperature 0")
