"""Numbers in few bits, in pure Python."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["groupwise", "int8", "nf4"]

__getattr__ = lazy_submodules(__name__, __all__)
