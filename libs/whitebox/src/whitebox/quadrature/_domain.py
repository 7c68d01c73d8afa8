"""Where a function is integrated: intervals and boxes, finite or not, brought to finite coordinates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from whitebox._validation import Array
from whitebox.errors import EmptyInputError, RangeError, ShapeError
from whitebox.quadrature._backends import Backend, finite_values


class Axis:
    r"""One variable x as a function of a finite coordinate t.

    A finite interval is its own coordinate; otherwise

    .. math:: x = a + \frac{t}{1 - t}, \quad x = b - \frac{t}{1 - t} \quad (0 < t < 1), \qquad
        x = \frac{t}{1 - t^2} \quad (-1 < t < 1)

    (Piessens and others: QUADPACK, 1983, 3.4; Davis, Rabinowitz 3.1). For a lower end above the upper one the sign
    turns.

    Attributes:
        low: First coordinate.
        high: Last coordinate.
        finite: Whether x is t.
        sign: 1, or -1 for swapped ends.
    """

    def __init__(self, a: float, b: float, name: str) -> None:
        for end in (a, b):
            if isinstance(end, bool) or not isinstance(end, int | float | np.integer | np.floating) or math.isnan(end):
                raise RangeError(f"{name} must be a pair of numbers, infinite perhaps, got {(a, b)!r}")
        self.sign = -1.0 if a > b else 1.0
        self.a, self.b = float(min(a, b)), float(max(a, b))
        if self.a == self.b and math.isinf(self.a):
            raise RangeError(f"{name} has both its ends at {self.a}")
        self.finite = math.isfinite(self.a) and math.isfinite(self.b)
        self.both_infinite = math.isinf(self.a) and math.isinf(self.b)
        self.low, self.high = (self.a, self.b) if self.finite else (-1.0 if self.both_infinite else 0.0, 1.0)

    def place(self, t: Any) -> Any:
        """The variable at coordinates."""
        if self.finite:
            return t
        if self.both_infinite:
            return t / ((1 - t) * (1 + t))
        return self.a + t / (1 - t) if math.isfinite(self.a) else self.b - t / (1 - t)

    def stretch(self, t: Any) -> Any:
        """By how much it moves as the coordinate does; 1 for finite intervals."""
        if self.finite:
            return 1.0
        if self.both_infinite:
            return (1 + t * t) / ((1 - t) * (1 + t)) ** 2
        return 1 / ((1 - t) * (1 - t))

    def magnitude(self, low: Array, high: Array) -> Array:
        """How large the numbers between two coordinates are: those of x count too, in units of the coordinate."""
        largest = np.maximum(np.abs(low), np.abs(high))
        if self.finite:
            return largest
        middle = low / 2 + high / 2
        scaled: Array = np.maximum(largest, np.abs(self.place(middle)) / self.stretch(middle))
        return scaled

    def near_end(self, distance: Array, *, high: bool) -> tuple[Array, Array]:
        """Places and stretches so far from an end, also where the coordinate itself would round to it."""
        if self.finite:
            return (self.b - distance if high else self.a + distance), np.ones_like(distance)
        if self.both_infinite:
            rest = 2 - distance
            place = (1 - distance) / (distance * rest)
            return (place if high else -place), (1 + (1 - distance) ** 2) / (distance * rest) ** 2
        # In this coordinate infinity is the high end.
        away, stretch = (
            ((1 - distance) / distance, distance**-2.0) if high else (distance / (1 - distance), (1 - distance) ** -2.0)
        )
        return (self.a + away if math.isfinite(self.a) else self.b - away), stretch

    def coordinate(self, x: float) -> float:
        """The coordinate of a place inside."""
        if self.finite:
            return x
        if self.both_infinite:
            return 2 * x / (1 + math.sqrt(1 + 4 * x * x))
        away = x - self.a if math.isfinite(self.a) else self.b - x
        return away / (1 + away)


class Line:
    """A function of one variable in its finite coordinate, counted."""

    def __init__(self, f: Callable[[Any], Any], axis: Axis, run: Backend) -> None:
        self.axis, self.run, self.evaluations = axis, run, 0
        self._f = f

    def __call__(self, t: Any, *, finite: bool = True) -> Any:
        """Values times the stretch of the coordinate, at coordinates of shape (m,) of the backend's own."""
        self.evaluations += len(t)
        points = self.axis.place(t)
        values = finite_values(self.run, self._f, points) if finite else self.run.values(self._f, points)
        return values if self.axis.finite else values * self.axis.stretch(t)

    def near_end(self, distance: Array, *, high: bool) -> Array:
        """Values times the stretch at distances from an end of the coordinate."""
        self.evaluations += len(distance)
        points, stretch = self.axis.near_end(distance, high=high)
        return self.run.host(finite_values(self.run, self._f, self.run.array(points))) * stretch

    @property
    def plain(self) -> Callable[[Any], Any]:
        """The function itself."""
        return self._f


class Box:
    """A function of several variables on the unit cube, counted.

    Attributes:
        dimension: How many variables.
        volume: Of the box of coordinates; negative for an odd number of swapped sides.
        flat: Whether the function takes numbers instead of vectors.
    """

    def __init__(self, f: Callable[[Any], Any], axes: Sequence[Axis], run: Backend, *, flat: bool = False) -> None:
        self.axes, self.run, self.evaluations = list(axes), run, 0
        self._f = f
        self.flat = flat
        self.dimension = len(axes)
        self.low = np.array([axis.low for axis in axes])
        self.width = np.array([axis.high - axis.low for axis in axes])
        self.volume = math.prod(axis.sign for axis in axes) * float(np.prod(self.width))
        self._finite = all(axis.finite for axis in axes)
        self._low, self._width = run.array(self.low), run.array(self.width)

    def __call__(self, unit: Any, *, finite: bool = True) -> Any:
        """Values times the volume of the box around each point, at points of the unit cube of shape (m, d)."""
        self.evaluations += len(unit)
        t = self._low + unit * self._width
        points, stretch = (t, 1.0) if self._finite else self._stretched(t)
        if self.flat:
            points = points[:, 0]
        values = finite_values(self.run, self._f, points) if finite else self.run.values(self._f, points)
        return values * (self.volume * stretch)

    def _stretched(self, t: Any) -> tuple[Any, Any]:
        places = [axis.place(t[:, k]) for k, axis in enumerate(self.axes)]
        stretch = 1.0
        for k, axis in enumerate(self.axes):
            stretch = stretch * axis.stretch(t[:, k])
        return self.run.columns(places), stretch


def parse_bounds(bounds: Any) -> tuple[list[Axis], bool]:
    """The sides of a domain, and whether it was given as a plain pair: then functions take numbers, not vectors.

    Raises:
        EmptyInputError, ShapeError, RangeError: for bounds that are none.
    """
    try:
        sides = [pair.tolist() if isinstance(pair, np.ndarray) else pair for pair in bounds]
    except TypeError as error:
        raise ShapeError(f"bounds must be a pair (a, b), or a pair for each variable, got {bounds!r}") from error
    if not sides:
        raise EmptyInputError("bounds holds no pair")
    if all(np.ndim(side) == 0 for side in sides):
        if len(sides) != 2:
            raise ShapeError(f"bounds must be a pair (a, b), or a pair for each variable, got {len(sides)} numbers")
        return [Axis(sides[0], sides[1], "bounds")], True
    if any(np.shape(side) != (2,) for side in sides):
        raise ShapeError("bounds must be a pair (a, b), or a pair for each variable")
    return [Axis(side[0], side[1], f"bounds[{k}]") for k, side in enumerate(sides)], False


def on_box(f: Callable[[Any], Any], bounds: Any, run: Backend) -> Box:
    """A function on its domain as one on the unit cube. Raises as `parse_bounds`."""
    axes, flat = parse_bounds(bounds)
    return Box(f, axes, run, flat=flat)


def as_rng(rng: Any) -> np.random.Generator:
    """A generator of random numbers. Raises RangeError for anything else."""
    if not isinstance(rng, np.random.Generator):
        raise RangeError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
    return rng


def grid_values(box: Box, rules: Sequence[tuple[Array, Array]], block: int = 1 << 16) -> float:
    """Sum over the product of rules on [-1, 1], one an axis, block by block so that the grid is never held at once."""
    sizes = [len(nodes) for nodes, _ in rules]
    total, count = 0.0, math.prod(sizes)
    for start in range(0, count, block):
        rest = np.arange(start, min(start + block, count))
        unit, weight = np.empty((len(rest), len(rules))), np.ones(len(rest))
        for k in range(len(rules) - 1, -1, -1):
            nodes, weights = rules[k]
            rest, place = np.divmod(rest, sizes[k])
            unit[:, k] = (1 + nodes[place]) / 2
            weight *= weights[place] / 2
        total += float((box(box.run.array(unit)) * box.run.array(weight)).sum())
    return total
