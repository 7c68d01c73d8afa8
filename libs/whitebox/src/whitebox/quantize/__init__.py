"""Weights and activations in few bits: eight-bit integers, NormalFloat and groups of four bits, with error bounds."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["groupwise", "int8", "linear", "nf4"]

__getattr__ = lazy_submodules(__name__, __all__)
