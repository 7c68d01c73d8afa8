"""Measures: similarity of vectors, quality of rankings, classifications, regressions and clusterings."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["classification", "clustering", "pairwise", "ranking", "regression"]

__getattr__ = lazy_submodules(__name__, __all__)
