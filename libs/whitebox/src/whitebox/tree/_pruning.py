"""What a tree's branches are worth: importances of columns, and cost-complexity pruning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.tree._growing import Grown
from whitebox.tree._structure import Tree


class PruningPath(NamedTuple):
    """The subtrees that weakest-link pruning passes, from the whole tree to its root.

    Attributes:
        ccp_alphas: The price of a leaf from which on each is the best, rising from 0.
        impurities: Impurity of its leaves, weighted by their share of the rows.
    """

    ccp_alphas: Array
    impurities: Array


class _Link(NamedTuple):
    """A branch to be cut: its node, the price at which it goes, and the leaves' impurity afterwards."""

    node: int
    alpha: float
    impurity: float


def importances(grown: Grown, columns: int) -> Array:
    r"""Decrease in impurity by each column's splits, weighted by their rows, as shares of the whole; 0 without a split.

    .. math:: I_j \propto \sum_{t:\, j(t) = j} \left( n_t H_t - n_L H_L - n_R H_R \right)
    """
    tree, impurity = grown
    inner = np.flatnonzero(tree.children_left >= 0)
    left = tree.cover * impurity
    decrease = left[inner] - left[tree.children_left[inner]] - left[tree.children_right[inner]]
    total = np.bincount(tree.feature[inner], weights=decrease, minlength=columns).astype(np.float64)
    return total / (total.sum() or 1.0)


def prune(grown: Grown, alpha: float) -> Grown:
    """The smallest subtree with the least impurity plus `alpha` a leaf (Breiman et al. 1984, section 3.2)."""
    cut = []
    for link in _weakest_links(grown):
        if link.alpha > alpha:
            break
        cut.append(link.node)
    return _without(grown, cut)


def pruning_path(grown: Grown) -> PruningPath:
    """All subtrees that some price of a leaf makes the best."""
    alphas, impurities = [0.0], [_leaf_impurity(grown)]
    for link in _weakest_links(grown):
        # Branches that go at the same price go together.
        if link.alpha <= alphas[-1] * (1 + 1e-12) + 1e-15:
            impurities[-1] = link.impurity
        else:
            alphas.append(link.alpha)
            impurities.append(link.impurity)
    return PruningPath(np.array(alphas), np.array(impurities))


def _leaf_impurity(grown: Grown) -> float:
    leaves = grown.tree.children_left < 0
    return float((grown.impurity * grown.tree.cover)[leaves].sum() / grown.tree.cover[0])


def _weakest_links(grown: Grown) -> Iterator[_Link]:
    r"""The branches in the order in which they go.

    .. math:: g(t) = \frac{R(t) - R(T_t)}{|T_t| - 1}

    is the price of a leaf at which branch T_t is worth no more than its node t; the smallest is the weakest link.
    O(nodes²) with small constants, as each cut looks at all that are left.
    """
    tree, impurity = grown
    nodes = len(tree.cover)
    alone = impurity * tree.cover / tree.cover[0]
    below, leaves = alone.copy(), np.ones(nodes)
    parent = np.full(nodes, -1)
    inner = np.flatnonzero(tree.children_left >= 0)
    for node in inner[::-1]:
        sides = [tree.children_left[node], tree.children_right[node]]
        below[node], leaves[node] = below[sides].sum(), leaves[sides].sum()
        parent[sides] = node
    gain = np.full(nodes, np.inf)
    gain[inner] = (alone[inner] - below[inner]) / (leaves[inner] - 1)
    reached = 0.0
    while True:
        weakest = int(gain.argmin())
        if gain[weakest] == np.inf:
            return
        # Rounding must not make the prices fall.
        reached = max(reached, float(gain[weakest]))
        fewer, more = leaves[weakest] - 1, alone[weakest] - below[weakest]
        for node in _branch(tree, weakest):
            gain[node] = np.inf
        node = weakest
        leaves[weakest], below[weakest] = 1.0, alone[weakest]
        while parent[node] >= 0:
            node = parent[node]
            leaves[node] -= fewer
            below[node] += more
            gain[node] = (alone[node] - below[node]) / (leaves[node] - 1)
        yield _Link(weakest, reached, float(below[0]))


def _branch(tree: Tree, root: int) -> Iterator[int]:
    """A node and all below it."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        if tree.children_left[node] >= 0:
            stack += [int(tree.children_left[node]), int(tree.children_right[node])]


def _without(grown: Grown, cut: list[int]) -> Grown:
    """The tree with some nodes made leaves."""
    tree, impurity = grown
    left, right, feature = tree.children_left.copy(), tree.children_right.copy(), tree.feature.copy()
    threshold = tree.threshold.copy()
    left[cut] = right[cut] = feature[cut] = -1
    threshold[cut] = 0.0
    kept = np.zeros(len(left), dtype=bool)
    kept[0] = True
    for node in np.flatnonzero(left >= 0):
        kept[[left[node], right[node]]] = kept[node]
    numbers = np.where(kept, np.cumsum(kept) - 1, -1)

    def renamed(children: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        return np.where(children[kept] < 0, -1, numbers[children[kept]])

    smaller = Tree(renamed(left), renamed(right), feature[kept], threshold[kept], tree.value[kept], tree.cover[kept])
    return Grown(smaller, impurity[kept])
