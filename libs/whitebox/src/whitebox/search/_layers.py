"""The loops of the HNSW graph, over plain arrays.

Names that recur: `vectors` (n, d), and `inner`, which says that a distance is minus the inner product instead of a
squared length. `links` holds one layer's links, a row a node, whose first entry counts them: of layer 0, shape (n, 1 +
2M), or of all layers above, shape (rows, 1 + M), where layer l of a node stands in row `starts[node] + l - 1`. Heaps
are two arrays, keys and items, the smallest key first; a heap with the largest first holds negated keys.
"""

# Loops over plain arrays take many of them.
# ruff: noqa: PLR0917

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled, compiled_in_any_order

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]
Flags = npt.NDArray[np.uint8]
# A whole number of 64 bits: Python's, or NumPy's where numba would otherwise compile for another width as well.
Int = Any
# Counts that a variable begins with: for plain numbers numba would compile what it is passed to once more.
_NONE: Int = np.int64(0)
_ONE: Int = np.int64(1)


@compiled_in_any_order
def measure(left: Floats, i: Int, right: Floats, ids: Ids, count: Int, inner: bool, lengths: Floats) -> None:
    """Distances from row i to the first `count` of the rows called `ids`. O(count · d).

    Many in one call, because a call costs as much as a distance, and because rows are then fetched from memory at once.
    """
    for place in range(count):
        row, total = ids[place], np.float32(0.0)
        if inner:
            for c in range(left.shape[1]):
                total -= left[i, c] * right[row, c]
        else:
            for c in range(left.shape[1]):
                difference = left[i, c] - right[row, c]
                total += difference * difference
        lengths[place] = total


@compiled_in_any_order
def is_near_any(vectors: Floats, i: Int, ids: Ids, count: Int, inner: bool, limit: Any) -> bool:
    """Whether row i is nearer than `limit` to any of the first `count` rows called `ids`."""
    for place in range(count):
        row, total = ids[place], np.float32(0.0)
        if inner:
            for c in range(vectors.shape[1]):
                total -= vectors[i, c] * vectors[row, c]
        else:
            for c in range(vectors.shape[1]):
                difference = vectors[i, c] - vectors[row, c]
                total += difference * difference
        if total < limit:
            return True
    return False


@compiled
def push(keys: Floats, items: Ids, size: Int, key: Any, item: Any) -> None:
    """Puts an item into a heap of `size` items. O(log size)."""
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if keys[parent] <= key:
            break
        keys[place], items[place] = keys[parent], items[parent]
        place = parent
    keys[place], items[place] = key, item


@compiled
def replace_first(keys: Floats, items: Ids, size: Int, key: Any, item: Any) -> None:
    """Puts an item in the place of a heap's first. O(log size)."""
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if key <= keys[child]:
            break
        keys[place], items[place] = keys[child], items[child]
        place = child
    keys[place], items[place] = key, item


@compiled
def sort_heap(keys: Floats, items: Ids, size: Int) -> None:
    """Turns a heap into a list by falling key. O(size · log size)."""
    for last in range(size - 1, 0, -1):
        key, item = keys[0], items[0]
        replace_first(keys, items, last, keys[last], items[last])
        keys[last], items[last] = key, item


@compiled
def descend(
    queries: Floats, row: Int, node: Int, layer: Int, vectors: Floats, inner: bool, links: Ids, starts: Ids
) -> Int:
    """From `node`, the node of a layer none of whose neighbours is nearer to the query: algorithm 2 with ef = 1."""
    ids, lengths = np.empty(links.shape[1], dtype=np.int32), np.empty(links.shape[1], dtype=np.float32)
    ids[0] = node
    count, nearest, moved = _ONE, np.float32(np.inf), True
    while moved:
        moved = False
        measure(queries, row, vectors, ids, count, inner, lengths)
        for place in range(count):
            if lengths[place] < nearest:
                nearest, node, moved = lengths[place], np.int64(ids[place]), True
        at = starts[node] + layer - 1
        count = np.int64(links[at, 0])
        for place in range(count):
            ids[place] = links[at, place + 1]
    return node


@compiled
def search_layer(
    queries: Floats,
    row: Int,
    entry: Int,
    layer: Int,
    ef: Int,
    vectors: Floats,
    inner: bool,
    links: Ids,
    starts: Ids,
    barred: Flags,
    visited: Flags,
    stamp: Int,
    open_keys: Floats,
    open_ids: Ids,
    found_keys: Floats,
    found_ids: Ids,
) -> Int:
    """Algorithm 2: the `ef` nearest that a best-first walk from `entry` meets, as a heap of negated distances.

    Nodes that are `barred` lead on but are not found; where it is empty, none is. `visited` marks nodes by `stamp`.

    Returns:
        How many were found.
    """
    fresh, lengths = np.empty(links.shape[1], dtype=np.int32), np.empty(links.shape[1], dtype=np.float32)
    visited[entry] = stamp
    fresh[0] = entry
    count, waiting, found = _ONE, _NONE, _NONE
    while True:
        measure(queries, row, vectors, fresh, count, inner, lengths)
        for place in range(count):
            neighbour, length = fresh[place], lengths[place]
            if found < ef or length < -found_keys[0]:
                push(open_keys, open_ids, waiting, length, neighbour)
                waiting += 1
                if barred.size > 0 and barred[neighbour] != 0:
                    continue
                if found < ef:
                    push(found_keys, found_ids, found, -length, neighbour)
                    found += 1
                else:
                    replace_first(found_keys, found_ids, found, -length, neighbour)
        if waiting == 0 or (found == ef and open_keys[0] > -found_keys[0]):
            return found
        node = open_ids[0]
        waiting -= 1
        if waiting > 0:
            replace_first(open_keys, open_ids, waiting, open_keys[waiting], open_ids[waiting])
        at = node if layer == 0 else starts[node] + layer - 1
        count = 0
        for place in range(1, links[at, 0] + 1):
            neighbour = links[at, place]
            if visited[neighbour] != stamp:
                visited[neighbour] = stamp
                fresh[count] = neighbour
                count += 1


@compiled
def select(lengths: Floats, ids: Ids, count: Int, most: Int, vectors: Floats, inner: bool, chosen: Ids) -> Int:
    """Algorithm 4: chooses at most `most` of the candidates, which come by rising distance.

    A candidate that is nearer to a chosen one than to the node itself is reached through that one: leaving it out keeps
    room for links to other clusters.

    Returns:
        How many were chosen.
    """
    size = _NONE
    for place in range(count):
        if size == most:
            break
        if not is_near_any(vectors, np.int64(ids[place]), chosen, size, inner, lengths[place]):
            chosen[size] = ids[place]
            size += 1
    return size


@compiled
def link_back(
    new: Int,
    node: Int,
    length: Any,
    at: Int,
    vectors: Floats,
    inner: bool,
    links: Ids,
    keys: Floats,
    ids: Ids,
    chosen: Ids,
) -> None:
    """Links `node`, whose links stand in row `at`, to the new one, and chooses among them where there are too many."""
    most = links.shape[1] - 1
    if links[at, 0] < most:
        links[at, 0] += 1
        links[at, links[at, 0]] = new
        return
    for place in range(most):
        ids[place] = links[at, place + 1]
    measure(vectors, node, vectors, ids, most, inner, keys)
    keys[most], ids[most] = length, new
    for place in range(1, most + 1):  # insertion sort: there are few
        key, item, spot = keys[place], ids[place], place
        while spot > 0 and keys[spot - 1] > key:
            keys[spot], ids[spot] = keys[spot - 1], ids[spot - 1]
            spot -= 1
        keys[spot], ids[spot] = key, item
    size = select(keys, ids, most + 1, most, vectors, inner, chosen)
    links[at, 0] = size
    for place in range(size):
        links[at, place + 1] = chosen[place]


@compiled
def insert(
    first: Int,
    entry: Int,
    levels: Ids,
    m: Int,
    ef: Int,
    vectors: Floats,
    inner: bool,
    base: Ids,
    upper: Ids,
    starts: Ids,
) -> Int:
    """Algorithm 1 for the nodes from `first` on; `entry` is -1 where there is none yet.

    Returns:
        The entry point afterwards.
    """
    count, width = len(levels), base.shape[1]
    visited, stamp = np.zeros(count, dtype=np.uint8), 0
    open_keys, open_ids = np.empty(count, dtype=np.float32), np.empty(count, dtype=np.int32)
    keys, ids = np.empty(ef, dtype=np.float32), np.empty(ef, dtype=np.int32)
    spare_keys, spare_ids = np.empty(width, dtype=np.float32), np.empty(width, dtype=np.int32)
    chosen, kept = np.empty(width, dtype=np.int32), np.empty(width, dtype=np.int32)
    barred = np.empty(0, dtype=np.uint8)
    for new in range(first, count):
        if entry < 0:
            entry = new
            continue
        node, top = entry, levels[entry]
        for layer in range(top, levels[new], -1):
            node = descend(vectors, new, node, layer, vectors, inner, upper, starts)
        for layer in range(min(top, levels[new]), -1, -1):
            stamp += 1
            if stamp == 256:
                visited.fill(0)
                stamp = 1
            links = base if layer == 0 else upper
            found = search_layer(
                vectors, new, node, layer, ef, vectors, inner, links, starts, barred, visited, stamp,
                open_keys, open_ids, keys, ids,
            )  # fmt: skip
            sort_heap(keys, ids, found)
            for place in range(found):
                keys[place] = -keys[place]
            node = ids[0]
            size = select(keys, ids, found, m, vectors, inner, chosen)
            measure(vectors, new, vectors, chosen, size, inner, keys)
            at = new if layer == 0 else starts[new] + layer - 1
            links[at, 0] = size
            for place in range(size):
                other = np.int64(chosen[place])
                links[at, place + 1] = other
                back = other if layer == 0 else starts[other] + layer - 1
                link_back(new, other, keys[place], back, vectors, inner, links, spare_keys, spare_ids, kept)
        if levels[new] > top:
            entry = new
    return entry


@compiled
def search_all(
    queries: Floats,
    k: Int,
    ef: Int,
    entry: Int,
    top: Int,
    vectors: Floats,
    inner: bool,
    base: Ids,
    upper: Ids,
    starts: Ids,
    barred: Flags,
    best_ids: npt.NDArray[np.int64],
    best_lengths: Floats,
) -> None:
    """Algorithm 5 for each query: fills a row with the nearest, by rising distance."""
    count = len(vectors)
    visited, stamp = np.zeros(count, dtype=np.uint8), 0
    open_keys, open_ids = np.empty(count, dtype=np.float32), np.empty(count, dtype=np.int32)
    keys, ids = np.empty(ef, dtype=np.float32), np.empty(ef, dtype=np.int32)
    for row in range(len(queries)):
        node, layer = entry, top
        while layer > 0:
            node = descend(queries, row, node, layer, vectors, inner, upper, starts)
            layer -= 1
        stamp += 1
        if stamp == 256:
            visited.fill(0)
            stamp = 1
        found = search_layer(
            queries, row, node, layer, ef, vectors, inner, base, starts, barred, visited, stamp,
            open_keys, open_ids, keys, ids,
        )  # fmt: skip
        sort_heap(keys, ids, found)
        for place in range(min(found, k)):
            best_ids[row, place], best_lengths[row, place] = ids[place], -keys[place]
