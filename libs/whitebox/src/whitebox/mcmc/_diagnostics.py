"""How well chains have mixed, and how many independent draws they are worth.

After Vehtari, Gelman, Simpson, Carpenter, Bürkner: Rank-Normalization, Folding, and Localization: An Improved R-hat for
Assessing Convergence of MCMC, Bayesian Analysis 16, 2021 ("V21" below).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from whitebox import _normal
from whitebox._validation import Array, as_array
from whitebox.errors import RangeError, ShapeError

# Halves of fewer draws have no variance.
_FEWEST = 4


def rank_normalise(chains: npt.ArrayLike) -> Array:
    r"""Replaces draws by the normal quantiles of their ranks among all draws of all chains.

    .. math:: z = \Phi^{-1}\left(\frac{r - 3/8}{S + 1/4}\right)

    (V21, equation 14, with Blom's offsets; equal draws share the mean of their ranks), which makes what follows work
    for heavy tails and for any monotone transformation. O(S log S).

    Args:
        chains: Shape (chains, draws), S numbers.

    Returns:
        Shape (chains, draws).

    Raises:
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> rank_normalise([[0.0, 1000.0], [1.0, 2.0]]).round(3).tolist()
    [[-1.049, 1.049], [-0.299, 0.299]]
    """
    values = as_array(chains, "chains")
    _, place, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - 0.5 * (counts - 1))[place]
    return _normal.ppf((ranks - 0.375) / (values.size + 0.25)).reshape(values.shape)


def autocovariance(chains: npt.ArrayLike) -> Array:
    r"""Autocovariance of each chain at every lag.

    .. math:: \gamma_t = \frac1n \sum_{i=1}^{n-t} (x_i - \bar x)(x_{i+t} - \bar x)

    for all t at once from the Fourier transform of the chain, padded with zeros against wrapping round. O(n log n).

    Args:
        chains: Shape (chains, draws).

    Returns:
        Shape (chains, draws): lags from 0 on.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> autocovariance([[1.0, -1.0, 1.0, -1.0]]).round(6).tolist()
    [[1.0, -0.75, 0.5, -0.25]]
    """
    values = _as_chains(chains, fewest=1)
    n = values.shape[1]
    spectrum = np.fft.rfft(values - values.mean(axis=1, keepdims=True), _fast_length(2 * n), axis=1)
    covariance: Array = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, _fast_length(2 * n), axis=1)[:, :n] / n
    return covariance


def ess(chains: npt.ArrayLike, method: Literal["bulk", "tail", "mean"] = "bulk") -> float | Array:
    r"""Effective sample size: how many independent draws would estimate as well.

    .. math:: S_\text{eff} = \frac{S}{\tau}, \qquad \tau = -1 + 2 \sum_{k=0}^{K} P_k, \qquad
              P_k = \rho_{2k} + \rho_{2k+1}, \qquad
              \rho_t = 1 - \frac{W - \tfrac1m \sum_j \gamma_{t,j}}{\widehat{\mathrm{var}}^+}

    for chains split in halves, with W and :math:`\widehat{\mathrm{var}}^+` as in `rhat` (V21, equations 10 to 13). The
    sum stops before the first pair that is not positive, and pairs that grow are cut to the one before (Geyer:
    Practical Markov Chain Monte Carlo, 1992: initial monotone sequence). No more than :math:`S \log_{10} S` is
    believed.

    Args:
        chains: Shape (chains, draws), at least 4 draws, or (chains, draws, d) for d unknowns.
        method: "bulk" after `rank_normalise`, for the centre of the distribution; "tail" the smaller of those of the
            5 % and 95 % quantiles, judged by which draws lie below them; "mean" of the draws as they are.

    Returns:
        A number, or shape (d,).

    Raises:
        RangeError: for an unknown method.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> draws = np.random.default_rng(0).normal(size=(4, 1000))
    >>> bool(3000 < ess(draws) < 5000), bool(ess(draws.cumsum(axis=1)) < 20)
    (True, True)
    """
    measures: dict[str, Callable[[Array], float]] = {
        "bulk": lambda x: _ess(rank_normalise(_split(x))),
        "tail": _tail_ess,
        "mean": lambda x: _ess(_split(x)),
    }
    if method not in measures:
        raise RangeError(f"method must be 'bulk', 'tail' or 'mean', got {method!r}")
    return _each(measures[method], chains)


def rhat(chains: npt.ArrayLike, method: Literal["rank", "split"] = "rank") -> float | Array:
    r"""How much wider all chains together are than each on its own; 1 when they have mixed, bad above 1.01.

    .. math:: \hat R = \sqrt{\frac{\widehat{\mathrm{var}}^+}{W}}, \qquad
              \widehat{\mathrm{var}}^+ = \frac{n-1}{n} W + \frac{B}{n}

    with W the mean of the chains' variances and B / n the variance of their means, for chains split in halves, so that
    one that drifts differs from itself (V21, equations 1 to 4).

    Args:
        chains: Shape (chains, draws), at least 4 draws, or (chains, draws, d) for d unknowns.
        method: "rank" the larger of those of the rank-normalised draws and of their distances to the median, which
            notices chains that agree in place and not in width (V21, section 4.1); "split" of the draws as they are.

    Returns:
        A number, or shape (d,).

    Raises:
        RangeError: for an unknown method.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> draws = np.random.default_rng(0).normal(size=(4, 1000))
    >>> bool(rhat(draws) < 1.01), bool(rhat(draws + [[0], [0], [0], [3]]) > 1.2)
    (True, True)
    """
    measures: dict[str, Callable[[Array], float]] = {"rank": _rank_rhat, "split": lambda x: _rhat(_split(x))}
    if method not in measures:
        raise RangeError(f"method must be 'rank' or 'split', got {method!r}")
    return _each(measures[method], chains)


def mcse(chains: npt.ArrayLike) -> float | Array:
    r"""Monte-Carlo standard error of the mean: :math:`s / \sqrt{S_\text{eff}}`, with the `ess` of the mean.

    Args:
        chains: Shape (chains, draws), at least 4 draws, or (chains, draws, d) for d unknowns.

    Returns:
        A number, or shape (d,).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> draws = np.random.default_rng(0).normal(size=(4, 2500))
    >>> bool(0.009 < mcse(draws) < 0.011)
    True
    """
    return _each(lambda x: float(x.std(ddof=1)) / math.sqrt(_ess(_split(x))), chains)


def _each(measure: Callable[[Array], float], chains: npt.ArrayLike) -> float | Array:
    """Of every unknown by itself."""
    if np.ndim(chains) == 3:
        values = as_array(chains, "chains")
        return np.array([measure(_as_chains(values[:, :, j])) for j in range(values.shape[2])])
    return measure(_as_chains(chains))


def _as_chains(chains: npt.ArrayLike, fewest: int = _FEWEST) -> Array:
    values = as_array(chains, "chains")
    if values.ndim != 2:
        raise ShapeError(f"chains must have shape (chains, draws) or (chains, draws, d), got {values.shape}")
    if values.shape[1] < fewest:
        raise ShapeError(f"chains need at least {fewest} draws each, got {values.shape[1]}")
    return values


def _split(chains: Array) -> Array:
    """Halves as chains of their own, without the draw in the middle where there is one."""
    half = chains.shape[1] // 2
    return np.concatenate([chains[:, :half], chains[:, -half:]])


def _within_and_total(chains: Array) -> tuple[float, float]:
    """W and var⁺."""
    n = chains.shape[1]
    # Measured from the first draw, chains that never move have no variance at all, not even by rounding.
    moved = chains - chains[:, :1]
    means = chains[:, 0] - chains[0, 0] + moved.mean(axis=1)
    within = float(moved.var(axis=1, ddof=1).mean())
    between = float(means.var(ddof=1)) if len(chains) > 1 else 0.0
    return within, within * (n - 1) / n + between


def _rhat(chains: Array) -> float:
    within, total = _within_and_total(chains)
    if within == 0:
        return 1.0 if total == 0 else math.inf
    return math.sqrt(total / within)


def _rank_rhat(chains: Array) -> float:
    halves = _split(chains)
    folded = np.abs(halves - np.median(halves))
    return max(_rhat(rank_normalise(halves)), _rhat(rank_normalise(folded)))


def _ess(chains: Array) -> float:
    """Of chains that are split already."""
    m, n = chains.shape
    within, total = _within_and_total(chains)
    if total == 0:
        return float(m * n)
    gamma = autocovariance(chains).mean(axis=0)
    rho = 1 - (within - gamma) / total
    rho[0] = 1.0
    # The last three lags rest on too few products to be told from chance.
    pairs = rho[: 2 * max(1, (n - 3) // 2)].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    stop = int(negative[0]) if negative.size else len(pairs)
    monotone = np.minimum.accumulate(pairs[:stop])
    tau = -1 + 2 * float(monotone.sum())
    # Geyer's sum ends with an odd lag. Adding the even lag that follows, where it is positive, keeps antithetic chains,
    # whose correlations alternate, from looking better than they are.
    if 2 * stop < n:
        tau += max(0.0, float(rho[2 * stop]))
    size = m * n
    return float(size / max(tau, 1 / math.log10(size)))


def _tail_ess(chains: Array) -> float:
    low, high = np.quantile(chains, [0.05, 0.95])
    return min(_ess(_split((chains <= bound).astype(float))) for bound in (low, high))


def _fast_length(n: int) -> int:
    """The smallest 2^a, 3 · 2^a or 5 · 2^a that is at least n: such transforms are the fastest."""
    power = 1 << max(0, n - 1).bit_length()
    return min(size for size in (power, 3 * power // 4, 5 * power // 8) if size >= n)
