"""Submodules that load when they are first touched (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType


def lazy_submodules(package: str, names: Sequence[str]) -> Callable[[str], ModuleType]:
    """A module-level `__getattr__` for `package` that imports those of its submodules that are asked for."""

    def load(name: str) -> ModuleType:
        if name in names:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return load
