"""Isolation forests."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, as_array, number_in, positive_int
from whitebox.base import BaseEstimator
from whitebox.errors import RangeError
from whitebox.tree import Tree, TreeEnsemble


def average_path_length(n: npt.ArrayLike) -> Array:
    r"""Mean depth of an unsuccessful search in a binary search tree of n random keys, shape of `n`.

    .. math:: c(n) = 2 H(n - 1) - \frac{2 (n - 1)}{n}, \qquad H(i) \approx \ln i + 0.5772156649

    with c(2) = 1 and c(1) = c(0) = 0 (Liu, Ting, Zhou 2008, equation 1). By it path lengths of samples of different
    sizes compare; a leaf that holds n rows still is as deep as if they had been isolated by c(n) more steps.

    Raises:
        RangeError: for a negative number.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> average_path_length([1, 2, 256]).round(4).tolist()
    [0.0, 1.0, 10.2448]
    """
    count = as_array(n, "n")
    if (count < 0).any():
        raise RangeError("n must be at least 0")
    many = np.maximum(count, 3)
    length = 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many
    return np.where(count > 2, length, np.where(count == 2, 1.0, 0.0))


class IsolationForest(BaseEstimator):
    r"""Isolation forest: what few random cuts set apart is an anomaly.

    .. math:: s(x, \psi) = 2^{-E[h(x)] / c(\psi)}

    (Liu, Ting, Zhou 2008, equation 2.) Each tree takes ψ of the rows and cuts them at a random place of a random column
    that is not constant there, until rows stand alone or are alike, or the tree is as deep as :math:`\log_2 \psi`; h
    counts the cuts to a row's leaf, and c (`average_path_length`) for the rows left in it. s is near 1 for anomalies,
    and about 0.5 where nothing stands out. O(T · (n + d · ψ · log ψ)) to fit, O(T · log ψ) a row to score.

    Args:
        n_estimators: T.
        max_samples: ψ: a number, a share of the rows, or "auto" for 256; all rows where there are fewer.
        contamination: Share of the training rows that shall count as anomalies; "auto" for those with s above 0.5.
        random_state: Seed of the draws.

    Attributes:
        max_samples_: ψ.
        offset_: Rows whose negative s is below it are anomalies.
        ensemble_: The mean path length as a `TreeEnsemble`, for explanations.

    >>> rows = [[0.0], [0.1], [0.2], [0.3], [9.0]]
    >>> forest = IsolationForest(random_state=0).fit(rows)
    >>> forest.predict(rows).tolist()
    [1, 1, 1, 1, -1]
    """

    _kind = "outlier_detector"
    max_samples_: int
    offset_: float
    ensemble_: TreeEnsemble

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_samples: int | float | Literal["auto"] = "auto",
        contamination: float | Literal["auto"] = "auto",
        random_state: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.contamination = contamination
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: Any = None) -> Self:  # noqa: ARG002  # scikit-learn's signature
        """Grows the trees.

        Raises:
            RangeError: if a parameter is out of its range.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        trees = positive_int(self.n_estimators, "n_estimators")
        rows = np.ascontiguousarray(self._rows_to_fit(X))
        self.max_samples_ = self._number_of_samples(len(rows))
        limit = int(np.ceil(np.log2(self.max_samples_)))
        grown = [
            _grow(rows, self.max_samples_, limit, rng) for rng in np.random.default_rng(self.random_state).spawn(trees)
        ]
        self.ensemble_ = TreeEnsemble(grown, scale=1 / trees)
        self.offset_ = -0.5
        if not isinstance(self.contamination, str):
            share = number_in(self.contamination, "contamination", 0, 0.5, open_low=True)
            self.offset_ = float(np.quantile(self._scores(rows), share))
        elif self.contamination != "auto":
            raise RangeError(f"contamination must be a share or 'auto', got {self.contamination!r}")
        return self

    def score_samples(self, X: npt.ArrayLike) -> Array:
        """Negative s of each row, shape (n,): the lower, the stranger.

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return self._scores(self._rows_to_use(X, "ensemble_"))

    def decision_function(self, X: npt.ArrayLike) -> Array:
        """Scores less the offset, shape (n,): negative for anomalies.

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return self._scores(self._rows_to_use(X, "ensemble_")) - self.offset_

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """-1 for anomalies and 1 for all else, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return np.where(self._scores(self._rows_to_use(X, "ensemble_")) < self.offset_, -1, 1)

    def fit_predict(self, X: npt.ArrayLike, y: Any = None) -> npt.NDArray[np.intp]:
        """`fit`, then `predict`."""
        return self.fit(X, y).predict(X)

    def _scores(self, rows: Array) -> Array:
        length = self.ensemble_.predict(rows)[:, 0]
        usual = float(average_path_length(self.max_samples_))
        # A single row is as usual as itself.
        scores: Array = -np.exp2(-length / usual) if usual > 0 else np.full(len(rows), -0.5)
        return scores

    def _number_of_samples(self, rows: int) -> int:
        wanted = self.max_samples
        if isinstance(wanted, str):
            if wanted != "auto":
                raise RangeError(f"max_samples must be a number, a share or 'auto', got {wanted!r}")
            return min(256, rows)
        if isinstance(wanted, float | np.floating):
            return max(1, int(number_in(float(wanted), "max_samples", 0, 1, open_low=True) * rows))
        return min(positive_int(wanted, "max_samples"), rows)


def _grow(rows: Array, samples: int, limit: int, rng: np.random.Generator) -> Tree:
    """A tree of some of the rows, whose leaves' values are path lengths."""
    links = np.empty((3, 2 * samples - 1), dtype=np.int64)
    numbers = np.empty((3, 2 * samples - 1))
    nodes = _isolate(rows, (samples, limit), rng, links, numbers)
    left, right, feature = links[:, :nodes].copy()
    threshold, cover, depth = numbers[:, :nodes].copy()
    length = np.where(left < 0, depth + average_path_length(cover), 0.0)
    return Tree(left, right, feature, threshold, length[:, None], cover)


@compiled
def _isolate(
    X: Array, limits: tuple[int, int], rng: np.random.Generator, links: npt.NDArray[np.int64], numbers: Array
) -> int:
    """Fills in `links` (left, right, feature) and `numbers` (threshold, cover, depth); how many nodes.

    The limits are the number of rows and the depth.
    """
    samples, limit = limits
    stack = np.zeros((limit + 2, 5), dtype=np.int64)
    n, d = X.shape
    rows = np.arange(n)
    for i in range(samples):
        chosen = i + int(rng.random() * (n - i))
        rows[i], rows[chosen] = rows[chosen], rows[i]
    drawn = np.arange(d)
    # Of nodes to come: first and last row, depth, parent, and whether they are its left (0) or right child.
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = 0, samples, 0, -1
    waiting, nodes = 1, 0
    while waiting > 0:
        waiting -= 1
        start, end, depth, parent = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2], stack[waiting, 3]
        node = nodes
        nodes += 1
        if parent >= 0:
            links[stack[waiting, 4], parent] = node
        links[0, node] = links[1, node] = links[2, node] = -1
        numbers[0, node], numbers[1, node], numbers[2, node] = 0.0, end - start, depth
        if depth >= limit or end - start < 2:
            continue
        column, low, high = -1, 0.0, 0.0
        for step in range(d):
            chosen = step + int(rng.random() * (d - step))
            drawn[step], drawn[chosen] = drawn[chosen], drawn[step]
            low = high = X[rows[start], drawn[step]]
            for i in range(start + 1, end):
                low, high = min(low, X[rows[i], drawn[step]]), max(high, X[rows[i], drawn[step]])
            if low < high:
                column = drawn[step]
                break
        if column < 0:
            continue
        share = rng.random()
        cut = low * (1.0 - share) + high * share
        cut = cut if low <= cut < high else low
        links[2, node], numbers[0, node] = column, cut
        middle = start
        for i in range(start, end):
            if X[rows[i], column] <= cut:
                rows[i], rows[middle] = rows[middle], rows[i]
                middle += 1
        for side in (1, 0):  # the left child is the next to be taken from the stack
            stack[waiting, 0], stack[waiting, 1] = middle if side else start, end if side else middle
            stack[waiting, 2], stack[waiting, 3], stack[waiting, 4] = depth + 1, node, side
            waiting += 1
    return nodes
