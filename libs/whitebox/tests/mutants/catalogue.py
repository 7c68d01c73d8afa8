"""Famous mistakes, each a small patch of the source, and the test that must notice it."""

from __future__ import annotations

import inspect
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest


@dataclass(frozen=True)
class Mutant:
    """A mistake re-introduced.

    Args:
        mistake: What is wrong, in words.
        module: Of the library.
        before: A piece of its source that stands there once.
        after: What the mistaken author would have written.
        killers: Tests as "module:function", or pairs as "pair:name"; each of them must fail.
    """

    mistake: str
    module: str
    before: str
    after: str
    killers: tuple[str, ...]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Swaps the code of the module's functions for the mistaken code, wherever they have been imported to."""
        module = import_module(self.module)
        source = inspect.getsource(module)
        if source.count(self.before) != 1:
            raise LookupError(f"{self.module} holds {self.before!r} {source.count(self.before)} times, not once")
        mistaken = types.ModuleType(self.module)
        mistaken.__dict__.update(__file__=module.__file__, __package__=module.__package__)
        exec(compile(source.replace(self.before, self.after), str(module.__file__), "exec"), mistaken.__dict__)
        changed = [
            (function, function.__code__, twin.__code__)
            for function, twin in _functions(module, mistaken)
            if function.__code__ != twin.__code__
        ]
        if not changed:
            raise LookupError(f"{self.mistake}: no function of {self.module} changes")
        try:
            for function, _, code in changed:
                function.__code__ = code
            yield
        finally:
            for function, code, _ in changed:
                function.__code__ = code

    def survivors(self) -> list[str]:
        """The killers that do not notice."""
        with self.applied():
            return [killer for killer in self.killers if passes(killer)]


def _functions(left: Any, right: Any) -> Iterator[tuple[types.FunctionType, types.FunctionType]]:
    """Functions and methods of the same name that two modules, or two classes, define themselves."""
    for name, value in vars(left).items():
        twin = vars(right).get(name)
        if inspect.isfunction(value) and inspect.isfunction(twin):
            if value.__code__.co_filename == twin.__code__.co_filename:
                yield value, twin
        elif inspect.isclass(value) and inspect.isclass(twin) and value is not twin:
            yield from _functions(value, twin)


def passes(killer: str) -> bool:
    """Whether a test or pair passes, warnings being errors."""
    kind, _, name = killer.partition(":")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if kind == "pair":
                from pairs.registry import PAIRS

                next(pair for pair in PAIRS if pair.name == name).check()
            else:
                getattr(import_module(kind), name)()
    except StopIteration:
        raise LookupError(f"no pair is called {name}") from None
    except Exception:
        return False
    except (BaseExceptionGroup, pytest.fail.Exception):  # several examples fail in different ways; nothing was raised
        return False
    return True


BM25 = "whitebox.search.bm25"
EXACT = "whitebox.search.exact"
FUSION = "whitebox.search.fusion"
PAIRWISE = "whitebox.metrics.pairwise"
RANKING = "whitebox.metrics.ranking"
SCALER = "whitebox.preprocessing._standard_scaler"
LOGISTIC = "whitebox.linear_model._logistic"
SENTENCES = "whitebox.text.sentences"
DUAL = "whitebox.calculus.dual"
RULES = "whitebox.calculus._rules"
STEPS = "whitebox.calculus._steps"
LU = "whitebox.linalg._lu"
QR = "whitebox.linalg._qr"
CHOLESKY = "whitebox.linalg._cholesky"
SVD = "whitebox.linalg._svd"
FIRST_ORDER = "whitebox.optimize.first_order"
LINE_SEARCH = "whitebox.optimize.line_search"
QUASI_NEWTON = "whitebox.optimize._quasi_newton"
TRIDIAGONAL = "whitebox.linalg._tridiagonal"
PCA = "whitebox.decomposition._pca"
NEWTON = "whitebox.optimize._newton"
DERIVATIVES = "whitebox.calculus._derivatives"
SCHEDULES = "whitebox.optimize.schedules"

MUTANTS = [
    Mutant(
        "RRF counts ranks from 0",
        FUSION,
        "enumerate(ranking, start=1)",
        "enumerate(ranking)",
        (
            "laws.test_fusion:test_the_first_of_one_ranking_scores_one_over_k_plus_one",
            "pair:search.fusion.reciprocal_rank_fusion",
        ),
    ),
    Mutant(
        "RRF ignores its weights",
        FUSION,
        "+ weight / (k + rank)",
        "+ 1 / (k + rank)",
        (
            "laws.test_fusion:test_a_weight_counts_as_so_many_copies",
            "laws.test_fusion:test_a_ranking_of_weight_zero_adds_its_items_last",
        ),
    ),
    Mutant(
        "RRF keeps the last ranking's score instead of the sum",
        FUSION,
        "scores.get(item, 0.0) + weight",
        "weight",
        (
            "laws.test_fusion:test_two_mirrored_rankings_tie_in_order_of_appearance",
            "pair:search.fusion.reciprocal_rank_fusion",
        ),
    ),
    Mutant(
        "RRF breaks ties by the item instead of by appearance",
        FUSION,
        "key=lambda pair: -pair[1]",
        'key=lambda pair: (-pair[1], str(pair[0]) < "v")',
        ("laws.test_fusion:test_renaming_the_items_renames_the_result",),
    ),
    Mutant(
        "BM25 without length normalisation",
        BM25,
        "1 - self.b + self.b * lengths / (lengths.mean() or 1.0)",
        "1 + 0 * lengths",
        ("laws.test_bm25:test_of_two_documents_that_say_it_once_the_shorter_wins", "pair:search.bm25.BM25"),
    ),
    Mutant(
        "BM25 normalises by the longest document instead of the mean",
        BM25,
        "lengths.mean()",
        "lengths.max()",
        ("pair:search.bm25.BM25",),
    ),
    Mutant(
        "IDF turns negative for frequent terms",
        BM25,
        "np.log1p((len(documents)",
        "np.log((len(documents)",
        (
            "laws.test_bm25:test_scores_are_never_negative_and_positive_exactly_where_a_term_is_shared",
            "laws.test_bm25:test_a_term_in_every_document_still_counts_but_least",
        ),
    ),
    Mutant(
        "IDF counts occurrences instead of documents",
        BM25,
        "np.bincount(posted_terms, minlength=len(numbers))",
        "np.bincount(terms, minlength=len(numbers))",
        ("pair:search.bm25.BM25",),
    ),
    Mutant(
        "term frequency grows without saturation",
        BM25,
        "* (self.k1 + 1) / (frequency + norm[postings])",
        "/ norm[postings]",
        ("laws.test_bm25:test_more_occurrences_at_the_same_length_score_higher_but_by_less_and_less",),
    ),
    Mutant(
        "a repeated query term counts once",
        BM25,
        "repeats * self.weights_",
        "self.weights_",
        ("laws.test_bm25:test_a_query_is_the_sum_of_its_terms_in_any_order", "pair:search.bm25.BM25"),
    ),
    Mutant(
        "BM25's top k cuts ties at random places",
        BM25,
        "matching = np.flatnonzero(total >= max(bound, np.nextafter(0.0, 1.0)))",
        "matching = np.flatnonzero(total * bound)[::-1][:k]",
        ("laws.test_bm25:test_search_returns_every_tie_before_the_cut_by_index",),
    ),
    Mutant(
        "the sparse weight forgets k1 + 1",
        BM25,
        "count * (k1 + 1) / (count + norm)",
        "count / (count + norm)",
        ("laws.test_bm25:test_the_weight_saturates_at_k1_plus_1", "pair:search.bm25.term_weights"),
    ),
    Mutant(
        "tokens lose their combining marks",
        BM25,
        'return _word("".join(marks)).findall(folded)',
        'return _word("").findall(folded)',
        ("pair:search.bm25.tokenize",),
    ),
    Mutant(
        "cosine of the zero vector is NaN",
        PAIRWISE,
        "matrix / np.where(norms > 0, norms, 1)[:, None]",
        "matrix / norms[:, None]",
        ("laws.test_exact:test_the_zero_vector_is_similar_to_nothing", "pair:metrics.pairwise.cosine_similarity"),
    ),
    Mutant(
        "squares overflow in the norm",
        PAIRWISE,
        "if extreme.size:",
        "if False:",
        ("laws.test_exact:test_cosine_lies_between_minus_one_and_one_at_any_magnitude",),
    ),
    Mutant(
        "exact search loses ties to partition",
        EXACT,
        "columns[order[first[:, None] + np.arange(k)]]",
        "np.argpartition(-scores, k - 1, axis=1)[:, :k]",
        (
            "laws.test_exact:test_equals_a_stable_sort_of_all_scores_ties_included",
            "laws.test_exact:test_ties_across_blocks_go_to_the_lower_index",
        ),
    ),
    Mutant(
        "exact search forgets where a block starts",
        EXACT,
        "best + start",
        "best",
        ("laws.test_exact:test_ties_across_blocks_go_to_the_lower_index",),
    ),
    Mutant(
        "cosine search does not normalise the corpus",
        EXACT,
        "block_scores /= np.where(norms > 0, norms, 1)",
        "block_scores /= norms.max() or 1",
        ("pair:search.exact.search (cosine)",),
    ),
    Mutant(
        "variance of a sample instead of the population",
        SCALER,
        "(centred**2).mean(axis=0)",
        "(centred**2).sum(axis=0) / max(1, len(rows) - 1)",
        (
            "laws.test_estimators:test_scaled_columns_have_mean_zero_and_variance_one_or_are_constant",
            "pair:preprocessing.StandardScaler",
        ),
    ),
    Mutant(
        "variance as the mean of squares minus the square of the mean",
        SCALER,
        "(centred**2).mean(axis=0) - centred.mean(axis=0) ** 2",
        "np.abs((rows**2).mean(axis=0) - self.mean_**2) + 0 * centred[0]",
        ("laws.test_estimators:test_a_large_mean_costs_no_digits",),
    ),
    Mutant(
        "a constant column is divided by zero",
        SCALER,
        "np.where(spread <= noise, 1.0, spread)",
        "spread",
        ("laws.test_estimators:test_scaled_columns_have_mean_zero_and_variance_one_or_are_constant",),
    ),
    Mutant(
        "a constant column is divided by rounding noise",
        SCALER,
        "spread <= noise",
        "spread <= 0 * noise",
        ("laws.test_estimators:test_a_column_that_is_constant_but_for_rounding_is_not_divided_by_the_rounding",),
    ),
    Mutant(
        "inverse_transform forgets the mean",
        SCALER,
        " * self.scale_ + self.mean_",
        " * self.scale_",
        ("laws.test_estimators:test_inverse_transform_undoes_transform", "pair:preprocessing.StandardScaler"),
    ),
    Mutant(
        "the intercept is regularised",
        LOGISTIC,
        "self._penalty = np.append(np.ones(design.shape[1] - 1), 0.0)",
        "self._penalty = np.ones(design.shape[1])",
        (
            "laws.test_estimators:test_the_mean_probability_of_a_class_is_its_share",
            "pair:linear_model.LogisticRegression",
        ),
    ),
    Mutant(
        "C is taken for the strength of the regularisation",
        LOGISTIC,
        "gradient = self._C * (self._design.T @ residual)",
        "gradient = (self._design.T @ residual) / self._C",
        ("pair:linear_model.LogisticRegression",),
    ),
    Mutant(
        "softmax overflows",
        LOGISTIC,
        "np.exp(logits - logits.max(axis=1, keepdims=True))",
        "np.exp(logits)",
        (
            "laws.test_estimators:test_softmax_is_normalised_and_blind_to_a_shift",
            "laws.test_estimators:test_probabilities_are_normalised_without_overflow_far_from_the_boundary",
        ),
    ),
    Mutant(
        "softmax normalises over rows instead of classes",
        LOGISTIC,
        "shifted / shifted.sum(axis=1, keepdims=True)",
        "shifted / shifted.sum(axis=0, keepdims=True)",
        ("laws.test_estimators:test_softmax_is_normalised_and_blind_to_a_shift", "pair:linear_model.softmax"),
    ),
    Mutant(
        "recall divides by k",
        RANKING,
        "len(hits) / len(wanted)",
        "len(hits) / k",
        ("laws.test_ranking:test_precision_and_recall_count_the_same_hits", "pair:metrics.ranking.recall_at_k"),
    ),
    Mutant(
        "precision divides by what was returned",
        RANKING,
        "len(hits) / k for hits, _",
        "len(hits) / max(1, len(_)) for hits, _",
        ("laws.test_ranking:test_a_worked_example", "pair:metrics.ranking.precision_at_k"),
    ),
    Mutant(
        "DCG discounts from rank 0 on",
        RANKING,
        "math.log2(rank + 1)",
        "math.log2(rank + 2)",
        ("laws.test_ranking:test_a_worked_example", "pair:metrics.ranking.ndcg_at_k"),
    ),
    Mutant(
        "the ideal order is taken from what was found",
        RANKING,
        "sorted(worth.values(), reverse=True)[:k]",
        "sorted((worth.get(i, 0.0) for i in islice(ranking, k)), reverse=True)",
        ("pair:metrics.ranking.ndcg_at_k",),
    ),
    Mutant(
        "every full stop ends a sentence",
        SENTENCES,
        "and _continues(text, start, end)",
        "and False",
        ("pair:text.sentences.split_sentences",),
    ),
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
        "Adam does not correct for having started at zero",
        FIRST_ORDER,
        "change = _quotient(mean / (1 - self.beta1**count), spread)",
        "change = _quotient(mean, spread)",
        (
            "laws.test_optimize:test_the_first_step_of_adam_has_the_length_of_the_rate_in_every_coordinate",
            "pair:optimize.first_order.Adam",
        ),
    ),
    Mutant(
        "AdamW's decay goes through the gradient",
        FIRST_ORDER,
        "super().step(x * (1 - self._rate(state.step) * self.weight_decay), gradient, state)",
        "super().step(x, gradient + self.weight_decay * x, state)",
        ("laws.test_optimize:test_weight_decay_shrinks_apart_from_the_gradient", "pair:optimize.first_order.AdamW"),
    ),
    Mutant(
        "Nesterov does not look ahead",
        FIRST_ORDER,
        "ahead = gradient + self.momentum * velocity",
        "ahead = velocity",
        ("pair:optimize.first_order.Nesterov",),
    ),
    Mutant(
        "the warm-up starts from a rate of zero",
        SCHEDULES,
        "(step + 1) / self.steps",
        "step / self.steps",
        ("pair:optimize.schedules.WarmUp",),
    ),
    Mutant(
        "backtracking takes any step",
        LINE_SEARCH,
        "if reached <= value + c1 * size * slope:",
        "if True:",
        ("laws.test_optimize:test_the_line_searches_keep_what_they_promise", "pair:optimize.line_search.armijo"),
    ),
    Mutant(
        "the Wolfe search forgets the slope",
        LINE_SEARCH,
        "elif abs(trial.slope) <= -c2 * slope:",
        "elif True:",
        ("laws.test_optimize:test_the_line_searches_keep_what_they_promise",),
    ),
    Mutant(
        "L-BFGS runs its second loop with the shares in the wrong order",
        QUASI_NEWTON,
        "zip(steps, changes, reversed(shares), strict=True)",
        "zip(steps, changes, shares, strict=True)",
        ("pair:optimize.two_loop",),
    ),
    Mutant(
        "L-BFGS starts from the identity at any scale",
        QUASI_NEWTON,
        "q *= float(steps[-1] @ changes[-1]) / float(changes[-1] @ changes[-1])",
        "q *= 1.0",
        ("pair:optimize.two_loop",),
    ),
    Mutant(
        "Newton climbs to saddles",
        NEWTON,
        "return solve_positive_definite(hessian + shift * np.eye(len(hessian)), gradient)",
        "return np.linalg.solve(hessian, gradient)",
        ("laws.test_optimize:test_newton_leaves_a_saddle_downhill",),
    ),
    Mutant(
        "components of data that were not centred",
        PCA,
        "centred = rows - self.mean_",
        "centred = rows - 0 * self.mean_",
        ("laws.test_pca:test_components_are_orthonormal_and_coordinates_uncorrelated", "pair:decomposition.PCA"),
    ),
    Mutant(
        "explained variance divided by n",
        PCA,
        "self.singular_values_**2 / (len(rows) - 1)",
        "self.singular_values_**2 / len(rows)",
        ("laws.test_pca:test_components_are_orthonormal_and_coordinates_uncorrelated", "pair:decomposition.PCA"),
    ),
    Mutant(
        "shares of the variance kept instead of all",
        PCA,
        'float(np.einsum("ij,ij->", centred, centred)) / (len(rows) - 1)',
        "float(self.explained_variance_.sum())",
        ("laws.test_pca:test_shares_are_of_the_whole_variance",),
    ),
    Mutant(
        "the second derivative forgets the curvature of the function",
        DUAL,
        "_scaled(slope, x.second, 2) + _scaled(curvature, _outer(x, x), 2)",
        "_scaled(slope, x.second, 2) + 0 * _scaled(curvature, _outer(x, x), 2)",
        ("pair:calculus.hessian", "laws.test_calculus:test_all_methods_agree_and_hessians_are_symmetric"),
    ),
    Mutant(
        "the mixed term of a product is counted on one side only",
        DUAL,
        "_scaled(by_xy(a, b), _outer(x, y) + _outer(y, x), 2)",
        "_scaled(by_xy(a, b), 2 * _outer(x, y), 2)",
        ("pair:calculus.hessian", "laws.test_calculus:test_all_methods_agree_and_hessians_are_symmetric"),
    ),
    Mutant(
        "a matrix product of two dual numbers loses the mixed derivatives",
        DUAL,
        "second = second + cross + np.swapaxes(cross, 0, 1)",
        "second = second + 0 * cross",
        ("laws.test_calculus:test_the_derivatives_of_a_quadratic_form_are_its_matrix",),
    ),
    Mutant(
        "x to the power of zero has the slope 0 times infinity",
        RULES,
        "np.where(y == 0, 0.0, y * np.power(x, np.where(y == 0, 1.0, y - 1)))",
        "y * np.power(x, y - 1)",
        ("laws.test_calculus:test_powers_have_derivatives_at_zero_and_for_negative_numbers",),
    ),
    Mutant(
        "the difference on both sides is divided by one step",
        STEPS,
        "return np.asarray(total / h)",
        "return np.asarray(2 * total / h)",
        ("pair:calculus.central_difference", "laws.test_calculus:test_differences_of_a_parabola_are_exact_to_rounding"),
    ),
    Mutant(
        "the step of a difference is far too small",
        STEPS,
        "EPS ** (1 / (order + 1))",
        "EPS",
        ("laws.test_calculus:test_differences_of_a_parabola_are_exact_to_rounding",),
    ),
    Mutant(
        "the step that was meant is used instead of the one that was made",
        STEPS,
        "h = (at + width) - at",
        "h = width * np.ones_like(at)",
        ("laws.test_calculus:test_the_difference_of_a_line_is_exact",),
    ),
    Mutant(
        "an imaginary part that was dropped goes unnoticed",
        STEPS,
        'if value.dtype.kind != "c":',
        'if value.dtype.kind == "?":',
        ("laws.test_calculus:test_a_dropped_imaginary_part_is_noticed",),
    ),
    Mutant(
        "differences on one side only",
        STEPS,
        "difference = np.asarray(f(at + places * h)) - np.asarray(f(at - places * h))",
        "difference = 2 * (np.asarray(f(at + places * h)) - np.asarray(f(at)))",
        ("laws.test_calculus:test_differences_of_a_parabola_are_exact_to_rounding", "pair:calculus.central_difference"),
    ),
    Mutant(
        "the chain rule skips the left factor of a matrix product",
        DUAL,
        "None if left.first is None else left.first @ right.value",
        "None if left.first is None else 0 * left.first @ right.value",
        ("laws.test_calculus:test_the_derivatives_of_a_quadratic_form_are_its_matrix",),
    ),
    Mutant(
        "the derivative of a power forgets its exponent",
        RULES,
        "y * np.power(x, np.where(y == 0, 1.0, y - 1))",
        "np.power(x, np.where(y == 0, 1.0, y - 1))",
        ("laws.test_calculus:test_powers_have_derivatives_at_zero_and_for_negative_numbers",),
    ),
    Mutant(
        "mixed differences are not divided by four",
        DERIVATIVES,
        "mixed / (4 * p[i] * q[j])",
        "mixed / (p[i] * q[j])",
        ("laws.test_calculus:test_all_methods_agree_and_hessians_are_symmetric",),
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
        "components in rising order of variance",
        PCA,
        "vectors[:, ::-1].T[:k]",
        "vectors.T[:k]",
        ("laws.test_pca:test_components_are_orthonormal_and_coordinates_uncorrelated",),
    ),
    Mutant(
        "singular vectors are taken for eigenvectors of the squared matrix",
        SVD,
        "_orthogonalise_rows(rows, len(R))",
        "None",
        ("laws.test_linalg:test_svd_has_orthonormal_sides_and_falling_values",),
    ),
]
