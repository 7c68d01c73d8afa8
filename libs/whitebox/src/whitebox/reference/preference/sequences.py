"""Responses within rows of tokens."""

from __future__ import annotations

import math


def token_log_probabilities(logits: list[list[float]], targets: list[int]) -> list[float]:
    """Log of the softmax at the target, for each row.

    >>> [round(value, 4) for value in token_log_probabilities([[0.0, 0.0]], [1])]
    [-0.6931]
    """
    found = []
    for row, target in zip(logits, targets, strict=True):
        largest = max(row)
        found.append(row[target] - largest - math.log(sum(math.exp(z - largest) for z in row)))
    return found


def sequence_log_probabilities(
    logits: list[list[list[float]]], ids: list[list[int]], response: list[list[bool]]
) -> list[float]:
    """Sums over the response tokens of each row, of which the one before predicts each.

    >>> sequence_log_probabilities([[[0.0], [0.0]]], [[0, 0]], [[False, True]])
    [0.0]
    """
    sums = []
    for scores, row, marks in zip(logits, ids, response, strict=True):
        places = [place for place in range(1, len(row)) if marks[place]]
        sums.append(
            sum(token_log_probabilities([scores[place - 1] for place in places], [row[place] for place in places]))
        )
    return sums
