"""Locality-sensitive hashing: what is alike falls into the same bucket, more often than what is not."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Hashable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, as_matrix, number_in, positive_int
from whitebox.errors import DtypeError, EmptyInputError, NotFittedError, RangeError, ShapeError
from whitebox.metrics.pairwise import normalize_rows

Hashes = npt.NDArray[np.uint64]
Element = str | bytes | int
_WORD = (1 << 64) - 1
# Hashes computed at a time.
_BLOCK = 1 << 20


def amplify(p: float, rows: int, bands: int) -> float:
    r"""The chance to share a bucket in any of `bands` tables, each keyed by `rows` hashes that agree with chance p.

    .. math:: P = 1 - (1 - p^r)^b

    (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 2014, section 3.4.2.) Rows have to agree all: AND, which
    makes it rarer; of the bands one is enough: OR, which makes it likelier. Together they turn p into a step. O(1).

    Raises:
        RangeError: if `p` is no probability, or a number is less than 1.

    >>> round(amplify(0.8, rows=5, bands=20), 4), round(amplify(0.3, rows=5, bands=20), 4)
    (0.9996, 0.0475)
    """
    p = number_in(p, "p", 0, 1)
    return 1 - (1 - p ** positive_int(rows, "rows")) ** positive_int(bands, "bands")


def best_bands(threshold: float, hashes: int) -> tuple[int, int]:
    r"""Bands and rows whose step stands nearest to a threshold of similarity.

    Minimises the area of false positives and false negatives, of :math:`P` of `amplify`,

    .. math:: \tfrac12 \int_0^t P(s)\, ds + \tfrac12 \int_t^1 (1 - P(s))\, ds

    over all b · r of at most `hashes` (Zhu, Nargesian, Pu, Miller: LSH Ensemble, VLDB 2016, section 4). The integrals
    are sums at the middles of steps of 0.001. O(hashes · log hashes) sums.

    Raises:
        RangeError: if the threshold is not between 0 and 1, or `hashes` is less than 1.

    >>> best_bands(0.5, 128)
    (25, 5)
    """
    threshold, hashes = number_in(threshold, "threshold", 0, 1), positive_int(hashes, "hashes")

    def middles(low: float, high: float) -> Array:
        return np.arange(low + 0.0005, high, 0.001)

    below, above = middles(0.0, threshold), middles(threshold, 1.0)
    best, least = (1, 1), math.inf
    for bands in range(1, hashes + 1):
        for rows in range(1, hashes // bands + 1):
            positives = (1 - (1 - below**rows) ** bands).sum()
            negatives = ((1 - above**rows) ** bands).sum()
            error = 0.0005 * float(positives + negatives)
            if error < least:
                best, least = (bands, rows), error
    return best


class _Buckets:
    """What stands in which bucket of several tables, without a dictionary: the sorted keys of each."""

    def __init__(self, keys: npt.NDArray[Any]) -> None:
        self.order = np.argsort(keys, axis=0, kind="stable")
        self.keys = np.take_along_axis(keys, self.order, axis=0)

    def members(self, table: int, keys: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Numbers of what stands under any of some keys of a table. O(keys · log n + members)."""
        column = self.keys[:, table]
        first, last = np.searchsorted(column, keys, "left"), np.searchsorted(column, keys, "right")
        parts = [self.order[a:b, table] for a, b in zip(first.tolist(), last.tolist(), strict=True) if b > a]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def pairs(self) -> npt.NDArray[np.int64]:
        """All pairs i < j that share a bucket of any table, in order, shape (pairs, 2)."""
        found = [np.empty((0, 2), dtype=np.int64)]
        for table in range(self.keys.shape[1]):
            column, order = self.keys[:, table], self.order[:, table]
            edges = np.flatnonzero(np.concatenate([[True], column[1:] != column[:-1], [True]]))
            for size in np.unique(np.diff(edges))[::-1].tolist():
                if size > 1:
                    starts = edges[:-1][np.diff(edges) == size]
                    left, right = np.triu_indices(size, 1)
                    # The order is stable, so of two in a bucket the lower number stands first.
                    places = np.stack([starts[:, None] + left, starts[:, None] + right], axis=-1).reshape(-1, 2)
                    found.append(order[places])
        return np.unique(np.concatenate(found), axis=0)


class HyperplaneLSH:
    r"""Cosine neighbours by the sides of random hyperplanes on which vectors lie.

    .. math:: h_r(x) = [r \cdot x \ge 0], \qquad P(h_r(x) = h_r(y)) = 1 - \theta(x, y) / \pi

    (Charikar: Similarity Estimation Techniques from Rounding Algorithms, STOC 2002.) The signs for `bits` hyperplanes
    are the key of a bucket (AND), each table has hyperplanes of its own (OR). A search may look into more than one
    bucket of a
    table: those whose keys differ where the query lies close to a hyperplane (Lv, Josephson, Wang, Charikar, Li:
    Multi-Probe LSH, VLDB 2007). What it finds is scored exactly. Fit is O(n · d · tables · bits); a search
    O(d · tables · bits + candidates · d).

    Args:
        tables: How many tables.
        bits: Hyperplanes a table, at most 62.
        random_state: Seed of the hyperplanes.

    Attributes:
        planes_: Normals, shape (tables, bits, d).
        vectors_: What was indexed, scaled to unit length, shape (n, d).

    Raises:
        RangeError: if a number is out of its range.

    >>> index = HyperplaneLSH(tables=4, bits=3).fit([[1.0, 0.0], [0.9, 0.1], [-1.0, 0.0]])
    >>> index.search([[1.0, 0.01]], k=2)[0].tolist()
    [[0, 1]]
    """

    def __init__(self, tables: int = 8, bits: int = 12, random_state: int = 0) -> None:
        self.tables = positive_int(tables, "tables")
        self.bits = positive_int(bits, "bits")
        if bits > 62:
            raise RangeError(f"bits must be at most 62, which fill a key, got {bits}")
        self.random_state = random_state

    def fit(self, vectors: npt.ArrayLike) -> Self:
        """Indexes vectors, shape (n, d).

        Raises:
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        self.vectors_ = normalize_rows(as_matrix(vectors, "vectors"))
        rng = np.random.default_rng(self.random_state)
        self.planes_ = rng.standard_normal((self.tables, self.bits, self.vectors_.shape[1]))
        self._buckets = _Buckets(self._keys(self._margins(self.vectors_)))
        return self

    def candidates(self, query: npt.ArrayLike, *, probes: int = 1) -> npt.NDArray[np.int64]:
        """Numbers of what stands in the first `probes` buckets of any table, rising.

        Raises:
            NotFittedError: before `fit`.
            RangeError: if `probes` is less than 1.
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        return self._candidates(self._margins(self._rows(np.asarray(query)[None], "query"))[0], probes)

    def search(self, queries: npt.ArrayLike, k: int, *, probes: int = 1) -> tuple[npt.NDArray[np.int64], Array]:
        """The k best of the candidates of each query, by their cosine; ties go to the lower number.

        Args:
            queries: Shape (q, d).
            k: How many.
            probes: Buckets a table to look into.

        Returns:
            Indices and cosines, shape (q, min(k, n)), best first; -1 and minus infinity where there are fewer
            candidates.

        Raises:
            NotFittedError: before `fit`.
            RangeError: if `k` or `probes` is less than 1.
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = normalize_rows(self._rows(queries, "queries"))
        k = min(positive_int(k, "k"), len(self.vectors_))
        ids, scores = np.full((len(rows), k), -1, dtype=np.int64), np.full((len(rows), k), -np.inf)
        for number, (row, margins) in enumerate(zip(rows, self._margins(rows), strict=True)):
            found = self._candidates(margins, probes)
            cosines = np.clip(self.vectors_[found] @ row, -1, 1)
            best = np.lexsort((found, -cosines))[:k]
            ids[number, : len(best)], scores[number, : len(best)] = found[best], cosines[best]
        return ids, scores

    def _rows(self, values: npt.ArrayLike, name: str) -> Array:
        if not hasattr(self, "vectors_"):
            raise NotFittedError("fit the index before searching it")
        rows = as_matrix(values, name)
        if rows.shape[1] != self.vectors_.shape[1]:
            raise ShapeError(f"{name} must have {self.vectors_.shape[1]} columns, got {rows.shape[1]}")
        return rows

    def _margins(self, rows: Array) -> Array:
        """How far each row lies from each hyperplane, shape (n, tables, bits)."""
        return (rows @ self.planes_.reshape(-1, rows.shape[1]).T).reshape(len(rows), self.tables, self.bits)

    def _keys(self, margins: Array) -> npt.NDArray[np.int64]:
        keys: npt.NDArray[np.int64] = (margins >= 0) @ (1 << np.arange(self.bits))
        return keys

    def _candidates(self, margins: Array, probes: int) -> npt.NDArray[np.int64]:
        count = min(positive_int(probes, "probes"), 2**self.bits)
        own = self._keys(margins)
        found = [
            self._buckets.members(table, own[table] ^ nearest_flips(margins[table] ** 2, count))
            for table in range(self.tables)
        ]
        return np.unique(np.concatenate(found))


@compiled
def _nearest_flips(costs: Array, order: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    flips = np.zeros(count, dtype=np.int64)
    # Sets that wait: their cost, the place of their dearest member, and their members as bits.
    waiting_cost, waiting_last = np.empty(2 * count + 1), np.empty(2 * count + 1, dtype=np.int64)
    waiting_bits = np.empty(2 * count + 1, dtype=np.int64)
    waiting_cost[0], waiting_last[0], waiting_bits[0] = costs[order[0]], 0, 1 << order[0]
    waiting = 1
    for place in range(1, count):
        best = 0
        for other in range(1, waiting):
            if waiting_cost[other] < waiting_cost[best]:
                best = other
        cost, last, bits = waiting_cost[best], waiting_last[best], waiting_bits[best]
        flips[place] = bits
        waiting -= 1
        waiting_cost[best], waiting_last[best] = waiting_cost[waiting], waiting_last[waiting]
        waiting_bits[best] = waiting_bits[waiting]
        if last + 1 < len(order):
            following = order[last + 1]
            bit = 1 << following
            waiting_cost[waiting], waiting_last[waiting] = cost + costs[following], last + 1
            waiting_bits[waiting] = bits | bit
            waiting += 1
            waiting_cost[waiting], waiting_last[waiting] = cost - costs[order[last]] + costs[following], last + 1
            waiting_bits[waiting] = bits ^ (1 << order[last]) | bit
            waiting += 1
    return flips


def nearest_flips(costs: npt.ArrayLike, count: int) -> npt.NDArray[np.int64]:
    """The `count` sets of bits that are cheapest to flip, as numbers to combine a key with by XOR; the empty set first.

    The cost of a set is the sum over its members. From a set come two that cost more: one with the next dearer bit as
    well, and one with it in place of the dearest (Lv et al. 2007, section 4.4). O(count²), for there are few.

    Args:
        costs: Not negative, one a bit, shape (bits,).
        count: At most 2 to the power of the number of bits.

    Raises:
        RangeError: if `count` is less than 1 or more than there are sets.

    >>> nearest_flips([4.0, 1.0, 2.0], 5).tolist()
    [0, 2, 4, 6, 1]
    """
    prices = np.asarray(costs, dtype=np.float64)
    count = positive_int(count, "count")
    if prices.ndim != 1 or not 1 <= len(prices) <= 62:
        raise ShapeError(f"costs must be a vector of 1 to 62 numbers, got shape {prices.shape}")
    if count > 2 ** len(prices):
        raise RangeError(f"{len(prices)} bits have {2 ** len(prices)} sets, asked for {count}")
    return _nearest_flips(prices, np.argsort(prices, kind="stable"), count)


def shingles(text: str, width: int = 5) -> set[str]:
    """All runs of `width` characters, white space counting as one space; a text that is shorter is one shingle itself.

    (Broder: On the Resemblance and Containment of Documents, 1997.) O(len(text) · width).

    Raises:
        DtypeError: if `text` is no string.
        RangeError: if `width` is less than 1.

    >>> sorted(shingles("ebb  tide", 6))
    ['b tide', 'bb tid', 'ebb ti']
    """
    if not isinstance(text, str):
        raise DtypeError(f"text must be a string, got {type(text).__name__}")
    width = positive_int(width, "width")
    plain = " ".join(text.split())
    if len(plain) <= width:
        return {plain} if plain else set()
    return {plain[start : start + width] for start in range(len(plain) - width + 1)}


def jaccard(left: Collection[Hashable], right: Collection[Hashable]) -> float:
    r"""What two sets share of what they hold together, :math:`|A \cap B| / |A \cup B|`; 1 for two empty ones.

    (Jaccard 1912.) O(|A| + |B|).

    >>> jaccard({"a", "b"}, {"b", "c"})
    0.3333333333333333
    """
    first, second = set(left), set(right)
    union = len(first | second)
    return len(first & second) / union if union else 1.0


def hash_elements(elements: Collection[Element]) -> Hashes:
    """A number of 64 bits for each element of a set, shape (elements,), the same on every machine: of BLAKE2b.

    O(elements).

    Raises:
        DtypeError: if an element is no string, bytes or whole number, or the set itself is a string.
    """
    if isinstance(elements, str | bytes):
        raise DtypeError("a set of elements must be a collection, not a string: take its shingles first")
    return np.fromiter(map(_hash_element, elements), dtype=np.uint64, count=len(elements))


def _hash_element(element: Element) -> int:
    if isinstance(element, str):
        raw = b"s" + element.encode("utf-8", "surrogatepass")
    elif isinstance(element, bytes):
        raw = b"b" + element
    elif isinstance(element, int | np.integer):
        raw = b"i" + str(int(element)).encode()
    else:
        raise DtypeError(f"elements must be strings, bytes or whole numbers, got {type(element).__name__}")
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")


class MinHash:
    r"""Signatures of sets: of many hash functions, the least hash of a set's elements each.

    .. math:: m_i(A) = \min_{x \in A} h_i(x), \qquad P(m_i(A) = m_i(B)) = \frac{|A \cap B|}{|A \cup B|}

    (Broder 1997.) Each :math:`h_i` puts all elements into an order of its own, and whichever comes first in the union
    is as likely as any other; it is the first of both sets if both hold it. The share of places where two signatures
    agree estimates their Jaccard similarity J with a standard error of :math:`\sqrt{J (1 - J) / n}`. The hash functions
    are the finaliser of SplitMix64 (Steele, Lea, Flood 2014) on the element's hash combined with a random number.
    O(elements · n).

    Args:
        hashes: n, numbers in a signature.
        random_state: Seed of the hash functions.

    Attributes:
        seeds: One a hash function, shape (n,).

    Raises:
        RangeError: if `hashes` is less than 1.

    >>> minhash = MinHash(hashes=512)
    >>> left, right = minhash.signatures([{"a", "b", "c"}, {"b", "c", "d"}])
    >>> bool(abs(minhash.similarity(left, right) - 0.5) < 0.07)
    True
    """

    def __init__(self, hashes: int = 128, random_state: int = 0) -> None:
        self.hashes = positive_int(hashes, "hashes")
        self.random_state = random_state
        self.seeds: Hashes = np.random.default_rng(random_state).integers(0, _WORD, hashes, np.uint64, endpoint=True)

    def signatures(self, sets: Sequence[Collection[Element]]) -> Hashes:
        """One row a set, shape (sets, n); the highest number everywhere for an empty one.

        Raises:
            EmptyInputError: if there is no set.
            DtypeError: if an element is no string, bytes or whole number, or a set is a string.
        """
        if len(sets) == 0:
            raise EmptyInputError("there is no set to hash")
        held = [hash_elements(elements) for elements in sets]
        signatures = np.full((len(held), self.hashes), _WORD, dtype=np.uint64)
        filled = [number for number, values in enumerate(held) if len(values)]
        if not filled:
            return signatures
        values = np.concatenate([held[number] for number in filled])
        lengths = np.array([len(held[number]) for number in filled])
        starts = np.cumsum(lengths) - lengths
        step = max(1, _BLOCK // len(values))
        for first in range(0, self.hashes, step):
            hashed = _mix(values ^ self.seeds[first : first + step, None])
            signatures[filled, first : first + step] = np.minimum.reduceat(hashed, starts, axis=1).T
        return signatures

    @staticmethod
    def similarity(left: npt.ArrayLike, right: npt.ArrayLike) -> float:
        """The share of places where two signatures agree: an estimate of the Jaccard similarity. O(n).

        Raises:
            ShapeError: if the two are no vectors of one length.
        """
        first, second = np.asarray(left), np.asarray(right)
        if first.ndim != 1 or first.shape != second.shape or first.size == 0:
            raise ShapeError(f"signatures of shapes {first.shape} and {second.shape} cannot be compared")
        return float((first == second).mean())


def _mix(values: Hashes) -> Hashes:
    """SplitMix64's finaliser: every bit of the input changes half of the output's. Overwrites its argument."""
    values ^= values >> np.uint64(30)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


class MinHashLSH:
    r"""Sets that are alike, by bands of their MinHash signatures.

    A signature is cut into bands; sets that agree on all rows of a band (AND) share a bucket, and are candidates if
    they share any (OR), which happens with probability :math:`1 - (1 - J^r)^b` (`amplify`). Fit is O(elements · b · r).

    Args:
        bands: b, tables.
        rows: r, hashes a band; `best_bands` says which of both fit a threshold.
        random_state: Seed of the hash functions.

    Attributes:
        signatures_: Shape (n, b · r).

    Raises:
        RangeError: if a number is less than 1.

    >>> index = MinHashLSH(bands=20, rows=3).fit([{1, 2, 3, 4}, {7, 8, 9}, {1, 2, 3, 4, 5}])
    >>> index.candidates({1, 2, 3, 4}).tolist()
    [0, 2]
    """

    def __init__(self, bands: int = 25, rows: int = 5, random_state: int = 0) -> None:
        self.bands = positive_int(bands, "bands")
        self.rows = positive_int(rows, "rows")
        self.random_state = random_state
        self._minhash = MinHash(bands * rows, random_state)

    def fit(self, sets: Sequence[Collection[Element]]) -> Self:
        """Indexes sets; empty ones are alike.

        Raises:
            EmptyInputError, DtypeError: as `MinHash.signatures`.
        """
        self.signatures_ = self._minhash.signatures(sets)
        self._buckets = _Buckets(self._keys(self.signatures_))
        return self

    def candidates(self, elements: Collection[Element]) -> npt.NDArray[np.int64]:
        """Numbers of the sets that share a bucket with this one, rising.

        Raises:
            NotFittedError: before `fit`.
            DtypeError: as `MinHash.signatures`.
        """
        self._check_fitted()
        keys = self._keys(self._minhash.signatures([elements]))[0]
        found = [self._buckets.members(band, keys[band : band + 1]) for band in range(self.bands)]
        return np.unique(np.concatenate(found))

    def pairs(self) -> npt.NDArray[np.int64]:
        """All pairs i < j of indexed sets that share a bucket, in order, shape (pairs, 2). O(n · b + pairs).

        Raises:
            NotFittedError: before `fit`.
        """
        self._check_fitted()
        return self._buckets.pairs()

    def _check_fitted(self) -> None:
        if not hasattr(self, "signatures_"):
            raise NotFittedError("fit the index before asking it")

    def _keys(self, signatures: Hashes) -> Hashes:
        """One hash a band of all its rows, shape (n, bands)."""
        keys = np.zeros((len(signatures), self.bands), dtype=np.uint64)
        for row in range(self.rows):
            keys = _mix(keys ^ signatures[:, row :: self.rows])
        return keys


def near_duplicates(
    texts: Sequence[str], threshold: float = 0.8, *, width: int = 5, hashes: int = 128, random_state: int = 0
) -> Iterator[tuple[int, int, float]]:
    """Pairs of texts whose shingles have a Jaccard similarity of at least `threshold`, in order.

    Candidates come from `MinHashLSH` with the bands and rows of `best_bands`, and are compared exactly; a pair may be
    missed with the probability that `amplify` leaves, but none is wrong. O(characters · hashes + candidates ·
    characters).

    Yields:
        (i, j, similarity) with i < j.

    Raises:
        RangeError: if the threshold is no probability, or a number is less than 1.
        DtypeError: if a text is no string.
        EmptyInputError: if there is no text.

    >>> list(near_duplicates(["The tide rises at six.", "The tide rises at six!", "Wind."], 0.8))
    [(0, 1, 0.8947368421052632)]
    """
    bands, rows = best_bands(threshold, hashes)
    sets = [shingles(text, width) for text in texts]
    pairs = MinHashLSH(bands, rows, random_state).fit(sets).pairs()
    alike = ((i, j, jaccard(sets[i], sets[j])) for i, j in pairs.tolist())
    return (pair for pair in alike if pair[2] >= threshold)
