"""Trees grown leaf by leaf from histograms of gradients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array
from whitebox.ensemble._binning import Binned, Bins
from whitebox.ensemble._losses import Derivatives
from whitebox.tree import Tree

# A node whose second derivatives sum to less is not split: its step would divide by next to nothing.
_LEAST_HESSIAN = 1e-3


class Growth(NamedTuple):
    """How far a tree grows.

    Attributes:
        max_leaf_nodes: Leaves at most.
        max_depth: Steps from the root at most.
        min_samples_leaf: Rows that a leaf has at least.
        l2_regularization: Added to a leaf's sum of second derivatives.
        learning_rate: By which leaves' values are multiplied.
    """

    max_leaf_nodes: int
    max_depth: int
    min_samples_leaf: int
    l2_regularization: float
    learning_rate: float


class Workspace(NamedTuple):
    """Memory that all trees of a fit use in turn.

    Attributes:
        cuts: Number of edges between the bins of each column, shape (d,).
        rows: Numbers of the rows; those of a leaf stand together, shape (n,).
        aside: Room for half of them, shape (n,).
        gathered: Derivatives in the order of a leaf's rows, shape (n, 2).
        histograms: Of each leaf and column: by bins the sums of gradients and hessians, and how many rows.
        leaves: First and last row, node, depth, best column and bin of each, shape (leaves, 6).
        sums: Gain of its best split, gradient, hessian, shape (leaves, 3).
        links: Left child, right child, column and bin of each node, shape (4, nodes).
        numbers: Value and cover of each node, shape (2, nodes).
    """

    cuts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    aside: npt.NDArray[np.int32]
    gathered: Array
    histograms: Array
    leaves: npt.NDArray[np.int64]
    sums: Array
    links: npt.NDArray[np.int64]
    numbers: Array


def workspace(binned: Binned, growth: Growth) -> Workspace:
    """Reserves it; what small trees do not touch is never taken."""
    d, n = binned.bins.shape
    leaves = min(growth.max_leaf_nodes, max(1, n // growth.min_samples_leaf))
    width = 1 + max(map(len, binned.edges))
    return Workspace(
        cuts=np.array([len(edges) for edges in binned.edges]),
        rows=np.empty(n, dtype=np.int32),
        aside=np.empty(n, dtype=np.int32),
        gathered=np.empty((n, 2)),
        histograms=np.empty((leaves, d, width, 3)),
        leaves=np.empty((leaves, 6), dtype=np.int64),
        sums=np.empty((leaves, 3)),
        links=np.empty((4, 2 * leaves - 1), dtype=np.int64),
        numbers=np.empty((2, 2 * leaves - 1)),
    )


def grow(binned: Binned, derivatives: Derivatives, raw: Array, growth: Growth, space: Workspace) -> Tree:
    """Grows a tree, O(d · n · depth), and adds its values to `raw`; its thresholds are those of the columns themselves.

    Args:
        binned: The columns.
        derivatives: Of the loss, shape (n,).
        raw: Predictions so far, shape (n,).
        growth: How far.
        space: Memory to work in.
    """
    nodes = _grow(binned.bins, derivatives, raw, growth, space)
    left, right, feature, cut = space.links[:, :nodes].copy()
    value, cover = space.numbers[:, :nodes].copy()
    threshold = np.array([binned.edges[f][b] if f >= 0 else 0.0 for f, b in zip(feature, cut, strict=True)])
    return Tree(left, right, feature, threshold, value[:, None], cover)


@compiled
def _grow(binned: Bins, derivatives: Derivatives, raw: Array, growth: Growth, space: Workspace) -> int:
    """Fills in the nodes; how many there are."""
    rows, histograms, leaves, sums = space.rows, space.histograms, space.leaves, space.sums
    links, numbers = space.links, space.numbers
    max_leaves, max_depth, min_leaf = len(leaves), growth.max_depth, growth.min_samples_leaf
    n = len(rows)
    for i in range(n):
        rows[i] = i
    leaves[0, 0], leaves[0, 1], leaves[0, 2], leaves[0, 3] = 0, n, 0, 0
    sums[0, 0], sums[0, 1], sums[0, 2] = 0.0, derivatives.gradient.sum(), derivatives.hessian.sum()
    if max_leaves > 1 and n >= 2 * min_leaf:
        _fill(histograms[0], binned, rows, derivatives, space.gathered)
        _find_split(histograms[0], space.cuts, leaves[0], sums[0], growth)
    nodes, count = 1, 1
    while count < max_leaves:
        chosen = 0
        for leaf in range(1, count):
            if sums[leaf, 0] > sums[chosen, 0]:
                chosen = leaf
        if sums[chosen, 0] <= 0.0:
            break
        start, end, node, depth = leaves[chosen, 0], leaves[chosen, 1], leaves[chosen, 2], leaves[chosen, 3]
        column, cut = leaves[chosen, 4], leaves[chosen, 5]
        middle = start + _partition(rows[start:end], binned[column], cut, space.aside)
        links[0, node], links[1, node], links[2, node], links[3, node] = nodes, nodes + 1, column, cut
        numbers[0, node], numbers[1, node] = 0.0, end - start
        left_gradient, left_hessian = 0.0, 0.0
        for b in range(cut + 1):
            left_gradient += histograms[chosen, column, b, 0]
            left_hessian += histograms[chosen, column, b, 1]
        # The new leaf is the smaller child; the larger one stays in its parent's place.
        small = count
        count += 1
        left_is_small = middle - start < end - middle
        for side in range(2):
            leaf = small if (side == 0) == left_is_small else chosen
            leaves[leaf, 2], leaves[leaf, 3] = nodes + side, depth + 1
            leaves[leaf, 0] = start if side == 0 else middle
            leaves[leaf, 1] = middle if side == 0 else end
        parent_gradient, parent_hessian = sums[chosen, 1], sums[chosen, 2]
        left, right = (small, chosen) if left_is_small else (chosen, small)
        sums[left, 1], sums[left, 2] = left_gradient, left_hessian
        sums[right, 1], sums[right, 2] = parent_gradient - left_gradient, parent_hessian - left_hessian
        nodes += 2
        sums[small, 0] = sums[chosen, 0] = 0.0
        if count < max_leaves and depth + 1 < max_depth and leaves[chosen, 1] - leaves[chosen, 0] >= 2 * min_leaf:
            own = rows[leaves[small, 0] : leaves[small, 1]]
            _fill(histograms[small], binned, own, derivatives, space.gathered)
            _subtract(histograms[chosen], histograms[small])
            _find_split(histograms[chosen], space.cuts, leaves[chosen], sums[chosen], growth)
            if len(own) >= 2 * min_leaf:
                _find_split(histograms[small], space.cuts, leaves[small], sums[small], growth)
    for leaf in range(count):
        node = leaves[leaf, 2]
        value = -growth.learning_rate * sums[leaf, 1] / max(sums[leaf, 2] + growth.l2_regularization, 1e-15)
        links[0, node] = links[1, node] = links[2, node] = links[3, node] = -1
        numbers[0, node], numbers[1, node] = value, leaves[leaf, 1] - leaves[leaf, 0]
        for i in range(leaves[leaf, 0], leaves[leaf, 1]):
            raw[rows[i]] += value
    return nodes


@compiled
def _fill(
    histogram: Array, binned: Bins, rows: npt.NDArray[np.int32], derivatives: Derivatives, gathered: Array
) -> None:
    """Sums of gradients, of hessians, and number of the rows in each bin of each column, shape (d, bins, 3)."""
    for i in range(len(rows)):
        gathered[i, 0], gathered[i, 1] = derivatives.gradient[rows[i]], derivatives.hessian[rows[i]]
    for f in range(len(histogram)):
        bins, column = histogram[f], binned[f]
        bins.fill(0.0)
        for i in range(len(rows)):
            b = column[rows[i]]
            bins[b, 0] += gathered[i, 0]
            bins[b, 1] += gathered[i, 1]
            bins[b, 2] += 1.0


@compiled
def _subtract(histogram: Array, other: Array) -> None:
    """What a child does not have, its sibling has."""
    for f in range(histogram.shape[0]):
        for b in range(histogram.shape[1]):
            for k in range(3):
                histogram[f, b, k] -= other[f, b, k]


@compiled
def _find_split(
    histogram: Array, cuts: npt.NDArray[np.int64], leaf: npt.NDArray[np.int64], sums: Array, growth: Growth
) -> None:
    r"""Fills in column and bin of the best split, and its gain; a gain of 0 where there is none.

    .. math:: \frac{G_L^2}{H_L + \lambda} + \frac{G_R^2}{H_R + \lambda} - \frac{G^2}{H + \lambda}

    (Chen, Guestrin 2016, equation 7, times two.)
    """
    min_leaf, l2, count = growth.min_samples_leaf, growth.l2_regularization, leaf[1] - leaf[0]
    total_gradient, total_hessian = sums[1], sums[2]
    whole = total_gradient * total_gradient / max(total_hessian + l2, 1e-15)
    best = 0.0
    for f in range(len(histogram)):
        left_gradient, left_hessian, left_count = 0.0, 0.0, 0
        for b in range(cuts[f]):
            left_gradient += histogram[f, b, 0]
            left_hessian += histogram[f, b, 1]
            left_count += int(histogram[f, b, 2])
            if left_count < min_leaf or left_hessian < _LEAST_HESSIAN:
                continue
            right_gradient, right_hessian = total_gradient - left_gradient, total_hessian - left_hessian
            if count - left_count < min_leaf or right_hessian < _LEAST_HESSIAN:
                break
            halves = left_gradient * left_gradient / (left_hessian + l2)
            halves += right_gradient * right_gradient / (right_hessian + l2)
            # Better by less than this is rounding, and the first column and the lowest bin keep the place.
            if halves - whole > best + 1e-12 * halves:
                best = halves - whole
                leaf[4], leaf[5] = f, b
    sums[0] = best


@compiled
def _partition(
    rows: npt.NDArray[np.int32], column: npt.NDArray[np.uint8], cut: int, aside: npt.NDArray[np.int32]
) -> int:
    """Rows in bins up to the cut to the front, each side in the order it had; how many they are."""
    kept, moved = 0, 0
    for row in rows:
        # Both are written and one counts: a branch here would be mispredicted half the time.
        rows[kept] = row
        aside[moved] = row
        if column[row] <= cut:
            kept += 1
        else:
            moved += 1
    for i in range(moved):
        rows[kept + i] = aside[i]
    return kept
