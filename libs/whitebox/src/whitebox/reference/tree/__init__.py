"""Decision trees, in pure Python."""

from __future__ import annotations

from whitebox.reference.tree._cart import DecisionTreeClassifier, DecisionTreeRegressor
from whitebox.reference.tree._categories import C45, ID3, pessimistic_errors

__all__ = ["C45", "ID3", "DecisionTreeClassifier", "DecisionTreeRegressor", "pessimistic_errors"]
