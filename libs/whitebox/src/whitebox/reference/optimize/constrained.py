"""Minimisation under constraints, on lists."""

from __future__ import annotations

from collections.abc import Callable

from whitebox.reference.linalg._basic import Matrix, Vector, dot, transpose
from whitebox.reference.linalg._lu import solve
from whitebox.reference.optimize._methods import bfgs
from whitebox.reference.optimize.line_search import Objective

Constraints = Callable[[Vector], tuple[Vector, Matrix]]


def projected_gradient(
    objective: Objective, x: Vector, project: Callable[[Vector], Vector], steps: int = 20_000
) -> Vector:
    """A gradient step and back into the set, with a rate halved until the parabola of that rate lies above.

    >>> projected_gradient(lambda x: (x[0] ** 2, [2 * x[0]]), [3.0], lambda x: [max(x[0], 1.0)])
    [1.0]
    """
    x, rate = project(x), 1.0
    for _ in range(steps):
        value, gradient = objective(x)
        while True:
            then = project([a - rate * g for a, g in zip(x, gradient, strict=True)])
            move = [b - a for a, b in zip(x, then, strict=True)]
            if objective(then)[0] <= value + dot(gradient, move) + dot(move, move) / (2 * rate) + 1e-15 * abs(value):
                break
            rate /= 2
        x = then
        if max(abs(m) for m in move) <= 1e-11 * rate:
            break
    return x


def lagrange_newton(
    objective: Objective,
    hessian: Callable[[Vector, Vector], Matrix],
    constraints: Constraints,
    x: Vector,
    steps: int = 50,
) -> tuple[Vector, Vector]:
    """Full Newton steps on the gradient of the Lagrangian and the constraints: the point and the multipliers.

    >>> lagrange_newton(lambda x: (x[0] ** 2, [2 * x[0]]), lambda x, m: [[2.0]], lambda x: ([x[0] - 1], [[1.0]]), [3.0])
    ([1.0], [-2.0])
    """
    n, multipliers = len(x), [0.0] * len(constraints(x)[0])
    for _ in range(steps):
        gradient = objective(x)[1]
        c, J = constraints(x)
        H = hessian(x, multipliers)
        columns = transpose(J)
        matrix = [[*H[i], *columns[i]] for i in range(n)] + [[*row, *([0.0] * len(c))] for row in J]
        answer = solve(matrix, [-entry for entry in [*gradient, *c]])
        x = [a + p for a, p in zip(x, answer[:n], strict=True)]
        multipliers = answer[n:]
        if max(abs(p) for p in answer[:n]) <= 1e-13:
            break
    return x, multipliers


def augmented_lagrangian(
    objective: Objective,
    x: Vector,
    equalities: Constraints,
    inequalities: Constraints,
    rho: float = 10.0,
) -> tuple[Vector, Vector, Vector]:
    """Multipliers shift a quadratic penalty until nothing is violated: the point, and both kinds of multipliers.

    >>> x, _, mu = augmented_lagrangian(
    ...     lambda x: (x[0] ** 2, [2 * x[0]]), [3.0], lambda x: ([], []), lambda x: ([1 - x[0]], [[-1.0]])
    ... )
    >>> round(x[0], 6), round(mu[0], 6)
    (1.0, 2.0)
    """
    lam, mu = [0.0] * len(equalities(x)[0]), [0.0] * len(inequalities(x)[0])
    for _ in range(12):

        def penalised(z: Vector, lam: Vector = lam, mu: Vector = mu) -> tuple[float, Vector]:
            value, gradient = objective(z)
            slope = list(gradient)
            for multiplier, c, row in zip(lam, *equalities(z), strict=True):
                value += multiplier * c + rho / 2 * c**2
                slope = [s + (multiplier + rho * c) * a for s, a in zip(slope, row, strict=True)]
            for m, g, row in zip(mu, *inequalities(z), strict=True):
                shifted = max(0.0, m + rho * g)
                value += (shifted**2 - m**2) / (2 * rho)
                slope = [s + shifted * a for s, a in zip(slope, row, strict=True)]
            return value, slope

        x = bfgs(penalised, x, steps=12)
        lam = [multiplier + rho * c for multiplier, c in zip(lam, equalities(x)[0], strict=True)]
        mu = [max(0.0, m + rho * g) for m, g in zip(mu, inequalities(x)[0], strict=True)]
    return x, lam, mu
