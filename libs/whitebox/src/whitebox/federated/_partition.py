"""How rows come to clients, alike or not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in, positive_int
from whitebox.errors import EmptyInputError, RangeError, ShapeError

Indices = npt.NDArray[np.intp]


def partition_evenly(rng: np.random.Generator, rows: int, clients: int) -> list[Indices]:
    """Deals rows out at random, so that all clients' are alike and their numbers differ by one at most. O(rows).

    Args:
        rng: Source of the order.
        rows: How many there are, at least as many as clients.
        clients: How many there are.

    Returns:
        Indices of each client's rows, rising.

    Raises:
        RangeError: if there are fewer rows than clients, or no clients.

    >>> [len(part) for part in partition_evenly(np.random.default_rng(0), 7, 3)]
    [3, 2, 2]
    """
    if positive_int(rows, "rows") < positive_int(clients, "clients"):
        raise RangeError(f"{rows} rows are too few for {clients} clients")
    return [np.sort(part) for part in np.array_split(rng.permutation(rows), clients)]


def partition_by_label(
    rng: np.random.Generator, y: npt.ArrayLike, clients: int, concentration: float = 0.5
) -> list[Indices]:
    r"""Deals each label's rows out unevenly, so that clients' labels differ: the usual non-IID benchmark.

    .. math:: (p_1, \dots, p_K) \sim \mathrm{Dirichlet}(\alpha, \dots, \alpha) \text{ for each label}

    (Hsu, Qi, Brown: Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification, 2019,
    as dealt by Li and others 2022.) α → ∞ makes clients alike, α → 0 gives each label to one client. A client that
    would go without rows gets one of the client that has most. O(rows + labels · clients).

    Args:
        rng: Source of shares and order.
        y: Labels, shape (n,), at least as many as clients.
        clients: K.
        concentration: α, positive.

    Returns:
        Indices of each client's rows, rising.

    Raises:
        RangeError: if there are fewer rows than clients, no clients, or α is not positive.
        ShapeError, EmptyInputError: if y is no vector, or empty.

    >>> parts = partition_by_label(np.random.default_rng(0), [0, 0, 0, 0, 1, 1, 1, 1], 2, concentration=0.01)
    >>> [part.tolist() for part in parts]
    [[0, 1, 2, 3], [4, 5, 6, 7]]
    """
    labels = np.asarray(y)
    if labels.ndim != 1:
        raise ShapeError(f"y must be a vector, got shape {labels.shape}")
    if len(labels) == 0:
        raise EmptyInputError("y is empty")
    if len(labels) < positive_int(clients, "clients"):
        raise RangeError(f"{len(labels)} rows are too few for {clients} clients")
    alpha = number_in(concentration, "concentration", 0, open_low=True)
    owner = np.empty(len(labels), dtype=np.intp)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        shares = rng.dirichlet(np.full(clients, alpha))
        # A very small α makes NumPy's shares 0 / 0: the whole label is one client's then.
        shares = shares if np.isfinite(shares).all() else np.eye(clients)[rng.integers(clients)]
        cuts = np.rint(np.cumsum(shares)[:-1] * len(rows)).astype(np.intp)
        for client, part in enumerate(np.split(rows, cuts)):
            owner[part] = client
    for client in range(clients):
        if not (owner == client).any():
            richest = int(np.bincount(owner, minlength=clients).argmax())
            owner[rng.choice(np.flatnonzero(owner == richest))] = client
    return [np.flatnonzero(owner == client) for client in range(clients)]
