"""From logits to the next token: what is left to choose from, and the choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in, positive_int
from whitebox.errors import NotFiniteError, RangeError, ShapeError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sampling:
    r"""How a token is drawn. The steps are applied in this order; by default nothing is changed.

    Attributes:
        temperature: Logits are divided by it; 0 takes the most probable token.
        top_k: Only that many of the most probable tokens stay (Fan et al. 2018).
        top_p: Of the rest, the fewest most probable tokens whose probabilities reach this sum stay (nucleus sampling:
            Holtzman et al. 2020).
        min_p: Of the rest, tokens stay that are at least so probable, in units of the most probable one (Nguyen et al.
            2024).
        repetition_penalty: Logits of tokens that occurred are divided by it where positive and multiplied where
            negative (Keskar et al. 2019), before the temperature.

    >>> Sampling(top_k=1).probabilities([1.0, 3.0, 2.0]).tolist()
    [0.0, 1.0, 0.0]
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        number_in(self.temperature, "temperature", 0)
        if self.top_k is not None:
            positive_int(self.top_k, "top_k")
        number_in(self.top_p, "top_p", 0, 1, open_low=True)
        number_in(self.min_p, "min_p", 0, 1)
        number_in(self.repetition_penalty, "repetition_penalty", 0, open_low=True)

    def probabilities(self, logits: npt.ArrayLike, seen: Sequence[int] = ()) -> Array:
        """The distribution from which a token is drawn.

        Args:
            logits: Shape (vocabulary,).
            seen: Tokens so far, for the repetition penalty.

        Returns:
            Shape (vocabulary,), summing to 1.

        Raises:
            ShapeError: The logits are no vector.
            NotFiniteError: A logit is NaN or plus infinity, or all are minus infinity.
            RangeError: A token that was seen is none.
        """
        z = np.array(logits, dtype=np.float64)
        if z.ndim != 1 or not z.size:
            raise ShapeError(f"logits must be a vector, got shape {z.shape}")
        if np.isnan(z).any() or z.max() in (np.inf, -np.inf):
            raise NotFiniteError("logits hold NaN or plus infinity, or none is finite")
        if self.repetition_penalty != 1 and len(seen):
            again = np.unique(np.asarray(seen))
            if again[0] < 0 or again[-1] >= z.size:
                raise RangeError(f"tokens seen must be 0 to {z.size - 1}, got {again[0]} to {again[-1]}")
            penalty = self.repetition_penalty
            z[again] = np.where(z[again] > 0, z[again] / penalty, z[again] * penalty)
        if self.temperature == 0:
            certain = np.zeros_like(z)
            certain[z.argmax()] = 1.0
            return certain
        z /= self.temperature
        if self.top_k is not None and self.top_k < z.size:
            # Exactly k stay, of equals the first.
            z[np.argsort(-z, kind="stable")[self.top_k :]] = -np.inf
        p: Array = np.exp(z - z.max())
        p /= p.sum()
        if self.top_p < 1:
            order = np.argsort(-p, kind="stable")
            before = np.cumsum(p[order]) - p[order]
            # The token that crosses the sum still belongs.
            p[order[before >= self.top_p]] = 0
        if self.min_p > 0:
            p[p < self.min_p * p.max()] = 0
        p /= p.sum()
        return p

    def draw(self, logits: npt.ArrayLike, uniform: float, seen: Sequence[int] = ()) -> int:
        """The token at a place of the cumulative distribution.

        Args:
            logits: Shape (vocabulary,).
            uniform: Drawn from [0, 1) by the caller, so that the same draws give the same text.
            seen: As in `probabilities`.
        """
        return draw_from(self.probabilities(logits, seen), uniform)


GREEDY = Sampling(temperature=0.0)


def draw_from(probabilities: npt.NDArray[Any], uniform: float) -> int:
    """The index at which the cumulative probabilities pass a number from [0, 1); one of probability 0 is never drawn.

    >>> draw_from(np.array([0.25, 0.0, 0.75]), 0.25)
    2
    """
    total = np.cumsum(probabilities)
    place = int(np.searchsorted(total, uniform * total[-1], side="right"))
    # Rounding may leave the last sum just below the number.
    return min(place, int(np.flatnonzero(probabilities)[-1]))


def log_probabilities(logits: npt.ArrayLike, tokens: npt.ArrayLike) -> Array:
    r"""Log-probabilities of given tokens, :math:`z_t - \log \sum_j e^{z_j}`.

    Args:
        logits: Shape (n, vocabulary).
        tokens: Shape (n,).

    Returns:
        Shape (n,).

    Raises:
        ShapeError: The shapes do not fit.

    >>> log_probabilities([[0.0, 0.0]], [1]).round(4).tolist()
    [-0.6931]
    """
    z, chosen = np.asarray(logits, dtype=np.float64), np.asarray(tokens)
    if z.ndim != 2 or chosen.shape != z.shape[:1]:
        raise ShapeError(f"logits (n, vocabulary) and tokens (n,) do not fit: {z.shape}, {chosen.shape}")
    largest = z.max(axis=1)
    total = np.log(np.exp(z - largest[:, None]).sum(axis=1)) + largest
    picked: Array = z[np.arange(len(z)), chosen] - total
    return picked
