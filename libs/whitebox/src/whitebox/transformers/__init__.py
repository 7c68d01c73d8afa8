"""Transformers that load published weights: attention, models, tokenizers, generation, files of weights."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = [
    "attention",
    "bert",
    "cache",
    "generation",
    "gguf",
    "gpt2",
    "llama",
    "paged_cache",
    "sampling",
    "scheduling",
    "tokenizer",
]

__getattr__ = lazy_submodules(__name__, __all__)
