"""Kalman filter and smoother over a whole sequence, for numba: the steps of `kalman` and `smoother`, number by number.

Arrays are contiguous and nothing but loops is used, which keeps compilation short; numba's matrix products need SciPy.
"""

from __future__ import annotations

import math

import numpy as np

from whitebox._compiled import compiled
from whitebox._validation import Array

_LOG_2PI = math.log(2 * math.pi)


@compiled
def product(A: Array, B: Array, out: Array) -> None:
    """Out becomes A B."""
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            out[i, j] = 0.0
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                out[i, j] += A[i, k] * B[k, j]


@compiled
def product_transposed(A: Array, B: Array, out: Array) -> None:
    """Out becomes A Bᵀ."""
    for i in range(A.shape[0]):
        for j in range(B.shape[0]):
            total = 0.0
            for k in range(A.shape[1]):
                total += A[i, k] * B[j, k]
            out[i, j] = total


@compiled
def add_symmetric(A: Array, out: Array) -> None:
    """Out becomes the symmetric part of itself and A together."""
    for i in range(A.shape[0]):
        for j in range(i + 1):
            out[i, j] = out[j, i] = (out[i, j] + A[i, j] + out[j, i] + A[j, i]) / 2


@compiled
def factor(A: Array, n: int, tolerance: float) -> bool:
    """Puts the Cholesky factor of the first n rows into their lower triangle; as `_steps.factor`."""
    for j in range(n):
        pivot = A[j, j]
        for k in range(j):
            pivot -= A[j, k] * A[j, k]
        if tolerance < 0 and not pivot > 0:
            return False
        root = math.sqrt(pivot) if pivot > tolerance else 0.0
        A[j, j] = root
        for i in range(j + 1, n):
            entry = A[i, j]
            for k in range(j):
                entry -= A[i, k] * A[j, k]
            A[i, j] = entry / root if root > 0 else 0.0
    return True


@compiled
def forward(L: Array, n: int, B: Array) -> None:
    """Turns the first n rows of B into L⁻¹ B."""
    for i in range(n):
        for j in range(B.shape[1]):
            entry = B[i, j]
            for k in range(i):
                entry -= L[i, k] * B[k, j]
            B[i, j] = entry / L[i, i] if L[i, i] > 0 else 0.0


@compiled
def backward(L: Array, n: int, B: Array) -> None:
    """Turns the first n rows of B into L⁻ᵀ B."""
    for i in range(n - 1, -1, -1):
        for j in range(B.shape[1]):
            entry = B[i, j]
            for k in range(i + 1, n):
                entry -= L[k, i] * B[k, j]
            B[i, j] = entry / L[i, i] if L[i, i] > 0 else 0.0


@compiled
def filter_all(  # noqa: PLR0917  # arrays to be filled, for compiled code
    F: Array,
    H: Array,
    Q: Array,
    R: Array,
    mean: Array,
    covariance: Array,
    observations: Array,
    inputs: Array,
    means: Array,
    covariances: Array,
    predicted_means: Array,
    predicted_covariances: Array,
    cross_covariances: Array,
    innovations: Array,
    innovation_covariances: Array,
    nis: Array,
    log_likelihoods: Array,
) -> int:
    """Filters a sequence; gives the first time at which S is not positive definite, -1 if there is none."""
    m, n = H.shape
    seen = np.zeros(m, np.int64)
    across, L, table = np.zeros((m, n)), np.zeros((m, m)), np.zeros((m, n + 1))
    gain, noise = np.zeros((n, m)), np.zeros((n, m))
    kept, half = np.zeros((n, n)), np.zeros((n, n))
    for t in range(len(observations)):
        for i in range(n):
            for j in range(n):
                predicted_covariances[t, i, j] = covariance[i, j] if t == 0 else Q[i, j]
            predicted_means[t, i] = mean[i] if t == 0 else inputs[t - 1, i]
            if t > 0:
                for j in range(n):
                    predicted_means[t, i] += F[i, j] * means[t - 1, j]
        if t > 0:
            product_transposed(covariances[t - 1], F, cross_covariances[t - 1])
            product(F, cross_covariances[t - 1], half)
            add_symmetric(half, predicted_covariances[t])

        P, S = predicted_covariances[t], innovation_covariances[t]
        product(H, P, across)
        product_transposed(across, H, L)
        for i in range(m):
            for j in range(m):
                S[i, j] = R[i, j]
        add_symmetric(L, S)
        count = 0
        for i in range(m):
            expected = 0.0
            for j in range(n):
                expected += H[i, j] * predicted_means[t, j]
            innovations[t, i] = observations[t, i] - expected
            if not math.isnan(observations[t, i]):
                seen[count] = i
                count += 1

        # Of what was seen: S, and beside each other H P and the innovation.
        for a in range(count):
            for b in range(count):
                L[a, b] = S[seen[a], seen[b]]
            for j in range(n):
                table[a, j] = across[seen[a], j]
            table[a, n] = innovations[t, seen[a]]
        if not factor(L, count, -1.0):
            return t
        forward(L, count, table)
        distance, log_determinant = 0.0, 0.0
        for a in range(count):
            distance += table[a, n] * table[a, n]
            log_determinant += 2 * math.log(L[a, a])
        nis[t] = distance
        log_likelihoods[t] = -(count * _LOG_2PI + log_determinant + distance) / 2
        backward(L, count, table)
        for i in range(n):
            for a in range(m):
                gain[i, a] = 0.0
            for a in range(count):
                gain[i, seen[a]] = table[a, i]
            means[t, i] = predicted_means[t, i]
            for a in range(count):
                means[t, i] += gain[i, seen[a]] * innovations[t, seen[a]]

        # Joseph's form.
        product(gain, H, kept)
        for i in range(n):
            for j in range(n):
                kept[i, j] = (1.0 if i == j else 0.0) - kept[i, j]
        product(kept, P, half)
        product_transposed(half, kept, covariances[t])
        product(gain, R, noise)
        product_transposed(noise, gain, half)
        add_symmetric(half, covariances[t])
    return -1


@compiled
def smooth_all(  # noqa: PLR0917  # likewise
    means: Array,
    covariances: Array,
    predicted_means: Array,
    predicted_covariances: Array,
    cross_covariances: Array,
    gains: Array,
    smoothed_means: Array,
    smoothed_covariances: Array,
) -> None:
    """Runs backwards through a filtered sequence, Rauch, Tung and Striebel's way."""
    steps, n = means.shape
    L, weights, change, half = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    for i in range(n):
        smoothed_means[steps - 1, i] = means[steps - 1, i]
        for j in range(n):
            smoothed_covariances[steps - 1, i, j] = covariances[steps - 1, i, j]
    for t in range(steps - 2, -1, -1):
        largest = 0.0
        for i in range(n):
            for j in range(n):
                L[i, j] = predicted_covariances[t + 1, i, j]
                largest = max(largest, abs(L[i, j]))
                weights[i, j] = cross_covariances[t, j, i]
                change[i, j] = smoothed_covariances[t + 1, i, j] - predicted_covariances[t + 1, i, j]
        factor(L, n, 1e-14 * n * largest)
        forward(L, n, weights)
        backward(L, n, weights)
        for i in range(n):
            smoothed_means[t, i] = means[t, i]
            for j in range(n):
                gains[t, i, j] = weights[j, i]
                smoothed_means[t, i] += gains[t, i, j] * (smoothed_means[t + 1, j] - predicted_means[t + 1, j])
                smoothed_covariances[t, i, j] = covariances[t, i, j]
        product(gains[t], change, half)
        product_transposed(half, gains[t], change)
        add_symmetric(change, smoothed_covariances[t])
