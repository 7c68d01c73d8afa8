"""Registries without a list to keep: what the modules of a folder name is collected from all of them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any


def collect(folder: str, attribute: str) -> list[Any]:
    """What the modules of a folder of these tests have under a name, in the order of their file names."""
    found: list[Any] = []
    for path in sorted((Path(__file__).parent / folder).glob("*.py")):
        if path.stem not in ("catalogue", "registry", "run") and not path.stem.startswith("test_"):
            held = getattr(import_module(f"{folder}.{path.stem}"), attribute, [])
            found += held.items() if isinstance(held, dict) else held
    return found
