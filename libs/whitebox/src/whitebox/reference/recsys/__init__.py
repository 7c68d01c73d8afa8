"""Matrix factorisation, in pure Python. What is random is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Self

from whitebox.reference.linalg import solve

Ratings = Sequence[tuple[int, int, float]]
Factors = list[list[float]]


class ALS:
    """Ratings, less their mean, as products of factors: best users for fixed items, best items for fixed users.

    >>> model = ALS(reg=0.01, n_iter=20).fit([(0, 0, 1.0), (0, 1, 3.0), (1, 0, 3.0), (1, 1, 1.0)], [[1.0], [0.5]])
    >>> round(model.predict(0, 0), 1)
    1.0
    """

    def __init__(self, reg: float = 0.1, n_iter: int = 15) -> None:
        self.reg = reg
        self.n_iter = n_iter

    def fit(self, ratings: Ratings, item_factors: Factors) -> Self:
        """Alternates, from the first factors of the items."""
        self.mean_ = fmean(rating for _, _, rating in ratings)
        seen = [(u, i, 1.0, r - self.mean_) for u, i, r in ratings]
        self.user_factors_, self.item_factors_ = _alternate(seen, item_factors, self.reg, self.n_iter, unseen=False)
        return self

    def predict(self, user: int, item: int) -> float:
        """The predicted rating."""
        return self.mean_ + _product(self.user_factors_[user], self.item_factors_[item])


class ImplicitALS:
    """Whether a user and an item interact, as products of factors: surer with each interaction, little sure with none.

    >>> model = ImplicitALS().fit([(0, 0, 1.0), (1, 1, 2.0)], [[1.0, 0.1], [0.2, 1.0]])
    >>> _product(model.user_factors_[0], model.item_factors_[0]) > 0.9
    True
    """

    def __init__(self, reg: float = 0.1, alpha: float = 40.0, n_iter: int = 15) -> None:
        self.reg = reg
        self.alpha = alpha
        self.n_iter = n_iter

    def fit(self, counts: Ratings, item_factors: Factors) -> Self:
        """Alternates, from the first factors of the items."""
        seen = [(u, i, 1 + self.alpha * r, 1.0) for u, i, r in counts]
        self.user_factors_, self.item_factors_ = _alternate(seen, item_factors, self.reg, self.n_iter, unseen=True)
        return self


class FunkSVD:
    """Factors and biases of ratings, one rating and one small step downhill at a time.

    >>> model = FunkSVD(reg=0.0).fit([(0, 0, 1.0), (1, 0, 3.0)], [[0.0], [0.0]], [[0.0]], [[0, 1]] * 1000)
    >>> round(model.predict(0, 0), 1), round(model.predict(1, 0), 1)
    (1.0, 3.0)
    """

    def __init__(self, learning_rate: float = 0.01, reg: float = 0.02) -> None:
        self.learning_rate = learning_rate
        self.reg = reg

    def fit(
        self, ratings: Ratings, user_factors: Factors, item_factors: Factors, orders: Sequence[Sequence[int]]
    ) -> Self:
        """Steps through the ratings in each of the orders, from the first factors."""
        self.mean_ = fmean(rating for _, _, rating in ratings)
        P, Q = [list(p) for p in user_factors], [list(q) for q in item_factors]
        b, c = [0.0] * len(P), [0.0] * len(Q)
        for order in orders:
            for place in order:
                u, i, rating = ratings[place]
                error = rating - self.mean_ - b[u] - c[i] - _product(P[u], Q[i])
                b[u] += self.learning_rate * (error - self.reg * b[u])
                c[i] += self.learning_rate * (error - self.reg * c[i])
                P[u], Q[i] = (
                    [p + self.learning_rate * (error * q - self.reg * p) for p, q in zip(P[u], Q[i], strict=True)],
                    [q + self.learning_rate * (error * p - self.reg * q) for p, q in zip(P[u], Q[i], strict=True)],
                )
        self.user_biases_, self.item_biases_, self.user_factors_, self.item_factors_ = b, c, P, Q
        return self

    def predict(self, user: int, item: int) -> float:
        """The predicted rating."""
        biases = self.mean_ + self.user_biases_[user] + self.item_biases_[item]
        return biases + _product(self.user_factors_[user], self.item_factors_[item])


def _alternate(
    seen: Sequence[tuple[int, int, float, float]], Q: Factors, reg: float, n_iter: int, *, unseen: bool
) -> tuple[Factors, Factors]:
    """Users and items in turn; `seen` holds user, item, confidence and target."""
    turned = [(i, u, confidence, target) for u, i, confidence, target in seen]
    n_users = 1 + max(u for u, _, _, _ in seen)
    for _ in range(n_iter):
        P = [_best(user, seen, Q, reg, unseen) for user in range(n_users)]
        Q = [_best(item, turned, P, reg, unseen) for item in range(len(Q))]
    return P, Q


def _best(
    user: int, seen: Sequence[tuple[int, int, float, float]], Q: Factors, reg: float, unseen: bool
) -> list[float]:
    """Weighted ridge regression of the user's targets on the items' factors; unseen items may count as zeros."""
    own = {i: (confidence, target) for u, i, confidence, target in seen if u == user}
    k = len(Q[0])
    if not own:
        return [0.0] * k
    default = (1.0, 0.0) if unseen else (0.0, 0.0)
    rows = [(q, *own.get(i, default)) for i, q in enumerate(Q)]
    A = [[sum(c * q[a] * q[b] for q, c, _ in rows) + reg * (a == b) for b in range(k)] for a in range(k)]
    return solve(A, [sum(c * t * q[a] for q, c, t in rows) for a in range(k)])


def _product(p: Sequence[float], q: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(p, q, strict=True))
