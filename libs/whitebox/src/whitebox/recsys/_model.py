"""What the recommenders share: validated ratings, and predictions from factors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, positive_int
from whitebox.base import BaseEstimator
from whitebox.errors import DtypeError, EmptyInputError, NotFittedError, RangeError, ShapeError
from whitebox.search._selection import lower_bound

Numbers = npt.NDArray[np.int64]


class Observed(NamedTuple):
    """Validated ratings, sorted by user and then by item.

    Attributes:
        users: Shape (r,).
        items: Shape (r,).
        ratings: Shape (r,).
        n_users: One more than the largest user.
        n_items: One more than the largest item.
    """

    users: Numbers
    items: Numbers
    ratings: Array
    n_users: int
    n_items: int

    @property
    def turned(self) -> Observed:
        """Users and items exchanged."""
        order = np.lexsort((self.users, self.items))
        return Observed(self.items[order], self.users[order], self.ratings[order], self.n_items, self.n_users)

    @property
    def starts(self) -> Numbers:
        """Where each user's ratings begin, shape (n_users + 1,)."""
        return np.searchsorted(self.users, np.arange(self.n_users + 1))


class Recommender(BaseEstimator):
    r"""Predicts :math:`\hat r_{ui} = \mu + b_u + c_i + p_u^\top q_i`; what a model does not learn of it is zero.

    Users and items are numbered from 0. What has no ratings has no factors and no bias.

    Attributes:
        mean_: :math:`\mu`.
        user_biases_: b, shape (users,).
        item_biases_: c, shape (items,).
        user_factors_: Rows p, shape (users, k).
        item_factors_: Rows q, shape (items, k).
    """

    mean_: float
    user_biases_: Array
    item_biases_: Array
    user_factors_: Array
    item_factors_: Array

    def predict(self, users: npt.ArrayLike, items: npt.ArrayLike) -> Array:
        """The predicted rating of each pair, shape (n,). Users and items that `fit` has not seen get the mean's share.

        Args:
            users: Shape (n,).
            items: Shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError, DtypeError, EmptyInputError, RangeError: for what are no numbers of users and items.
        """
        self._check_fitted()
        u, i = _identifiers(users, "users"), _identifiers(items, "items")
        if len(u) != len(i):
            raise ShapeError(f"{len(u)} users for {len(i)} items")
        known_user, known_item = u < len(self.user_biases_), i < len(self.item_biases_)
        u, i = np.where(known_user, u, 0), np.where(known_item, i, 0)
        both = known_user & known_item
        predicted: Array = (
            self.mean_
            + known_user * self.user_biases_[u]
            + known_item * self.item_biases_[i]
            + both * np.einsum("nk,nk->n", self.user_factors_[u], self.item_factors_[i])
        )
        return predicted

    def recommend(self, user: int, n: int = 10, exclude: npt.ArrayLike = ()) -> tuple[Numbers, Array]:
        """The items with the highest predictions for a user, best first; of equal ones the lower number.

        Args:
            user: A user of `fit`.
            n: How many; fewer where there are fewer.
            exclude: Items to leave out, such as those the user has rated.

        Returns:
            Items, and their predictions.

        Raises:
            NotFittedError: before `fit`.
            RangeError: if the user is unknown or `n` less than 1.
        """
        self._check_fitted()
        n = positive_int(n, "n")
        if not 0 <= user < len(self.user_biases_):
            raise RangeError(f"user must be from 0 to {len(self.user_biases_) - 1}, got {user}")
        scores = self.mean_ + self.user_biases_[user] + self.item_biases_
        scores = scores + self.item_factors_ @ self.user_factors_[user]
        left_out = np.asarray(exclude, dtype=np.int64)
        scores[left_out[left_out < len(scores)]] = -np.inf
        best = np.flatnonzero(scores >= lower_bound(scores[None], min(n, len(scores))).item())
        best = best[np.lexsort((best, -scores[best]))][:n]
        best = best[np.isfinite(scores[best])]
        return best, scores[best]

    def _check_fitted(self) -> None:
        if not hasattr(self, "item_factors_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")


def observed(users: npt.ArrayLike, items: npt.ArrayLike, ratings: npt.ArrayLike) -> Observed:
    """Validates ratings.

    Raises:
        RangeError: if a number is negative, or a user has rated an item twice.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
    """
    u, i, r = _identifiers(users, "users"), _identifiers(items, "items"), as_vector(ratings, "ratings")
    if not len(u) == len(i) == len(r):
        raise ShapeError(f"{len(u)} users, {len(i)} items and {len(r)} ratings are no triplets")
    order = np.lexsort((i, u))
    u, i, r = u[order], i[order], r[order]
    twice = np.flatnonzero((u[1:] == u[:-1]) & (i[1:] == i[:-1]))
    if twice.size:
        raise RangeError(f"user {u[twice[0]]} has rated item {i[twice[0]]} more than once")
    return Observed(u, i, r, int(u.max()) + 1, int(i.max()) + 1)


def _identifiers(values: npt.ArrayLike, name: str) -> Numbers:
    numbers = np.asarray(values)
    if numbers.ndim != 1:
        raise ShapeError(f"{name} must be a vector, got shape {numbers.shape}")
    if numbers.size == 0:
        raise EmptyInputError(f"{name} is empty")
    if numbers.dtype.kind not in "iu":
        raise DtypeError(f"{name} must hold whole numbers, got dtype {numbers.dtype}")
    if int(numbers.min()) < 0:
        raise RangeError(f"{name}[{int(numbers.argmin())}] is negative")
    return numbers.astype(np.int64)
