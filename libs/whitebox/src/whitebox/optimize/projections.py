"""The nearest point of a convex set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector, number_in
from whitebox.errors import DtypeError, RangeError, ShapeError


def project_box(x: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> Array:
    r"""The nearest point between two bounds, coordinate by coordinate.

    .. math:: \Pi(x)_i = \min(\max(x_i, l_i), u_i)

    (Parikh, Boyd: Proximal Algorithms, 2014, 6.2.4.) O(size).

    Args:
        x: Any shape.
        low: Lower bounds, -inf where there is none; a number, or of a shape that fits.
        high: Upper bounds, inf where there is none.

    Raises:
        DtypeError, EmptyInputError, NotFiniteError: for an unusable point.
        ShapeError: if the bounds do not fit.
        RangeError: for a lower bound above the upper one, or one that is NaN.

    >>> project_box([-1.0, 0.5, 2.0], 0.0, 1.0).tolist()
    [0.0, 0.5, 1.0]
    """
    point = as_array(x, "x")
    try:
        bounds = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        lower, upper = (np.broadcast_to(bound, point.shape) for bound in bounds)
    except TypeError as error:
        raise DtypeError(f"bounds must be numbers: {error}") from error
    except ValueError as error:
        raise ShapeError(f"bounds must fit x of shape {point.shape}: {error}") from error
    wrong = ~(lower <= upper)
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0].tolist())
        raise RangeError(f"low must not exceed high, got {lower[place]} and {upper[place]} at {list(place)}")
    return np.minimum(np.maximum(point, lower), upper)


def project_ball(x: npt.ArrayLike, radius: float = 1.0, center: npt.ArrayLike | None = None) -> Array:
    r"""The nearest point of a Euclidean ball.

    .. math:: \Pi(x) = c + \min\left(1, \frac{r}{\lVert x - c \rVert}\right) (x - c)

    (Parikh, Boyd: Proximal Algorithms, 2014, 6.5.1.) O(n).

    Args:
        x: Shape (n,).
        radius: r, not negative.
        center: c, shape (n,); the origin where missing.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> project_ball([3.0, 4.0]).round(12).tolist()
    [0.6, 0.8]
    """
    point = as_vector(x, "x")
    radius = number_in(radius, "radius", 0)
    middle = np.zeros_like(point) if center is None else as_vector(center, "center")
    if middle.shape != point.shape:
        raise ShapeError(f"center must have shape {point.shape} like x, got {middle.shape}")
    away = point - middle
    largest = float(np.abs(away).max())
    if largest == 0:
        return point.copy()
    # Scaled, so that squares neither overflow nor vanish.
    distance = largest * float(np.sqrt(((away / largest) ** 2).sum()))
    return point.copy() if distance <= radius else middle + away * (radius / distance)


def project_simplex(x: npt.ArrayLike, total: float = 1.0) -> Array:
    r"""The nearest point without negative entries and with a given sum.

    .. math:: \Pi(x)_i = \max(x_i - \tau, 0), \qquad \sum_i \max(x_i - \tau, 0) = s

    The threshold :math:`\tau = (\sum_{j \le k} x_{(j)} - s) / k` belongs to the largest k for which the k-th largest
    entry stays positive (Held, Wolfe, Crowder 1974; Duchi, Shalev-Shwartz, Singer, Chandra 2008, figure 1). O(n log n).

    Args:
        x: Shape (n,).
        total: s, not negative.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> project_simplex([0.5, 1.0, -1.0]).tolist()
    [0.25, 0.75, 0.0]
    """
    return _onto_simplex(as_vector(x, "x"), number_in(total, "total", 0))


def project_l1_ball(x: npt.ArrayLike, radius: float = 1.0) -> Array:
    r"""The nearest point whose absolute values sum up to at most the radius.

    Outside the ball, the magnitudes are projected onto the simplex and keep their signs (Duchi and others 2008, figure
    2). O(n log n).

    Args:
        x: Shape (n,).
        radius: Not negative.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> project_l1_ball([2.0, -1.0]).tolist()
    [1.0, 0.0]
    """
    point = as_vector(x, "x")
    radius = number_in(radius, "radius", 0)
    magnitudes = np.abs(point)
    if magnitudes.sum() <= radius:
        return point.copy()
    # Adding zero turns -0.0 into 0.0.
    projected: Array = np.copysign(_onto_simplex(magnitudes, radius), point) + 0.0
    return projected


def _onto_simplex(point: Array, total: float) -> Array:
    falling = np.sort(point)[::-1]
    thresholds = (np.cumsum(falling) - total) / np.arange(1, len(point) + 1)
    # The first entry exceeds its threshold by the total; where that is zero nothing may remain.
    kept = np.flatnonzero(falling > thresholds)
    threshold = thresholds[kept[-1]] if kept.size else falling[0]
    projected: Array = np.maximum(point - threshold, 0.0)
    return projected
