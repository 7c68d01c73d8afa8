"""Trees grown leaf by leaf from histograms of gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array
from whitebox.ensemble._binning import Binned, Bins
from whitebox.ensemble._losses import Derivatives
from whitebox.tree import Tree
from whitebox.tree._structure import by_loops

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
        histograms: Of each leaf and column: by bins the sums of gradients and hessians, and how many rows.
        gathered: Derivatives in the order of a leaf's rows, shape (n, 2).
        aside: Room for half of the rows, shape (n,).
    """

    cuts: npt.NDArray[np.int64]
    histograms: Array
    gathered: Array
    aside: npt.NDArray[np.int32]


@dataclass
class _Leaf:
    """A leaf, its place among the nodes and the histograms, its rows and sums, and its best split if it has one."""

    node: int
    place: int
    depth: int
    rows: npt.NDArray[np.int32]
    gradient: float
    hessian: float
    gain: float = 0.0
    column: int = -1
    cut: int = -1


def workspace(binned: Binned, growth: Growth) -> Workspace:
    """Reserves it; what small trees do not touch is never taken."""
    d, n = binned.bins.shape
    leaves = min(growth.max_leaf_nodes, max(1, n // growth.min_samples_leaf))
    width = 1 + max(map(len, binned.edges))
    return Workspace(
        cuts=np.array([len(edges) for edges in binned.edges]),
        histograms=np.empty((leaves, d, width, 3)),
        gathered=np.empty((n, 2)),
        aside=np.empty(n, dtype=np.int32),
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
    n, most = len(raw), len(space.histograms)
    rows = np.arange(n, dtype=np.int32)
    leaves = [_Leaf(0, 0, 0, rows, float(derivatives.gradient.sum()), float(derivatives.hessian.sum()))]
    if most > 1 and n >= 2 * growth.min_samples_leaf:
        fill(space.histograms[0], binned.bins, rows, derivatives, space.gathered)
        _look(leaves[0], growth, space)
    nodes = 2 * most - 1
    left, right, feature = np.full((3, nodes), -1)
    threshold, value, cover = np.zeros((3, nodes))
    while len(leaves) < most:
        leaf = max(leaves, key=lambda each: each.gain)
        if leaf.gain <= 0:
            break
        left[leaf.node], right[leaf.node] = 2 * len(leaves) - 1, 2 * len(leaves)
        feature[leaf.node], threshold[leaf.node] = leaf.column, binned.edges[leaf.column][leaf.cut]
        cover[leaf.node] = len(leaf.rows)
        small, large = _divided(leaf, binned, len(leaves), space)
        leaves[leaf.place] = large
        leaves.append(small)
        enough = 2 * growth.min_samples_leaf
        if len(leaves) < most and leaf.depth + 1 < growth.max_depth and len(large.rows) >= enough:
            # The smaller child is counted, and what it does not have, its sibling has.
            fill(space.histograms[small.place], binned.bins, small.rows, derivatives, space.gathered)
            space.histograms[large.place] -= space.histograms[small.place]
            _look(large, growth, space)
            if len(small.rows) >= enough:
                _look(small, growth, space)
    for leaf in leaves:
        step = -growth.learning_rate * leaf.gradient / max(leaf.hessian + growth.l2_regularization, 1e-15)
        value[leaf.node], cover[leaf.node] = step, len(leaf.rows)
        raw[leaf.rows] += step
    used = slice(2 * len(leaves) - 1)
    return Tree(left[used], right[used], feature[used], threshold[used], value[used, None], cover[used])


def _divided(leaf: _Leaf, binned: Binned, count: int, space: Workspace) -> tuple[_Leaf, _Leaf]:
    """The smaller child, which takes a new place, and the larger one, which stays in its parent's."""
    middle = partition(leaf.rows, binned.bins[leaf.column], leaf.cut, space.aside)
    gradient, hessian, _ = space.histograms[leaf.place, leaf.column, : leaf.cut + 1].sum(axis=0).tolist()
    left_is_small = 2 * middle < len(leaf.rows)
    places = (count, leaf.place) if left_is_small else (leaf.place, count)
    left = _Leaf(2 * count - 1, places[0], leaf.depth + 1, leaf.rows[:middle], gradient, hessian)
    other = leaf.gradient - gradient, leaf.hessian - hessian
    right = _Leaf(2 * count, places[1], leaf.depth + 1, leaf.rows[middle:], *other)
    return (left, right) if left_is_small else (right, left)


def _look(leaf: _Leaf, growth: Growth, space: Workspace) -> None:
    """Notes the best split."""
    sums = leaf.gradient, leaf.hessian, len(leaf.rows)
    leaf.gain, leaf.column, leaf.cut = find_split(space.histograms[leaf.place], space.cuts, sums, growth)


def fill(
    histogram: Array, binned: Bins, rows: npt.NDArray[np.int32], derivatives: Derivatives, gathered: Array
) -> None:
    """Sums of gradients, of hessians, and number of the rows in each bin of each column, shape (d, bins, 3)."""
    if by_loops(len(rows)):
        _fill(histogram, binned, rows, derivatives, gathered)
        return
    parts = derivatives.gradient[rows], derivatives.hessian[rows]
    for f, column in enumerate(binned):
        bins = column[rows]
        for k, part in enumerate((*parts, None)):
            histogram[f, :, k] = np.bincount(bins, part, minlength=histogram.shape[1])


def find_split(
    histogram: Array, cuts: npt.NDArray[np.int64], sums: tuple[float, float, int], growth: Growth
) -> tuple[float, int, int]:
    r"""Gain, column and bin of the best split; a gain of 0 where there is none.

    .. math:: \frac{G_L^2}{H_L + \lambda} + \frac{G_R^2}{H_R + \lambda} - \frac{G^2}{H + \lambda}

    (Chen, Guestrin 2016, equation 7, times two.) Splits that are better by less than rounding do not count as better:
    the first column and the lowest bin keep the place.
    """
    if by_loops(sums[2]):
        return _find_split(histogram, cuts, sums, growth)
    l2, (gradient, hessian, count) = growth.l2_regularization, sums
    left_gradient, left_hessian, left_count = np.moveaxis(histogram.cumsum(axis=1), 2, 0)
    enough = (left_count >= growth.min_samples_leaf) & (count - left_count >= growth.min_samples_leaf)
    enough &= (left_hessian >= _LEAST_HESSIAN) & (hessian - left_hessian >= _LEAST_HESSIAN)
    enough &= np.arange(histogram.shape[1]) < cuts[:, None]
    left_side = left_gradient**2 / np.where(enough, left_hessian + l2, 1.0)
    halves = left_side + (gradient - left_gradient) ** 2 / np.where(enough, hessian - left_hessian + l2, 1.0)
    gains = np.where(enough, halves - gradient**2 / max(hessian + l2, 1e-15), -np.inf)
    if not (gains > 1e-12 * halves).any():
        return 0.0, -1, -1
    column, cut = np.divmod(int((gains >= gains.max() - 1e-12 * halves).argmax()), histogram.shape[1])
    return float(gains[column, cut]), int(column), int(cut)


def partition(
    rows: npt.NDArray[np.int32], column: npt.NDArray[np.uint8], cut: int, aside: npt.NDArray[np.int32]
) -> int:
    """Rows in bins up to the cut to the front, each side in the order it had; how many they are."""
    if by_loops(len(rows)):
        return int(_partition(rows, column, cut, aside))
    inside = column[rows] <= cut
    rows[:] = np.concatenate([rows[inside], rows[~inside]])
    return int(inside.sum())


@compiled
def _fill(
    histogram: Array, binned: Bins, rows: npt.NDArray[np.int32], derivatives: Derivatives, gathered: Array
) -> None:
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
def _find_split(
    histogram: Array, cuts: npt.NDArray[np.int64], sums: tuple[float, float, int], growth: Growth
) -> tuple[float, int, int]:
    min_leaf, l2 = growth.min_samples_leaf, growth.l2_regularization
    total_gradient, total_hessian, count = sums
    whole = total_gradient * total_gradient / max(total_hessian + l2, 1e-15)
    column, cut = -1, -1
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
            if halves - whole > best + 1e-12 * halves:
                best = halves - whole
                column, cut = f, b
    return best, column, cut


@compiled
def _partition(
    rows: npt.NDArray[np.int32], column: npt.NDArray[np.uint8], cut: int, aside: npt.NDArray[np.int32]
) -> int:
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
