"""Truncated singular value decomposition."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, positive_int
from whitebox.base import BaseEstimator
from whitebox.errors import NotFittedError, RangeError, ShapeError
from whitebox.linalg import CSR, randomized_svd, svd


class TruncatedSVD(BaseEstimator):
    r"""The k largest singular values and their vectors, without centring.

    .. math:: X \approx U_k \Sigma_k V_k^\top, \qquad z = V_k^\top x

    Of all matrices of rank k this one is nearest to X (Eckart, Young 1936). On term weights it is latent semantic
    analysis (Deerwester et al. 1990); because nothing is centred, a sparse matrix stays sparse. Signs are chosen so
    that each component's largest entry is positive.

    Args:
        n_components: k, at most min(n, d).
        solver: "randomized" for random projection, O(n · d · k), with n · d the number of nonzeros of a `CSR`; "exact"
            for the whole decomposition of a dense matrix, O(n · d · min(n, d)).
        power_iterations: Of the random projection; more where singular values fall slowly.
        random_state: Seed of the projection.

    Attributes:
        components_: Orthonormal rows, shape (k, d).
        singular_values_: Shape (k,), falling.
        explained_variance_: Variance of each coordinate of the rows of `fit`, shape (k,).

    >>> model = TruncatedSVD(n_components=1).fit([[3.0, 4.0], [6.0, 8.0]])
    >>> model.components_.round(6).tolist(), model.singular_values_.round(6).tolist()
    ([[0.6, 0.8]], [11.18034])
    """

    _kind = "transformer"
    components_: Array
    singular_values_: Array
    explained_variance_: Array

    def __init__(
        self,
        n_components: int = 2,
        *,
        solver: Literal["randomized", "exact"] = "randomized",
        power_iterations: int = 5,
        random_state: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.solver = solver
        self.power_iterations = power_iterations
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike | CSR, y: Any = None) -> Self:
        """Learns the components.

        Raises:
            RangeError: if there are not so many components, or the solver is unknown.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: npt.ArrayLike | CSR, y: Any = None) -> Array:  # noqa: ARG002  # scikit-learn's signature
        """`fit`, then the coordinates of the same rows, shape (n, k)."""
        rows = self._sparse_to_fit(X) if isinstance(X, CSR) else self._rows_to_fit(X)
        k = positive_int(self.n_components, "n_components")
        if k > min(rows.shape):
            raise RangeError(f"n_components must be at most min(n, d) = {min(rows.shape)}, got {k}")
        if self.solver == "randomized":
            found = randomized_svd(
                rows, k, np.random.default_rng(self.random_state), power_iterations=self.power_iterations
            )
        elif self.solver == "exact":
            found = svd(rows.to_dense() if isinstance(rows, CSR) else rows)
        else:
            raise RangeError(f"solver must be 'randomized' or 'exact', got {self.solver!r}")
        components = found.Vt[:k]
        largest = np.abs(components).argmax(axis=1)
        self.components_ = components * np.where(components[np.arange(k), largest] < 0, -1.0, 1.0)[:, None]
        self.singular_values_ = found.singular_values[:k].copy()
        coordinates: Array = rows @ self.components_.T
        self.explained_variance_ = coordinates.var(axis=0)
        return coordinates

    def transform(self, X: npt.ArrayLike | CSR) -> Array:
        """Coordinates along the components, shape (n, k).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        if isinstance(X, CSR):
            if not hasattr(self, "components_"):
                raise NotFittedError("this TruncatedSVD is not fitted yet: call fit first")
            if X.shape[1] != self.n_features_in_:
                raise ShapeError(f"X has {X.shape[1]} features, but TruncatedSVD is expecting {self.n_features_in_}")
            return X @ self.components_.T
        return self._rows_to_use(X, "components_") @ self.components_.T

    def inverse_transform(self, X: npt.ArrayLike) -> Array:
        """The points with these coordinates, shape (n, d). Raises as `transform`."""
        return self._rows_to_use(X, "singular_values_", names=False) @ self.components_

    def _sparse_to_fit(self, X: CSR) -> CSR:
        self.n_features_in_ = X.shape[1]
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return X
