"""Derivatives of functions of one and of many variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector
from whitebox.calculus._steps import EPS, central_difference, complex_step
from whitebox.calculus.dual import Dual
from whitebox.errors import DtypeError, RangeError, ShapeError

Method = Literal["dual", "complex", "central"]


def derivative(f: Callable[[Any], Any], x: npt.ArrayLike, *, method: Method = "dual") -> Array:
    """The derivative of an elementwise function.

    Args:
        f: Elementwise, made of NumPy functions and arithmetic.
        x: Any shape.
        method: "dual" (exact to rounding), "complex" (exact to rounding, analytic functions only), or "central" (about
            10 digits, any function).

    Returns:
        In the shape of `x`.

    Raises:
        DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError: for unusable input, or a function that the
            method cannot follow.

    >>> derivative(lambda x: x**3, [1.0, 2.0]).tolist()
    [3.0, 12.0]
    """
    if method == "complex":
        return complex_step(f, x)
    if method == "central":
        return central_difference(f, x)
    _check(method)
    at = as_array(x, "x")
    result = f(Dual(at, np.ones((*at.shape, 1))))
    if np.shape(result) != at.shape:
        raise ShapeError(f"f turns shape {at.shape} into {np.shape(result)}")
    return result.first[..., 0] if isinstance(result, Dual) else np.zeros_like(at)


def gradient(f: Callable[[Any], Any], x: npt.ArrayLike, *, method: Method = "dual") -> Array:
    r"""The gradient :math:`(\partial f / \partial x_i)_i` of a function with one value.

    Args:
        f: From shape (n,) to a single number, made of NumPy functions and arithmetic.
        x: Shape (n,).
        method: "dual" takes one evaluation in n-fold work, "complex" n and "central" 2 n evaluations.

    Returns:
        Shape (n,).

    Raises:
        DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError: as `derivative`.

    >>> gradient(lambda x: x[0] * x[1] + np.sin(x[0]), [0.0, 2.0]).tolist()
    [3.0, 0.0]
    """
    rows = jacobian(f, x, method=method)
    if rows.ndim != 1:
        raise ShapeError(f"f must have one value, got {len(rows)}: see jacobian")
    return rows


def jacobian(f: Callable[[Any], Any], x: npt.ArrayLike, *, method: Method = "dual") -> Array:
    r"""The Jacobian :math:`J_{ij} = \partial f_i / \partial x_j`.

    Args:
        f: From shape (n,) to shape (m,), or to a single number; a list of numbers will do.
        x: Shape (n,).
        method: As in `gradient`.

    Returns:
        Shape (m, n), or (n,) where f has a single value.

    Raises:
        DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError: as `derivative`.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + 1], [3.0, 2.0]).tolist()
    [[2.0, 3.0], [1.0, 0.0]]
    """
    at = as_vector(x, "x")
    _check(method)
    if method == "dual":
        result = _joined(f(Dual(at, np.eye(len(at)))))
        if isinstance(result, Dual):
            return _of_a_vector(result.first, result.ndim)
        return np.zeros((*_of_a_vector(np.asarray(result), np.ndim(result)).shape, len(at)))
    columns = []
    for unit in np.eye(len(at)):
        line = _along(f, at, unit)
        if method == "complex":
            value = np.asarray(line(1e-20j))
            if value.dtype.kind != "c":
                raise DtypeError("f returns real numbers for complex ones: it is not analytic")
            columns.append(value.imag / 1e-20)
        else:
            place = float(at @ unit)
            width = EPS ** (1 / 3) * max(1.0, abs(place))
            h = (place + width) - place
            columns.append((np.asarray(line(h)) - np.asarray(line(-h))) / (2 * h))
    stacked = np.stack(columns, axis=-1)
    return _of_a_vector(stacked, stacked.ndim - 1)


def hessian(f: Callable[[Any], Any], x: npt.ArrayLike, *, method: Literal["dual", "central"] = "dual") -> Array:
    r"""The Hessian :math:`H_{ij} = \partial^2 f / \partial x_i \partial x_j`, symmetric.

    Args:
        f: From shape (n,) to a single number, made of NumPy functions and arithmetic.
        x: Shape (n,).
        method: "dual" (exact to rounding, one evaluation in n²-fold work) or "central" (about 6 digits, 2 n² + 1
            evaluations).

    Returns:
        Shape (n, n).

    Raises:
        DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError: as `derivative`.

    >>> hessian(lambda x: x[0] ** 2 * x[1], [3.0, 2.0]).tolist()
    [[4.0, 6.0], [6.0, 0.0]]
    """
    at = as_vector(x, "x")
    n = len(at)
    if method == "dual":
        result = f(Dual(at, np.eye(n), np.zeros((n, n, n))))
        if np.shape(result) != ():
            raise ShapeError(f"f must have one value, got shape {np.shape(result)}")
        return result.second if isinstance(result, Dual) and result.second is not None else np.zeros((n, n))
    if method != "central":
        raise RangeError(f"method must be 'dual' or 'central', got {method!r}")
    steps = np.diag((at + EPS**0.25 * np.maximum(1, np.abs(at))) - at)

    def value(place: Array) -> float:
        found = np.asarray(f(place))
        if found.shape != ():
            raise ShapeError(f"f must have one value, got shape {found.shape}")
        return float(found)

    centre = value(at)
    H = np.zeros((n, n))
    for i, p in enumerate(steps):
        H[i, i] = (value(at + p) - 2 * centre + value(at - p)) / p[i] ** 2
        for j, q in enumerate(steps[:i]):
            mixed = value(at + p + q) - value(at + p - q) - value(at - p + q) + value(at - p - q)
            H[i, j] = H[j, i] = mixed / (4 * p[i] * q[j])
    return H


def _check(method: str) -> None:
    if method not in ("dual", "complex", "central"):
        raise RangeError(f"method must be 'dual', 'complex' or 'central', got {method!r}")


def _joined(result: Any) -> Any:
    """A list of values, some of them dual, as one array."""
    return np.stack(result) if isinstance(result, list | tuple) else result


def _of_a_vector(array: Array, axes: int) -> Array:
    if axes > 1:
        raise ShapeError(f"f must have one value or a vector of them, got {axes} axes")
    return array


def _along(f: Callable[[Any], Any], at: Array, unit: Array) -> Callable[[complex], Any]:
    return lambda size: _joined(f(at + size * unit))
