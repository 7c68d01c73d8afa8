from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.sparse
from whitebox import linalg


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((120, 120))


def test_lu_chooses_the_pivots_lapack_chooses(matrix) -> None:
    for A in (matrix, matrix[:, :40], matrix[:40]):
        P, L, U = scipy.linalg.lu(A)
        ours = linalg.lu(A)
        np.testing.assert_array_equal(np.eye(len(A))[ours.permutation].T, P)
        np.testing.assert_allclose(ours.lower, L, atol=1e-11)
        np.testing.assert_allclose(ours.upper, U, atol=1e-11)


def test_systems_determinants_and_inverses_equal_numpys(matrix) -> None:
    b = matrix[:, :3]
    np.testing.assert_allclose(linalg.solve(matrix, b), np.linalg.solve(matrix, b), atol=1e-11)
    np.testing.assert_allclose(linalg.inverse(matrix), np.linalg.inv(matrix), atol=1e-11)
    assert linalg.log_determinant(matrix) == pytest.approx(tuple(np.linalg.slogdet(matrix)))
    assert linalg.determinant(matrix) == pytest.approx(np.linalg.det(matrix))
    for lower in (True, False):
        T = np.tril(matrix) if lower else np.triu(matrix)
        T += 20 * np.eye(120)
        ours = linalg.solve_triangular(T, b, lower=lower)
        np.testing.assert_allclose(ours, scipy.linalg.solve_triangular(T, b, lower=lower), rtol=1e-10, atol=1e-13)


def test_qr_reflects_as_lapack_does(matrix) -> None:
    for A in (matrix, matrix[:, :30], matrix[:30]):
        for mode in ("reduced", "complete"):
            Q, R = np.linalg.qr(A, mode=mode)
            ours = linalg.qr(A, complete=mode == "complete")
            np.testing.assert_allclose(ours.R, R, atol=1e-12)
            np.testing.assert_allclose(ours.Q, Q, atol=1e-12)


def test_cholesky_and_ldl_equal_scipys(matrix) -> None:
    A = matrix @ matrix.T + np.eye(120)
    np.testing.assert_allclose(linalg.cholesky(A), np.linalg.cholesky(A), atol=1e-11)
    S = matrix + matrix.T
    _, D, _ = scipy.linalg.ldl(S)
    ours = linalg.ldl(S).diagonal
    assert (np.linalg.eigvalsh(ours) > 0).sum() == (np.linalg.eigvalsh(D) > 0).sum()


def test_eigenvalues_equal_lapacks(matrix) -> None:
    S = matrix + matrix.T
    np.testing.assert_allclose(linalg.eigh(S).values, np.linalg.eigvalsh(S), atol=1e-11)
    A = matrix[:50, :50]
    ours, theirs = linalg.eig(A).values, np.linalg.eigvals(A)
    for value in theirs:
        assert np.abs(ours - value).min() < 1e-10


def test_singular_values_equal_lapacks() -> None:
    A = np.random.default_rng(4).standard_normal((80, 30))
    np.testing.assert_allclose(linalg.svd(A).singular_values, np.linalg.svd(A)[1], rtol=1e-12)


def test_least_squares_equal_lapacks_at_every_rank() -> None:
    rng = np.random.default_rng(5)
    for m, n, rank in ((40, 10, 10), (40, 10, 4), (10, 40, 10), (10, 40, 3)):
        A, b = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n)), rng.standard_normal((m, 2))
        ours, theirs = linalg.lstsq(A, b), np.linalg.lstsq(A, b)
        assert ours.rank == theirs[2]
        np.testing.assert_allclose(ours.solution, theirs[0], atol=1e-11)


@pytest.mark.parametrize("p", ["1", "2", "inf"])
def test_condition_numbers_equal_numpys(matrix, p: str) -> None:
    assert linalg.condition_number(matrix, p) == pytest.approx(
        np.linalg.cond(matrix, {"1": 1, "2": 2, "inf": np.inf}[p])
    )


def test_sparse_products_equal_scipys() -> None:
    theirs = scipy.sparse.random_array((300, 200), density=0.02, rng=np.random.default_rng(6), format="coo")
    ours = linalg.CSR.from_triplets(*theirs.coords, theirs.data, theirs.shape)
    X = np.random.default_rng(7).standard_normal((200, 4))
    np.testing.assert_allclose(ours @ X, theirs @ X, atol=1e-14)
    np.testing.assert_allclose(ours @ X[:, 0], theirs @ X[:, 0], atol=1e-14)
    np.testing.assert_allclose((ours @ ours.T).to_dense(), (theirs @ theirs.T).toarray(), atol=1e-14)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolutions_and_toeplitz_systems_equal_scipys(mode: str) -> None:
    rng = np.random.default_rng(8)
    s, k = rng.standard_normal(500), rng.standard_normal(33)
    np.testing.assert_allclose(
        linalg.convolve(s, k, mode), scipy.signal.convolve(s, k, mode, method="direct"), atol=1e-12
    )
    column, row = np.append(9.0, rng.standard_normal(49)), np.append(9.0, rng.standard_normal(49))
    np.testing.assert_array_equal(linalg.toeplitz(column, row), scipy.linalg.toeplitz(column, row))
    b = rng.standard_normal(50)
    ours = linalg.solve_toeplitz(column, row, b)
    np.testing.assert_allclose(ours, scipy.linalg.solve_toeplitz((column, row), b), atol=1e-11)
