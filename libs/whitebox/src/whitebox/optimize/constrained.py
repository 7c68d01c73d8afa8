"""Minimisation under constraints: by projections, by Lagrange multipliers, by augmented Lagrangians."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector, number_in, positive_int
from whitebox.errors import ShapeError, SingularMatrixError
from whitebox.linalg import ldl, solve
from whitebox.optimize._minimum import Minimum
from whitebox.optimize._quasi_newton import lbfgs
from whitebox.optimize.line_search import Objective

_EPS = float(np.finfo(np.float64).eps)

# Steps of each problem of an augmented Lagrangian; the next one goes on from where they lead. And evaluations without a
# lower value after which one is given up: what is left is rounding.
_INNER_STEPS, _PATIENCE = 1000, 40

# From a point to the values of m constraints, shape (m,), and their Jacobian, shape (m, n).
Constraints = Callable[[Array], tuple[npt.ArrayLike, npt.ArrayLike]]


class ConstrainedMinimum(NamedTuple):
    r"""What a method found, with the multipliers that prove it.

    At a minimum :math:`\nabla f + \sum_j \lambda_j \nabla c_j + \sum_k \mu_k \nabla g_k = 0` with :math:`c = 0`,
    :math:`g \le 0`, :math:`\mu \ge 0` and :math:`\mu_k g_k = 0` (Karush 1939; Kuhn, Tucker 1951).

    Attributes:
        x: The point, shape (n,).
        value: The objective there.
        equality_multipliers: λ, by how much the minimum falls as each equality's right-hand side rises; shape (m,).
        inequality_multipliers: μ, not negative, zero where there is room; shape (k,).
        stationarity: Largest entry of the gradient of the Lagrangian.
        violation: Largest violation of a constraint, complementarity included: of :math:`\max(g, -\mu / \rho)`, say.
        iterations: Steps taken; of the outer loop where there are two.
        evaluations: How often objective and gradient were computed.
        converged: Whether stationarity and violation met the tolerance.
    """

    x: Array
    value: float
    equality_multipliers: Array
    inequality_multipliers: Array
    stationarity: float
    violation: float
    iterations: int
    evaluations: int
    converged: bool


def projected_gradient(
    objective: Objective,
    x: npt.ArrayLike,
    project: Callable[[Array], Array],
    *,
    tol: float = 1e-8,
    max_iter: int = 2000,
    memory: int = 10,
) -> Minimum:
    r"""Steps along the gradient, back into the set, and a search along the line between.

    .. math:: d = \Pi(x - \alpha \nabla f(x)) - x, \qquad x \leftarrow x + \lambda d, \qquad
        \alpha \leftarrow \frac{s \cdot s}{s \cdot y}

    with the spectral step of Barzilai and Borwein, and values compared with the worst of the last few (Birgin,
    Martínez, Raydan: Nonmonotone Spectral Projected Gradient Methods on Convex Sets, 2000, algorithm SPG2). A step
    costs one projection and a gradient or two.

    Args:
        objective: Value and gradient at a point.
        x: Where to start, shape (n,); projected first.
        project: From a point to the nearest one of a convex set, as in `whitebox.optimize.projections`.
        tol: Stops when no entry of :math:`\Pi(x - \nabla f(x)) - x` is larger.
        max_iter: Steps at most.
        memory: How many values a new one is compared with; 1 never goes up.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> from whitebox.optimize.projections import project_simplex
    >>> distance = lambda x: (float(((x - [1.0, 0.6]) ** 2).sum()), 2 * (x - [1.0, 0.6]))
    >>> projected_gradient(distance, [0.0, 0.0], project_simplex).x.round(9).tolist()
    [0.7, 0.3]
    """
    tol = number_in(tol, "tol", 0)
    point = _projected(project, as_vector(x, "x"))
    value, gradient = objective(point)
    evaluations, length = 1, 0.0
    recent = deque([value], maxlen=positive_int(memory, "memory"))
    for iteration in range(positive_int(max_iter, "max_iter")):
        away = float(np.abs(_projected(project, point - gradient) - point).max())
        if away <= tol:
            return Minimum(point, value, gradient, iteration, evaluations, True)
        length = length or 1 / max(float(np.abs(gradient).max()), 1e-300)
        direction = _projected(project, point - length * gradient) - point
        slope = float(gradient @ direction)
        if not slope < 0:
            # The projection is exact but for rounding, which is all that is left.
            return Minimum(point, value, gradient, iteration, evaluations, away <= 1e4 * tol)
        size = 1.0
        while True:
            trial = point + size * direction
            reached, then = objective(trial)
            evaluations += 1
            if reached <= max(recent) + 1e-4 * size * slope:
                break
            # The minimum of the parabola through what is known, kept away from both ends.
            bend = reached - value - size * slope
            size = size * min(0.9, max(0.1, -slope * size / (2 * bend))) if bend > 0 else size / 2
            if size < 1e-12:
                settled = -slope <= 1e3 * _EPS * max(abs(value), 1e-300)
                return Minimum(point, value, gradient, iteration, evaluations, settled)
        s, y = trial - point, then - gradient
        curvature = float(s @ y)
        length = min(max(float(s @ s) / curvature, 1e-12), 1e12) if curvature > 0 else 1e6
        point, value, gradient = trial, reached, then
        recent.append(value)
    return Minimum(point, value, gradient, max_iter, evaluations, False)


def lagrange_newton(
    objective: Objective,
    hessian: Callable[[Array, Array], npt.ArrayLike],
    constraints: Constraints,
    x: npt.ArrayLike,
    *,
    multipliers: npt.ArrayLike | None = None,
    tol: float = 1e-9,
    max_iter: int = 100,
) -> ConstrainedMinimum:
    r"""Newton's method on the conditions of Lagrange, for equalities.

    .. math:: \begin{pmatrix} \nabla^2_{xx} L & J^\top \\ J & 0 \end{pmatrix}
        \begin{pmatrix} p \\ \lambda^+ \end{pmatrix} = \begin{pmatrix} -\nabla f \\ -c \end{pmatrix}, \qquad
        L = f + \lambda^\top c

    (Nocedal, Wright: Numerical Optimization, 2nd ed., 18.1.) A multiple of the identity is added to the Hessian until
    the matrix has n positive and m negative eigenvalues, so that p leads down along the constraints (16.3; counted by
    `ldl`), and the step is shortened until :math:`f + \nu \lVert c \rVert_1` falls, after a second-order correction of
    the constraints has been tried (18.3). Linear constraints hold after a full step; a quadratic objective under them
    takes one. Converges quadratically. O((n + m)³) a step.

    Args:
        objective: Value and gradient at a point.
        hessian: From x and λ to the Hessian of L, shape (n, n); of f alone where constraints are linear.
        constraints: From x to c(x), shape (m,), and its Jacobian J, shape (m, n).
        x: Where to start, shape (n,); need not satisfy the constraints.
        multipliers: First λ, shape (m,); zeros where missing.
        tol: Stops when neither c nor the gradient of L has a larger entry.
        max_iter: Steps at most.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, NotSymmetricError, RangeError: for unusable input.
        SingularMatrixError: if gradients of the constraints depend on each other.

    >>> minimum = lagrange_newton(  # the point of the line x + y = 2 nearest to the origin
    ...     lambda x: (float(x @ x), 2 * x),
    ...     lambda x, multipliers: 2 * np.eye(2),
    ...     lambda x: ([x.sum() - 2], [[1.0, 1.0]]),
    ...     [5.0, 0.0],
    ... )
    >>> minimum.x.tolist(), minimum.equality_multipliers.tolist(), minimum.iterations
    ([1.0, 1.0], [-2.0], 1)
    """
    point = as_vector(x, "x")
    tol = number_in(tol, "tol", 0)
    value, gradient = objective(point)
    c, J = _evaluated(constraints, point, "constraints")
    lam = np.zeros(len(c)) if multipliers is None else as_vector(multipliers, "multipliers")
    if lam.shape != c.shape:
        raise ShapeError(f"multipliers must have shape {c.shape}, one for each constraint, got {lam.shape}")
    evaluations, penalty = 1, 1.0
    for iteration in range(positive_int(max_iter, "max_iter") + 1):
        stationarity, violation = float(np.abs(gradient + J.T @ lam).max()), float(np.abs(c).max())
        done = max(stationarity, violation) <= tol
        if done or iteration == max_iter:
            break
        p, after = _newton_step(as_matrix(hessian(point, lam), "hessian"), J, gradient, c)
        penalty = max(penalty, 2 * float(np.abs(after).max()))
        merit, slope = value + penalty * np.abs(c).sum(), float(gradient @ p) - penalty * np.abs(c).sum()
        size = 1.0
        while True:
            trial = point + size * p
            reached, then = objective(trial)
            ct, Jt = _evaluated(constraints, trial, "constraints")
            evaluations += 1
            # Near the minimum rounding hides the decrease.
            allowed = merit + 1e-4 * size * slope + 10 * _EPS * abs(merit)
            if reached + penalty * np.abs(ct).sum() <= allowed:
                break
            if size == 1.0:
                # Curved constraints spoil a good step only to second order: step back onto them (Maratos 1978).
                corrected = trial - J.T @ solve(J @ J.T, ct)
                reached, then = objective(corrected)
                ct, Jt = _evaluated(constraints, corrected, "constraints")
                evaluations += 1
                if reached + penalty * np.abs(ct).sum() <= allowed:
                    trial = corrected
                    break
            size /= 2
            if size < 1e-14:
                return _constrained(
                    point, value, (lam, np.zeros(0)), (stationarity, violation), (iteration, evaluations)
                )
        point, value, gradient, c, J = trial, reached, then, ct, Jt
        lam = lam + size * (after - lam)
    return _constrained(
        point, value, (lam, np.zeros(0)), (stationarity, violation), (iteration, evaluations), converged=done
    )


def augmented_lagrangian(
    objective: Objective,
    x: npt.ArrayLike,
    *,
    equalities: Constraints | None = None,
    inequalities: Constraints | None = None,
    penalty: float = 10.0,
    tol: float = 1e-7,
    max_iter: int = 100,
) -> ConstrainedMinimum:
    r"""A chain of problems without constraints, whose penalties are shifted by multipliers until nothing is violated.

    .. math:: L_\rho(x) = f(x) + \lambda^\top c(x) + \tfrac{\rho}{2} \lVert c(x) \rVert^2
        + \tfrac{1}{2\rho} \sum_k \left( \max(0, \mu_k + \rho g_k(x))^2 - \mu_k^2 \right)

    Each is minimised by `lbfgs`; then :math:`\lambda \leftarrow \lambda + \rho c`,
    :math:`\mu \leftarrow \max(0, \mu + \rho g)`, and :math:`\rho` grows where the violation did not fall to a quarter
    (Hestenes, Powell 1969; Rockafellar 1973; Nocedal, Wright: Numerical Optimization, 2nd ed., 17.3). Multipliers make
    the answer exact at a moderate penalty, which a penalty alone never is. Constraints need only first derivatives.

    Args:
        objective: Value and gradient at a point.
        x: Where to start, shape (n,); need not satisfy the constraints.
        equalities: From x to c(x), which is to be zero, shape (m,), and its Jacobian, shape (m, n).
        inequalities: From x to g(x), which is to be at most zero, shape (k,), and its Jacobian, shape (k, n).
        penalty: First :math:`\rho`.
        tol: For stationarity, which values resolve to about 1e-8 of the gradient's size, and for violation, which
        counts complementarity: :math:`|\min(-g, \mu/\rho)|`.
        max_iter: Problems at most.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> minimum = augmented_lagrangian(
    ...     lambda x: (float(x @ x), 2 * x), [3.0, 0.0], inequalities=lambda x: ([2 - x.sum()], [[-1.0, -1.0]])
    ... )
    >>> minimum.x.round(6).tolist(), minimum.inequality_multipliers.round(6).tolist()
    ([1.0, 1.0], [2.0])
    """
    point = as_vector(x, "x")
    tol, rho = number_in(tol, "tol", 0), number_in(penalty, "penalty", 0, open_low=True)

    def both(z: Array) -> tuple[Array, Array, Array, Array]:
        c, J = _evaluated(equalities, z, "equalities")
        return c, J, *_evaluated(inequalities, z, "inequalities")

    c, _, g, _ = both(point)
    lam, mu = np.zeros(len(c)), np.zeros(len(g))
    evaluations, accuracy, worst = 0, 1e-2, np.inf
    for iteration in range(1, positive_int(max_iter, "max_iter") + 1):

        def smooth(z: Array, rho: float = rho, lam: Array = lam, mu: Array = mu) -> tuple[float, Array]:
            value, gradient = objective(z)
            c, J, g, K = both(z)
            shifted = np.maximum(0.0, mu + rho * g)
            total = value + lam @ c + rho / 2 * (c @ c) + (shifted @ shifted - mu @ mu) / (2 * rho)
            return float(total), gradient + J.T @ (lam + rho * c) + K.T @ shifted

        inner = _Watched(smooth)
        point, settled = inner.minimise(point, max(accuracy, 0.1 * tol))
        evaluations += inner.evaluations
        c, J, g, K = both(point)
        lam, before = lam + rho * c, mu
        mu = np.maximum(0.0, mu + rho * g)
        # Of an inequality with room, the old multiplier counts: it has yet to vanish.
        violation = float(np.abs(np.concatenate([c, np.maximum(g, -before / rho)])).max(initial=0.0))
        value, gradient = objective(point)
        evaluations += 1
        stationarity = float(np.abs(gradient + J.T @ lam + K.T @ mu).max())
        if stationarity <= tol and violation <= tol:
            residuals = stationarity, violation
            return _constrained(point, value, (lam, mu), residuals, (iteration, evaluations), converged=True)
        if violation <= tol and not settled:
            # What is left of the gradient drowns in the rounding of values.
            break
        if violation > worst / 4:
            rho = min(10 * rho, 1e10)
        worst, accuracy = min(worst, violation), max(accuracy / 10, 0.1 * tol)
    return _constrained(point, value, (lam, mu), (stationarity, violation), (iteration, evaluations))


class _Settled(Exception):  # noqa: N818  # no error: the end of a search
    pass


class _Watched:
    """An objective that remembers its best point, and ends a minimisation that only finds rounding."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self.evaluations = self._since = 0
        self._value = self._slope = np.inf
        self._point: Array | None = None

    def __call__(self, x: Array) -> tuple[float, Array]:
        value, gradient = self._objective(x)
        self.evaluations += 1
        self._since += 1
        noise, slope = 4 * _EPS * abs(self._value) if self._point is not None else 0.0, float(np.abs(gradient).max())
        if value < self._value - noise:
            self._since = 0
        # Of points that are equally low, the one where it is flattest.
        if value < self._value - noise or (value <= self._value + noise and slope < self._slope):
            self._value, self._slope, self._point = value, slope, x
        elif self._since > _PATIENCE:
            raise _Settled
        return value, gradient

    def minimise(self, x: Array, tol: float) -> tuple[Array, bool]:
        """The best point from a start, and whether the gradient met the tolerance."""
        with contextlib.suppress(_Settled):
            lbfgs(self, x, tol=tol, max_iter=_INNER_STEPS)
        return (x if self._point is None else self._point), self._slope <= tol


def _constrained(
    x: Array,
    value: float,
    multipliers: tuple[Array, Array],
    residuals: tuple[float, float],
    counts: tuple[int, int],
    *,
    converged: bool = False,
) -> ConstrainedMinimum:
    return ConstrainedMinimum(x, float(value), *multipliers, *residuals, *counts, converged)


def _newton_step(H: Array, J: Array, gradient: Array, c: Array) -> tuple[Array, Array]:
    """The step and the next multipliers, with the Hessian shifted until it curves up along the constraints."""
    m, n = J.shape
    if H.shape != (n, n):
        raise ShapeError(f"hessian must give shape {(n, n)}, got {H.shape}")
    # Without any curvature a step is as long as the gradient.
    scale = float(np.abs(H).max()) or float(np.abs(gradient).max()) or 1.0
    shift = 0.0
    while True:
        matrix = np.block([[H + shift * np.eye(n), J.T], [J, np.zeros((m, m))]])
        if _inertia(matrix) == (n, m):
            both = solve(matrix, -np.concatenate([gradient, c]))
            return both[:n], both[n:]
        if shift > 1e8 * scale:
            raise SingularMatrixError("the Jacobian of constraints has no full rank: gradients depend on each other")
        shift = max(10 * shift, (1e-4 if H.any() else 1.0) * scale)


def _inertia(matrix: Array) -> tuple[int, int]:
    """How many eigenvalues are positive, and how many negative, beyond rounding."""
    D = ldl(matrix).diagonal
    largest = 1e-13 * float(np.abs(D).max())
    above, below, k = 0, 0, 0
    while k < len(D):
        if k + 1 < len(D) and D[k, k + 1] != 0:
            # A block of two is chosen only where its determinant is negative.
            above, below, k = above + 1, below + 1, k + 2
            continue
        above, below, k = above + int(D[k, k] > largest), below + int(D[k, k] < -largest), k + 1
    return above, below


def _evaluated(constraints: Constraints | None, x: Array, name: str) -> tuple[Array, Array]:
    if constraints is None:
        return np.zeros(0), np.zeros((0, len(x)))
    values, jacobian = constraints(x)
    c, J = as_vector(values, name), as_matrix(jacobian, f"the Jacobian of {name}")
    if J.shape != (len(c), len(x)):
        raise ShapeError(f"the Jacobian of {name} must have shape {(len(c), len(x))}, got {J.shape}")
    return c, J


def _projected(project: Callable[[Array], Array], x: Array) -> Array:
    projection = as_vector(project(x), "the projection")
    if projection.shape != x.shape:
        raise ShapeError(f"project must give shape {x.shape}, got {projection.shape}")
    return projection
