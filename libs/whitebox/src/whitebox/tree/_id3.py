"""ID3."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, positive_int
from whitebox.tree._multiway import MultiwayClassifier, MultiwayNode, Table, as_table, entropy

# Gains that differ by less differ by rounding.
_MARGIN = 1e-12


class ID3(MultiwayClassifier):
    r"""Decision tree of categories: splits by the column that says most about the class, a branch for each category.

    .. math:: \mathrm{Gain}(j) = H(Y) - \sum_v \frac{n_v}{n} H(Y \mid x_j = v), \qquad H = -\sum_k p_k \log_2 p_k

    (Quinlan 1986, section 4.) Ends where all rows are of one class or no column tells them apart; ties go to the first
    column. Numbers count as categories, so that a column with a value of its own in each row seems to say everything:
    `C45` mends that. A category that a node has not seen ends there, with the node's shares. O(d · n) a level.

    Args:
        max_depth: Steps from the root at most; no limit where None.

    Attributes:
        classes_: Sorted class labels.
        root_: The first `MultiwayNode`.

    >>> tree = ID3().fit([["sun", "calm"], ["sun", "wind"], ["rain", "calm"]], ["out", "out", "in"])
    >>> tree.root_.column, tree.predict([["rain", "wind"], ["snow", "wind"]]).tolist()
    (0, ['in', 'out'])
    """

    def __init__(self, *, max_depth: int | None = None) -> None:
        self.max_depth = max_depth

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Grows the tree.

        Args:
            X: Categories, as strings or numbers, shape (n, d).
            y: Class labels, shape (n,).

        Raises:
            RangeError: if `max_depth` is out of its range, or labels are fractions.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
            SingleClassError: if `y` holds one class only.
        """
        limit = np.inf if self.max_depth is None else positive_int(self.max_depth, "max_depth")
        table = as_table(X, "X")
        self._remember_columns(X, table.shape[1])
        numbers = self._encode(y, len(table))
        coded = [_categories(column) for column in table.T]
        names, codes = [names for names, _ in coded], np.column_stack([codes for _, codes in coded])
        outcomes = np.eye(len(self.classes_))[numbers]
        self.root_ = MultiwayNode(outcomes.sum(axis=0))
        waiting = [(self.root_, np.arange(len(table)), 0)]
        while waiting:
            node, rows, depth = waiting.pop()
            if depth >= limit or (node.counts > 0).sum() == 1:
                continue
            column = _most_telling(codes[rows], outcomes[rows])
            if column is None:
                continue
            node.column = column
            for code in np.unique(codes[rows, column]):
                inside = rows[codes[rows, column] == code]
                child = MultiwayNode(outcomes[inside].sum(axis=0))
                node.branches[names[column][code]] = child
                waiting.append((child, inside, depth + 1))
        return self

    def _shares(self, table: Table) -> Array:
        shares = np.empty((len(table), len(self.classes_)))
        waiting = [(self.root_, np.arange(len(table)))]
        while waiting:
            node, rows = waiting.pop()
            shares[rows] = node.counts / node.counts.sum()
            for category, child in node.branches.items():
                waiting.append((child, rows[table[rows, node.column] == category]))
        return shares


def _categories(column: Table) -> tuple[list[Any], npt.NDArray[np.intp]]:
    """The distinct values in the order in which they come, and each row's number among them."""
    numbers: dict[Any, int] = {}
    codes = np.array([numbers.setdefault(value, len(numbers)) for value in column.tolist()])
    return list(numbers), codes


def _most_telling(codes: npt.NDArray[np.intp], outcomes: Array) -> int | None:
    """The column with the largest gain; None if all are constant."""
    best, chosen = -np.inf, None
    whole = float(entropy(outcomes.sum(axis=0)))
    for column, values in enumerate(codes.T):
        _, groups = np.unique(values, return_inverse=True)
        if groups.max() == 0:
            continue
        counts = np.zeros((groups.max() + 1, outcomes.shape[1]))
        np.add.at(counts, groups, outcomes)
        gain = whole - float(counts.sum(axis=1) @ entropy(counts)) / len(codes)
        if gain > best + _MARGIN:
            best, chosen = gain, column
    return chosen
