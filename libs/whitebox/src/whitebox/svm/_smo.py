"""Sequential minimal optimisation: the dual problem of support vector machines, two multipliers at a time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.errors import RangeError, ShapeError

# Reasons for which the compiled loop returns.
_OPTIMAL, _TIRED, _ROW_WANTED = 0, 1, 2
# What a curvature is at least: a kernel may not be positive definite along a direction (Chen, Fan, Lin 2006).
_FLAT = 1e-12


class Solution(NamedTuple):
    r"""A solution of the dual problem.

    Attributes:
        coefficients: :math:`\beta`, shape (n,).
        bias: b of :math:`f(x) = \sum_i \beta_i k(x_i, x) + b`.
        objective: The dual objective that was minimised.
        gap: By how much the worst pair violates optimality.
        iterations: Pairs that were optimised.
    """

    coefficients: Array
    bias: float
    objective: float
    gap: float
    iterations: int


def solve_dual(
    kernel_row: Callable[[int], Array],
    diagonal: npt.ArrayLike,
    target: npt.ArrayLike,
    lower: npt.ArrayLike,
    upper: npt.ArrayLike,
    *,
    tol: float = 1e-3,
    max_iter: int = 10_000_000,
    cache_mb: float = 200.0,
) -> Solution:
    r"""Minimises the dual of a support vector machine.

    .. math:: \min_\beta \; \tfrac12 \beta^\top K \beta - t^\top \beta \quad \text{with} \quad
              \sum_i \beta_i = 0, \; l_i \le \beta_i \le u_i

    For classification :math:`\beta_i = y_i \alpha_i` carries its label as a sign: t = y, and the bounds are 0 and C in
    the order of the sign. (Platt 1998.) From :math:`\beta = 0`, and with :math:`g = K \beta - t`, the pair that is
    optimised raises the i of the steepest descent among those that may rise, and lowers the j that promises the largest
    gain by second order among those that may fall (Fan, Chen, Lin: Working Set Selection Using Second Order
    Information, 2005, WSS 2):

    .. math:: i = \arg\max_{\beta_i < u_i} -g_i, \qquad
              j = \arg\min_{\beta_j > l_j,\, g_j > g_i} -\frac{(g_j - g_i)^2}{K_{ii} + K_{jj} - 2 K_{ij}}

    It stops when no pair violates optimality by more than `tol`. A step costs O(n) and up to two kernel rows; rows are
    kept, and the one unused for longest makes room.

    Args:
        kernel_row: Row i of K, shape (n,), for an i.
        diagonal: Of K, shape (n,).
        target: t, shape (n,).
        lower: l, shape (n,), not above 0.
        upper: u, shape (n,), not below 0.
        tol: Largest violation that is left.
        max_iter: Steps at most; a warning is given when they do not suffice.
        cache_mb: Megabytes for kernel rows.

    Raises:
        RangeError: if 0 does not lie within the bounds, or a parameter is out of its range.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable vectors.

    >>> K = np.array([[1.0, -1.0], [-1.0, 1.0]])
    >>> found = solve_dual(K.__getitem__, K.diagonal(), [1.0, -1.0], [0.0, -5.0], [5.0, 0.0])
    >>> found.coefficients.tolist(), found.bias, found.objective
    ([0.5, -0.5], 0.0, -0.5)
    """
    aims, low, high = as_vector(target, "target"), as_vector(lower, "lower"), as_vector(upper, "upper")
    curvature = as_vector(diagonal, "diagonal")
    n = len(aims)
    if not len(low) == len(high) == len(curvature) == n:
        raise ShapeError(f"target, lower, upper and diagonal differ in length: {n}, {len(low)}, {len(high)}, ...")
    if (low > 0).any() or (high < 0).any():
        raise RangeError("lower must not be above 0, and upper not below 0: the search starts from 0")
    tol, max_iter = number_in(tol, "tol", 0, open_low=True), positive_int(max_iter, "max_iter")
    room = number_in(cache_mb, "cache_mb", 0, open_low=True) * 2**20 / (8 * n)
    slots = min(n, max(2, int(room)))
    cache = np.empty((slots, n))
    slot_of, owner = np.full(n, -1), np.full(slots, -1)
    last_used = np.zeros(slots, dtype=np.int64)
    beta, gradient = np.zeros(n), -aims
    counts, gap = np.zeros(2, dtype=np.int64), np.zeros(1)  # steps; the row that is wanted
    why, filled = _ROW_WANTED, 0
    while True:
        why = _descend(
            cache, slot_of, last_used, beta, gradient, curvature, low, high, float(tol), max_iter, counts, gap
        )
        if why != _ROW_WANTED:
            break
        wanted = int(counts[1])
        if filled < slots:
            slot, filled = filled, filled + 1
        else:
            slot = int(last_used.argmin())
            slot_of[owner[slot]] = -1
        cache[slot] = kernel_row(wanted)
        owner[slot], slot_of[wanted], last_used[slot] = wanted, slot, counts[0] + 1
    if why == _TIRED:
        warnings.warn(f"no convergence within {max_iter} steps: gap {gap[0]:.3g}", RuntimeWarning, stacklevel=3)
    objective = 0.5 * float(beta @ (gradient - aims))
    return Solution(beta, _bias(beta, gradient, low, high), objective, float(gap[0]), int(counts[0]))


def _bias(beta: Array, gradient: Array, lower: Array, upper: Array) -> float:
    """b, for which f(x) = t where a multiplier is free: minus the gradient there, on average.

    Where none is free, the middle of what the bounds leave open.
    """
    free = (beta > lower) & (beta < upper)
    if free.any():
        return 0.0 - float(gradient[free].mean())
    rising, falling = gradient[beta < upper], gradient[beta > lower]
    return -0.5 * (float(rising.min()) + float(falling.max())) if rising.size and falling.size else 0.0


@compiled
def _descend(  # noqa: PLR0917  # numba knows no keyword-only arguments
    cache: Array,
    slot_of: npt.NDArray[np.int64],
    last_used: npt.NDArray[np.int64],
    beta: Array,
    gradient: Array,
    diagonal: Array,
    lower: Array,
    upper: Array,
    tol: float,
    max_iter: int,
    counts: npt.NDArray[np.int64],
    gap: Array,
) -> int:
    """Optimises pairs until done, or until a kernel row is missing, whose number it leaves in `counts[1]`."""
    n = len(beta)
    gains = np.empty(n)
    # 1 where a multiplier may fall.
    falls = np.zeros(n)
    for t in range(n):
        if beta[t] > lower[t]:
            falls[t] = 1.0
    while True:
        i = -1
        steepest = np.inf
        for t in range(n):
            # The rarer condition first, here and below: it is what the processor predicts.
            if gradient[t] < steepest and beta[t] < upper[t]:
                steepest = gradient[t]
                i = t
        if i < 0:
            gap[0] = 0.0
            return _OPTIMAL  # nothing may rise
        if slot_of[i] < 0:
            counts[1] = i
            return _ROW_WANTED
        row_i = cache[slot_of[i]]
        # Gains first and the largest of them after, so that the divisions are done several at a time.
        own = diagonal[i]
        for t in range(n):
            slope = gradient[t] - steepest
            slope = slope * falls[t] if slope > 0.0 else 0.0
            curvature = own + diagonal[t] - 2.0 * row_i[t]
            gains[t] = slope * slope / (curvature if curvature > _FLAT else _FLAT)
        j = -1
        best = 0.0
        for t in range(n):
            if gains[t] > best:
                best = gains[t]
                j = t
        # While the pair violates optimality by enough, the worst pair does too and need not be known.
        if j < 0 or gradient[j] - steepest < tol or counts[0] >= max_iter:
            highest = steepest
            for t in range(n):
                if gradient[t] > highest and beta[t] > lower[t]:
                    highest = gradient[t]
            gap[0] = highest - steepest
            if gap[0] < tol or j < 0:
                return _OPTIMAL
        if counts[0] >= max_iter:
            return _TIRED
        if slot_of[j] < 0:
            # The row of i must outlive the arrival of the row of j.
            last_used[slot_of[i]] = counts[0] + 1
            counts[1] = j
            return _ROW_WANTED
        row_j = cache[slot_of[j]]
        counts[0] += 1
        last_used[slot_of[i]] = counts[0]
        last_used[slot_of[j]] = counts[0]
        step = (gradient[j] - steepest) / max(own + diagonal[j] - 2.0 * row_i[j], _FLAT)
        rise = upper[i] - beta[i]
        fall = beta[j] - lower[j]
        # On a bound exactly, so that comparisons with it hold.
        if step >= rise and rise <= fall:
            step = rise
            beta[i] = upper[i]
            beta[j] = lower[j] if rise == fall else beta[j] - step
        elif step >= fall:
            step = fall
            beta[j] = lower[j]
            beta[i] += step
        else:
            beta[i] += step
            beta[j] -= step
        falls[i] = 1.0 if beta[i] > lower[i] else 0.0
        falls[j] = 1.0 if beta[j] > lower[j] else 0.0
        for t in range(n):
            gradient[t] += step * (row_i[t] - row_j[t])
