"""What must hold in classical learning whatever the data: optimality, bounds, symmetries, monotone objectives."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox import _compiled
from whitebox.cluster import KMeans, kmeans_plusplus
from whitebox.decomposition import PCA, TruncatedSVD
from whitebox.linear_model import Lasso, LinearRegression, Ridge, lasso_path
from whitebox.manifold import TSNE, conditional_probabilities, joint_probabilities, kl_divergence_and_gradient
from whitebox.metrics import classification, clustering, regression
from whitebox.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from whitebox.neighbors import KNeighborsClassifier, KNeighborsRegressor, kneighbors
from whitebox.recsys import ALS, FunkSVD, ImplicitALS, ImputedSVD, rank_held_out
from whitebox.svm import SVC, SVR, couple_probabilities, fit_platt, rbf_kernel, solve_dual

SEEDS = st.integers(0, 2**32 - 1)


def regression_data(seed: int, n: int = 20, d: int = 4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + 5 * rng.normal(size=d)
    return X, X @ rng.normal(size=d) + 10 + rng.normal(size=n)


def two_clouds(seed: int, n: int = 30, apart: float = 1.5):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, 2)) + apart * y[:, None], y


# Linear models


@EXAMPLES
@given(SEEDS)
def test_residuals_of_least_squares_are_orthogonal_to_the_columns_and_sum_to_zero(seed: int) -> None:
    X, y = regression_data(seed)
    residual = y - LinearRegression().fit(X, y).predict(X)
    np.testing.assert_allclose(X.T @ residual, 0, atol=1e-9)
    assert residual.sum() == pytest.approx(0, abs=1e-10)


def test_an_ill_conditioned_least_squares_problem_keeps_its_digits() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    for beside, rtol in ((1e-3, 1e-9), (1e-7, 1e-6)):
        Z = X.copy()
        Z[:, 3] = Z[:, 0] + beside * Z[:, 3]
        fitted = LinearRegression().fit(Z, Z @ [1.0, -2.0, 3.0, 4.0])
        np.testing.assert_allclose(fitted.coef_, [1, -2, 3, 4], rtol=rtol)


@EXAMPLES
@given(SEEDS, st.sampled_from([0.01, 1.0, 100.0]), st.sampled_from([3, 30]))
def test_the_gradient_of_ridge_vanishes_and_its_intercept_is_free(seed: int, alpha: float, d: int) -> None:
    X, y = regression_data(seed, d=d)
    model = Ridge(alpha).fit(X, y)
    residual = y - model.predict(X)
    np.testing.assert_allclose(X.T @ residual - alpha * model.coef_, 0, atol=1e-7 * np.abs(X).max() * len(y))
    assert residual.sum() == pytest.approx(0, abs=1e-9)
    shifted = Ridge(alpha).fit(X - 7, y + 3)
    np.testing.assert_allclose(shifted.coef_, model.coef_, atol=1e-9)


@EXAMPLES
@given(SEEDS, st.sampled_from([0.1, 0.3, 3.0]), st.sampled_from([4, 12]))
def test_the_lasso_is_optimal_and_leaves_out_what_correlates_too_little(seed: int, alpha: float, d: int) -> None:
    X, y = regression_data(seed, d=d)
    model = Lasso(alpha, tol=1e-8).fit(X, y)
    residual = y - model.predict(X)
    assert residual.sum() == pytest.approx(0, abs=1e-8)
    pull = (X - X.mean(axis=0)).T @ residual / len(y)
    used = model.coef_ != 0
    np.testing.assert_allclose(pull[used], alpha * np.sign(model.coef_[used]), atol=1e-2)
    assert (np.abs(pull[~used]) <= alpha + 1e-2).all()
    shifted = Lasso(alpha, tol=1e-8).fit(X - 7, y + 3)
    np.testing.assert_allclose(shifted.predict(X - 7), model.predict(X) + 3, atol=1e-2)


def test_the_gap_bounds_what_the_lasso_has_left_to_gain() -> None:
    X, y = regression_data(3, 50, 10)

    def objective(model) -> float:
        return ((y - model.predict(X)) ** 2).mean() / 2 + 0.1 * np.abs(model.coef_).sum()

    loose, tight = Lasso(0.1, tol=1e-2).fit(X, y), Lasso(0.1, tol=1e-13).fit(X, y)
    assert 0 <= objective(loose) - objective(tight) <= loose.dual_gap_ + 1e-12
    assert loose.dual_gap_ <= 1e-2 * y.var()
    with pytest.warns(RuntimeWarning, match="no convergence"):
        once = Lasso(0.1, tol=1e-9, max_iter=1).fit(X, y)
    assert objective(once) - objective(tight) <= once.dual_gap_


def test_the_path_starts_at_zero_and_falls_in_objective() -> None:
    X, y = regression_data(5, 40, 6)
    X, y = X - X.mean(axis=0), y - y.mean()
    path = lasso_path(X, y, n_alphas=10)
    assert (path.coefs[:, 0] == 0).all()
    assert path.coefs[:, 1].any()
    fitted = [((y - X @ w) ** 2).mean() for w in path.coefs.T]
    assert (np.diff(fitted) < 0).all()
    np.testing.assert_allclose(path.coefs[:, -1], Lasso(path.alphas[-1]).fit(X, y).coef_, atol=1e-2)


# Support vectors


@EXAMPLES
@given(SEEDS, st.sampled_from([0.1, 1.0, 10.0]), st.sampled_from(["linear", "rbf"]))
def test_support_vectors_satisfy_the_optimality_conditions(seed: int, C: float, kernel: str) -> None:
    X, y = two_clouds(seed)
    model = SVC(C=C, kernel=kernel, tol=1e-6).fit(X, y)
    alpha = np.zeros(len(y))
    signs = 2 * y - 1
    alpha[model.support_] = model.dual_coef_[0] * signs[model.support_]
    assert (alpha >= 0).all()
    assert (alpha <= C).all()
    assert alpha @ signs == pytest.approx(0, abs=1e-10)
    margin = signs * model.decision_function(X)
    assert (margin[alpha == 0] >= 1 - 1e-5).all()
    assert (margin[alpha == C] <= 1 + 1e-5).all()
    np.testing.assert_allclose(margin[(alpha > 0) & (alpha < C)], 1, atol=1e-5)


def test_training_from_multipliers_that_are_all_zero_separates_the_classes() -> None:
    X, y = two_clouds(0, apart=6.0)
    model = SVC().fit(X, y)
    assert model.score(X, y) == 1.0
    assert len(model.support_) > 1
    assert (np.sign(model.decision_function(X)) == 2 * y - 1).all()


def test_the_duality_gap_of_the_machine_is_small() -> None:
    X, y = two_clouds(1, 60)
    model = SVC(C=2.0, gamma=0.5, tol=1e-7).fit(X, y)
    beta = model.dual_coef_[0]
    K = rbf_kernel(model.support_vectors_, model.support_vectors_, 0.5)
    hinge = np.maximum(0, 1 - (2 * y - 1) * model.decision_function(X)).sum()
    primal = 0.5 * beta @ K @ beta + 2.0 * hinge
    assert primal == pytest.approx(-model.dual_objective_[0], rel=1e-5)


def test_the_boundary_of_two_single_rows_lies_in_the_middle() -> None:
    model = SVC(C=100.0, kernel="linear").fit([[1.0], [5.0]], [0, 1])
    np.testing.assert_allclose(model.decision_function([[1.0], [3.0], [5.0]]), [-1, 0, 1], atol=1e-9)


def test_exchanging_the_classes_turns_the_decisions_round() -> None:
    X, y = two_clouds(2)
    ours, turned = SVC(tol=1e-8).fit(X, y), SVC(tol=1e-8).fit(X, 1 - y)
    np.testing.assert_allclose(turned.decision_function(X), -ours.decision_function(X), atol=1e-6)


def test_a_cache_of_few_rows_changes_nothing() -> None:
    X, y = two_clouds(3, 40)
    whole, tiny = SVC().fit(X, y), SVC(cache_mb=1e-9).fit(X, y)
    np.testing.assert_array_equal(tiny.dual_coef_, whole.dual_coef_)
    assert tiny.n_iter_.tolist() == whole.n_iter_.tolist()


def test_a_kernel_row_is_computed_once_while_there_is_room() -> None:
    X, y = two_clouds(4, 40)
    K = rbf_kernel(X, X, 1.0)
    asked: list[int] = []

    def row(i: int) -> np.ndarray:
        asked.append(i)
        return K[i]

    signs = 2.0 * y - 1
    solve_dual(row, np.ones(40), signs, np.minimum(signs, 0), np.maximum(signs, 0))
    assert len(asked) == len(set(asked))


@EXAMPLES
@given(SEEDS)
def test_errors_inside_the_tube_have_no_multiplier(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(25, 2))
    y = np.sin(2 * X[:, 0]) + X[:, 1]
    model = SVR(C=3.0, epsilon=0.2, tol=1e-7).fit(X, y)
    beta = np.zeros(25)
    beta[model.support_] = model.dual_coef_[0]
    error = y - model.predict(X)
    assert beta.sum() == pytest.approx(0, abs=1e-9)
    assert (np.abs(error[beta == 0]) <= 0.2 + 1e-6).all()
    free = (beta != 0) & (np.abs(beta) < 3.0)
    np.testing.assert_allclose(error[free], 0.2 * np.sign(beta[free]), atol=1e-6)


def test_three_classes_are_told_apart_and_probabilities_follow_the_votes() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    X = rng.normal(size=(90, 2)) + 4 * np.array([[0, 0], [3, 0], [0, 3]])[y]
    words = np.array(["ebb", "flood", "slack"])[y]
    model = SVC(probability=True, random_state=0).fit(X, words)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert model.score(X, words) > 0.97
    assert (model.classes_[p.argmax(axis=1)] == model.predict(X)).mean() > 0.97
    assert (model.decision_function(X).argmax(axis=1) == y).mean() > 0.97


@EXAMPLES
@given(SEEDS, st.integers(5, 30))
def test_the_sigmoid_keeps_the_mean_of_its_targets_and_never_reaches_certainty(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    f, y = rng.normal(size=n), np.arange(n) % 3 == 0
    p = fit_platt(f, y)(f)
    plus, minus = int(y.sum()), int((~y).sum())
    targets = np.where(y, (plus + 1) / (plus + 2), 1 / (minus + 2))
    assert p.sum() == pytest.approx(targets.sum(), abs=1e-7)
    assert p @ f == pytest.approx(targets @ f, abs=1e-7)
    separable = fit_platt(np.where(y, 1.0, -1.0) * (1 + np.abs(f)), y)
    assert np.isfinite(separable).all()
    assert -100 < separable.A < 0


def test_probabilities_of_noise_are_shares_and_not_certainties() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 20)), np.arange(60) % 2
    # Such a machine separates what it has seen: every decision value on its own rows is past its margin.
    model = SVC(C=1e4, gamma=0.02, probability=True, random_state=0).fit(X, y)
    assert model.score(X, y) == 1.0
    assert np.abs(model.predict_proba(X) - 0.5).max() < 0.2


def test_consistent_pairs_give_back_the_probabilities_they_come_from() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(5), 20)
    r = p[:, :, None] / (p[:, :, None] + p[:, None, :])
    np.testing.assert_allclose(couple_probabilities(np.clip(r, 1e-12, 1 - 1e-12)), p, atol=1e-6)


# Neighbours


@EXAMPLES
@given(SEEDS, st.integers(1, 6))
def test_neighbours_are_those_of_a_full_sort_with_ties_to_the_lower_index(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    X, Q = rng.integers(-2, 3, (30, 2)).astype(float) / 3 + 1e6, rng.integers(-2, 3, (4, 2)).astype(float) / 3 + 1e6
    squared = ((Q[:, None] - X) ** 2).sum(axis=2)
    found = kneighbors(Q, X, k)
    np.testing.assert_array_equal(found.indices, np.argsort(squared, axis=1, kind="stable")[:, :k])


def test_a_row_is_its_own_nearest_neighbour_at_distance_zero() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3)) + 1e3
    found = kneighbors(X, X, 1)
    assert found.indices[:, 0].tolist() == list(range(50))
    assert (found.distances == 0).all()


def test_votes_that_tie_go_to_the_first_class_and_near_rows_weigh_more() -> None:
    X, y = [[0.0], [3.0]], ["flood", "ebb"]
    assert KNeighborsClassifier(2).fit(X, y).predict([[0.1]]).tolist() == ["ebb"]
    assert KNeighborsClassifier(2, "distance").fit(X, y).predict([[0.1]]).tolist() == ["flood"]
    touching = KNeighborsRegressor(2, "distance").fit(X, [5.0, 7.0])
    assert touching.predict([[0.0], [3.0]]).tolist() == [5.0, 7.0]
    assert touching.predict([[1.0]])[0] == pytest.approx(5 * 2 / 3 + 7 / 3)


def test_scaling_and_shifting_rows_and_queries_changes_no_neighbour() -> None:
    rng = np.random.default_rng(0)
    X, Q = rng.normal(size=(3000, 5)), rng.normal(size=(150, 5))
    expected = kneighbors(Q, X, 4).indices
    np.testing.assert_array_equal(kneighbors(8 * Q, 8 * X, 4).indices, expected)
    np.testing.assert_array_equal(kneighbors(Q[::-1], X, 4).indices, expected[::-1])
    np.testing.assert_array_equal(2999 - kneighbors(Q, X[::-1], 4).indices, expected)


# Naive Bayes


@pytest.mark.parametrize("model", [GaussianNB(), MultinomialNB(), ComplementNB(), BernoulliNB()], ids=repr)
def test_probabilities_are_normalised_far_from_the_data(model) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.poisson(2.0, (40, 6)), np.arange(40) % 3
    p = model.fit(X, y).predict_proba(np.vstack([X, 1000 * X]))
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)


def test_a_word_that_a_class_has_never_shown_does_not_rule_it_out() -> None:
    for model in (MultinomialNB(), BernoulliNB()):
        model.fit([[9, 0, 0], [9, 1, 0], [0, 2, 0], [0, 3, 0]], [0, 0, 1, 1])
        assert np.isfinite(model.feature_log_prob_).all()
        assert np.isfinite(model.predict_log_proba([[1, 1, 1]])).all()
    probabilities = np.exp(MultinomialNB().fit([[9, 0, 0], [0, 2, 0]], [0, 1]).feature_log_prob_)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(probabilities, [[10 / 12, 1 / 12, 1 / 12], [1 / 5, 3 / 5, 1 / 5]])


def test_a_feature_constant_within_a_class_does_not_decide_alone() -> None:
    X = np.array([[1.0, 0.0], [1.0, 0.2], [1.0, 5.0], [1.1, 5.2]])
    model = GaussianNB(var_smoothing=0.1).fit(X, [0, 0, 1, 1])
    assert (model.var_ > 0).all()
    # The first feature's variance within class 0 is nothing, and it is off by a little; the second one speaks clearly.
    assert model.predict([[1.01, 0.1]]).tolist() == [0]
    np.testing.assert_allclose(model.var_[0], [model.epsilon_, 0.01 + model.epsilon_])


def test_a_large_mean_costs_gaussian_naive_bayes_no_digits() -> None:
    X = np.array([[1.0], [2.0], [5.0], [7.0]])
    ours, far = GaussianNB().fit(X, [0, 0, 1, 1]), GaussianNB().fit(X + 1e8, [0, 0, 1, 1])
    np.testing.assert_allclose(far.var_, ours.var_, rtol=1e-7)


def test_absence_speaks_in_bernoulli_naive_bayes() -> None:
    model = BernoulliNB().fit([[1, 1], [1, 1], [0, 1], [0, 1]], [0, 0, 1, 1])
    p = model.predict_proba([[0, 1]])[0]
    np.testing.assert_allclose(p, [0.25, 0.75])


# k-means


@EXAMPLES
@given(SEEDS, st.integers(1, 8))
def test_centres_are_means_and_labels_nearest_when_k_means_has_converged(seed: int, k: int) -> None:
    X = np.random.default_rng(seed).normal(size=(60, 2))
    model = KMeans(k, tol=0.0, random_state=seed % 1000).fit(X)
    squared = ((X[:, None] - model.cluster_centers_) ** 2).sum(axis=2)
    np.testing.assert_allclose(squared[np.arange(60), model.labels_], squared.min(axis=1), atol=1e-12)
    for c in np.unique(model.labels_):
        np.testing.assert_allclose(model.cluster_centers_[c], X[model.labels_ == c].mean(axis=0), atol=1e-10)
    assert model.inertia_ == pytest.approx(squared.min(axis=1).sum())
    assert len(np.unique(model.labels_)) == k


def test_no_iteration_raises_the_inertia_and_bounds_change_nothing() -> None:
    X = np.random.default_rng(0).normal(size=(800, 5))
    init = X[:20]
    with pytest.warns(RuntimeWarning, match="no convergence"):
        inertias = [KMeans(20, init=init, max_iter=n, tol=0.0).fit(X).inertia_ for n in range(1, 8)]
    assert (np.diff(inertias) <= 1e-9).all()
    centres = init.copy()
    for _ in range(300):  # Lloyd's iteration without bounds
        labels = ((X[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        moved = np.array([X[labels == c].mean(axis=0) for c in range(20)])
        if np.array_equal(moved, centres):
            break
        centres = moved
    np.testing.assert_allclose(KMeans(20, init=init, tol=0.0).fit(X).cluster_centers_, centres, atol=1e-9)


def test_a_centre_without_rows_moves_to_the_farthest_row() -> None:
    X = np.array([[0.0], [1.0], [2.0], [50.0]])
    model = KMeans(2, init=[[1.0], [1e6]], tol=0.0).fit(X)
    assert sorted(model.cluster_centers_.ravel()) == [1.0, 50.0]


def test_rows_are_drawn_by_the_square_of_their_distance() -> None:
    # From a first seed at 0: distances 1 and 3, so squares 1 and 9; with one trial only, by a k that is 2.
    X = np.array([[0.0], [1.0], [3.0]])
    rng = np.random.default_rng(0)
    with mock.patch("whitebox.cluster._seeding.math.log", return_value=-1.0):
        seeds = [kmeans_plusplus(X, 2, rng) for _ in range(2000)]
    from_zero = [second for first, second in seeds if first == 0]
    share = np.mean(np.array(from_zero) == 2)
    assert share == pytest.approx(0.9, abs=4 * (0.9 * 0.1 / len(from_zero)) ** 0.5)


def test_every_far_group_gets_a_seed() -> None:
    X = np.repeat(np.arange(8) * 1e6, 5)[:, None] + np.tile(np.arange(5.0), 8)[:, None]
    for seed in range(10):
        chosen = kmeans_plusplus(X, 8, np.random.default_rng(seed))
        assert sorted(chosen // 5) == list(range(8))


def test_seeds_are_distinct_rows_even_among_repeated_ones() -> None:
    for seed in range(20):
        chosen = kmeans_plusplus(np.repeat([[0.0], [1.0]], 4, axis=0), 5, np.random.default_rng(seed))
        assert len(set(chosen.tolist())) == 5


def test_more_starts_are_never_worse_and_repeat_with_their_seed() -> None:
    X = np.random.default_rng(0).normal(size=(150, 2))
    one, many, again = (KMeans(9, n_init=n, random_state=1).fit(X) for n in (1, 8, 8))
    assert many.inertia_ <= one.inertia_
    np.testing.assert_array_equal(many.cluster_centers_, again.cluster_centers_)
    assert many.score(X) == pytest.approx(-many.inertia_)
    random = KMeans(3, init="random", random_state=0).fit(X)
    np.testing.assert_allclose(random.fit_transform(X).min(axis=1) ** 2, random.transform(X).min(axis=1) ** 2)


# Decomposition


@EXAMPLES
@given(SEEDS, st.sampled_from(["randomized", "exact"]))
def test_truncated_components_are_orthonormal_and_lose_what_they_leave_out(seed: int, solver) -> None:
    X = np.random.default_rng(seed).normal(size=(12, 7)) * 0.5 ** np.arange(7)
    model = TruncatedSVD(3, solver=solver, random_state=0).fit(X)
    np.testing.assert_allclose(model.components_ @ model.components_.T, np.eye(3), atol=1e-10)
    Z = model.transform(X)
    np.testing.assert_allclose(Z.T @ Z, np.diag(model.singular_values_**2), atol=1e-6)
    lost = ((model.inverse_transform(Z) - X) ** 2).sum()
    assert lost == pytest.approx((X**2).sum() - (model.singular_values_**2).sum(), abs=1e-9)
    np.testing.assert_allclose(model.fit_transform(X), Z, atol=1e-9)


def test_components_from_scratch_are_those_of_lapack() -> None:
    X = np.random.default_rng(0).normal(size=(5000, 9)) @ np.diag(np.arange(1.0, 10)) + 1e4
    scratch, lapack = PCA(solver="householder").fit(X), PCA(solver="covariance").fit(X)
    np.testing.assert_allclose(scratch.explained_variance_, lapack.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(scratch.components_, lapack.components_, atol=1e-8)
    np.testing.assert_allclose(scratch.explained_variance_.sum(), X.var(axis=0, ddof=1).sum(), rtol=1e-9)


# t-SNE


@EXAMPLES
@given(SEEDS, st.floats(1.5, 12.0))
def test_every_row_has_the_perplexity_that_was_asked_for(seed: int, perplexity: float) -> None:
    X = np.random.default_rng(seed).normal(size=(15, 3)) * 10 ** (seed % 5)
    P = conditional_probabilities(((X[:, None] - X) ** 2).sum(axis=2), perplexity)
    entropy = -(P * np.log(np.where(P > 0, P, 1))).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), perplexity, rtol=1e-8)
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-12)
    joint = joint_probabilities(X, perplexity)
    np.testing.assert_array_equal(joint, joint.T)
    assert joint.sum() == pytest.approx(1)
    assert (joint.sum(axis=1) >= 1 / 30).all()


@EXAMPLES
@given(SEEDS, st.integers(1, 3))
def test_the_gradient_of_the_map_is_that_of_finite_differences(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    P = joint_probabilities(rng.normal(size=(7, 3)), 3.0)
    Y = rng.normal(size=(7, k))
    _, gradient = kl_divergence_and_gradient(P, Y)
    for i, j in ((0, 0), (3, k - 1), (6, 0)):
        step = np.zeros_like(Y)
        step[i, j] = 1e-6
        above, below = (kl_divergence_and_gradient(P, Y + sign * step)[0] for sign in (1, -1))
        assert gradient[i, j] == pytest.approx((above - below) / 2e-6, abs=1e-6)
    np.testing.assert_allclose(gradient.sum(axis=0), 0, atol=1e-12)


def test_distances_in_the_map_count_by_students_distribution() -> None:
    Y = np.array([[0.0], [1.0], [3.0]])
    q = np.array([1 / 2, 1 / 10, 1 / 5])  # of the pairs at distances 1, 3 and 2
    q /= 2 * q.sum()
    P = np.array([[0, 0.2, 0.2], [0.2, 0, 0.1], [0.2, 0.1, 0]])
    expected = 2 * sum(p * np.log(p / r) for p, r in zip((0.2, 0.2, 0.1), q, strict=True))
    assert kl_divergence_and_gradient(P, Y)[0] == pytest.approx(expected)


def test_a_map_keeps_groups_apart_and_repeats_with_its_seed() -> None:
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(15, 5)), rng.normal(size=(15, 5)) + 20])
    one, again = (TSNE(perplexity=5, max_iter=20, init="random", random_state=3).fit_transform(X) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    first = TSNE(perplexity=5, max_iter=500).fit(X)
    nearest = kneighbors(first.embedding_, first.embedding_, 2).indices[:, 1]
    # A few may be thrown among the others: gradient descent amplifies what processors round differently.
    assert ((nearest < 15) == (np.arange(30) < 15)).mean() >= 0.8
    P = joint_probabilities(X, 5)
    assert first.kl_divergence_ == pytest.approx(kl_divergence_and_gradient(P, first.embedding_)[0])
    early = TSNE(perplexity=5, max_iter=100).fit(X)
    assert first.kl_divergence_ < early.kl_divergence_
    assert TSNE(3, perplexity=5, max_iter=10).fit_transform(X).shape == (30, 3)


# Recommenders


def ratings(seed: int, share: float = 0.6):
    rng = np.random.default_rng(seed)
    R = np.clip(np.round(rng.normal(size=(12, 2)) @ rng.normal(size=(2, 9)) + 3), 1, 5)
    u, i = np.nonzero(rng.random(R.shape) < share)
    return u, i, R[u, i]


def test_no_iteration_of_alternating_least_squares_raises_the_objective() -> None:
    for model in (ALS(3, random_state=0), ImplicitALS(3, random_state=0)):
        objective = model.fit(*ratings(0)).objective_
        assert (np.diff(objective) <= 1e-9 * objective[0]).all()
        assert objective[-1] < objective[0]


def test_confidence_makes_what_was_seen_often_count_more() -> None:
    # Users 0 and 1 share item 0; user 0 has also item 1, but user 1 only a single time item 2.
    u, i = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 2])
    often = ImplicitALS(1, alpha=10.0, reg=1.0, random_state=0).fit(u, i, [1.0, 50.0, 1.0, 1.0]).predict(u, i)
    seldom = ImplicitALS(1, alpha=10.0, reg=1.0, random_state=0).fit(u, i, [1.0, 1.0, 1.0, 50.0]).predict(u, i)
    assert often[1] > seldom[1]
    assert often[3] < seldom[3]


def test_implicit_objective_is_that_of_all_pairs() -> None:
    u, i, r = ratings(1)
    model = ImplicitALS(2, reg=0.3, alpha=2.0, random_state=0).fit(u, i, r)
    target, confidence = np.zeros((12, 9)), np.ones((12, 9))
    target[u, i], confidence[u, i] = 1, 1 + 2.0 * r
    P, Q = model.user_factors_, model.item_factors_
    expected = (confidence * (target - P @ Q.T) ** 2).sum() + 0.3 * ((P**2).sum() + (Q**2).sum())
    assert model.objective_[-1] == pytest.approx(expected)


def test_epochs_lower_the_error_and_biases_alone_give_means() -> None:
    u, i, r = ratings(2)
    model = FunkSVD(2, n_epochs=60, learning_rate=0.02, random_state=0).fit(u, i, r)
    assert model.train_rmse_[-1] < 0.6 * model.train_rmse_[0]
    # One item, no penalty and no factors: a user's prediction tends to the user's rating.
    plain = FunkSVD(1, init_std=0.0, reg=0.0, learning_rate=0.1, n_epochs=400, random_state=0)
    np.testing.assert_allclose(
        plain.fit([0, 1, 2], [0, 0, 0], [1.0, 2.0, 6.0]).predict([0, 1, 2], [0, 0, 0]), [1, 2, 6]
    )


def test_factors_are_stepped_from_where_both_stood() -> None:
    rng = np.random.default_rng(0)
    p, q = 0.5 * rng.standard_normal((1, 2)), 0.5 * rng.standard_normal((1, 2))
    model = FunkSVD(2, learning_rate=0.5, reg=0.1, n_epochs=1, init_std=0.5, random_state=0).fit([0], [0], [4.0])
    error = 4.0 - 4.0 - float(p[0] @ q[0])
    np.testing.assert_allclose(model.user_factors_, p + 0.5 * (error * q - 0.1 * p))
    np.testing.assert_allclose(model.item_factors_, q + 0.5 * (error * p - 0.1 * q))


def test_filling_in_lowers_the_error_on_the_ratings_every_time() -> None:
    u, i, r = ratings(3)
    errors = ImputedSVD(2, n_iter=20).fit(u, i, r).train_rmse_
    assert (np.diff(errors) <= 1e-12).all()
    assert errors[-1] < 0.9 * errors[0]
    whole = ImputedSVD(9, n_iter=1, damping=0.0).fit(*ratings(4, share=1.1))
    np.testing.assert_allclose(whole.train_rmse_, 0, atol=1e-9)


def test_recommendations_are_the_highest_predictions_without_what_is_excluded() -> None:
    u, i, r = ratings(5)
    model = ALS(2, random_state=0).fit(u, i, r)
    seen = i[u == 3]
    best, scores = model.recommend(3, 4, exclude=seen)
    assert not set(best) & set(seen)
    np.testing.assert_allclose(scores, model.predict(np.full(len(best), 3), best))
    assert (np.diff(scores) <= 0).all()
    rest = np.setdiff1d(np.arange(9), np.concatenate([seen, best]))
    if rest.size:
        assert model.predict(np.full(len(rest), 3), rest).max() <= scores.min()


def test_what_was_held_out_is_looked_for_among_what_was_not_seen() -> None:
    model = ALS(1).fit([0, 0, 1], [0, 1, 2], [3.0, 3.0, 3.0])
    model.item_biases_ = np.array([9.0, 5.0, 7.0])
    found = rank_held_out(model, ([0], [0]), ([0], [1]), k=2)
    assert found == (0.5, 1.0, 0.5, pytest.approx(1 / np.log2(3)), 1)


# Measures


@EXAMPLES
@given(SEEDS)
def test_measures_are_blind_to_what_they_should_be_blind_to(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, p = np.append([0, 1], rng.integers(0, 2, 20)), rng.integers(0, 5, 22) / 4
    auc = classification.roc_auc_score(y, p)
    assert classification.roc_auc_score(y, np.exp(p)) == pytest.approx(auc)
    assert classification.roc_auc_score(1 - y, p) == pytest.approx(1 - auc)
    matrix = classification.confusion_matrix(y, p > 0.5)
    assert matrix.sum() == 22
    np.testing.assert_array_equal(classification.confusion_matrix(p > 0.5, y), matrix.T)
    assert matrix.trace() / 22 == pytest.approx(classification.accuracy_score(y, p > 0.5))
    a, b = rng.normal(size=9), rng.normal(size=9)
    assert regression.r2_score(3 * a + 1, 3 * b + 1) == pytest.approx(regression.r2_score(a, b))
    assert regression.r2_score(a, np.full(9, a.mean())) == pytest.approx(0)
    X = rng.normal(size=(12, 2))
    labels = np.arange(12) % 3
    score = clustering.silhouette_score(X, labels)
    assert clustering.silhouette_score(5 * X - 3, 2 - labels) == pytest.approx(score)
    assert -1 <= score <= 1


def test_everything_compiled_comes_to_the_same_in_python() -> None:
    X, y = two_clouds(7)
    target = X @ [1.0, 2.0]

    def everything() -> list[np.ndarray]:
        u, i, r = ratings(6)
        return [
            SVC().fit(X, y).dual_coef_,
            Lasso(0.1).fit(X, target).coef_,
            KMeans(3, random_state=0).fit(X).cluster_centers_,
            ALS(2, random_state=0).fit(u, i, r).item_factors_,
            FunkSVD(2, n_epochs=3, random_state=0).fit(u, i, r).item_factors_,
        ]

    compiled = everything()
    with mock.patch.object(_compiled, "numba_is_used", return_value=False):
        plain = everything()
    for ours, theirs in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
