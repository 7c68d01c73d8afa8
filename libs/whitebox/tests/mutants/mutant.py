"""Famous mistakes, each a small patch of the source, and the test that must notice it."""

from __future__ import annotations

import inspect
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from unittest import mock

import pytest
from whitebox import _compiled


@dataclass(frozen=True)
class Mutant:
    """A mistake re-introduced.

    Args:
        mistake: What is wrong, in words.
        module: Of the library.
        before: A piece of its source that stands there once.
        after: What the mistaken author would have written.
        killers: Tests as "module:function", or pairs as "pair:name"; each of them must fail.
    """

    mistake: str
    module: str
    before: str
    after: str
    killers: tuple[str, ...]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Swaps the code of the module's functions for the mistaken code, wherever they have been imported to.

        Compiled functions run in Python meanwhile: what is compiled already would not change.
        """
        module = import_module(self.module)
        source = inspect.getsource(module)
        if source.count(self.before) != 1:
            raise LookupError(f"{self.module} holds {self.before!r} {source.count(self.before)} times, not once")
        mistaken = types.ModuleType(self.module)
        mistaken.__dict__.update(__file__=module.__file__, __package__=module.__package__)
        exec(compile(source.replace(self.before, self.after), str(module.__file__), "exec"), mistaken.__dict__)
        changed = [
            (function, function.__code__, twin.__code__)
            for function, twin in _functions(module, mistaken)
            if function.__code__ != twin.__code__
        ]
        if not changed:
            raise LookupError(f"{self.mistake}: no function of {self.module} changes")
        try:
            for function, _, code in changed:
                function.__code__ = code
            with mock.patch.object(_compiled, "numba_is_used", return_value=False):
                yield
        finally:
            for function, code, _ in changed:
                function.__code__ = code

    def survivors(self) -> list[str]:
        """The killers that do not notice."""
        with self.applied():
            return [killer for killer in self.killers if passes(killer)]


def _functions(left: Any, right: Any) -> Iterator[tuple[types.FunctionType, types.FunctionType]]:
    """Functions and methods of the same name that two modules, or two classes, define themselves."""
    for name, value in vars(left).items():
        twin = vars(right).get(name)
        if isinstance(value, _compiled.Compiled) and isinstance(twin, _compiled.Compiled):
            value, twin = value.python, twin.python  # noqa: PLW2901
        if inspect.isfunction(value) and inspect.isfunction(twin):
            # What a decorator made calls the function that was written.
            value, twin = inspect.unwrap(value), inspect.unwrap(twin)  # noqa: PLW2901
        if inspect.isfunction(value) and inspect.isfunction(twin):
            if value.__code__.co_filename == twin.__code__.co_filename:
                yield value, twin
        elif inspect.isclass(value) and inspect.isclass(twin) and value is not twin:
            yield from _functions(value, twin)


def passes(killer: str) -> bool:
    """Whether a test or pair passes, warnings being errors."""
    kind, _, name = killer.partition(":")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if kind == "pair":
                from pairs.registry import PAIRS

                next(pair for pair in PAIRS if pair.name == name).check()
            else:
                getattr(import_module(kind), name)()
    except StopIteration:
        raise LookupError(f"no pair is called {name}") from None
    except Exception:
        return False
    except (BaseExceptionGroup, pytest.fail.Exception):  # several examples fail in different ways; nothing was raised
        return False
    return True
