"""Binary trees as flat arrays, and sums of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled, numba_is_used
from whitebox._validation import Array, as_array, as_matrix, as_vector, number_in
from whitebox.errors import EmptyInputError, RangeError, ShapeError

Indices = npt.NDArray[np.intp]
# So many rows NumPy needs to be quicker than a loop in Python.
_MANY_ROWS = 256


class Tree(NamedTuple):
    r"""A binary tree: node 0 is the root, and children have higher numbers than their parents.

    A row goes to the left where ``x[feature] <= threshold``. The names are those of scikit-learn's `tree_`, whose
    arrays fit (with `value[:, 0, :]`, and `weighted_n_node_samples` for `cover`).

    Attributes:
        children_left: Number of each node's left child, -1 at leaves, shape (nodes,).
        children_right: Number of its right child, -1 at leaves, shape (nodes,).
        feature: The column it looks at; of no meaning at leaves, shape (nodes,).
        threshold: What it compares with; of no meaning at leaves, shape (nodes,).
        value: What it predicts, shape (nodes, outputs).
        cover: Weight of the training rows that reach it, shape (nodes,).

    >>> stump = Tree([1, -1, -1], [2, -1, -1], [0, -1, -1], [0.5, 0, 0], [[0.5], [0], [1]], [4, 2, 2])
    >>> TreeEnsemble([stump]).predict([[0.0], [0.5], [1.0]]).ravel().tolist()
    [0.0, 0.0, 1.0]
    """

    children_left: Indices
    children_right: Indices
    feature: Indices
    threshold: Array
    value: Array
    cover: Array


class TreeEnsemble:
    r"""A sum of trees, :math:`f(x) = b + s \sum_t v_t(\mathrm{leaf}_t(x))`, its nodes in one array after the other.

    What a single tree, a forest (s = 1/T), boosting (b, the prediction to start from) and an isolation forest have in
    common: predicting and explaining need nothing else.

    Args:
        trees: One or more, with the same number of outputs.
        scale: s, by which every value is multiplied.
        offset: b, a number or one for each output.

    Attributes:
        starts: Where each tree's nodes begin, and the end of the last, shape (trees + 1,).
        nodes: All nodes as if they were of one `Tree`; children are counted from the first node of all, and values
            have the scale in them.
        offset: Shape (outputs,).
        n_features: Columns a row has to have at least.

    Raises:
        EmptyInputError: without a tree.
        ShapeError: if arrays of a tree differ in length, or trees in outputs.
        RangeError: if a child's number is no higher than its parent's or out of range, a feature negative, or a cover
            not positive where rows have to be shared between children.
        NotFiniteError, DtypeError: for values, covers or thresholds that are no finite numbers.
    """

    def __init__(self, trees: Sequence[Tree], *, scale: float = 1.0, offset: npt.ArrayLike = 0.0) -> None:
        if not trees:
            raise EmptyInputError("an ensemble needs at least one tree")
        checked = [_checked(tree, f"trees[{number}]") for number, tree in enumerate(trees)]
        widths = {tree.value.shape[1] for tree in checked}
        if len(widths) > 1:
            raise ShapeError(f"trees differ in their number of outputs: {sorted(widths)}")
        self.starts: Indices = np.cumsum([0, *(len(tree.cover) for tree in checked)])
        places = list(zip(checked, self.starts.tolist(), strict=False))
        self.nodes = Tree(
            np.concatenate([_shifted(tree.children_left, start) for tree, start in places]),
            np.concatenate([_shifted(tree.children_right, start) for tree, start in places]),
            np.concatenate([tree.feature for tree in checked]),
            np.concatenate([tree.threshold for tree in checked]),
            number_in(scale, "scale") * np.concatenate([tree.value for tree in checked]),
            np.concatenate([tree.cover for tree in checked]),
        )
        outputs = self.nodes.value.shape[1]
        shift = as_array(offset, "offset")
        if shift.shape not in ((), (outputs,)):
            raise ShapeError(f"offset must be a number or have shape ({outputs},), got {shift.shape}")
        self.offset: Array = np.broadcast_to(shift, (outputs,))
        inner = self.nodes.children_left >= 0
        self.n_features = 1 + int(self.nodes.feature[inner].max(initial=0))

    def predict(self, X: npt.ArrayLike) -> Array:
        """The sum for each row, shape (n, outputs). O(n · trees · depth).

        Raises:
            ShapeError: if there are too few columns.
            DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self.rows(X)
        total = np.tile(self.offset, (len(rows), 1))
        if by_loops(len(rows)):
            _add_leaves(rows, self.starts, self.nodes, total)
        else:
            for root in self.starts[:-1]:
                total += self.nodes.value[_leaves_below(root, rows, self.nodes)]
        return total

    def apply(self, X: npt.ArrayLike) -> Indices:
        """Number within its tree of the leaf that each row falls into, shape (n, trees).

        Raises:
            ShapeError: if there are too few columns.
            DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self.rows(X)
        leaves = np.empty((len(rows), len(self.starts) - 1), dtype=np.intp)
        if by_loops(len(rows)):
            _find_leaves(rows, self.starts, self.nodes, leaves)
        else:
            for number, root in enumerate(self.starts[:-1]):
                leaves[:, number] = _leaves_below(root, rows, self.nodes)
        return leaves - self.starts[:-1]

    def rows(self, X: npt.ArrayLike) -> Array:
        """`X` as rows in one block of memory, checked.

        Raises:
            ShapeError: if there are too few columns.
            DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = np.ascontiguousarray(as_matrix(X, "X"))
        if rows.shape[1] < self.n_features:
            raise ShapeError(f"X has {rows.shape[1]} columns, but the trees look at column {self.n_features - 1}")
        return rows


def by_loops(rows: int) -> bool:
    """Whether loops go through so many rows as quickly as NumPy does: compiled ones do, others where rows are few."""
    return numba_is_used() or rows < _MANY_ROWS


def depth_of_nodes(tree: Tree) -> Indices:
    """Number of steps from the root to each node, shape (nodes,)."""
    depth = np.zeros(len(tree.cover), dtype=np.intp)
    # Children stand behind their parents, so one pass suffices.
    for node in np.flatnonzero(tree.children_left >= 0):
        depth[tree.children_left[node]] = depth[tree.children_right[node]] = depth[node] + 1
    return depth


def _checked(tree: Tree, name: str) -> Tree:
    value = as_matrix(tree.value, f"{name}.value")
    nodes = len(value)
    numbers = [np.asarray(part) for part in tree[:3]]
    # The threshold of a leaf has no meaning, and some libraries leave NaN there.
    left = numbers[0]
    if left.shape != (nodes,) or any(part.shape != (nodes,) for part in (*numbers, np.asarray(tree.threshold))):
        raise ShapeError(f"{name}: the arrays of {nodes} nodes must have shape ({nodes},)")
    if any(part.dtype.kind not in "iu" for part in numbers):
        raise RangeError(f"{name}: children and features must be whole numbers")
    inner = np.flatnonzero(left >= 0)
    own = np.arange(nodes)[inner]
    for children in numbers[:2]:
        if (children[inner] <= own).any() or (children[inner] >= nodes).any():
            raise RangeError(f"{name}: children must have higher numbers than their parents, and below {nodes}")
    family = np.concatenate([numbers[0][inner], numbers[1][inner]])
    if len(np.unique(family)) != nodes - 1 or len(family) != nodes - 1:
        raise RangeError(f"{name}: every node but the root must be the child of exactly one other")
    if (numbers[2][inner] < 0).any():
        raise RangeError(f"{name}: a feature must be at least 0")
    threshold = np.zeros(nodes)
    if len(inner):
        threshold[inner] = as_vector(np.asarray(tree.threshold)[inner], f"{name}.threshold")
    cover = as_vector(tree.cover, f"{name}.cover")
    if cover.shape != (nodes,):
        raise ShapeError(f"{name}: the arrays of {nodes} nodes must have shape ({nodes},)")
    if (cover < 0).any() or (cover[inner] <= 0).any():
        raise RangeError(f"{name}: cover must be positive")
    whole = [part.astype(np.intp, copy=False) for part in numbers]
    return Tree(whole[0], whole[1], whole[2], threshold, value, cover)


def _shifted(children: Indices, start: int) -> Indices:
    return np.where(children < 0, -1, children + start)


def _leaves_below(root: int, rows: Array, nodes: Tree) -> Indices:
    """The leaf of each row, all rows a step at a time."""
    reached = np.full(len(rows), root)
    walking = np.arange(len(rows))
    while True:
        walking = walking[nodes.children_left[reached[walking]] >= 0]
        if not len(walking):
            return reached
        node = reached[walking]
        goes_left = rows[walking, nodes.feature[node]] <= nodes.threshold[node]
        reached[walking] = np.where(goes_left, nodes.children_left[node], nodes.children_right[node])


@compiled
def _add_leaves(rows: Array, starts: Indices, nodes: Tree, total: Array) -> None:
    left, right, feature, threshold, value = nodes[:5]
    outputs = value.shape[1]
    # Tree by tree, so that one tree's nodes stay in the cache while all rows pass.
    for tree in range(len(starts) - 1):
        for i in range(len(rows)):
            node = starts[tree]
            while left[node] >= 0:
                node = left[node] if rows[i, feature[node]] <= threshold[node] else right[node]
            for k in range(outputs):
                total[i, k] += value[node, k]


@compiled
def _find_leaves(rows: Array, starts: Indices, nodes: Tree, leaves: Indices) -> None:
    left, right, feature, threshold = nodes[:4]
    for tree in range(len(starts) - 1):
        for i in range(len(rows)):
            node = starts[tree]
            while left[node] >= 0:
                node = left[node] if rows[i, feature[node]] <= threshold[node] else right[node]
            leaves[i, tree] = node
