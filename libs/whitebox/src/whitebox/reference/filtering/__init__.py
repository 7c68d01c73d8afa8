"""Filters and smoothers, on lists."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["extended", "kalman", "particle", "smoother", "unscented"]

__getattr__ = lazy_submodules(__name__, __all__)
