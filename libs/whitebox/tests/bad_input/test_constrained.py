"""Bad and degenerate input of minimisation under constraints."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bad_input.values import BAD_MATRICES
from whitebox import optimize
from whitebox.errors import (
    DtypeError,
    EmptyInputError,
    InfeasibleError,
    NotFiniteError,
    NotPositiveDefiniteError,
    NotSymmetricError,
    RangeError,
    ShapeError,
    SingularMatrixError,
    UnboundedError,
    WhiteboxError,
)

I2 = np.eye(2)


def bowl(x):
    return float(x @ x), 2 * x


def on_line(x):
    return [x.sum() - 1], np.ones((1, len(x)))


OF_A_VECTOR = {
    "project_ball": optimize.project_ball,
    "project_simplex": optimize.project_simplex,
    "project_l1_ball": optimize.project_l1_ball,
    "projected_gradient": lambda x: optimize.projected_gradient(bowl, x, optimize.project_simplex),
    "lagrange_newton": lambda x: optimize.lagrange_newton(bowl, lambda x, m: 2 * np.eye(len(x)), on_line, x),
    "augmented_lagrangian": lambda x: optimize.augmented_lagrangian(bowl, x, equalities=on_line),
    "solve_qp": lambda x: optimize.solve_qp(I2, x),
    "lasso_admm": lambda x: optimize.lasso_admm(I2, x, 1.0),
    "LogReturns": lambda x: optimize.LogReturns(x, [1.0, 1.0]),
    "PowerReturns": lambda x: optimize.PowerReturns([1.0, 1.0], x),
    "SaturatingReturns": lambda x: optimize.SaturatingReturns(x, [1.0, 1.0]),
    "project_box": lambda x: optimize.project_box(x, 0.0, 1.0),
    "soft_threshold": lambda x: optimize.soft_threshold(x, 1.0),
}
BAD_VECTORS = {
    "a NaN": ([1.0, math.nan], NotFiniteError),
    "an infinity": ([1.0, math.inf], NotFiniteError),
    "nothing": ([], EmptyInputError),
    "words": (["a", "b"], DtypeError),
    "complex numbers": ([1j, 1.0], DtypeError),
    "ragged rows": ([[1.0], [1.0, 2.0]], ShapeError),
    "a matrix": ([[1.0, 2.0]], ShapeError),
}


@pytest.mark.parametrize("name", OF_A_VECTOR)
@pytest.mark.parametrize("bad", BAD_VECTORS)
def test_what_is_no_vector_is_refused_by_name(name: str, bad: str) -> None:
    if bad == "a matrix" and name in ("project_box", "soft_threshold"):
        return  # of any shape
    values, error = BAD_VECTORS[bad]
    with pytest.raises(error):
        OF_A_VECTOR[name](values)


@pytest.mark.parametrize("bad", BAD_MATRICES)
def test_what_is_no_matrix_is_refused_by_name(bad: str) -> None:
    values, error, message = BAD_MATRICES[bad]
    for call in (
        lambda: optimize.solve_qp(values, [1.0, 1.0]),
        lambda: optimize.lasso_admm(values, [1.0, 1.0], 1.0),
    ):
        with pytest.raises(error, match=message):
            call()


REFUSED = [
    ("bounds crossed", lambda: optimize.project_box([0.0, 0.0], [0, 1], [1, 0]), RangeError, r"at \[1\]"),
    ("a bound that is NaN", lambda: optimize.project_box([0.0], math.nan, 1.0), RangeError, "low"),
    ("bounds that do not fit", lambda: optimize.project_box([0.0], [0.0, 0.0], 1.0), ShapeError, "fit x"),
    ("bounds that are None", lambda: optimize.project_box([0.0], object(), 1.0), DtypeError, "numbers"),
    ("a negative radius", lambda: optimize.project_ball([0.0], -1.0), RangeError, "radius"),
    ("a centre elsewhere", lambda: optimize.project_ball([0.0], 1.0, [0.0, 0.0]), ShapeError, "center"),
    ("a negative sum", lambda: optimize.project_simplex([0.0], -1.0), RangeError, "total"),
    ("a negative l1 radius", lambda: optimize.project_l1_ball([0.0], -1.0), RangeError, "radius"),
    ("a negative threshold", lambda: optimize.soft_threshold([0.0], -1.0), RangeError, "threshold"),
    (
        "a projection of another shape",
        lambda: optimize.projected_gradient(bowl, [1.0, 1.0], lambda x: x[:1]),
        ShapeError,
        r"shape \(2,\)",
    ),
    (
        "a projection to NaN",
        lambda: optimize.projected_gradient(bowl, [1.0], lambda x: x * math.nan),
        NotFiniteError,
        "projection",
    ),
    ("no memory", lambda: optimize.projected_gradient(bowl, [1.0], abs, memory=0), RangeError, "memory"),
    (
        "a Jacobian of another shape",
        lambda: optimize.lagrange_newton(bowl, lambda x, m: 2 * I2, lambda x: ([0.0], [[1.0]]), [1.0, 1.0]),
        ShapeError,
        "Jacobian",
    ),
    (
        "a Hessian of another shape",
        lambda: optimize.lagrange_newton(bowl, lambda x, m: [[2.0]], on_line, [1.0, 1.0]),
        ShapeError,
        "hessian",
    ),
    (
        "a lopsided Hessian",
        lambda: optimize.lagrange_newton(bowl, lambda x, m: [[2.0, 1.0], [0.0, 2.0]], on_line, [1.0, 1.0]),
        NotSymmetricError,
        "symmetric",
    ),
    (
        "constraints that repeat each other",
        lambda: optimize.lagrange_newton(
            bowl, lambda x, m: 2 * I2, lambda x: ([1.0, 1.0], np.ones((2, 2))), [1.0, 1.0]
        ),
        SingularMatrixError,
        "rank",
    ),
    (
        "multipliers for other constraints",
        lambda: optimize.lagrange_newton(bowl, lambda x, m: 2 * I2, on_line, [1.0, 1.0], multipliers=[1.0, 1.0]),
        ShapeError,
        "multipliers",
    ),
    (
        "a penalty of zero",
        lambda: optimize.augmented_lagrangian(bowl, [1.0], equalities=on_line, penalty=0.0),
        RangeError,
        "penalty",
    ),
    (
        "inequalities that are NaN",
        lambda: optimize.augmented_lagrangian(bowl, [1.0], inequalities=lambda x: ([math.nan], [[1.0]])),
        NotFiniteError,
        "inequalities",
    ),
    ("a matrix of another size", lambda: optimize.solve_qp(np.eye(3), [1.0, 1.0]), ShapeError, "fit q"),
    ("a lopsided matrix", lambda: optimize.solve_qp([[1.0, 1.0], [0.0, 1.0]], [1.0, 1.0]), NotSymmetricError, "sym"),
    ("a saddle", lambda: optimize.solve_qp(np.diag([1.0, -1.0]), [1.0, 1.0]), NotPositiveDefiniteError, "negative"),
    ("rows without bounds", lambda: optimize.solve_qp(I2, [1.0, 1.0], I2), ShapeError, "belong together"),
    ("bounds for other rows", lambda: optimize.solve_qp(I2, [1.0, 1.0], I2, [1.0]), ShapeError, "G must have shape"),
    ("rows of another width", lambda: optimize.solve_qp(I2, [1.0, 1.0], A=[[1.0]], b=[1.0]), ShapeError, "A must"),
    ("a tolerance of zero", lambda: optimize.solve_qp(I2, [1.0, 1.0], tol=0.0), RangeError, "tol"),
    ("no steps", lambda: optimize.solve_qp(I2, [1.0, 1.0], max_iter=0), RangeError, "max_iter"),
    (
        "bounds that contradict",
        lambda: optimize.solve_qp(I2, [0.0, 0.0], [[1.0, 0.0], [-1.0, 0.0]], [0.0, -1.0]),
        InfeasibleError,
        "add up",
    ),
    ("nothing below", lambda: optimize.solve_qp(0 * I2, [1.0, 0.0], I2, [1.0, 1.0]), UnboundedError, "for ever"),
    ("y of another length", lambda: optimize.lasso_admm(I2, [1.0], 1.0), ShapeError, "y must"),
    ("a negative penalty", lambda: optimize.lasso_admm(I2, [1.0, 1.0], -1.0), RangeError, "penalty"),
    ("too much relaxation", lambda: optimize.lasso_admm(I2, [1.0, 1.0], 1.0, relaxation=2.0), RangeError, "relax"),
    ("nobody to agree", lambda: optimize.consensus_admm([], 1), EmptyInputError, "no function"),
    (
        "an answer of another shape",
        lambda: optimize.consensus_admm([lambda v, rho: [1.0, 1.0]], 1),
        ShapeError,
        r"proximals\[0\]",
    ),
    (
        "an answer that is NaN",
        lambda: optimize.consensus_admm([lambda v, rho: v * math.nan], 1),
        NotFiniteError,
        r"proximals\[0\]",
    ),
    ("a weight of zero", lambda: optimize.consensus_admm([lambda v, rho: v], 1, rho=0.0), RangeError, "rho"),
    ("scales of other places", lambda: optimize.LogReturns([1.0], [1.0, 1.0]), ShapeError, "half"),
    ("a scale of zero", lambda: optimize.SaturatingReturns([0.0], [1.0]), RangeError, r"scale\[0\]"),
    ("returns that are not concave", lambda: optimize.PowerReturns([1.0], [1.0]), RangeError, "concave"),
    ("no budget", lambda: optimize.water_filling(optimize.LogReturns([1.0], [1.0]), 0.0), RangeError, "budget"),
    (
        "a budget that is NaN",
        lambda: optimize.allocate_budget(optimize.LogReturns([1.0], [1.0]), math.nan),
        RangeError,
        "b",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    assert isinstance(caught.value, WhiteboxError)


WORKS = [
    ("no bound at all", lambda: optimize.project_box([1.0, -1.0], -math.inf, math.inf), [1.0, -1.0]),
    ("a ball of radius zero", lambda: optimize.project_ball([3.0], 0.0, [1.0]), [1.0]),
    ("the centre itself", lambda: optimize.project_ball([0.0, 0.0]), [0.0, 0.0]),
    ("squares that overflow", lambda: optimize.project_ball([3e200, 4e200]).round(12), [0.6, 0.8]),
    ("a simplex of nothing", lambda: optimize.project_simplex([3.0, -1.0], 0.0), [0.0, 0.0]),
    ("ties on the simplex", lambda: optimize.project_simplex([5.0, 5.0]), [0.5, 0.5]),
    ("a programme without constraints", lambda: optimize.solve_qp(I2, [-1.0, 2.0]).x.round(9), [1.0, -2.0]),
    ("the shortest of many", lambda: optimize.solve_qp(np.ones((2, 2)), [-1.0, -1.0]).x.round(9), [0.5, 0.5]),
    (
        "equalities that repeat each other",
        lambda: optimize.solve_qp(I2, [0.0, 0.0], -I2, [0.0, 0.0], A=np.ones((2, 2)), b=[1.0, 1.0]).x.round(6),
        [0.5, 0.5],
    ),
    (
        "a single point",
        lambda: optimize.solve_qp(I2, [0.0, 0.0], np.vstack([I2, -I2]), [1.0, 2.0, -1.0, -2.0]).x.round(4),
        [1.0, 2.0],
    ),
    (
        "a column of zeros",
        lambda: optimize.lasso_admm([[0.0, 1.0], [0.0, 1.0]], [1.0, 1.0], 0.5).x.round(6),
        [0.0, 0.75],
    ),
    ("a matrix of zeros", lambda: optimize.lasso_admm([[0.0]], [1.0], 0.5).x, [0.0]),
    ("one who agrees", lambda: optimize.consensus_admm([lambda v, rho: 0 * v + 2], 1).x.round(6), [2.0]),
    ("one place", lambda: optimize.water_filling(optimize.LogReturns([1.0], [1.0]), 5.0).amounts.round(9), [5.0]),
    (
        "a place that gets nothing",
        lambda: optimize.allocate_budget(optimize.LogReturns([1.0, 1e-9], [1.0, 1.0]), 2.0).amounts.round(6),
        [2.0, 0.0],
    ),
    (
        "no constraints",
        lambda: optimize.augmented_lagrangian(bowl, [1.0, 1.0]).x.round(6),
        [0.0, 0.0],
    ),
]


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: list[float]) -> None:
    np.testing.assert_array_equal(call(), expected)
