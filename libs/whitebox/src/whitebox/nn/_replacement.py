"""Modules exchanged for others inside a model, by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from whitebox.errors import RangeError
from whitebox.nn._module import Module


def matching(name: str, targets: Sequence[str]) -> bool:
    """Whether a dotted name, or its end behind a dot, fits one of the patterns of the shell (`*`, `?`, `[abc]`)."""
    return any(fnmatchcase(name, target) or fnmatchcase(name, f"*.{target}") for target in targets)


def replace_modules(
    model: Module, kinds: tuple[type[Module], ...], targets: Sequence[str], make: Callable[[str, Any], Module]
) -> dict[str, Module]:
    """Puts `make(name, module)` in the place of every module of some kinds whose name fits; what it made, by name.

    A module that stands in several places is made once. Nothing inside a replaced module is looked at.

    Raises:
        RangeError: No module fits a target: a misspelt one would silently do nothing.
    """
    if isinstance(targets, str):
        raise RangeError(f"targets are a list of names, got the text {targets!r}")
    fitting: dict[str, Module] = {}
    for name, module in model.modules():
        inside = any(name.startswith(f"{outer}.") for outer in fitting)
        if name and isinstance(module, kinds) and not inside and matching(name, targets):
            fitting[name] = module
    for target in targets:
        if not any(matching(name, [target]) for name in fitting):
            raise RangeError(f"no {' or '.join(kind.__name__ for kind in kinds)} of the model is called {target!r}")
    made: dict[int, Module] = {}
    for name, module in fitting.items():
        if id(module) not in made:
            made[id(module)] = make(name, module)
    placed = {name: made[id(module)] for name, module in fitting.items()}
    for _, holder in list(model.modules()):
        for attribute, value in vars(holder).items():
            setattr(holder, attribute, _exchanged(value, made))
    return placed


def _exchanged(value: Any, made: dict[int, Module]) -> Any:
    if isinstance(value, Module):
        return made.get(id(value), value)
    if isinstance(value, list | tuple) and any(_modules_in(value)):
        return type(value)(_exchanged(one, made) for one in value)
    if isinstance(value, dict) and any(_modules_in(value)):
        return {key: _exchanged(one, made) for key, one in value.items()}
    return value


def _modules_in(value: Any) -> Iterator[bool]:
    """True for each module in nested lists and dictionaries."""
    if isinstance(value, Module):
        yield True
    elif isinstance(value, list | tuple | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _modules_in(one)
