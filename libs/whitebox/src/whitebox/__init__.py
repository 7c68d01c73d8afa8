"""From-scratch mathematics for machine learning, proved against outside oracles.

Subpackages load when they are first touched (PEP 562), so that `import whitebox` costs next to nothing: not even NumPy.

>>> import whitebox
>>> whitebox.search.bm25.tokenize("Tidal power")
['tidal', 'power']
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_SUBPACKAGES = ("base", "errors", "linear_model", "metrics", "preprocessing", "reference", "search", "text")

__all__ = ["__version__", *_SUBPACKAGES]  # noqa: PLE0604  # resolved by __getattr__


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return import_module(f"whitebox.{name}")
    if name == "__version__":
        return import_module("importlib.metadata").version("whitebox")
    raise AttributeError(f"module 'whitebox' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
