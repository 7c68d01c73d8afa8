"""The pairs of `whitebox.linalg`. What is arbitrary (signs, order, pivots) is taken out before comparing."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from whitebox import linalg, reference

slow = reference.linalg


@st.composite
def conditioned(draw: st.DrawFn, *, rows: int | None = None, limit: float = 1e3) -> list[list[float]]:
    """A = U Σ Vᵀ with singular values from 1 down to 1 / `limit`, square unless told how many rows it has at most."""
    n = draw(st.integers(1, 5))
    m = n if rows is None else draw(st.integers(n, rows))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    U, V = (np.linalg.qr(rng.standard_normal((size, size)))[0] for size in (m, n))
    values = np.geomspace(1, 1 / draw(st.floats(1, limit)), n) * draw(st.sampled_from([1e-3, 1.0, 1e3]))
    return ((U[:, :n] * values) @ V).tolist()


@st.composite
def whole(draw: st.DrawFn, *, square: bool = False, symmetric: bool = False) -> list[list[float]]:
    """Small whole numbers: singular, tied and zero matrices are frequent."""
    m = draw(st.integers(1, 5))
    n = m if square or symmetric else draw(st.integers(1, 5))
    A = np.array(draw(st.lists(st.integers(-2, 2), min_size=m * n, max_size=m * n)), dtype=float).reshape(m, n)
    return (np.tril(A) + np.tril(A, -1).T if symmetric else A).tolist()


@st.composite
def systems(draw: st.DrawFn, matrices: st.SearchStrategy[list[list[float]]]) -> tuple[Any, Any]:
    """A matrix and a right-hand side."""
    A = draw(matrices)
    return A, draw(st.lists(st.integers(-5, 5).map(float), min_size=len(A), max_size=len(A)))


@st.composite
def definite(draw: st.DrawFn) -> list[list[float]]:
    """A symmetric positive definite matrix."""
    A = np.array(draw(conditioned(limit=30)))
    return (A @ A.T).tolist()


@st.composite
def distinct(draw: st.DrawFn) -> tuple[list[list[float]], list[float]]:
    """A symmetric matrix whose eigenvalues differ in magnitude by a fifth at least, and a start."""
    n = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    V = np.linalg.qr(rng.standard_normal((n, n)))[0]
    values = 1.25 ** np.arange(n) * draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=n, max_size=n))
    return ((V * values) @ V.T).tolist(), (V.sum(axis=1) + 0.1 * V[:, 0]).tolist()


@st.composite
def sparse(draw: st.DrawFn) -> tuple[Any, ...]:
    """Triplets with repetitions and empty rows, a shape, and a vector that fits."""
    m, n = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    places = draw(st.lists(st.tuples(st.integers(0, m - 1), st.integers(0, n - 1), st.integers(-3, 3)), max_size=12))
    vector = draw(st.lists(st.integers(-3, 3).map(float), min_size=n, max_size=n))
    return [p[0] for p in places], [p[1] for p in places], [float(p[2]) for p in places], (m, n), vector


@st.composite
def dominant(draw: st.DrawFn) -> tuple[list[float], list[float], list[float]]:
    """First column and row of a Toeplitz matrix with all leading blocks regular, and a right-hand side."""
    n = draw(st.integers(1, 8))
    column, row, b = (draw(st.lists(st.integers(-4, 4).map(float), min_size=n, max_size=n)) for _ in range(3))
    corner = 1 + sum(map(abs, column[1:])) + sum(map(abs, row[1:]))
    return [corner, *column[1:]], [corner, *row[1:]], b


def _rebuilt(factor: Any, A: Any) -> tuple[Any, Any]:
    """The matrix that LU factors stand for, and the magnitudes of the multipliers that pivoting keeps down."""
    order, L, U = factor(A)
    product = np.empty(np.shape(A))
    product[order] = np.array(L) @ np.array(U)
    return product, float(np.abs(L).max() <= 1 + 1e-12)


def _inertia(factor: Any, A: Any) -> tuple[Any, Any]:
    """The matrix that LDLᵀ stands for, and how many eigenvalues of D are negative and positive (Sylvester)."""
    order, L, D = (np.asarray(part) for part in factor(A))
    product = np.empty_like(L)
    product[np.ix_(order, order)] = L @ D @ L.T
    values = np.linalg.eigvalsh(D)
    return product, [(values < -1e-9).sum(), (values > 1e-9).sum()]


def _positive(factor: Any, A: Any) -> tuple[Any, Any]:
    """Q R with a positive diagonal of R, which makes both unique."""
    Q, R = (np.asarray(part) for part in factor(A))
    signs = np.where(R.diagonal() < 0, -1.0, 1.0)
    n = len(signs)
    return Q[:, :n] * signs, R[:n] * signs[:, None]


def _spectral(factor: Any, A: Any) -> tuple[Any, Any]:
    """Eigenvalues, and the matrix that the eigenvectors rebuild with their cubes, which takes signs and bases out."""
    values, V = (np.asarray(part) for part in factor(A))
    return values, (V * values**3) @ V.T


def _singular(factor: Any, A: Any) -> tuple[Any, Any]:
    """Singular values, and U Σ³ Vᵀ."""
    U, values, Vt = factor(A)
    kept = sum(value > 1e-12 for value in values)
    if not kept:
        return values, np.zeros(np.shape(A))
    cubes = np.array(values)[:kept] ** 3
    return values, (np.array(U)[:, :kept] * cubes) @ np.array(Vt)[:kept]


def _in_order(values: Any) -> Any:
    """Eigenvalues matched by sums of their powers, which do not depend on the order."""
    roots = np.array(values, dtype=complex)
    return [(roots**k).sum().real for k in range(1, len(roots) + 1)]


def _one(pair: Any) -> tuple[float, Any]:
    """An eigenvalue, and the projector onto its eigenvector."""
    value, vector = pair
    return value, np.outer(vector, vector)


def _used(kind: Any, rows: Any, columns: Any, values: Any, shape: Any, x: Any) -> tuple[Any, ...]:
    A = kind.from_triplets(rows, columns, values, shape)
    again = kind.from_dense(A.to_dense())
    return A @ x, A.T.to_dense(), (again.T.T @ x)


NUMBERS = st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=9)
SYSTEM = systems(conditioned())
TALL = systems(st.one_of(conditioned(rows=8), whole()))
LOWER = SYSTEM.map(
    lambda drawn: ((np.tril(drawn[0]) + 2 * np.eye(len(drawn[0])) * np.abs(drawn[0]).max()).tolist(), drawn[1])
)
TOEPLITZ = st.tuples(NUMBERS, NUMBERS).map(lambda drawn: (drawn[0], [drawn[0][0], *drawn[1][1:]]))


def _shift(drawn: tuple[Any, Any]) -> tuple[Any, ...]:
    """Looks beside the eigenvalue of smallest magnitude."""
    A, start = drawn
    values = np.linalg.eigvalsh(A)
    return A, 1.02 * values[np.abs(values).argmin()], start


PAIRS = [
    Pair(
        "linalg.lu",
        lambda A: _rebuilt(slow.lu, A),
        lambda A: _rebuilt(linalg.lu, A),
        st.tuples(st.one_of(whole(), conditioned())),
        rtol=1e-10,
        atol=1e-12,
    ),
    Pair("linalg.solve", *both("linalg.solve"), SYSTEM, rtol=1e-8, atol=1e-8),
    Pair("linalg.inverse", *both("linalg.inverse"), st.tuples(conditioned()), rtol=1e-8, atol=1e-8),
    Pair("linalg.determinant", *both("linalg.determinant"), st.tuples(whole(square=True)), rtol=1e-10, atol=1e-11),
    Pair("linalg.log_determinant", *both("linalg.log_determinant"), st.tuples(conditioned()), rtol=1e-8, atol=1e-8),
    Pair(
        "linalg.solve_triangular",
        lambda T, b: (
            slow.solve_triangular(T, b, lower=True),
            slow.solve_triangular(np.transpose(T).tolist(), b, lower=False),
        ),
        lambda T, b: (
            linalg.solve_triangular(T, b, lower=True),
            linalg.solve_triangular(np.transpose(T), b, lower=False),
        ),
        LOWER,
        rtol=1e-10,
        atol=1e-12,
    ),
    Pair("linalg.cholesky", *both("linalg.cholesky"), st.tuples(definite()), rtol=1e-8, atol=1e-9),
    Pair(
        "linalg.solve_positive_definite",
        *both("linalg.solve_positive_definite"),
        systems(definite()),
        rtol=1e-6,
        atol=1e-6,
    ),
    Pair(
        "linalg.ldl",
        lambda A: _inertia(slow.ldl, A),
        lambda A: _inertia(linalg.ldl, A),
        st.tuples(whole(symmetric=True)),
        rtol=1e-10,
        atol=1e-10,
    ),
    Pair(
        "linalg.qr",
        lambda A: _positive(slow.qr, A),
        lambda A: _positive(linalg.qr, A),
        st.tuples(conditioned(rows=7)),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "linalg.qr (Givens)",
        lambda A: _positive(slow.qr, A),
        lambda A: _positive(lambda B: linalg.qr(B, method="givens"), A),
        st.tuples(conditioned(rows=7)),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair("linalg.gram_schmidt", *both("linalg.gram_schmidt"), st.tuples(conditioned(rows=7)), rtol=1e-9, atol=1e-9),
    Pair(
        "linalg.power_iteration",
        lambda A, start: _one(slow.power_iteration(A, start)),
        lambda A, start: _one(linalg.power_iteration(A, start=start)),
        distinct(),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "linalg.inverse_iteration",
        lambda A, shift, start: _one(slow.inverse_iteration(A, shift, start)),
        lambda A, shift, start: _one(linalg.inverse_iteration(A, shift, start=start)),
        distinct().map(_shift),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "linalg.eigh",
        lambda A: _spectral(slow.eigh, A),
        lambda A: _spectral(linalg.eigh, A),
        st.tuples(whole(symmetric=True)),
        rtol=1e-9,
        atol=1e-10,
    ),
    Pair(
        "linalg.eig",
        lambda A: _in_order(slow.eig(A)),
        lambda A: _in_order(linalg.eig(A).values),
        st.tuples(st.one_of(whole(square=True), conditioned(limit=10))),
        rtol=1e-5,
        atol=1e-3,
    ),
    Pair(
        "linalg.svd",
        lambda A: _singular(slow.svd, A),
        lambda A: _singular(linalg.svd, A),
        st.tuples(st.one_of(whole(), conditioned(rows=7))),
        rtol=1e-9,
        atol=1e-10,
    ),
    Pair(
        "linalg.lstsq",
        slow.lstsq,
        lambda A, b: linalg.lstsq(A, b, rcond=1e-12).solution,
        TALL,
        rtol=1e-7,
        atol=1e-7,
    ),
    Pair(
        "linalg.condition_number",
        lambda A: [slow.condition_number(A, p) for p in ("1", "2", "inf")],
        lambda A: [linalg.condition_number(A, p) for p in ("1", "2", "inf")],
        st.tuples(conditioned()),
        rtol=1e-8,
    ),
    Pair("linalg.sparse.CSR", lambda *a: _used(slow.CSR, *a), lambda *a: _used(linalg.CSR, *a), sparse()),
    Pair("linalg.toeplitz.toeplitz", *both("linalg.toeplitz"), TOEPLITZ),
    Pair(
        "linalg.toeplitz.toeplitz_matmul",
        *both("linalg.toeplitz_matmul"),
        TOEPLITZ.flatmap(
            lambda t: st.lists(st.integers(-9, 9), min_size=len(t[1]), max_size=len(t[1])).map(lambda x: (*t, x))
        ),
        atol=1e-10,
        rtol=1e-12,
    ),
    Pair(
        "linalg.toeplitz.convolve",
        *both("linalg.convolve"),
        st.tuples(NUMBERS, NUMBERS, st.sampled_from(["full", "same", "valid"])).map(
            lambda drawn: (*sorted(drawn[:2], key=len, reverse=True), drawn[2])
        ),
        atol=1e-10,
        rtol=1e-12,
    ),
    Pair(
        "linalg.toeplitz.solve_toeplitz",
        *both("linalg.solve_toeplitz"),
        dominant(),
        rtol=1e-9,
        atol=1e-9,
    ),
]
