"""What a pair of twins is, and how it is held against itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import whitebox
from examples import EXAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from whitebox import reference


@dataclass(frozen=True)
class Pair:
    """A reference and its fast twin.

    Args:
        name: Of the fast one, below `whitebox`; a method follows its class, a remark follows in brackets.
        reference: Takes the drawn arguments.
        fast: Takes the same.
        inputs: Strategy of the argument tuples.
        rtol: Relative tolerance; None demands equality.
        atol: Absolute tolerance.
        examples: How many inputs are drawn at least, where what matters is rare.
    """

    name: str
    reference: Callable[..., Any]
    fast: Callable[..., Any]
    inputs: st.SearchStrategy[tuple[Any, ...]]
    rtol: float | None = None
    atol: float = 0.0
    examples: int = 0

    def check(self) -> None:
        """Holds the twins against each other."""

        @settings(EXAMPLES, max_examples=max(self.examples, EXAMPLES.max_examples))
        @given(self.inputs)
        def agree(arguments: tuple[Any, ...]) -> None:
            expected, got = self.reference(*arguments), self.fast(*arguments)
            if self.rtol is None:
                assert plain(got) == plain(expected)
            else:
                _assert_close(got, expected, self.rtol, self.atol)

        agree()


def plain(value: Any) -> Any:
    """Arrays as lists."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def _assert_close(got: Any, expected: Any, rtol: float, atol: float) -> None:
    if isinstance(expected, tuple):
        assert len(got) == len(expected)
        for ours, theirs in zip(got, expected, strict=True):
            _assert_close(ours, theirs, rtol, atol)
    elif isinstance(expected, dict):
        assert list(got) == list(expected)
        _assert_close(list(got.values()), list(expected.values()), rtol, atol)
    else:
        np.testing.assert_allclose(np.asarray(got, dtype=float), np.asarray(expected, dtype=float), rtol, atol)


def both(name: str) -> tuple[Any, Any]:
    """The reference and the fast object of a dotted name, looked up when called, so that mutants are seen."""

    def call(root: Any) -> Callable[..., Any]:
        def looked_up(*arguments: Any) -> Any:
            found = root
            for part in name.split("."):
                found = getattr(found, part)
            return found(*arguments)

        return looked_up

    return call(reference), call(whitebox)
