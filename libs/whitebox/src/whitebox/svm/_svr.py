"""Support vector regression."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in
from whitebox.base import Regressor
from whitebox.svm._kernels import Kernel, kernel_of
from whitebox.svm._smo import solve_dual


class SVR(Regressor):
    r"""Support vector machine for regression: errors up to :math:`\epsilon` are free.

    .. math:: \min_{w, b} \tfrac12 \lVert w \rVert^2 + C \sum_i \max(0,\, |y_i - w^\top \phi(x_i) - b| - \epsilon)

    (Drucker et al. 1997; Smola, Schölkopf: A Tutorial on Support Vector Regression, 2004, equation 10.) Its dual has
    two multipliers a row, one for each side of the tube; with signs they are those of `solve_dual`, with targets
    :math:`y_i - \epsilon` within [0, C] and :math:`y_i + \epsilon` within [-C, 0]. Costs as `SVC`.

    Args:
        C: Price of a unit outside the tube, positive.
        epsilon: Half the width of the tube, not negative.
        kernel: "linear" or "rbf".
        gamma: As for `SVC`.
        tol: Largest violation of optimality that is left.
        cache_mb: Megabytes for kernel rows.
        max_iter: Steps at most; a warning is given when they do not suffice.

    Attributes:
        support_: Indices of the support vectors, shape (s,).
        support_vectors_: Shape (s, d).
        dual_coef_: Shape (1, s).
        intercept_: b, shape (1,).
        dual_objective_: The dual objective.
        n_iter_: Steps.

    >>> model = SVR(C=100.0, epsilon=0.01, kernel="linear").fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> model.predict([[1.5]]).round(1).tolist()
    [4.0]
    """

    support_: npt.NDArray[np.intp]
    support_vectors_: Array
    dual_coef_: Array
    intercept_: Array
    dual_objective_: float
    n_iter_: int

    def __init__(
        self,
        C: float = 1.0,
        *,
        epsilon: float = 0.1,
        kernel: Literal["linear", "rbf"] = "rbf",
        gamma: float | Literal["scale", "auto"] = "scale",
        tol: float = 1e-3,
        cache_mb: float = 200.0,
        max_iter: int = 10_000_000,
    ) -> None:
        self.C = C
        self.epsilon = epsilon
        self.kernel = kernel
        self.gamma = gamma
        self.tol = tol
        self.cache_mb = cache_mb
        self.max_iter = max_iter

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Finds the support vectors.

        Raises:
            RangeError: if a parameter is out of its range.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        C, epsilon = number_in(self.C, "C", 0, open_low=True), number_in(self.epsilon, "epsilon", 0)
        rows = self._rows_to_fit(X)
        target, n = self._target(y, len(rows)), len(rows)
        self._kernel: Kernel = kernel_of(self.kernel, self.gamma, rows)
        row, diagonal = self._kernel.rows_of(rows), self._kernel.diagonal(rows)
        above, below = np.repeat([C, 0.0], n), np.repeat([0.0, -C], n)
        solution = solve_dual(
            lambda i: np.tile(row(i % n), 2),
            np.tile(diagonal, 2),
            np.concatenate([target - epsilon, target + epsilon]),
            below,
            above,
            tol=self.tol,
            max_iter=self.max_iter,
            cache_mb=self.cache_mb,
        )
        coefficients = solution.coefficients[:n] + solution.coefficients[n:]
        self.support_ = np.flatnonzero(coefficients)
        self.support_vectors_ = rows[self.support_]
        self.dual_coef_ = coefficients[None, self.support_]
        self.intercept_ = np.array([solution.bias])
        self.dual_objective_, self.n_iter_ = solution.objective, solution.iterations
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """:math:`f(x)` of each row, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self._rows_to_use(X, "support_vectors_")
        predicted: Array = self._kernel(rows, self.support_vectors_) @ self.dual_coef_[0] + self.intercept_[0]
        return predicted
