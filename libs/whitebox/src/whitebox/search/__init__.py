"""Search: exact nearest neighbours, BM25, and rank fusion."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["bm25", "exact", "fusion"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"whitebox.search.{name}")
    raise AttributeError(f"module 'whitebox.search' has no attribute {name!r}")
