"""Means over random and evenly spread points, with error bars."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector, positive_int
from whitebox.errors import RangeError, ShapeError
from whitebox.linalg import lstsq
from whitebox.quadrature._backends import BackendName, load_backend, numpy_values
from whitebox.quadrature._domain import Box, as_rng, on_box
from whitebox.quadrature._low_discrepancy import Words, direction_numbers, halton, net_start, scramble
from whitebox.quadrature._results import Sampled, mean_and_error

# Points at a time: enough that calls cost nothing, few enough that they stay in the cache.
BLOCK = 1 << 15


class Weighted(NamedTuple):
    """A mean over weighted random points.

    Attributes:
        value: The estimate.
        standard_error: Its estimated standard deviation.
        samples: How many points.
        effective: How many equally weighted points would do as well: where it is far below `samples`, few points carry
            the whole estimate, and the standard error is not to be trusted.
    """

    value: float
    standard_error: float
    samples: int
    effective: float


def monte_carlo(
    f: Callable[[Any], Any],
    bounds: Any,
    n: int,
    rng: np.random.Generator,
    *,
    backend: BackendName = "numpy",
    device: str | None = None,
) -> Sampled:
    r"""The volume times the mean over uniform points.

    .. math:: \hat I = \frac{V}{n} \sum_i f(x_i), \qquad
        \mathrm{se} = V \sqrt{\frac{1}{n(n-1)} \sum_i \left( f(x_i) - \bar f \right)^2}

    (Metropolis, Ulam 1949; Owen: Monte Carlo Theory, Methods and Examples, 2.) The error falls as :math:`n^{-1/2}` in
    any number of variables. Infinite sides are brought to finite ones as in `gauss_kronrod`. O(n · d), points in
    blocks.

    Args:
        f: Takes points, shape (m, d), and gives a value for each; shape (m,) where `bounds` is a plain pair. With
            "numba" a function of one point, to be compiled; with "torch" one of tensors.
        bounds: A pair (a, b), or a pair for each variable.
        n: How many points, at least 2.
        rng: Where the points come from; with torch, the seed of its generator.
        backend: "numpy", "numba" or "torch".
        device: For torch.

    Raises:
        RangeError, EmptyInputError: for numbers or bounds out of their range.
        ShapeError, DtypeError, NotFiniteError: for an integrand that gives something else than one number a point.
        MissingDependencyError: if the backend is not installed.

    >>> result = monte_carlo(lambda x: (x**2).sum(axis=1) < 1, [(-1, 1)] * 2, 10_000, np.random.default_rng(0))
    >>> abs(result.value - np.pi) < 3 * result.standard_error < 0.06
    True
    """
    plain = PlainMean(on_box(f, bounds, load_backend(backend, device)), as_rng(rng))
    plain.refine(_at_least_two(n))
    return Sampled(*plain.estimate(), n, n)


def quasi_monte_carlo(
    f: Callable[[Any], Any],
    bounds: Any,
    n: int,
    rng: np.random.Generator,
    *,
    replicates: int = 16,
    sequence: Literal["sobol", "halton"] = "sobol",
    backend: BackendName = "numpy",
    device: str | None = None,
) -> Sampled:
    r"""The mean over a low-discrepancy sequence, randomised several times for an error bar.

    .. math:: \hat I = \frac{1}{R} \sum_{r=1}^{R} \hat I_r, \qquad
        \mathrm{se} = \sqrt{\frac{1}{R(R-1)} \sum_r (\hat I_r - \hat I)^2}

    Each replicate scrambles or shifts the points anew and is unbiased by itself (Cranley, Patterson 1976; Owen 1995;
    L'Ecuyer: Randomized Quasi-Monte Carlo, 2018). The error falls nearly as 1/n for functions of bounded variation,
    faster for smooth ones, and with Sobol's points is never much worse than at random. O(R · n · d).

    Args:
        f: As in `monte_carlo`.
        bounds: A pair (a, b), or a pair for each variable.
        n: Points of each replicate; for Sobol's a power of two, which alone is balanced.
        rng: Where scrambling comes from.
        replicates: R, at least 2.
        sequence: "sobol" or "halton".
        backend: "numpy", "numba" or "torch".
        device: For torch.

    Returns:
        The estimate; its error is distributed like Student's t with `independent - 1` degrees of freedom.

    Raises:
        RangeError, EmptyInputError, ShapeError, DtypeError, NotFiniteError, MissingDependencyError: as `monte_carlo`.

    >>> result = quasi_monte_carlo(lambda x: x.prod(axis=1), [(0, 1)] * 3, 256, np.random.default_rng(0))
    >>> abs(result.value - 0.125) < 1e-4, result.samples
    (True, 4096)
    """
    box, rng = on_box(f, bounds, load_backend(backend, device)), as_rng(rng)
    n, replicates = positive_int(n, "n"), positive_int(replicates, "replicates")
    if replicates < 2:
        raise RangeError(f"replicates must be at least 2 for an error bar, got {replicates}")
    if sequence == "sobol":
        if n & (n - 1):
            raise RangeError(f"n must be a power of two for Sobol's points, got {n}: next are {_powers_around(n)}")
        nets = NetMean(box, rng, replicates)
        nets.refine(replicates * n, exact=n)
        return Sampled(*nets.estimate(), replicates * n, replicates)
    if sequence != "halton":
        raise RangeError(f"sequence must be 'sobol' or 'halton', got {sequence!r}")
    points = halton(n, box.dimension)
    means = np.empty(replicates)
    for r in range(replicates):
        shifted = (points + rng.random(box.dimension)) % 1.0
        # Bases beyond two have no half digit to keep points off the faces, where the integrand may be singular.
        np.clip(shifted, 2.0**-53, 1 - 2.0**-53, out=shifted)
        means[r] = math.fsum(
            float(box(box.run.array(shifted[start : start + BLOCK])).sum()) for start in range(0, n, BLOCK)
        )
    means /= n
    value, error = mean_and_error(float(means.sum()), float(((means - means.mean()) ** 2).sum()), replicates)
    return Sampled(value, error, replicates * n, replicates)


def stratified(
    f: Callable[[Any], Any],
    bounds: Any,
    strata: int,
    rng: np.random.Generator,
    *,
    each: int = 2,
    backend: BackendName = "numpy",
    device: str | None = None,
) -> Sampled:
    r"""Random points in every cell of a grid, so that only the variation inside cells is left to chance.

    .. math:: \hat I = \sum_{s} V_s \bar f_s, \qquad \mathrm{se}^2 = \sum_s \frac{V_s^2}{m} \hat\sigma_s^2

    with m points in each of the :math:`k^d` cells (Owen: Monte Carlo Theory, Methods and Examples, 8.4). Never worse
    than uniform points of the same number; for smooth functions the error falls as :math:`n^{-1/2 - 1/d}`. O(m · kᵈ ·
    d).

    Args:
        f: As in `monte_carlo`.
        bounds: A pair (a, b), or a pair for each variable.
        strata: k, how many cells along each variable.
        rng: Where the points come from.
        each: m, points in each cell, at least 2 for an error bar.
        backend: "numpy", "numba" or "torch".
        device: For torch.

    Raises:
        RangeError, EmptyInputError, ShapeError, DtypeError, NotFiniteError, MissingDependencyError: as `monte_carlo`.

    >>> result = stratified(np.exp, (0, 1), 100, np.random.default_rng(0))
    >>> abs(result.value - (np.e - 1)) < 3 * result.standard_error < 0.002
    True
    """
    box, rng = on_box(f, bounds, load_backend(backend, device)), as_rng(rng)
    strata, each = positive_int(strata, "strata"), positive_int(each, "each")
    if each < 2:
        raise RangeError(f"each must be at least 2 for an error bar, got {each}")
    cells = strata**box.dimension
    if cells * each > 1 << 31:
        raise RangeError(f"{strata}**{box.dimension} cells are too many: give fewer strata, or use quasi_monte_carlo")
    total = variance = 0.0
    size = max(1, BLOCK // each)
    for start in range(0, cells, size):
        rest = np.arange(start, min(start + size, cells))
        corner = np.empty((len(rest), 1, box.dimension))
        for k in range(box.dimension - 1, -1, -1):
            rest, corner[:, 0, k] = np.divmod(rest, strata)
        unit = (corner + rng.random((len(corner), each, box.dimension))) / strata
        values = box.run.host(box(box.run.array(unit.reshape(-1, box.dimension)))).reshape(-1, each)
        means = values.mean(axis=1)
        total += float(means.sum())
        variance += float(((values - means[:, None]) ** 2).sum()) / (each - 1) / each
    return Sampled(total / cells, math.sqrt(variance) / cells, cells * each, cells * (each - 1) + 1)


def importance_sampling(
    f: Callable[[Array], npt.ArrayLike],
    draw: Callable[[np.random.Generator, int], npt.ArrayLike],
    density: Callable[[Array], npt.ArrayLike],
    n: int,
    rng: np.random.Generator,
) -> Weighted:
    r"""Points from where the integrand is large, divided by how likely they were.

    .. math:: \int f = \int \frac{f(x)}{q(x)}\, q(x)\, dx
        \approx \frac{1}{n} \sum_i \frac{f(x_i)}{q(x_i)}, \qquad x_i \sim q

    (Kahn, Marshall 1953; Owen: Monte Carlo Theory, Methods and Examples, 9.1.) With q in proportion to f ≥ 0 one point
    is enough; with tails lighter than f's the variance is infinite, of which a low effective number of points warns
    (Kish: :math:`(\sum w)^2 / \sum w^2` with :math:`w = |f/q|`). O(n).

    Args:
        f: Takes points as `draw` gives them, and gives a value for each, shape (n,).
        draw: From a generator and a number to points, shape (n,) or (n, d), distributed as `density`.
        density: Takes points, gives q at each, shape (n,); positive at every point drawn.
        n: How many points, at least 2.
        rng: Given to `draw`.

    Raises:
        RangeError: for fewer than 2 points, or a density that is not positive at one that was drawn.
        ShapeError, DtypeError, NotFiniteError: for functions that give something else than one number a point.

    >>> result = importance_sampling(  # the probability that a normal number exceeds 4
    ...     lambda x: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi),
    ...     lambda rng, n: 4 + rng.exponential(1 / 4, n),
    ...     lambda x: 4 * np.exp(-4 * (x - 4)),
    ...     10_000,
    ...     np.random.default_rng(0),
    ... )
    >>> abs(result.value / 3.167e-5 - 1) < 0.02, result.effective > 9000
    (True, True)
    """
    n = _at_least_two(n)
    points = np.asarray(draw(as_rng(rng), n), dtype=np.float64)
    if points.shape[:1] != (n,):
        raise ShapeError(f"draw gave shape {points.shape} where {n} points were asked for")
    likely = numpy_values(density, points)
    if not (likely > 0).all():
        place = points[int((likely <= 0).argmax())]
        raise RangeError(f"density is not positive at {place.tolist()}, which was drawn")
    ratios = numpy_values(f, points) / likely
    mean = float(ratios.mean())
    value, error = mean_and_error(float(ratios.sum()), float(((ratios - mean) ** 2).sum()), n)
    squares = float((ratios**2).sum())
    return Weighted(value, error, n, float(np.abs(ratios).sum()) ** 2 / squares if squares else float(n))


def control_variates(
    f: Callable[[Array], npt.ArrayLike],
    bounds: Any,
    n: int,
    rng: np.random.Generator,
    *,
    controls: Callable[[Array], npt.ArrayLike],
    means: npt.ArrayLike,
) -> Sampled:
    r"""Subtracts what is known: functions whose means over the box are exact explain part of the scatter.

    .. math:: \hat I = \frac{V}{n} \sum_i \left[ f(x_i) - \hat\beta^\top \left( g(x_i) - \mu \right) \right]

    with :math:`\hat\beta` the regression of f on g, which leaves the variance :math:`(1 - R^2)` times what it was
    (Owen: Monte Carlo Theory, Methods and Examples, 8.9). Estimating :math:`\beta` from the same points biases by
    O(1/n). O(n · k²).

    Args:
        f: As in `monte_carlo`.
        bounds: A pair (a, b), or a pair for each variable; finite.
        n: How many points, at least k + 3.
        rng: Where the points come from.
        controls: Takes points, gives the k functions g at each, shape (n, k) or, for one, (n,).
        means: Their exact means over the box, :math:`\mu`, shape (k,).

    Raises:
        RangeError, EmptyInputError, ShapeError, DtypeError, NotFiniteError: as `monte_carlo`.

    >>> result = control_variates(
    ...     np.exp, (0, 1), 100, np.random.default_rng(0), controls=lambda x: x, means=[1 / 2]
    ... )
    >>> abs(result.value - (np.e - 1)) < 3 * result.standard_error < 0.03
    True
    """
    known = as_vector(means, "means")
    n, k = positive_int(n, "n"), len(known)
    if n < k + 3:
        raise RangeError(f"n must be at least {k + 3} for {k} controls, got {n}")
    box = on_box(f, bounds, load_backend("numpy"))
    if not all(axis.finite for axis in box.axes):
        raise RangeError("bounds must be finite: over an infinite box no function has a mean")
    unit = as_rng(rng).random((n, box.dimension))
    values = box(unit)
    places = box.low + unit * box.width
    given = np.asarray(controls(places[:, 0] if box.flat else places))
    columns = as_matrix(given[:, None] if given.ndim == 1 else given, "controls")
    if columns.shape != (n, k):
        raise ShapeError(f"controls gave shape {columns.shape} for {n} points and {k} means")
    centred = columns - columns.mean(axis=0)
    spread = values - values.mean()
    # A control that does not vary, or depends on others, explains nothing more: least squares leaves it out.
    size = np.sqrt((centred**2).sum(axis=0))
    size[size == 0] = 1.0
    centred /= size
    beta = lstsq(centred.T @ centred, centred.T @ spread, rcond=1e-10).solution
    value = float(values.mean() - ((columns.mean(axis=0) - known) / size) @ beta)
    rest = spread - centred @ beta
    return Sampled(value, math.sqrt(float(rest @ rest) / (n - k - 1) / n), n, n - k)


class PlainMean:
    """A running mean over uniform points."""

    def __init__(self, box: Box, rng: np.random.Generator) -> None:
        self._box, self._rng = box, rng
        self.count, self._mean, self._squares = 0, 0.0, 0.0

    def refine(self, limit: int) -> None:
        """Adds so many points."""
        while limit > 0:
            size = min(limit, BLOCK)
            values = self._box(self._box.run.uniform((size, self._box.dimension), self._rng))
            mean = float(values.sum()) / size
            squares = float(((values - mean) ** 2).sum())
            # Two parts' squared deviations add up with those of their means (Chan, Golub, LeVeque 1979).
            total, away = self.count + size, mean - self._mean
            self._squares += squares + away**2 * self.count * size / total
            self._mean += away * size / total
            self.count, limit = total, limit - size

    def estimate(self) -> tuple[float, float]:
        """Value and standard error."""
        return mean_and_error(self._mean * self.count, self._squares, self.count)


class NetMean:
    """Running means over scrambled Sobol nets, one a replicate.

    Attributes:
        replicates: How many nets.
        count: Points of each so far.
    """

    def __init__(self, box: Box, rng: np.random.Generator, replicates: int) -> None:
        self._box, self.replicates, self.count = box, replicates, 0
        numbers = direction_numbers(box.dimension)
        self._nets: list[tuple[Words, Words]] = [scramble(numbers, rng) for _ in range(replicates)]
        self._sums = np.zeros(replicates)

    def refine(self, limit: int, *, exact: int | None = None) -> None:
        """Adds one run to each net, the longest that keeps it aligned: at most so many points in all."""
        size = exact or self.next_run(limit)
        # The nets are many and small, or few and large: one call takes a share of them, or a part of one.
        part = min(size, BLOCK)
        group = max(1, BLOCK // part)
        low = part.bit_length() - 1
        for start in range(self.count, self.count + size, part):
            for first in range(0, self.replicates, group):
                nets = self._nets[first : first + group]
                run = self._box.run
                points = [run.net(net_start(*net, start), net[0][:low]) for net in nets]
                joined = points[0] if len(points) == 1 else run.join(points)
                values = self._box(joined).reshape(len(nets), part)
                self._sums[first : first + group] += run.host(values.sum(-1))
        self.count += size

    def next_run(self, limit: int) -> int:
        """Points of each net that the next refinement adds under a limit for all; 0 if it allows none."""
        most = limit // self.replicates
        if most == 0 or self.count == 0:
            return 1 << (most.bit_length() - 1) if most else 0
        aligned = self.count & -self.count
        return min(aligned, 1 << (most.bit_length() - 1))

    def estimate(self) -> tuple[float, float]:
        """Value and standard error."""
        means = self._sums / self.count
        centre = float(means.mean())
        return mean_and_error(centre * self.replicates, float(((means - centre) ** 2).sum()), self.replicates)


def _at_least_two(n: int) -> int:
    if positive_int(n, "n") < 2:
        raise RangeError(f"n must be at least 2 for an error bar, got {n}")
    return n


def _powers_around(n: int) -> str:
    below = 1 << (n.bit_length() - 1)
    return f"{below} and {2 * below}"
