"""Text: sentences, weighted terms, edit distances, a model that writes, and how near one text comes to another."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["bleu", "characters", "edit_distance", "rouge", "sentences", "tfidf"]

__getattr__ = lazy_submodules(__name__, __all__)
