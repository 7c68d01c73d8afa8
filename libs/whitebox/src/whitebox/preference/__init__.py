"""Language models that learn to answer: from answers, and from which of two answers is preferred."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["dpo", "sequences", "sft"]

__getattr__ = lazy_submodules(__name__, __all__)
