"""Dual numbers, one at a time. A derivative may be a dual number itself: that gives second derivatives."""

from __future__ import annotations

from typing import Any


class Dual:
    """A value and its derivative: a + b ε, where ε² = 0.

    >>> x = Dual(2.0, 1.0)
    >>> y = x * x + 1
    >>> y.value, y.derivative
    (5.0, 4.0)
    """

    def __init__(self, value: Any, derivative: Any) -> None:
        self.value, self.derivative = value, derivative

    def __add__(self, other: Any) -> Dual:
        b = _dual(other)
        return Dual(self.value + b.value, self.derivative + b.derivative)

    def __mul__(self, other: Any) -> Dual:
        b = _dual(other)
        return Dual(self.value * b.value, self.value * b.derivative + self.derivative * b.value)

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.derivative)

    def __sub__(self, other: Any) -> Dual:
        return self + -_dual(other)

    def __rsub__(self, other: Any) -> Dual:
        return _dual(other) + -self

    def __truediv__(self, other: Any) -> Dual:
        b = _dual(other)
        return Dual(self.value / b.value, (self.derivative * b.value - self.value * b.derivative) / (b.value * b.value))

    def __rtruediv__(self, other: Any) -> Dual:
        return _dual(other) / self

    __radd__, __rmul__ = __add__, __mul__


def _dual(x: Any) -> Dual:
    return x if isinstance(x, Dual) else Dual(x, 0.0)
