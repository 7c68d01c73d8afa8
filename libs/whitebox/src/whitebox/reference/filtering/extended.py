"""The extended Kalman filter: the Kalman filter's equations with Jacobians for F and H."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from whitebox.reference.filtering import kalman
from whitebox.reference.filtering._matrices import add, plus
from whitebox.reference.linalg._basic import Matrix, Rows, Vector, matmul, transpose

Function = Callable[[Vector], Vector]
Jacobian = Callable[[Vector], Matrix]


def predict(f: Function, jacobian: Jacobian, Q: Rows, mean: Vector, covariance: Rows) -> tuple[Vector, Matrix]:
    """Mean f(m) and covariance F P Fᵀ + Q with F the Jacobian at m.

    >>> predict(lambda x: [x[0] ** 2], lambda x: [[2 * x[0]]], [[1.0]], [3.0], [[1.0]])
    ([9.0], [[37.0]])
    """
    F = jacobian(mean)
    return f(mean), add(matmul(matmul(F, covariance), transpose(F)), Q)


def update(  # noqa: PLR0917  # the function, its Jacobian, and what `kalman.update` takes
    h: Function, jacobian: Jacobian, R: Rows, observation: Sequence[float], mean: Vector, covariance: Rows
) -> tuple[Vector, Matrix, float]:
    """The Kalman filter's update with innovation y - h(m) and H the Jacobian at m.

    >>> update(lambda x: [x[0] ** 2], lambda x: [[2 * x[0]]], [[4.0]], [5.0], [1.0], [[1.0]])[:2]
    ([2.0], [[0.5]])
    """
    return kalman.linear_update(jacobian(mean), R, plus(observation, h(mean), -1.0), mean, covariance)
