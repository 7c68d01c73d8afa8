"""Adaptation of large models by few parameters."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["lora"]

__getattr__ = lazy_submodules(__name__, __all__)
