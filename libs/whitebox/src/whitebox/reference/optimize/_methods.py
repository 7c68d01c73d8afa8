"""Newton's method and its relatives, on lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from whitebox.reference.linalg._basic import Matrix, Vector, dot, identity, matmul, norm, times, transpose
from whitebox.reference.linalg._lu import solve
from whitebox.reference.optimize.line_search import Objective, armijo


def newton(objective: Objective, hessian: Callable[[Vector], Matrix], x: Vector, steps: int = 50) -> Vector:
    """Jumps to the minimum of the parabola that touches the objective, for one that is convex.

    >>> newton(lambda x: (x[0] ** 2, [2 * x[0]]), lambda x: [[2.0]], [3.0])
    [0.0]
    """
    for _ in range(steps):
        gradient = objective(x)[1]
        if norm(gradient) <= 1e-12:
            break
        direction = [-p for p in solve(hessian(x), gradient)]
        size, x = armijo(objective, x, direction)
        if size == 0:
            break
    return x


def bfgs(objective: Objective, x: Vector, steps: int = 500) -> Vector:
    """Newton's method with an inverse Hessian that is guessed from how the gradient changes.

    >>> [round(a, 6) + 0.0 for a in bfgs(lambda x: (x[0] ** 2 + 5 * x[1] ** 2, [2 * x[0], 10 * x[1]]), [3.0, 1.0])]
    [0.0, 0.0]
    """
    H = identity(len(x))
    for _ in range(steps):
        gradient = objective(x)[1]
        if norm(gradient) <= 1e-9:
            break
        direction = [-p for p in times(H, gradient)]
        size, then = armijo(objective, x, direction)
        if size == 0:
            break
        s = [a - b for a, b in zip(then, x, strict=True)]
        y = [a - b for a, b in zip(objective(then)[1], gradient, strict=True)]
        if dot(s, y) > 1e-14 * norm(s) * norm(y):
            H = update(H, s, y)
        x = then
    return x


def lbfgs(objective: Objective, x: Vector, memory: int = 10, steps: int = 1000) -> Vector:
    """BFGS from the last few steps only, the matrix built up anew from them each time.

    >>> [round(a, 6) + 0.0 for a in lbfgs(lambda x: (x[0] ** 2 + 5 * x[1] ** 2, [2 * x[0], 10 * x[1]]), [3.0, 1.0])]
    [0.0, 0.0]
    """
    moves: list[Vector] = []
    changes: list[Vector] = []
    for _ in range(steps):
        gradient = objective(x)[1]
        if norm(gradient) <= 1e-9:
            break
        size, then = armijo(objective, x, [-p for p in two_loop(gradient, moves[-memory:], changes[-memory:])])
        if size == 0:
            break
        s = [a - b for a, b in zip(then, x, strict=True)]
        y = [a - b for a, b in zip(objective(then)[1], gradient, strict=True)]
        if dot(s, y) > 1e-14 * norm(s) * norm(y):
            moves.append(s)
            changes.append(y)
        x = then
    return x


def two_loop(gradient: Vector, steps: Sequence[Vector], changes: Sequence[Vector]) -> Vector:
    """The matrix that the steps build up, written out, times the gradient.

    >>> two_loop([4.0], [[1.0]], [[2.0]])
    [2.0]
    """
    scale = dot(steps[-1], changes[-1]) / dot(changes[-1], changes[-1]) if steps else 1.0
    H = [[scale * entry for entry in row] for row in identity(len(gradient))]
    for s, y in zip(steps, changes, strict=True):
        H = update(H, s, y)
    return times(H, gradient)


def update(H: Matrix, s: Vector, y: Vector) -> Matrix:
    """The matrix nearest to H, in its own measure, that maps the change of the gradient to the step.

    >>> update([[1.0]], [1.0], [2.0])
    [[0.5]]
    """
    rho = 1 / dot(y, s)
    left = [[float(i == j) - rho * a * b for j, b in enumerate(y)] for i, a in enumerate(s)]
    inner = matmul(left, matmul(H, transpose(left)))
    return [[entry + rho * a * b for entry, b in zip(row, s, strict=True)] for row, a in zip(inner, s, strict=True)]
