"""Trees whose nodes have a branch for every category, and the tables they are grown from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix
from whitebox.base import Classifier, _column_names
from whitebox.errors import DtypeError, EmptyInputError, NotFiniteError, NotFittedError, ShapeError

Table = npt.NDArray[Any]


@dataclass
class MultiwayNode:
    """A node of a tree with any number of branches.

    Attributes:
        counts: Weight of the training rows of each class that reach it, shape (classes,).
        column: The column it looks at; -1 at leaves.
        threshold: What a number is compared with; None where categories are told apart.
        branches: By category; by whether ``x <= threshold`` where there is one.
    """

    counts: Array
    column: int = -1
    threshold: float | None = None
    branches: dict[Any, MultiwayNode] = field(default_factory=dict)

    def walk(self) -> Iterator[MultiwayNode]:
        """This node and all below it, parents before their children."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.branches.values()


class MultiwayClassifier(Classifier):
    """What trees of such nodes share."""

    root_: MultiwayNode
    # Whether unknown values may be missing: None, or NaN.
    _may_miss = False

    def predict_proba(self, X: npt.ArrayLike) -> Array:
        """Share of every class where each row comes to, in the order of `classes_`, shape (n, classes).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        if not hasattr(self, "root_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")
        self._check_names(_column_names(X))
        table = as_table(X, "X", missing=self._may_miss)
        if table.shape[1] != self.n_features_in_:
            raise ShapeError(
                f"X has {table.shape[1]} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                "features as input"
            )
        return self._shares(table)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The class with the largest share where each row comes to, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        likely = self.predict_proba(X).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[likely]
        return labels

    def get_n_leaves(self) -> int:
        """Number of leaves."""
        return sum(not node.branches for node in self.root_.walk())

    def _shares(self, table: Table) -> Array:
        raise NotImplementedError


def as_table(values: Any, name: str, *, missing: bool = False) -> Table:
    """A matrix of finite numbers, or of categories and numbers (dtype object); NaN and None only where they may be.

    Raises:
        DtypeError: if it holds anything but strings, numbers and truth values.
        ShapeError: if it has not two dimensions.
        EmptyInputError: if it has no rows or no columns.
        NotFiniteError: for infinity, and for missing values, with the place of the first.
    """
    if hasattr(values, "toarray"):
        return as_matrix(values, name)
    try:
        array = np.asarray(values)
        if array.dtype.kind in "US":
            # NumPy makes strings of the numbers beside them.
            array = np.asarray(values, dtype=object)
    except ValueError as error:
        raise ShapeError(f"{name} is no rectangular array: {error}") from error
    if array.dtype.kind in "biufc":
        if not missing or array.dtype.kind != "f":
            return as_matrix(values, name)
        as_matrix(np.where(np.isnan(array), 0.0, array), name)
        return array.astype(np.float64)
    if array.dtype.kind not in "OUS":
        raise DtypeError(f"{name} must hold numbers or strings, got dtype {array.dtype}")
    if array.ndim != 2:
        raise ShapeError(f"{name} must be a matrix, got shape {array.shape}. Reshape your data")
    if array.size == 0:
        axis = "sample" if len(array) == 0 else "feature"
        raise EmptyInputError(f"{name} has 0 {axis}(s) (shape={array.shape}) while a minimum of 1 is required.")
    table = array.astype(object)
    numeric = True
    for place, value in np.ndenumerate(table):
        number = isinstance(value, int | float | bool | np.number | np.bool_)
        if is_missing(value):
            if not missing:
                raise NotFiniteError(f"{name}[{', '.join(map(str, place))}] is {value}, a missing value (NaN)")
        elif number and value in (np.inf, -np.inf):
            raise NotFiniteError(f"{name}[{', '.join(map(str, place))}] is {value}")
        elif not number and not isinstance(value, str | bytes):
            raise DtypeError(f"{name}: an argument must be a string or a real number, not {type(value).__name__!r}")
        numeric = numeric and not isinstance(value, str | bytes)
    return table.astype(np.float64) if numeric else table


def is_missing(value: Any) -> bool:
    """Whether a value of a table is None or NaN."""
    return value is None or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def entropy(weights: Array) -> Array:
    """Bits of the distribution along the last axis; 0 of nothing."""
    total = weights.sum(axis=-1, keepdims=True)
    shares = weights / np.where(total > 0, total, 1.0)
    bits: Array = -(shares * np.log2(np.where(shares > 0, shares, 1.0))).sum(axis=-1)
    return bits
