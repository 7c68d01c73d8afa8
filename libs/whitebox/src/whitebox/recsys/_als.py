"""Alternating least squares, for ratings and for interactions."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, number_in, positive_int
from whitebox.errors import RangeError
from whitebox.recsys._model import Numbers, Observed, Recommender, observed


class ALS(Recommender):
    r"""Factors of ratings by alternating least squares.

    .. math:: \min_{P, Q} \sum_{(u, i)} (r_{ui} - \mu - p_u^\top q_i)^2
              + \lambda \Big( \sum_u \lVert p_u \rVert^2 + \sum_i \lVert q_i \rVert^2 \Big)

    With all q fixed each p is the solution of a small ridge regression, and the other way round (Zhou et al.:
    Large-Scale Parallel Collaborative Filtering, 2008, with a plain penalty):

    .. math:: p_u = \Big( \sum_{i \in R_u} q_i q_i^\top + \lambda I \Big)^{-1} \sum_{i \in R_u} (r_{ui} - \mu)\, q_i

    No step raises the objective. O(ratings · k² + (users + items) · k³) an iteration.

    Args:
        n_factors: k.
        reg: :math:`\lambda`, positive.
        n_iter: Iterations.
        random_state: Seed of the items' first factors.

    Attributes:
        mean_, user_biases_, item_biases_, user_factors_, item_factors_: As in every recommender; biases are zero.
        objective_: After each iteration, shape (n_iter,).

    >>> users, items = np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3)
    >>> model = ALS(n_factors=1, reg=0.01, random_state=0).fit(users, items, np.outer([1, 2, 3], [3, 1, 2]).ravel())
    >>> model.predict([0, 2], [0, 0]).round(1).tolist()
    [3.0, 9.0]
    """

    objective_: Array

    def __init__(
        self, n_factors: int = 16, *, reg: float = 0.1, n_iter: int = 15, random_state: int | None = None
    ) -> None:
        self.n_factors = n_factors
        self.reg = reg
        self.n_iter = n_iter
        self.random_state = random_state

    def fit(self, users: npt.ArrayLike, items: npt.ArrayLike, ratings: npt.ArrayLike) -> Self:
        """Learns the factors.

        Args:
            users: Whole numbers from 0, shape (r,).
            items: Whole numbers from 0, shape (r,).
            ratings: Shape (r,).

        Raises:
            RangeError: if a parameter is out of its range, or a user has rated an item twice.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        k, reg = positive_int(self.n_factors, "n_factors"), number_in(self.reg, "reg", 0, open_low=True)
        seen = observed(users, items, ratings)
        self.mean_ = float(seen.ratings.mean())
        self.user_biases_, self.item_biases_ = np.zeros(seen.n_users), np.zeros(seen.n_items)
        centred = seen._replace(ratings=seen.ratings - self.mean_)
        turned = centred.turned
        Q = _first_factors(turned, k, self.random_state)
        nothing, ones = np.zeros((k, k)), np.ones(len(centred.ratings))
        objectives = []
        for _ in range(positive_int(self.n_iter, "n_iter")):
            P = solve_rows(centred, Q, nothing, weights=ones, targets=centred.ratings, reg=reg)
            Q = solve_rows(turned, P, nothing, weights=ones, targets=turned.ratings, reg=reg)
            error = centred.ratings - np.einsum("rk,rk->r", P[centred.users], Q[centred.items])
            objectives.append(float(error @ error) + reg * (float((P**2).sum()) + float((Q**2).sum())))
        self.user_factors_, self.item_factors_, self.objective_ = P, Q, np.array(objectives)
        return self


class ImplicitALS(Recommender):
    r"""Factors of interactions, of which more mean more confidence and none mean little.

    .. math:: \min_{P, Q} \sum_{u, i} c_{ui} (t_{ui} - p_u^\top q_i)^2
              + \lambda \Big( \sum_u \lVert p_u \rVert^2 + \sum_i \lVert q_i \rVert^2 \Big), \qquad
              t_{ui} = [r_{ui} > 0], \quad c_{ui} = 1 + \alpha r_{ui}

    over all pairs, seen or not (Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback Datasets, 2008,
    equations 3 and 4):

    .. math:: p_u = \Big( Q^\top Q + \sum_{i \in R_u} (c_{ui} - 1)\, q_i q_i^\top + \lambda I \Big)^{-1}
              \sum_{i \in R_u} c_{ui}\, q_i

    The first product is the same for all users, so that what is unseen costs nothing. O(interactions · k² + (users +
    items) · k³) an iteration.

    Args:
        n_factors: k.
        reg: :math:`\lambda`, positive.
        alpha: What an interaction adds to the confidence, not negative.
        n_iter: Iterations.
        random_state: Seed of the items' first factors.

    Attributes:
        mean_, user_biases_, item_biases_, user_factors_, item_factors_: As in every recommender; all but factors are
            zero.
        objective_: After each iteration, shape (n_iter,).

    >>> users, items = [0, 0, 1, 1, 2], [0, 1, 0, 1, 2]
    >>> model = ImplicitALS(n_factors=2, random_state=0).fit(users, items, np.ones(5))
    >>> model.recommend(2, n=1)[0].tolist()
    [2]
    """

    objective_: Array

    def __init__(
        self,
        n_factors: int = 16,
        *,
        reg: float = 0.1,
        alpha: float = 40.0,
        n_iter: int = 15,
        random_state: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.reg = reg
        self.alpha = alpha
        self.n_iter = n_iter
        self.random_state = random_state

    def fit(self, users: npt.ArrayLike, items: npt.ArrayLike, counts: npt.ArrayLike) -> Self:
        """Learns the factors.

        Args:
            users: Whole numbers from 0, shape (r,).
            items: Whole numbers from 0, shape (r,).
            counts: How often or how long, positive, shape (r,).

        Raises:
            RangeError: if a parameter is out of its range, a count is not positive, or a pair stands there twice.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        k, reg = positive_int(self.n_factors, "n_factors"), number_in(self.reg, "reg", 0, open_low=True)
        alpha = number_in(self.alpha, "alpha", 0)
        seen = observed(users, items, counts)
        if (seen.ratings <= 0).any():
            raise RangeError("counts must be positive: leave pairs without interaction out")
        self.mean_ = 0.0
        self.user_biases_, self.item_biases_ = np.zeros(seen.n_users), np.zeros(seen.n_items)
        turned = seen.turned
        extra, turned_extra = alpha * seen.ratings, alpha * turned.ratings
        Q = _first_factors(turned, k, self.random_state)
        objectives = []
        for _ in range(positive_int(self.n_iter, "n_iter")):
            P = solve_rows(seen, Q, Q.T @ Q, weights=extra, targets=1 + extra, reg=reg)
            Q = solve_rows(turned, P, P.T @ P, weights=turned_extra, targets=1 + turned_extra, reg=reg)
            objectives.append(self._objective(seen, extra, P, Q))
        self.user_factors_, self.item_factors_, self.objective_ = P, Q, np.array(objectives)
        return self

    def _objective(self, seen: Observed, extra: Array, P: Array, Q: Array) -> float:
        """All pairs as if unseen, by one product, and what those that are seen change."""
        predicted = np.einsum("rk,rk->r", P[seen.users], Q[seen.items])
        unseen = float(((P.T @ P) * (Q.T @ Q)).sum())
        change = float(((1 + extra) * (1 - predicted) ** 2 - predicted**2).sum())
        return unseen + change + self.reg * (float((P**2).sum()) + float((Q**2).sum()))


def solve_rows(seen: Observed, factors: Array, base: Array, *, weights: Array, targets: Array, reg: float) -> Array:
    r"""The best factors of all users for fixed factors of the items.

    .. math:: \Big( B + \sum_i w_{ui}\, q_i q_i^\top + \lambda I \Big) p_u = \sum_i t_{ui}\, q_i
    """
    solved = np.zeros((seen.n_users, factors.shape[1]))
    _solve_rows(seen.starts, seen.items, factors, base + reg * np.eye(len(base)), weights, targets, solved)
    return solved


def _first_factors(turned: Observed, k: int, random_state: int | None) -> Array:
    """Small random factors; items without ratings get none."""
    factors: Array = np.random.default_rng(random_state).standard_normal((turned.n_users, k)) / np.sqrt(k)
    factors[np.diff(turned.starts) == 0] = 0.0
    return factors


@compiled
def _solve_rows(  # noqa: PLR0917  # numba knows no keyword-only arguments
    starts: Numbers, items: Numbers, factors: Array, base: Array, weights: Array, targets: Array, solved: Array
) -> None:
    """Sums up each user's system and solves it by Cholesky's factorisation in place."""
    k = factors.shape[1]
    A = np.empty((k, k))
    for u in range(len(starts) - 1):
        if starts[u] == starts[u + 1]:
            continue
        for a in range(k):
            solved[u, a] = 0.0
            for b in range(a + 1):
                A[a, b] = base[a, b]
        for place in range(starts[u], starts[u + 1]):
            item = items[place]
            for a in range(k):
                solved[u, a] += targets[place] * factors[item, a]
                scaled = weights[place] * factors[item, a]
                for b in range(a + 1):
                    A[a, b] += scaled * factors[item, b]
        for a in range(k):
            for b in range(a + 1):
                total = A[a, b]
                for c in range(b):
                    total -= A[a, c] * A[b, c]
                A[a, b] = total / A[b, b] if b < a else np.sqrt(total)
        for a in range(k):
            for b in range(a):
                solved[u, a] -= A[a, b] * solved[u, b]
            solved[u, a] /= A[a, a]
        for a in range(k - 1, -1, -1):
            for b in range(a + 1, k):
                solved[u, a] -= A[b, a] * solved[u, b]
            solved[u, a] /= A[a, a]
