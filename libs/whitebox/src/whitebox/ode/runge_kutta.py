r"""Initial value problems :math:`y' = f(t, y),\; y(t_0) = y_0` by Runge–Kutta methods.

(Hairer, Nørsett, Wanner: Solving Ordinary Differential Equations I, 1993.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector, number_in, positive_int
from whitebox.errors import ConvergenceError, NotFiniteError, RangeError, ShapeError

Field = Callable[[float, Array], npt.ArrayLike]


class Vector(Protocol):
    """What a step needs of a state: sums and multiples; arrays have them, and tensors."""

    def __add__(self, other: Any) -> Any:
        """The sum."""
        ...

    def __rmul__(self, other: Any) -> Any:
        """The multiple."""
        ...

    def __mul__(self, other: Any) -> Any:
        """The multiple."""
        ...


State = TypeVar("State", bound=Vector)

# Dormand, Prince 1980, table 2: the nodes, the stages, and what fifth and fourth order differ by.
_NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = np.array([71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])
# Shampine 1986: coefficients of a fourth-order interpolant, by stage and power of the place in the step.
_INTERPOLANT = np.array(
    [
        [1.0, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
        [0.0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
        [0.0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
        [0.0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
        [0.0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
    ]
)
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 10.0


class Solution(NamedTuple):
    """A trajectory and what it cost.

    Attributes:
        times: Shape (T,).
        states: The state at each time, shape (T, *s).
        steps: Steps that were accepted.
        rejected: Steps whose error was too large.
        evaluations: Of the right-hand side.
    """

    times: Array
    states: Array
    steps: int
    rejected: int
    evaluations: int


def rk4_step(field: Callable[[float, State], State], t: float, y: State, h: float) -> State:
    r"""One step of the classical method of fourth order (Kutta 1901).

    .. math:: y + \tfrac h6 (k_1 + 2 k_2 + 2 k_3 + k_4), \quad k_1 = f(t, y),\;
              k_2 = f(t + \tfrac h2, y + \tfrac h2 k_1),\; k_3 = f(t + \tfrac h2, y + \tfrac h2 k_2),\;
              k_4 = f(t + h, y + h k_3)

    Four evaluations; the error of the step is :math:`O(h^5)`. Tensors stay differentiable.

    Args:
        field: The right-hand side f.
        t: The time.
        y: The state there, an array or tensor of any shape.
        h: How far to go; negative goes back.

    >>> rk4_step(lambda t, y: y, 0.0, np.array([1.0]), 1.0).round(4).tolist()
    [2.7083]
    """
    k1 = field(t, y)
    k2 = field(t + h / 2, y + k1 * (h / 2))
    k3 = field(t + h / 2, y + k2 * (h / 2))
    k4 = field(t + h, y + k3 * h)
    stepped: State = y + (k1 + k2 * 2.0 + k3 * 2.0 + k4) * (h / 6)
    return stepped


def rk4(field: Field, y0: npt.ArrayLike, times: npt.ArrayLike, *, steps: int = 1) -> Solution:
    """The trajectory through given times, with equal steps of `rk4_step` between each two. O(T · steps) evaluations.

    Args:
        field: The right-hand side, from a time and a state to the derivative, in the shape of the state.
        y0: The state at the first time, any shape.
        times: Strictly rising or falling, shape (T,).
        steps: Between each two times.

    Raises:
        RangeError: The times do not rise or fall strictly, or `steps` is less than 1.
        ShapeError: The derivative has another shape than the state.
        NotFiniteError: The solution leaves the finite numbers.
        DtypeError, EmptyInputError: For unusable input.

    >>> rk4(lambda t, y: -y, [1.0], [0.0, 1.0], steps=10).states.round(4).tolist()
    [[1.0], [0.3679]]
    """
    y, when = as_array(y0, "y0"), checked_times(times)
    steps = positive_int(steps, "steps")
    right = _Counted(field, y.shape)
    states = [y]
    for start, end in zip(when[:-1].tolist(), when[1:].tolist(), strict=True):
        h = (end - start) / steps
        for number in range(steps):
            with np.errstate(over="ignore", invalid="ignore"):
                y = rk4_step(right, start + number * h, y, h)
            _check_state(y, start + (number + 1) * h)
        states.append(y)
    return Solution(when, np.array(states), steps * (len(when) - 1), 0, right.evaluations)


def dormand_prince(
    field: Field,
    y0: npt.ArrayLike,
    times: npt.ArrayLike,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    max_steps: int = 100_000,
) -> Solution:
    r"""The trajectory through given times, with steps as long as the wanted accuracy allows.

    Each step gives results of fifth and fourth order (Dormand, Prince 1980). It is accepted where the root mean square
    of their difference over :math:`\epsilon_a + \epsilon_r \max(|y|, |y_{\text{next}}|)` is at most 1; the fifth order
    goes on. The next step is as long as this error e suggests, :math:`h \cdot 0.9\, e^{-1/5}`. Times inside a step are
    read from an interpolant of fourth order (Shampine 1986). Six evaluations a step: the last stage is the next first.

    Args:
        field: The right-hand side, from a time and a state to the derivative, in the shape of the state.
        y0: The state at the first time, any shape.
        times: Strictly rising or falling, shape (T,).
        rtol: :math:`\epsilon_r`, positive.
        atol: :math:`\epsilon_a`, positive.
        max_steps: Accepted and rejected ones together.

    Raises:
        ConvergenceError: The steps became too short to count, or too many.
        RangeError: The times do not rise or fall strictly, or a number is out of its range.
        ShapeError: The derivative has another shape than the state.
        NotFiniteError: The derivative at the start is not finite.
        DtypeError, EmptyInputError: For unusable input.

    >>> around = dormand_prince(lambda t, y: [y[1], -y[0]], [1.0, 0.0], [0.0, np.pi / 2, np.pi])
    >>> around.states[:, 1].round(4).tolist(), around.states[2, 0].round(4).item()
    ([0.0, -1.0, 0.0], -1.0)
    """
    y, when = as_array(y0, "y0"), checked_times(times)
    rtol, atol = number_in(rtol, "rtol", 0, open_low=True), number_in(atol, "atol", 0, open_low=True)
    max_steps = positive_int(max_steps, "max_steps")
    right = _Counted(field, y.shape)
    t, end = float(when[0]), float(when[-1])
    way = math.copysign(1.0, end - t)
    first = right(t, y)
    _check_state(first, t)
    h = min(_first_step(right, t, y, first, way=way, rtol=rtol, atol=atol), abs(end - t))
    states = [y]
    accepted = rejected = 0
    may_grow = True
    while len(states) < len(when):
        if accepted + rejected == max_steps:
            raise ConvergenceError(f"dormand_prince: {max_steps} steps led to t = {t:g} only, of {end:g}")
        if h <= 10 * np.spacing(abs(t)):
            raise ConvergenceError(f"dormand_prince: at t = {t:g} no step is short enough; the solution may end there")
        target = end if h >= abs(end - t) else t + way * h
        step = target - t
        with np.errstate(over="ignore", invalid="ignore"):
            stages, following = _stages(right, t, y, first, step)
            scale = atol + rtol * np.maximum(np.abs(y), np.abs(following))
            error = _rms(step * np.tensordot(_ERROR, stages, 1) / scale)
        if not error <= 1:
            rejected, may_grow = rejected + 1, False
            h = abs(step) * (max(_SHRINK, _SAFETY * error**-0.2) if math.isfinite(error) else _SHRINK)
            continue
        while len(states) < len(when) and (when[len(states)] - target) * way <= 0:
            states.append(_between(y, stages, step, (float(when[len(states)]) - t) / step, following))
        growth = _GROW if error == 0 else min(_GROW, max(_SHRINK, _SAFETY * error**-0.2))
        h = abs(step) * (growth if may_grow else min(1.0, growth))
        t, y, first, accepted, may_grow = target, following, stages[-1], accepted + 1, True
    return Solution(when, np.array(states), accepted, rejected, right.evaluations)


def checked_times(times: npt.ArrayLike) -> Array:
    """Times that rise or fall strictly, at least two.

    Raises:
        RangeError: They do not.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: For what is no vector of numbers.

    >>> checked_times([0, 1]).tolist()
    [0.0, 1.0]
    """
    when = as_vector(times, "times")
    gaps = np.diff(when)
    if not len(gaps) or not ((gaps > 0).all() or (gaps < 0).all()):
        raise RangeError("times must be at least two, and rise or fall strictly")
    return when


class _Counted:
    """A right-hand side whose evaluations are counted and whose shapes are checked."""

    def __init__(self, field: Field, shape: tuple[int, ...]) -> None:
        self.field, self.shape, self.evaluations = field, shape, 0

    def __call__(self, t: float, y: Array) -> Array:
        self.evaluations += 1
        derivative = np.asarray(self.field(t, y), dtype=np.float64)
        if derivative.shape != self.shape:
            raise ShapeError(f"the derivative has shape {derivative.shape}, the state has {self.shape}")
        return derivative


def _stages(right: _Counted, t: float, y: Array, first: Array, h: float) -> tuple[Array, Array]:
    """All seven derivatives, shape (7, *s), and the state of fifth order, at which the last one was taken."""
    stages = np.empty((7, *y.shape))
    stages[0] = first
    following = y
    for number in range(1, 7):
        following = y + h * np.tensordot(np.array(_STAGES[number]), stages[:number], 1)
        stages[number] = right(t + _NODES[number] * h, following)
    return stages, following


def _between(y: Array, stages: Array, h: float, place: float, following: Array) -> Array:
    """The state at a place in the step, from 0 to 1."""
    if place == 1:
        return following
    return y + h * np.tensordot(_INTERPOLANT @ place ** np.arange(1, 5), stages, 1)


def _first_step(right: _Counted, t: float, y: Array, first: Array, *, way: float, rtol: float, atol: float) -> float:
    """How long the first step should be: Hairer, Nørsett, Wanner, section II.4."""
    scale = atol + rtol * np.abs(y)
    size, slope = _rms(y / scale), _rms(first / scale)
    h = 1e-6 if size < 1e-5 or slope < 1e-5 else 0.01 * size / slope
    with np.errstate(over="ignore", invalid="ignore"):
        bend = _rms((right(t + way * h, y + way * h * first) - first) / scale) / h
    if not math.isfinite(bend):
        return h * 1e-3
    steepest = max(slope, bend)
    return min(100 * h, max(1e-6, h * 1e-3) if steepest <= 1e-15 else (0.01 / steepest) ** 0.2)


def _rms(x: Array) -> float:
    return math.sqrt(float(np.mean(np.square(x))))


def _check_state(y: Array, t: float) -> None:
    if not np.isfinite(y).all():
        raise NotFiniteError(f"the solution is no longer finite at t = {t:g}")
