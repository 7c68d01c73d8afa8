"""Decision trees, and the flat arrays they are made of."""

from __future__ import annotations

from whitebox.tree._cart import DecisionTreeClassifier, DecisionTreeRegressor
from whitebox.tree._export import export_text
from whitebox.tree._pruning import PruningPath
from whitebox.tree._structure import Tree, TreeEnsemble

__all__ = [
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "PruningPath",
    "Tree",
    "TreeEnsemble",
    "export_text",
]
