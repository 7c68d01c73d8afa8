"""From-scratch mathematics for machine learning, proved against outside oracles.

Subpackages load when they are first touched, so that `import whitebox` costs next to nothing: not even NumPy.

>>> import whitebox
>>> whitebox.search.bm25.tokenize("Tidal power")
['tidal', 'power']
"""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__version__ = "0.1.0"

__all__ = [
    "autograd",
    "base",
    "calculus",
    "decomposition",
    "errors",
    "linalg",
    "linear_model",
    "metrics",
    "nn",
    "optimize",
    "preprocessing",
    "reference",
    "search",
    "text",
    "transformers",
]

__getattr__ = lazy_submodules(__name__, __all__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
