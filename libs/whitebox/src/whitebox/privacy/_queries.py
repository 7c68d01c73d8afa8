"""Private statistics of clipped data: what every person can change is known from the bounds that the caller declares.

Neighbouring data differ in one person: by replacing their row ("replace_one", the number of rows being public), or by
adding or removing it ("add_remove", which hides even who is there).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in
from whitebox.errors import DtypeError, EmptyInputError, RangeError, ShapeError
from whitebox.privacy._accountant import (
    Accountant,
    ComposedEvent,
    Event,
    GaussianEvent,
    LaplaceEvent,
    PureEvent,
)
from whitebox.privacy._discrete import Integers
from whitebox.privacy._gaussian import gaussian_sigma
from whitebox.privacy._mechanisms import gaussian_mechanism, geometric_mechanism, laplace_mechanism

Neighbours = Literal["replace_one", "add_remove"]
Bounds = tuple[float, float]


def private_count(
    rng: np.random.Generator, flags: npt.ArrayLike, epsilon: float, *, accountant: Accountant | None = None
) -> int:
    r"""How many flags are set, plus discrete Laplace noise of scale :math:`1 / \varepsilon`.

    One person changes a count by 1, whatever neighbours are. Unbiased; may be negative. O(n).

    Args:
        rng: Source of the noise.
        flags: True for each person who counts, shape (n,); may be empty.
        epsilon: ε, positive.
        accountant: Books the release first.

    Raises:
        DtypeError: if flags are not true or false.
        RangeError: if ε is not positive.
        BudgetExhaustedError: if the accountant refuses; nothing is drawn then.

    >>> private_count(np.random.default_rng(0), [True, False, True], epsilon=50.0)
    2
    """
    chosen = np.asarray(flags)
    if chosen.size == 0:
        chosen = np.zeros(0, dtype=bool)
    if chosen.dtype.kind != "b":
        raise DtypeError(f"flags must be true or false, got dtype {chosen.dtype}")
    if chosen.ndim != 1:
        raise ShapeError(f"flags must be a vector, got shape {chosen.shape}")
    return int(geometric_mechanism(rng, chosen.sum(), 1, epsilon, accountant=accountant))


def private_sum(
    rng: np.random.Generator,
    values: npt.ArrayLike,
    bounds: Bounds,
    epsilon: float,
    *,
    delta: float = 0.0,
    neighbours: Neighbours = "add_remove",
    accountant: Accountant | None = None,
) -> float:
    r"""Sum of the values, each clipped to bounds, plus noise.

    .. math:: \sum_i \min(\max(x_i, a), b) + \text{noise}, \qquad
              \Delta = \begin{cases} b - a & \text{replace one} \\ \max(|a|, |b|) & \text{add or remove} \end{cases}

    (Dwork, Roth: The Algorithmic Foundations of Differential Privacy, 2014, section 3.3.) O(n).

    Args:
        rng: Source of the noise.
        values: One a person, shape (n,); may be empty where neighbours add or remove.
        bounds: a < b, from knowledge of the subject: bounds taken from the data are not private.
        epsilon: ε, positive.
        delta: 0 for Laplace noise; above 0 for normal noise.
        neighbours: What differs between neighbouring data.
        accountant: Books the release first.

    Raises:
        RangeError: for an argument out of its range.
        BudgetExhaustedError: if the accountant refuses; nothing is drawn then.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for values that are none.

    >>> round(private_sum(np.random.default_rng(0), [1.0, 2.0, 900.0], (0.0, 10.0), epsilon=1e6), 3)
    13.0
    """
    low, high = _bounds(bounds)
    empty_is_valid = _known(neighbours) == "add_remove"
    total = float(_clipped(values, low, high, or_empty=empty_is_valid).sum())
    sensitivity = max(abs(low), abs(high)) if neighbours == "add_remove" else high - low
    return _release(rng, total, sensitivity, epsilon, delta, accountant=accountant)


def private_mean(
    rng: np.random.Generator,
    values: npt.ArrayLike,
    bounds: Bounds,
    epsilon: float,
    *,
    delta: float = 0.0,
    neighbours: Neighbours = "replace_one",
    accountant: Accountant | None = None,
) -> float:
    r"""Mean of the values, each clipped to bounds, plus noise.

    .. math:: \frac{1}{n} \sum_i \min(\max(x_i, a), b) + \text{noise}, \qquad \Delta = \frac{b - a}{n}

    where the number of people is public. Where it is not ("add_remove"), half of ε goes into a private count m and half
    into the sum of distances from the middle, :math:`c + \sum_i (x_i - c) / \max(m, 1)` clipped to the bounds, whose
    sensitivity is (b - a) / 2 (Li, Lyu, Su, Yang 2016, section 2.5). O(n).

    Args:
        rng: Source of the noise.
        values: One a person, shape (n,); may be empty where neighbours add or remove.
        bounds: a < b, from knowledge of the subject: bounds taken from the data are not private.
        epsilon: ε, positive.
        delta: 0 for Laplace noise; above 0 for normal noise.
        neighbours: What differs between neighbouring data.
        accountant: Books the release first, both halves of it.

    Raises:
        RangeError: for an argument out of its range.
        BudgetExhaustedError: if the accountant refuses; nothing is drawn then.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for values that are none.

    >>> round(private_mean(np.random.default_rng(0), [1.0, 2.0, 900.0], (0.0, 9.0), epsilon=1e6), 3)
    4.0
    """
    low, high = _bounds(bounds)
    kept = _clipped(values, low, high, or_empty=_known(neighbours) == "add_remove")
    if neighbours == "replace_one":
        return _release(rng, float(kept.mean()), (high - low) / len(kept), epsilon, delta, accountant=accountant)
    half = number_in(epsilon, "epsilon", 0, open_low=True) / 2
    middle = (low + high) / 2
    if accountant is not None:
        # Both at once: a refusal after the count is out would have spent half of ε on nothing.
        accountant.spend(ComposedEvent((PureEvent(half), _event(half, delta))))
    count = private_count(rng, np.ones(len(kept), dtype=bool), half)
    total = _release(rng, float((kept - middle).sum()), (high - low) / 2, half, delta)
    return min(max(middle + total / max(count, 1), low), high)


def private_histogram(
    rng: np.random.Generator,
    values: npt.ArrayLike,
    edges: npt.ArrayLike,
    epsilon: float,
    *,
    neighbours: Neighbours = "add_remove",
    accountant: Accountant | None = None,
) -> Integers:
    r"""How many values lie between each two edges, plus discrete Laplace noise of scale :math:`\Delta_1 / \varepsilon`.

    A person added or removed changes one bin by 1, :math:`\Delta_1 = 1`; a person replaced leaves a bin and enters
    another, :math:`\Delta_1 = 2` (Dwork, Roth 2014, example 3.2). All bins together cost ε once, because they are
    disjoint. Empty bins get noise too. O(n · log bins + bins).

    Args:
        rng: Source of the noise.
        values: One a person, shape (n,); those outside all bins are not counted. May be empty.
        edges: Rising, shape (bins + 1,), from knowledge of the subject and not from the data; a bin includes its left
            edge, the last bin both.
        epsilon: ε, positive.
        neighbours: What differs between neighbouring data.
        accountant: Books the release first.

    Returns:
        Whole numbers, shape (bins,), possibly negative.

    Raises:
        RangeError: if ε is not positive, or edges do not rise.
        BudgetExhaustedError: if the accountant refuses; nothing is drawn then.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for values or edges that are none.

    >>> private_histogram(np.random.default_rng(0), [0.5, 1.5, 1.7], [0.0, 1.0, 2.0], epsilon=50.0).tolist()
    [1, 2]
    """
    borders = as_vector(edges, "edges")
    if len(borders) < 2 or (np.diff(borders) <= 0).any():
        raise RangeError("edges must be two or more numbers that rise")
    held = np.asarray(values)
    counts, _ = np.histogram(as_vector(held, "values") if held.size else np.zeros(0), borders)
    sensitivity = 2 if _known(neighbours) == "replace_one" else 1
    return geometric_mechanism(rng, counts.astype(np.int64), sensitivity, epsilon, accountant=accountant)


def private_integral(
    rng: np.random.Generator,
    function: Callable[[Array], npt.ArrayLike],
    samples: npt.ArrayLike,
    bounds: Bounds,
    epsilon: float,
    *,
    delta: float = 0.0,
    volume: float = 1.0,
    accountant: Accountant | None = None,
) -> float:
    r"""Integral of a bounded function over private points: their mean, clipped, times the volume they come from.

    .. math:: \frac{V}{n} \sum_i \min(\max(f(x_i), a), b) + \text{noise}, \qquad \Delta = \frac{V (b - a)}{n}

    The Monte Carlo integral, of one private point a person (neighbours replace one). With V = 1 it is the expectation
    of f under the points' own distribution. O(n) and one call of f.

    Args:
        rng: Source of the noise.
        function: From the points to one number each, shape (n,).
        samples: Points, one row a person, shape (n,) or (n, d).
        bounds: a < b: what f is known to lie within; values outside are clipped.
        epsilon: ε, positive.
        delta: 0 for Laplace noise; above 0 for normal noise.
        volume: V, positive: of the domain that the points cover evenly. Public.
        accountant: Books the release first.

    Raises:
        RangeError: for an argument out of its range.
        ShapeError: if f gives not one number a point.
        BudgetExhaustedError: if the accountant refuses; nothing is drawn then.
        DtypeError, EmptyInputError, NotFiniteError: for samples or values of f that are none.

    >>> x = np.linspace(0.0005, 0.9995, 1000)
    >>> round(private_integral(np.random.default_rng(0), lambda x: x**2, x, (0.0, 1.0), epsilon=1e6), 4)
    0.3333
    """
    points = np.asarray(samples)
    if points.ndim == 0:
        raise ShapeError("samples must hold one row a person, got a number")
    if len(points) == 0:
        raise EmptyInputError("samples is empty")
    heights = as_vector(function(points), "the function's values")
    if len(heights) != len(points):
        raise ShapeError(f"the function gives {len(heights)} values for {len(points)} samples")
    size = number_in(volume, "volume", 0, open_low=True)
    low, high = _bounds(bounds)
    estimate = size * float(_clipped(heights, low, high).mean())
    return _release(rng, estimate, size * (high - low) / len(heights), epsilon, delta, accountant=accountant)


def private_area(
    rng: np.random.Generator,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    bounds: Bounds,
    epsilon: float,
    *,
    delta: float = 0.0,
    accountant: Accountant | None = None,
) -> float:
    r"""Area under a curve by the trapezoid rule, each of whose heights, clipped, is one person's.

    .. math:: \sum_i w_i \min(\max(y_i, a), b) + \text{noise}, \qquad w_i = \frac{x_{i+1} - x_{i-1}}{2}, \qquad
              \Delta = (b - a) \max_i w_i

    where beyond the ends x repeats. The places x are public, neighbours replace one height. O(n).

    Args:
        rng: Source of the noise.
        x: Places, rising, shape (n,), n ≥ 2.
        y: Heights, shape (n,).
        bounds: a < b: what heights are clipped to, from knowledge of the subject.
        epsilon: ε, positive.
        delta: 0 for Laplace noise; above 0 for normal noise.
        accountant: Books the release first.

    Raises:
        RangeError: for an argument out of its range, or places that do not rise.
        ShapeError: if x and y differ in length.
        BudgetExhaustedError: if the accountant refuses; nothing is drawn then.
        DtypeError, EmptyInputError, NotFiniteError: for numbers that are none.

    >>> round(private_area(np.random.default_rng(0), [0.0, 1.0, 3.0], [0.0, 1.0, 99.0], (0.0, 3.0), 1e6), 3)
    4.5
    """
    places = as_vector(x, "x")
    if len(places) < 2 or (np.diff(places) <= 0).any():
        raise RangeError("x must be two or more numbers that rise")
    low, high = _bounds(bounds)
    heights = _clipped(y, low, high, "y")
    if len(heights) != len(places):
        raise ShapeError(f"x has {len(places)} numbers, y has {len(heights)}")
    weights = np.convolve(np.diff(places), [0.5, 0.5])
    return _release(
        rng, float(weights @ heights), (high - low) * float(weights.max()), epsilon, delta, accountant=accountant
    )


def _release(
    rng: np.random.Generator,
    value: float,
    sensitivity: float,
    epsilon: float,
    delta: float,
    *,
    accountant: Accountant | None = None,
) -> float:
    if number_in(delta, "delta", 0, 1) == 0:
        return float(laplace_mechanism(rng, value, sensitivity, epsilon, accountant=accountant))
    return float(gaussian_mechanism(rng, value, sensitivity, epsilon, delta, accountant=accountant))


def _event(epsilon: float, delta: float) -> Event:
    """What `_release` books."""
    return LaplaceEvent(1 / epsilon) if delta == 0 else GaussianEvent(gaussian_sigma(epsilon, delta))


def _bounds(bounds: Bounds) -> tuple[float, float]:
    if len(bounds) != 2:
        raise ShapeError(f"bounds must be a pair, got {len(bounds)} numbers")
    low = number_in(bounds[0], "the lower bound")
    high = number_in(bounds[1], "the upper bound")
    if low >= high:
        raise RangeError(f"the lower bound must be below the upper, got {low:g} and {high:g}")
    return low, high


def _clipped(values: npt.ArrayLike, low: float, high: float, name: str = "values", *, or_empty: bool = False) -> Array:
    if or_empty and np.size(values) == 0:
        return np.zeros(0)
    clipped: Array = np.clip(as_vector(values, name), low, high)
    return clipped


def _known(neighbours: Neighbours) -> Neighbours:
    if neighbours not in ("replace_one", "add_remove"):
        raise RangeError(f"neighbours must be 'replace_one' or 'add_remove', got {neighbours!r}")
    return neighbours
