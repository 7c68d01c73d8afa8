"""How a function of numbers becomes a function of arrays: validated, broadcast, block by block."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_extended
from whitebox.errors import RangeError, ShapeError

# Numbers at a time: their intermediate results stay in the processor's cache.
_BLOCK = 16384

TINY = float(np.finfo(np.float64).tiny)
EPSILON = float(np.finfo(np.float64).eps)


def real(values: Any, name: str) -> Array:
    """Real numbers without NaN; infinities are fine."""
    return as_extended(values, name)


def positive(values: Any, name: str) -> Array:
    """Positive, finite numbers."""
    array = as_extended(values, name)
    return _demand(array, (array > 0) & np.isfinite(array), name, "positive and finite")


def not_negative(values: Any, name: str) -> Array:
    """Numbers from 0 to infinity."""
    array = as_extended(values, name)
    return _demand(array, array >= 0, name, "at least 0")


def probability(values: Any, name: str) -> Array:
    """Numbers from 0 to 1."""
    array = as_extended(values, name)
    return _demand(array, (array >= 0) & (array <= 1), name, "from 0 to 1")


def _demand(array: Array, holds: npt.NDArray[np.bool_], name: str, wanted: str) -> Array:
    if not holds.all():
        raise RangeError(f"{name} must be {wanted}, got {array[~holds][0]:g}")
    return array


def elementwise(kernel: Callable[..., tuple[Array, ...]], *arguments: Array) -> tuple[Array, ...]:
    """Broadcasts the arguments and gives their elements to `kernel` as vectors of a block each.

    Warnings of NumPy's are off: kernels go through limits (the logarithm of zero, an exponential that underflows) to
    reach the right number.

    Returns:
        Each of the kernel's results, in the shape of the broadcast arguments; scalars where all arguments are.
    """
    try:
        shape = np.broadcast_shapes(*(argument.shape for argument in arguments))
    except ValueError:
        raise ShapeError(f"shapes do not broadcast: {', '.join(str(a.shape) for a in arguments)}") from None
    flat = [np.broadcast_to(argument, shape).reshape(-1) for argument in arguments]
    blocks = [slice(start, start + _BLOCK) for start in range(0, max(1, flat[0].size), _BLOCK)]
    with np.errstate(all="ignore"):
        parts = [kernel(*(argument[block] for argument in flat)) for block in blocks]
    joined = (column[0] if len(column) == 1 else np.concatenate(column) for column in zip(*parts, strict=True))
    return tuple(result.reshape(shape)[()] for result in joined)


def once_where_constant(kernel: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Saves work on vectors of one value, as the parameters of a distribution are that is asked for many arguments."""

    @wraps(kernel)
    def saving(x: Array) -> Array:
        if len(x) > 1 and (x == x[0]).all():
            return np.broadcast_to(kernel(x[:1]), x.shape)
        return kernel(x)

    return saving


def horner(coefficients: tuple[float, ...], x: Array) -> Array:
    """A polynomial, the coefficient of the highest power first."""
    if x.size == 0:
        return x
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= x
        total += coefficient
    return total
