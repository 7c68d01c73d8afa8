"""Mistakes in `whitebox.linalg`."""

from __future__ import annotations

from mutants.mutant import Mutant

LU = "whitebox.linalg._lu"
QR = "whitebox.linalg._qr"
CHOLESKY = "whitebox.linalg._cholesky"
SVD = "whitebox.linalg._svd"
TRIDIAGONAL = "whitebox.linalg._tridiagonal"

MUTANTS = [
    Mutant(
        "elimination without pivoting",
        LU,
        "pivot = k + int(np.abs(work[k:, k]).argmax())",
        "pivot = k",
        ("laws.test_linalg:test_solve_pivots_where_the_first_entry_is_zero_or_tiny", "pair:linalg.lu"),
    ),
    Mutant(
        "the determinant forgets the swaps of rows",
        LU,
        "return _parity(factors.permutation) * float(",
        "return float(",
        ("laws.test_linalg:test_the_determinant_of_every_permutation_is_its_parity", "pair:linalg.determinant"),
    ),
    Mutant(
        "Gram and Schmidt go through the columns once",
        QR,
        "for _ in range(2):",
        "for _ in range(1):",
        ("laws.test_linalg:test_gram_schmidt_stays_orthogonal_where_one_pass_does_not",),
    ),
    Mutant(
        "a reflection turns the wrong way, and digits cancel",
        QR,
        "image = -math.copysign(math.hypot(first, rest), first)",
        "image = math.copysign(math.hypot(first, rest), first)",
        ("laws.test_linalg:test_a_column_close_to_its_axis_is_reflected_without_cancellation",),
    ),
    Mutant(
        "Cholesky leaves the input above the diagonal",
        CHOLESKY,
        "return np.tril(work)",
        "return work",
        ("laws.test_linalg:test_cholesky_is_lower_with_a_positive_diagonal", "pair:linalg.cholesky"),
    ),
    Mutant(
        "Cholesky takes the root of the magnitude",
        CHOLESKY,
        "if not pivot > 0:",
        "pivot = abs(pivot)\n        if pivot == 0:",
        ("laws.test_linalg:test_what_is_not_positive_definite_is_refused_with_the_block",),
    ),
    Mutant(
        "LDLᵀ with single pivots only",
        CHOLESKY,
        "return 2, r",
        "return 1, k",
        ("laws.test_linalg:test_ldl_does_not_grow_where_all_single_pivots_are_bad", "pair:linalg.ldl"),
    ),
    Mutant(
        "least squares divide by singular values that are rounding",
        SVD,
        "cutoff = EPS * max(matrix.shape) if rcond is None else",
        "cutoff = 0.0 if rcond is None else",
        ("laws.test_linalg:test_least_squares_leave_a_residual_orthogonal_to_the_columns_and_the_shortest_solution",),
    ),
    Mutant(
        "a random projection without power iterations",
        SVD,
        'range(int(number_in(power_iterations, "power_iterations", 0)))',
        "range(0 * int(power_iterations))",
        ("laws.test_linalg:test_a_random_projection_finds_the_largest_values_nearly_as_well_as_possible",),
    ),
    Mutant(
        "eigenvectors from the rounded update lose their orthogonality",
        TRIDIAGONAL,
        "vectors = exact[:, None] / gaps",
        "vectors = (z + 0 * exact)[:, None] / gaps",
        ("laws.test_linalg:test_eigenvalues_that_agree_to_many_digits_keep_orthogonal_vectors",),
    ),
    Mutant(
        "eigenvalues are measured from zero instead of from the nearest pole",
        TRIDIAGONAL,
        "_eigenvectors(d, z, poles - root)",
        "_eigenvectors(d, z, d[:, None] - (origin + root))",
        ("laws.test_linalg:test_eigenvalues_that_agree_to_many_digits_keep_orthogonal_vectors",),
    ),
    Mutant(
        "equal poles are not rotated into one",
        TRIDIAGONAL,
        "<= tolerance:",
        "< 0:",
        ("laws.test_linalg:test_large_tridiagonal_matrices_divide_and_merge_whatever_clusters_and_gaps_they_have",),
    ),
    Mutant(
        "the sign of the entry torn out is lost",
        TRIDIAGONAL,
        "math.copysign(1.0, beta) * Q2[0]",
        "Q2[0]",
        ("laws.test_linalg:test_large_tridiagonal_matrices_divide_and_merge_whatever_clusters_and_gaps_they_have",),
    ),
    Mutant(
        "singular vectors are taken for eigenvectors of the squared matrix",
        SVD,
        "_orthogonalise_rows(rows, len(R))",
        "None",
        ("laws.test_linalg:test_svd_has_orthonormal_sides_and_falling_values",),
    ),
]
