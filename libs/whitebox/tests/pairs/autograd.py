"""The pair of `whitebox.autograd`: whole expressions, and what they give to each of their leaves."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import autograd, reference

_STEPS = ("add", "multiply", "subtract", "divide", "tanh", "relu", "square", "exp of tanh", "twice")


@st.composite
def expressions(draw: st.DrawFn) -> tuple[list[float], list[tuple[str, int, int]]]:
    """Leaves, and steps that each make a further value of two that are there already."""
    leaves = draw(st.lists(st.floats(0.25, 2.0), min_size=1, max_size=3))
    count = draw(st.integers(1, 8))
    steps = [
        (
            draw(st.sampled_from(_STEPS)),
            draw(st.integers(0, len(leaves) + i - 1)),
            draw(st.integers(0, len(leaves) + i - 1)),
        )
        for i in range(count)
    ]
    return leaves, steps


def _evaluate(values: list[Any], steps: list[tuple[str, int, int]], tanh: Any, relu: Any, exp: Any) -> Any:
    operations = {
        "add": lambda x, y: x + y,
        "multiply": lambda x, y: x * y,
        "subtract": lambda x, y: x - y,
        "divide": lambda x, y: x / (y * y + 1.0),
        "tanh": lambda x, _: tanh(x),
        "relu": lambda x, _: relu(x - 0.1001),
        "square": lambda x, _: tanh(x) ** 2,
        "exp of tanh": lambda x, _: exp(tanh(x)),
        "twice": lambda x, _: x + x,
    }
    for name, left, right in steps:
        values.append(operations[name](values[left], values[right]))
    return values[-1]


def _reference(leaves: list[float], steps: list[tuple[str, int, int]]) -> tuple[float, list[float]]:
    kind = reference.autograd.Tensor
    values = [kind(leaf) for leaf in leaves]
    end = _evaluate(list(values), steps, kind.tanh, kind.relu, kind.exp)
    end.backward()
    return end.number, [value.gradient for value in values]


def _fast(leaves: list[float], steps: list[tuple[str, int, int]]) -> tuple[float, list[float]]:
    values = [autograd.tensor(leaf, requires_grad=True) for leaf in leaves]
    end = _evaluate(list(values), steps, autograd.tanh, autograd.relu, autograd.exp)
    end.backward()
    return end.item(), [0.0 if value.grad is None else value.grad.item() for value in values]


PAIRS = [Pair("autograd.Tensor", _reference, _fast, expressions(), rtol=1e-9, atol=1e-12)]
