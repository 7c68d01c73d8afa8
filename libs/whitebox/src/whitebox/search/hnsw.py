"""Approximate nearest neighbours in a hierarchy of navigable small worlds."""

from __future__ import annotations

import math
import os
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_matrix, positive_int
from whitebox.errors import DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError
from whitebox.metrics.pairwise import normalize_rows, row_norms
from whitebox.search._layers import Floats, Ids, insert, search_all

Metric = Literal["cosine", "dot", "euclidean"]
# At M = 2 half the nodes of a layer stand in the next; a billion nodes then fill 30 layers.
_HIGHEST = 30
# No squared distance is more than four times the longest squared length.
_LONGEST = math.sqrt(float(np.finfo(np.float32).max)) / 2.01


def draw_levels(rng: np.random.Generator, count: int, m: int) -> Ids:
    r"""The highest layer of each of `count` nodes.

    .. math:: l = \lfloor -\ln(u) / \ln M \rfloor, \qquad u \sim U(0, 1]

    so that one node in M of a layer also stands in the next (Malkov, Yashunin 2018, section 4.1: their :math:`m_L`
    is :math:`1 / \ln M`). O(count).

    Raises:
        RangeError: if `count` is less than 1 or `m` less than 2.

    >>> levels = draw_levels(np.random.default_rng(0), 10_000, m=16)
    >>> bool((levels == 0).mean().round(2) == 0.94)
    True
    """
    count, m = positive_int(count, "count"), _links(m)
    drawn = np.floor(-np.log1p(-rng.random(count)) / math.log(m))
    return np.minimum(drawn, _HIGHEST).astype(np.int32)


class HNSW:
    r"""Hierarchical navigable small world graph: neighbours in about O(log n) distances a query.

    (Malkov, Yashunin: Efficient and Robust Approximate Nearest Neighbor Search Using Hierarchical Navigable Small World
    Graphs, IEEE TPAMI 2018.) Every vector is a node of layer 0, every M-th also of layer 1, and so on. A search walks
    greedily down the sparse upper layers (algorithm 5) and then, in layer 0, keeps the `ef` nearest met so far until
    the next to visit is farther than all of them (algorithm 2). A new node is linked to at most M of what such a search
    finds, and a neighbour is taken only if it is nearer to the node than to every neighbour taken before it
    (algorithm 4): without that rule clusters would link to themselves alone. Vectors are kept in float32, of unit
    length where the metric is the cosine.

    Nodes are numbered in the order they are added. Building takes about O(n · log n · ef_construction · d), a search
    O(log n · ef · d); memory is 4 · (d + 2M + 1) bytes a node and a little.

    Args:
        dimension: d.
        metric: "cosine", "dot" or "euclidean".
        m: M, links a new node makes in each layer; layer 0 holds up to 2M.
        ef_construction: Candidates from which they are chosen; more take longer and find better ones.
        random_state: Seed of the levels.

    Attributes:
        vectors: Shape (n, d).
        levels: The highest layer of each node, shape (n,).
        deleted: Which nodes are marked as deleted, shape (n,).
        entry_point: The node where searches start, in the highest layer; -1 before there is one.

    Raises:
        RangeError: if a parameter is out of its range.

    >>> index = HNSW(dimension=2, metric="euclidean")
    >>> index.add([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]]).tolist()
    [0, 1, 2]
    >>> indices, scores = index.search([[0.9, 1.0]], k=2)
    >>> indices.tolist(), scores.astype(float).round(2).tolist()
    ([[1, 0]], [[-0.01, -1.81]])
    """

    def __init__(
        self,
        dimension: int,
        metric: Metric = "cosine",
        m: int = 16,
        ef_construction: int = 200,
        random_state: int = 0,
    ) -> None:
        if metric not in get_args(Metric):
            raise RangeError(f"metric must be 'cosine', 'dot' or 'euclidean', got {metric!r}")
        if isinstance(random_state, bool) or not isinstance(random_state, int | np.integer) or random_state < 0:
            raise RangeError(f"random_state must be a whole number of at least 0, got {random_state!r}")
        self.dimension = positive_int(dimension, "dimension")
        self.metric = metric
        self.m = _links(m)
        self.ef_construction = positive_int(ef_construction, "ef_construction")
        self.random_state = int(random_state)
        self.entry_point = -1
        self._count = 0
        self._vectors: Floats = np.empty((0, self.dimension), dtype=np.float32)
        self._levels: Ids = np.empty(0, dtype=np.int32)
        self._starts: Ids = np.empty(0, dtype=np.int32)
        self._deleted = np.empty(0, dtype=np.uint8)
        self._base: Ids = np.empty((0, 1 + 2 * self.m), dtype=np.int32)
        self._upper: Ids = np.empty((0, 1 + self.m), dtype=np.int32)

    def __len__(self) -> int:
        return self._count

    @property
    def vectors(self) -> Floats:
        """As they are compared: of unit length where the metric is the cosine."""
        return self._vectors[: self._count]

    @property
    def levels(self) -> Ids:
        """The highest layer of each node."""
        return self._levels[: self._count]

    @property
    def deleted(self) -> npt.NDArray[np.bool_]:
        """Which nodes are marked as deleted."""
        return self._deleted[: self._count].astype(bool)

    def neighbours(self, node: int, layer: int = 0) -> npt.NDArray[np.int64]:
        """What a node links to in a layer.

        Raises:
            RangeError: if there is no such node, or it does not stand in that layer.
        """
        if not 0 <= node < self._count:
            raise RangeError(f"node must be from 0 to {self._count - 1}, got {node!r}")
        if not 0 <= layer <= self._levels[node]:
            raise RangeError(f"node {node} stands in layers 0 to {self._levels[node]}, not in {layer!r}")
        row = self._base[node] if layer == 0 else self._upper[self._starts[node] + layer - 1]
        links: npt.NDArray[np.int64] = row[1 : 1 + row[0]].astype(np.int64)
        return links

    def add(self, vectors: npt.ArrayLike, levels: npt.ArrayLike | None = None) -> npt.NDArray[np.int64]:
        """Adds vectors (algorithm 1) and gives their numbers, shape (rows,).

        Args:
            vectors: Shape (rows, d).
            levels: The highest layer of each, from 0 to 30; drawn by `draw_levels` by default, from a seed that depends
                on `random_state` and on how many nodes there are already.

        Raises:
            ShapeError: if there are not d columns, or not as many levels as rows.
            RangeError: if a level is out of its range.
            DtypeError, EmptyInputError, NotFiniteError: for what is no number, no rows, NaN and infinity; the last also
                for what float32 cannot hold.
        """
        rows = self._rows(vectors, "vectors")
        first, last = self._count, self._count + len(rows)
        if levels is None:
            drawn = draw_levels(np.random.default_rng([self.random_state, first]), len(rows), self.m)
        else:
            drawn = _as_levels(levels, len(rows))
        occupied = int(self._starts[first - 1] + self._levels[first - 1]) if first else 0
        self._reserve(last, occupied + int(drawn.sum()))
        self._vectors[first:last] = rows
        self._levels[first:last] = drawn
        self._starts[first:last] = occupied + np.cumsum(drawn) - drawn
        self._count = last
        self.entry_point = int(
            insert(
                first,
                self.entry_point,
                self._levels[:last],
                self.m,
                max(self.ef_construction, self.m),
                self._vectors[:last],
                self.metric != "euclidean",
                self._base[:last],
                self._upper,
                self._starts[:last],
            )
        )
        return np.arange(first, last)

    def delete(self, ids: npt.ArrayLike) -> None:
        """Marks nodes as deleted: they lead on, but are not found any more. O(ids).

        Raises:
            RangeError: if there is no such node.
            DtypeError: for what is no whole number.
        """
        numbers = np.atleast_1d(np.asarray(ids))
        if numbers.size == 0:
            return
        if numbers.dtype.kind not in "iu":
            raise DtypeError(f"ids must hold whole numbers, got dtype {numbers.dtype}")
        if numbers.min() < 0 or numbers.max() >= self._count:
            raise RangeError(f"ids must be from 0 to {self._count - 1}, got {numbers.min()} to {numbers.max()}")
        self._deleted[numbers] = 1

    def search(
        self, queries: npt.ArrayLike, k: int, *, ef: int | None = None, allowed: npt.ArrayLike | None = None
    ) -> tuple[npt.NDArray[np.int64], Floats]:
        r"""The k best nodes for each query, as far as the graph leads to them.

        Scores are those of `whitebox.search.exact`, cosine or dot product, and :math:`-\lVert q - x \rVert^2` for the
        Euclidean metric: the higher, the better. Where fewer than k are found, the rest is -1 with a score of minus
        infinity. Safe to call from several threads, as long as none adds.

        Args:
            queries: Shape (q, d).
            k: How many.
            ef: How many to keep while searching, at least k, which is also used where less is given: more take longer
                and find more; max(k, 64) by default.
            allowed: Which nodes may be found, shape (n,); all by default. The fewer they are, the more of the graph is
                walked.

        Returns:
            Indices and scores, shape (q, min(k, n)).

        Raises:
            EmptyInputError: if nothing has been added.
            ShapeError: if there are not d columns, or `allowed` has another length.
            RangeError: if `k` or `ef` is less than 1.
            DtypeError, NotFiniteError: for what is no number, NaN and infinity.
        """
        if self._count == 0:
            raise EmptyInputError("the index is empty: add vectors before searching it")
        rows = self._rows(queries, "queries")
        k = min(positive_int(k, "k"), self._count)
        ef = max(k, 64 if ef is None else positive_int(ef, "ef"))
        barred = self._deleted[: self._count]
        if allowed is not None:
            flags = np.asarray(allowed)
            if flags.dtype != np.bool_:
                raise DtypeError(f"allowed must hold booleans, got dtype {flags.dtype}")
            if flags.shape != (self._count,):
                raise ShapeError(f"allowed must have shape ({self._count},), got {flags.shape}")
            barred = barred | ~flags
        if not barred.any():
            barred = barred[:0]
        ids = np.full((len(rows), k), -1, dtype=np.int64)
        lengths = np.full((len(rows), k), np.inf, dtype=np.float32)
        search_all(
            rows,
            k,
            min(ef, self._count),
            self.entry_point,
            int(self._levels[self.entry_point]),
            self._vectors[: self._count],
            self.metric != "euclidean",
            self._base,
            self._upper,
            self._starts,
            barred,
            ids,
            lengths,
        )
        scores = 0 - lengths
        if self.metric == "cosine":
            np.clip(scores, -1, 1, out=scores, where=ids >= 0)
        return ids, scores

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the index as plain arrays (NumPy's npz, without pickled objects), under a name that ends in .npz."""
        rows = int(self.levels.sum())
        settings = (self.dimension, self.m, self.ef_construction, self.random_state, self.entry_point)
        np.savez(
            path,
            vectors=self.vectors,
            levels=self.levels,
            deleted=self._deleted[: self._count],
            base=self._base[: self._count],
            upper=self._upper[:rows],
            settings=np.array(settings, dtype=np.int64),
            metric=np.array(self.metric),
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads what `save` has written; nothing in the file is executed, and links that lead nowhere are refused.

        Raises:
            ShapeError: if the arrays do not fit together.
            RangeError: if a link, a level or a setting is out of its range.
            KeyError, OSError: if the file is another, or cannot be read.
        """
        with np.load(path, allow_pickle=False) as held:
            arrays: dict[str, npt.NDArray[Any]] = {name: held[name] for name in held.files}
        dimension, m, ef, seed, entry = arrays["settings"].tolist()
        metric: Any = str(arrays["metric"])
        index = cls(dimension, metric=metric, m=m, ef_construction=ef, random_state=seed)
        levels: Ids = arrays["levels"].astype(np.int32)
        count, rows = len(levels), int(levels.sum())
        expected = {
            "vectors": (count, dimension),
            "deleted": (count,),
            "base": (count, 1 + 2 * m),
            "upper": (rows, 1 + m),
        }
        for name, shape in expected.items():
            if arrays[name].shape != shape:
                raise ShapeError(f"{name} must have shape {shape}, got {arrays[name].shape}")
        index._count, index.entry_point = count, entry
        index._vectors = np.ascontiguousarray(arrays["vectors"], dtype=np.float32)
        index._base = np.ascontiguousarray(arrays["base"], dtype=np.int32)
        index._upper = np.ascontiguousarray(arrays["upper"], dtype=np.int32)
        index._levels, index._deleted = levels, arrays["deleted"].astype(np.uint8)
        index._starts = (np.cumsum(levels) - levels).astype(np.int32)
        index._check_links()
        return index

    def _check_links(self) -> None:
        """Refuses a graph whose links lead out of it, or to a node below the layer they stand in."""
        count, levels = self._count, self._levels
        if (levels < 0).any() or (levels > _HIGHEST).any():
            raise RangeError(f"levels must be from 0 to {_HIGHEST}")
        highest = int(levels.max()) if count else 0
        if not (-1 <= self.entry_point < count) or (
            count and (self.entry_point < 0 or levels[self.entry_point] < highest)
        ):
            raise RangeError(f"the entry point must be a node of the highest layer, got {self.entry_point}")
        layer_of = np.arange(len(self._upper)) - np.repeat(self._starts, levels) + 1
        for name, links, layers in (("base", self._base, np.zeros(count, int)), ("upper", self._upper, layer_of)):
            # Compiled code does not look: a number out of range would have it read and write anywhere.
            if (links[:, 0] < 0).any() or (links[:, 0] >= links.shape[1]).any():
                raise RangeError(f"{name} counts links that it cannot hold")
            used = np.arange(links.shape[1] - 1) < links[:, :1]
            targets, floor = links[:, 1:][used], np.repeat(layers, links[:, 0])
            if (targets < 0).any() or (targets >= count).any() or (levels[targets] < floor).any():
                raise RangeError(f"{name} holds links that lead nowhere")

    def _rows(self, values: npt.ArrayLike, name: str) -> Floats:
        rows = as_matrix(values, name, dtype=np.float32 if getattr(values, "dtype", None) == np.float32 else np.float64)
        if rows.shape[1] != self.dimension:
            raise ShapeError(f"{name} must have {self.dimension} columns, got {rows.shape[1]}")
        if self.metric == "cosine":
            rows = normalize_rows(rows)
        elif float(row_norms(rows).max()) > _LONGEST:
            raise NotFiniteError(f"{name} holds rows whose distances float32 cannot hold: scale them down")
        # Writable, because numba would compile everything once more for arrays that are not.
        return np.require(rows, np.float32, ["C", "W"])

    def _reserve(self, nodes: int, rows: int) -> None:
        """Makes room, twice as much as there was where it has to grow: adding one by one then stays linear."""
        if nodes > len(self._vectors):
            size = max(nodes, 2 * len(self._vectors))
            self._vectors, self._base = _grown(self._vectors, size), _grown(self._base, size)
            self._levels, self._starts = _grown(self._levels, size), _grown(self._starts, size)
            self._deleted = _grown(self._deleted, size)
        if rows > len(self._upper) or len(self._upper) == 0:
            self._upper = _grown(self._upper, max(rows, 2 * len(self._upper), 1))


def _grown(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    larger = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger


def _links(m: int) -> int:
    if positive_int(m, "m") < 2:
        raise RangeError(f"m must be at least 2, got {m!r}: a node with one link leads nowhere")
    return int(m)


def _as_levels(levels: npt.ArrayLike, rows: int) -> Ids:
    given = np.asarray(levels)
    if given.shape != (rows,):
        raise ShapeError(f"levels must have shape ({rows},), got {given.shape}")
    if given.dtype.kind not in "iu":
        raise DtypeError(f"levels must hold whole numbers, got dtype {given.dtype}")
    if given.min() < 0 or given.max() > _HIGHEST:
        raise RangeError(f"levels must be from 0 to {_HIGHEST}, got {given.min()} to {given.max()}")
    return given.astype(np.int32)
