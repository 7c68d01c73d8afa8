"""Dual numbers: values that carry their derivatives through every operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

from whitebox._validation import Array
from whitebox.calculus._rules import BINARY, COMPARISONS, UNARY, Partial
from whitebox.errors import DtypeError


class Dual(NDArrayOperatorsMixin):
    r"""An array with its first and, where wanted, second derivatives with respect to k variables.

    :math:`a + a' \epsilon` with :math:`\epsilon^2 = 0`: elementwise functions follow the chain rule,

    .. math:: \partial_i f(a) = f'(a)\, \partial_i a, \qquad
              \partial_i \partial_j f(a) = f'(a)\, \partial_i \partial_j a + f''(a)\, \partial_i a\, \partial_j a

    exactly, without step sizes (Wengert: A Simple Automatic Derivative Evaluation Program, 1964). NumPy's elementwise
    functions, arithmetic, `@`, sums, indexing, `where`, `stack` and `concatenate` work on them; comparisons look at the
    values. An operation on s numbers costs O(s · k), with second derivatives O(s · k²).

    Args:
        value: Any shape S.
        first: Shape S + (k,).
        second: Shape S + (k, k), or None to carry first derivatives only.

    Raises:
        DtypeError: by functions that would lose the derivatives, as those of `math` do.

    >>> x = Dual(np.array(2.0), np.array([1.0]))
    >>> y = x * np.exp(x - 2) + 1
    >>> y.value.tolist(), y.first.tolist()
    (3.0, [3.0])
    """

    def __init__(self, value: Any, first: Any, second: Any = None) -> None:
        self.value: Array = np.asarray(value, dtype=np.float64)
        self.first: Array = np.asarray(first, dtype=np.float64)
        self.second: Array | None = None if second is None else np.asarray(second, dtype=np.float64)

    def __repr__(self) -> str:
        return f"Dual({self.value!r}, {self.first!r}{'' if self.second is None else f', {self.second!r}'})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the value."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """Of the value."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """Of the value."""
        return self.value.size

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Dual]:
        return (self[place] for place in range(len(self.value)))

    def __getitem__(self, place: Any) -> Dual:
        if isinstance(place, tuple) and Ellipsis in place:
            raise DtypeError("index dual numbers without '...': the last axes are the derivatives")
        second = None if self.second is None else self.second[place]
        return Dual(self.value[place], self.first[place], second)

    def __float__(self) -> float:
        raise DtypeError("a float would lose the derivative: use NumPy's functions instead of math's")

    def __bool__(self) -> bool:
        return bool(self.value)

    def reshape(self, *shape: int) -> Dual:
        """The same numbers in another shape."""
        value = self.value.reshape(*shape)
        return self._map(lambda part, extra: part.reshape(*value.shape, *part.shape[part.ndim - extra :]))

    @property
    def T(self) -> Dual:  # noqa: N802  # as NumPy has it
        """With the axes in reverse order."""
        axes = tuple(reversed(range(self.ndim)))
        return self._map(lambda part, extra: part.transpose(*axes, *range(part.ndim - extra, part.ndim)))

    def sum(self, axis: int | None = None, **_: Any) -> Dual:
        """The sum along an axis, or of all."""
        axes = tuple(range(self.ndim)) if axis is None else (axis % self.ndim,)
        return self._map(lambda part, _: part.sum(axis=axes))

    def mean(self, axis: int | None = None, **_: Any) -> Dual:
        """The mean along an axis, or of all."""
        count = self.size if axis is None else self.shape[axis]
        return self.sum(axis)._map(lambda part, _: part / count)

    def _map(self, change: Callable[[Array, int], Array]) -> Dual:
        """Applies what treats value and derivatives alike; it is told how many axes are those of derivatives."""
        second = None if self.second is None else change(self.second, 2)
        return Dual(change(self.value, 0), change(self.first, 1), second)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            raise DtypeError(f"{ufunc.__name__} of dual numbers takes no options and has no .{method}")
        if ufunc in COMPARISONS:
            return ufunc(*(part.value if isinstance(part, Dual) else part for part in inputs))
        if ufunc is np.matmul:
            return _product(*inputs)
        if ufunc in UNARY:
            return _apply(ufunc, inputs[0])
        if ufunc in BINARY:
            return _combine(ufunc, *inputs)
        raise DtypeError(f"the derivative of numpy.{ufunc.__name__} is not known")

    def __array_function__(
        self, function: Callable[..., Any], types: Any, arguments: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        if function not in _FUNCTIONS:
            raise DtypeError(f"numpy.{function.__name__} does not take dual numbers")
        return _FUNCTIONS[function](*arguments, **options)


def _apply(ufunc: np.ufunc, x: Dual) -> Dual:
    value = ufunc(x.value)
    slope, curvature = UNARY[ufunc](x.value, value)
    second = None if x.second is None else _scaled(slope, x.second, 2) + _scaled(curvature, _outer(x, x), 2)
    return Dual(value, _scaled(slope, x.first, 1), second)


def _combine(ufunc: np.ufunc, x: Any, y: Any) -> Dual:
    a, b = (part.value if isinstance(part, Dual) else np.asarray(part, dtype=np.float64) for part in (x, y))
    value = ufunc(a, b)
    by_x, by_y, by_xx, by_xy, by_yy = BINARY[ufunc]
    terms: list[tuple[Any, Dual, Partial]] = []
    if isinstance(x, Dual):
        terms.append((by_x(a, b), x, by_xx))
    if isinstance(y, Dual):
        terms.append((by_y(a, b), y, by_yy))
    first = sum(_scaled(slope, part.first, 1) for slope, part, _ in terms)
    if all(part.second is None for _, part, _ in terms):
        return Dual(value, _filled(first, value, 1))
    second = sum(
        _scaled(slope, part.second, 2) + _scaled(bend(a, b), _outer(part, part), 2)
        for slope, part, bend in terms
        if part.second is not None
    )
    if len(terms) == 2:
        second = second + _scaled(by_xy(a, b), _outer(x, y) + _outer(y, x), 2)
    return Dual(value, _filled(first, value, 1), _filled(second, value, 2))


def _scaled(factor: Any, derivatives: Array, extra: int) -> Array:
    """Derivatives times a factor of the value's shape."""
    spread = np.asarray(factor)
    product: Array = spread.reshape(*spread.shape, *[1] * extra) * derivatives
    return product


def _outer(x: Dual, y: Dual) -> Array:
    product: Array = x.first[..., :, None] * y.first[..., None, :]
    return product


def _filled(derivatives: Any, value: Any, extra: int) -> Array:
    """Derivatives broadcast to the value's shape."""
    array = np.asarray(derivatives)
    return np.broadcast_to(array, (*np.shape(value), *array.shape[array.ndim - extra :]))


def _product(x: Any, y: Any) -> Dual:
    """Matrix product of two arrays, one or both of them dual, with one or two axes each."""
    left, right = (_Matrix(part, column=place == 1) for place, part in enumerate((x, y)))
    value = left.value @ right.value
    first = sum(
        term
        for term in (
            None if left.first is None else left.first @ right.value,
            None if right.first is None else left.value @ right.first,
        )
        if term is not None
    )
    second: Any = None
    if left.second is not None or right.second is not None:
        second = 0.0 if left.second is None else left.second @ right.value
        second = second + (0.0 if right.second is None else left.value @ right.second)
        if left.first is not None and right.first is not None:
            cross = left.first[:, None] @ right.first[None, :]
            second = second + cross + np.swapaxes(cross, 0, 1)
    shape = (*np.shape(x)[:-1], *np.shape(y)[1:])
    first = np.moveaxis(np.asarray(first), 0, -1)
    if second is not None:
        second = np.moveaxis(second, (0, 1), (-2, -1)).reshape(*shape, *second.shape[:2])
    return Dual(value.reshape(shape), first.reshape(*shape, first.shape[-1]), second)


class _Matrix:
    """A factor with the axes of its derivatives in front, a vector as a single row or column."""

    def __init__(self, factor: Any, *, column: bool) -> None:
        shape = np.shape(factor)
        if len(shape) not in {1, 2}:
            raise DtypeError(f"matrix products of dual numbers take vectors and matrices, got shape {shape}")
        if len(shape) == 1:
            shape = (shape[0], 1) if column else (1, shape[0])
        dual = isinstance(factor, Dual)
        self.value = np.asarray(factor.value if dual else factor, dtype=np.float64).reshape(shape)
        self.first = self.second = None
        if dual:
            self.first = np.moveaxis(factor.first, -1, 0).reshape(-1, *shape)
            if factor.second is not None:
                count = len(self.first)
                self.second = np.moveaxis(factor.second, (-2, -1), (0, 1)).reshape(count, count, *shape)


def _joined(join: Callable[..., Any]) -> Callable[..., Dual]:
    """Stacking and concatenation: the same for the value and the derivatives, constants having none."""

    def joined(parts: Sequence[Any], axis: int = 0) -> Dual:
        model = next(part for part in parts if isinstance(part, Dual))
        duals = [_constant(part, model) for part in parts]
        place = axis if axis >= 0 else axis + duals[0].ndim + (join is np.stack)
        second = None if model.second is None else join([dual.second for dual in duals], axis=place)
        return Dual(
            join([dual.value for dual in duals], axis=place), join([dual.first for dual in duals], axis=place), second
        )

    return joined


def _constant(part: Any, model: Dual) -> Dual:
    """A number or array as a dual one that does not depend on anything."""
    if isinstance(part, Dual):
        return part
    value, k = np.asarray(part, dtype=np.float64), model.first.shape[-1]
    second = None if model.second is None else np.zeros((*value.shape, k, k))
    return Dual(value, np.zeros((*value.shape, k)), second)


def _where(condition: npt.ArrayLike, x: Any, y: Any) -> Dual:
    chosen = np.asarray(condition.value if isinstance(condition, Dual) else condition, dtype=bool)
    model = x if isinstance(x, Dual) else y
    left, right = _constant(x, model), _constant(y, model)

    def pick(a: Array, b: Array, extra: int) -> Array:
        return np.where(chosen.reshape(*chosen.shape, *[1] * extra), a, b)

    second = None if left.second is None or right.second is None else pick(left.second, right.second, 2)
    return Dual(pick(left.value, right.value, 0), pick(left.first, right.first, 1), second)


_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: lambda a, axis=None: a.sum(axis),
    np.mean: lambda a, axis=None: a.mean(axis),
    np.dot: lambda a, b: a @ b if np.ndim(_plain(a)) and np.ndim(_plain(b)) else a * b,
    np.where: _where,
    np.stack: _joined(np.stack),
    np.concatenate: _joined(np.concatenate),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.size,
}


def _plain(part: Any) -> Any:
    return part.value if isinstance(part, Dual) else part
