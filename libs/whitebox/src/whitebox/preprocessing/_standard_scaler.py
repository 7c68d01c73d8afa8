"""Standardisation of features."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.base import BaseEstimator


class StandardScaler(BaseEstimator):
    r"""Centres each feature and scales it to unit variance.

    .. math:: z = \frac{x - \mu}{\sigma}, \qquad \sigma^2 = \frac{1}{n} \sum_i (x_i - \mu)^2

    A constant feature has :math:`\sigma = 0`; it is centred and divided by 1.

    Attributes:
        mean_: Shape (d,).
        var_: Population variance, shape (d,).
        scale_: Standard deviation, 1 for constant features, shape (d,).

    >>> StandardScaler().fit_transform([[1.0, 5.0], [3.0, 5.0]]).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """

    _kind = "transformer"
    mean_: Array
    var_: Array
    scale_: Array

    def fit(self, X: npt.ArrayLike, y: Any = None) -> Self:  # noqa: ARG002  # scikit-learn's signature
        """Learns mean and variance of each column, in two passes so that large means lose no digits. O(n · d).

        Raises:
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self._rows_to_fit(X)
        self.mean_ = rows.mean(axis=0)
        centred = rows - self.mean_
        # The second term removes what rounding of the mean left in (Chan, Golub, LeVeque 1983).
        self.var_ = (centred**2).mean(axis=0) - centred.mean(axis=0) ** 2
        spread = np.sqrt(self.var_)
        # A constant column's deviation is rounding noise of its mean.
        noise = 10 * np.finfo(np.float64).eps * np.abs(self.mean_) * np.sqrt(len(rows))
        self.scale_ = np.where(spread <= noise, 1.0, spread)
        return self

    def transform(self, X: npt.ArrayLike) -> Array:
        """Standardises with what `fit` learned.

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return (self._rows_to_use(X, "mean_") - self.mean_) / self.scale_

    def fit_transform(self, X: npt.ArrayLike, y: Any = None) -> Array:
        """`fit`, then `transform`."""
        return self.fit(X, y).transform(X)

    def inverse_transform(self, X: npt.ArrayLike) -> Array:
        """Undoes `transform`."""
        return self._rows_to_use(X, "mean_") * self.scale_ + self.mean_
