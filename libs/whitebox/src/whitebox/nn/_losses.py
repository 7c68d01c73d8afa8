"""Losses: single numbers, means over a batch, that training makes small."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in
from whitebox.autograd import Tensor, as_tensor, log_sigmoid, primitive
from whitebox.autograd._tensor import AnyArray, Operand, Part, Pullback, raw
from whitebox.errors import DtypeError, EmptyInputError, RangeError, ShapeError
from whitebox.nn._windows import blocks


def mse_loss(prediction: Tensor, target: Operand) -> Tensor:
    r"""Mean squared error.

    .. math:: L = \frac1n \sum_i (\hat y_i - y_i)^2

    O(n). A target that requires a gradient gets one.

    Args:
        prediction: Any shape, n numbers.
        target: The same shape; it is not broadcast, as (n,) against (n, 1) would be n² differences.

    Returns:
        A single number.

    Raises:
        ShapeError: The shapes differ.
        EmptyInputError: There is no number.

    >>> mse_loss(Tensor([1.0, 4.0]), [1.0, 2.0]).item()
    2.0
    """
    wanted = _tensor_like(target, prediction)
    _check_same(prediction, wanted, "mse_loss", "target")
    return _mse(prediction, wanted)


@primitive
def _mse(x: Any, y: Any) -> tuple[AnyArray, Pullback]:
    difference = x - y
    scale = 2 / x.size

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        return (lambda: difference * (g * x.dtype.type(scale))), (lambda: difference * (g * x.dtype.type(-scale)))

    return np.square(difference).mean(), pullback


def cross_entropy(
    logits: Tensor,
    targets: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Cross-entropy of classes under the softmax of logits, in one step and without overflow.

    .. math:: L = \frac{\sum_i w_{y_i} \ell_i}{\sum_i w_{y_i}}, \qquad
        w_{y_i} \ell_i = -(1 - \epsilon)\, w_{y_i} \log p_{i y_i} - \frac{\epsilon}{C} \sum_c w_c \log p_{ic}

    with :math:`p_i = \mathrm{softmax}(z_i)`; :math:`\epsilon` smooths the labels (Szegedy et al. 2016, sec. 7). Without
    weights and smoothing the gradient is :math:`(p - \mathrm{onehot}(y)) / n`. O(n · C).

    Args:
        logits: The z, shape (..., C).
        targets: The y, whole numbers from 0 to C - 1, shape (...).
        weight: Of the classes, shape (C,), not negative; all 1 by default.
        ignore_index: Rows with this target count neither above nor below the fraction line; it need not be a class.
        label_smoothing: The :math:`\epsilon`, from 0 to 1: so much of each label is spread evenly over all classes.

    Returns:
        A single number.

    Raises:
        ShapeError: Targets or weights do not fit the logits.
        DtypeError: Targets are not whole numbers.
        RangeError: A target is no class, a weight is negative, or the smoothing lies outside [0, 1].
        EmptyInputError: No row counts: there is none, all are ignored, or all have weight 0.

    >>> round(cross_entropy(Tensor([[0.0, 0.0], [0.0, 1e4]]), [0, 1]).item(), 4)
    0.3466
    """
    smoothing = number_in(label_smoothing, "label_smoothing", 0, 1)
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ShapeError(f"cross_entropy takes logits of shape (..., classes), got {logits.shape}")
    classes = logits.shape[-1]
    wanted = np.asarray(raw(targets))
    if wanted.dtype.kind not in "iu":
        raise DtypeError(f"the targets of cross_entropy are whole numbers, got dtype {wanted.dtype}")
    if wanted.shape != logits.shape[:-1]:
        raise ShapeError(f"logits {logits.shape} need targets of shape {logits.shape[:-1]}, got {wanted.shape}")
    wanted = wanted.reshape(-1)
    counts = np.ones(wanted.shape, bool) if ignore_index is None else wanted != ignore_index
    named = wanted[counts]
    if named.size and not 0 <= named.min() <= named.max() < classes:
        raise RangeError(f"targets must be from 0 to {classes - 1}, got {named.min()} to {named.max()}")
    of_class = np.ones(classes, logits.dtype) if weight is None else np.asarray(raw(weight), logits.dtype)
    if of_class.shape != (classes,):
        raise ShapeError(f"cross_entropy needs a weight for each of {classes} classes, got shape {of_class.shape}")
    if not (of_class >= 0).all():
        raise RangeError(f"the weights of classes must not be negative, got {of_class.min()}")
    if not of_class[named].sum() > 0:
        raise EmptyInputError("cross_entropy has no row to take the mean of: none is there, or none counts")
    return _cross_entropy(logits, np.where(counts, wanted, 0), counts, of_class, smoothing)


@primitive
def _cross_entropy(
    z: Any, targets: AnyArray, counts: AnyArray, of_class: AnyArray, smoothing: float
) -> tuple[AnyArray, Pullback]:
    classes = z.shape[-1]
    rows, every = z.reshape(-1, classes), np.arange(targets.size)
    largest = rows.max(axis=1, keepdims=True)
    log_total, along = np.empty_like(largest), np.zeros_like(largest)
    for some in blocks(len(rows), classes):
        part = rows[some] - largest[some]
        if smoothing:
            along[some] = (part @ of_class)[:, None]
        np.exp(part, out=part)
        log_total[some] = np.log(part.sum(axis=1, keepdims=True))
    of_row = of_class[targets] * counts
    total = of_row.sum()
    sharp, spread = z.dtype.type(1 - smoothing), z.dtype.type(smoothing / classes)
    own = rows[every, targets] - largest[:, 0] - log_total[:, 0]
    losses = -sharp * of_row * np.where(counts, own, 0)
    if smoothing:
        losses -= spread * np.where(counts, (along - log_total * of_class.sum())[:, 0], 0)

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        share = g / total
        # Of each row, the sum of what its classes weigh in the loss; the softmax carries it off.
        mass = (sharp * of_row + spread * of_class.sum() * counts) * share if smoothing else of_row * share
        gradient = np.empty_like(rows)
        for some in blocks(len(rows), classes):
            part = np.subtract(rows[some], largest[some], out=gradient[some])
            part -= log_total[some]
            np.exp(part, out=part)
            part *= mass[some, None]
            if smoothing:
                part -= spread * share * of_class * counts[some, None]
        gradient[every, targets] -= sharp * share * of_row
        return (gradient.reshape(z.shape),)

    return losses.sum() / total, pullback


def binary_cross_entropy_with_logits(
    logits: Tensor, targets: Operand, *, pos_weight: npt.ArrayLike | None = None
) -> Tensor:
    r"""Cross-entropy of yes or no under the sigmoid of logits, in one step and without overflow.

    .. math:: L = -\frac1n \sum_i \bigl( w\, t_i \log \sigma(z_i) + (1 - t_i) \log(1 - \sigma(z_i)) \bigr)

    with :math:`\log \sigma(z) = -\log(1 + e^{-z})`. O(n).

    Args:
        logits: The z, any shape.
        targets: The t, from 0 to 1, of the same shape.
        pos_weight: The w, broadcast against the targets: above 1 it makes up for yes being rare.

    Returns:
        A single number.

    Raises:
        ShapeError: The shapes do not fit.
        RangeError: A target lies outside [0, 1], or a weight is negative.
        EmptyInputError: There is no logit.

    >>> round(binary_cross_entropy_with_logits(Tensor([0.0, 1e4]), [1.0, 1.0]).item(), 4)
    0.3466
    """
    wanted = _tensor_like(targets, logits).data
    _check_same(logits, wanted, "binary_cross_entropy_with_logits", "targets")
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise RangeError(f"targets must be from 0 to 1, got {wanted.min()} to {wanted.max()}")
    weight = np.asarray(1 if pos_weight is None else raw(pos_weight), logits.dtype)
    if not (weight >= 0).all():
        raise RangeError(f"pos_weight must not be negative, got {weight.min()}")
    try:
        weight = np.broadcast_to(weight, logits.shape)
    except ValueError as error:
        raise ShapeError(f"pos_weight {weight.shape} cannot be broadcast to the targets, {logits.shape}") from error
    return _binary_cross_entropy(logits, wanted, weight)


@primitive
def _binary_cross_entropy(z: Any, t: AnyArray, weight: AnyArray) -> tuple[AnyArray, Pullback]:
    small = np.exp(-np.abs(z))
    # What log sigmoid(z) counts for: -z stands in log(1 - sigmoid(z)) = -z + log sigmoid(z).
    share = 1 + (weight - 1) * t
    losses = (1 - t) * z + share * (np.log1p(small) + np.maximum(-z, 0))

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        no = np.where(z >= 0, small, 1) / (1 + small)
        return ((1 - t - share * no) * (g / z.dtype.type(z.size)),)

    return losses.mean(), pullback


def contrastive_loss(first: Tensor, second: Tensor, similar: npt.ArrayLike, *, margin: float = 1.0) -> Tensor:
    r"""Draws similar pairs together, and others apart until they are a margin away from each other.

    .. math:: L = \frac1n \sum_i \tfrac12 s_i d_i^2 + \tfrac12 (1 - s_i) \max(0, m - d_i)^2,
        \qquad d_i = \lVert a_i - b_i \rVert_2

    (Hadsell, Chopra, LeCun 2006, eq. 4; their Y is 1 - s). Two equal vectors that should differ have no direction to
    part in: their gradient is taken as 0. O(n · d).

    Args:
        first: The a, shape (n, d).
        second: The b, of the same shape.
        similar: The s, true or false or 0 or 1, shape (n,).
        margin: The m.

    Returns:
        A single number.

    Raises:
        ShapeError: The shapes do not fit.
        RangeError: A label is neither 0 nor 1, or the margin is not positive.
        EmptyInputError: There is no pair.

    >>> contrastive_loss(Tensor([[0.0], [0.0]]), Tensor([[2.0], [0.5]]), [True, False]).item()
    1.0625
    """
    number_in(margin, "margin", 0, open_low=True)
    if first.ndim != 2:
        raise ShapeError(f"contrastive_loss takes vectors as rows, (n, d), got {first.shape}")
    _check_same(first, second, "contrastive_loss", "second")
    labels = np.asarray(raw(similar))
    if labels.shape != first.shape[:1]:
        raise ShapeError(f"contrastive_loss needs a label for each of {len(first)} pairs, got shape {labels.shape}")
    if not np.isin(labels, (0, 1)).all():
        raise RangeError("a pair is similar, 1, or not, 0: another label was given")
    return _contrastive(first, second, labels.astype(bool), margin)


@primitive
def _contrastive(a: Any, b: Any, similar: AnyArray, margin: float) -> tuple[AnyArray, Pullback]:
    difference = a - b
    distance = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    short = np.maximum(a.dtype.type(margin) - distance, 0)
    losses = np.where(similar, distance, short)

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        apart = np.divide(-short, distance, out=np.zeros_like(short), where=distance > 0)
        along = difference * (np.where(similar, 1, apart).astype(a.dtype) * (g / a.dtype.type(len(a))))[:, None]
        return along, lambda: -along

    return np.square(losses).mean() / 2, pullback


def bpr_loss(positive: Tensor, negative: Operand) -> Tensor:
    r"""Bayesian personalised ranking: what was chosen should score above what was not.

    .. math:: L = -\frac1n \sum_i \ln \sigma(x_i^+ - x_i^-)

    (Rendle et al. 2009, BPR-OPT, without its penalty, which is an optimiser's weight decay). O(n).

    Args:
        positive: Scores of chosen items, shape (n,), or (n, 1) against several others each.
        negative: Scores of others, shape (n,) or (n, k).

    Returns:
        A single number.

    Raises:
        ShapeError: The shapes differ in more than axes of length 1.
        EmptyInputError: There is no score.

    >>> round(bpr_loss(Tensor([1.0, -1e4]), [1.0, 0.0]).item(), 4)
    5000.3466
    """
    others = _tensor_like(negative, positive)
    unequal = any(1 not in (a, b) and a != b for a, b in zip(positive.shape, others.shape, strict=False))
    if positive.ndim != others.ndim or unequal:
        raise ShapeError(f"bpr_loss: scores {positive.shape} cannot be compared with {others.shape} one by one")
    if positive.size == 0 or others.size == 0:
        raise EmptyInputError("bpr_loss has no score to take the mean of")
    return -log_sigmoid(positive - others).mean()


def info_nce(queries: Tensor, keys: Tensor, *, temperature: float) -> Tensor:
    r"""Tells each query's own key from those of the others in the batch.

    .. math:: L = -\frac1n \sum_i \log \frac{\exp(q_i \cdot k_i / \tau)}{\sum_j \exp(q_i \cdot k_j / \tau)}

    (van den Oord, Li, Vinyals 2018, eq. 4). The sum holds the positive too. For cosines, pass unit vectors.
    O(n · m · d).

    Args:
        queries: The q, shape (n, d).
        keys: The k, shape (m, d), m ≥ n: the key of each query in its place, then keys that belong to none.
        temperature: The :math:`\tau`.

    Returns:
        A single number.

    Raises:
        ShapeError: The shapes do not fit, or there are fewer keys than queries.
        RangeError: The temperature is not positive.
        EmptyInputError: There is no query.

    >>> round(info_nce(Tensor([[1.0, 0.0], [0.0, 1.0]]), Tensor([[1.0, 0.0], [0.0, 1.0]]), temperature=1.0).item(), 4)
    0.3133
    """
    number_in(temperature, "temperature", 0, open_low=True)
    if not (queries.ndim == keys.ndim == 2) or queries.shape[1] != keys.shape[1] or len(queries) > len(keys):
        raise ShapeError(f"info_nce takes (n, d) and (m, d) with m at least n, got {queries.shape} and {keys.shape}")
    if len(queries) == 0:
        raise EmptyInputError("info_nce has no query to take the mean of")
    return cross_entropy((queries @ keys.T) * (1 / temperature), np.arange(len(queries)))


def _tensor_like(value: Operand, other: Tensor) -> Tensor:
    """The tensor, or a constant of the values, in the precision of another."""
    if isinstance(value, Tensor):
        return value if value.dtype == other.dtype else value.astype(other.dtype)
    return as_tensor(np.asarray(value, other.dtype))


def _check_same(one: Tensor, other: Tensor | AnyArray, function: str, name: str) -> None:
    if one.shape != other.shape:
        raise ShapeError(f"{function}: {name} must have shape {one.shape}, got {other.shape}")
    if one.size == 0:
        raise EmptyInputError(f"{function} has no number to take the mean of")
