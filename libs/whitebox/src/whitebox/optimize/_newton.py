"""Newton's method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.errors import NotPositiveDefiniteError
from whitebox.linalg import solve_positive_definite
from whitebox.optimize._minimum import Minimum
from whitebox.optimize.line_search import Objective, armijo

_EPS = float(np.finfo(np.float64).eps)


def newton(
    objective: Objective,
    hessian: Callable[[Array], Array],
    x: npt.ArrayLike,
    *,
    tol: float = 1e-12,
    max_iter: int = 100,
) -> Minimum:
    r"""Jumps to the minimum of the parabola that touches the objective, as far as that leads down.

    .. math:: \nabla^2 f(x)\, p = -\nabla f(x), \qquad x \leftarrow x + \alpha p

    with :math:`\alpha` from `armijo`. Where the Hessian is not positive definite, a growing multiple of the identity is
    added until it is (Nocedal, Wright: Numerical Optimization, 2nd ed., algorithm 3.3). Converges quadratically near a
    minimum. O(n³) a step.

    Args:
        objective: Value and gradient at a point.
        hessian: Symmetric matrix of second derivatives at a point, shape (n, n).
        x: Where to start, shape (n,).
        tol: Stops when half the squared Newton decrement, :math:`\tfrac12 \nabla f^\top (\nabla^2 f)^{-1} \nabla f`,
            falls to this: about what is left to gain.
        max_iter: Steps at most.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, NotSymmetricError, RangeError: for unusable input.

    >>> quadratic = lambda x: (float(x[0] ** 2 + 5 * x[1] ** 2), np.array([2 * x[0], 10 * x[1]]))
    >>> minimum = newton(quadratic, lambda x: np.diag([2.0, 10.0]), [3.0, 1.0])
    >>> abs(minimum.x).round(12).tolist(), minimum.iterations, minimum.converged
    ([0.0, 0.0], 1, True)
    """
    point = as_vector(x, "x")
    tol = number_in(tol, "tol", 0)
    value, gradient = objective(point)
    evaluations = 1
    for iteration in range(positive_int(max_iter, "max_iter")):
        direction = -_solve_shifted(hessian(point), gradient)
        decrement = -float(gradient @ direction)
        if decrement / 2 <= tol:
            return Minimum(point, value, gradient, iteration, evaluations, True)
        step = armijo(objective, point, direction, known=(value, gradient))
        evaluations += step.evaluations
        if step.size == 0:
            # Near the minimum rounding hides the last decrease.
            settled = decrement <= 100 * _EPS * abs(value)
            return Minimum(point, value, gradient, iteration, evaluations, settled)
        point, value, gradient = step.x, step.value, step.gradient
    return Minimum(point, value, gradient, max_iter, evaluations, False)


def _solve_shifted(hessian: Array, gradient: Array) -> Array:
    shift = 0.0
    while True:
        try:
            return solve_positive_definite(hessian + shift * np.eye(len(hessian)), gradient)
        except NotPositiveDefiniteError:
            shift = max(10 * shift, 1e-8 * float(np.abs(hessian).max()), 1e-300)
