"""k-means."""

from __future__ import annotations

import math
import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, as_matrix, number_in, positive_int
from whitebox.base import BaseEstimator
from whitebox.cluster._seeding import kmeans_plusplus
from whitebox.errors import RangeError, ShapeError

Labels = npt.NDArray[np.int64]
# Rows whose distances from all centres are computed at a time, so that the next pass finds them in the cache.
_BLOCK = 1024


class KMeans(BaseEstimator):
    r"""k-means: k centres with the least sum of squared distances of all rows from their nearest centre.

    .. math:: \min_{\mu_1, \dots, \mu_k} \sum_i \min_c \lVert x_i - \mu_c \rVert^2

    Lloyd's iteration (1957, 1982) gives each row to its nearest centre and moves each centre to the mean of its rows,
    neither of which can raise the sum. How far centres have moved bounds how much distances can have changed, and rows
    that therefore stay where they are need no distances (Hamerly: Making k-means Even Faster, 2010); what is found is
    the same. A centre that loses all its rows moves to the row that is farthest from its own. O(n · k · d) an iteration
    at most.

    Args:
        n_clusters: k, at most n.
        init: "k-means++" (`kmeans_plusplus`), "random" for random rows, or the centres, shape (k, d).
        n_init: Runs from different starts, the best of which is kept.
        max_iter: Iterations at most; a warning is given when they do not suffice.
        tol: Stops when the centres' squared moves sum to less than this share of the mean variance of a feature.
        random_state: Seed of the starts.

    Attributes:
        cluster_centers_: Shape (k, d).
        labels_: Nearest centre of every row of `fit`, shape (n,).
        inertia_: The sum of squares.
        n_iter_: Iterations of the best run.

    >>> model = KMeans(n_clusters=2, random_state=0).fit([[0.0], [1.0], [10.0], [11.0]])
    >>> sorted(model.cluster_centers_.ravel().tolist()), model.inertia_
    ([0.5, 10.5], 1.0)
    """

    _kind = "clusterer"
    cluster_centers_: Array
    labels_: Labels
    inertia_: float
    n_iter_: int

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: int = 1,
        max_iter: int = 300,
        tol: float = 1e-4,
        random_state: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: Any = None) -> Self:  # noqa: ARG002  # scikit-learn's signature
        """Finds the centres.

        Raises:
            RangeError: if a parameter is out of its range, or there are fewer rows than clusters.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self._rows_to_fit(X)
        k = positive_int(self.n_clusters, "n_clusters")
        positive_int(self.max_iter, "max_iter")
        if k > len(rows):
            raise RangeError(f"n_clusters must be at most n_samples = {len(rows)}, got {k}")
        tolerance = number_in(self.tol, "tol", 0) * float(rows.var(axis=0).mean())
        # Around the mean, squared lengths are as small as they can be, and so is what cancels in distances.
        mean = rows.mean(axis=0)
        centred = rows - mean
        rng = np.random.default_rng(self.random_state)
        runs = positive_int(self.n_init, "n_init") if isinstance(self.init, str) else 1
        best = math.inf
        for _ in range(runs):
            run = _Run(centred, self._start(rows, k, rng) - mean)
            inertia = run.descend(self.max_iter, tolerance)
            if inertia < best:
                best, kept = inertia, run
        if not kept.converged:
            warnings.warn(f"no convergence within {self.max_iter} iterations", RuntimeWarning, stacklevel=2)
        self.cluster_centers_ = kept.centres + mean
        self.labels_, self.inertia_, self.n_iter_ = kept.labels, best, kept.iterations
        return self

    def predict(self, X: npt.ArrayLike) -> Labels:
        """The nearest centre of each row, shape (n,); of equally near ones the first.

        Raises:
            NotFittedError: before `fit`.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self._rows_to_use(X, "cluster_centers_")
        mean = self.cluster_centers_.mean(axis=0)
        return _assign(rows - mean, self.cluster_centers_ - mean)[0]

    def fit_predict(self, X: npt.ArrayLike, y: Any = None) -> Labels:
        """`fit`, then the labels of the same rows."""
        return self.fit(X, y).labels_

    def fit_transform(self, X: npt.ArrayLike, y: Any = None) -> Array:
        """`fit`, then the distances of the same rows from the centres."""
        return self.fit(X, y).transform(X)

    def transform(self, X: npt.ArrayLike) -> Array:
        """Distances from all centres, shape (n, k). Raises as `predict`."""
        rows = self._rows_to_use(X, "cluster_centers_")
        distances = np.empty((len(rows), len(self.cluster_centers_)))
        for c, centre in enumerate(self.cluster_centers_):
            difference = rows - centre
            distances[:, c] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
        return distances

    def score(self, X: npt.ArrayLike, y: Any = None) -> float:  # noqa: ARG002  # scikit-learn's signature
        """Minus the sum of squared distances from the nearest centres. Raises as `predict`."""
        return -float((self.transform(X).min(axis=1) ** 2).sum())

    def _start(self, rows: Array, k: int, rng: np.random.Generator) -> Array:
        if not isinstance(self.init, str):
            centres = as_matrix(self.init, "init")
            if centres.shape != (k, rows.shape[1]):
                raise ShapeError(f"init must have shape ({k}, {rows.shape[1]}), got {centres.shape}")
            return centres
        if self.init == "k-means++":
            return rows[kmeans_plusplus(rows, k, rng)]
        if self.init == "random":
            return rows[rng.choice(len(rows), k, replace=False)]
        raise RangeError(f"init must be 'k-means++', 'random' or an array of centres, got {self.init!r}")


class _Run:
    """Lloyd's iteration from one start.

    Keeps for each row an upper bound of the distance from its centre and a lower one of that from every other.
    """

    def __init__(self, rows: Array, centres: Array) -> None:
        self.rows, self.centres = rows, centres.copy()
        self.iterations, self.converged = 0, False
        self.labels, self._upper, self._lower = _assign(rows, self.centres)
        # What rounding can make of the bounds; rows nearer to a change than that are looked at again.
        longest = float(np.einsum("ij,ij->i", rows, rows).max())
        self._slack = 4 * math.sqrt(np.finfo(np.float64).eps * rows.shape[1] * longest)

    def descend(self, max_iter: int, tolerance: float) -> float:
        """Iterates until nothing changes, or the centres move less than the tolerance; gives the inertia."""
        changed = True
        while self.iterations < max_iter:
            self.iterations += 1
            moved = self._move_centres()
            changed = self._reassign(moved)
            if not changed or float((moved**2).sum()) <= tolerance:
                self.converged = True
                break
        difference = self.rows - self.centres[self.labels]
        return float(np.einsum("ij,ij->", difference, difference))

    def _move_centres(self) -> Array:
        """Moves each centre to the mean of its rows; gives how far each has moved, shape (k,)."""
        k = len(self.centres)
        sums, counts = np.zeros_like(self.centres), np.zeros(k, dtype=np.int64)
        _add_up(self.rows, self.labels, sums, counts)
        empty = np.flatnonzero(counts == 0)
        if empty.size:
            difference = self.rows - self.centres[self.labels]
            far = np.einsum("ij,ij->i", difference, difference)
            for c in empty:
                i = int(far.argmax())
                far[i] = -1.0
                old = self.labels[i]
                sums[old] -= self.rows[i]
                counts[old] -= 1
                sums[c], counts[c] = self.rows[i], 1
                self.labels[i], self._upper[i] = c, math.inf
        # Taking rows away may have emptied a cluster of one; then its centre stays.
        means = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], self.centres)
        moved: Array = np.sqrt(((means - self.centres) ** 2).sum(axis=1))
        self.centres = means
        return moved

    def _reassign(self, moved: Array) -> bool:
        """Gives each row to its nearest centre; says whether any goes to another."""
        self._upper += moved[self.labels]
        self._lower -= moved.max()
        doubtful = np.flatnonzero(self._upper + self._slack >= self._lower)
        if doubtful.size == 0:
            return False
        whole = doubtful.size > 0.8 * len(self.rows)
        which: Any = slice(None) if whole else doubtful
        labels, self._upper[which], self._lower[which] = _assign(self.rows[which], self.centres)
        changed = bool((labels != self.labels[which]).any())
        self.labels[which] = labels
        return changed


def _assign(rows: Array, centres: Array) -> tuple[Labels, Array, Array]:
    """The nearest centre of each row, the distance from it, and that from the second nearest."""
    labels, first, second = np.empty(len(rows), dtype=np.int64), np.empty(len(rows)), np.empty(len(rows))
    half = 0.5 * np.einsum("ij,ij->i", centres, centres)
    squares = np.einsum("ij,ij->i", rows, rows)
    turned = np.ascontiguousarray(centres.T)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        # ‖c‖² / 2 − x · c grows with the distance.
        _two_nearest(rows[block] @ turned, half, squares[block], labels[block], first[block], second[block])
    return labels, np.sqrt(first, out=first), np.sqrt(second, out=second)


@compiled
def _two_nearest(  # noqa: PLR0917  # numba knows no keyword-only arguments
    products: Array, half: Array, squares: Array, labels: Labels, first: Array, second: Array
) -> None:
    """From inner products: the nearest centre, and the squared distances of the two nearest."""
    for i in range(len(products)):
        best, runner_up, label = np.inf, np.inf, 0
        for c in range(len(half)):
            farness = half[c] - products[i, c]
            if farness < runner_up:
                if farness < best:
                    runner_up, best, label = best, farness, c
                else:
                    runner_up = farness
        labels[i] = label
        first[i] = max(0.0, squares[i] + 2.0 * best)
        second[i] = max(0.0, squares[i] + 2.0 * runner_up)


@compiled
def _add_up(rows: Array, labels: Labels, sums: Array, counts: Labels) -> None:
    """Sums and numbers of the rows of each label."""
    for i in range(len(rows)):
        c = labels[i]
        counts[c] += 1
        for j in range(rows.shape[1]):
            sums[c, j] += rows[i, j]
