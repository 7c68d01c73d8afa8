"""BLEU: n-grams that a translation shares with references."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

from whitebox._validation import number_in, positive_int
from whitebox.errors import DtypeError, EmptyInputError, RangeError, ShapeError

Smoothing = Literal["none", "exp", "floor", "add-k"]
Tokenization = Literal["13a", "none"]
# How far each smoothing goes where the caller does not say.
_AMOUNT = {"none": 0.0, "exp": 0.0, "floor": 0.1, "add-k": 1.0}
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_SPLITS = (
    (re.compile(r"([{-~\[-` -&(-+:-@/])"), r" \1 "),  # punctuation of ASCII, but for . , ' and -
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),  # a full stop or comma after what is no digit
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),  # or before it
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),  # a dash after a digit
)


class Bleu(NamedTuple):
    """A comparison with references.

    Attributes:
        score: From 0 to 1.
        precisions: Of n-grams of each order, after smoothing.
        brevity_penalty: The factor that the score loses by being short, 1 for none.
        candidate_length: Tokens of all candidates.
        reference_length: Tokens of the references that come nearest in length.
    """

    score: float
    precisions: tuple[float, ...]
    brevity_penalty: float
    candidate_length: int
    reference_length: int


def tokenize_13a(text: str) -> list[str]:
    """Tokens as NIST's scoring script mteval-v13a cuts them: punctuation apart from words, but not within numbers.

    O(len(text)).

    Raises:
        DtypeError: if `text` is no string.

    >>> tokenize_13a("It rose 3.5 m, didn't it?")
    ['It', 'rose', '3.5', 'm', ',', "didn't", 'it', '?']
    """
    if not isinstance(text, str):
        raise DtypeError(f"text must be a string, got {type(text).__name__}")
    plain = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, character in _ENTITIES:
        plain = plain.replace(entity, character)
    plain = f" {plain} "
    for pattern, apart in _SPLITS:
        plain = pattern.sub(apart, plain)
    return plain.split()


def corpus_bleu(
    candidates: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    max_order: int = 4,
    smoothing: Smoothing = "exp",
    amount: float | None = None,
    tokenization: Tokenization = "13a",
    effective_order: bool = False,
) -> Bleu:
    r"""BLEU of a corpus: n-grams are counted over all of it before anything is divided.

    .. math:: \mathrm{BLEU} = \min(1, e^{1 - r / c}) \exp\Big(\frac1N \sum_{n=1}^N \ln p_n\Big), \qquad
              p_n = \frac{\sum_g \min(c(g), \max_\mathrm{ref} c_\mathrm{ref}(g))}{\sum_g c(g)}

    (Papineni, Roukos, Ward, Zhu: BLEU: a Method for Automatic Evaluation of Machine Translation, ACL 2002.) c counts
    the candidates' tokens, r those of each one's reference that is nearest in length, the shorter of two as near. Where
    no n-gram of an order is shared, smoothing decides (Chen, Cherry: A Systematic Comparison of Smoothing Techniques
    for Sentence-Level BLEU, 2014): "exp" takes half of one match for the first such order, a quarter for the next and
    so on; "floor" a fixed share of a match; "add-k" adds k to matches and n-grams of all orders but the first; "none"
    lets the score be 0. Without a single match it is 0 in any case. O(tokens · max_order).

    Args:
        candidates: Translations.
        references: Of each candidate, one or more.
        max_order: N.
        smoothing: For orders without a match.
        amount: The share for "floor", 0.1 by default, or the k for "add-k", 1 by default.
        tokenization: "13a" as `tokenize_13a`, "none" splits at white space.
        effective_order: Leaves out orders longer than the text, as is usual for single sentences.

    Raises:
        EmptyInputError: if there is no candidate, or a candidate has no reference.
        ShapeError: if there are not as many lists of references as candidates.
        RangeError: if `max_order` is less than 1, `amount` is negative, or a name is unknown.
        DtypeError: if a text is no string, or references are a string instead of a list.

    >>> result = corpus_bleu(["the tide rises at six today"], [["the tide rises at six"]])
    >>> round(result.score, 3), result.brevity_penalty
    (0.76, 1.0)
    """
    tokenize, amount = _settings(smoothing, amount, tokenization)
    max_order = positive_int(max_order, "max_order")
    if len(candidates) != len(references):
        raise ShapeError(f"{len(candidates)} candidates for {len(references)} lists of references")
    if len(candidates) == 0:
        raise EmptyInputError("there is no candidate to compare")
    matches, totals = [0] * max_order, [0] * max_order
    candidate_length = reference_length = 0
    for number, (candidate, texts) in enumerate(zip(candidates, references, strict=True)):
        if isinstance(texts, str):
            raise DtypeError(f"references[{number}] must be a list of references, not a string")
        if len(texts) == 0:
            raise EmptyInputError(f"references[{number}] is empty: the candidate has nothing to be compared with")
        held, known = tokenize(candidate), [tokenize(text) for text in texts]
        candidate_length += len(held)
        reference_length += min(map(len, known), key=lambda length: (abs(length - len(held)), length))
        counts = _ngrams(held, max_order)
        most: Counter[tuple[str, ...]] = Counter()
        for tokens in known:
            most |= _ngrams(tokens, max_order)
        for gram, count in counts.items():
            totals[len(gram) - 1] += count
            matches[len(gram) - 1] += min(count, most[gram])
    precisions, order = _precisions(matches, totals, smoothing, amount)
    penalty = _brevity_penalty(candidate_length, reference_length)
    score = 0.0
    # An order that has no n-grams at all counts as one without a match, unless it is left out.
    averaged = precisions[: order if effective_order else max_order]
    if any(matches) and averaged and all(p > 0 for p in averaged):
        score = penalty * math.exp(math.fsum(map(math.log, averaged)) / len(averaged))
    return Bleu(score, tuple(precisions), penalty, candidate_length, reference_length)


def sentence_bleu(
    candidate: str,
    references: Sequence[str],
    *,
    max_order: int = 4,
    smoothing: Smoothing = "exp",
    amount: float | None = None,
    tokenization: Tokenization = "13a",
    effective_order: bool = True,
) -> Bleu:
    """`corpus_bleu` of a single sentence, without the orders that it is too short for. O(tokens · max_order).

    Raises:
        EmptyInputError, RangeError, DtypeError: as `corpus_bleu`.

    >>> round(sentence_bleu("the tide", ["the tide rises"]).score, 3)
    0.607
    """
    return corpus_bleu(
        [candidate],
        [references],
        max_order=max_order,
        smoothing=smoothing,
        amount=amount,
        tokenization=tokenization,
        effective_order=effective_order,
    )


def _settings(
    smoothing: Smoothing, amount: float | None, tokenization: Tokenization
) -> tuple[Callable[[str], list[str]], float]:
    if smoothing not in get_args(Smoothing):
        raise RangeError(f"smoothing must be 'none', 'exp', 'floor' or 'add-k', got {smoothing!r}")
    if tokenization not in get_args(Tokenization):
        raise RangeError(f"tokenization must be '13a' or 'none', got {tokenization!r}")
    return (
        tokenize_13a if tokenization == "13a" else _split,
        _AMOUNT[smoothing] if amount is None else number_in(amount, "amount", 0),
    )


def _split(text: str) -> list[str]:
    if not isinstance(text, str):
        raise DtypeError(f"text must be a string, got {type(text).__name__}")
    return text.split()


def _ngrams(tokens: Sequence[str], max_order: int) -> Counter[tuple[str, ...]]:
    counts: Counter[tuple[str, ...]] = Counter()
    for n in range(1, max_order + 1):
        counts.update(zip(*(tokens[start:] for start in range(n)), strict=False))
    return counts


def _precisions(
    matches: Sequence[int], totals: Sequence[int], smoothing: Smoothing, amount: float
) -> tuple[list[float], int]:
    """The precision of each order, and how many orders have n-grams at all."""
    precisions, order, share = [0.0] * len(matches), 0, 1.0
    if not any(matches):
        return precisions, order
    for place, (matched, total) in enumerate(zip(matches, totals, strict=True)):
        added = amount if smoothing == "add-k" and place > 0 else 0.0
        if total + added == 0:
            break
        order = place + 1
        hits = matched + added
        if hits == 0 and smoothing == "exp":
            share /= 2
            hits = share
        elif hits == 0 and smoothing == "floor":
            hits = amount
        precisions[place] = hits / (total + added)
    return precisions, order


def _brevity_penalty(candidate_length: int, reference_length: int) -> float:
    if candidate_length >= reference_length:
        return 1.0
    return math.exp(1 - reference_length / candidate_length) if candidate_length else 0.0
