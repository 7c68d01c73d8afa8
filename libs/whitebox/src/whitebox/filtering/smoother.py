"""Looking back: the states given all observations, those after them included."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from whitebox import _compiled
from whitebox._validation import Array, positive_int
from whitebox.filtering import _loops
from whitebox.filtering._models import Filtered
from whitebox.filtering._steps import backward, forward, semidefinite_root, symmetric


class Smoothed(NamedTuple):
    """States given the whole sequence.

    Attributes:
        means: Shape (T, n).
        covariances: Shape (T, n, n).
        gains: What a state learns from the next one, shape (T - 1, n, n).
    """

    means: Array
    covariances: Array
    gains: Array


def rts(filtered: Filtered) -> Smoothed:
    r"""The Rauch–Tung–Striebel smoother, for what any of the Gaussian filters found.

    .. math:: G_t = C_t (P_{t+1}^-)^{-1}, \qquad m_t^s = m_t + G_t (m_{t+1}^s - m_{t+1}^-), \qquad
              P_t^s = P_t + G_t (P_{t+1}^s - P_{t+1}^-) G_t^\top

    with :math:`C_t` the covariance of a state and the next: :math:`P_t F^\top` in a linear system and in the extended
    filter, a sum over sigma points in the unscented one (Rauch, Tung, Striebel 1965; Särkkä: Bayesian Filtering and
    Smoothing, 2013, equations 8.6, 9.2, 9.19). Predicted covariances may be singular. O(T n³).

    >>> from whitebox.filtering import LinearGaussian, kalman
    >>> walk = LinearGaussian([[1.0]], [[1.0]], [[0.5]], [[2.0]], [0.0], [[10.0]])
    >>> rts(kalman.filter(walk, [1.0, 2.0, 3.0])).means.round(3).ravel().tolist()
    [1.653, 1.898, 2.119]
    """
    steps, n = filtered.means.shape
    gains = np.empty((steps - 1, n, n))
    means, covariances = np.empty((steps, n)), np.empty((steps, n, n))
    smoothed = Smoothed(means, covariances, gains)
    if _compiled.numba_is_used():
        _loops.smooth_all(*filtered[:5], gains, means, covariances)
    else:
        _smooth_stepwise(filtered, smoothed)
    return smoothed


def _smooth_stepwise(filtered: Filtered, smoothed: Smoothed) -> None:
    smoothed.means[-1], smoothed.covariances[-1] = filtered.means[-1], filtered.covariances[-1]
    for t in range(len(smoothed.gains) - 1, -1, -1):
        predicted = filtered.predicted_covariances[t + 1]
        weights = filtered.cross_covariances[t].T.copy()
        L = semidefinite_root(predicted)
        forward(L, weights)
        backward(L, weights)
        G = weights.T
        smoothed.gains[t] = G
        smoothed.means[t] = filtered.means[t] + G @ (smoothed.means[t + 1] - filtered.predicted_means[t + 1])
        smoothed.covariances[t] = symmetric(
            filtered.covariances[t] + G @ (smoothed.covariances[t + 1] - predicted) @ G.T
        )


def sample(rng: np.random.Generator, filtered: Filtered, count: int) -> Array:
    r"""Trajectories drawn from all states given all observations: forward filtering, backward sampling.

    .. math:: x_T \sim N(m_T, P_T), \qquad
              x_t \mid x_{t+1} \sim N(m_t + G_t (x_{t+1} - m_{t+1}^-),\; P_t - G_t P_{t+1}^- G_t^\top)

    (Carter, Kohn 1994; Frühwirth-Schnatter 1994.) O(T n² (n + count)).

    Args:
        rng: Source of T · count · n normal numbers.
        filtered: What a filter found.
        count: How many trajectories.

    Returns:
        Shape (count, T, n).

    Raises:
        RangeError: if `count` is not a positive whole number.

    >>> from whitebox.filtering import LinearGaussian, kalman
    >>> walk = LinearGaussian([[1.0]], [[1.0]], [[0.5]], [[2.0]], [0.0], [[10.0]])
    >>> sample(np.random.default_rng(0), kalman.filter(walk, [1.0, 2.0, 3.0]), 5).shape
    (5, 3, 1)
    """
    steps, n = filtered.means.shape
    drawn = rng.standard_normal((steps, positive_int(count, "count"), n))
    gains = rts(filtered).gains
    paths = np.empty((count, steps, n))
    paths[:, -1] = filtered.means[-1] + drawn[-1] @ semidefinite_root(filtered.covariances[-1]).T
    for t in range(steps - 2, -1, -1):
        known = gains[t] @ filtered.predicted_covariances[t + 1] @ gains[t].T
        centre = filtered.means[t] + (paths[:, t + 1] - filtered.predicted_means[t + 1]) @ gains[t].T
        spread = semidefinite_root(filtered.covariances[t] - known, filtered.covariances[t])
        paths[:, t] = centre + drawn[t] @ spread.T
    return paths
