"""Transformers that load published weights: attention, BERT, and the files that weights come in."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["attention", "bert", "cache", "gguf", "llama", "safetensors", "tokenizer"]

__getattr__ = lazy_submodules(__name__, __all__)
