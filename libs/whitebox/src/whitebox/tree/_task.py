"""What a tree is grown for, and how far."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array

GINI, ENTROPY, SQUARES = 0, 1, 2


class Limits(NamedTuple):
    """When to stop, and how many columns to look at.

    Attributes:
        max_depth: Steps from the root at most.
        min_samples_split: A node with fewer rows is a leaf.
        min_samples_leaf: A split that leaves fewer rows to a child is not considered.
        max_features: Columns that are drawn at each node; all of them are looked at in their order.
    """

    max_depth: int
    min_samples_split: int
    min_samples_leaf: int
    max_features: int


class Task(NamedTuple):
    """What a tree has to tell apart, or to approximate.

    Attributes:
        labels: Number of each row's class, shape (n,); empty for regression.
        target: What is to be approximated, shape (n,); empty for classification.
        weights: Of the rows, at least 0 and somewhere above, shape (n,). Rows of weight 0 are left out.
        classes: How many there are; 0 for regression.
        criterion: Number of the impurity.
    """

    labels: npt.NDArray[np.int32]
    target: Array
    weights: Array
    classes: int
    criterion: int


class Space(NamedTuple):
    """Memory for the nodes.

    Attributes:
        links: Left child, right child and column, shape (3, nodes).
        numbers: Threshold, cover and impurity, shape (3, nodes).
        value: Shape (nodes, outputs).
    """

    links: npt.NDArray[np.int64]
    numbers: Array
    value: Array
