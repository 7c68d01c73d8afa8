r"""Primitive operations, each with its derivative beside it.

A primitive returns its value and its pullback: the map from the gradient g of the result to those of the inputs,
:math:`g \mapsto g^\top J` (Griewank, Walther: Evaluating Derivatives, ch. 3). Inside, all are plain arrays. Where
inputs are broadcast, their gradients are summed back to their shapes.

>>> from whitebox.autograd import exp, tensor
>>> x, y = tensor([0.0, 1.0], requires_grad=True), tensor(3.0, requires_grad=True)
>>> (exp(x) * y).sum().backward()
>>> x.grad.round(3).tolist(), y.grad.round(3).tolist()
([3.0, 8.155], 3.718)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from whitebox.autograd._erf import erf as _erf
from whitebox.autograd._tensor import AnyArray, Axis, Operand, Part, Pullback, Tensor, elementwise, primitive
from whitebox.errors import RangeError, ShapeError

_Result = tuple[AnyArray, Pullback]


# ---- arithmetic


@elementwise
def add(x: Any, y: Any) -> _Result:
    """X + y."""
    return x + y, _of_both(x, y, lambda g: g, lambda g: g)


@elementwise
def subtract(x: Any, y: Any) -> _Result:
    """X - y."""
    return x - y, _of_both(x, y, lambda g: g, lambda g: -g)


@elementwise
def multiply(x: Any, y: Any) -> _Result:
    """X · y, element by element."""
    return x * y, _of_both(x, y, lambda g: g * y, lambda g: g * x)


@elementwise
def divide(x: Any, y: Any) -> _Result:
    """X / y."""
    quotient = x / y
    return quotient, _of_both(x, y, lambda g: g / y, lambda g: -g * quotient / y)


@primitive
def power(x: Any, exponent: float) -> _Result:
    """X to a constant power."""
    return x**exponent, lambda g: (g * exponent * x ** (exponent - 1) if exponent else np.zeros_like(g),)


@primitive
def negative(x: Any) -> _Result:
    """-x."""
    return -x, lambda g: (-g,)


@primitive
def absolute(x: Any) -> _Result:
    """|x|; at 0 the derivative is taken as 0."""
    return np.abs(x), lambda g: (g * np.sign(x),)


@elementwise
def maximum(x: Any, y: Any) -> _Result:
    """The larger of each pair; ties share the gradient equally."""
    share = np.where(x == y, 0.5, x > y).astype(np.result_type(x, y))
    return np.maximum(x, y), _of_both(x, y, lambda g: g * share, lambda g: g * (1 - share))


@elementwise
def minimum(x: Any, y: Any) -> _Result:
    """The smaller of each pair; ties share the gradient equally."""
    share = np.where(x == y, 0.5, x < y).astype(np.result_type(x, y))
    return np.minimum(x, y), _of_both(x, y, lambda g: g * share, lambda g: g * (1 - share))


@primitive
def clip(x: Any, low: float | None, high: float | None) -> _Result:
    """X within bounds; nothing flows where it was cut."""
    inside = np.ones(x.shape, bool)
    if low is not None:
        inside &= x >= low
    if high is not None:
        inside &= x <= high
    return np.clip(x, low, high), lambda g: (g * inside,)


def where(condition: AnyArray, x: Operand, y: Operand) -> Tensor:
    """X where the condition, an array of truth values, holds; elsewhere y."""

    @elementwise
    def where(x: Any, y: Any) -> _Result:
        return np.where(condition, x, y), _of_both(x, y, lambda g: g * condition, lambda g: g * ~condition)

    return where(x, y)


# ---- functions


@primitive
def exp(x: Any) -> _Result:
    """The exponential."""
    y = np.exp(x)
    return y, lambda g: (g * y,)


@primitive
def log(x: Any) -> _Result:
    """The natural logarithm."""
    return np.log(x), lambda g: (g / x,)


@primitive
def sqrt(x: Any) -> _Result:
    """The square root."""
    y = np.sqrt(x)
    return y, lambda g: (g / (2 * y),)


@primitive
def sin(x: Any) -> _Result:
    """The sine."""
    return np.sin(x), lambda g: (g * np.cos(x),)


@primitive
def cos(x: Any) -> _Result:
    """The cosine."""
    return np.cos(x), lambda g: (-g * np.sin(x),)


@primitive
def tanh(x: Any) -> _Result:
    """The hyperbolic tangent."""
    y = np.tanh(x)
    return y, lambda g: (g * (1 - y * y),)


@primitive
def sigmoid(x: Any) -> _Result:
    """1 / (1 + exp(-x)), without overflow."""
    y = _logistic(x)
    return y, lambda g: (g * y * (1 - y),)


@primitive
def softplus(x: Any) -> _Result:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(x, np.zeros((), x.dtype)), lambda g: (g * _logistic(x),)


@primitive
def log_sigmoid(x: Any) -> _Result:
    """Log of the sigmoid, exact where the sigmoid itself is 0 in floating point."""
    return -np.logaddexp(-x, np.zeros((), x.dtype)), lambda g: (g * _logistic(-x),)


@primitive
def relu(x: Any) -> _Result:
    """max(x, 0); at 0 the derivative is taken as 0."""
    return np.maximum(x, 0), lambda g: (g * (x > 0),)


@primitive
def silu(x: Any) -> _Result:
    """X · sigmoid(x) (Elfwing, Uchibe, Doya 2018), also called swish."""
    s = _logistic(x)
    return x * s, lambda g: (g * s * (1 + x * (1 - s)),)


@primitive
def erf(x: Any) -> _Result:
    r"""The error function :math:`\frac{2}{\sqrt\pi} \int_0^x e^{-t^2} dt`."""
    return _erf(x), lambda g: (g * np.exp(-x * x) * (2 / math.sqrt(math.pi)),)


@primitive
def gelu(x: Any, *, approximate: bool = False) -> _Result:
    r"""The Gaussian error linear unit :math:`x \Phi(x)` (Hendrycks, Gimpel 2016).

    Args:
        x: Any shape.
        approximate: Uses their tanh approximation, as GPT-2 does, instead of the normal distribution function itself.
    """
    if approximate:
        c = math.sqrt(2 / math.pi)
        t = np.tanh(c * (x + 0.044715 * (x * x * x)))
        half = 0.5 * (1 + t)
        return x * half, lambda g: (g * (half + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x)),)
    phi = 0.5 * (1 + _erf(x * math.sqrt(0.5)))
    return x * phi, lambda g: (g * (phi + x * np.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))),)


# ---- reductions


@primitive
def reduce_sum(x: Any, axis: Axis = None, keepdims: bool = False) -> _Result:
    """Sum over axes."""
    return x.sum(axis, keepdims=keepdims), lambda g: (_spread(g, x.shape, axis, keepdims).copy(),)


@primitive
def reduce_mean(x: Any, axis: Axis = None, keepdims: bool = False) -> _Result:
    """Mean over axes."""
    mean = x.mean(axis, keepdims=keepdims)
    count = x.size // max(1, np.size(mean))
    return mean, lambda g: (_spread(g, x.shape, axis, keepdims) / count,)


@primitive
def reduce_max(x: Any, axis: int | None = None, keepdims: bool = False) -> _Result:
    """Maximum over an axis; ties share the gradient equally."""
    largest = x.max(axis, keepdims=True)

    def pullback(g: AnyArray) -> Sequence[Part]:
        hit = x == largest
        return (_spread(g, x.shape, axis, keepdims) * hit / hit.sum(axis, keepdims=True),)

    return (largest if keepdims else largest.reshape(x.max(axis).shape)), pullback


@primitive
def logsumexp(x: Any, axis: int = -1, keepdims: bool = False) -> _Result:
    """Log of the sum of exponentials over an axis, without overflow."""
    largest = x.max(axis, keepdims=True)
    shifted = np.exp(x - largest)
    total = shifted.sum(axis, keepdims=True)
    value = np.log(total) + largest

    def pullback(g: AnyArray) -> Sequence[Part]:
        return (_spread(g, x.shape, axis, keepdims) * (shifted / total),)

    return (value if keepdims else value.squeeze(axis)), pullback


@primitive
def softmax(x: Any, axis: int = -1) -> _Result:
    """exp(x) over its sum along an axis, without overflow."""
    y = np.exp(x - x.max(axis, keepdims=True))
    y /= y.sum(axis, keepdims=True)
    return y, lambda g: (y * (g - (g * y).sum(axis, keepdims=True)),)


@primitive
def log_softmax(x: Any, axis: int = -1) -> _Result:
    """Log of the softmax, exact where the softmax itself is 0 in floating point."""
    shifted = x - x.max(axis, keepdims=True)
    y = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    return y, lambda g: (g - np.exp(y) * g.sum(axis, keepdims=True),)


# ---- products


@elementwise
def matmul(x: Any, y: Any) -> _Result:
    """Matrix product of the last two axes, broadcast over the others; vectors as NumPy has them."""
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError("matmul needs vectors or matrices, not single numbers: multiply with *")
    left, right = np.atleast_2d(x), y[:, None] if y.ndim == 1 else y

    def pullback(g: AnyArray) -> Sequence[Part]:
        # Vectors as matrices of one row or column, so that one rule serves.
        if y.ndim == 1:
            g = g[..., None]
        if x.ndim == 1:
            g = np.expand_dims(g, -2)
        if right.ndim == 2 and left.ndim > 2:
            # One product over all rows at once, instead of one for each matrix and their sum.
            rows, ends = left.reshape(-1, left.shape[-1]), g.reshape(-1, g.shape[-1])
            return (lambda: (ends @ right.T).reshape(x.shape)), (lambda: (rows.T @ ends).reshape(y.shape))
        return (
            lambda: _summed_to(g @ right.swapaxes(-1, -2), left.shape).reshape(x.shape),
            lambda: _summed_to(left.swapaxes(-1, -2) @ g, right.shape).reshape(y.shape),
        )

    if left.ndim > 2 and right.ndim == 2:
        # NumPy would read all of y anew for each matrix of x.
        flat = left.reshape(-1, left.shape[-1]) @ right
        return flat.reshape(*x.shape[:-1], *y.shape[1:]), pullback
    return x @ y, pullback


@primitive
def einsum(subscripts: str, operands: Sequence[Any]) -> _Result:
    """Einstein's summation over two or more operands, written out (`"ij,jk->ik"`), each index once an operand.

    Args:
        subscripts: With an explicit result.
        operands: The tensors.

    Raises:
        RangeError: The subscripts have no `->`, an ellipsis, or an index twice in one operand.
    """
    sources, arrow, target = subscripts.replace(" ", "").partition("->")
    terms = sources.split(",")
    if not arrow or "." in subscripts or any(len(set(term)) != len(term) for term in terms):
        raise RangeError(f"einsum: write {subscripts!r} with a result and each index once an operand")

    def pullback(g: AnyArray) -> Sequence[Part]:
        found: list[Part] = []
        for place, (term, operand) in enumerate(zip(terms, operands, strict=True)):
            others = [t for i, t in enumerate(terms) if i != place]
            arrays = [a for i, a in enumerate(operands) if i != place]
            known = set(target).union(*others)
            # An index that stands in this operand alone was summed over: its gradient is the same everywhere.
            kept = "".join(index for index in term if index in known)
            part = np.einsum(f"{','.join([target, *others])}->{kept}", g, *arrays, optimize=True)
            if kept != term:
                axes = tuple(i for i, index in enumerate(term) if index not in known)
                part = np.broadcast_to(np.expand_dims(part, axes), operand.shape).copy()
            found.append(part)
        return found

    return np.einsum(subscripts, *operands, optimize=True), pullback


# ---- shapes


@primitive
def reshape(x: Any, shape: Any) -> _Result:
    """The same elements in another shape."""
    shape = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
    return x.reshape(shape), lambda g: (g.reshape(x.shape),)


@primitive
def transpose(x: Any, axes: tuple[int, ...] | None = None) -> _Result:
    """With the axes in another order."""
    back = None if axes is None else np.argsort([axis % x.ndim for axis in axes])
    return np.transpose(x, axes), lambda g: (np.transpose(g, back),)


@primitive
def broadcast_to(x: Any, shape: tuple[int, ...]) -> _Result:
    """Repeated along new and unit axes."""
    return np.broadcast_to(x, shape), lambda g: (_summed_to(g, x.shape),)


@primitive
def astype(x: Any, dtype: Any) -> _Result:
    """In another floating-point type; the gradient goes back in the former one."""
    return x.astype(dtype), lambda g: (g.astype(x.dtype),)


@primitive
def getitem(x: Any, index: Any) -> _Result:
    """x[index]; what was taken several times gets the sum of its gradients."""

    def pullback(g: AnyArray) -> Sequence[Part]:
        whole = np.zeros_like(x)
        if _takes_each_once(index):
            whole[index] = g
        else:
            np.add.at(whole, index, g)
        return (whole,)

    return x[index], pullback


@primitive
def take(x: Any, rows: AnyArray) -> _Result:
    """Rows of x by number, as an embedding looks them up: shape (*rows.shape, *x.shape[1:])."""

    def pullback(g: AnyArray) -> Sequence[Part]:
        whole = np.zeros_like(x)
        if rows.size:
            flat, parts = rows.ravel(), g.reshape(rows.size, *x.shape[1:])
            # Sorted, equal rows are summed by segments: np.add.at takes one row at a time.
            order = np.argsort(flat, kind="stable")
            numbers, starts = np.unique(flat[order], return_index=True)
            whole[numbers] = np.add.reduceat(parts[order], starts, axis=0)
        return (whole,)

    return x[rows], pullback


@primitive
def concatenate(parts: Sequence[Any], axis: int = 0) -> _Result:
    """One behind the other along an axis."""
    ends = np.cumsum([part.shape[axis] for part in parts])[:-1]
    return np.concatenate(parts, axis), lambda g: np.split(g, ends, axis)


@primitive
def stack(parts: Sequence[Any], axis: int = 0) -> _Result:
    """Side by side along a new axis."""
    return np.stack(parts, axis), lambda g: [np.take(g, i, axis) for i in range(len(parts))]


@primitive
def pad(x: Any, widths: Sequence[tuple[int, int]]) -> _Result:
    """With zeros around: so many before and behind on each axis."""
    inner = tuple(slice(before, before + length) for (before, _), length in zip(widths, x.shape, strict=True))
    return np.pad(x, widths), lambda g: (g[inner],)


# ---- broadcasting


def _of_both(x: Any, y: Any, of_x: Callable[[AnyArray], AnyArray], of_y: Callable[[AnyArray], AnyArray]) -> Pullback:
    """The pullback of a broadcast operation on two operands; the gradient of a constant is never computed."""
    return lambda g: (lambda: _summed_to(of_x(g), x.shape), lambda: _summed_to(of_y(g), y.shape))


def _summed_to(g: AnyArray, shape: tuple[int, ...]) -> AnyArray:
    """The gradient of an input that was broadcast from `shape`: summed over what it was repeated along."""
    if g.shape == shape:
        return g
    extra = g.ndim - len(shape)
    repeated = tuple(range(extra)) + tuple(
        axis + extra for axis, length in enumerate(shape) if length == 1 and g.shape[axis + extra] != 1
    )
    summed: AnyArray = g.sum(repeated, keepdims=True) if repeated else g
    return summed.reshape(shape)


def _spread(g: AnyArray, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> AnyArray:
    """The gradient of a reduction, repeated over what was reduced; a view."""
    if not keepdims and axis is not None:
        g = np.expand_dims(g, axis)
    return np.broadcast_to(g, shape)


def _logistic(x: Any) -> AnyArray:
    small = np.exp(-np.abs(x))
    value: AnyArray = np.where(x >= 0, 1, small) / (1 + small)
    return value.astype(x.dtype, copy=False)


def _takes_each_once(index: Any) -> bool:
    """Whether an index cannot name an element twice: no array of numbers among its parts."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None
        or part is Ellipsis
        or isinstance(part, slice | int | np.integer)
        or (isinstance(part, np.ndarray) and part.dtype == bool)
        for part in parts
    )
