"""First and second derivatives of NumPy's elementwise functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Unary = Callable[[Any, Any], tuple[Any, Any]]
Partial = Callable[[Any, Any], Any]

# These look at values only.
COMPARISONS = {
    np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal,
    np.isfinite, np.isnan, np.isinf, np.signbit, np.sign, np.floor, np.ceil, np.rint,
}  # fmt: skip

# From x and f(x) to f'(x) and f''(x).
UNARY: dict[np.ufunc, Unary] = {
    np.negative: lambda *_: (-1.0, 0.0),
    np.positive: lambda *_: (1.0, 0.0),
    np.absolute: lambda x, _: (np.sign(x), 0.0),
    np.square: lambda x, _: (2 * x, 2.0),
    np.reciprocal: lambda _, f: (-f * f, 2 * f**3),
    np.sqrt: lambda _, f: (0.5 / f, -0.25 / f**3),
    np.cbrt: lambda _, f: (1 / (3 * f**2), -2 / (9 * f**5)),
    np.exp: lambda _, f: (f, f),
    np.exp2: lambda _, f: (np.log(2) * f, np.log(2) ** 2 * f),
    np.expm1: lambda _, f: (f + 1, f + 1),
    np.log: lambda x, _: (1 / x, -1 / x**2),
    np.log2: lambda x, _: (1 / (np.log(2) * x), -1 / (np.log(2) * x**2)),
    np.log10: lambda x, _: (1 / (np.log(10) * x), -1 / (np.log(10) * x**2)),
    np.log1p: lambda x, _: (1 / (1 + x), -1 / (1 + x) ** 2),
    np.sin: lambda x, f: (np.cos(x), -f),
    np.cos: lambda x, f: (-np.sin(x), -f),
    np.tan: lambda _, f: (1 + f**2, 2 * f * (1 + f**2)),
    np.arcsin: lambda x, _: (1 / np.sqrt(1 - x**2), x / (1 - x**2) ** 1.5),
    np.arccos: lambda x, _: (-1 / np.sqrt(1 - x**2), -x / (1 - x**2) ** 1.5),
    np.arctan: lambda x, _: (1 / (1 + x**2), -2 * x / (1 + x**2) ** 2),
    np.sinh: lambda x, f: (np.cosh(x), f),
    np.cosh: lambda x, f: (np.sinh(x), f),
    np.tanh: lambda _, f: (1 - f**2, -2 * f * (1 - f**2)),
    np.arcsinh: lambda x, _: (1 / np.sqrt(x**2 + 1), -x / (x**2 + 1) ** 1.5),
    np.arccosh: lambda x, _: (1 / np.sqrt(x**2 - 1), -x / (x**2 - 1) ** 1.5),
    np.arctanh: lambda x, _: (1 / (1 - x**2), 2 * x / (1 - x**2) ** 2),
}


def _nothing(*_: Any) -> float:
    return 0.0


def _power_slope(x: Any, y: Any) -> Any:
    return np.where(y == 0, 0.0, y * np.power(x, np.where(y == 0, 1.0, y - 1)))


def _power_curvature(x: Any, y: Any) -> Any:
    flat = (y == 0) | (y == 1)
    return np.where(flat, 0.0, y * (y - 1) * np.power(x, np.where(flat, 1.0, y - 2)))


def _share(x: Any, y: Any) -> Any:
    return np.exp(x - np.logaddexp(x, y))


def _overlap(x: Any, y: Any) -> Any:
    return _share(x, y) * _share(y, x)


# The partial derivatives by x, y, xx, xy and yy.
BINARY: dict[np.ufunc, tuple[Partial, Partial, Partial, Partial, Partial]] = {
    np.add: (lambda *_: 1.0, lambda *_: 1.0, _nothing, _nothing, _nothing),
    np.subtract: (lambda *_: 1.0, lambda *_: -1.0, _nothing, _nothing, _nothing),
    np.multiply: (lambda _, y: y, lambda x, _: x, _nothing, lambda *_: 1.0, _nothing),
    np.true_divide: (
        lambda _, y: 1 / y,
        lambda x, y: -x / y**2,
        _nothing,
        lambda _, y: -1 / y**2,
        lambda x, y: 2 * x / y**3,
    ),
    np.power: (
        _power_slope,
        lambda x, y: np.power(x, y) * np.log(x),
        _power_curvature,
        lambda x, y: np.power(x, y - 1) * (1 + y * np.log(x)),
        lambda x, y: np.power(x, y) * np.log(x) ** 2,
    ),
    np.maximum: (lambda x, y: 1.0 * (x >= y), lambda x, y: 1.0 * (x < y), _nothing, _nothing, _nothing),
    np.minimum: (lambda x, y: 1.0 * (x <= y), lambda x, y: 1.0 * (x > y), _nothing, _nothing, _nothing),
    np.hypot: (
        lambda x, y: x / np.hypot(x, y),
        lambda x, y: y / np.hypot(x, y),
        lambda x, y: y**2 / np.hypot(x, y) ** 3,
        lambda x, y: -x * y / np.hypot(x, y) ** 3,
        lambda x, y: x**2 / np.hypot(x, y) ** 3,
    ),
    np.arctan2: (
        lambda x, y: y / (x**2 + y**2),
        lambda x, y: -x / (x**2 + y**2),
        lambda x, y: -2 * x * y / (x**2 + y**2) ** 2,
        lambda x, y: (x**2 - y**2) / (x**2 + y**2) ** 2,
        lambda x, y: 2 * x * y / (x**2 + y**2) ** 2,
    ),
    np.logaddexp: (_share, lambda x, y: _share(y, x), _overlap, lambda x, y: -_overlap(x, y), _overlap),
}
