"""The alternating direction method of multipliers: large problems as many small ones that have to agree.

After Boyd, Parikh, Chu, Peleato, Eckstein: Distributed Optimization and Statistical Learning via the Alternating
Direction Method of Multipliers, 2011, whose equations are cited by their numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_matrix, as_vector, number_in, positive_int
from whitebox.errors import EmptyInputError, RangeError, ShapeError
from whitebox.linalg import cholesky, solve_triangular

# From a point v and a weight ρ to the minimum of f(x) + ρ/2 ‖x - v‖².
Proximal = Callable[[Array, float], npt.ArrayLike]

# How often residuals are balanced, by which factor they must differ, and by which the weight then changes.
_BALANCED_EVERY, _IMBALANCE, _CHANGE = 10, 10.0, 3.0


class Agreement(NamedTuple):
    r"""Where two sides of a splitting have come to.

    Attributes:
        x: The variable on which they agree, shape (n,).
        dual: Multipliers :math:`\rho u` of their agreement, of the shape of the splitting.
        primal_residual: By how much the sides still differ (3.3).
        dual_residual: By how much the agreement still moves, times :math:`\rho`.
        iterations: Steps taken.
        converged: Whether both residuals met the tolerance.
    """

    x: Array
    dual: Array
    primal_residual: float
    dual_residual: float
    iterations: int
    converged: bool


class Allocation(NamedTuple):
    """A budget divided.

    Attributes:
        amounts: What each gets, not negative, summing up to the budget, shape (n,).
        price: What a unit more of the budget would return; what the last unit returns wherever anything is spent.
        total: The sum of the returns.
        iterations: Steps taken.
        converged: Whether the tolerance was met.
    """

    amounts: Array
    price: float
    total: float
    iterations: int
    converged: bool


class Returns(Protocol):
    """Concave, rising returns of n places to what is spent in each."""

    def value(self, x: Array) -> Array:
        """Returns of amounts, shape (n,)."""
        ...

    def slope(self, x: Array) -> Array:
        """What a unit more would return, shape (n,); may be infinite at 0."""
        ...

    def spend(self, price: float) -> Array:
        """Amounts at which a unit more returns the price; 0 where it returns less from the start. Shape (n,)."""
        ...


def soft_threshold(x: npt.ArrayLike, threshold: float) -> Array:
    r"""Shrinks towards zero: the minimum of :math:`t \lVert z \rVert_1 + \tfrac12 \lVert z - x \rVert^2`.

    .. math:: S_t(x)_i = \mathrm{sign}(x_i) \max(|x_i| - t, 0)

    (Equation 4.2.) O(size).

    Args:
        x: Any shape.
        threshold: t, not negative.

    Raises:
        DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> soft_threshold([3.0, -0.5, -2.0], 1.0).tolist()
    [2.0, 0.0, -1.0]
    """
    return _shrunk(as_array(x, "x"), number_in(threshold, "threshold", 0))


def lasso_admm(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    penalty: float,
    *,
    rho: float | None = None,
    relaxation: float = 1.6,
    tol: float = 1e-8,
    max_iter: int = 10_000,
) -> Agreement:
    r"""Least squares with a penalty on absolute values.

    Minimises :math:`\tfrac12 \lVert X w - y \rVert^2 + \lambda \lVert w \rVert_1` by

    .. math::
        x &\leftarrow (X^\top X + \rho I)^{-1} (X^\top y + \rho (z - u)) \\
        z &\leftarrow S_{\lambda / \rho}(x + u), \qquad u \leftarrow u + x - z

    (Section 6.4.) The matrix is factored once, the smaller of :math:`X^\top X` and :math:`X X^\top` (4.2.4), and again
    where residuals get out of balance (3.4.1). Zeros of the answer, z, are exact. At it no entry of
    :math:`X^\top (y - X w)` exceeds :math:`\lambda`. O(n·p·min(n, p)) once, O(p·min(n, p)) a step.

    Args:
        X: Shape (n, p).
        y: Shape (n,).
        penalty: :math:`\lambda`, not negative; scikit-learn's alpha times n.
        rho: :math:`\rho`, first; by the size of X where missing.
        relaxation: How far x is taken past itself, from 1 (not at all) to 1.8 (3.4.3).
        tol: For both residuals, relative to what they compare.
        max_iter: Steps at most.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> lasso_admm([[1.0, 0.0], [0.0, 1.0]], [3.0, 0.5], penalty=1.0).x.round(6).tolist()
    [2.0, 0.0]
    """
    rows, target = as_matrix(X, "X"), as_vector(y, "y")
    n, p = rows.shape
    if len(target) != n:
        raise ShapeError(f"y must have shape ({n},) like the rows of X, got {target.shape}")
    penalty, tol = number_in(penalty, "penalty", 0), number_in(tol, "tol", 0)
    relaxation = number_in(relaxation, "relaxation", 1, 1.8)
    # The mean eigenvalue, over the smaller side: where both residuals fall about alike.
    size = float((rows * rows).sum()) / min(n, p)
    weight = (size or 1.0) if rho is None else number_in(rho, "rho", 0, open_low=True)
    gram = rows.T @ rows if p <= n else rows @ rows.T
    solve = _ridge(rows, gram, weight)
    pull = rows.T @ target
    z, u = np.zeros(p), np.zeros(p)
    primal = dual = math.inf
    for iteration in range(1, positive_int(max_iter, "max_iter") + 1):
        x = solve(pull + weight * (z - u))
        mixed, before = relaxation * x + (1 - relaxation) * z, z
        z = _shrunk(mixed + u, penalty / weight)
        u = u + mixed - z
        primal, dual = _length(x - z), weight * _length(z - before)
        if primal <= tol * max(_length(x), _length(z), 1e-12) and dual <= tol * max(weight * _length(u), 1e-12):
            return Agreement(z, weight * u, primal, dual, iteration, True)
        if iteration % _BALANCED_EVERY == 0 and iteration <= max_iter // 2:
            factor = _rebalance(primal / max(_length(z), 1e-12), dual / max(weight * _length(u), 1e-12))
            if factor != 1.0:
                weight, u = weight * factor, u / factor
                solve = _ridge(rows, gram, weight)
    return Agreement(z, weight * u, primal, dual, max_iter, False)


def consensus_admm(
    proximals: Sequence[Proximal],
    dimension: int,
    *,
    rho: float = 1.0,
    tol: float = 1e-8,
    max_iter: int = 10_000,
) -> Agreement:
    r"""Minimises a sum of functions that know nothing of each other: :math:`\sum_i f_i(x)`.

    .. math::
        x_i &\leftarrow \mathrm{prox}_{f_i, \rho}(z - u_i) \\
        z &\leftarrow \frac{1}{N} \sum_i (x_i + u_i), \qquad u_i \leftarrow u_i + x_i - z

    (Section 7.1.) Each function, of data that stay where they are, answers with its own best point near the common one;
    disagreement is paid for until there is none. At the end :math:`-\rho u_i` is a gradient of :math:`f_i`, and they
    sum up to zero. A step costs one call of each.

    Args:
        proximals: For each function, from v (shape (n,)) and ρ to the minimum of :math:`f_i(x) + \tfrac{\rho}{2} \lVert
        x
            - v \rVert^2`; infinite values are allowed: a projection is such a function.
        dimension: n.
        rho: First weight of disagreement; balanced on the way.
        tol: For both residuals, relative to what they compare.
        max_iter: Steps at most.

    Returns:
        The agreement, with multipliers of shape (N, n).

    Raises:
        EmptyInputError: if there is no function.
        ShapeError, DtypeError, NotFiniteError, RangeError: for unusable numbers or answers.

    >>> anchors = [0.0, 1.0, 5.0]  # the sum of (x - a)²/2 is least at their mean
    >>> consensus_admm([lambda v, rho, a=a: (a + rho * v) / (1 + rho) for a in anchors], 1).x.round(6).tolist()
    [2.0]
    """
    if len(proximals) == 0:
        raise EmptyInputError("proximals holds no function")
    N, n = len(proximals), positive_int(dimension, "dimension")
    weight, tol = number_in(rho, "rho", 0, open_low=True), number_in(tol, "tol", 0)
    z, u = np.zeros(n), np.zeros((N, n))
    x = np.zeros((N, n))
    primal = dual = math.inf
    for iteration in range(1, positive_int(max_iter, "max_iter") + 1):
        for i, proximal in enumerate(proximals):
            answer = as_vector(proximal(z - u[i], weight), f"the answer of proximals[{i}]")
            if answer.shape != (n,):
                raise ShapeError(f"proximals[{i}] must give shape ({n},), got {answer.shape}")
            x[i] = answer
        before = z
        z = (x + u).mean(axis=0)
        u = u + x - z
        primal, dual = _length(x - z), weight * math.sqrt(N) * _length(z - before)
        size = max(_length(x), math.sqrt(N) * _length(z), 1e-12)
        if primal <= tol * size and dual <= tol * max(weight * _length(u), 1e-12 + tol * size):
            return Agreement(z, weight * u, primal, dual, iteration, True)
        if iteration % _BALANCED_EVERY == 0 and iteration <= max_iter // 2:
            factor = _rebalance(primal, dual)
            weight, u = weight * factor, u / factor
    return Agreement(z, weight * u, primal, dual, max_iter, False)


class LogReturns:
    r"""Returns :math:`a_i \ln(1 + x_i / c_i)`, which start at a rate of :math:`a_i / c_i` and never stop rising.

    Args:
        scale: a, positive, shape (n,).
        half: c, the amount at which the rate has halved, positive, shape (n,).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> LogReturns([2.0], [1.0]).slope(np.array([0.0])).tolist()
    [2.0]
    """

    def __init__(self, scale: npt.ArrayLike, half: npt.ArrayLike) -> None:
        self.scale, self.half = _positive_pair(scale, half, "half")

    def value(self, x: Array) -> Array:
        """Returns of amounts."""
        value: Array = self.scale * np.log1p(x / self.half)
        return value

    def slope(self, x: Array) -> Array:
        """What a unit more would return."""
        slope: Array = self.scale / (self.half + x)
        return slope

    def spend(self, price: float) -> Array:
        """Amounts at which a unit more returns the price."""
        return np.maximum(self.scale / price - self.half, 0.0)


class PowerReturns:
    r"""Returns :math:`a_i x_i^{p_i}` with :math:`0 < p_i < 1`, infinitely steep at zero: everyone gets something.

    Args:
        scale: a, positive, shape (n,).
        power: p, between 0 and 1, shape (n,).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> PowerReturns([2.0], [0.5]).spend(0.5).tolist()
    [4.0]
    """

    def __init__(self, scale: npt.ArrayLike, power: npt.ArrayLike) -> None:
        self.scale, self.power = _positive_pair(scale, power, "power")
        if (self.power >= 1).any():
            raise RangeError("power must be below 1: returns have to be concave")

    def value(self, x: Array) -> Array:
        """Returns of amounts."""
        value: Array = self.scale * x**self.power
        return value

    def slope(self, x: Array) -> Array:
        """What a unit more would return."""
        with np.errstate(divide="ignore"):
            slope: Array = self.scale * self.power * x ** (self.power - 1)
        return slope

    def spend(self, price: float) -> Array:
        """Amounts at which a unit more returns the price."""
        amounts: Array = (self.scale * self.power / price) ** (1 / (1 - self.power))
        return amounts


class SaturatingReturns:
    r"""Returns :math:`a_i (1 - e^{-x_i / c_i})`, which approach :math:`a_i`.

    Args:
        scale: a, positive, shape (n,).
        reach: c, the amount that brings 63 % of it, positive, shape (n,).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> SaturatingReturns([2.0], [1.0]).value(np.array([0.0])).tolist()
    [0.0]
    """

    def __init__(self, scale: npt.ArrayLike, reach: npt.ArrayLike) -> None:
        self.scale, self.reach = _positive_pair(scale, reach, "reach")

    def value(self, x: Array) -> Array:
        """Returns of amounts."""
        value: Array = -self.scale * np.expm1(-x / self.reach)
        return value

    def slope(self, x: Array) -> Array:
        """What a unit more would return."""
        slope: Array = self.scale / self.reach * np.exp(-x / self.reach)
        return slope

    def spend(self, price: float) -> Array:
        """Amounts at which a unit more returns the price."""
        amounts: Array = self.reach * np.maximum(np.log(self.scale / (self.reach * price)), 0.0)
        return amounts


def water_filling(returns: Returns, budget: float) -> Allocation:
    r"""Divides a budget so that the last unit returns the same everywhere it goes.

    .. math:: x_i = \left( (r_i')^{-1}(\nu) \right)_+, \qquad \sum_i x_i(\nu) = B

    which are the conditions of Karush, Kuhn and Tucker for :math:`\max \sum_i r_i(x_i)` under a budget (Boyd,
    Vandenberghe: Convex Optimization, 2004, example 5.2): one equation in the price :math:`\nu`, solved by bisection.
    O(n) a step, about 100 steps.

    Args:
        returns: Concave returns of n places, as `LogReturns`.
        budget: B, positive.

    Raises:
        RangeError: if the budget is not positive.
        ShapeError, DtypeError, NotFiniteError: for returns that give something else than a number a place.

    >>> allocation = water_filling(LogReturns([1.0, 2.0, 0.1], [1.0, 1.0, 1.0]), budget=4.0)
    >>> allocation.amounts.round(9).tolist(), round(allocation.price, 9)
    ([1.0, 3.0, 0.0], 0.5)
    """
    budget = number_in(budget, "budget", 0, open_low=True)

    def spent(log_price: float) -> float:
        return float(as_vector(returns.spend(math.exp(log_price)), "what returns.spend gives").sum())

    # A price at which too much is spent, and one at which too little is.
    low = high = 0.0
    step = 1.0
    while spent(low) < budget:
        low, step = low - step, 2 * step
        if low < -700:
            raise RangeError("the budget exceeds what any price above zero would spend")
    step = 1.0
    while spent(high) >= budget:
        high, step = high + step, 2 * step
        if high > 700:
            raise RangeError("returns.spend gives no less than the budget at any price")
    steps = 0
    while low < (middle := (low + high) / 2) < high and steps < 200:
        steps += 1
        low, high = (middle, high) if spent(middle) >= budget else (low, middle)
    amounts = returns.spend(math.exp(low))
    # What rounding of the price leaves over goes where the money is.
    amounts = amounts * (budget / amounts.sum())
    return Allocation(amounts, math.exp(low), float(returns.value(amounts).sum()), steps, True)


def allocate_budget(
    returns: Returns,
    budget: float,
    *,
    rho: float | None = None,
    tol: float = 1e-8,
    max_iter: int = 10_000,
) -> Allocation:
    r"""Divides a budget by bargaining: everybody says what they want at the price, and the price follows the sum.

    .. math::
        x_i &\leftarrow \arg\max_{x \ge 0}\; r_i(x) - \tfrac{\rho}{2} (x - x_i + \bar x - B/n + u)^2 \\
        u &\leftarrow u + \bar x - B/n

    (Optimal exchange, section 7.3.2.) The price is :math:`\rho u`. Nobody tells anything but the amount, and nobody's
    returns need an inverse: a step is one bisection a place, all at once. The answer is that of `water_filling`.

    Args:
        returns: Concave returns of n places, as `LogReturns`; only values and slopes are used.
        budget: B, positive.
        rho: First weight of the balance; by the slopes where missing, and adapted on the way.
        tol: For the balance and for how far amounts still move, relative to the budget.
        max_iter: Steps at most.

    Raises:
        RangeError: if the budget is not positive.
        ShapeError, DtypeError, NotFiniteError: for returns that give something else than a number a place.

    >>> allocation = allocate_budget(LogReturns([1.0, 2.0, 0.1], [1.0, 1.0, 1.0]), budget=4.0)
    >>> allocation.amounts.round(5).tolist(), round(allocation.price, 5)
    ([1.0, 3.0, 0.0], 0.5)
    """
    budget, tol = number_in(budget, "budget", 0, open_low=True), number_in(tol, "tol", 0)
    n = len(as_vector(returns.value(np.asarray(budget)), "what returns.value gives"))
    share = budget / n
    amounts = np.full(n, share)
    slopes = as_vector(returns.slope(amounts), "what returns.slope gives")
    if slopes.shape != (n,):
        raise ShapeError(f"returns.slope must give shape ({n},), got {slopes.shape}")
    weight = max(float(slopes.mean()), 1e-300) / share if rho is None else number_in(rho, "rho", 0, open_low=True)
    price, converged, iteration = float(slopes.mean()), False, 0
    for iteration in range(1, positive_int(max_iter, "max_iter") + 1):
        before = amounts
        away = float(amounts.mean()) - share
        amounts = _best_near(returns, before - away - price / weight, weight)
        balance = float(amounts.mean()) - share
        price += weight * balance
        primal, dual = abs(balance) * n, _length((amounts - amounts.mean()) - (before - before.mean()))
        if max(primal, dual) <= tol * budget:
            converged = True
            break
        if iteration % _BALANCED_EVERY == 0 and iteration <= max_iter // 2:
            weight *= _rebalance(primal, dual)
    return Allocation(amounts, price, float(returns.value(amounts).sum()), iteration, converged)


def _best_near(returns: Returns, v: Array, rho: float) -> Array:
    """The maximum of r(x) - ρ/2 (x - v)² over x ≥ 0, for every place: where the slope falls to ρ (x - v)."""
    low = np.maximum(v, 0.0)
    reach = np.full_like(v, max(float(np.abs(low).max()), 1e-12))
    while (short := returns.slope(low + reach) > rho * (low + reach - v)).any():
        reach[short] *= 2
    high = low + reach
    # Nothing is wanted where even the first unit does not pay.
    nothing = returns.slope(low) <= rho * (low - v)
    for _ in range(100):
        middle = low + (high - low) / 2
        more = returns.slope(middle) > rho * (middle - v)
        low, high = np.where(more, middle, low), np.where(more, high, middle)
        if (high - low <= 1e-15 * high).all():
            break
    return np.where(nothing, np.maximum(v, 0.0), low + (high - low) / 2)


def _shrunk(x: Array, threshold: float) -> Array:
    # Adding zero turns -0.0 into 0.0.
    shrunk: Array = np.sign(x) * np.maximum(np.abs(x) - threshold, 0.0) + 0.0
    return shrunk


def _length(x: Array) -> float:
    return math.sqrt(float((x * x).sum()))


def _rebalance(primal: float, dual: float) -> float:
    """By how much to change the weight (3.13): a heavier one makes the sides agree, a lighter one lets them move."""
    if primal > _IMBALANCE * dual:
        return _CHANGE
    return 1 / _CHANGE if dual > _IMBALANCE * primal else 1.0


def _ridge(rows: Array, gram: Array, rho: float) -> Callable[[Array], Array]:
    """Solves with XᵀX + ρI, by the factor of the smaller of XᵀX and XXᵀ."""
    identity = np.eye(len(gram))
    root = solve_triangular(cholesky(gram + rho * identity), identity, lower=True)
    if len(gram) == rows.shape[1]:
        return lambda right: root.T @ (root @ right)
    # (XᵀX + ρI)⁻¹ = (I - Xᵀ (XXᵀ + ρI)⁻¹ X) / ρ, the matrix inversion lemma.
    return lambda right: (right - rows.T @ (root.T @ (root @ (rows @ right)))) / rho


def _positive_pair(scale: npt.ArrayLike, other: npt.ArrayLike, name: str) -> tuple[Array, Array]:
    first, second = as_vector(scale, "scale"), as_vector(other, name)
    if first.shape != second.shape:
        raise ShapeError(f"{name} must have shape {first.shape} like scale, got {second.shape}")
    for label, array in (("scale", first), (name, second)):
        if not (array > 0).all():
            raise RangeError(f"{label}[{int((array <= 0).argmax())}] is not positive")
    return first, second
