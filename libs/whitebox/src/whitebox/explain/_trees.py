"""Shapley values of trees and their sums, exact and in polynomial time."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, as_matrix
from whitebox.errors import DtypeError, NotFittedError
from whitebox.explain._coalitions import Explanation, as_rows, same_width, shapley_weights
from whitebox.explain._exact import shaped
from whitebox.tree import Tree, TreeEnsemble
from whitebox.tree._structure import depth_of_nodes

Indices: TypeAlias = npt.NDArray[np.intp]


class HasEnsemble(Protocol):
    """A fitted tree, forest or boosted model of this library."""

    ensemble_: TreeEnsemble


def tree_shap(model: TreeEnsemble | Tree | HasEnsemble, x: npt.ArrayLike) -> Explanation:
    r"""Exact Shapley values of a sum of trees, where what is unknown goes both ways as the training rows did.

    .. math:: v(S) = E[f \mid x_S]: \text{ at a split on } j \notin S,\; \frac{n_L}{n} v_L(S) + \frac{n_R}{n} v_R(S)

    (Lundberg et al. 2020, algorithm 1; in polynomial time as their algorithm 2, "path-dependent".) A leaf adds its
    value times the share of the training rows that reach it when only S is known. Along its path, let H be the columns
    whose splits x follows, C the others, and z_j the product of a column's shares. Then a leaf's game is

    .. math:: v \prod_{j \in C} z_j \prod_{j \in H \setminus S} z_j \cdot [S \cap C = \emptyset]

    and with D = |H| + |C|, :math:`w_s = s! (D - s - 1)! / D!` and the coefficients e_s of
    :math:`\prod_{j \in H} (z_j + t)`, the leaf adds :math:`-v \prod_C z \sum_s w_s e_s` to a column of C, and to j of H
    :math:`v \prod_C z\, (1 - z_j) \sum_s w_s q_s` where q is e with the factor of j divided out. O(T · L · D²) a row.

    Args:
        model: A fitted tree, forest, boosted model (whose logits are explained) or isolation forest (path lengths) of
            this library; or a `Tree` or `TreeEnsemble` made of the arrays of any other.
        x: What to explain, shape (d,) or (n, d).

    Raises:
        NotFittedError: before `fit`.
        ShapeError: if there are too few columns.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input, a model that is none included.

    >>> both = Tree([1, -1, 3, -1, -1], [2, -1, 4, -1, -1], [0, -1, 1, -1, -1], [0.5, 0, 0.5, 0, 0],
    ...             [[0.25], [0.0], [0.5], [0.0], [1.0]], [4, 2, 2, 1, 1])
    >>> tree_shap(both, [1.0, 1.0])
    Explanation(values=array([0.375, 0.375]), base=array(0.25))
    """
    ensemble = _ensemble(model)
    rows, single = as_rows(x, "x")
    rows = ensemble.rows(rows)
    paths, outputs = _paths(ensemble, rows.shape[1]), len(ensemble.offset)
    values = np.zeros((len(rows), rows.shape[1], outputs))
    _path_dependent(rows, paths, values)
    return shaped(values, ensemble.offset + _expected(paths), single, outputs == 1)


def interventional_tree_shap(
    model: TreeEnsemble | Tree | HasEnsemble, background: npt.ArrayLike, x: npt.ArrayLike
) -> Explanation:
    r"""Exact Shapley values of a sum of trees, where what is unknown is taken from a background.

    .. math:: v(S) = \frac{1}{B} \sum_b f(x_S, b_{\bar S})

    (Lundberg et al. 2020, "interventional".) What `kernel_shap` approximates. For each row b of the background the
    leaves are visited that mixtures of x and b reach. A leaf that needs the columns X from x and R from b is reached by
    the coalitions that contain X and nothing of R, and with D = |X| + |R| adds
    :math:`v (|X| - 1)!\, |R|! / D!` to the columns of X and :math:`-v |X|!\, (|R| - 1)! / D!` to those of R.
    O(B · T · L · D) a row.

    Args:
        model: As for `tree_shap`.
        background: Rows from which unknown columns are taken, shape (B, d).
        x: What to explain, shape (d,) or (n, d).

    Raises:
        NotFittedError: before `fit`.
        ShapeError: if shapes do not fit, or there are too few columns.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input, a model that is none included.

    >>> both = Tree([1, -1, 3, -1, -1], [2, -1, 4, -1, -1], [0, -1, 1, -1, -1], [0.5, 0, 0.5, 0, 0],
    ...             [[0.25], [0.0], [0.5], [0.0], [1.0]], [4, 2, 2, 1, 1])
    >>> interventional_tree_shap(both, [[0.0, 0.0], [0.0, 1.0]], [1.0, 1.0])
    Explanation(values=array([0.75, 0.25]), base=array(0.))
    """
    ensemble = _ensemble(model)
    known = ensemble.rows(as_matrix(background, "background"))
    rows, single = as_rows(x, "x")
    same_width(rows, "x", known, "background")
    rows = ensemble.rows(rows)
    outputs = len(ensemble.offset)
    values = np.zeros((len(rows), rows.shape[1], outputs))
    _interventional(rows, known, _paths(ensemble, rows.shape[1]), values)
    return shaped(values / len(known), ensemble.predict(known).mean(axis=0), single, outputs == 1)


def _ensemble(model: object) -> TreeEnsemble:
    if isinstance(model, TreeEnsemble):
        return model
    if isinstance(model, Tree):
        return TreeEnsemble([model])
    found = getattr(model, "ensemble_", None)
    if isinstance(found, TreeEnsemble):
        return found
    if type(model).__module__.startswith("whitebox."):
        raise NotFittedError(f"this {type(model).__name__} is not fitted yet, or has no trees: call fit first")
    raise DtypeError(
        f"model must be a tree model of this library, a Tree or a TreeEnsemble, got {type(model).__name__}: "
        "put its arrays into Tree"
    )


class _Paths(NamedTuple):
    """What the compiled loops have to know of an ensemble.

    Attributes:
        starts, nodes: Of the ensemble.
        share: Share of its parent's training rows that each node has, 1 at roots, shape (nodes,).
        weights: Row D holds the Shapley weights of D players, shape (players + 1, players).
        depth: Steps from a root to the deepest leaf.
    """

    starts: Indices
    nodes: Tree
    share: Array
    weights: Array
    depth: int


def _paths(ensemble: TreeEnsemble, columns: int) -> _Paths:
    nodes = ensemble.nodes
    share = np.ones(len(nodes.cover))
    inner = np.flatnonzero(nodes.children_left >= 0)
    left, right = nodes.children_left[inner], nodes.children_right[inner]
    together = nodes.cover[left] + nodes.cover[right]
    # Children without a row: an even chance.
    share[left] = np.where(together > 0, nodes.cover[left], 0.5) / np.where(together > 0, together, 1.0)
    share[right] = 1 - share[left]
    depth = int(depth_of_nodes(nodes).max())
    return _Paths(ensemble.starts, nodes, share, _weights(min(depth, columns)), depth)


def _expected(paths: _Paths) -> Array:
    """Sum of the trees when nothing is known, shape (outputs,)."""
    nodes, reached = paths.nodes, paths.share.copy()
    for node in np.flatnonzero(nodes.children_left >= 0):
        reached[nodes.children_left[node]] *= reached[node]
        reached[nodes.children_right[node]] *= reached[node]
    leaves = nodes.children_left < 0
    total: Array = reached[leaves] @ nodes.value[leaves]
    return total


def _weights(players: int) -> Array:
    """Row D holds the Shapley weights of D players by the size of the coalition, shape (players + 1, players)."""
    table = np.zeros((players + 1, max(players, 1)))
    for count in range(1, players + 1):
        table[count, :count] = shapley_weights(count)
    return table


@compiled
def _path_dependent(X: Array, paths: _Paths, phi: Array) -> None:
    starts, nodes, share, weights, depth = paths
    left, right, feature, threshold, value = nodes[:5]
    players, outputs = weights.shape[0], value.shape[1]
    # What is known at each step of the path: columns followed, their shares, and the polynomial; columns not followed.
    followed = np.zeros((depth + 1, players), dtype=np.int64)
    shares = np.zeros((depth + 1, players))
    polynomial = np.zeros((depth + 1, players + 1))
    missed = np.zeros((depth + 1, players), dtype=np.int64)
    follows, misses = np.zeros(depth + 1, dtype=np.int64), np.zeros(depth + 1, dtype=np.int64)
    product = np.ones(depth + 1)
    # Of nodes to come: the node, its depth, its parent, and whether x goes there.
    stack = np.zeros((depth + 2, 4), dtype=np.int64)
    quotient = np.zeros(players + 1)
    for i in range(len(X)):
        for tree in range(len(starts) - 1):
            polynomial[0, 0] = 1.0
            stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = starts[tree], 0, -1, 1
            waiting = 1
            while waiting > 0:
                waiting -= 1
                node, step, parent, hot = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2], stack[waiting, 3]
                if parent >= 0:
                    # Deeper steps may be overwritten, the parent's is as it was.
                    for k in range(follows[step - 1]):
                        followed[step, k] = followed[step - 1, k]
                        shares[step, k] = shares[step - 1, k]
                    for k in range(follows[step - 1] + 1):
                        polynomial[step, k] = polynomial[step - 1, k]
                    for k in range(misses[step - 1]):
                        missed[step, k] = missed[step - 1, k]
                    follows[step], misses[step], product[step] = follows[step - 1], misses[step - 1], product[step - 1]
                    column, z = feature[parent], share[node]
                    known = False
                    for k in range(misses[step]):
                        known = known or missed[step, k] == column
                    if known:
                        product[step] *= z
                    else:
                        for k in range(follows[step]):
                            if followed[step, k] == column:
                                # Seen before: taken out, and put in again with both shares.
                                z *= shares[step, k]
                                _divide(polynomial[step], follows[step], shares[step, k], quotient)
                                follows[step] -= 1
                                last = follows[step]
                                followed[step, k], shares[step, k] = followed[step, last], shares[step, last]
                                for m in range(last + 1):
                                    polynomial[step, m] = quotient[m]
                                break
                        if hot:
                            last = follows[step]
                            followed[step, last], shares[step, last] = column, z
                            polynomial[step, last + 1] = polynomial[step, last]
                            for m in range(last, 0, -1):
                                polynomial[step, m] = z * polynomial[step, m] + polynomial[step, m - 1]
                            polynomial[step, 0] *= z
                            follows[step] += 1
                        else:
                            missed[step, misses[step]] = column
                            misses[step] += 1
                            product[step] *= z
                if product[step] == 0.0:
                    continue
                if left[node] >= 0:
                    goes_left = X[i, feature[node]] <= threshold[node]
                    stack[waiting, 0], stack[waiting, 1], stack[waiting, 2] = right[node], step + 1, node
                    stack[waiting, 3] = 0 if goes_left else 1
                    waiting += 1
                    stack[waiting, 0], stack[waiting, 1], stack[waiting, 2] = left[node], step + 1, node
                    stack[waiting, 3] = 1 if goes_left else 0
                    waiting += 1
                    continue
                count = follows[step]
                if misses[step] > 0:
                    total = 0.0
                    for s in range(count + 1):
                        total += weights[count + misses[step], s] * polynomial[step, s]
                    total *= product[step]
                    for k in range(misses[step]):
                        for output in range(outputs):
                            phi[i, missed[step, k], output] -= total * value[node, output]
                for k in range(count):
                    z, total = shares[step, k], 0.0
                    _divide(polynomial[step], count, z, quotient)
                    for s in range(count):
                        total += weights[count + misses[step], s] * quotient[s]
                    total *= (1.0 - z) * product[step]
                    for output in range(outputs):
                        phi[i, followed[step, k], output] += total * value[node, output]


@compiled
def _divide(polynomial: Array, degree: int, z: float, quotient: Array) -> None:
    """Coefficients of the polynomial over (z + t), from both ends.

    From the bottom errors grow by 1 / z at every step, from the top they shrink by z. Coefficients of a product of such
    factors grow by less and less, so that as long as they grow by more than 1 / z the way from the bottom loses no
    digits, and after that the way from the top does not.
    """
    coefficient, low = 0.0, 0
    while low < degree and z > 0.0 and z * polynomial[low + 1] >= polynomial[low]:
        coefficient = (polynomial[low] - coefficient) / z
        quotient[low] = coefficient
        low += 1
    coefficient = 0.0
    for s in range(degree - 1, low - 1, -1):
        coefficient = polynomial[s + 1] - z * coefficient
        quotient[s] = coefficient


@compiled
def _interventional(X: Array, background: Array, paths: _Paths, phi: Array) -> None:
    starts, nodes, weights, depth = paths.starts, paths.nodes, paths.weights, paths.depth
    left, right, feature, threshold, value = nodes[:5]
    outputs = value.shape[1]
    # Columns on the path in which x and the background's row part, and whether the path follows x there.
    columns, sides = np.zeros(depth + 1, dtype=np.int64), np.zeros(depth + 1, dtype=np.int64)
    # Of nodes to come: the node, how many such columns, in how many the path follows x, the last one, and its side.
    stack = np.zeros((depth + 2, 5), dtype=np.int64)
    for i in range(len(X)):
        for b in range(len(background)):
            for tree in range(len(starts) - 1):
                stack[0, 0], stack[0, 1], stack[0, 2] = starts[tree], 0, 0
                waiting = 1
                while waiting > 0:
                    waiting -= 1
                    node, count, own = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2]
                    if count > 0:
                        columns[count - 1], sides[count - 1] = stack[waiting, 3], stack[waiting, 4]
                    while left[node] >= 0:
                        column = feature[node]
                        to_x = left[node] if X[i, column] <= threshold[node] else right[node]
                        to_b = left[node] if background[b, column] <= threshold[node] else right[node]
                        side = -1
                        for k in range(count):
                            if columns[k] == column:
                                side = sides[k]
                        if to_x != to_b and side < 0:
                            stack[waiting, 0], stack[waiting, 1], stack[waiting, 2] = to_b, count + 1, own
                            stack[waiting, 3], stack[waiting, 4] = column, 0
                            waiting += 1
                            columns[count], sides[count] = column, 1
                            count += 1
                            own += 1
                            node = to_x
                        else:
                            node = to_b if side == 0 else to_x
                    for k in range(count):
                        share = weights[count, own - 1] if sides[k] else -weights[count, own]
                        for output in range(outputs):
                            phi[i, columns[k], output] += share * value[node, output]
