"""Quality of classifications, by counting. Equations stand with the twins in `whitebox.metrics.classification`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any


def accuracy_score(y_true: Sequence[Any], y_pred: Sequence[Any]) -> float:
    """How many of the predictions are right?

    >>> accuracy_score(["ebb", "flood"], ["ebb", "ebb"])
    0.5
    """
    return fmean(true == predicted for true, predicted in zip(y_true, y_pred, strict=True))


def confusion_matrix(y_true: Sequence[Any], y_pred: Sequence[Any]) -> list[list[int]]:
    """How often is each class (a row) taken for each (a column)?

    >>> confusion_matrix(["ebb", "flood", "ebb"], ["ebb", "ebb", "ebb"])
    [[2, 0], [1, 0]]
    """
    classes = sorted({*y_true, *y_pred})
    pairs = list(zip(y_true, y_pred, strict=True))
    return [[pairs.count((true, predicted)) for predicted in classes] for true in classes]


def precision_recall_f1(y_true: Sequence[Any], y_pred: Sequence[Any]) -> tuple[list[float], list[float], list[float]]:
    """Of what is called a class, how much is it? Of what is, how much is called so? And both at once.

    >>> precision_recall_f1([0, 0, 1, 1], [0, 1, 1, 1])[1]
    [0.5, 1.0]
    """
    precisions, recalls, scores = [], [], []
    for c in sorted({*y_true, *y_pred}):
        right = sum(true == c == predicted for true, predicted in zip(y_true, y_pred, strict=True))
        called, are = sum(label == c for label in y_pred), sum(label == c for label in y_true)
        precision, recall = (right / called if called else 0.0), (right / are if are else 0.0)
        precisions.append(precision)
        recalls.append(recall)
        scores.append(2 * precision * recall / (precision + recall) if right else 0.0)
    return precisions, recalls, scores


def log_loss(y_true: Sequence[Any], probabilities: Sequence[Sequence[float]]) -> float:
    """How surprising is what happened, in nats?

    >>> round(log_loss([0, 1], [[0.5, 0.5], [0.25, 0.75]]), 6)
    0.490415
    """
    classes = sorted(set(y_true))
    tiny = 2.0**-1022  # the smallest normal number stands for zero, whose logarithm does not exist
    return fmean(
        -math.log(max(row[classes.index(label)], tiny)) for label, row in zip(y_true, probabilities, strict=True)
    )


def roc_auc_score(y_true: Sequence[Any], scores: Sequence[float]) -> float:
    """Of all pairs of a positive and a negative, in how many does the positive score higher? Ties count half.

    >>> roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
    0.875
    """
    largest = max(y_true)
    positives = [score for label, score in zip(y_true, scores, strict=True) if label == largest]
    negatives = [score for label, score in zip(y_true, scores, strict=True) if label != largest]
    return fmean((p > n) + (p == n) / 2 for p in positives for n in negatives)
