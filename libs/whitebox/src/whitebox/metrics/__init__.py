"""Measures: similarity of vectors and quality of rankings."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["pairwise", "ranking"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"whitebox.metrics.{name}")
    raise AttributeError(f"module 'whitebox.metrics' has no attribute {name!r}")
