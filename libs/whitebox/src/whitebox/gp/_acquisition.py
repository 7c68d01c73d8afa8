"""What a next evaluation promises, for an objective that is to be as small as possible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox import _normal
from whitebox._validation import Array, as_array, number_in
from whitebox.errors import RangeError, ShapeError


def expected_improvement(mean: npt.ArrayLike, std: npt.ArrayLike, best: float, xi: float = 0.0) -> Array:
    r"""By how much a normal prediction is expected to fall below the best value so far.

    .. math:: \mathrm{EI} = E \max(f^* - \xi - f, 0) = (f^* - \xi - \mu)\, \Phi(u) + \sigma \varphi(u), \qquad
              u = \frac{f^* - \xi - \mu}{\sigma}

    (Jones, Schonlau, Welch: Efficient Global Optimization of Expensive Black-Box Functions, 1998, equation 15.) Where
    σ = 0 it is :math:`\max(f^* - \xi - \mu, 0)`. O(m).

    Args:
        mean: μ, any shape.
        std: σ, not negative, of the same shape.
        best: f*, the smallest value so far.
        xi: ξ, how much of an improvement is none yet.

    Raises:
        RangeError: for a negative σ, or a best or ξ that is not finite.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> expected_improvement([0.0, 0.0], [1.0, 0.0], best=0.0).round(4).tolist()
    [0.3989, 0.0]
    """
    gain, spread, u = _standardised(mean, std, best, xi)
    expected: Array = np.where(spread > 0, gain * _normal.cdf(u) + spread * _normal.pdf(u), np.maximum(gain, 0.0))
    # Far above the best both terms cancel, down to rounding.
    return np.maximum(expected, 0.0)


def probability_of_improvement(mean: npt.ArrayLike, std: npt.ArrayLike, best: float, xi: float = 0.0) -> Array:
    r"""How probable it is that a normal prediction falls below the best value so far.

    .. math:: \mathrm{PI} = \Phi\left(\frac{f^* - \xi - \mu}{\sigma}\right)

    (Kushner 1964.) O(m).

    Args:
        mean: μ, any shape.
        std: σ, not negative, of the same shape.
        best: f*, the smallest value so far.
        xi: ξ, how much of an improvement is none yet.

    Raises:
        RangeError: for a negative σ, or a best or ξ that is not finite.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> probability_of_improvement([0.0, 1.0], [1.0, 0.0], best=0.0).tolist()
    [0.5, 0.0]
    """
    gain, spread, u = _standardised(mean, std, best, xi)
    probability: Array = np.where(spread > 0, _normal.cdf(u), (gain > 0).astype(np.float64))
    return probability


def upper_confidence_bound(mean: npt.ArrayLike, std: npt.ArrayLike, kappa: float = 2.0) -> Array:
    r"""An optimist's view of the negative objective: :math:`\mathrm{UCB} = -\mu + \kappa \sigma`.

    (Srinivas, Krause, Kakade, Seeger: Gaussian Process Optimization in the Bandit Setting, 2010, equation 6.) O(m).

    Args:
        mean: μ of the objective that is to be small, any shape.
        std: σ, not negative, of the same shape.
        kappa: κ, not negative: how much what is not known attracts.

    Raises:
        RangeError: for a negative σ or κ.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> upper_confidence_bound([1.0], [2.0], kappa=3.0).tolist()
    [5.0]
    """
    gain, spread, _ = _standardised(mean, std, 0.0, 0.0)
    return gain + number_in(kappa, "kappa", 0) * spread


def _standardised(mean: npt.ArrayLike, std: npt.ArrayLike, best: float, xi: float) -> tuple[Array, Array, Array]:
    """f* - ξ - μ, σ, and the one divided by the other, 0 where σ is."""
    centre, spread = as_array(mean, "mean"), as_array(std, "std")
    if centre.shape != spread.shape:
        raise ShapeError(f"mean has shape {centre.shape}, std has {spread.shape}")
    if (spread < 0).any():
        raise RangeError(f"std must not be negative, got {spread.min():g}")
    gain = number_in(best, "best") - number_in(xi, "xi") - centre
    with np.errstate(over="ignore"):
        return gain, spread, np.divide(gain, spread, out=np.zeros_like(gain), where=spread > 0)
