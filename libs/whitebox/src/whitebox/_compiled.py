"""Loops that numba compiles where it is installed (`pip install whitebox[fast]`), and that Python runs where not.

The same source serves both ways. Nothing is imported or compiled before the first call, so that an import stays cheap.
Set `WHITEBOX_NUMBA=0` to run everything in Python, and `NUMBA_CACHE_DIR` to move the cache of compiled code.
"""

from __future__ import annotations

import functools
import os
import types
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@functools.cache
def numba_is_used() -> bool:
    """Whether compiled functions run as machine code."""
    return os.environ.get("WHITEBOX_NUMBA", "1") != "0" and find_spec("numba") is not None


class Compiled(Generic[P, R]):
    """A function that is compiled at its first call.

    Attributes:
        python: The function as it is written.
    """

    def __init__(self, function: Callable[P, R], *, any_order: bool = False) -> None:
        functools.update_wrapper(self, function)
        self.python: Any = function
        self._any_order = any_order
        self._dispatcher: Any = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        run: Callable[P, R] = self.dispatcher() if numba_is_used() else self.python
        return run(*args, **kwargs)

    def dispatcher(self) -> Any:
        """Numba's function for this one; what it calls becomes numba's function too."""
        if self._dispatcher is None:
            self._dispatcher = _compile(self.python, any_order=self._any_order)
        return self._dispatcher


def compiled(function: Callable[P, R]) -> Compiled[P, R]:
    """Marks a function of arrays and numbers to be compiled in numba's nopython mode.

    It may call other such functions of its own module by name, but not itself.
    """
    return Compiled(function)


def compiled_in_any_order(function: Callable[P, R]) -> Compiled[P, R]:
    """As `compiled`, for sums whose terms may be added in any order, which is what vector instructions need.

    The last digits then depend on the machine; NaN and infinity are kept as everywhere.
    """
    return Compiled(function, any_order=True)


def _compile(function: Any, *, any_order: bool) -> Any:
    import numba

    code, names = function.__code__, function.__globals__
    called = {name: names[name].dispatcher() for name in code.co_names if isinstance(names.get(name), Compiled)}
    bound = types.FunctionType(code, names | called, function.__name__)
    bound.__qualname__, bound.__module__ = function.__qualname__, function.__module__
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    if any_order:
        options["fastmath"] = {"reassoc", "contract"}
    try:
        # A compiled function on disk is valid for as long as its source file stays the same.
        return numba.njit(bound, cache=True, **options)
    except RuntimeError:  # nowhere to write: a read-only container without a home
        return numba.njit(bound, **options)
