"""Are the chains one, and how many independent draws are they worth?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, median, variance

from whitebox.reference.linalg._basic import Matrix, Vector

Draws = Sequence[Sequence[float]]


def rank_normalise(chains: Draws) -> Matrix:
    """Normal quantiles of the ranks.

    >>> [[round(z, 3) for z in chain] for chain in rank_normalise([[0.0, 1000.0], [1.0, 2.0]])]
    [[-1.049, 1.049], [-0.299, 0.299]]
    """
    everything = [x for chain in chains for x in chain]
    rank = {x: sum(y < x for y in everything) + (everything.count(x) + 1) / 2 for x in set(everything)}
    return [[NormalDist().inv_cdf((rank[x] - 3 / 8) / (len(everything) + 1 / 4)) for x in chain] for chain in chains]


def autocovariance(chains: Draws) -> Matrix:
    """Mean product of what lies t apart, for every t.

    >>> autocovariance([[1.0, -1.0, 1.0, -1.0]])
    [[1.0, -0.75, 0.5, -0.25]]
    """
    found = []
    for chain in chains:
        n, mean = len(chain), fmean(chain)
        away = [x - mean for x in chain]
        found.append([sum(away[i] * away[i + t] for i in range(n - t)) / n for t in range(n)])
    return found


def ess(chains: Draws, method: str = "bulk") -> float:
    """Effective sample size of the bulk, the tails, or the mean.

    >>> ess([[1.0, 2.0, 1.0, 2.0, 3.0, 1.0, 2.0, 1.0]], "mean")  # looks better than independent: cut
    7.224719895935548
    """
    if method == "bulk":
        return _ess(rank_normalise(_split(chains)))
    if method == "mean":
        return _ess(_split(chains))
    ordered = sorted(x for chain in chains for x in chain)
    found = []
    for p in (0.05, 0.95):
        place = p * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        bound = ordered[low] + (place - low) * (ordered[high] - ordered[low])
        found.append(_ess(_split([[float(x <= bound) for x in chain] for chain in chains])))
    return min(found)


def rhat(chains: Draws, method: str = "rank") -> float:
    """The width of all chains over that of each.

    >>> round(rhat([[0.0, 1.0, 0.0, 1.0], [10.0, 11.0, 10.0, 11.0]], "split"), 3)
    8.196
    """
    halves = _split(chains)
    if method == "split":
        return _rhat(halves)
    centre = median(x for chain in halves for x in chain)
    folded = [[abs(x - centre) for x in chain] for chain in halves]
    return max(_rhat(rank_normalise(halves)), _rhat(rank_normalise(folded)))


def mcse(chains: Draws) -> float:
    """Standard error of the mean of all draws.

    >>> round(mcse([[1.0, 2.0, 1.0, 2.0, 3.0, 1.0, 2.0, 1.0]]), 3)
    0.277
    """
    return math.sqrt(variance([x for chain in chains for x in chain]) / ess(chains, "mean"))


def _split(chains: Draws) -> list[Vector]:
    half = len(chains[0]) // 2
    return [list(chain[:half]) for chain in chains] + [list(chain[len(chain) - half :]) for chain in chains]


def _within_and_total(chains: Draws) -> tuple[float, float]:
    n = len(chains[0])
    within = fmean(variance(chain) for chain in chains)
    between = variance([fmean(chain) for chain in chains])
    return within, (n - 1) / n * within + between


def _rhat(chains: Draws) -> float:
    within, total = _within_and_total(chains)
    if within == 0:
        return 1.0 if total == 0 else math.inf
    return math.sqrt(total / within)


def _ess(chains: Draws) -> float:
    m, n = len(chains), len(chains[0])
    within, total = _within_and_total(chains)
    if total == 0:
        return float(m * n)
    lags = [fmean(gamma) for gamma in zip(*autocovariance(chains), strict=True)]
    rho = [1.0] + [1 - (within - gamma) / total for gamma in lags[1:]]
    tau, previous, t = -1.0, math.inf, 0
    while t < 2 * max(1, (n - 3) // 2) and rho[t] + rho[t + 1] > 0:
        previous = min(previous, rho[t] + rho[t + 1])
        tau += 2 * previous
        t += 2
    if t < n and rho[t] > 0:
        tau += rho[t]
    return m * n / max(tau, 1 / math.log10(m * n))
