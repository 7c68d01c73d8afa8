"""Two-tower retrieval: users and items meet in one space, where the items near a user can be searched for.

(Yi et al.: Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations, RecSys 2019.)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_matrix, as_vector, number_in, positive_int
from whitebox.autograd import Tensor, concatenate, no_grad, relu, sqrt
from whitebox.base import BaseEstimator
from whitebox.errors import DtypeError, EmptyInputError, NotFittedError, RangeError, ShapeError
from whitebox.nn import Embedding, Linear, Module, Optimizer, bpr_loss, cross_entropy
from whitebox.optimize.first_order import Adam
from whitebox.search.exact import search

Numbers = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
# Of a logit that must not count; its exponential is 0 in both precisions.
_HIDDEN = -1e30


def logq_correction(scores: Tensor, probabilities: npt.ArrayLike) -> Tensor:
    r"""Scores of sampled items, less the logarithm of how probable it was to sample them.

    .. math:: s^c(u, j) = s(u, j) - \log Q(j)

    (Bengio, Senécal 2008; Yi et al. 2019, eq. 3.) What is popular stands in more batches as a negative; without the
    correction it is pushed away for that alone. With it :math:`E_{j \sim Q}[\exp s^c(u, j)] = \sum_j \exp s(u, j)`, the
    denominator of the softmax over all items. O(n · m).

    Args:
        scores: Shape (n, m).
        probabilities: Q of each of the m items, in (0, 1].

    Raises:
        RangeError: A probability is out of its range.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: For unusable input.

    >>> logq_correction(Tensor([[1.0, 1.0]]), [1.0, 0.5]).data.round(3).tolist()
    [[1.0, 1.693]]
    """
    q = as_vector(probabilities, "probabilities")
    if scores.shape[-1:] != q.shape:
        raise ShapeError(f"{len(q)} probabilities for scores of shape {scores.shape}")
    if (q <= 0).any() or (q > 1).any():
        raise RangeError("probabilities must be above 0 and at most 1")
    corrected: Tensor = scores - np.log(q).astype(scores.dtype)
    return corrected


def in_batch_softmax_loss(
    queries: Tensor,
    keys: Tensor,
    *,
    temperature: float,
    items: npt.ArrayLike | None = None,
    probabilities: npt.ArrayLike | None = None,
) -> Tensor:
    r"""InfoNCE with the other items of the batch for negatives, corrected for how they came there.

    .. math:: L = -\frac1n \sum_i \log \frac{\exp s^c_{ii}}{\sum_j \exp s^c_{ij}}, \qquad
              s^c_{ij} = q_i \cdot k_j / \tau - \log Q_j

    O(n² · d).

    Args:
        queries: Vectors of users, shape (n, d).
        keys: Vectors of the item that each one chose, shape (n, d).
        temperature: The :math:`\tau`.
        items: Number of each item; where another user chose the same, it is no negative.
        probabilities: Q of each item; none corrects nothing.

    Returns:
        A single number.

    Raises:
        ShapeError: They do not fit together.
        RangeError: The temperature is not positive, or a probability out of its range.
        DtypeError, EmptyInputError, NotFiniteError: For unusable input.

    >>> one = Tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> round(in_batch_softmax_loss(one, one, temperature=1.0).item(), 4)
    0.3133
    >>> round(in_batch_softmax_loss(one, one, temperature=1.0, items=[7, 7]).item(), 4)
    0.0
    """
    heat = number_in(temperature, "temperature", 0, open_low=True)
    if queries.ndim != 2 or queries.shape != keys.shape:
        raise ShapeError(f"queries and keys must have one shape (n, d), got {queries.shape} and {keys.shape}")
    scores = (queries @ keys.T) * (1 / heat)
    if probabilities is not None:
        scores = logq_correction(scores, probabilities)
    if items is not None:
        chosen = np.asarray(items)
        if chosen.shape != (len(queries),):
            raise ShapeError(f"items must have shape ({len(queries)},), got {chosen.shape}")
        again = (chosen[:, None] == chosen) & ~np.eye(len(chosen), dtype=bool)
        scores = scores + np.where(again, _HIDDEN, 0.0).astype(scores.dtype)
    return cross_entropy(scores, np.arange(len(queries)))


class Tower(Module):
    """From a number, features, or both to a vector of length 1.

    Args:
        dimensions: Of the vector.
        count: How many numbers there are; 0 for features alone.
        features: How many features there are; 0 for numbers alone.
        hidden: Widths of the layers between, which ReLU follows.
        rng: Draws the weights.
        dtype: Their precision.

    Raises:
        RangeError: There are neither numbers nor features.

    >>> tower = Tower(4, count=10, features=3, hidden=(8,), rng=np.random.default_rng(0))
    >>> tower(np.array([0, 9]), np.zeros((2, 3), np.float32)).shape
    (2, 4)
    """

    def __init__(
        self,
        dimensions: int,
        *,
        count: int = 0,
        features: int = 0,
        hidden: Sequence[int] = (),
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        if count == 0 and features == 0:
            raise RangeError("a tower needs numbers, features, or both")
        width = positive_int(dimensions, "dimensions")
        self.table = Embedding(count, width, rng=rng, dtype=dtype) if count else None
        if self.table is not None:
            # Short rows turn fast under steps of a given length; only their direction counts.
            self.table.weight.data = self.table.weight.data * self.table.weight.dtype.type(0.1)
        widths = [(width if count else 0) + features, *hidden, width]
        # A table alone needs no map: its rows are learned as they are.
        alone = self.table is not None and features == 0 and not hidden
        self.layers = [] if alone else [Linear(n, m, rng=rng, dtype=dtype) for n, m in pairwise(widths)]

    def forward(self, numbers: npt.ArrayLike, features: npt.NDArray[Any] | None = None) -> Tensor:
        """Vectors of shape (n, dimensions) from n numbers and rows of features, of which one may be of no account."""
        parts = [] if self.table is None else [self.table(numbers)]
        if features is not None:
            parts.append(Tensor(features))
        x = parts[0] if len(parts) == 1 else concatenate(parts, axis=1)
        for place, layer in enumerate(self.layers):
            x = layer(x if place == 0 else relu(x))
        return x / sqrt((x * x).sum(axis=1, keepdims=True) + 1e-12)


class _Interactions(NamedTuple):
    users: Numbers
    items: Numbers
    n_users: int
    n_items: int


class TwoTower(BaseEstimator):
    r"""Learns vectors of users and items of which the products rank what a user chooses next.

    A user's score of an item is :math:`u \cdot v / \tau`, of vectors of length 1 from a `Tower` each. "info_nce" tells
    each chosen item from those that others in the batch chose, with `logq_correction` by how often each item was
    chosen; "bpr" tells it from one drawn at random that the user has not chosen (Rendle et al. 2009). Items' vectors
    are there to be searched: `whitebox.search` takes `item_vectors_` as they are.

    Args:
        n_factors: Length of the vectors.
        loss: "info_nce" or "bpr".
        hidden: Widths of each tower's hidden layers.
        use_ids: Whether each user and item has a row of its own; without, features alone are used, and what has never
            been seen can be placed.
        correct: Whether "info_nce" corrects for popularity.
        temperature: The :math:`\tau`.
        learning_rate: Of Adam.
        batch_size: Interactions a step of training.
        epochs: Passes over all interactions.
        random_state: Seed.

    Attributes:
        user_vectors_: Shape (users, n_factors), in single precision.
        item_vectors_: Shape (items, n_factors), in single precision.
        user_tower_: From users to vectors.
        item_tower_: From items to vectors.
        losses_: Mean loss of each epoch.

    >>> users, items = np.repeat(np.arange(8), 3), np.array([[0, 1, 2], [3, 4, 5]] * 4).ravel()
    >>> model = TwoTower(4, epochs=60, random_state=0).fit(users, items)
    >>> sorted(model.recommend(1, 3)[0].tolist())
    [3, 4, 5]
    """

    def __init__(
        self,
        n_factors: int = 32,
        *,
        loss: Literal["info_nce", "bpr"] = "info_nce",
        hidden: Sequence[int] = (),
        use_ids: bool = True,
        correct: bool = True,
        temperature: float = 0.2,
        learning_rate: float = 0.01,
        batch_size: int = 256,
        epochs: int = 20,
        random_state: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.loss = loss
        self.hidden = hidden
        self.use_ids = use_ids
        self.correct = correct
        self.temperature = temperature
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.random_state = random_state

    def fit(
        self,
        users: npt.ArrayLike,
        items: npt.ArrayLike,
        *,
        user_features: npt.ArrayLike | None = None,
        item_features: npt.ArrayLike | None = None,
    ) -> Self:
        """Learns from who chose what.

        Args:
            users: A user for each interaction, numbered from 0, shape (r,).
            items: The item, numbered from 0, shape (r,).
            user_features: Of all users, shape (users, d).
            item_features: Of all items, shape (items, e).

        Raises:
            ShapeError: They do not fit together.
            RangeError: A number is out of range, or a parameter is; or there are neither numbers nor features to use.
            DtypeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        if self.loss not in ("info_nce", "bpr"):
            raise RangeError(f"loss must be 'info_nce' or 'bpr', got {self.loss!r}")
        heat = number_in(self.temperature, "temperature", 0, open_low=True)
        epochs, batch = positive_int(self.epochs, "epochs"), positive_int(self.batch_size, "batch_size")
        of_users, of_items = _features(user_features, "user_features"), _features(item_features, "item_features")
        chosen = _interactions(users, items, of_users, of_items)
        rng = np.random.default_rng(self.random_state)
        self.user_tower_ = self._tower(chosen.n_users, of_users, rng)
        self.item_tower_ = self._tower(chosen.n_items, of_items, rng)
        optimizer = Optimizer(
            [*self.user_tower_.parameters(), *self.item_tower_.parameters()], Adam(self.learning_rate)
        )
        frequencies = np.bincount(chosen.items, minlength=chosen.n_items) / len(chosen.items)
        known = np.unique(chosen.users * chosen.n_items + chosen.items)
        self.losses_ = np.zeros(epochs)
        for epoch in range(epochs):
            order = rng.permutation(len(chosen.users))
            for start in range(0, len(order), batch):
                some = order[start : start + batch]
                u, i = chosen.users[some], chosen.items[some]
                queries, keys = self.user_tower_(u, _rows(of_users, u)), self.item_tower_(i, _rows(of_items, i))
                if self.loss == "info_nce":
                    q = frequencies[i] if self.correct else None
                    loss = in_batch_softmax_loss(queries, keys, temperature=heat, items=i, probabilities=q)
                else:
                    j = _not_chosen(u, chosen.n_items, known, rng)
                    others = self.item_tower_(j, _rows(of_items, j))
                    scale = 1 / heat
                    loss = bpr_loss((queries * keys).sum(axis=1) * scale, (queries * others).sum(axis=1) * scale)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                self.losses_[epoch] += loss.item() * len(some) / len(order)
        with no_grad():
            self.user_vectors_: Vectors = self.user_tower_(np.arange(chosen.n_users), of_users).data
            self.item_vectors_: Vectors = self.item_tower_(np.arange(chosen.n_items), of_items).data
        return self

    def encode_users(self, features: npt.ArrayLike) -> Vectors:
        """Vectors of users by their features alone, also of new ones, shape (n, n_factors).

        Raises:
            NotFittedError: Before `fit`.
            RangeError: The users have rows of their own, which new ones do not.
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        return self._encode("user_tower_", features)

    def encode_items(self, features: npt.ArrayLike) -> Vectors:
        """Vectors of items by their features alone, as `encode_users` has those of users."""
        return self._encode("item_tower_", features)

    def recommend(self, user: int, n: int = 10, exclude: npt.ArrayLike = ()) -> tuple[Numbers, Vectors]:
        """The items with the highest scores for a user, best first; of equal ones the lower number.

        Args:
            user: A user of `fit`.
            n: How many; fewer where there are fewer.
            exclude: Items to leave out, such as those the user has chosen.

        Returns:
            Items, and their cosines to the user.

        Raises:
            NotFittedError: Before `fit`.
            RangeError: The user is unknown or `n` less than 1.
        """
        if not hasattr(self, "item_vectors_"):
            raise NotFittedError("this TwoTower is not fitted yet: call fit first")
        if not 0 <= user < len(self.user_vectors_):
            raise RangeError(f"user must be from 0 to {len(self.user_vectors_) - 1}, got {user}")
        left_out = np.unique(np.asarray(exclude, dtype=np.int64))
        wanted = positive_int(n, "n") + len(left_out)
        found, scores = search(self.user_vectors_[[user]], self.item_vectors_, wanted, metric="dot")
        kept = ~np.isin(found[0], left_out)
        return found[0, kept][:n], scores[0, kept][:n]

    def _tower(self, count: int, features: Vectors | None, rng: np.random.Generator) -> Tower:
        return Tower(
            self.n_factors,
            count=count if self.use_ids else 0,
            features=0 if features is None else features.shape[1],
            hidden=self.hidden,
            rng=rng,
        )

    def _encode(self, name: str, features: npt.ArrayLike) -> Vectors:
        if not hasattr(self, name):
            raise NotFittedError("this TwoTower is not fitted yet: call fit first")
        tower: Tower = getattr(self, name)
        if tower.table is not None:
            raise RangeError(
                "rows of their own were learned beside the features: fit with use_ids=False to place others"
            )
        rows = as_matrix(features, "features", dtype=np.float32)
        with no_grad():
            vectors: Vectors = tower(np.zeros(len(rows), int), rows).data
        return vectors


def _features(values: npt.ArrayLike | None, name: str) -> Vectors | None:
    return None if values is None else as_matrix(values, name, dtype=np.float32)


def _rows(features: Vectors | None, numbers: Numbers) -> Vectors | None:
    return None if features is None else features[numbers]


def _interactions(
    users: npt.ArrayLike, items: npt.ArrayLike, of_users: Vectors | None, of_items: Vectors | None
) -> _Interactions:
    held, counts = [], []
    for values, name, features in ((users, "users", of_users), (items, "items", of_items)):
        numbers = np.asarray(values)
        if numbers.ndim != 1:
            raise ShapeError(f"{name} must be a vector, got shape {numbers.shape}")
        if numbers.size == 0:
            raise EmptyInputError(f"{name} is empty")
        if numbers.dtype.kind not in "iu":
            raise DtypeError(f"{name} must hold whole numbers, got dtype {numbers.dtype}")
        count = int(numbers.max()) + 1 if features is None else len(features)
        if int(numbers.min()) < 0 or int(numbers.max()) >= count:
            raise RangeError(f"{name} holds numbers from {numbers.min()} to {numbers.max()}, there are {count}")
        held.append(numbers.astype(np.int64))
        counts.append(count)
    if len(held[0]) != len(held[1]):
        raise ShapeError(f"{len(held[0])} users for {len(held[1])} items")
    return _Interactions(held[0], held[1], counts[0], counts[1])


def _not_chosen(users: Numbers, n_items: int, known: Numbers, rng: np.random.Generator) -> Numbers:
    """An item for each user, drawn from those not chosen; whoever has chosen nearly all may get a chosen one."""
    items = rng.integers(0, n_items, len(users))
    for _ in range(20):
        keys = users * n_items + items
        places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        again = np.flatnonzero(known[places] == keys)
        if not again.size:
            break
        items[again] = rng.integers(0, n_items, len(again))
    return items
