"""What shares out memory and time where transformers write, in pure Python."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["paged_cache", "scheduling"]

__getattr__ = lazy_submodules(__name__, __all__)
