from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy.special import log_softmax
from whitebox.autograd import Tensor, gradcheck
from whitebox.recsys import rank_held_out
from whitebox.recsys.two_tower import TwoTower, in_batch_softmax_loss, logq_correction
from whitebox.search.exact import search


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return Tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


class Planted(NamedTuple):
    """Who chose what, without and with what is held out, and the group of each user and item."""

    seen: tuple[np.ndarray, np.ndarray]
    held_out: tuple[np.ndarray, np.ndarray]
    user_groups: np.ndarray
    item_groups: np.ndarray


def planted(n_users: int = 160, n_items: int = 150, groups: int = 5, each: int = 20) -> Planted:
    """Users choose from their own group most of the time, and what is popular more often."""
    rng = np.random.default_rng(0)
    of_users, of_items = rng.integers(0, groups, n_users), rng.integers(0, groups, n_items)
    popularity = rng.permutation(1 / np.arange(1, n_items + 1) ** 0.8)
    users, items = np.repeat(np.arange(n_users), each), []
    for user in range(n_users):
        p = popularity * np.where(of_items == of_users[user], 0.85, 0.15 / (groups - 1))
        items.append(rng.choice(n_items, each, replace=False, p=p / p.sum()))
    items = np.concatenate(items)
    last = np.arange(len(users)) % each == rng.integers(0, each, n_users).repeat(each)
    return Planted((users[~last], items[~last]), (users[last], items[last]), of_users, of_items)


class MostPopular:
    def __init__(self, items: np.ndarray) -> None:
        self.counts = np.bincount(items).astype(float)

    def recommend(self, user, k, exclude):
        counts = self.counts.copy()
        counts[exclude] = -1
        return np.argsort(-counts, kind="stable")[:k], None


def test_corrected_exponentials_are_unbiased_for_the_sum_over_all_items() -> None:
    scores, q = drawn(3, 6), np.array([0.4, 0.3, 0.1, 0.1, 0.05, 0.05])
    corrected = np.exp(logq_correction(scores, q).data)
    np.testing.assert_allclose(corrected @ q, np.exp(scores.data).sum(axis=1), rtol=1e-12)


def test_the_loss_is_the_surprise_at_the_own_item() -> None:
    queries, keys, q = drawn(5, 3), drawn(5, 3, seed=1), np.array([0.5, 0.2, 0.1, 0.1, 0.1])
    scores = queries.data @ keys.data.T / 0.3 - np.log(q)
    found = in_batch_softmax_loss(queries, keys, temperature=0.3, probabilities=q).item()
    np.testing.assert_allclose(found, -np.diag(log_softmax(scores, axis=1)).mean(), rtol=1e-12)
    # Equal probabilities correct nothing.
    plain = in_batch_softmax_loss(queries, keys, temperature=0.3).item()
    equal = in_batch_softmax_loss(queries, keys, temperature=0.3, probabilities=np.full(5, 0.2)).item()
    np.testing.assert_allclose(equal, plain, rtol=1e-12)


def test_what_another_user_chose_too_is_no_negative() -> None:
    queries, keys = drawn(4, 3), drawn(4, 3, seed=1)
    keys = keys[np.array([0, 1, 0, 3])]
    found = in_batch_softmax_loss(queries, keys, temperature=1.0, items=[7, 8, 7, 9]).item()
    scores = queries.data @ keys.data.T
    expected = []
    for i, others in enumerate(([0, 1, 3], [0, 1, 2, 3], [1, 2, 3], [0, 1, 2, 3])):
        expected.append(scores[i, i] - np.log(np.exp(scores[i, others]).sum()))
    np.testing.assert_allclose(found, -np.mean(expected), rtol=1e-12)


def test_gradients_are_those_of_differences() -> None:
    q = np.array([0.5, 0.2, 0.2, 0.1])
    assert gradcheck(
        lambda a, b: in_batch_softmax_loss(a, b, temperature=0.5, items=[1, 2, 1, 3], probabilities=q),
        drawn(4, 3),
        drawn(4, 3, seed=1),
    )


@pytest.mark.parametrize("loss", ["info_nce", "bpr"])
def test_towers_find_held_out_items_that_popularity_does_not(loss: str) -> None:
    data = planted()
    popular = rank_held_out(MostPopular(data.seen[1]), data.seen, data.held_out, 10).recall
    model = TwoTower(16, loss=loss, temperature=0.4, epochs=10, random_state=0).fit(*data.seen)
    assert rank_held_out(model, data.seen, data.held_out, 10).recall > 1.5 * popular
    assert model.losses_[-1] < 0.9 * model.losses_[0]


def test_the_correction_is_worth_its_while_where_popularity_counts() -> None:
    data = planted()
    corrected, plain = (
        TwoTower(16, correct=correct, temperature=0.4, epochs=8, random_state=0).fit(*data.seen)
        for correct in (True, False)
    )
    recalls = [rank_held_out(model, data.seen, data.held_out, 10).recall for model in (corrected, plain)]
    assert recalls[0] > recalls[1] + 0.05


def test_features_place_what_has_never_been_seen() -> None:
    data = planted()
    rng = np.random.default_rng(1)
    of_users = np.eye(5)[data.user_groups] + 0.2 * rng.standard_normal((len(data.user_groups), 5))
    of_items = np.eye(5)[data.item_groups] + 0.2 * rng.standard_normal((len(data.item_groups), 5))
    model = TwoTower(8, use_ids=False, hidden=(16,), epochs=8, random_state=0)
    model.fit(*data.seen, user_features=of_users, item_features=of_items)
    nearest = search(model.encode_users(np.eye(5)), model.encode_items(np.eye(5)), 1, metric="dot")[0]
    assert nearest[:, 0].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(model.encode_items(of_items), model.item_vectors_, rtol=1e-5, atol=1e-6)


def test_vectors_can_be_searched_as_they_are() -> None:
    data = planted(60, 80)
    model = TwoTower(8, epochs=3, random_state=0).fit(*data.seen)
    assert model.item_vectors_.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(model.item_vectors_, axis=1), 1, rtol=1e-5)
    exact = search(model.user_vectors_, model.item_vectors_, 5)[0]
    for user in (0, 7):
        assert model.recommend(user, 5)[0].tolist() == exact[user].tolist()
        assert model.recommend(user, 3, exclude=exact[user, :2])[0].tolist() == exact[user, 2:].tolist()


def test_the_same_seed_gives_the_same_vectors() -> None:
    data = planted(30, 40)
    for loss in ("info_nce", "bpr"):
        first, second = (TwoTower(4, loss=loss, epochs=2, random_state=5).fit(*data.seen) for _ in range(2))
        np.testing.assert_array_equal(first.item_vectors_, second.item_vectors_)
