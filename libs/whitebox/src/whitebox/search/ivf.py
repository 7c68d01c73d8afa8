"""Inverted file: neighbours among the vectors of the nearest cells only."""

from __future__ import annotations

import math
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, positive_int
from whitebox.errors import NotFittedError, RangeError, ShapeError
from whitebox.metrics.pairwise import normalize_rows
from whitebox.search._lloyd import assign, kmeans
from whitebox.search.quantization import ProductQuantizer


class IVF:
    r"""Cuts space into the cells of k-means, and searches the cells nearest to a query.

    (Sivic, Zisserman: Video Google, ICCV 2003; with a quantiser IVFADC of Jégou, Douze, Schmid 2011, section IV: what
    is encoded is the difference between a vector and the centre of its cell, for it is smaller than the vector.) With
    the cosine, vectors are scaled to unit length, where :math:`\lVert q - x \rVert^2 = 2 - 2 \cos(q, x)`. Fit is
    O(iterations · n · cells · d); a search O((cells + n · probes / cells) · d).

    Args:
        cells: How many; the square root of n by default.
        metric: "cosine" or "euclidean".
        quantizer: Keeps the vectors of a cell in as many bytes as it has parts, and finds approximate distances; none
            by default, which keeps them whole. It is fitted along.
        random_state: Seed.

    Attributes:
        centres_: Shape (cells, d).
        order_: Numbers of the vectors, cell after cell, shape (n,).
        starts_: Where each cell starts in them, shape (cells + 1,).

    Raises:
        RangeError: if a parameter is out of its range.

    >>> index = IVF(cells=2, metric="euclidean").fit([[0.0], [1.0], [9.0], [10.0]])
    >>> index.search([[0.2]], k=2, probes=1)[0].tolist()
    [[0, 1]]
    """

    def __init__(
        self,
        cells: int | None = None,
        metric: Literal["cosine", "euclidean"] = "cosine",
        quantizer: ProductQuantizer | None = None,
        random_state: int = 0,
    ) -> None:
        if metric not in ("cosine", "euclidean"):
            raise RangeError(f"metric must be 'cosine' or 'euclidean', got {metric!r}")
        self.cells = None if cells is None else positive_int(cells, "cells")
        self.metric = metric
        self.quantizer = quantizer
        self.random_state = random_state

    def fit(self, vectors: npt.ArrayLike) -> Self:
        """Indexes vectors, shape (n, d).

        Raises:
            RangeError: if there are more cells than vectors.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = as_matrix(vectors, "vectors")
        if self.metric == "cosine":
            rows = normalize_rows(rows)
        cells = max(1, math.isqrt(len(rows))) if self.cells is None else self.cells
        if cells > len(rows):
            raise RangeError(f"there are {len(rows)} vectors for {cells} cells")
        self.centres_ = kmeans(rows, cells, np.random.default_rng(self.random_state))
        labels, _ = assign(rows, self.centres_)
        self.order_ = np.argsort(labels, kind="stable")
        self.starts_ = np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=cells))])
        if self.quantizer is None:
            self._kept = rows[self.order_]
        else:
            rest = (rows - self.centres_[labels])[self.order_]
            self._codes = self.quantizer.fit(rest).encode(rest)
        return self

    def search(self, queries: npt.ArrayLike, k: int, *, probes: int = 1) -> tuple[npt.NDArray[np.int64], Array]:
        r"""The k best of the vectors in the `probes` cells whose centres are nearest to each query.

        Scores are cosines, or :math:`-\lVert q - x \rVert^2`: the higher, the better; ties go to the lower number. With
        a quantiser they are approximate.

        Args:
            queries: Shape (q, d).
            k: How many.
            probes: Cells to search; all of them make the search exact, but for a quantiser.

        Returns:
            Indices and scores, shape (q, min(k, n)), best first; -1 and minus infinity where the cells hold fewer.

        Raises:
            NotFittedError: before `fit`.
            RangeError: if `k` or `probes` is less than 1.
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        if not hasattr(self, "centres_"):
            raise NotFittedError("fit the index before searching it")
        rows = as_matrix(queries, "queries")
        if rows.shape[1] != self.centres_.shape[1]:
            raise ShapeError(f"queries must have {self.centres_.shape[1]} columns, got {rows.shape[1]}")
        if self.metric == "cosine":
            rows = normalize_rows(rows)
        k = min(positive_int(k, "k"), len(self.order_))
        probes = min(positive_int(probes, "probes"), len(self.centres_))
        to_centres = np.einsum("ij,ij->i", self.centres_, self.centres_) - 2 * (rows @ self.centres_.T)
        nearest = np.argpartition(to_centres, probes - 1, axis=1)[:, :probes]
        ids, scores = np.full((len(rows), k), -1, dtype=np.int64), np.full((len(rows), k), -np.inf)
        for number, (row, cells) in enumerate(zip(rows, nearest.tolist(), strict=True)):
            found = np.concatenate([self.order_[self.starts_[cell] : self.starts_[cell + 1]] for cell in cells])
            worth = np.concatenate([self._scores(row, cell) for cell in cells])
            if len(found) > k:
                likely = np.flatnonzero(worth >= np.partition(worth, -k)[-k])
                found, worth = found[likely], worth[likely]
            best = np.lexsort((found, -worth))[:k]
            ids[number, : len(best)], scores[number, : len(best)] = found[best], worth[best]
        return ids, scores

    def _scores(self, row: Array, cell: int) -> Array:
        """Of the vectors of a cell."""
        kept = slice(self.starts_[cell], self.starts_[cell + 1])
        if kept.start == kept.stop:
            return np.empty(0)
        if self.quantizer is not None:
            lengths = self.quantizer.distances((row - self.centres_[cell])[None], self._codes[kept])[0]
            scores: Array = -lengths if self.metric == "euclidean" else np.clip(1 - lengths / 2, -1, 1)
        elif self.metric == "cosine":
            scores = np.clip(self._kept[kept] @ row, -1, 1)
        else:
            differences = self._kept[kept] - row
            scores = -np.einsum("ij,ij->i", differences, differences)
        return scores
