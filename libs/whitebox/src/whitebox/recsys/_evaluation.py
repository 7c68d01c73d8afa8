"""How well a recommender ranks what a user went on to choose."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.errors import ShapeError
from whitebox.metrics.ranking import mean_reciprocal_rank, ndcg_at_k, precision_at_k, recall_at_k
from whitebox.recsys._model import Numbers, observed


class Ranker(Protocol):
    """What can be ranked by: factorisations, and two towers."""

    def recommend(self, user: int, n: int = 10, exclude: npt.ArrayLike = ()) -> tuple[Numbers, npt.NDArray[Any]]:
        """The best items for a user, without those excluded, and their scores."""
        ...


class RankingQuality(NamedTuple):
    """Means over the users with held-out items, see `whitebox.metrics.ranking`.

    Attributes:
        precision: Share of the first k that were chosen.
        recall: Share of what was chosen that stands among the first k.
        reciprocal_rank: Of the first item that was chosen.
        ndcg: With a gain of 1 for each item that was chosen.
        n_users: Over how many users.
    """

    precision: float
    recall: float
    reciprocal_rank: float
    ndcg: float
    n_users: int


def rank_held_out(
    model: Ranker,
    seen: tuple[npt.ArrayLike, npt.ArrayLike],
    held_out: tuple[npt.ArrayLike, npt.ArrayLike],
    k: int = 10,
) -> RankingQuality:
    """Ranks for each user all items not seen, and looks for those held out among the first k.

    Against all items, not against a sample of them, which would favour other models than the whole does (Krichene,
    Rendle: On Sampled Metrics for Item Recommendation, 2020). O(users · items · factors).

    Args:
        model: A fitted recommender.
        seen: Users and items that the model was fitted on; they are not recommended again.
        held_out: Users and items that it should find.
        k: How far down to look.

    Raises:
        NotFittedError: before `fit`.
        RangeError: if `k` is less than 1, or a pair or a user is impossible.
        ShapeError, DtypeError, EmptyInputError: for unusable input.

    >>> from whitebox.recsys import ImplicitALS
    >>> users, items = [0, 0, 1, 1, 2, 2, 2], [0, 1, 0, 1, 2, 3, 0]
    >>> model = ImplicitALS(n_factors=2, random_state=0).fit(users[:-1], items[:-1], np.ones(6))
    >>> rank_held_out(model, (users[:-1], items[:-1]), ([2], [0]), k=2).recall
    1.0
    """
    k = positive_int(k, "k")
    pairs = []
    for name, (users, items) in (("seen", seen), ("held_out", held_out)):
        if np.shape(users) != np.shape(items):
            raise ShapeError(f"{name} has {np.shape(users)} users for {np.shape(items)} items")
        pairs.append(observed(users, items, np.ones(np.shape(users))))
    known, wanted = pairs
    rankings, relevant = [], []
    for user in np.unique(wanted.users).tolist():
        rankings.append(model.recommend(user, k, known.items[known.users == user])[0].tolist())
        relevant.append(set(wanted.items[wanted.users == user].tolist()))
    gains = [dict.fromkeys(items, 1.0) for items in relevant]
    return RankingQuality(
        precision_at_k(rankings, relevant, k),
        recall_at_k(rankings, relevant, k),
        mean_reciprocal_rank(rankings, relevant, k),
        ndcg_at_k(rankings, gains, k),
        len(rankings),
    )
