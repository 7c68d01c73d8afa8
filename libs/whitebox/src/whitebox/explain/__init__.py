"""Explaining predictions: Shapley values, local surrogates, integrated gradients, importances."""

from __future__ import annotations

from whitebox.explain._coalitions import Explanation
from whitebox.explain._exact import exact_shap, shapley_values
from whitebox.explain._gradients import completeness_gap, integrated_gradients
from whitebox.explain._importance import Importance, mean_absolute_shap, permutation_importance
from whitebox.explain._kernel import kernel_shap
from whitebox.explain._lime import LocalSurrogate, lime_tabular
from whitebox.explain._linear import linear_shap
from whitebox.explain._trees import HasEnsemble, interventional_tree_shap, tree_shap

__all__ = [
    "Explanation",
    "HasEnsemble",
    "Importance",
    "LocalSurrogate",
    "completeness_gap",
    "exact_shap",
    "integrated_gradients",
    "interventional_tree_shap",
    "kernel_shap",
    "lime_tabular",
    "linear_shap",
    "mean_absolute_shap",
    "permutation_importance",
    "shapley_values",
    "tree_shap",
]
