"""Ordinary differential equations, in pure Python."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["runge_kutta"]

__getattr__ = lazy_submodules(__name__, __all__)
