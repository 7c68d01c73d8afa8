"""A budget of privacy that is asked before anything is released."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.errors import BudgetExhaustedError
from whitebox.privacy._gaussian import least
from whitebox.privacy._renyi import (
    DEFAULT_ORDERS,
    _delta,
    _orders,
    rdp_gaussian,
    rdp_laplace,
    rdp_pure,
    rdp_subsampled_gaussian,
    rdp_to_epsilon,
)

# Sums of so many ε may differ from the budget in their last digits, and are not refused for that.
_ROUNDING = 1e-12


class Event(Protocol):
    """A release of something that depends on private data."""

    def rdp(self, orders: npt.ArrayLike) -> Array:
        """Its Rényi curve, shape (orders,)."""
        ...


@dataclass(frozen=True)
class GaussianEvent:
    """A release with normal noise; see `rdp_gaussian`.

    Args:
        noise_multiplier: Standard deviation over sensitivity.

    >>> GaussianEvent(2.0).rdp([2.0]).tolist()
    [0.25]
    """

    noise_multiplier: float

    def rdp(self, orders: npt.ArrayLike) -> Array:
        """Its Rényi curve, shape (orders,)."""
        return rdp_gaussian(self.noise_multiplier, orders)


@dataclass(frozen=True)
class LaplaceEvent:
    """A release with Laplace noise; see `rdp_laplace`.

    Args:
        noise_multiplier: Scale over sensitivity.

    >>> LaplaceEvent(2.0).rdp([np.inf]).tolist()
    [0.5]
    """

    noise_multiplier: float

    def rdp(self, orders: npt.ArrayLike) -> Array:
        """Its Rényi curve, shape (orders,)."""
        return rdp_laplace(self.noise_multiplier, orders)


@dataclass(frozen=True)
class PureEvent:
    """Any release that is ε-differentially private; see `rdp_pure`.

    Args:
        epsilon: ε.

    >>> PureEvent(0.5).rdp([np.inf]).tolist()
    [0.5]
    """

    epsilon: float

    def rdp(self, orders: npt.ArrayLike) -> Array:
        """Its Rényi curve, shape (orders,)."""
        return rdp_pure(self.epsilon, orders)


@dataclass(frozen=True)
class SubsampledGaussianEvent:
    """A release with normal noise about a Poisson sample; see `rdp_subsampled_gaussian`.

    Args:
        noise_multiplier: Standard deviation over the bound on a row's length.
        sampling_rate: Probability with which a row is in the sample.

    >>> SubsampledGaussianEvent(1.0, 0.01).rdp([2.0]).round(6).tolist()
    [0.000172]
    """

    noise_multiplier: float
    sampling_rate: float

    def rdp(self, orders: npt.ArrayLike) -> Array:
        """Its Rényi curve, shape (orders,)."""
        return rdp_subsampled_gaussian(self.noise_multiplier, self.sampling_rate, orders)


@dataclass(frozen=True)
class ComposedEvent:
    """Several releases that are allowed or refused together.

    Args:
        events: The releases, one at least.

    >>> ComposedEvent((PureEvent(0.5), LaplaceEvent(2.0))).rdp([np.inf]).tolist()
    [1.0]
    """

    events: tuple[Event, ...]

    def rdp(self, orders: npt.ArrayLike) -> Array:
        """The sum of their Rényi curves, shape (orders,)."""
        total: Array = np.sum([event.rdp(orders) for event in self.events], axis=0)
        return total


class Accountant:
    r"""Adds up the Rényi curves of releases, and refuses the one that would overspend.

    .. math:: \varepsilon_{\text{total}}(\alpha) = \sum_i \varepsilon_i(\alpha)

    (Mironov 2017, proposition 1), which holds for releases chosen one after the other, in knowledge of the earlier
    ones, as long as the budget is fixed beforehand (Feldman, Zrnic 2021). `rdp_to_epsilon` turns the sum into (ε, δ).
    With α = ∞ among the orders, pure mechanisms add up their ε, and δ may be 0.

    Args:
        epsilon: ε that may be spent, positive.
        delta: δ that may be spent, from 0 and below 1; smaller than 1 over the number of people.
        orders: Orders α at which the curves are kept, shape (m,).

    Raises:
        RangeError: for an argument out of its range.

    >>> accountant = Accountant(epsilon=1.0, delta=0.0)
    >>> accountant.spend(LaplaceEvent(1.25))
    >>> accountant.spent, round(accountant.remaining, 2)
    (0.8, 0.2)
    >>> accountant.spend(LaplaceEvent(1.25))
    Traceback (most recent call last):
    ...
    whitebox.errors.BudgetExhaustedError: this would spend epsilon = 1.6 of 1 at delta = 0; 0.8 is spent
    """

    def __init__(self, epsilon: float, delta: float, orders: npt.ArrayLike = DEFAULT_ORDERS) -> None:
        self.epsilon = number_in(epsilon, "epsilon", 0, open_low=True)
        self.delta = _delta(delta)
        self.orders = _orders(orders)
        self._rdp = np.zeros(self.orders.shape)

    def __repr__(self) -> str:
        return f"Accountant(epsilon={self.epsilon:g}, delta={self.delta:g}, spent={self.spent:g})"

    @property
    def rdp(self) -> Array:
        """The curve of all releases so far, shape (m,); a copy."""
        return self._rdp.copy()

    @property
    def spent(self) -> float:
        """ε of all releases so far, at δ; 0 before the first."""
        return rdp_to_epsilon(self._rdp, self.delta, self.orders).epsilon if self._rdp.any() else 0.0

    @property
    def remaining(self) -> float:
        """The budget less what is spent; what a release costs on top is less than its own ε as a rule."""
        return max(0.0, self.epsilon - self.spent)

    def allows(self, event: Event, count: int = 1) -> bool:
        """Whether the budget covers so many more releases of a kind."""
        return self._after(event, count)[1] <= self.epsilon * (1 + _ROUNDING)

    def spend(self, event: Event, count: int = 1) -> None:
        """Books so many releases of a kind. To be called before their noise is drawn.

        Raises:
            BudgetExhaustedError: if they would overspend; nothing is booked then.
            RangeError: if the count is less than 1.
        """
        rdp, epsilon = self._after(event, count)
        if not epsilon <= self.epsilon * (1 + _ROUNDING):
            raise BudgetExhaustedError(
                f"this would spend epsilon = {epsilon:.4g} of {self.epsilon:.4g} at delta = {self.delta:g}; "
                f"{self.spent:.4g} is spent"
            )
        self._rdp = rdp

    def _after(self, event: Event, count: int) -> tuple[Array, float]:
        rdp = self._rdp + positive_int(count, "count") * event.rdp(self.orders)
        return rdp, rdp_to_epsilon(rdp, self.delta, self.orders).epsilon


def noise_multiplier_for(
    epsilon: float, delta: float, steps: int, sampling_rate: float = 1.0, orders: npt.ArrayLike = DEFAULT_ORDERS
) -> float:
    r"""The least σ over the clipping bound with which so many noisy steps stay within (ε, δ) by this accountant.

    Bisection on σ, O(sum of the whole orders) a try.

    Args:
        epsilon: ε, positive.
        delta: δ, above 0 and below 1.
        steps: Number of releases.
        sampling_rate: Probability with which a row takes part in each.
        orders: As in `Accountant`.

    Raises:
        RangeError: for an argument out of its range, or if no noise is enough at these orders.

    >>> sigma = noise_multiplier_for(1.0, 1e-5, steps=100, sampling_rate=0.01)
    >>> accountant = Accountant(1.0, 1e-5)
    >>> accountant.spend(SubsampledGaussianEvent(sigma, 0.01), count=100)
    >>> 0.999 < accountant.spent <= 1.0
    True
    """
    number_in(epsilon, "epsilon", 0, open_low=True)
    number_in(delta, "delta", 0, 1, open_low=True)
    positive_int(steps, "steps")

    def within(sigma: float) -> bool:
        rdp = steps * rdp_subsampled_gaussian(sigma, sampling_rate, orders)
        return rdp_to_epsilon(rdp, delta, orders).epsilon <= epsilon

    return least(within, 1.0)
