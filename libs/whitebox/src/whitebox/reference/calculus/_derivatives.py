"""Derivatives by dual numbers, one variable at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from whitebox.reference.calculus.dual import Dual


def derivative(f: Callable[[Any], Any], x: Any) -> Any:
    """What becomes of a change of one in x.

    >>> derivative(lambda x: x * x * x, 2.0)
    12.0
    """
    return _slope(f(Dual(x, 1.0)))


def gradient(f: Callable[[Sequence[Any]], Any], x: Sequence[Any]) -> list[Any]:
    """The derivative by each variable, of which only that one changes.

    All of them become dual numbers, lest those of an outer derivative and those of an inner one be confused.

    >>> gradient(lambda x: x[0] * x[1], [3.0, 2.0])
    [2.0, 3.0]
    """
    return [_slope(f([Dual(z, float(i == j)) for j, z in enumerate(x)])) for i in range(len(x))]


def jacobian(f: Callable[[Sequence[Any]], Sequence[Any]], x: Sequence[Any]) -> list[list[Any]]:
    """The gradient of each value.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + 1], [3.0, 2.0])
    [[2.0, 3.0], [1.0, 0.0]]
    """
    rows = []
    for k in range(len(f(x))):

        def value(z: Sequence[Any], k: int = k) -> Any:
            return f(z)[k]

        rows.append(gradient(value, x))
    return rows


def hessian(f: Callable[[Sequence[Any]], Any], x: Sequence[Any]) -> list[list[Any]]:
    """The gradient of each entry of the gradient.

    >>> hessian(lambda x: x[0] * x[0] * x[1], [3.0, 2.0])
    [[4.0, 6.0], [6.0, 0.0]]
    """
    return jacobian(lambda z: gradient(f, z), x)


def _slope(result: Any) -> Any:
    return result.derivative if isinstance(result, Dual) else 0.0
