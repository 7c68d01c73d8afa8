"""Trees as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from whitebox._validation import positive_int
from whitebox.errors import NotFittedError, ShapeError
from whitebox.tree._cart import DecisionTreeClassifier, DecisionTreeRegressor


def export_text(
    model: DecisionTreeClassifier | DecisionTreeRegressor,
    *,
    feature_names: Sequence[str] | None = None,
    decimals: int = 2,
) -> str:
    """A fitted tree, a line a node, indented by depth. O(nodes).

    Args:
        model: The tree.
        feature_names: What the columns are called; "feature_0" and so on where none are given and `fit` saw none.
        decimals: Digits of thresholds and means behind the point.

    Raises:
        NotFittedError: before `fit`.
        ShapeError: if there is not one name for each column.
        RangeError: if `decimals` is less than 1.

    >>> tree = DecisionTreeClassifier().fit([[0.0], [1.0], [2.0]], ["no", "no", "yes"])
    >>> print(export_text(tree, feature_names=["height"]), end="")
    |--- height <= 1.50
    |   |--- class: no
    |--- height >  1.50
    |   |--- class: yes
    """
    decimals = positive_int(decimals, "decimals")
    if not hasattr(model, "tree_"):
        raise NotFittedError(f"this {type(model).__name__} is not fitted yet: call fit first")
    names = list(feature_names if feature_names is not None else getattr(model, "feature_names_in_", []))
    names = names or [f"feature_{number}" for number in range(model.n_features_in_)]
    if len(names) != model.n_features_in_:
        raise ShapeError(f"feature_names must hold {model.n_features_in_} names, got {len(names)}")
    return "".join(f"{line}\n" for line in _lines(model, names, decimals))


def _lines(model: DecisionTreeClassifier | DecisionTreeRegressor, names: Sequence[str], decimals: int) -> Iterator[str]:
    tree = model.tree_
    # Nodes to come, with their depths and the lines that lead to them; a stack, as trees may be deeper than Python's.
    stack: list[tuple[int, int, str]] = [(0, 0, "")]
    while stack:
        node, depth, heading = stack.pop()
        if heading:
            yield f"{'|   ' * (depth - 1)}|--- {heading}"
        indent = "|   " * depth + "|--- "
        if tree.children_left[node] < 0:
            if isinstance(model, DecisionTreeClassifier):
                yield f"{indent}class: {model.classes_[np.argmax(tree.value[node])]}"
            else:
                yield f"{indent}value: [{tree.value[node, 0]:.{decimals}f}]"
            continue
        name, threshold = names[tree.feature[node]], f"{tree.threshold[node]:.{decimals}f}"
        stack.append((int(tree.children_right[node]), depth + 1, f"{name} >  {threshold}"))
        stack.append((int(tree.children_left[node]), depth + 1, f"{name} <= {threshold}"))
