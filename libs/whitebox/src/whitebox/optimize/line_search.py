"""How far to go in a direction of descent (Nocedal, Wright: Numerical Optimization, 2nd ed., chapter 3)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.errors import RangeError, ShapeError

# From a point to the value and the gradient there.
Objective = Callable[[Array], tuple[float, Array]]


class Step(NamedTuple):
    """Where a line search ends.

    Attributes:
        size: Multiple of the direction; 0 if none was found that is good enough.
        x: The point there, shape (n,).
        value: The objective there.
        gradient: Its gradient there, shape (n,).
        evaluations: How often the objective was computed.
    """

    size: float
    x: Array
    value: float
    gradient: Array
    evaluations: int


def armijo(
    objective: Objective,
    x: npt.ArrayLike,
    direction: npt.ArrayLike,
    *,
    known: tuple[float, Array] | None = None,
    initial: float = 1.0,
    c1: float = 1e-4,
    shrink: float = 0.5,
    max_iter: int = 60,
) -> Step:
    r"""Backtracks until the decrease is a fair share of what the slope promises (Armijo 1966).

    .. math:: f(x + \alpha p) \le f(x) + c_1 \alpha\, p \cdot \nabla f(x)

    One evaluation a trial.

    Args:
        objective: Value and gradient at a point.
        x: Shape (n,).
        direction: p, shape (n,), downhill.
        known: Value and gradient at `x`, to spare their evaluation.
        initial: First :math:`\alpha`.
        c1: The share, in (0, 1).
        shrink: Factor between trials, in (0, 1).
        max_iter: Trials at most; then the step has size 0.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: if a parameter is out of its range, or the direction does not lead downhill.

    >>> step = armijo(lambda x: (float(x @ x), 2 * x), [1.0], [-4.0])
    >>> step.size, step.x.tolist(), step.value
    (0.25, [0.0], 0.0)
    """
    start, p, value, gradient, slope = _downhill(objective, x, direction, known)
    size = number_in(initial, "initial", 0, open_low=True)
    number_in(c1, "c1", 0, 1, open_low=True)
    number_in(shrink, "shrink", 0, 1, open_low=True)
    for count in range(positive_int(max_iter, "max_iter")):
        point = start + size * p
        reached, there = objective(point)
        if reached <= value + c1 * size * slope:
            return Step(size, point, reached, there, count + 1 + (known is None))
        size *= shrink
    return Step(0.0, start, value, gradient, max_iter + (known is None))


def strong_wolfe(
    objective: Objective,
    x: npt.ArrayLike,
    direction: npt.ArrayLike,
    *,
    known: tuple[float, Array] | None = None,
    initial: float = 1.0,
    c1: float = 1e-4,
    c2: float = 0.9,
    max_iter: int = 40,
) -> Step:
    r"""Finds a step that decreases enough and where the slope has flattened (Wolfe 1969).

    .. math:: f(x + \alpha p) \le f(x) + c_1 \alpha\, p \cdot \nabla f(x), \qquad
              |p \cdot \nabla f(x + \alpha p)| \le c_2 |p \cdot \nabla f(x)|

    The step is doubled until an interval must hold such a point, which cubic interpolation then narrows down to
    (Nocedal, Wright, algorithms 3.5 and 3.6). One evaluation a trial.

    Args:
        objective: Value and gradient at a point.
        x: Shape (n,).
        direction: p, shape (n,), downhill.
        known: Value and gradient at `x`, to spare their evaluation.
        initial: First :math:`\alpha`.
        c1: Above 0, at most `c2`.
        c2: Below 1; 0.9 for quasi-Newton directions.
        max_iter: Trials at most. Then the best point that decreases enough is given, or size 0 if there is none.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: if a parameter is out of its range, or the direction does not lead downhill.

    >>> step = strong_wolfe(lambda x: (float(x @ x), 2 * x), [1.0], [-0.25], c2=0.1)
    >>> step.size, step.x.tolist()
    (4.0, [0.0])
    """
    start, p, value, gradient, slope = _downhill(objective, x, direction, known)
    size = number_in(initial, "initial", 0, open_low=True)
    c2 = number_in(c2, "c2", 0, 1, open_low=True)
    c1 = number_in(c1, "c1", 0, c2, open_low=True)
    origin = _Trial(0.0, value, slope, start, gradient)
    low, high = origin, None
    for count in range(positive_int(max_iter, "max_iter")):
        point = start + size * p
        reached, there = objective(point)
        trial = _Trial(size, reached, float(there @ p), point, there)
        if not trial.value <= value + c1 * size * slope or (low.size > 0 and trial.value >= low.value):
            high = trial  # too far: NaN and infinity come here as well
        elif abs(trial.slope) <= -c2 * slope:
            return Step(size, point, reached, there, count + 1 + (known is None))
        elif high is None:
            if trial.slope >= 0:
                low, high = trial, low
            else:
                low = trial
        else:
            # The minimum lies where the slope at the better end leads.
            if trial.slope * (high.size - low.size) >= 0:
                high = low
            low = trial
        size = 2 * size if high is None else _between(low, high)
        if high is not None and abs(high.size - low.size) <= 1e-15 * max(high.size, low.size):
            break
    return Step(low.size, low.x, low.value, low.gradient, count + 1 + (known is None))


class _Trial(NamedTuple):
    size: float
    value: float
    slope: float
    x: Array
    gradient: Array


def _between(low: _Trial, high: _Trial) -> float:
    """Minimum of the cubic through both ends, kept away from them; the middle where there is none."""
    width = high.size - low.size
    middle = low.size + width / 2
    if not (math.isfinite(high.value) and math.isfinite(high.slope)):
        return low.size + 0.1 * width
    d1 = low.slope + high.slope - 3 * (low.value - high.value) / (low.size - high.size)
    square = d1 * d1 - low.slope * high.slope
    if not square >= 0:
        return middle
    d2 = math.copysign(math.sqrt(square), width)
    denominator = high.slope - low.slope + 2 * d2
    if denominator == 0:
        return middle
    found = high.size - width * (high.slope + d2 - d1) / denominator
    nearest, farthest = sorted((low.size + 0.1 * width, high.size - 0.1 * width))
    return found if nearest <= found <= farthest else middle


def _downhill(
    objective: Objective, x: npt.ArrayLike, direction: npt.ArrayLike, known: tuple[float, Array] | None
) -> tuple[Array, Array, float, Array, float]:
    start, p = as_vector(x, "x"), as_vector(direction, "direction")
    if start.shape != p.shape:
        raise ShapeError(f"x has shape {start.shape}, direction has {p.shape}")
    value, gradient = objective(start) if known is None else known
    slope = float(np.dot(gradient, p))
    if not slope < 0:
        raise RangeError(f"the direction does not lead downhill: its slope is {slope:g}")
    return start, p, value, gradient, slope
