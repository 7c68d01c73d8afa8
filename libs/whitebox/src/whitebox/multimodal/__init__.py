"""Several modalities of the same thing: beliefs from each, fused by how sure they are."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["calibration", "experts", "fusion"]

__getattr__ = lazy_submodules(__name__, __all__)
