"""Servers: they have the parameters, and see updates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.errors import RangeError
from whitebox.federated._aggregation import weighted_average
from whitebox.federated._client import Update
from whitebox.privacy import Accountant, noisy_gradient


class Server:
    """Replaces its parameters by what an aggregation makes of the updates.

    Args:
        parameters: To begin with, shape (p,).
        aggregate: From updates to parameters, such as `average` or `weighted_average`.
        sampling_rate: Probability with which each client is asked in a round.

    Raises:
        RangeError: if the rate is no probability, or 0.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable parameters.

    >>> server = Server([0.0])
    >>> server.combine([Update(np.array([1.0]), 1), Update(np.array([4.0]), 2)], np.random.default_rng(0)).tolist()
    [3.0]
    """

    def __init__(
        self,
        parameters: npt.ArrayLike,
        aggregate: Callable[[Sequence[Update]], Array] = weighted_average,
        *,
        sampling_rate: float = 1.0,
    ) -> None:
        self._parameters: Array = as_vector(parameters, "parameters").copy()
        self._aggregate = aggregate
        self.sampling_rate = number_in(sampling_rate, "sampling_rate", 0, 1, open_low=True)

    @property
    def parameters(self) -> Array:
        """As they are now, shape (p,); a copy."""
        return self._parameters.copy()

    @property
    def epsilon(self) -> float | None:
        """Privacy spent; None where none is promised."""
        return None

    def combine(self, updates: Sequence[Update], rng: np.random.Generator) -> Array:  # noqa: ARG002  # for noise
        """Takes updates in, and gives the new parameters; where nobody replied, the old ones.

        Args:
            updates: Of the clients that replied.
            rng: Source of noise, where the server adds any.

        Raises:
            ShapeError, NotFiniteError, RangeError: as the aggregation.
        """
        if updates:
            self._parameters = self._aggregate(updates)
        return self.parameters


class PrivateServer(Server):
    r"""Moves its parameters by a noisy mean of clipped moves, which hides each client.

    .. math:: w \leftarrow w + \frac{1}{q K} \Bigl( \sum_{k \text{ replied}} \mathrm{clip}_C(w_k - w)
              + \mathcal{N}(0, \sigma^2 C^2 I) \Bigr)

    (McMahan, Ramage, Talwar, Zhang: Learning Differentially Private Recurrent Language Models, ICLR 2018.) All clients
    count the same, and their expected number stands below the line, because how many rows a client has and how many
    replied are private too. Each round is booked before its noise is drawn, and rounds without a reply get noise as
    well; once the budget is spent `combine` raises and the parameters stay as they are. The server itself sees the
    updates: where it is not trusted, use `PrivateClient`, or sum them securely (Bonawitz and others 2017).

    Args:
        parameters: To begin with, shape (p,).
        clients: K, how many there are; public.
        accountant: Holds the budget.
        max_norm: C, positive.
        noise_multiplier: σ, positive.
        sampling_rate: q, above 0.

    Raises:
        RangeError: for an argument out of its range.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable parameters.

    >>> server = PrivateServer([0.0], clients=10_000, accountant=Accountant(5.0, 1e-5))
    >>> moved = server.combine([Update(np.array([0.5]), 1)] * 10_000, np.random.default_rng(0))
    >>> bool(abs(moved[0] - 0.5) < 1e-3), round(server.epsilon, 2)
    (True, 4.73)
    >>> server.combine([], np.random.default_rng(0))
    Traceback (most recent call last):
    ...
    whitebox.errors.BudgetExhaustedError: this would spend epsilon = 7.077 of 5 at delta = 1e-05; 4.729 is spent
    """

    def __init__(
        self,
        parameters: npt.ArrayLike,
        *,
        clients: int,
        accountant: Accountant,
        max_norm: float = 1.0,
        noise_multiplier: float = 1.0,
        sampling_rate: float = 1.0,
    ) -> None:
        super().__init__(parameters, sampling_rate=sampling_rate)
        self.accountant = accountant
        self._clients = positive_int(clients, "clients")
        self._max_norm = number_in(max_norm, "max_norm", 0, open_low=True)
        self._noise_multiplier = number_in(noise_multiplier, "noise_multiplier", 0, open_low=True)

    @property
    def epsilon(self) -> float:
        """ε spent so far, at the accountant's δ."""
        return self.accountant.spent

    def combine(self, updates: Sequence[Update], rng: np.random.Generator) -> Array:
        """Moves the parameters by the noisy mean of the updates' moves, and gives them.

        An update of the wrong length, or of numbers that are none, is left out: an error would tell about a client.

        Args:
            updates: Of the clients that replied; there may be none.
            rng: Source of the noise.

        Raises:
            BudgetExhaustedError: if the budget does not cover another round.
            RangeError: if there are more updates than clients.
        """
        if len(updates) > self._clients:
            raise RangeError(f"{len(updates)} updates from {self._clients} clients")
        usable = [
            update.parameters - self._parameters
            for update in updates
            if np.shape(update.parameters) == self._parameters.shape and np.isfinite(update.parameters).all()
        ]
        move = noisy_gradient(
            rng,
            np.array(usable).reshape(-1, len(self._parameters)),
            max_norm=self._max_norm,
            noise_multiplier=self._noise_multiplier,
            expected_rows=self.sampling_rate * self._clients,
            accountant=self.accountant,
            sampling_rate=self.sampling_rate,
        )
        self._parameters = self._parameters + move
        return self.parameters
