"""Principal components."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

# The one factorisation that is left to LAPACK: of a covariance, where ours would take twice as long as all of the rest.
# The solver "householder" does without.
from numpy.linalg import eigh as lapack_eigh

from whitebox._validation import Array, positive_int
from whitebox.base import BaseEstimator
from whitebox.errors import EmptyInputError, RangeError
from whitebox.linalg import eigh, randomized_svd, svd

_BLOCK = 2048


class PCA(BaseEstimator):
    r"""Principal component analysis: the directions along which centred data spread most.

    .. math:: X - \mathbf{1} \mu^\top = U \Sigma V^\top, \qquad z = V_k^\top (x - \mu), \qquad
              \lambda_i = \frac{\sigma_i^2}{n - 1}

    (Hotelling 1933.) Of all maps to k numbers and back, this one loses least in squares (Eckart, Young 1936). Signs are
    chosen so that each component's largest entry is positive.

    Args:
        n_components: k, at most min(n, d), which is the default.
        solver: "exact" takes the singular value decomposition of the centred data, O(n · d · min(n, d)); "covariance"
            the eigenvectors of their covariance, the fastest way for many rows, O(n · d² + d³), with noise of
            :math:`\varepsilon \lambda_1` in every variance; "householder" the same by `whitebox.linalg.eigh`, from
            scratch; "randomized" the beginning of the decomposition, by random projection, O(n · d · k). "auto" is
            "covariance" from ten rows a column on, else "exact".
        random_state: Seed of the projection.

    Attributes:
        mean_: Shape (d,).
        components_: Orthonormal rows, shape (k, d).
        singular_values_: Shape (k,), falling.
        explained_variance_: Variance along each component, with n - 1 in the denominator, shape (k,).
        explained_variance_ratio_: As a share of the whole, 0 where data do not vary, shape (k,).
        n_components_: k.

    >>> pca = PCA(n_components=1).fit([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    >>> pca.components_.round(6).tolist(), pca.explained_variance_ratio_.round(6).tolist()
    ([[0.707107, 0.707107]], [1.0])
    """

    _kind = "transformer"
    mean_: Array
    components_: Array
    singular_values_: Array
    explained_variance_: Array
    explained_variance_ratio_: Array
    n_components_: int

    def __init__(
        self,
        n_components: int | None = None,
        solver: Literal["auto", "exact", "covariance", "householder", "randomized"] = "auto",
        random_state: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.solver = solver
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: Any = None) -> Self:  # noqa: ARG002  # scikit-learn's signature
        """Learns mean and components.

        Raises:
            RangeError: if there are not so many components, or the solver is unknown.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input, a single row included.
        """
        rows = self._rows_to_fit(X)
        if len(rows) < 2:
            raise EmptyInputError(
                f"X has 1 sample (shape={rows.shape}), and one sample has no variance: give two or more"
            )
        k = min(rows.shape) if self.n_components is None else positive_int(self.n_components, "n_components")
        if k > min(rows.shape):
            raise RangeError(f"n_components must be at most min(n, d) = {min(rows.shape)}, got {k}")
        self.mean_ = rows.mean(axis=0)
        components, self.singular_values_, total = self._decompose(rows, k)
        largest = np.abs(components).argmax(axis=1)
        self.components_ = components * np.where(components[np.arange(k), largest] < 0, -1.0, 1.0)[:, None]
        self.explained_variance_ = self.singular_values_**2 / (len(rows) - 1)
        self.explained_variance_ratio_ = self.singular_values_**2 / (total or 1.0)
        self.n_components_ = k
        return self

    def _decompose(self, rows: Array, k: int) -> tuple[Array, Array, float]:
        """The first k right singular vectors, as rows, and singular values; and the squares of all, summed."""
        n, d = rows.shape
        if self.solver in ("covariance", "householder") or (self.solver == "auto" and n >= 10 * d):
            scatter = _scatter(rows, self.mean_)
            values, vectors = eigh(scatter) if self.solver == "householder" else lapack_eigh(scatter)
            # Rounding may leave a variance of zero slightly negative.
            return vectors[:, ::-1].T[:k], np.sqrt(np.maximum(values[::-1][:k], 0.0)), float(np.trace(scatter))
        centred = rows - self.mean_
        total = float(np.einsum("ij,ij->", centred, centred))
        if self.solver in ("auto", "exact"):
            exact = svd(centred)
            return exact.Vt[:k], exact.singular_values[:k].copy(), total
        if self.solver == "randomized":
            projected = randomized_svd(centred, k, np.random.default_rng(self.random_state))
            return projected.Vt, projected.singular_values, total
        solvers = "'auto', 'exact', 'householder', 'covariance' or 'randomized'"
        raise RangeError(f"solver must be {solvers}, got {self.solver!r}")

    def transform(self, X: npt.ArrayLike) -> Array:
        """Coordinates along the components, shape (n, k).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return (self._rows_to_use(X, "components_") - self.mean_) @ self.components_.T

    def fit_transform(self, X: npt.ArrayLike, y: Any = None) -> Array:
        """`fit`, then `transform`."""
        return self.fit(X, y).transform(X)

    def inverse_transform(self, X: npt.ArrayLike) -> Array:
        """The points of the data's space with these coordinates, shape (n, d).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if there are not k columns.
        """
        coordinates = self._rows_to_use(X, "singular_values_", names=False)
        return coordinates @ self.components_ + self.mean_


def _scatter(rows: Array, mean: Array) -> Array:
    """Sum of the outer products of the centred rows, shape (d, d), some rows at a time: the cache holds them."""
    total = np.zeros((rows.shape[1], rows.shape[1]))
    memory = np.empty((min(len(rows), _BLOCK), rows.shape[1]))
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        centred = np.subtract(block, mean, out=memory[: len(block)])
        total += centred.T @ centred
    return total
