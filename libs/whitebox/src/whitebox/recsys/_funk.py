"""Matrix factorisation by stochastic gradient descent."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, number_in, positive_int
from whitebox.errors import NotFiniteError
from whitebox.recsys._model import Numbers, Recommender, observed

# An error from which no step leads back, and whose square still is a number.
_DIVERGED = 1e30


class FunkSVD(Recommender):
    r"""Factors and biases of ratings by stochastic gradient descent.

    .. math:: \min \sum_{(u, i)} (r_{ui} - \mu - b_u - c_i - p_u^\top q_i)^2
              + \lambda \sum_{(u, i)} (b_u^2 + c_i^2 + \lVert p_u \rVert^2 + \lVert q_i \rVert^2)

    One rating at a time, with e its error before the step (Funk 2006; Koren, Bell, Volinsky: Matrix Factorization
    Techniques for Recommender Systems, 2009, equation 5):

    .. math:: b_u \mathrel{+}= \gamma (e - \lambda b_u), \quad c_i \mathrel{+}= \gamma (e - \lambda c_i), \quad
              p_u \mathrel{+}= \gamma (e\, q_i - \lambda p_u), \quad q_i \mathrel{+}= \gamma (e\, p_u - \lambda q_i)

    where both p and q on the right are those before the step. O(ratings · k) an epoch.

    Args:
        n_factors: k.
        learning_rate: :math:`\gamma`, positive.
        reg: :math:`\lambda`, not negative.
        n_epochs: Passes over the ratings, each in another order.
        init_std: Standard deviation of the first factors.
        random_state: Seed of the first factors and of the orders.

    Attributes:
        mean_, user_biases_, item_biases_, user_factors_, item_factors_: As in every recommender.
        train_rmse_: Root mean square of the errors before their steps in each epoch, shape (n_epochs,).

    >>> users, items = np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3)
    >>> model = FunkSVD(n_factors=1, n_epochs=500, reg=0.0, random_state=0)
    >>> model.fit(users, items, np.outer([1, 2, 3], [3, 1, 2]).ravel()).predict([0, 2], [0, 0]).round(1).tolist()
    [3.0, 9.0]
    """

    train_rmse_: Array

    def __init__(
        self,
        n_factors: int = 16,
        *,
        learning_rate: float = 0.01,
        reg: float = 0.02,
        n_epochs: int = 30,
        init_std: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.learning_rate = learning_rate
        self.reg = reg
        self.n_epochs = n_epochs
        self.init_std = init_std
        self.random_state = random_state

    def fit(self, users: npt.ArrayLike, items: npt.ArrayLike, ratings: npt.ArrayLike) -> Self:
        """Learns biases and factors.

        Args:
            users: Whole numbers from 0, shape (r,).
            items: Whole numbers from 0, shape (r,).
            ratings: Shape (r,).

        Raises:
            RangeError: if a parameter is out of its range, or a user has rated an item twice.
            NotFiniteError: also where the learning rate is so high that factors overflow.
            DtypeError, ShapeError, EmptyInputError: for unusable input.
        """
        k = positive_int(self.n_factors, "n_factors")
        rate, reg = number_in(self.learning_rate, "learning_rate", 0, open_low=True), number_in(self.reg, "reg", 0)
        epochs, std = positive_int(self.n_epochs, "n_epochs"), number_in(self.init_std, "init_std", 0)
        seen = observed(users, items, ratings)
        rng = np.random.default_rng(self.random_state)
        self.mean_ = float(seen.ratings.mean())
        self.user_biases_, self.item_biases_ = np.zeros(seen.n_users), np.zeros(seen.n_items)
        self.user_factors_ = std * rng.standard_normal((seen.n_users, k))
        self.item_factors_ = std * rng.standard_normal((seen.n_items, k))
        # What has no ratings is never stepped, and would keep its noise.
        self.user_factors_[np.bincount(seen.users, minlength=seen.n_users) == 0] = 0.0
        self.item_factors_[np.bincount(seen.items, minlength=seen.n_items) == 0] = 0.0
        errors = np.empty(epochs)
        centred = seen.ratings - self.mean_
        parameters = self.user_biases_, self.item_biases_, self.user_factors_, self.item_factors_
        for epoch in range(epochs):
            order = rng.permutation(len(centred))
            squares = _epoch(seen.users[order], seen.items[order], centred[order], *parameters, rate, reg)
            if not np.isfinite(squares):
                raise NotFiniteError(f"factors overflow in epoch {epoch}: lower learning_rate from {rate:g}")
            errors[epoch] = np.sqrt(squares / len(centred))
        self.train_rmse_ = errors
        return self


@compiled
def _epoch(  # noqa: PLR0917  # numba knows no keyword-only arguments
    users: Numbers,
    items: Numbers,
    ratings: Array,
    user_biases: Array,
    item_biases: Array,
    P: Array,
    Q: Array,
    rate: float,
    reg: float,
) -> float:
    """A step for every rating; gives the sum of squared errors before the steps."""
    squares = 0.0
    for place in range(len(ratings)):
        u, i = users[place], items[place]
        error = ratings[place] - user_biases[u] - item_biases[i]
        for f in range(P.shape[1]):
            error -= P[u, f] * Q[i, f]
        if not abs(error) < _DIVERGED:
            return np.inf
        squares += error * error
        user_biases[u] += rate * (error - reg * user_biases[u])
        item_biases[i] += rate * (error - reg * item_biases[i])
        for f in range(P.shape[1]):
            p, q = P[u, f], Q[i, f]
            P[u, f] = p + rate * (error * q - reg * p)
            Q[i, f] = q + rate * (error * p - reg * q)
    return squares
