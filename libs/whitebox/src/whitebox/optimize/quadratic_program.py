"""Convex quadratic programmes by an interior-point method."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector, number_in, positive_int
from whitebox.errors import InfeasibleError, NotPositiveDefiniteError, ShapeError, UnboundedError
from whitebox.linalg import cholesky, eigh, solve_triangular

# Added to the diagonals of what is factored, relative to its size: rounding. More where that does not do; refinement
# takes it out of the solutions again.
_REGULAR = 1e-15

_EPS = float(np.finfo(np.float64).eps)

# How exact a proof has to be that there is no solution, relative to what it shows.
_CERTAIN = 1e-8


class QPSolution(NamedTuple):
    """A minimum with the multipliers that prove it.

    Attributes:
        x: Shape (n,).
        value: The objective there.
        inequality_multipliers: z, not negative, shape (m,): what a unit more of h would lower the value by.
        equality_multipliers: y, shape (p,).
        slack: h - Gx, shape (m,).
        gap: slack · z, by how much the value exceeds the dual's, but for the residuals.
        iterations: Steps taken.
        converged: Whether residuals and gap met the tolerance.
    """

    x: Array
    value: float
    inequality_multipliers: Array
    equality_multipliers: Array
    slack: Array
    gap: float
    iterations: int
    converged: bool


def solve_qp(
    P: npt.ArrayLike,
    q: npt.ArrayLike,
    G: npt.ArrayLike | None = None,
    h: npt.ArrayLike | None = None,
    *,
    A: npt.ArrayLike | None = None,
    b: npt.ArrayLike | None = None,
    tol: float = 1e-9,
    max_iter: int = 100,
) -> QPSolution:
    r"""Minimises :math:`\tfrac12 x^\top P x + q^\top x` where :math:`G x \le h` and :math:`A x = b`.

    Follows the path on which every product of slack and multiplier is the same, towards zero: with
    :math:`W = \mathrm{diag}(z / s)` each step solves

    .. math:: \begin{pmatrix} P + G^\top W G & A^\top \\ A & 0 \end{pmatrix}
        \begin{pmatrix} \Delta x \\ \Delta y \end{pmatrix} = r

    twice, with one Cholesky factorisation: first straight for the solution, to see how far that leads, then with as
    much centring as it took and a correction of the products' second order (Mehrotra: On the Implementation of a
    Primal-Dual Interior Point Method, 1992; Nocedal, Wright: Numerical Optimization, 2nd ed., 16.6). Ten to thirty
    steps of O(n²·m + n³ + p³). Linear programmes (P = 0), and rows of A that repeat each other are allowed.

    Args:
        P: Symmetric, positive semidefinite, shape (n, n).
        q: Shape (n,).
        G: Shape (m, n); no inequalities where missing.
        h: Shape (m,).
        A: Shape (p, n); no equalities where missing.
        b: Shape (p,).
        tol: For the residuals and the gap, relative to the data.
        max_iter: Steps at most.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, NotSymmetricError, RangeError: for unusable input.
        NotPositiveDefiniteError: if P has a negative eigenvalue.
        InfeasibleError: if no x satisfies the constraints; multipliers were found that prove it.
        UnboundedError: if the objective falls for ever; a direction was found along which it does.

    >>> solution = solve_qp(2 * np.eye(2), [-2.0, -6.0], G=[[1.0, 1.0]], h=[2.0])  # nearest to (1, 3) below x + y = 2
    >>> abs(solution.x).round(6).tolist(), solution.inequality_multipliers.round(6).tolist(), solution.converged
    ([0.0, 2.0], [2.0], True)
    """
    quadratic, linear = _objective(P, q)
    n = len(linear)
    upper, ceiling = _rows(G, h, n, ("G", "h"))
    equal, target = _rows(A, b, n, ("A", "b"))
    tol = number_in(tol, "tol", 0, open_low=True)
    max_iter = positive_int(max_iter, "max_iter")
    problem = _Problem(quadratic, linear, upper, ceiling, equal, target)
    if len(ceiling) == 0:
        return _without_inequalities(problem, tol)
    return _interior_point(problem, tol, max_iter)


class _Problem(NamedTuple):
    P: Array
    q: Array
    G: Array
    h: Array
    A: Array
    b: Array

    def value(self, x: Array) -> float:
        return float(x @ (self.P @ x) / 2 + self.q @ x)


def _interior_point(problem: _Problem, tol: float, max_iter: int) -> QPSolution:
    P, q, G, h, A, b = problem
    m = len(h)
    size_dual = 1 + float(np.abs(q).max())
    size_primal = 1 + float(max(np.abs(h).max(), np.abs(b).max(initial=0.0)))
    x, y, s, z = _start(problem)
    converged = False
    for iteration in range(max_iter + 1):
        Px, Gx = P @ x, G @ x
        dual = Px + q + G.T @ z + A.T @ y
        equal, upper = A @ x - b, Gx + s - h
        gap = float(s @ z)
        value = float(x @ Px / 2 + q @ x)
        primal = max(float(np.abs(upper).max()), float(np.abs(equal).max(initial=0.0)))
        converged = (
            primal <= tol * size_primal
            and float(np.abs(dual).max()) <= tol * size_dual
            and gap <= tol * (1 + abs(value))
        )
        if converged or iteration == max_iter:
            break
        # Rounding of the residual is no residual: divided by small slacks it would swamp the multipliers.
        upper[np.abs(upper) <= 8 * _EPS * (np.abs(Gx) + s + np.abs(h))] = 0.0
        _look_for_proofs(problem, x, y, z, Px)
        system = _Reduced(P, G, A, z / s)
        residuals = dual, equal, upper
        _, _, ds, dz = _direction(system, G, residuals, (s, z), s * z)
        straight = min(_longest(s, ds), _longest(z, dz))
        mean = gap / m
        ahead = float((s + straight * ds) @ (z + straight * dz)) / m
        # Not further down than the tolerance asks for: the system's condition grows as products vanish.
        goal = max((max(ahead, 0.0) / mean) ** 3 * mean, 0.01 * tol * (1 + abs(value)) / m)
        dx, dy, ds, dz = _direction(system, G, residuals, (s, z), s * z + ds * dz - goal)
        # Nearly to the boundary, the nearer the closer the end.
        length = min(1.0, min(max(0.99, 1 - mean), 1 - 1e-6) * min(_longest(s, ds), _longest(z, dz), 1e3))
        x, y, s, z = x + length * dx, y + length * dy, s + length * ds, z + length * dz
        if not np.isfinite(x).all() or length < 1e-14:
            break
    return QPSolution(x, problem.value(x), z, y, h - G @ x, gap, iteration, converged)


def _direction(
    system: _Reduced, G: Array, residuals: tuple[Array, Array, Array], pair: tuple[Array, Array], products: Array
) -> tuple[Array, Array, Array, Array]:
    """The step that takes slack · multiplier down by so much, to first order, and the residuals to zero."""
    dual, equal, upper = residuals
    s, z = pair
    dx, dy = system.solve(-dual + G.T @ ((products - z * upper) / s), -equal)
    ds = -upper - G @ dx
    return dx, dy, ds, (-products - z * ds) / s


def _start(problem: _Problem) -> tuple[Array, Array, Array, Array]:
    """The least squares of slacks and multipliers, both moved until they are positive."""
    P, q, G, h, A, b = problem
    x, y = _Reduced(P, G, A, np.ones(len(h))).solve(-q + G.T @ h, b)
    z = G @ x - h
    slack, multipliers = -z, z
    return x, y, _positive(slack), _positive(multipliers)


def _positive(values: Array) -> Array:
    least = float(values.min())
    return values if least > 1e-8 * max(1.0, float(np.abs(values).max())) else values + (1 - least)


def _longest(values: Array, change: Array) -> float:
    """The longest step, up to one, that leaves all values at least zero."""
    falling = change < 0
    return min(1.0, float((-values[falling] / change[falling]).min())) if falling.any() else 1.0


class _Reduced:
    """The system of a step, factored: Cholesky of its first block, then of what remains of the second."""

    def __init__(self, P: Array, G: Array, A: Array, weights: Array) -> None:
        self._matrix = P + (G.T * weights) @ G
        self._A = A
        self._root = _inverse_root(self._matrix)
        if len(A):
            self._half = self._root @ A.T
            self._schur = _inverse_root(self._half.T @ self._half)

    def solve(self, above: Array, below: Array) -> tuple[Array, Array]:
        """Both parts, refined until the regularisation has no effect."""
        x, y = self._once(above, below)
        size = max(float(np.abs(above).max()), float(np.abs(below).max(initial=0.0)))
        for _ in range(3):
            rest, under = above - self._matrix @ x - self._A.T @ y, below - self._A @ x
            if max(float(np.abs(rest).max()), float(np.abs(under).max(initial=0.0))) <= 1e-12 * size:
                break
            dx, dy = self._once(rest, under)
            x, y = x + dx, y + dy
        return x, y

    def _once(self, above: Array, below: Array) -> tuple[Array, Array]:
        half = self._root @ above
        if len(self._A) == 0:
            return self._root.T @ half, below
        y = self._schur.T @ (self._schur @ (self._half.T @ half - below))
        return self._root.T @ (half - self._half @ y), y


def _inverse_root(matrix: Array) -> Array:
    """The inverse of the Cholesky factor of a slightly regularised matrix: many solutions then are mere products."""
    largest, share, identity = max(float(matrix.diagonal().max()), 1e-300), _REGULAR, np.eye(len(matrix))
    while True:
        try:
            # Rounding leaves products symmetric only nearly.
            factor = cholesky((matrix + matrix.T) / 2 + share * largest * identity)
            return solve_triangular(factor, identity, lower=True)
        except NotPositiveDefiniteError:
            share *= 100


def _look_for_proofs(problem: _Problem, x: Array, y: Array, z: Array, Px: Array) -> None:
    """Raises where the iterates, growing, show that there is no solution."""
    _, q, G, h, A, b = problem
    # Farkas: multipliers under which the constraints add up to 0 · x ≤ something negative.
    shown = -float(h @ z + b @ y)
    if shown > 0:
        size = max(float((np.abs(G).T @ z).max()), float((np.abs(A).T @ np.abs(y)).max(initial=0.0)), 1e-300)
        if float(np.abs(G.T @ z + A.T @ y).max()) <= _CERTAIN * min(size, shown * 1e4):
            raise InfeasibleError(
                "no x satisfies all constraints: weighted by multipliers, largest for inequality "
                f"{int(z.argmax())}, they add up to 0 ≤ {-shown / size:.3g}"
            )
    falls = -float(q @ x)
    if falls > 0:
        bound = _CERTAIN * falls
        if (
            float(np.abs(Px).max()) <= bound
            and float((G @ x).max()) <= bound
            and float(np.abs(A @ x).max(initial=0.0)) <= bound
        ):
            raise UnboundedError(f"the objective falls for ever along x[{int(np.abs(x).argmax())}] and others")


def _without_inequalities(problem: _Problem, tol: float) -> QPSolution:
    """One linear system; the shortest of its solutions if there are many."""
    P, q, _, h, A, b = problem
    n, p = len(q), len(b)
    matrix = np.block([[P, A.T], [A, np.zeros((p, p))]])
    right = np.concatenate([-q, b])
    values, vectors = eigh(matrix)
    kept = np.abs(values) > 10 * len(matrix) * _EPS * np.abs(values).max()
    both = vectors[:, kept] @ ((vectors[:, kept].T @ right) / values[kept])
    x, y = both[:n], both[n:]
    rest = np.abs(matrix @ both - right)
    size = float(np.abs(matrix).max()) * float(np.abs(both).max()) + float(np.abs(right).max())
    limit = max(tol, 1e-9) * size
    if rest[n:].max(initial=0.0) > limit:
        raise InfeasibleError(f"no x satisfies all equalities: row {int(rest[n:].argmax())} of A contradicts others")
    if rest[:n].max() > limit:
        raise UnboundedError("the objective falls for ever along a direction on which P is zero")
    return QPSolution(x, problem.value(x), h, y, h, 0.0, 1, True)


def _objective(P: npt.ArrayLike, q: npt.ArrayLike) -> tuple[Array, Array]:
    linear = as_vector(q, "q")
    quadratic = as_matrix(P, "P")
    if quadratic.shape != (len(linear), len(linear)):
        raise ShapeError(f"P must have shape {(len(linear), len(linear))} to fit q, got {quadratic.shape}")
    largest = float(np.abs(quadratic).max())
    if largest > 0:
        try:
            # Eigenvalues may be negative by rounding.
            cholesky(quadratic + 1e-9 * largest * np.eye(len(linear)))
        except NotPositiveDefiniteError as error:
            raise NotPositiveDefiniteError(f"P has a negative eigenvalue, no convex programme: {error}") from error
    return (quadratic + quadratic.T) / 2, linear


def _rows(
    matrix: npt.ArrayLike | None, right: npt.ArrayLike | None, n: int, names: tuple[str, str]
) -> tuple[Array, Array]:
    if (matrix is None) != (right is None):
        raise ShapeError(f"{names[0]} and {names[1]} belong together: give both or none")
    if matrix is None or right is None:
        return np.zeros((0, n)), np.zeros(0)
    rows, values = as_matrix(matrix, names[0]), as_vector(right, names[1])
    if rows.shape != (len(values), n):
        raise ShapeError(f"{names[0]} must have shape {(len(values), n)} to fit {names[1]} and q, got {rows.shape}")
    return rows, values
