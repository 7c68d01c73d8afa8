"""Search: exact nearest neighbours, BM25, and rank fusion."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["bm25", "exact", "fusion"]

__getattr__ = lazy_submodules(__name__, __all__)
