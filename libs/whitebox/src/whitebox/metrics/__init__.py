"""Measures: similarity of vectors and quality of rankings."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["pairwise", "ranking"]

__getattr__ = lazy_submodules(__name__, __all__)
