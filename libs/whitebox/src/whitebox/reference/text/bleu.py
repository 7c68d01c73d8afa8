"""BLEU, by lists, with exponential smoothing."""

from __future__ import annotations

import math
from collections.abc import Sequence


def corpus_bleu(
    candidates: Sequence[str], references: Sequence[Sequence[str]], max_order: int = 4, effective_order: bool = False
) -> tuple[float, float]:
    """The score, and the brevity penalty in it; tokens stand between white space.

    >>> corpus_bleu(["the tide rises at"], [["the tide rises at six today"]])
    (0.6065306597126334, 0.6065306597126334)
    """
    matches, totals, c, r = [0.0] * max_order, [0.0] * max_order, 0, 0
    for candidate, texts in zip(candidates, references, strict=True):
        held, known = candidate.split(), [text.split() for text in texts]
        c += len(held)
        r += min((abs(len(tokens) - len(held)), len(tokens)) for tokens in known)[1]
        for n in range(1, max_order + 1):
            grams = _ngrams(held, n)
            totals[n - 1] += len(grams)
            for gram in set(grams):
                # No reference may be matched more often than it holds the n-gram itself.
                most = max(_ngrams(tokens, n).count(gram) for tokens in known)
                matches[n - 1] += min(grams.count(gram), most)
    penalty = 1.0 if c >= r else math.exp(1 - r / c) if c else 0.0
    orders = sum(total > 0 for total in totals) if effective_order else max_order
    if not any(matches) or not all(totals[:orders]):
        return 0.0, penalty
    share, product = 1.0, 1.0
    for n in range(orders):
        if matches[n] == 0:
            share /= 2
        product *= (matches[n] or share) / totals[n]
    return penalty * product ** (1 / orders), penalty


def sentence_bleu(candidate: str, references: Sequence[str], max_order: int = 4) -> tuple[float, float]:
    """The same of one sentence, without the orders that it is too short for.

    >>> sentence_bleu("the tide", ["the tide"])
    (1.0, 1.0)
    """
    return corpus_bleu([candidate], [references], max_order, effective_order=True)


def _ngrams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
