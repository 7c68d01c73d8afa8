"""Looks at a function first, then integrates it by the method that suits it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from whitebox._compiled import numba_is_used
from whitebox._validation import Array, number_in, positive_int
from whitebox.errors import RangeError
from whitebox.quadrature._backends import BackendName, PoleError, load_backend
from whitebox.quadrature._domain import Axis, Box, Line, as_rng, grid_values, parse_bounds
from whitebox.quadrature._gauss import gauss_hermite, gauss_legendre
from whitebox.quadrature._kronrod import cuts_of, integrate_line
from whitebox.quadrature._low_discrepancy import MOST_DIMENSIONS
from whitebox.quadrature._monte_carlo import NetMean, PlainMean
from whitebox.quadrature._results import Integral, tolerance
from whitebox.quadrature._tanh_sinh import tanh_sinh_line

# Chebyshev points an axis is probed at.
_PROBES = 32

# Distances from an end, relative to the interval, at which its behaviour is probed.
_NEAR = (1e-3, 1e-6, 1e-9)

# From this exponent of the distance on, an end counts as smooth: one is a slope, a half a square root.
_SMOOTH_EXPONENT = 0.9

# Seconds an evaluation takes from which nested rules are preferred, which use every value again.
_EXPENSIVE = 1e-3

# Nodes of the product of rules above which a product is not considered, and variables.
_MOST_GRID, _MOST_AXES = 1 << 20, 6

# Places at which a function may be infinite before the attempt is given up.
_MOST_POLES = 16

REPLICATES = 16
# Two-sided 99 % quantiles of Student's t with 15 degrees of freedom, and of the normal distribution.
T_QUANTILE, NORMAL_QUANTILE = 2.947, 2.576

EndBehaviour = Literal["smooth", "singular", "infinite"]


class Features(NamedTuple):
    """What samples tell about a function; between them it may do anything.

    Attributes:
        dimension: Number of variables.
        infinite: Whether any side of the domain is.
        smoothness: By which factor Chebyshev coefficients fall from one to the next, the slowest of all axes probed:
        far
            below 1 for analytic functions, near 1 for kinks, jumps, peaks and noise.
        terms: How many coefficients are needed along each axis for the tolerance, infinite where they hardly fall.
        oscillations: Changes of sign about the mean along an axis, the most of all axes.
        periodic: Whether values and slopes are the same at both ends (one variable only).
        ends: "smooth", "singular" (values or slopes without bound) or "infinite", for each end (one variable only).
        gaussian: Whether the function falls like exp(-x²) on the whole line (one variable only).
        poles: Places at which a sample was infinite or not a number.
        seconds: Measured time of one evaluation.
        evaluations: How many samples were taken.
    """

    dimension: int
    infinite: bool
    smoothness: float
    terms: tuple[float, ...]
    oscillations: int
    periodic: bool
    ends: tuple[EndBehaviour, ...]
    gaussian: bool
    poles: tuple[float, ...]
    seconds: float
    evaluations: int


def examine(
    f: Callable[[Any], Any],
    bounds: Any,
    *,
    rtol: float = 1e-6,
    backend: BackendName = "numpy",
    device: str | None = None,
) -> Features:
    r"""Samples a function to see of what kind it is.

    Along each axis, through the middle of the others, it is interpolated at 32 Chebyshev points,

    .. math:: c_k = \frac{2}{m} \sum_j f(t_j) \cos k \theta_j, \qquad t_j = \cos \theta_j, \;
        \theta_j = \frac{\pi (2j + 1)}{2m}

    whose coefficients fall geometrically for analytic functions (Trefethen: Approximation Theory and Approximation
    Practice, theorem 8.1). Near each end, :math:`f \sim c + d \cdot \delta^q` is fitted to three distances. O(d)
    samples.

    Args:
        f: As in `integrate`.
        bounds: As in `integrate`.
        rtol: Tolerance for which terms are counted.
        backend: "numpy", "numba" or "torch".
        device: For torch.

    Raises:
        RangeError, EmptyInputError, ShapeError, DtypeError, MissingDependencyError: as `integrate`.

    >>> features = examine(np.sqrt, (0, 1))
    >>> features.ends, features.periodic, features.poles
    (('singular', 'smooth'), False, ())
    """
    axes, flat = parse_bounds(bounds)
    run = load_backend(backend, device)
    rtol = number_in(rtol, "rtol", 0)
    if flat:
        return _examine_line(Line(f, axes[0], run), rtol)
    return _examine_box(Box(f, axes, run), rtol)


def integrate(
    f: Callable[[Any], Any],
    bounds: Any,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-12,
    max_evaluations: int = 1 << 20,
    breaks: Sequence[float] = (),
    rng: np.random.Generator | None = None,
    backend: BackendName = "numpy",
    device: str | None = None,
) -> Integral:
    r"""Integrates by the method that suits what `examine` finds, and says which and why.

    One variable: an end that is singular, or infinite with a slow tail, takes the double exponential formula; a
    function like :math:`e^{-x^2}` on the line Gauss–Hermite; a periodic one the trapezoidal rule, which converges
    exponentially on it; a smooth one Gauss–Legendre of the order its Chebyshev coefficients ask for, unless evaluations
    are expensive; and everything else (kinks, jumps, peaks, oscillation) adaptive Gauss–Kronrod. A method that does not
    keep its promise is followed by the next. More variables: smooth functions of few take a product of Gauss rules, as
    long as it needs no more points than random ones would; up to 64 variables scrambled Sobol points; beyond, plain
    Monte Carlo, whose error does not know the number of variables (Davis, Rabinowitz: Methods of Numerical Integration,
    2nd ed.).

    Args:
        f: Takes points, shape (m,) for a plain pair of bounds, (m, d) for a list of pairs, and gives a value for each,
            shape (m,). With "numba" it takes one point, a number or a vector, and is compiled to machine code; with
            "torch" it takes and gives tensors, float64 on `device`.
        bounds: A pair (a, b), or a pair for each variable; infinite and swapped ends are allowed.
        rtol: Tolerance relative to the integral.
        atol: Absolute tolerance; either is enough.
        max_evaluations: At most, probes included.
        breaks: One variable only: places of jumps, kinks or singularities, where known.
        rng: For the methods that need one; a generator with seed 0 if missing, so that results repeat.
        backend: "numpy", "numba" or "torch".
        device: For torch, such as "cuda"; "cpu" if missing.

    Raises:
        RangeError, EmptyInputError: for bounds, tolerances or breaks out of their range.
        ShapeError, DtypeError, NotFiniteError: for an integrand that gives something else than one number a point.
        MissingDependencyError: if the backend is not installed, with what to install.

    >>> result = integrate(lambda x: np.exp(np.cos(x)), (0, 2 * np.pi))
    >>> round(result.value, 9), result.method
    (7.954926521, 'periodic trapezoidal')
    >>> result.why.split(":")[0]
    'values and slopes agree at both ends'
    """
    axes, flat = parse_bounds(bounds)
    rtol, atol = number_in(rtol, "rtol", 0), number_in(atol, "atol", 0)
    limit = positive_int(max_evaluations, "max_evaluations")
    rng = np.random.default_rng(0) if rng is None else as_rng(rng)
    run = load_backend(backend, device)
    if any(axis.a == axis.b for axis in axes):
        return Integral(0.0, 0.0, 0, True, "none", "a side of the domain has no length")
    if len(axes) == 1:
        line = Line(f if flat else _of_vectors(f, backend), axes[0], run)
        return _integrate_line(line, cuts_of(axes[0], breaks), rtol, atol, limit)
    if len(breaks):
        raise RangeError("breaks are for integrals over one variable")
    return _integrate_box(Box(f, axes, run), rtol, atol, limit, rng)


@lru_cache(maxsize=64)
def _of_vectors(f: Callable[[Any], Any], backend: str) -> Callable[[Any], Any]:
    """A function of vectors with one entry as one of numbers."""
    if backend != "numba":
        return lambda x: f(x[:, None])
    if not numba_is_used():
        return lambda x: f(np.array([x]))
    import numba

    compiled = f if hasattr(f, "py_func") else numba.njit(error_model="numpy")(f)
    return lambda x: compiled(np.array([x]))


def _integrate_line(line: Line, cuts: list[float], rtol: float, atol: float, limit: int) -> Integral:
    axis = line.axis
    if len(cuts) > 2:
        return _with_reason(integrate_line(line, cuts, rtol, atol, limit), "breaks were given")
    seen = _examine_line(line, rtol)
    if seen.poles:
        return _in_pieces(line, [float(axis.place(t)) for t in seen.poles], rtol, atol, limit)
    try:
        return _by_features(line, seen, rtol, atol, limit)
    except PoleError as error:
        return _in_pieces(line, [float(error.place)], rtol, atol, limit)


def _by_features(line: Line, seen: Features, rtol: float, atol: float, limit: int) -> Integral:
    axis = line.axis
    reasons: list[str] = []
    for reason, attempt in _candidates(line, seen, rtol, atol, limit):
        found = attempt()
        if found.converged:
            return _with_reason(found, *reasons, reason)
        reasons.append(f"{reason}, but {found.method} did not converge ({found.why})")
    if seen.oscillations > _PROBES // 4:
        reasons.append(f"it oscillates: {seen.oscillations} changes of sign or more about the mean")
    elif math.isinf(seen.terms[0]):
        reasons.append("coefficients fall slowly: a kink, a jump or a peak, where intervals have to be halved")
    parts = max(1, min(seen.oscillations // 2, 64))
    cuts = np.linspace(axis.low, axis.high, parts + 1).tolist()
    return _with_reason(integrate_line(line, cuts, rtol, atol, limit), *reasons)


def _candidates(
    line: Line, seen: Features, rtol: float, atol: float, limit: int
) -> list[tuple[str, Callable[[], Integral]]]:
    """What to try before the adaptive method, best first."""
    found: list[tuple[str, Callable[[], Integral]]] = []
    if seen.gaussian:
        found.append(("it falls like exp(-x²) on the whole line", lambda: _hermite_rules(line, rtol, atol, limit)))
    if "singular" in seen.ends:
        which = " and ".join(name for name, end in zip(("lower", "upper"), seen.ends, strict=True) if end == "singular")
        found.append(
            (
                f"the {which} end is singular or its tail is slow",
                lambda: tanh_sinh_line(line, rtol, atol, min(limit, line.evaluations + 2000)),
            )
        )
    elif seen.periodic:
        found.append(("values and slopes agree at both ends", lambda: _trapezoids(line, rtol, atol, limit)))
    elif seen.terms[0] <= 512 and seen.oscillations <= _PROBES // 4:
        if seen.seconds >= _EXPENSIVE:
            found.append(
                (
                    f"smooth, but an evaluation takes {seen.seconds:.2g} s: nested nodes use every value twice",
                    lambda: integrate_line(line, [line.axis.low, line.axis.high], rtol, atol, limit),
                )
            )
        else:
            found.append(
                (
                    f"smooth: {math.ceil(seen.terms[0])} Chebyshev coefficients reach the tolerance",
                    lambda: _legendre_rules(line, seen.terms[0], rtol, atol, limit),
                )
            )
    return found


def _examine_line(line: Line, rtol: float) -> Features:
    axis, run = line.axis, line.run
    before = line.evaluations
    width = axis.high - axis.low
    chebyshev, transform = _chebyshev()
    t = axis.low + width * (1 + chebyshev) / 2
    near = np.array([*(axis.low + width * d for d in _NEAR), *(axis.high - width * d for d in _NEAR)])
    if run.name == "numba":
        line(run.array(t[:1]), finite=False)  # compiles, which is not what an evaluation takes
    started = time.perf_counter()
    values = run.host(line(run.array(np.concatenate([t, near])), finite=False))
    seconds = (time.perf_counter() - started) / len(values)
    wrong = ~np.isfinite(values)
    if wrong.any():
        poles = tuple(np.concatenate([t, near])[wrong].tolist())
        ends: tuple[EndBehaviour, EndBehaviour] = ("smooth", "smooth")
        return Features(1, not axis.finite, 1.0, (math.inf,), 0, False, ends, False, poles, seconds, len(values))
    scale = float(np.abs(values[:_PROBES]).max())
    smoothness, terms = _decay(transform @ values[:_PROBES], rtol)
    low, high = values[_PROBES : _PROBES + 3], values[_PROBES + 3 :]
    ends = (
        _end(low, scale, infinite=axis.both_infinite),
        _end(high, scale, infinite=not axis.finite),
    )
    periodic = (
        axis.finite
        and scale > 0
        and ends == ("smooth", "smooth")
        and abs(low[1] - high[1]) <= 1e-4 * scale
        and abs((low[0] - low[1]) + (high[0] - high[1])) <= 1e-4 * scale
    )
    gaussian = axis.both_infinite and _is_gaussian(line)
    oscillations = _sign_changes(values[:_PROBES])
    return Features(
        1,
        not axis.finite,
        smoothness,
        (terms,),
        oscillations,
        bool(periodic),
        ends,
        gaussian,
        (),
        seconds,
        line.evaluations - before,
    )


def _examine_box(box: Box, rtol: float) -> Features:
    before = box.evaluations
    chebyshev, transform = _chebyshev()
    d = box.dimension
    # Many variables are not probed one by one: no product of rules could be used anyway.
    probed = d if d <= _MOST_AXES else 0
    unit = np.full((max(1, probed) * _PROBES, d), 0.5)
    if probed:
        # Off the middle, where symmetric functions may have all their kinks.
        unit += 0.05 * np.sin(1.0 + np.arange(d))
    for k in range(probed):
        unit[k * _PROBES : (k + 1) * _PROBES, k] = (1 + chebyshev) / 2
    if box.run.name == "numba":
        box(box.run.array(unit[:1]), finite=False)  # compiles, which is not what an evaluation takes
    started = time.perf_counter()
    values = box.run.host(box(box.run.array(unit), finite=False))
    seconds = (time.perf_counter() - started) / len(values)
    poles: list[float] = unit[~np.isfinite(values)].ravel().tolist()
    smoothness, terms, oscillations = 0.0, [math.inf] * d, 0
    if probed and not poles:
        for k in range(d):
            row = values[k * _PROBES : (k + 1) * _PROBES]
            fall, terms[k] = _decay(transform @ row, rtol)
            smoothness, oscillations = max(smoothness, fall), max(oscillations, _sign_changes(row))
    else:
        smoothness = 1.0
    infinite = not all(axis.finite for axis in box.axes)
    return Features(
        d,
        infinite,
        smoothness,
        tuple(terms),
        oscillations,
        False,
        (),
        False,
        tuple(poles),
        seconds,
        box.evaluations - before,
    )


@lru_cache(maxsize=1)
def _chebyshev() -> tuple[Array, Array]:
    """Points of the first kind, and the matrix from values there to coefficients."""
    theta = np.pi * (2 * np.arange(_PROBES) + 1) / (2 * _PROBES)
    transform = 2 / _PROBES * np.cos(np.arange(_PROBES)[:, None] * theta)
    transform[0] /= 2
    return np.cos(theta), transform


def _decay(coefficients: Array, rtol: float) -> tuple[float, float]:
    """The factor by which coefficients fall, and how many are needed for the tolerance."""
    size = np.abs(coefficients)
    largest = float(size.max())
    if largest == 0:
        return 0.0, 1.0
    # The envelope: of functions with a parity every other coefficient is zero.
    envelope = np.maximum.accumulate(size[::-1])[::-1] / largest
    target = max(rtol / 10, 1e-14)
    below = np.flatnonzero(envelope <= target)
    if below.size and below[0] <= _PROBES - 4:
        count = int(below[0])
        return float(target ** (1 / max(count, 1))), float(max(count, 1))
    early, middle, late = (float(envelope[k]) for k in (_PROBES // 4, _PROBES // 2, _PROBES - _PROBES // 4))
    if not 0 < late < early:
        return 1.0, math.inf
    fall = (late / early) ** (2 / _PROBES)
    # A power of k, as kinks leave it, falls in its second part by 0.58 of what it does in the first, on any scale.
    if fall > 0.97 or math.log(late / middle) > 0.7 * math.log(middle / early):
        return fall, math.inf
    return fall, _PROBES - _PROBES // 4 + math.log(target / late) / math.log(fall)


def _end(values: Array, scale: float, *, infinite: bool) -> EndBehaviour:
    """How a function behaves at 1e-3, 1e-6 and 1e-9 from an end."""
    first, second = abs(values[0] - values[1]), abs(values[1] - values[2])
    noise = 1e-11 * max(scale, float(np.abs(values).max()))
    if second <= noise:
        return "infinite" if infinite else "smooth"
    exponent = math.log10(first / second) / 3 if first > 0 else 0.0
    if exponent < _SMOOTH_EXPONENT:
        return "singular"
    return "infinite" if infinite else "smooth"


def _is_gaussian(line: Line) -> bool:
    """Whether f(x) exp(x²) stays within the bounds of a polynomial between 1 and 5."""
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    places = np.concatenate([-x[::-1], x])
    line.evaluations += len(places)
    values = np.abs(line.run.host(line.run.values(line.plain, line.run.array(places))))
    if not np.isfinite(values).all():
        return False
    for side in (values[:5][::-1], values[5:]):
        if (side == 0).any():
            return False
        rest = np.log(side) + x * x
        # Between 2 and 5 a polynomial of degree 8 grows by less than exp(8); another width changes the exponent more.
        if abs(rest[4] - rest[1]) > 8.0 or abs(rest[4] - rest[3]) > 3.0:
            return False
    return True


def _sign_changes(values: Array) -> int:
    away = values - values.mean()
    signs = np.sign(away[np.abs(away) > 1e-9 * np.abs(away).max(initial=0.0)])
    return int((signs[1:] != signs[:-1]).sum())


def _legendre_rules(line: Line, terms: float, rtol: float, atol: float, limit: int) -> Integral:
    # n nodes integrate 2n - 1 coefficients exactly.
    n = max(8, 4 * math.ceil(terms / 8))
    axis = line.axis
    middle, half = axis.low / 2 + axis.high / 2, (axis.high - axis.low) / 2

    def rule(n: int) -> float:
        nodes, weights, _ = gauss_legendre(n)
        return half * float((line(line.run.array(middle + half * nodes)) * line.run.array(weights)).sum())

    return _rising_orders(line, rule, (n, 512), "Gauss–Legendre", rtol=rtol, atol=atol, limit=limit)


def _hermite_rules(line: Line, rtol: float, atol: float, limit: int) -> Integral:
    def rule(n: int) -> float:
        nodes, weights, _ = gauss_hermite(n)
        line.evaluations += n
        values = line.run.host(line.run.values(line.plain, line.run.array(nodes)))
        # The rule's weight is part of the function here: far out both are tiny, and their quotient is of order one.
        log_weights = np.log(np.maximum(weights, 1e-320)) + nodes**2
        return float(np.where(weights > 1e-300, values * np.exp(log_weights), 0.0).sum())

    return _rising_orders(line, rule, (16, 128), "Gauss–Hermite", rtol=rtol, atol=atol, limit=limit)


def _rising_orders(
    line: Line,
    rule: Callable[[int], float],
    sizes: tuple[int, int],
    method: str,
    *,
    rtol: float,
    atol: float,
    limit: int,
) -> Integral:
    """Compares rules of more and more nodes until two agree; the difference is what the smaller one is off by."""
    value, error = math.nan, math.inf
    n, most = sizes
    sign = line.axis.sign
    while n <= most and line.evaluations + n <= limit:
        before, value = value, rule(n)
        error = math.inf if math.isnan(before) else abs(value - before)
        if error <= tolerance(value, rtol, atol):
            return Integral(sign * value, error, line.evaluations, True, method, f"two rules agree at {n} nodes")
        n += max(4, n // 2)
    return Integral(sign * value, error, line.evaluations, False, method, f"no two rules of up to {most} nodes agree")


def _trapezoids(line: Line, rtol: float, atol: float, limit: int) -> Integral:
    axis, method = line.axis, "periodic trapezoidal"
    width, n = axis.high - axis.low, 16
    sums = float(line(line.run.array(axis.low + width * np.arange(n) / n)).sum())
    value, error = width * sums / n, math.inf
    while n <= 1 << 12 and line.evaluations + n <= limit:
        # The points between those there are.
        sums += float(line(line.run.array(axis.low + width * (np.arange(n) + 0.5) / n)).sum())
        n *= 2
        before, value = value, width * sums / n
        error = abs(value - before)
        if error <= tolerance(value, rtol, atol):
            return Integral(
                axis.sign * value, error, line.evaluations, True, method, f"sums of {n // 2} and {n} points agree"
            )
    return Integral(axis.sign * value, error, line.evaluations, False, method, f"sums of up to {n} points differ")


def _in_pieces(line: Line, poles: list[float], rtol: float, atol: float, limit: int) -> Integral:
    """The double exponential formula on each piece between places where the function is not finite."""
    axis = line.axis
    while True:
        edges = [axis.a, *sorted(set(poles) - {axis.a, axis.b}), axis.b]
        value = error = 0.0
        converged = True
        try:
            for a, b in pairwise(edges):
                piece = Line(line.plain, Axis(a, b, "a piece"), line.run)
                try:
                    found = tanh_sinh_line(piece, rtol / 2, atol / len(edges), max(0, limit - line.evaluations))
                finally:
                    line.evaluations += piece.evaluations
                value, error, converged = value + found.value, error + found.error, converged and found.converged
        except PoleError as another:
            if len(poles) >= _MOST_POLES or another.place in poles:
                raise
            poles = [*poles, another.place]
            continue
        return Integral(
            axis.sign * value,
            error,
            line.evaluations,
            converged and error <= tolerance(value, rtol, atol),
            "tanh-sinh in pieces",
            f"it is not finite at {', '.join(f'{place:.6g}' for place in sorted(set(poles)))}: pieces end there",
        )


def _integrate_box(box: Box, rtol: float, atol: float, limit: int, rng: np.random.Generator) -> Integral:
    seen = _examine_box(box, rtol)
    reasons = []
    nodes = [max(4, math.ceil(terms / 2) + 2) if math.isfinite(terms) else limit for terms in seen.terms]
    count = math.prod(nodes)
    # Sobol's error falls about as 1/n: what a product of rules must not exceed.
    evenly = min(1 / max(rtol, 1e-300), float(limit))
    if seen.dimension <= _MOST_AXES and not seen.poles and 3 * count <= min(_MOST_GRID, 4 * evenly + 4096, limit):
        found = _grid(box, nodes, rtol, atol, limit)
        reason = f"smooth along each of {seen.dimension} axes: {' × '.join(map(str, nodes))} nodes reach the tolerance"
        if found.converged:
            return _with_reason(found, reason)
        reasons.append(f"{reason}, but {found.why}")
    elif seen.dimension > _MOST_AXES:
        reasons.append(f"a grid in {seen.dimension} variables has too many nodes")
    elif seen.poles:
        reasons.append("samples were not finite, so no smooth rule applies")
    else:
        reasons.append("a grid would need more nodes than evenly spread points: along an axis coefficients fall slowly")
    if seen.dimension <= MOST_DIMENSIONS:
        return _with_reason(_nets(box, rtol, atol, limit, rng), *reasons)
    reasons.append(f"Sobol's points are known for {MOST_DIMENSIONS} variables at most")
    return _with_reason(_random(box, rtol, atol, limit, rng), *reasons)


def _grid(box: Box, nodes: list[int], rtol: float, atol: float, limit: int) -> Integral:
    def product(nodes: list[int]) -> float:
        return grid_values(box, [gauss_legendre(n)[:2] for n in nodes])

    value, error = product(nodes), math.inf
    finer = [n + max(2, n // 3) for n in nodes]
    if box.evaluations + math.prod(finer) <= limit:
        before, value = value, product(finer)
        error = abs(value - before)
    converged = error <= tolerance(value, rtol, atol)
    why = "a finer product agrees" if converged else "a finer product of rules does not agree"
    return Integral(value, error, box.evaluations, converged, "product Gauss–Legendre", why)


def _nets(box: Box, rtol: float, atol: float, limit: int, rng: np.random.Generator) -> Integral:
    method = "scrambled Sobol"
    nets, size = NetMean(box, rng, REPLICATES), 64
    room = limit - box.evaluations
    if room < REPLICATES:
        return Integral(math.nan, math.inf, box.evaluations, False, method, f"{limit} evaluations pay for no estimate")
    size = min(size, 1 << ((room // REPLICATES).bit_length() - 1))
    while True:
        nets.refine(REPLICATES * size, exact=size)
        value, error = nets.estimate()
        error *= T_QUANTILE
        if error <= tolerance(value, rtol, atol):
            return Integral(value, error, box.evaluations, True, method, f"{REPLICATES} nets of {nets.count} agree")
        size = nets.count
        if box.evaluations + REPLICATES * size > limit:
            why = f"{REPLICATES} nets of {nets.count} points disagree, and twice as many exceed the limit"
            return Integral(value, error, box.evaluations, False, method, why)


def _random(box: Box, rtol: float, atol: float, limit: int, rng: np.random.Generator) -> Integral:
    mean, method = PlainMean(box, rng), "Monte Carlo"
    if limit - box.evaluations < 2:
        return Integral(math.nan, math.inf, box.evaluations, False, method, f"{limit} evaluations pay for no estimate")
    while True:
        mean.refine(min(max(1024, mean.count), limit - box.evaluations))
        value, error = mean.estimate()
        error *= NORMAL_QUANTILE
        goal = tolerance(value, rtol, atol)
        if error <= goal:
            return Integral(value, error, box.evaluations, True, method, f"{mean.count} points reach the tolerance")
        if box.evaluations >= limit:
            needed = mean.count * (error / goal) ** 2 if goal > 0 else math.inf
            why = f"about {needed:.2g} points would reach the tolerance"
            return Integral(value, error, box.evaluations, False, method, why)


def _with_reason(found: Integral, *reasons: str) -> Integral:
    return found._replace(why=": ".join([*reasons, found.why]) if reasons else found.why)
