"""Rounds of federated training, with clients that are slow or do not reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.errors import BudgetExhaustedError, EmptyInputError, RangeError
from whitebox.federated._client import Client, LocalTraining
from whitebox.federated._server import Server
from whitebox.privacy import poisson_sample


@dataclass(frozen=True)
class Availability:
    """What goes wrong at clients that are asked.

    Args:
        dropout: Probability that one does not reply.
        stragglers: Probability that one that replies is slow, and sends what it has when the round ends.
        straggler_steps: Local steps that a slow one gets done.

    Raises:
        RangeError: for an argument out of its range.

    >>> Availability(dropout=0.2).stragglers
    0.0
    """

    dropout: float = 0.0
    stragglers: float = 0.0
    straggler_steps: int = 1

    def __post_init__(self) -> None:
        number_in(self.dropout, "dropout", 0, 1)
        number_in(self.stragglers, "stragglers", 0, 1)
        positive_int(self.straggler_steps, "straggler_steps")


class Round(NamedTuple):
    """What happened in a round.

    Attributes:
        number: From 1.
        parameters: The server's after it, shape (p,).
        asked: Indices of the clients that were asked.
        replied: Indices of those that replied.
        epsilon: Privacy spent so far; None where none is promised.
    """

    number: int
    parameters: Array
    asked: npt.NDArray[np.intp]
    replied: npt.NDArray[np.intp]
    epsilon: float | None


def train(
    server: Server,
    clients: Sequence[Client],
    rounds: int,
    rng: np.random.Generator,
    *,
    training: LocalTraining | None = None,
    availability: Availability | None = None,
    when_exhausted: Literal["raise", "stop"] = "raise",
) -> list[Round]:
    r"""Asks clients for updates and combines them, round after round: federated averaging.

    In each round every client is asked with the server's probability, on its own; it trains on its rows from the
    server's parameters on, and the server sees its update alone (McMahan and others 2017, algorithm 1). With one local
    step, all clients and `weighted_average` this is gradient descent on all rows together. With more it goes faster,
    and where clients differ not quite to the same place. O(rounds · clients · local training).

    Args:
        server: Its parameters are moved.
        clients: Each with rows of its own.
        rounds: How many at most.
        rng: Source of everything random.
        training: What clients do; `LocalTraining()` by default.
        availability: What goes wrong; nothing by default.
        when_exhausted: Where a budget of privacy is spent, "raise" gives the error on, "stop" ends the training with
            the rounds so far. It never goes on without noise.

    Raises:
        EmptyInputError: if there are no clients.
        BudgetExhaustedError: if a budget is spent and `when_exhausted` is "raise".
        RangeError: for an argument out of its range.
        ShapeError, NotFiniteError: if updates do not fit the server, or have grown beyond all numbers.

    >>> from whitebox.federated import LeastSquares
    >>> clients = [Client([[1.0]], [2.0], LeastSquares()), Client([[2.0]], [2.0], LeastSquares())]
    >>> server = Server([0.0])
    >>> history = train(server, clients, 100, np.random.default_rng(0))
    >>> server.parameters.round(6).tolist(), len(history)
    ([1.2], 100)
    """
    if len(clients) == 0:
        raise EmptyInputError("there are no clients to train with")
    if when_exhausted not in ("raise", "stop"):
        raise RangeError(f"when_exhausted must be 'raise' or 'stop', got {when_exhausted!r}")
    plan = training or LocalTraining()
    trouble = availability or Availability()
    hurried = replace(plan, steps=min(plan.steps, trouble.straggler_steps))
    history: list[Round] = []
    for number in range(1, positive_int(rounds, "rounds") + 1):
        asked = poisson_sample(rng, len(clients), server.sampling_rate)
        replied = asked[rng.random(len(asked)) >= trouble.dropout]
        slow = rng.random(len(replied)) < trouble.stragglers
        try:
            updates = [
                clients[index].update(server.parameters, hurried if late else plan, rng)
                for index, late in zip(replied.tolist(), slow.tolist(), strict=True)
            ]
            parameters = server.combine(updates, rng)
        except BudgetExhaustedError:
            if when_exhausted == "raise":
                raise
            break
        history.append(Round(number, parameters, asked, replied, server.epsilon))
    return history
