"""Quasi-Newton methods: curvature learnt from how the gradient changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.optimize._minimum import Minimum
from whitebox.optimize.line_search import Objective, strong_wolfe

_EPS = float(np.finfo(np.float64).eps)


def bfgs(objective: Objective, x: npt.ArrayLike, *, tol: float = 1e-8, max_iter: int = 1000) -> Minimum:
    r"""Keeps an approximation H of the inverse Hessian that explains the last change of the gradient.

    .. math:: H \leftarrow (I - \rho s y^\top) H (I - \rho y s^\top) + \rho s s^\top, \qquad \rho = \frac{1}{y \cdot s}

    with s the last step and y the change of the gradient along it (Broyden, Fletcher, Goldfarb, Shanno 1970; Nocedal,
    Wright: Numerical Optimization, 2nd ed., algorithm 6.1). Converges superlinearly. O(n²) a step.

    Args:
        objective: Value and gradient at a point.
        x: Where to start, shape (n,).
        tol: Stops when the Euclidean norm of the gradient falls to this.
        max_iter: Steps at most.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> quadratic = lambda x: (float(x[0] ** 2 + 5 * x[1] ** 2), np.array([2 * x[0], 10 * x[1]]))
    >>> bfgs(quadratic, [3.0, 1.0]).x.round(6).tolist()
    [0.0, 0.0]
    """
    inverse: Array | None = None

    def direction(gradient: Array) -> Array:
        return -gradient if inverse is None else -(inverse @ gradient)

    def learn(s: Array, y: Array, curvature: float) -> None:
        nonlocal inverse
        if inverse is None:
            # The first step tells the scale: without it the first direction would be far too long or short.
            inverse = curvature / float(y @ y) * np.eye(len(s))
        image = inverse @ y
        factor = (1 + float(y @ image) / curvature) / curvature
        inverse = inverse + factor * np.outer(s, s) - (np.outer(image, s) + np.outer(s, image)) / curvature

    return _descend(objective, x, direction, learn, tol=tol, max_iter=max_iter)


def lbfgs(
    objective: Objective, x: npt.ArrayLike, *, memory: int = 10, tol: float = 1e-8, max_iter: int = 1000
) -> Minimum:
    r"""BFGS that keeps the last few steps instead of a matrix; for many variables.

    (Liu, Nocedal: On the Limited Memory BFGS Method for Large Scale Optimization, 1989.) O(n · memory) a step.

    Args:
        objective: Value and gradient at a point.
        x: Where to start, shape (n,).
        memory: How many steps.
        tol: Stops when the Euclidean norm of the gradient falls to this.
        max_iter: Steps at most.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> quadratic = lambda x: (float(x[0] ** 2 + 5 * x[1] ** 2), np.array([2 * x[0], 10 * x[1]]))
    >>> lbfgs(quadratic, [3.0, 1.0]).x.round(6).tolist()
    [0.0, 0.0]
    """
    steps: deque[Array] = deque(maxlen=positive_int(memory, "memory"))
    changes: deque[Array] = deque(maxlen=memory)

    def direction(gradient: Array) -> Array:
        return -two_loop(gradient, list(steps), list(changes))

    def learn(s: Array, y: Array, curvature: float) -> None:  # noqa: ARG001  # as BFGS has it
        steps.append(s)
        changes.append(y)

    return _descend(objective, x, direction, learn, tol=tol, max_iter=max_iter)


def two_loop(gradient: Array, steps: Sequence[Array], changes: Sequence[Array]) -> Array:
    r"""H times the gradient, with H the BFGS matrix that the given steps build up from :math:`\gamma I`.

    :math:`\gamma = s \cdot y / y \cdot y` of the last step (Nocedal, Wright: Numerical Optimization, 2nd ed., algorithm
    7.4). O(n · steps).

    Args:
        gradient: Shape (n,).
        steps: The steps s, oldest first, shape (n,) each.
        changes: The change y of the gradient along each, with s · y > 0.

    >>> two_loop(np.array([4.0]), [np.array([1.0])], [np.array([2.0])]).tolist()
    [2.0]
    """
    q = gradient.copy()
    shares: list[float] = []
    for s, y in zip(reversed(steps), reversed(changes), strict=True):
        share = float(s @ q) / float(y @ s)
        shares.append(share)
        q -= share * y
    if steps:
        q *= float(steps[-1] @ changes[-1]) / float(changes[-1] @ changes[-1])
    for s, y, share in zip(steps, changes, reversed(shares), strict=True):
        q += (share - float(y @ q) / float(y @ s)) * s
    return q


def _descend(
    objective: Objective,
    x: npt.ArrayLike,
    direction: Callable[[Array], Array],
    learn: Callable[[Array, Array, float], None],
    *,
    tol: float,
    max_iter: int,
) -> Minimum:
    point = as_vector(x, "x")
    tol = number_in(tol, "tol", 0)
    value, gradient = objective(point)
    evaluations = 1
    for iteration in range(positive_int(max_iter, "max_iter")):
        length = float(np.sqrt(gradient @ gradient))
        if length <= tol:
            return Minimum(point, value, gradient, iteration, evaluations, True)
        p = direction(gradient)
        slope = float(gradient @ p)
        if not slope < 0:
            # Rounding has spoilt what was learnt; the gradient itself always leads down.
            p, slope = -gradient, -(length**2)
        # Nothing is known about the scale at first: the first trial moves by one unit at most.
        initial = min(1.0, 1 / length) if iteration == 0 else 1.0
        step = strong_wolfe(objective, point, p, known=(value, gradient), initial=initial)
        evaluations += step.evaluations
        if step.size == 0:
            settled = -slope <= 1e4 * _EPS * max(abs(value), 1e-300)
            return Minimum(point, value, gradient, iteration, evaluations, settled)
        s, y = step.x - point, step.gradient - gradient
        curvature = float(s @ y)
        if curvature > _EPS * float(np.sqrt((s @ s) * (y @ y))):
            learn(s, y, curvature)
        point, value, gradient = step.x, step.value, step.gradient
    done = float(np.sqrt(gradient @ gradient)) <= tol
    return Minimum(point, value, gradient, max_iter, evaluations, done)
