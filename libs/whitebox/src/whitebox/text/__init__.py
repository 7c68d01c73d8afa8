"""Text: sentences, weighted terms, edit distances, and how near a summary or translation comes to another."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["bleu", "edit_distance", "rouge", "sentences", "tfidf"]

__getattr__ = lazy_submodules(__name__, __all__)
