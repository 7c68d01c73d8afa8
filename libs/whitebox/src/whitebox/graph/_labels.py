"""Labels of some nodes of a graph, validated."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox.errors import EmptyInputError, RangeError, ShapeError, SingleClassError
from whitebox.graph.edges import as_nodes


def labelled_nodes(nodes: npt.ArrayLike | None, count: int) -> npt.NDArray[np.int64]:
    """The nodes that have labels; all without any given.

    Raises:
        RangeError: A node is out of range or stands there twice.
        DtypeError, ShapeError, EmptyInputError: For what are no nodes.
    """
    if nodes is None:
        return np.arange(count)
    labelled = as_nodes(nodes, count, "nodes")
    if not labelled.size:
        raise EmptyInputError("nodes is empty: no node has a label")
    if len(np.unique(labelled)) < len(labelled):
        raise RangeError("nodes holds a node twice")
    return labelled


def class_numbers(y: npt.ArrayLike, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
    """Sorted class labels, and each label's number among them.

    Raises:
        ShapeError: There is not one label for each labelled node.
        SingleClassError: All labels are the same.
    """
    labels = np.asarray(y)
    if labels.shape != (count,):
        raise ShapeError(f"y must have shape ({count},), a label for each labelled node, got {labels.shape}")
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise SingleClassError(f"y holds one class only: {classes[0]!r}; a classifier needs at least two")
    return classes, numbers
