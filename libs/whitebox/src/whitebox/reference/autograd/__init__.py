"""Reverse-mode differentiation of single numbers: the whole idea on one page."""

from __future__ import annotations

import math
from collections.abc import Callable


class Tensor:
    """A number that remembers what it was made of, and how it changes with each.

    >>> x, y = Tensor(2.0), Tensor(3.0)
    >>> z = x * y + x
    >>> z.backward()
    >>> z.number, x.gradient, y.gradient
    (8.0, 4.0, 2.0)
    """

    def __init__(self, number: float, made_of: tuple[tuple[Tensor, float], ...] = ()) -> None:
        self.number = number
        self.gradient = 0.0
        # Each input with the derivative of this number with respect to it.
        self.made_of = made_of

    def __add__(self, other: Tensor | float) -> Tensor:
        other = _tensor(other)
        return Tensor(self.number + other.number, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other: Tensor | float) -> Tensor:
        other = _tensor(other)
        return Tensor(self.number * other.number, ((self, other.number), (other, self.number)))

    def __pow__(self, exponent: float) -> Tensor:
        return Tensor(self.number**exponent, ((self, exponent * self.number ** (exponent - 1)),))

    def __neg__(self) -> Tensor:
        return self * -1.0

    def __sub__(self, other: Tensor | float) -> Tensor:
        return self + -_tensor(other)

    def __truediv__(self, other: Tensor | float) -> Tensor:
        return self * _tensor(other) ** -1.0

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: float) -> Tensor:
        return _tensor(other) - self

    def __rtruediv__(self, other: float) -> Tensor:
        return _tensor(other) / self

    def apply(self, function: Callable[[float], float], derivative: Callable[[float], float]) -> Tensor:
        """Any function of one number whose derivative is known."""
        return Tensor(function(self.number), ((self, derivative(self.number)),))

    def exp(self) -> Tensor:
        """The exponential."""
        return self.apply(math.exp, math.exp)

    def log(self) -> Tensor:
        """The natural logarithm."""
        return self.apply(math.log, lambda x: 1 / x)

    def tanh(self) -> Tensor:
        """The hyperbolic tangent."""
        return self.apply(math.tanh, lambda x: 1 - math.tanh(x) ** 2)

    def relu(self) -> Tensor:
        """max(x, 0)."""
        return self.apply(lambda x: max(x, 0.0), lambda x: float(x > 0))

    def backward(self) -> None:
        r"""Adds to `gradient` of everything this number was made of, by the chain rule.

        Node by node from the end: all paths into a node are summed before it passes anything on,

        .. math:: \bar v_i = \sum_{j \text{ made of } i} \bar v_j \frac{\partial v_j}{\partial v_i}
        """
        order: list[Tensor] = []
        seen: set[int] = set()
        waiting: list[tuple[Tensor, bool]] = [(self, False)]
        while waiting:
            value, finished = waiting.pop()
            if finished:
                order.append(value)
            elif id(value) not in seen:
                seen.add(id(value))
                waiting.append((value, True))
                waiting.extend((source, False) for source, _ in value.made_of)
        self.gradient += 1.0
        for value in reversed(order):
            for source, derivative in value.made_of:
                source.gradient += value.gradient * derivative


def _tensor(number: Tensor | float) -> Tensor:
    return number if isinstance(number, Tensor) else Tensor(number)
