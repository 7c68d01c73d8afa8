"""C4.5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.errors import DtypeError, RangeError
from whitebox.tree._multiway import MultiwayClassifier, MultiwayNode, Table, as_table, entropy, is_missing

# Gains and ratios that differ by less differ by rounding.
_MARGIN = 1e-12


class _Split(NamedTuple):
    """A way to split a node: the gain, its ratio to the split's own information, the column, a threshold or None."""

    gain: float
    ratio: float
    column: int
    threshold: float | None


class C45(MultiwayClassifier):
    r"""Decision tree of numbers and categories: what a split says is held against how much it scatters.

    .. math:: \mathrm{Gain}(j) = F \left( H(Y) - \sum_v \frac{n_v}{n} H(Y \mid v) \right), \qquad
              \mathrm{GainRatio}(j) = \frac{\mathrm{Gain}(j)}{-\sum_v p_v \log_2 p_v}

    (Quinlan 1993, chapters 2 to 4.) Among the splits that gain no less than the average the one with the largest ratio
    is taken. Numbers are split in two at the threshold with the largest gain, in the middle between two values;
    categories have a branch each. F is the share of the rows in which the column is known; where it is not, it counts
    as a branch of its own in the split's information, and the row goes down all branches with their shares as its
    weight, when growing as when predicting. An unseen category is taken for a missing one. Then each branch is replaced
    by a leaf where that is expected to err no more than 0.1 rows more often (see `pessimistic_errors`). Subtrees are
    not raised. O(d · n · log n) a level.

    Args:
        min_samples_leaf: Weight of the rows that at least two branches of a split have at least.
        confidence: Of the pruning: the less, the smaller the tree. 1 prunes nothing but what makes no difference.
        categorical: Numbers of the columns whose numbers are categories; those that hold a string always are.

    Attributes:
        classes_: Sorted class labels.
        root_: The first `MultiwayNode`.

    >>> X = [[1.0, "a"], [2.0, "a"], [3.0, "b"], [8.0, "a"], [9.0, "b"], [None, "b"]]
    >>> tree = C45().fit(X, [0, 0, 0, 1, 1, 1])
    >>> tree.root_.column, tree.root_.threshold, tree.predict([[2.5, "b"], [7.0, "a"]]).tolist()
    (0, 5.5, [0, 1])
    """

    _may_miss = True

    def __init__(self, *, min_samples_leaf: int = 2, confidence: float = 0.25, categorical: Sequence[int] = ()) -> None:
        self.min_samples_leaf = min_samples_leaf
        self.confidence = confidence
        self.categorical = categorical

    def __sklearn_tags__(self) -> Any:
        """As of every estimator; and that values may be missing."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Grows and prunes the tree.

        Args:
            X: Numbers and categories; NaN or None where missing, shape (n, d).
            y: Class labels, shape (n,).

        Raises:
            RangeError: if a parameter is out of its range, or labels are fractions.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
            SingleClassError: if `y` holds one class only.
        """
        least = positive_int(self.min_samples_leaf, "min_samples_leaf")
        confidence = number_in(self.confidence, "confidence", 0, 1, open_low=True)
        table = as_table(X, "X", missing=True)
        self._remember_columns(X, table.shape[1])
        numbers = self._encode(y, len(table))
        outcomes = np.eye(len(self.classes_))[numbers]
        columns = [_Column(values, number in self._categorical()) for number, values in enumerate(table.T)]
        self._categories = [column.categorical for column in columns]
        self.root_ = MultiwayNode(outcomes.sum(axis=0))
        waiting = [(self.root_, np.arange(len(table)), np.ones(len(table)))]
        while waiting:
            node, rows, weights = waiting.pop()
            if (node.counts > 0).sum() < 2 or node.counts.sum() < 2 * least:
                continue
            split = _best_split(columns, rows, outcomes[rows] * weights[:, None], least)
            if split is None:
                continue
            node.column, node.threshold = split.column, split.threshold
            groups = columns[split.column].groups(rows, split.threshold)
            known = sum(float(weights[inside].sum()) for inside in groups.values())
            missing = ~np.logical_or.reduce(list(groups.values()))
            for category, inside in groups.items():
                share = float(weights[inside].sum()) / known
                # Rows that do not say where they belong go everywhere, in part.
                kept = inside | missing
                passed = np.where(missing, share * weights, weights)[kept]
                child = MultiwayNode((outcomes[rows[kept]] * passed[:, None]).sum(axis=0))
                node.branches[category] = child
                waiting.append((child, rows[kept], passed))
        _prune(self.root_, confidence)
        return self

    def _shares(self, table: Table) -> Array:
        shares = np.zeros((len(table), len(self.classes_)))
        columns = [_Column(values, self._categories[number]) for number, values in enumerate(table.T)]
        for number, column in enumerate(columns):
            if column.categorical != self._categories[number]:
                raise DtypeError(f"column {number} of X held numbers when fitted, and holds strings now")
        waiting = [(self.root_, np.arange(len(table)), np.ones(len(table)))]
        while waiting:
            node, rows, weights = waiting.pop()
            if not len(rows):
                continue
            if not node.branches:
                shares[rows] += weights[:, None] * (node.counts / node.counts.sum())
                continue
            groups = columns[node.column].groups(rows, node.threshold)
            nowhere = np.zeros(len(rows), dtype=bool)
            inside = [groups.get(category, nowhere) for category in node.branches]
            missing = ~np.logical_or.reduce(inside)
            whole = sum(child.counts.sum() for child in node.branches.values())
            for child, own in zip(node.branches.values(), inside, strict=True):
                kept = own | missing
                share = child.counts.sum() / whole
                waiting.append((child, rows[kept], np.where(missing, share * weights, weights)[kept]))
        return shares

    def _categorical(self) -> set[int]:
        chosen = set(self.categorical)
        if not all(isinstance(number, int | np.integer) and 0 <= number < self.n_features_in_ for number in chosen):
            last = self.n_features_in_ - 1
            raise RangeError(f"categorical must hold numbers of columns from 0 to {last}, got {self.categorical!r}")
        return chosen


class _Column:
    """A column of a table: numbers with NaN where missing, or codes of categories with -1."""

    def __init__(self, values: Table, categorical: bool) -> None:
        present = [value for value in values.tolist() if not is_missing(value)]
        self.categorical = categorical or any(isinstance(value, str | bytes) for value in present)
        if self.categorical:
            self._names = list(dict.fromkeys(present))
            numbers = {value: number for number, value in enumerate(self._names)}
            # NaN is no key that is found again.
            self.codes = np.array([numbers.get(value, -1) for value in values.tolist()])
            self.known = self.codes >= 0
        else:
            self.numbers = np.array([np.nan if value is None else value for value in values.tolist()], dtype=np.float64)
            self.known = ~np.isnan(self.numbers)

    def groups(self, rows: npt.NDArray[np.intp], threshold: float | None) -> dict[Any, npt.NDArray[np.bool_]]:
        """Which of the rows go down which branch."""
        if threshold is not None:
            numbers = self.numbers[rows]
            return {True: numbers <= threshold, False: numbers > threshold}
        codes = self.codes[rows]
        return {self._names[code]: codes == code for code in np.unique(codes) if code >= 0}


def pessimistic_errors(errors: float, n: float, confidence: float = 0.25) -> float:
    r"""Errors to be expected of a leaf that made some on n training rows: n times an upper confidence limit.

    .. math:: n\, U: \quad P(\mathrm{Binomial}(n, U) \le e) = I_{1 - U}(n - e, e + 1) = \mathrm{confidence}

    (Quinlan 1993, section 4.2.) By bisection; weights of rows may be fractions.

    Args:
        errors: e, from 0 to n.
        n: Rows, more than 0.
        confidence: The less, the more pessimistic.

    Raises:
        RangeError: if an argument is out of its range.

    >>> round(pessimistic_errors(0, 6), 2), round(pessimistic_errors(1, 16), 2)
    (1.24, 2.55)
    """
    rows = number_in(n, "n", 0, open_low=True)
    wrong = number_in(errors, "errors", 0, rows)
    limit = number_in(confidence, "confidence", 0, 1, open_low=True)
    if wrong >= rows:
        return rows
    low, high = wrong / rows, 1.0
    if _at_most(wrong, rows, low) <= limit:  # no pessimism is left at such a confidence
        return wrong
    while high - low > 1e-12:
        middle = (low + high) / 2
        if _at_most(wrong, rows, middle) > limit:
            low = middle
        else:
            high = middle
    return rows * (low + high) / 2


def _at_most(errors: float, n: float, p: float) -> float:
    """Probability of at most so many errors, each of probability p: the incomplete beta I_{1-p}(n - e, e + 1)."""
    if p <= 0 or p >= 1:
        return 1.0 if p <= 0 else 0.0
    a, b, x = n - errors, errors + 1.0, 1 - p
    # The continued fraction converges quickly on one side of the mean only (Abramowitz, Stegun 1964, 26.5.8).
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_fraction(b, a, p)
    return _beta_fraction(a, b, x)


def _beta_fraction(a: float, b: float, x: float) -> float:
    scale = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    tiny = 1e-300
    ratio, numerator = 1.0, 1.0
    denominator = 1 / _away_from_zero(1 - (a + b) * x / (a + 1), tiny)
    ratio = denominator
    for m in range(1, 1000):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            denominator = 1 / _away_from_zero(1 + factor * denominator, tiny)
            numerator = _away_from_zero(1 + factor / numerator, tiny)
            ratio *= numerator * denominator
        if abs(numerator * denominator - 1) < 1e-15:
            break
    return scale * ratio / a


def _away_from_zero(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny


def _best_split(columns: list[_Column], rows: npt.NDArray[np.intp], outcomes: Array, least: int) -> _Split | None:
    """Of the columns' splits with at least average gain the one with the largest ratio; None if none gains.

    `outcomes` holds each row's weight in the column of its class, shape (n, classes).
    """
    total = float(outcomes.sum())
    splits = []
    for number, column in enumerate(columns):
        known = column.known[rows]
        found = outcomes[known]
        share = float(found.sum()) / total
        if column.categorical:
            _, groups = np.unique(column.codes[rows][known], return_inverse=True)
            counts = np.zeros((groups.max(initial=-1) + 1, outcomes.shape[1]))
            np.add.at(counts, groups, found)
            if (counts.sum(axis=1) >= least).sum() < 2:
                continue
            threshold, gain = None, _gain(counts[None])[0]
        else:
            cut = _best_threshold(column.numbers[rows][known], found, least)
            if cut is None:
                continue
            threshold, counts = cut
            gain = _gain(counts[None])[0]
        # What is missing is a branch of its own.
        branches = np.append(counts.sum(axis=1), total - found.sum())
        scatter = float(entropy(np.maximum(branches, 0.0)))
        gain *= share
        if gain > _MARGIN and scatter > 0:
            splits.append(_Split(gain, gain / scatter, number, threshold))
    if not splits:
        return None
    average = sum(split.gain for split in splits) / len(splits)
    best = None
    for split in splits:
        if split.gain >= average - _MARGIN and (best is None or split.ratio > best.ratio + _MARGIN):
            best = split
    return best


def _best_threshold(numbers: Array, outcomes: Array, least: int) -> tuple[float, Array] | None:
    """The threshold with the largest gain, and the weight of each class on its two sides; None if there is none."""
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    below = outcomes[order].cumsum(axis=0)
    places = np.flatnonzero(ordered[1:] > ordered[:-1])
    if not len(places):
        return None
    sides = np.stack([below[places], below[-1] - below[places]], axis=1)
    enough = (sides.sum(axis=2) >= least - 1e-9).all(axis=1)
    places, sides = places[enough], sides[enough]
    if not len(places):
        return None
    gains = _gain(sides)
    best = int(np.flatnonzero(gains >= gains.max() - _MARGIN)[0])
    low, high = ordered[places[best]], ordered[places[best] + 1]
    middle = 0.5 * low + 0.5 * high
    return float(middle if low <= middle < high else low), sides[best]


def _gain(counts: Array) -> Array:
    """Bits that branches save, from their classes' weights, shape (splits, branches, classes)."""
    whole = counts.sum(axis=1)
    left = (counts.sum(axis=2) * entropy(counts)).sum(axis=1) / whole.sum(axis=1)
    saved: Array = entropy(whole) - left
    return saved


def _prune(root: MultiwayNode, confidence: float) -> None:
    expected: dict[int, float] = {}
    # Children before their parents.
    for node in reversed(list(root.walk())):
        n = float(node.counts.sum())
        wrong = min(max(n - float(node.counts.max()), 0.0), n)
        alone = pessimistic_errors(wrong, n, confidence) if n > 0 else 0.0
        below = sum(expected[id(child)] for child in node.branches.values()) if node.branches else np.inf
        if alone <= below + 0.1:
            node.branches.clear()
            node.column, node.threshold = -1, None
        expected[id(node)] = min(alone, below) if node.branches else alone
