"""Search, in pure Python."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["bm25", "exact", "fusion", "hnsw", "ivf", "lsh", "quantization"]

__getattr__ = lazy_submodules(__name__, __all__)
