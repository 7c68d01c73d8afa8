"""Supervised fine-tuning on responses."""

from __future__ import annotations

from whitebox.reference.preference.sequences import sequence_log_probabilities


def sft_loss(logits: list[list[list[float]]], ids: list[list[int]], response: list[list[bool]]) -> float:
    """Mean of minus the log-probabilities of all response tokens.

    >>> round(sft_loss([[[0.0, 0.0], [0.0, 0.0]]], [[0, 1]], [[False, True]]), 4)
    0.6931
    """
    count = sum(mark for marks in response for mark in marks[1:])
    return -sum(sequence_log_probabilities(logits, ids, response)) / count
