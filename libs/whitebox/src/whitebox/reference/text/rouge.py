"""ROUGE, by lists and tables."""

from __future__ import annotations

from collections.abc import Sequence


def tokenize(text: str) -> list[str]:
    """Runs of the letters a to z and digits, in lower case.

    >>> tokenize("The tide-table, 1998")
    ['the', 'tide', 'table', '1998']
    """
    return "".join(c if c in "abcdefghijklmnopqrstuvwxyz0123456789" else " " for c in text.lower()).split()


def rouge_n(reference: str, candidate: str, n: int = 1) -> tuple[float, float, float]:
    """Precision, recall and F1 of n-grams, each counted as often as both texts hold it.

    >>> rouge_n("the tide rises", "the tide falls", n=2)
    (0.5, 0.5, 0.5)
    """
    wanted, held = _ngrams(tokenize(reference), n), _ngrams(tokenize(candidate), n)
    hits = sum(min(wanted.count(gram), held.count(gram)) for gram in set(wanted))
    return _rouge(hits, len(wanted), len(held))


def rouge_l(reference: str, candidate: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of the longest common subsequence.

    >>> rouge_l("police killed the gunman", "police kill the gunman")
    (0.75, 0.75, 0.75)
    """
    wanted, held = tokenize(reference), tokenize(candidate)
    return _rouge(len(_common(wanted, held)), len(wanted), len(held))


def rouge_lsum(reference: str, candidate: str) -> tuple[float, float, float]:
    r"""Precision, recall and F1 of the unions of longest common subsequences, sentence by sentence.

    >>> rouge_lsum("w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5")[1]
    0.8
    """
    wanted = [tokenize(line) for line in reference.split("\n")]
    held = [tokenize(line) for line in candidate.split("\n")]
    left = [token for sentence in held for token in sentence]
    hits = 0
    for sentence in wanted:
        union = {place for other in held for place in _common(sentence, other)}
        for place in sorted(union):
            if sentence[place] in left:
                left.remove(sentence[place])
                hits += 1
    return _rouge(hits, sum(map(len, wanted)), sum(map(len, held)))


def _ngrams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def _common(left: Sequence[str], right: Sequence[str]) -> list[int]:
    """Places in `left` of a longest common subsequence: from the end, going back in `left` wherever nothing is lost."""
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left, start=1):
        for j, b in enumerate(right, start=1):
            table[i][j] = table[i - 1][j - 1] + 1 if a == b else max(table[i - 1][j], table[i][j - 1])
    places: list[int] = []
    i, j = len(left), len(right)
    while i and j:
        if left[i - 1] == right[j - 1]:
            i, j = i - 1, j - 1
            places.append(i)
        elif table[i][j - 1] > table[i - 1][j]:
            j -= 1
        else:
            i -= 1
    return places[::-1]


def _rouge(hits: int, wanted: int, held: int) -> tuple[float, float, float]:
    precision, recall = hits / max(held, 1), hits / max(wanted, 1)
    return precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0
