"""Classification and regression by the nearest rows."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, positive_int
from whitebox.base import BaseEstimator, Classifier, Regressor
from whitebox.errors import RangeError
from whitebox.neighbors._search import Neighbors, nearest_of

Weights = Literal["uniform", "distance"]


class _NearestRows(BaseEstimator):
    """Keeps the rows, and finds those near to others."""

    n_neighbors: int
    weights: Weights
    rows_: Array

    def kneighbors(self, X: npt.ArrayLike) -> Neighbors:
        """Indices of the nearest rows of `fit`, and their distances, each of shape (n, n_neighbors), nearest first.

        Raises:
            NotFittedError: before `fit`.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        return nearest_of(self._rows_to_use(X, "rows_"), self.rows_, self.n_neighbors)

    def _keep(self, rows: Array) -> None:
        k = positive_int(self.n_neighbors, "n_neighbors")
        if k > len(rows):
            raise RangeError(f"n_neighbors must be at most n_samples = {len(rows)}, got {k}")
        if self.weights not in ("uniform", "distance"):
            raise RangeError(f"weights must be 'uniform' or 'distance', got {self.weights!r}")
        self.rows_ = rows.copy()

    def _weighed(self, X: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], Array]:
        """Nearest rows and what each counts, as shares of the whole."""
        indices, distances = self.kneighbors(X)
        if self.weights == "uniform":
            return indices, np.full(distances.shape, 1 / distances.shape[1])
        nearest = distances[:, :1]
        # At distance 0 only such rows count. Elsewhere 1 / distance, in units of the nearest so that nothing overflows.
        touching = distances == 0
        shares = np.where(nearest == 0, touching, nearest / np.where(touching, 1.0, distances))
        return indices, shares / shares.sum(axis=1, keepdims=True)


class KNeighborsClassifier(_NearestRows, Classifier):
    r"""The class that most of the k nearest rows have.

    .. math:: p(c \mid x) = \sum_{i \in N_k(x)} w_i \, [y_i = c]

    (Fix, Hodges 1951; Cover, Hart 1967), with equal weights or :math:`w_i \propto 1 / d_i` (Dudani 1976). Of classes
    with equal votes the first in order is predicted. Prediction O(q · n · d).

    Args:
        n_neighbors: k.
        weights: "uniform" or "distance".

    Attributes:
        classes_: Sorted class labels.
        rows_: The rows of `fit`, shape (n, d).

    >>> model = KNeighborsClassifier(n_neighbors=3).fit([[0.0], [1.0], [2.0], [9.0]], ["ebb", "ebb", "flood", "flood"])
    >>> model.predict([[0.4], [8.0]]).tolist()
    ['ebb', 'flood']
    """

    def __init__(self, n_neighbors: int = 5, weights: Weights = "uniform") -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Remembers rows and labels.

        Raises:
            RangeError: if there are fewer rows than neighbours, or `weights` is unknown.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError, SingleClassError: for unusable input.
        """
        rows = self._rows_to_fit(X)
        self._labels = self._encode(y, len(rows))
        self._keep(rows)
        return self

    def predict_proba(self, X: npt.ArrayLike) -> Array:
        """Share of the votes of every class in the order of `classes_`, shape (n, classes)."""
        indices, shares = self._weighed(X)
        votes = np.zeros((len(indices), len(self.classes_)))
        np.add.at(votes, (np.arange(len(indices))[:, None], self._labels[indices]), shares)
        # Whole numbers of equal votes tie exactly, however the shares are rounded.
        return votes if self.weights == "distance" else np.round(votes * self.n_neighbors) / self.n_neighbors

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The class with most votes for each row, shape (n,)."""
        numbers = self.predict_proba(X).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[numbers]
        return labels


class KNeighborsRegressor(_NearestRows, Regressor):
    r"""The mean target of the k nearest rows.

    .. math:: \hat y(x) = \sum_{i \in N_k(x)} w_i \, y_i

    with equal weights or :math:`w_i \propto 1 / d_i`, which then interpolates (Shepard 1968). Prediction O(q · n · d).

    Args:
        n_neighbors: k.
        weights: "uniform" or "distance".

    Attributes:
        rows_: The rows of `fit`, shape (n, d).

    >>> KNeighborsRegressor(n_neighbors=2).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 4.0]).predict([[1.8]]).tolist()
    [2.5]
    """

    _many_targets = True

    def __init__(self, n_neighbors: int = 5, weights: Weights = "uniform") -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Remembers rows and targets.

        Raises:
            RangeError: if there are fewer rows than neighbours, or `weights` is unknown.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self._rows_to_fit(X)
        self._targets = self._target(y, len(rows)).copy()
        self._keep(rows)
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """The weighted mean of the nearest targets, shape (n,), or (n, targets)."""
        indices, shares = self._weighed(X)
        predicted: Array = np.einsum("qk,qk...->q...", shares, self._targets[indices])
        return predicted
