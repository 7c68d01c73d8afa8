from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox import linalg, reference
from whitebox.errors import ConvergenceError, NotPositiveDefiniteError, NotSymmetricError, SingularMatrixError

EPS = np.finfo(float).eps
SEEDS = st.integers(0, 2**32 - 1)


def spectrum(seed: int, m: int, n: int, condition: float, scale: float = 1.0) -> np.ndarray:
    """U Σ Vᵀ with singular values from `scale` down to `scale` / `condition`."""
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.standard_normal((size, min(m, n))))[0] for size in (m, n))
    return (U * scale * np.geomspace(1, 1 / condition, min(m, n))) @ V.T


def orthonormal(Q: np.ndarray) -> None:
    np.testing.assert_allclose(Q.conj().T @ Q, np.eye(Q.shape[1]), atol=50 * max(Q.shape) * EPS)


SIZES = st.tuples(st.integers(1, 70), st.integers(1, 70))
SCALES = st.sampled_from([1e-150, 1e-8, 1.0, 1e150])
CONDITIONS = st.sampled_from([1.0, 1e3, 1e12])


@EXAMPLES
@given(SEEDS, SIZES, CONDITIONS, SCALES)
def test_lu_rebuilds_the_matrix_from_triangles_with_multipliers_up_to_one(seed, size, condition, scale) -> None:
    A = spectrum(seed, *size, condition, scale)
    order, L, U = linalg.lu(A)
    assert sorted(order) == list(range(size[0]))
    assert np.abs(L).max() <= 1
    assert (np.triu(L, 1) == 0).all()
    assert (L.diagonal() == 1).all()
    assert (np.tril(U, -1) == 0).all()
    np.testing.assert_allclose(L @ U, A[order], atol=100 * max(size) * EPS * scale)


@EXAMPLES
@given(SEEDS, st.integers(1, 60), CONDITIONS, SCALES)
def test_the_residual_of_solve_is_small_however_ill_conditioned(seed, n, condition, scale) -> None:
    A = spectrum(seed, n, n, condition, scale)
    b = np.random.default_rng(seed).standard_normal((n, 2))
    x = linalg.solve(A, b)
    assert np.abs(A @ x - b).max() <= 100 * n * EPS * (np.abs(A).max() * np.abs(x).max() * n + 1)
    np.testing.assert_array_equal(linalg.solve(A, b[:, 0]), linalg.solve(A, b[:, :1])[:, 0])


def test_solve_pivots_where_the_first_entry_is_zero_or_tiny() -> None:
    # Without pivoting the second answer is (0, 1): the classic of Forsythe and Moler.
    assert linalg.solve([[0.0, 1.0], [1.0, 0.0]], [2.0, 3.0]).tolist() == [3.0, 2.0]
    np.testing.assert_allclose(linalg.solve([[1e-20, 1.0], [1.0, 1.0]], [1.0, 2.0]), [1.0, 1.0])
    np.testing.assert_allclose(linalg.inverse([[0.0, 2.0], [1.0, 0.0]]), [[0.0, 1.0], [0.5, 0.0]])


@EXAMPLES
@given(SEEDS, st.integers(1, 40))
def test_the_inverse_is_the_inverse_on_both_sides(seed, n) -> None:
    A = spectrum(seed, n, n, 100.0)
    inverse = linalg.inverse(A)
    np.testing.assert_allclose(A @ inverse, np.eye(n), atol=1e-10)
    np.testing.assert_allclose(inverse @ A, np.eye(n), atol=1e-10)


@EXAMPLES
@given(SEEDS, st.integers(1, 30))
def test_the_determinant_is_multiplicative_and_turns_with_a_swap(seed, n) -> None:
    A, B = spectrum(seed, n, n, 10.0), spectrum(seed + 1, n, n, 10.0)
    product = linalg.determinant(A) * linalg.determinant(B)
    assert linalg.determinant(A @ B) == pytest.approx(product, rel=1e-9)
    assert linalg.determinant(A.T) == pytest.approx(linalg.determinant(A), rel=1e-9)
    if n > 1:
        assert linalg.determinant(A[[1, 0, *range(2, n)]]) == pytest.approx(-linalg.determinant(A), rel=1e-9)


def test_the_determinant_of_every_permutation_is_its_parity() -> None:
    for order in itertools.permutations(range(4)):
        swaps = sum(a > b for a, b in itertools.combinations(order, 2))
        assert linalg.determinant(np.eye(4)[list(order)]) == (-1) ** swaps


def test_the_logarithm_of_a_determinant_outlives_the_determinant() -> None:
    A = 1e-10 * np.eye(50)
    assert linalg.determinant(A) == 0.0
    assert linalg.log_determinant(A) == (1.0, pytest.approx(50 * math.log(1e-10)))
    assert linalg.log_determinant(np.zeros((2, 2))) == (0.0, -math.inf)


@EXAMPLES
@given(SEEDS, SIZES, CONDITIONS, SCALES, st.sampled_from(["householder", "givens"]), st.booleans())
def test_qr_is_orthogonal_times_triangular(seed, size, condition, scale, method, complete) -> None:
    A = spectrum(seed, *(min(side, 20) if method == "givens" else side for side in size), condition, scale)
    Q, R = linalg.qr(A, method=method, complete=complete)
    assert Q.shape[1] == (len(A) if complete else min(A.shape))
    orthonormal(Q)
    assert (np.tril(R, -1) == 0).all()
    np.testing.assert_allclose(Q @ R, A, atol=100 * max(size) * EPS * scale)


def test_a_column_close_to_its_axis_is_reflected_without_cancellation() -> None:
    orthonormal(linalg.qr([[1.0, 2.0], [1e-7, 1.0], [2e-7, 3.0]]).Q)


def test_gram_schmidt_stays_orthogonal_where_one_pass_does_not() -> None:
    # Läuchli's matrix: a single pass leaves columns at 45 degrees.
    A = np.vstack([np.ones((1, 4)), 1e-8 * np.eye(4)])
    Q, R = linalg.gram_schmidt(A)
    orthonormal(Q)
    np.testing.assert_allclose(Q @ R, A, atol=1e-15)
    assert (R.diagonal() > 0).all()


def test_zero_and_repeated_columns_factor() -> None:
    A = np.array([[0.0, 1.0, 1.0], [0.0, 2.0, 2.0], [0.0, 2.0, 2.0]])
    for method in ("householder", "givens"):
        Q, R = linalg.qr(A, method=method)
        orthonormal(Q)
        np.testing.assert_allclose(Q @ R, A, atol=1e-15)
    order, L, U = linalg.lu(A)
    np.testing.assert_allclose(L @ U, A[order])
    with pytest.raises(SingularMatrixError, match="column 0"):
        linalg.gram_schmidt(A)


@EXAMPLES
@given(SEEDS, st.integers(1, 70), SCALES)
def test_cholesky_is_lower_with_a_positive_diagonal(seed, n, scale) -> None:
    B = spectrum(seed, n, n, 100.0)
    A = scale * (B @ B.T)
    L = linalg.cholesky(A)
    assert (np.triu(L, 1) == 0).all()
    assert (L.diagonal() > 0).all()
    np.testing.assert_allclose(L @ L.T, A, atol=100 * n * EPS * scale)
    b = np.arange(1.0, n + 1)
    np.testing.assert_allclose(A @ linalg.solve_positive_definite(A, b), b, rtol=1e-7, atol=1e-7)


def test_what_is_not_positive_definite_is_refused_with_the_block() -> None:
    with pytest.raises(NotPositiveDefiniteError, match="size 2 leaves the pivot -3"):
        linalg.cholesky([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(NotPositiveDefiniteError, match="size 31"):
        linalg.cholesky(np.diag([*[1.0] * 30, 0.0, 1.0]))
    with pytest.raises(NotSymmetricError, match=r"A\[0, 1\] = 2, A\[1, 0\] = 3"):
        linalg.cholesky([[1.0, 2.0], [3.0, 9.0]])


@EXAMPLES
@given(SEEDS, st.integers(1, 25))
def test_ldl_keeps_the_signs_of_the_eigenvalues(seed, n) -> None:
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    values = rng.choice([-2.0, 0.0, 1.0], n)
    A = (Q * values) @ Q.T
    order, L, D = linalg.ldl(A)
    assert (np.triu(L, 1) == 0).all()
    assert (np.tril(D, -2) == 0).all()
    np.testing.assert_allclose(L @ D @ L.T, A[np.ix_(order, order)], atol=1e-12)
    # The zeros are rounded to values far below those that are none.
    signs = np.linalg.eigvalsh(D)
    assert ((signs < -1e-9).sum(), (signs > 1e-9).sum()) == ((values < 0).sum(), (values > 0).sum())


def test_ldl_does_not_grow_where_all_single_pivots_are_bad() -> None:
    A = np.array([[1e-20, 1.0, 2.0], [1.0, 1e-20, 3.0], [2.0, 3.0, 1e-20]])
    order, L, D = linalg.ldl(A)
    assert np.abs(L).max() < 10
    np.testing.assert_allclose(L @ D @ L.T, A[np.ix_(order, order)], atol=1e-14)


@EXAMPLES
@given(SEEDS, st.integers(1, 40), SCALES)
def test_eigh_diagonalises_with_orthonormal_vectors_in_rising_order(seed, n, scale) -> None:
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    expected = np.sort(rng.integers(-3, 4, n).astype(float))  # with clusters
    A = scale * ((Q * expected) @ Q.T)
    values, V = linalg.eigh(A)
    assert (np.diff(values) >= 0).all()
    orthonormal(V)
    np.testing.assert_allclose(values, scale * expected, atol=100 * n * EPS * scale)
    np.testing.assert_allclose(A @ V, V * values, atol=100 * n * EPS * scale)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 21])
def test_wilkinsons_matrix_keeps_its_pairs_apart_and_trivial_ones_work(n: int) -> None:
    W = np.diag(np.abs(np.arange(n) - n // 2).astype(float)) + np.eye(n, k=1) + np.eye(n, k=-1)
    for A in (W, np.zeros((n, n)), np.eye(n), np.ones((n, n)), np.diag(np.arange(n) * 1.0)):
        values, V = linalg.eigh(A)
        orthonormal(V)
        np.testing.assert_allclose(V @ np.diag(values) @ V.T, A, atol=1e-13)
        np.testing.assert_allclose(np.sort(linalg.eig(A).values.real), values, atol=1e-12)


def tridiagonal(diagonal, beside) -> np.ndarray:
    return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)


@EXAMPLES
@given(SEEDS, st.integers(17, 120), st.sampled_from([0, 1, 9]), st.sampled_from([1, 8, 17]))
def test_large_tridiagonal_matrices_divide_and_merge_whatever_clusters_and_gaps_they_have(
    seed, n, digits, orders
) -> None:
    rng = np.random.default_rng(seed)
    beside = np.round(rng.standard_normal(n - 1), digits) * 10.0 ** -rng.integers(0, orders, n - 1)
    A = tridiagonal(np.round(rng.standard_normal(n), digits), beside)
    values, V = linalg.eigh(A)
    orthonormal(V)
    assert (np.diff(values) >= 0).all()
    np.testing.assert_allclose(A @ V, V * values, atol=100 * EPS * np.abs(A).max())


def test_eigenvalues_that_agree_to_many_digits_keep_orthogonal_vectors() -> None:
    wilkinson = tridiagonal(np.abs(np.arange(21) - 10.0), np.ones(20))
    glued = np.kron(np.eye(6), wilkinson) + 1e-9 * tridiagonal(np.zeros(126), np.arange(1, 126) % 21 == 0)
    values, V = linalg.eigh(glued)
    orthonormal(V)
    np.testing.assert_allclose(glued @ V, V * values, atol=1e-13)
    # The eigenvalues of the second difference are known.
    n = 150
    values = linalg.eigh(tridiagonal(np.full(n, 2.0), np.full(n - 1, -1.0))).values
    np.testing.assert_allclose(values, 2 - 2 * np.cos(np.pi * np.arange(1, n + 1) / (n + 1)), atol=1e-14)


@EXAMPLES
@given(SEEDS, st.integers(1, 20), SCALES)
def test_schur_is_unitary_and_triangular_and_eig_solves_its_equation(seed, n, scale) -> None:
    A = scale * np.random.default_rng(seed).standard_normal((n, n))
    H, Q = linalg.hessenberg(A)
    orthonormal(Q)
    assert (np.tril(H, -2) == 0).all()
    np.testing.assert_allclose(Q @ H @ Q.T, A, atol=200 * n * EPS * scale)
    T, Z = linalg.schur(A)
    orthonormal(Z)
    assert (np.tril(T, -1) == 0).all()
    np.testing.assert_allclose(Z @ T @ Z.conj().T, A, atol=500 * n * EPS * scale)
    values, V = linalg.eig(A)
    np.testing.assert_allclose(np.abs(V).max(axis=0) > 0, True)
    np.testing.assert_allclose((np.abs(V) ** 2).sum(axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose(A @ V, V * values, atol=1e4 * n * EPS * scale)


def test_eig_of_a_cyclic_shift_are_the_roots_of_unity_and_of_a_jordan_block_all_the_same() -> None:
    values = linalg.eig(np.roll(np.eye(6), 1, axis=0)).values
    np.testing.assert_allclose(values**6, 1, atol=1e-12)
    np.testing.assert_allclose(np.abs(linalg.eig(np.eye(4) * 2 + np.eye(4, k=1)).values - 2), 0, atol=1e-3)


def test_power_and_inverse_iteration_find_what_they_are_asked_for() -> None:
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    A = (Q * [-5.0, 4.0, 3.0, 2.0, 1.0, 0.5]) @ Q.T
    value, vector = linalg.power_iteration(A)
    assert value == pytest.approx(-5.0)
    np.testing.assert_allclose(A @ vector, value * vector, atol=1e-10)
    for wanted in (-5.0, 4.0, 3.0, 2.0, 1.0, 0.5):
        for shift in (wanted + 0.2, wanted):
            assert linalg.inverse_iteration(A, shift).value == pytest.approx(wanted)


def test_without_a_single_largest_eigenvalue_power_iteration_says_so() -> None:
    for A in ([[0.0, -1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, -1.0]]):
        with pytest.raises(ConvergenceError, match="no single real eigenvalue"):
            linalg.power_iteration(A, start=[1.0, 2.0], max_iter=100)


@EXAMPLES
@given(SEEDS, SIZES, CONDITIONS, SCALES)
def test_svd_has_orthonormal_sides_and_falling_values(seed, size, condition, scale) -> None:
    m, n = (min(side, 30) for side in size)
    A = spectrum(seed, m, n, condition, scale)
    U, values, Vt = linalg.svd(A)
    orthonormal(U)
    orthonormal(Vt.T)
    assert (np.diff(values) <= 0).all()
    np.testing.assert_allclose((U * values) @ Vt, A, atol=200 * max(m, n) * EPS * scale)
    np.testing.assert_allclose(
        values, scale * np.geomspace(1, 1 / condition, min(m, n)), atol=100 * EPS * max(m, n) * scale
    )


def test_the_singular_vectors_of_zeros_are_orthonormal_too() -> None:
    for A in (np.zeros((3, 2)), np.ones((4, 3)), np.diag([2.0, 0.0, 0.0]), np.eye(5, 3)[:, [0, 0, 1]]):
        U, values, Vt = linalg.svd(A)
        orthonormal(U)
        orthonormal(Vt.T)
        np.testing.assert_allclose((U * values) @ Vt, A, atol=1e-14)


def test_small_singular_values_of_a_graded_matrix_keep_their_digits() -> None:
    exact = 10.0 ** -np.arange(0, 40, 4)
    orthogonal = np.linalg.qr(np.tril(np.ones((10, 10))))[0] * exact  # the lengths of the columns are the values
    np.testing.assert_allclose(linalg.svd(orthogonal).singular_values, exact, rtol=1e-12)
    oblique = np.random.default_rng(0).standard_normal((6, 6)) * 10.0 ** -np.arange(0, 30, 5)
    one_by_one = reference.linalg.svd(oblique.tolist())[1]
    np.testing.assert_allclose(linalg.svd(oblique).singular_values, one_by_one, rtol=1e-12)
    # In another order of the columns LAPACK's are right to rounding of the largest value only.
    mixed = oblique[:, [3, 0, 5, 1, 4, 2]]
    np.testing.assert_allclose(linalg.svd(mixed).singular_values, one_by_one, rtol=1e-12)
    assert np.abs(np.linalg.svd(mixed)[1] / one_by_one - 1).max() > 1e-6


@EXAMPLES
@given(SEEDS, st.integers(1, 12))
def test_a_random_projection_finds_the_largest_values_nearly_as_well_as_possible(seed, k) -> None:
    A = spectrum(seed, 60, 40, 1e6)
    U, values, Vt = linalg.randomized_svd(A, k, np.random.default_rng(seed))
    orthonormal(U)
    orthonormal(Vt.T)
    best = np.geomspace(1, 1e-6, 40)
    np.testing.assert_allclose(values, best[:k], rtol=1e-6)
    error = np.linalg.svd(A - (U * values) @ Vt, compute_uv=False)[0]
    assert error <= 1.1 * best[k]


def test_a_random_projection_takes_sparse_matrices_and_more_than_there_is() -> None:
    A = spectrum(0, 12, 5, 10.0)
    values = linalg.randomized_svd(linalg.CSR.from_dense(A), 99, np.random.default_rng(0)).singular_values
    np.testing.assert_allclose(values, linalg.svd(A).singular_values, rtol=1e-12)


@EXAMPLES
@given(SEEDS, SIZES, st.integers(1, 8))
def test_least_squares_leave_a_residual_orthogonal_to_the_columns_and_the_shortest_solution(seed, size, rank) -> None:
    m, n = (min(side, 20) for side in size)
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n))
    b = rng.standard_normal(m)
    x, residual, found, values = linalg.lstsq(A, b)
    assert found == min(m, n, rank)
    assert len(values) == min(m, n)
    np.testing.assert_allclose(A.T @ (A @ x - b), 0, atol=1e-9 * values[0] ** 2)
    assert residual == pytest.approx(np.linalg.norm(A @ x - b))
    # The shortest solution has no part in the null space.
    null = np.linalg.svd(A)[2][found:]
    np.testing.assert_allclose(null @ x, 0, atol=1e-8 * (1 + np.abs(x).max()))


def test_condition_numbers() -> None:
    hilbert = 1 / (np.arange(5)[:, None] + np.arange(5) + 1.0)
    assert linalg.condition_number(hilbert) == pytest.approx(4.76607e5, rel=1e-5)
    for p in ("1", "2", "inf"):
        assert linalg.condition_number(np.eye(4), p) == 1.0
        assert linalg.condition_number(np.zeros((2, 2)), p) == math.inf
        assert linalg.condition_number(7 * hilbert, p) == pytest.approx(linalg.condition_number(hilbert, p), rel=1e-9)


@EXAMPLES
@given(SEEDS, st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_sparse_products_are_those_of_the_dense_matrices(seed, m, n, r) -> None:
    rng = np.random.default_rng(seed)
    A, B = (rng.integers(-2, 3, shape) * (rng.random(shape) < 0.3) * 1.0 for shape in ((m, n), (n, r)))
    left, right = linalg.CSR.from_dense(A), linalg.CSR.from_dense(B)
    np.testing.assert_array_equal(left.to_dense(), A)
    np.testing.assert_array_equal(left.T.to_dense(), A.T)
    np.testing.assert_array_equal(left @ B, A @ B)
    np.testing.assert_array_equal(left @ B[:, 0], A @ B[:, 0])
    np.testing.assert_array_equal((left @ right).to_dense(), A @ B)


@EXAMPLES
@given(SEEDS, st.integers(1, 200), st.integers(1, 200))
def test_convolution_commutes_and_multiplies_sums(seed, n, k) -> None:
    rng = np.random.default_rng(seed)
    s, kernel = rng.standard_normal(n), rng.standard_normal(k)
    full = linalg.convolve(s, kernel)
    assert len(full) == n + k - 1
    np.testing.assert_allclose(full, linalg.convolve(kernel, s), atol=1e-11)
    assert full.sum() == pytest.approx(s.sum() * kernel.sum(), abs=1e-9)


@EXAMPLES
@given(SEEDS, st.integers(1, 60))
def test_levinson_solves_autocorrelation_systems(seed, n) -> None:
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal(4 * n)
    column = np.array([signal[: 3 * n] @ signal[k : 3 * n + k] for k in range(n)])
    column[0] += np.abs(column).sum()
    b = rng.standard_normal(n)
    x = linalg.solve_toeplitz(column, None, b)
    np.testing.assert_allclose(linalg.toeplitz(column) @ x, b, atol=1e-9)
    np.testing.assert_allclose(linalg.toeplitz_matmul(column, None, x), b, atol=1e-9)


def test_singular_matrices_are_named() -> None:
    with pytest.raises(SingularMatrixError, match="no pivot in column 1"):
        linalg.solve([[1.0, 2.0], [2.0, 4.0]], [1.0, 1.0])
    with pytest.raises(SingularMatrixError, match=r"T\[1, 1\] is zero"):
        linalg.solve_triangular([[1.0, 0.0], [1.0, 0.0]], [1.0, 1.0], lower=True)
    with pytest.raises(SingularMatrixError, match="block of size 2"):
        linalg.solve_toeplitz([1.0, 1.0, 0.0], None, [1.0, 1.0, 1.0])
    with pytest.raises(SingularMatrixError, match="block of size 1"):
        linalg.solve_toeplitz([0.0, 1.0], None, [1.0, 1.0])


def test_inputs_stay_as_they_are_and_no_warning_is_given() -> None:
    A = spectrum(0, 9, 9, 10.0)
    S, b = A + A.T, np.ones(9)
    before = A.copy(), S.copy(), b.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for function in (linalg.lu, linalg.qr, linalg.gram_schmidt, linalg.svd, linalg.eig, linalg.inverse):
            function(A)
        for function in (linalg.eigh, linalg.ldl):
            function(S)
        linalg.solve(A, b)
        linalg.lstsq(A, b)
        linalg.solve_triangular(A, b, lower=False)
        linalg.solve_positive_definite(A @ A.T, b)
    for array, copy in zip((A, S, b), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("copies", [2, 3])
def test_rows_that_repeat_exactly_leave_singular_values_of_zero(copies: int) -> None:
    for seed in range(120):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 4))
        B, row = rng.standard_normal((n, n)), rng.standard_normal(n)
        A = np.stack([row] * copies)
        saddle = np.block([[B @ B.T, A.T], [A, np.zeros((copies, copies))]])
        U, values, Vt = linalg.svd(saddle)
        np.testing.assert_allclose((U * values) @ Vt, saddle, atol=1e-13 * values[0])
        np.testing.assert_allclose(U.T @ U, np.eye(len(values)), atol=1e-12)
        np.testing.assert_allclose(Vt @ Vt.T, np.eye(len(values)), atol=1e-12)
        assert values[-1] <= 1e-13 * values[0]
