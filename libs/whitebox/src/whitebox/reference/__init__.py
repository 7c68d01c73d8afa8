"""The same names once more, in pure Python, to be read beside the equations.

Each function says what its fast twin computes in the plainest way: loops over lists, no blocks, no selection tricks, no
validation. The tests hold each pair against each other on thousands of small inputs. Only the standard library is
imported.
"""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = [
    "autograd",
    "calculus",
    "decomposition",
    "linalg",
    "linear_model",
    "metrics",
    "optimize",
    "preprocessing",
    "search",
    "text",
]

__getattr__ = lazy_submodules(__name__, __all__)
