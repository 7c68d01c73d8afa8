"""Quality of classifications."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector
from whitebox.errors import EmptyInputError, NotFiniteError, RangeError, ShapeError, SingleClassError

_TINY = float(np.finfo(np.float64).tiny)


class PrecisionRecallF1(NamedTuple):
    """Of each class, in the order of the classes, shape (classes,); or their mean, a number."""

    precision: Any
    recall: Any
    f1: Any


def accuracy_score(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> float:
    r"""Share of labels predicted right, :math:`\frac1n \sum_i [y_i = \hat y_i]`. O(n).

    Args:
        y_true: Labels, shape (n,).
        y_pred: Labels, shape (n,).

    Raises:
        ShapeError: if the two differ in shape or are no vectors.
        EmptyInputError, NotFiniteError: for no labels, and for NaN.

    >>> accuracy_score(["ebb", "flood"], ["ebb", "ebb"])
    0.5
    """
    true, predicted = _labels(y_true, y_pred)
    return float((true == predicted).mean())


def confusion_matrix(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> npt.NDArray[np.int64]:
    r"""How often each class is taken for each, :math:`C_{ij} = |\{y = i, \hat y = j\}|`. O(n log n).

    Args:
        y_true: Labels, shape (n,).
        y_pred: Labels, shape (n,).

    Returns:
        Shape (classes, classes), a row a true class; classes are all that occur in either, sorted.

    Raises:
        ShapeError, EmptyInputError, NotFiniteError: as `accuracy_score`.

    >>> confusion_matrix(["ebb", "flood", "ebb"], ["ebb", "ebb", "ebb"]).tolist()
    [[2, 0], [1, 0]]
    """
    true, predicted = _labels(y_true, y_pred)
    classes, numbers = np.unique(np.concatenate([true, predicted]), return_inverse=True)
    k = len(classes)
    cells = numbers[: len(true)] * k + numbers[len(true) :]
    return np.bincount(cells, minlength=k * k).reshape(k, k).astype(np.int64)


def precision_recall_f1(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, average: Literal["macro", "micro"] | None = None
) -> PrecisionRecallF1:
    r"""Precision, recall, and their harmonic mean.

    .. math:: P_c = \frac{TP_c}{TP_c + FP_c}, \qquad R_c = \frac{TP_c}{TP_c + FN_c}, \qquad
              F_c = \frac{2\, TP_c}{2\, TP_c + FP_c + FN_c}

    (van Rijsbergen: Information Retrieval, 1979), and 0 where nothing could be counted. O(n log n).

    Args:
        y_true: Labels, shape (n,).
        y_pred: Labels, shape (n,).
        average: None for a value a class, "macro" for their mean, "micro" for counts added up over classes.

    Raises:
        RangeError: if `average` is unknown.
        ShapeError, EmptyInputError, NotFiniteError: as `accuracy_score`.

    >>> precision_recall_f1([0, 0, 1, 1], [0, 1, 1, 1]).precision.round(3).tolist()
    [1.0, 0.667]
    """
    if average not in (None, "macro", "micro"):
        raise RangeError(f"average must be None, 'macro' or 'micro', got {average!r}")
    counts = confusion_matrix(y_true, y_pred).astype(np.float64)
    right, predicted, true = counts.diagonal(), counts.sum(axis=0), counts.sum(axis=1)
    if average == "micro":
        right, predicted, true = (np.atleast_1d(part.sum()) for part in (right, predicted, true))
    values = [right / np.maximum(whole, 1) for whole in (predicted, true, (predicted + true) / 2)]
    # With nothing predicted and nothing true, half of their sum is 0 and so is F.
    if average is None:
        return PrecisionRecallF1(*values)
    return PrecisionRecallF1(*(float(value.mean()) for value in values))


def log_loss(y_true: npt.ArrayLike, probabilities: npt.ArrayLike, *, classes: npt.ArrayLike | None = None) -> float:
    r"""Mean negative logarithm of the probability of what happened, :math:`-\frac1n \sum_i \log p_{i y_i}`. O(n · k).

    Args:
        y_true: Labels, shape (n,).
        probabilities: Of every class, shape (n, k), or of the second of two, shape (n,). Zeros count as the smallest
            number there is.
        classes: In the order of the columns; the sorted labels that occur by default.

    Raises:
        RangeError: if a probability is not from 0 to 1, rows do not sum to 1, or a label is no class.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> round(log_loss([0, 1], [[0.5, 0.5], [0.25, 0.75]]), 6)
    0.490415
    """
    true = _one_vector(y_true, "y_true")
    known = np.unique(true) if classes is None else np.asarray(classes)
    if np.ndim(probabilities) == 1:
        second = as_vector(probabilities, "probabilities")
        p = np.column_stack([1 - second, second])
    else:
        p = as_matrix(probabilities, "probabilities")
    if p.shape != (len(true), len(known)):
        raise ShapeError(f"probabilities must have shape ({len(true)}, {len(known)}), got {p.shape}")
    if (p < 0).any() or (p > 1).any() or (np.abs(p.sum(axis=1) - 1) > 1e-6).any():
        raise RangeError("probabilities must be from 0 to 1, and sum to 1 in each row")
    hits = true[:, None] == known
    if not hits.any(axis=1).all():
        raise RangeError(f"y_true[{int(hits.any(axis=1).argmin())}] is none of the classes")
    return -float(np.log(np.maximum(p[hits], _TINY)).mean())


def roc_auc_score(y_true: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    r"""Probability that a positive scores higher than a negative, ties counting half.

    .. math:: \mathrm{AUC} = \frac{1}{n_+ n_-} \sum_{i \in +} \sum_{j \in -} [s_i > s_j] + \tfrac12 [s_i = s_j]

    (Mann, Whitney 1947; Hanley, McNeil 1982.) By ranks: O(n log n).

    Args:
        y_true: Labels of two classes, the second in order being the positive one, shape (n,).
        scores: Shape (n,).

    Raises:
        SingleClassError: if all labels are the same.
        RangeError: if there are more than two classes.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
    0.875
    """
    true, values = _one_vector(y_true, "y_true"), as_vector(scores, "scores")
    if len(true) != len(values):
        raise ShapeError(f"y_true has {len(true)} labels for {len(values)} scores")
    classes = np.unique(true)
    if len(classes) < 2:
        raise SingleClassError(f"y_true holds one class only: {classes[0]!r}")
    if len(classes) > 2:
        raise RangeError(f"y_true holds {len(classes)} classes, and not two")
    positive = true == classes[1]
    # Equal scores share the mean of the ranks they take up.
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    n_positive = int(positive.sum())
    above = float(ranks[positive].sum()) - n_positive * (n_positive + 1) / 2
    return above / (n_positive * (len(true) - n_positive))


def _labels(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    true, predicted = _one_vector(y_true, "y_true"), _one_vector(y_pred, "y_pred")
    if true.shape != predicted.shape:
        raise ShapeError(f"y_true has shape {true.shape}, y_pred has {predicted.shape}")
    return true, predicted


def _one_vector(values: npt.ArrayLike, name: str) -> Array | npt.NDArray[Any]:
    try:
        labels = np.asarray(values)
    except ValueError as error:
        raise ShapeError(f"{name} is no rectangular array: {error}") from error
    if labels.ndim != 1:
        raise ShapeError(f"{name} must be a vector, got shape {labels.shape}")
    if labels.size == 0:
        raise EmptyInputError(f"{name} is empty")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise NotFiniteError(f"{name}[{int(np.isfinite(labels).argmin())}] is {labels[np.isfinite(labels).argmin()]}")
    return labels
