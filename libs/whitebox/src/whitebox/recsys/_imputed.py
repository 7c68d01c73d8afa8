"""Matrix factorisation by the singular value decomposition, with missing ratings filled in."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.errors import RangeError
from whitebox.linalg import randomized_svd, svd
from whitebox.recsys._model import Observed, Recommender, observed

# Below this many entries the whole decomposition is as fast as a part of it.
_SMALL = 10_000


class ImputedSVD(Recommender):
    r"""The nearest matrix of rank k to the ratings, with what is missing filled in.

    First by biases, which are means shrunk towards zero (Koren: Factor in the Neighbors, 2010, section 2.1):

    .. math:: c_i = \frac{\sum_{u \in R_i} (r_{ui} - \mu)}{|R_i| + \beta}, \qquad
              b_u = \frac{\sum_{i \in R_u} (r_{ui} - \mu - c_i)}{|R_u| + \beta}

    so that a missing residual is zero; then, again and again, by the decomposition's own predictions, which lowers the
    squared error on what is there every time (Srebro, Jaakkola: Weighted Low-Rank Approximations, 2003, section 4).
    With `n_iter` of 1 this is the plain imputed SVD (Sarwar et al. 2000). Dense: O(users · items · k) an iteration.

    Args:
        n_factors: k, at most min(users, items).
        damping: :math:`\beta`, not negative.
        n_iter: Decompositions.
        random_state: Seed of their random projections.

    Attributes:
        mean_, user_biases_, item_biases_, user_factors_, item_factors_: As in every recommender.
        train_rmse_: Root mean squared error on the ratings after each iteration, shape (n_iter,).

    >>> users, items = np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3)
    >>> model = ImputedSVD(n_factors=2).fit(users, items, np.outer([1, 2, 3], [3, 1, 2]).ravel())
    >>> model.predict([0, 2], [0, 0]).round(6).tolist()
    [3.0, 9.0]
    """

    train_rmse_: Array

    def __init__(
        self, n_factors: int = 16, *, damping: float = 5.0, n_iter: int = 10, random_state: int | None = None
    ) -> None:
        self.n_factors = n_factors
        self.damping = damping
        self.n_iter = n_iter
        self.random_state = random_state

    def fit(self, users: npt.ArrayLike, items: npt.ArrayLike, ratings: npt.ArrayLike) -> Self:
        """Learns biases and factors.

        Args:
            users: Whole numbers from 0, shape (r,).
            items: Whole numbers from 0, shape (r,).
            ratings: Shape (r,).

        Raises:
            RangeError: if a parameter is out of its range, or a user has rated an item twice.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        seen = observed(users, items, ratings)
        k, damping = positive_int(self.n_factors, "n_factors"), number_in(self.damping, "damping", 0)
        if k > min(seen.n_users, seen.n_items):
            raise RangeError(
                f"n_factors must be at most min(users, items) = {min(seen.n_users, seen.n_items)}, got {k}"
            )
        self.mean_ = float(seen.ratings.mean())
        self.item_biases_ = _shrunk_means(seen.turned, seen.turned.ratings - self.mean_, damping)
        self.user_biases_ = _shrunk_means(seen, seen.ratings - self.mean_ - self.item_biases_[seen.items], damping)
        residual = seen.ratings - self.mean_ - self.item_biases_[seen.items] - self.user_biases_[seen.users]
        rng = np.random.default_rng(self.random_state)
        filled = np.zeros((seen.n_users, seen.n_items))
        errors = np.empty(positive_int(self.n_iter, "n_iter"))
        for iteration in range(self.n_iter):
            filled[seen.users, seen.items] = residual
            U, values, Vt = svd(filled) if filled.size <= _SMALL else randomized_svd(filled, k, rng)
            root = np.sqrt(values[:k])
            self.user_factors_, self.item_factors_ = U[:, :k] * root, Vt[:k].T * root
            filled = self.user_factors_ @ self.item_factors_.T
            errors[iteration] = np.sqrt(((residual - filled[seen.users, seen.items]) ** 2).mean())
        self.train_rmse_ = errors
        return self


def _shrunk_means(seen: Observed, deviations: Array, damping: float) -> Array:
    """Of each user's deviations; zero for users without ratings."""
    totals = np.bincount(seen.users, weights=deviations, minlength=seen.n_users)
    counts = np.bincount(seen.users, minlength=seen.n_users)
    shrunk: Array = totals / np.maximum(counts + damping, np.finfo(np.float64).tiny)
    return shrunk
