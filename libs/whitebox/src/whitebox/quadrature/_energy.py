"""Integration on a budget of energy."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from whitebox._validation import Array, number_in
from whitebox.errors import BudgetError, RangeError
from whitebox.quadrature._backends import BackendName, load_backend
from whitebox.quadrature._choose import NORMAL_QUANTILE, REPLICATES, T_QUANTILE
from whitebox.quadrature._domain import Box, Line, as_rng, parse_bounds
from whitebox.quadrature._kronrod import Adaptive
from whitebox.quadrature._low_discrepancy import MOST_DIMENSIONS
from whitebox.quadrature._monte_carlo import NetMean, PlainMean
from whitebox.quadrature._results import tolerance

# A measured batch is planned to cost this share of what is left: it may turn out that many times as dear.
_SHARE = 0.25

_FIRST_RUN = 64


class Budgeted(NamedTuple):
    """A value, and what it cost.

    Attributes:
        value: The estimate.
        error: By how much it may be off, as in `Integral`.
        evaluations: At how many points the integrand was computed.
        converged: Whether the error is within the tolerance; if not, the budget, or the precision of numbers, did not
            suffice.
        method: What computed it.
        why: What became of the budget, in words.
        joules: Energy spent.
        joules_per_evaluation: What an evaluation cost, on average.
    """

    value: float
    error: float
    evaluations: int
    converged: bool
    method: str
    why: str
    joules: float
    joules_per_evaluation: float


def integrate_within(
    f: Callable[[Any], Any],
    bounds: Any,
    joules: float,
    *,
    watts: float | None = None,
    joules_per_evaluation: float | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-12,
    rng: np.random.Generator | None = None,
    backend: BackendName = "numpy",
    device: str | None = None,
    clock: Callable[[], float] | None = None,
) -> Budgeted:
    r"""As precise as a budget of energy allows, or as the tolerance demands, whichever comes first.

    The cost model is one of two, and one has to be given. With `joules_per_evaluation` c, n evaluations cost

    .. math:: E = c\, n

    and E never exceeds the budget. With `watts` P, the power of what computes,

    .. math:: E = P\, t, \qquad c = P\, t / n

    with t the measured seconds, those of the method's own work included, and c what an evaluation of the last batch
    cost. Each batch is planned to cost a quarter of what is left at that price, and none is begun once twice the
    cheapest so far exceeds what is left, so that E stays within the budget unless the integrand becomes more than four
    times as dear from one batch to the next, or its first evaluation alone exceeds it. Processor time of all threads is
    what counts, so that waiting for other programs costs nothing; on devices other than the processor, time on the
    wall. Compiling (with "numba") is not charged.

    One variable is integrated by adaptive Gauss–Kronrod, several by scrambled Sobol points, more than 64 at random: all
    improve step by step. Their errors fall geometrically, about as 1/E, and as :math:`E^{-1/2}`.

    Args:
        f: As in `integrate`.
        bounds: As in `integrate`.
        joules: The budget.
        watts: Power, for measured cost: of one busy core, say, some 5 to 15.
        joules_per_evaluation: Given cost.
        rtol: Tolerance relative to the integral.
        atol: Absolute tolerance; either is enough. With both 0 the whole budget is spent.
        rng: For the methods that need one; a generator with seed 0 if missing.
        backend: "numpy", "numba" or "torch".
        device: For torch.
        clock: Gives seconds, instead of the clocks described above.

    Raises:
        BudgetError: if the budget pays for no estimate with an error at all.
        RangeError: for numbers out of their range, or unless exactly one cost model is given.
        EmptyInputError, ShapeError, DtypeError, NotFiniteError, MissingDependencyError: as `integrate`.

    >>> result = integrate_within(np.exp, (0, 1), joules=0.1, joules_per_evaluation=0.001)
    >>> round(result.value, 9), result.converged, result.joules
    (1.718281828, True, 0.015)
    >>> integrate_within(np.exp, (0, 1), joules=0.01, joules_per_evaluation=0.001)
    Traceback (most recent call last):
        ...
    whitebox.errors.BudgetError: the budget of 0.01 J pays for 10 evaluations, the smallest estimate takes 15
    """
    axes, flat = parse_bounds(bounds)
    rtol, atol = number_in(rtol, "rtol", 0), number_in(atol, "atol", 0)
    rng = np.random.default_rng(0) if rng is None else as_rng(rng)
    meter = _Meter(joules, watts, joules_per_evaluation, clock or _clock(device))
    if any(axis.a == axis.b for axis in axes):
        return Budgeted(0.0, 0.0, 0, True, "none", "a side of the domain has no length", 0.0, 0.0)
    run = load_backend(backend, device)
    if flat:
        return _line_within(Line(f, axes[0], run), meter, rtol, atol, rng)
    return _box_within(Box(f, axes, run), meter, rtol, atol, rng)


class _Meter:
    """What has been spent, and how many evaluations the rest pays for."""

    def __init__(self, budget: float, watts: float | None, figure: float | None, clock: Callable[[], float]) -> None:
        self.budget = number_in(budget, "joules", 0, open_low=True)
        if (watts is None) == (figure is None):
            raise RangeError("give either watts, for measured cost, or joules_per_evaluation")
        self._watts = None if watts is None else number_in(watts, "watts", 0, open_low=True)
        self._figure = None if figure is None else number_in(figure, "joules_per_evaluation", 0, open_low=True)
        self._clock = clock
        self._price = self._least = 0.0
        self.spent, self.evaluations = 0.0, 0

    @property
    def measures(self) -> bool:
        """Whether cost is measured."""
        return self._watts is not None

    def room(self) -> int:
        """How many evaluations may come next."""
        if self._figure is None:
            left = self.budget - self.spent
            if 2 * self._least > left:
                return 0  # however few points, a call has its own cost
            return max(0, int(min(_SHARE * left / self._price, 2.0**62))) if self._price > 0 else 1 << 62
        most = int(min(self.budget / self._figure, 2.0**62))
        # The quotient may have been rounded up.
        return most - (most * self._figure > self.budget) - self.evaluations

    def run(self, work: Callable[[], None], evaluations: Callable[[], int]) -> None:
        """Does a batch of work, and charges it."""
        before, started = evaluations(), self._clock()
        work()
        count, seconds = evaluations() - before, self._clock() - started
        self.evaluations += count
        if self._watts is None:
            self.spent = self.evaluations * (self._figure or 0.0)
        else:
            self.spent += self._watts * seconds
            self._price = self._watts * seconds / max(count, 1)
            self._least = min(self._least, self._watts * seconds) if self._least else self._watts * seconds

    def demand(self, smallest: int) -> None:
        """Raises BudgetError unless the smallest estimate can be paid."""
        if self.room() < smallest:
            spent = f", after {self.spent:.3g} J spent on learning what one costs" if self.measures else ""
            raise BudgetError(
                f"the budget of {self.budget:.4g} J pays for {self.room()} evaluations{spent}, the smallest estimate "
                f"takes {smallest}"
            )

    def result(self, value: float, error: float, converged: bool, method: str, why: str) -> Budgeted:
        each = self.spent / self.evaluations if self.evaluations else 0.0
        return Budgeted(value, error, self.evaluations, converged, method, why, self.spent, each)

    def short(self, factor: float = math.inf) -> str:
        """That the budget does not suffice, and what would if so many times the evaluations are needed."""
        needed = f"; about {self.spent * factor:.2g} J would" if math.isfinite(factor) else ""
        return f"the budget of {self.budget:.4g} J does not suffice for the tolerance{needed}"


def _line_within(line: Line, meter: _Meter, rtol: float, atol: float, rng: np.random.Generator) -> Budgeted:
    axis, method = line.axis, "adaptive Gauss–Kronrod"
    if meter.measures:
        width = axis.high - axis.low
        _learn_price(meter, line, lambda n: axis.low + width * rng.random(n), Adaptive.cost)
    meter.demand(Adaptive.cost)
    heap: Adaptive | None = None

    def begin() -> None:
        nonlocal heap
        heap = Adaptive(line, [axis.low, axis.high])

    meter.run(begin, lambda: line.evaluations)
    assert heap is not None  # noqa: S101  # for the type checker: begin has run
    while True:
        goal = tolerance(heap.value, rtol, atol)
        value, error = axis.sign * heap.value, heap.error
        if error <= goal:
            return meter.result(value, error, True, method, "the tolerance was reached within the budget")
        if heap.exhausted(goal):
            why = "what is left of the error is rounding: the tolerance cannot be reached at any cost"
            return meter.result(value, error, False, method, why)
        room = meter.room()
        if room < 2 * Adaptive.cost:
            return meter.result(value, error, False, method, meter.short())
        # Later halvings depend on what earlier ones find: a few intervals at a time waste nothing.
        meter.run(lambda: heap.refine(goal, room), lambda: line.evaluations)  # noqa: B023  # runs at once


def _box_within(box: Box, meter: _Meter, rtol: float, atol: float, rng: np.random.Generator) -> Budgeted:
    if meter.measures:
        _learn_price(meter, box, lambda n: rng.random((n, box.dimension)), REPLICATES)
    if box.dimension <= MOST_DIMENSIONS:
        method, quantile, smallest, power = "scrambled Sobol", T_QUANTILE, REPLICATES, 1
        nets = NetMean(box, rng, REPLICATES)
        estimate: Callable[[], tuple[float, float]] = nets.estimate

        def plan(room: int) -> int:
            return REPLICATES * nets.next_run(min(room, REPLICATES * _FIRST_RUN) if nets.count == 0 else room)

        refine: Callable[[int], None] = nets.refine
    else:
        method, quantile, smallest, power = "Monte Carlo", NORMAL_QUANTILE, 2, 2
        mean = PlainMean(box, rng)
        estimate, refine = mean.estimate, mean.refine

        def plan(room: int) -> int:
            return min(room, max(REPLICATES * _FIRST_RUN, mean.count))

    meter.demand(smallest)
    value, error, goal = math.nan, math.inf, 0.0
    while True:
        count = plan(meter.room())
        if count == 0:
            factor = (error / goal) ** power if goal > 0 else math.inf
            return meter.result(value, error, False, method, meter.short(factor))
        meter.run(lambda: refine(count), lambda: box.evaluations)  # noqa: B023  # runs at once
        value, error = estimate()
        error *= quantile
        goal = tolerance(value, rtol, atol)
        if error <= goal:
            return meter.result(value, error, True, method, "the tolerance was reached within the budget")


def _learn_price(meter: _Meter, function: Line | Box, points: Callable[[int], Array], smallest: int) -> None:
    """Evaluates at one point, then at more as the price allows, until it allows the smallest estimate.

    One point alone is dear where a call costs more than a point; nobody knows before what it costs.
    """

    def evaluate(count: int) -> None:
        function(function.run.array(points(count)), finite=False)

    if function.run.name == "numba":
        evaluate(1)  # compiles
    count = 1
    while True:
        meter.run(lambda: evaluate(count), lambda: function.evaluations)  # noqa: B023  # runs at once
        count *= 2
        if not count <= meter.room() < smallest:
            return


def _clock(device: str | None) -> Callable[[], float]:
    return time.process_time if device is None or device.startswith("cpu") else time.perf_counter
