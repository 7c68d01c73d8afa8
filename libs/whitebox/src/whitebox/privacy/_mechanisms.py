"""Mechanisms: how a value is released so that no single person's data show.

None looks at data to find its sensitivity: the caller declares it. Each books its event with the accountant, where one
is given, before it draws anything.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector, number_in, positive_int
from whitebox.errors import DtypeError, RangeError
from whitebox.privacy._accountant import Accountant, GaussianEvent, LaplaceEvent, PureEvent
from whitebox.privacy._discrete import Integers, draw_laplace, rate_below
from whitebox.privacy._gaussian import gaussian_sigma

# Laplace noise lies on a grid of the scale times 2^-30: fine enough for every use, coarse enough for 64 bits.
_GRID_BITS = 30


def laplace_mechanism(
    rng: np.random.Generator,
    value: npt.ArrayLike,
    sensitivity: float,
    epsilon: float,
    *,
    accountant: Accountant | None = None,
) -> Array:
    r"""Adds Laplace noise, which makes a value ε-private.

    .. math:: p(z \mid v) = \frac{1}{2b} e^{-|z - v| / b}, \qquad b = \frac{\Delta_1}{\varepsilon}

    (Dwork, McSherry, Nissim, Smith 2006, proposition 1.) Value and noise lie on a grid 2^30 times finer than the scale,
    and the noise is drawn there exactly, in whole numbers (`discrete_laplace`); rounding to the grid counts as
    sensitivity. So the digits of the result betray nothing, as those of floating-point noise do (Mironov 2012).
    O(size).

    Args:
        rng: Source of the noise. NumPy's generators are statistical, not cryptographic: keep the seed secret.
        value: Any shape.
        sensitivity: Δ₁, the most that the value changes between neighbouring data, absolute changes of all entries
            added up. From declared bounds, never from the data.
        epsilon: ε, positive.
        accountant: Books the release first.

    Returns:
        In the value's shape.

    Raises:
        RangeError: if sensitivity or ε are not positive, or the value is 2^32 times larger than the scale.
        BudgetExhaustedError: if the accountant refuses; nothing is drawn then.
        DtypeError, NotFiniteError, EmptyInputError: for a value that is none.

    >>> rng = np.random.default_rng(0)
    >>> noisy = laplace_mechanism(rng, np.zeros(1000), sensitivity=1.0, epsilon=0.5)
    >>> bool(abs(np.abs(noisy).mean() - 2.0) < 0.2)
    True
    """
    exact = as_array(value, "value")
    bound = number_in(sensitivity, "sensitivity", 0, open_low=True)
    scale = bound / number_in(epsilon, "epsilon", 0, open_low=True)
    step = 2.0 ** (math.frexp(scale)[1] - _GRID_BITS)
    if np.abs(exact).max() >= step * 2.0**62:
        raise RangeError(f"value reaches {np.abs(exact).max():g}, too far above the noise's scale of {scale:g}")
    if accountant is not None:
        # On the grid the curve is the continuous one's but for the square of step over scale, 2^-60.
        accountant.spend(LaplaceEvent(1 / epsilon))
    # Rounding moves each entry by half a step at most, so two neighbouring entries move a step further apart.
    width = math.ceil((bound + exact.size * step) / (epsilon * step))
    noise = draw_laplace(rng, 1, width, exact.shape)
    noisy: Array = ((np.rint(exact / step).astype(np.int64) + noise) * step).astype(np.float64)
    return noisy


def gaussian_mechanism(
    rng: np.random.Generator,
    value: npt.ArrayLike,
    sensitivity: float,
    epsilon: float,
    delta: float,
    *,
    accountant: Accountant | None = None,
) -> Array:
    r"""Adds normal noise, which makes a value (ε, δ)-private.

    .. math:: z = v + \mathcal{N}(0, \sigma^2 I)

    with the least σ that does, `gaussian_sigma` (Balle, Wang 2018). O(size).

    The noise is floating-point: an adversary who sees all digits of the result can learn more than δ allows (Mironov
    2012; Jin and others 2022). Round what you publish, or count and use `discrete_gaussian`.

    Args:
        rng: Source of the noise; see `laplace_mechanism`.
        value: Any shape.
        sensitivity: Δ₂, the most that the value changes between neighbouring data, as a Euclidean length. From declared
            bounds, never from the data.
        epsilon: ε, positive.
        delta: δ, above 0 and below 1.
        accountant: Books the release first, by its noise.

    Returns:
        In the value's shape.

    Raises:
        RangeError: for an argument out of its range.
        BudgetExhaustedError: if the accountant refuses; nothing is drawn then.
        DtypeError, NotFiniteError, EmptyInputError: for a value that is none.

    >>> rng = np.random.default_rng(0)
    >>> noisy = gaussian_mechanism(rng, np.zeros(1000), sensitivity=1.0, epsilon=1.0, delta=1e-5)
    >>> bool(abs(noisy.std() - 3.73) < 0.3)
    True
    """
    exact = as_array(value, "value")
    number_in(epsilon, "epsilon", 0, open_low=True)
    sigma = gaussian_sigma(epsilon, delta, sensitivity)
    if accountant is not None:
        accountant.spend(GaussianEvent(sigma / sensitivity))
    noisy: Array = exact + rng.normal(0.0, sigma, exact.shape)
    return noisy


def geometric_mechanism(
    rng: np.random.Generator,
    value: npt.ArrayLike,
    sensitivity: int,
    epsilon: float,
    *,
    accountant: Accountant | None = None,
) -> Integers:
    r"""Adds discrete Laplace noise to whole numbers, which makes them ε-private and leaves them whole.

    .. math:: P(z \mid v) \propto e^{-\varepsilon |z - v| / \Delta_1}

    (Ghosh, Roughgarden, Sundararajan 2009, the best there is for counts; drawn exactly by `discrete_laplace`.) O(size).

    Args:
        rng: Source of the noise; see `laplace_mechanism`.
        value: Whole numbers, any shape.
        sensitivity: Δ₁, whole.
        epsilon: ε, positive.
        accountant: Books the release first.

    Returns:
        Whole numbers in the value's shape.

    Raises:
        RangeError: if sensitivity or ε are out of range.
        BudgetExhaustedError: if the accountant refuses; nothing is drawn then.
        DtypeError: if the value is not whole.

    >>> geometric_mechanism(np.random.default_rng(0), [10, 20], sensitivity=1, epsilon=50.0).tolist()
    [10, 20]
    """
    exact = np.asarray(value)
    if exact.dtype.kind not in "iu":
        raise DtypeError(f"value must hold whole numbers, got dtype {exact.dtype}")
    epsilon = number_in(epsilon, "epsilon", 0, open_low=True)
    s, t = rate_below(epsilon / positive_int(sensitivity, "sensitivity"))
    if accountant is not None:
        accountant.spend(PureEvent(epsilon))
    return exact + draw_laplace(rng, s, t, exact.shape)


def exponential_mechanism(
    rng: np.random.Generator,
    utilities: npt.ArrayLike,
    sensitivity: float,
    epsilon: float,
    *,
    accountant: Accountant | None = None,
) -> int:
    r"""Chooses an option, better ones more probably, which is ε-private.

    .. math:: P(i) \propto \exp \frac{\varepsilon u_i}{2 \Delta}

    (McSherry, Talwar: Mechanism Design via Differential Privacy, FOCS 2007.) Drawn as the largest of
    :math:`\varepsilon u_i / 2\Delta` plus Gumbel noise, in which nothing overflows. O(options).

    Args:
        rng: Source of the draw.
        utilities: How good each option is, shape (m,).
        sensitivity: Δ, the most that any option's utility changes between neighbouring data.
        epsilon: ε, positive.
        accountant: Books the choice first.

    Returns:
        The option's index.

    Raises:
        RangeError: if sensitivity or ε are not positive.
        BudgetExhaustedError: if the accountant refuses; nothing is drawn then.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for utilities that are none.

    >>> exponential_mechanism(np.random.default_rng(0), [0.0, 50.0, 10.0], sensitivity=1.0, epsilon=2.0)
    1
    """
    utility = as_vector(utilities, "utilities")
    epsilon = number_in(epsilon, "epsilon", 0, open_low=True)
    bound = number_in(sensitivity, "sensitivity", 0, open_low=True)
    if accountant is not None:
        accountant.spend(PureEvent(epsilon))
    return int(np.argmax(epsilon / (2 * bound) * utility + rng.gumbel(size=utility.shape)))


def randomized_response(
    rng: np.random.Generator, answers: npt.ArrayLike, epsilon: float, categories: int = 2
) -> npt.NDArray[np.int64]:
    r"""Each answer as it is with probability :math:`e^\varepsilon / (e^\varepsilon + k - 1)`, else one of the others.

    ε-private for each person, with nobody to trust (Warner 1965; for k categories Kairouz, Bonawitz, Ramage 2016).
    O(n).

    Args:
        rng: Source of the draws.
        answers: Whole numbers from 0 to k - 1, shape (n,).
        epsilon: ε, positive.
        categories: k, at least 2.

    Returns:
        What is reported, shape (n,).

    Raises:
        RangeError: if ε is not positive, k less than 2, or an answer out of range.
        DtypeError: if answers are not whole numbers.

    >>> reports = randomized_response(np.random.default_rng(0), [1] * 1000, epsilon=1.0)
    >>> bool(abs(reports.mean() - 0.731) < 0.05)
    True
    """
    told = _categories(answers, "answers", categories)
    power = math.exp(-number_in(epsilon, "epsilon", 0, open_low=True))
    lies = rng.random(len(told)) < (categories - 1) * power / (1 + (categories - 1) * power)
    others: npt.NDArray[np.int64] = (told + rng.integers(1, categories, len(told))) % categories
    return np.where(lies, others, told)


def randomized_response_frequencies(reports: npt.ArrayLike, epsilon: float, categories: int = 2) -> Array:
    r"""The shares of the true answers, without bias, from what `randomized_response` reports.

    .. math:: \hat f = \frac{r - q}{p - q}, \qquad p = \frac{e^\varepsilon}{e^\varepsilon + k - 1}, \quad
              q = \frac{1}{e^\varepsilon + k - 1}

    where r are the reported shares. They sum to 1 and may be negative. O(n).

    Args:
        reports: Whole numbers from 0 to k - 1, shape (n,).
        epsilon: ε with which they were reported.
        categories: k, at least 2.

    Returns:
        Shape (k,).

    Raises:
        RangeError, DtypeError: as `randomized_response`.

    >>> randomized_response_frequencies([0, 1, 1, 1], epsilon=100.0).round(3).tolist()
    [0.25, 0.75]
    """
    told = _categories(reports, "reports", categories)
    power = math.exp(-number_in(epsilon, "epsilon", 0, open_low=True))
    p = 1 / (1 + (categories - 1) * power)
    q = p * power
    shares: Array = (np.bincount(told, minlength=categories) / len(told) - q) / (p - q)
    return shares


def _categories(values: npt.ArrayLike, name: str, categories: int) -> npt.NDArray[np.int64]:
    if positive_int(categories, "categories") < 2:
        raise RangeError("categories must be at least 2")
    told = as_vector(values, name)
    if (told != np.floor(told)).any():
        raise DtypeError(f"{name} must hold whole numbers")
    if told.min() < 0 or told.max() >= categories:
        raise RangeError(f"{name} must lie from 0 to {categories - 1}")
    return told.astype(np.int64)
