"""Decision trees, and the flat arrays they are made of."""

from __future__ import annotations

from whitebox.tree._c45 import C45, pessimistic_errors
from whitebox.tree._cart import DecisionTreeClassifier, DecisionTreeRegressor
from whitebox.tree._export import export_text
from whitebox.tree._id3 import ID3
from whitebox.tree._multiway import MultiwayNode
from whitebox.tree._pruning import PruningPath
from whitebox.tree._structure import Tree, TreeEnsemble

__all__ = [
    "C45",
    "ID3",
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "MultiwayNode",
    "PruningPath",
    "Tree",
    "TreeEnsemble",
    "export_text",
    "pessimistic_errors",
]
