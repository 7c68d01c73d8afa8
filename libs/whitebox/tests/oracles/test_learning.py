"""Classical learning against scikit-learn and libsvm."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn.cluster
import sklearn.decomposition
import sklearn.linear_model
import sklearn.manifold
import sklearn.metrics
import sklearn.naive_bayes
import sklearn.neighbors
import sklearn.svm
from scipy.optimize import minimize
from scipy.sparse.linalg import svds
from scipy.spatial.distance import pdist, squareform
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
    make_regression,
)
from whitebox import cluster, decomposition, linear_model, manifold, naive_bayes, neighbors, recsys, svm
from whitebox.linalg import CSR
from whitebox.metrics import classification, clustering, regression
from whitebox.preprocessing import StandardScaler


def scaled(load):
    data = load()
    return StandardScaler().fit_transform(data.data), data.target


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (linear_model.LinearRegression(), sklearn.linear_model.LinearRegression()),
        (
            linear_model.LinearRegression(fit_intercept=False),
            sklearn.linear_model.LinearRegression(fit_intercept=False),
        ),
        (linear_model.Ridge(0.1), sklearn.linear_model.Ridge(0.1)),
        (linear_model.Ridge(100.0, fit_intercept=False), sklearn.linear_model.Ridge(100.0, fit_intercept=False)),
        (linear_model.Lasso(0.5, tol=1e-12), sklearn.linear_model.Lasso(0.5, tol=1e-12)),
        (linear_model.Lasso(0.01, tol=1e-12), sklearn.linear_model.Lasso(0.01, tol=1e-12, max_iter=100_000)),
    ],
    ids=str,
)
def test_linear_models_find_scikit_learns_weights(ours, theirs) -> None:
    X, y = load_diabetes(return_X_y=True)
    ours.fit(X, y), theirs.fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5, atol=1e-5 * np.abs(theirs.coef_).max())
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), rel=1e-7)


def test_wide_and_many_target_problems_come_out_as_in_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, 120)), rng.normal(size=(40, 3))
    for ours, theirs in (
        (linear_model.LinearRegression(), sklearn.linear_model.LinearRegression()),
        (linear_model.Ridge(2.0), sklearn.linear_model.Ridge(2.0)),
    ):
        np.testing.assert_allclose(ours.fit(X, Y).coef_, theirs.fit(X, Y).coef_, atol=1e-8)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-8)


def test_a_lasso_of_more_columns_than_rows_reaches_scikit_learns_objective() -> None:
    X, y = make_regression(60, 400, n_informative=10, noise=1.0, random_state=0)
    ours = linear_model.Lasso(1.0, tol=1e-9).fit(X, y)
    theirs = sklearn.linear_model.Lasso(1.0, tol=1e-9, max_iter=100_000).fit(X, y)

    def objective(model) -> float:
        return ((y - model.predict(X)) ** 2).mean() / 2 + np.abs(model.coef_).sum()

    assert objective(ours) <= objective(theirs) * (1 + 1e-8)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3)
    assert (ours.coef_ != 0).sum() < 60


def test_a_lasso_path_is_scikit_learns() -> None:
    X, y = load_diabetes(return_X_y=True)
    X, y = X - X.mean(axis=0), y - y.mean()
    alphas, coefs, _ = sklearn.linear_model.lasso_path(X, y, alphas=20, tol=1e-10)
    ours = linear_model.lasso_path(X, y, n_alphas=20, tol=1e-10)
    np.testing.assert_allclose(ours.alphas, alphas, rtol=1e-9)
    np.testing.assert_allclose(ours.coefs, coefs, atol=1e-3 * np.abs(coefs).max())


@pytest.mark.parametrize(("C", "kernel"), [(1.0, "rbf"), (10.0, "rbf"), (0.1, "linear")])
def test_a_support_vector_machine_reaches_libsvms_dual(C: float, kernel: str) -> None:
    X, y = make_classification(800, 12, n_informative=6, flip_y=0.1, random_state=0)
    ours = svm.SVC(C=C, kernel=kernel, tol=1e-4).fit(X, y)
    theirs = sklearn.svm.SVC(C=C, kernel=kernel, tol=1e-4).fit(X, y)
    gamma = 1 / (X.shape[1] * X.var())
    V, a = theirs.support_vectors_, theirs.dual_coef_[0]
    K = svm.linear_kernel(V, V) if kernel == "linear" else svm.rbf_kernel(V, V, gamma)
    libsvms = 0.5 * a @ K @ a - np.abs(a).sum()
    assert ours.dual_objective_[0] == pytest.approx(libsvms, rel=1e-6)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=2e-3)
    # Multipliers within the tolerance of zero may be on either side of it.
    assert len(np.setxor1d(ours.support_, theirs.support_)) <= 0.01 * len(theirs.support_) + 2
    assert (ours.predict(X) == theirs.predict(X)).mean() > 0.998
    if kernel == "linear":
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=5e-3)


def test_a_tight_support_vector_machine_has_libsvms_decision_values_and_vectors() -> None:
    X, y = scaled(load_breast_cancer)
    ours, theirs = svm.SVC(tol=1e-6).fit(X, y), sklearn.svm.SVC(tol=1e-6).fit(X, y)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-4)
    np.testing.assert_array_equal(ours.support_, np.sort(theirs.support_))
    order = np.argsort(theirs.support_)
    np.testing.assert_allclose(ours.dual_coef_[0], theirs.dual_coef_[0, order], atol=1e-3)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-4)


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_several_classes_are_decided_in_pairs_as_by_libsvm(load) -> None:
    X, y = scaled(load)
    for shape in ("ovo", "ovr"):
        ours = svm.SVC(decision_function_shape=shape, tol=1e-5).fit(X, y)
        theirs = sklearn.svm.SVC(decision_function_shape=shape, tol=1e-5).fit(X, y)
        np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-3)
        assert (ours.predict(X) == theirs.predict(X)).all()


def test_support_vector_regression_is_libsvms() -> None:
    X, y = scaled(load_diabetes)
    y = (y - y.mean()) / y.std()
    for kwargs in ({"C": 1.0}, {"C": 0.1, "kernel": "linear", "epsilon": 0.3}):
        ours, theirs = svm.SVR(tol=1e-5, **kwargs).fit(X, y), sklearn.svm.SVR(tol=1e-5, **kwargs).fit(X, y)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-3)
        assert len(np.setxor1d(ours.support_, theirs.support_)) <= 3


def test_platts_sigmoid_is_the_one_scipy_finds() -> None:
    rng = np.random.default_rng(0)
    f = rng.normal(size=300) * 3
    y = rng.random(300) < 1 / (1 + np.exp(-1.5 * f + 0.4))
    n_positive, n_negative = y.sum(), (~y).sum()
    t = np.where(y, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    def loss(weights: np.ndarray) -> float:
        z = weights[0] * f + weights[1]
        return float(np.logaddexp(0, z) @ t + np.logaddexp(0, -z) @ (1 - t))

    found = minimize(loss, [0.0, 0.0], method="BFGS", tol=1e-10)
    np.testing.assert_allclose(svm.fit_platt(f, y), found.x, atol=1e-4)


def test_probabilities_are_about_as_good_as_cross_validated_calibration() -> None:
    from sklearn.calibration import CalibratedClassifierCV

    X, y = make_classification(400, 10, n_informative=5, flip_y=0.15, random_state=3)
    train, test = slice(0, 250), slice(250, None)
    ours = svm.SVC(probability=True, random_state=0).fit(X[train], y[train])
    theirs = CalibratedClassifierCV(sklearn.svm.SVC(), ensemble=False, cv=5).fit(X[train], y[train])
    losses = [sklearn.metrics.log_loss(y[test], model.predict_proba(X[test])) for model in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_neighbours_vote_as_in_scikit_learn(weights: str) -> None:
    X, y = load_digits(return_X_y=True)
    train, test = slice(0, 1200), slice(1200, None)
    ours = neighbors.KNeighborsClassifier(5, weights).fit(X[train], y[train])
    theirs = sklearn.neighbors.KNeighborsClassifier(5, weights=weights, algorithm="brute").fit(X[train], y[train])
    np.testing.assert_allclose(ours.kneighbors(X[test]).distances, theirs.kneighbors(X[test])[0], atol=1e-9)
    # Where the fifth and the sixth are equally far, either may vote.
    assert (np.abs(ours.predict_proba(X[test]) - theirs.predict_proba(X[test])).max(axis=1) < 1e-9).mean() > 0.99
    numbers = neighbors.KNeighborsRegressor(5, weights).fit(X[train], X[train, 20:22])
    theirs = sklearn.neighbors.KNeighborsRegressor(5, weights=weights, algorithm="brute").fit(X[train], X[train, 20:22])
    assert np.isclose(numbers.predict(X[test]), theirs.predict(X[test]), atol=1e-8).mean() > 0.99


def test_neighbours_across_blocks_and_far_from_the_origin_are_exact() -> None:
    rng = np.random.default_rng(1)
    X, Q = rng.normal(size=(5000, 6)) + 1e4, rng.normal(size=(300, 6)) + 1e4
    found = neighbors.kneighbors(Q, X, 7)
    distances = np.sqrt(((Q[:, None] - X) ** 2).sum(axis=2))
    expected = np.argsort(distances, axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(found.indices, expected)
    np.testing.assert_allclose(found.distances, np.take_along_axis(distances, expected, axis=1), rtol=1e-12)


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
def test_gaussian_naive_bayes_is_scikit_learns(load) -> None:
    X, y = load(return_X_y=True)
    ours, theirs = naive_bayes.GaussianNB().fit(X, y), sklearn.naive_bayes.GaussianNB().fit(X, y)
    np.testing.assert_allclose(ours.theta_, theirs.theta_, rtol=1e-10)
    np.testing.assert_allclose(ours.var_, theirs.var_, rtol=1e-9)
    np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["MultinomialNB", "ComplementNB", "BernoulliNB"])
@pytest.mark.parametrize("alpha", [0.01, 1.0])
def test_naive_bayes_of_counts_is_scikit_learns(name: str, alpha: float) -> None:
    X, y = load_digits(return_X_y=True)
    ours = getattr(naive_bayes, name)(alpha).fit(X, y)
    theirs = getattr(sklearn.naive_bayes, name)(alpha=alpha).fit(X, y)
    np.testing.assert_allclose(ours.feature_log_prob_, theirs.feature_log_prob_, rtol=1e-9)
    assert (ours.predict(X) == theirs.predict(X)).all()
    np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-8, atol=1e-8)


def test_k_means_takes_scikit_learns_path_from_the_same_start() -> None:
    X = load_digits().data
    init = X[np.random.default_rng(0).choice(len(X), 12, replace=False)]
    ours = cluster.KMeans(12, init=init).fit(X)
    theirs = sklearn.cluster.KMeans(12, init=init, n_init=1).fit(X)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-9)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-12)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), atol=1e-6)
    np.testing.assert_array_equal(ours.predict(X), ours.labels_)


def test_seeds_are_as_good_as_scikit_learns() -> None:
    X = load_digits().data

    def inertia(centres: np.ndarray) -> float:
        return ((X[:, None] - centres) ** 2).sum(axis=2).min(axis=1).sum()

    ours = [inertia(X[cluster.kmeans_plusplus(X, 10, np.random.default_rng(seed))]) for seed in range(12)]
    theirs = [inertia(sklearn.cluster.kmeans_plusplus(X, 10, random_state=seed)[0]) for seed in range(12)]
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=4 * np.std(theirs) / np.mean(theirs) / 12**0.5 + 0.01)


@pytest.mark.parametrize("solver", ["randomized", "exact"])
def test_truncated_components_are_scikit_learns(solver: str) -> None:
    X = load_digits().data
    ours = decomposition.TruncatedSVD(5, solver=solver, random_state=0).fit(X)
    theirs = sklearn.decomposition.TruncatedSVD(5, algorithm="arpack").fit(X)
    np.testing.assert_allclose(ours.singular_values_, theirs.singular_values_, rtol=1e-8)
    np.testing.assert_allclose(np.abs(ours.components_ @ theirs.components_.T), np.eye(5), atol=1e-4)
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=1e-4)


def test_a_sparse_matrix_has_the_components_of_a_dense_one() -> None:
    X = load_digits().data[:300]
    X = X * (X > 8)
    ours = decomposition.TruncatedSVD(4, random_state=0).fit(CSR.from_dense(X))
    np.testing.assert_allclose(ours.singular_values_, np.sort(svds(X, 4)[1])[::-1], rtol=1e-6)
    np.testing.assert_allclose(ours.transform(CSR.from_dense(X)), ours.transform(X), atol=1e-9)


def test_affinities_are_scikit_learns() -> None:
    from sklearn.manifold._t_sne import _joint_probabilities

    X = load_digits().data[:200]
    theirs = _joint_probabilities((squareform(pdist(X)) ** 2).astype(np.float32), 30.0, 0)
    np.testing.assert_allclose(manifold.joint_probabilities(X, 30.0), squareform(theirs), atol=1e-7)


@pytest.mark.slow
def test_a_map_is_as_good_as_scikit_learns() -> None:
    X = load_digits().data[:150]
    init = 1e-4 * np.random.default_rng(0).standard_normal((150, 2))
    ours = manifold.TSNE(init=init, perplexity=15).fit(X)
    theirs = sklearn.manifold.TSNE(init=init, perplexity=15, method="exact").fit(X)
    # The same start leads rounding into different local minima, which scatter by some per cent.
    assert ours.kl_divergence_ <= theirs.kl_divergence_ * 1.08
    trust = sklearn.manifold.trustworthiness
    assert trust(X, ours.embedding_) >= trust(X, theirs.embedding_) - 0.005


def test_measures_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 4, 500), rng.integers(0, 4, 500)
    metrics = sklearn.metrics
    assert classification.accuracy_score(y, p) == metrics.accuracy_score(y, p)
    np.testing.assert_array_equal(classification.confusion_matrix(y, p), metrics.confusion_matrix(y, p))
    for average in (None, "macro", "micro"):
        expected = metrics.precision_recall_fscore_support(y, p, average=average)[:3]
        for ours, theirs in zip(classification.precision_recall_f1(y, p, average), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    chances = rng.dirichlet(np.ones(4), 500)
    assert classification.log_loss(y, chances) == pytest.approx(metrics.log_loss(y, chances), rel=1e-12)
    scores = rng.integers(0, 30, 500)
    assert classification.roc_auc_score(y > 1, scores) == pytest.approx(metrics.roc_auc_score(y > 1, scores), rel=1e-12)
    a, b = rng.normal(size=500), rng.normal(size=500)
    for name in ("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2_score"):
        assert getattr(regression, name)(a, b) == pytest.approx(getattr(metrics, name)(a, b), rel=1e-12)
    X = rng.normal(size=(700, 3))
    labels = rng.integers(0, 5, 700)
    assert clustering.silhouette_score(X, labels) == pytest.approx(metrics.silhouette_score(X, labels), rel=1e-9)


def test_planted_factors_are_recovered_from_a_part_of_the_ratings() -> None:
    rng = np.random.default_rng(0)
    P, Q = rng.normal(size=(120, 3)), rng.normal(size=(80, 3))
    R = P @ Q.T + 3
    u, i = np.nonzero(rng.random(R.shape) < 0.4)
    held_u, held_i = np.nonzero(rng.random(R.shape) < 0.1)
    spread = R[held_u, held_i].std()
    for model, error in (
        (recsys.ALS(3, reg=0.01, n_iter=30, random_state=0), 0.04),
        (recsys.FunkSVD(3, learning_rate=0.02, reg=1e-3, n_epochs=100, random_state=0), 0.1),
        (recsys.ImputedSVD(4, n_iter=150, random_state=0), 0.2),
    ):
        model.fit(u, i, R[u, i])
        rmse = regression.root_mean_squared_error(R[held_u, held_i], model.predict(held_u, held_i))
        assert rmse < error * spread, type(model).__name__


def test_a_step_of_als_is_scikit_learns_ridge() -> None:
    rng = np.random.default_rng(0)
    u, i = np.nonzero(rng.random((30, 20)) < 0.5)
    r = rng.normal(size=len(u))
    model = recsys.ALS(4, reg=0.7, n_iter=3, random_state=0).fit(u, i, r)
    for item in range(20):
        seen = i == item
        ridge = sklearn.linear_model.Ridge(0.7, fit_intercept=False)
        ridge.fit(model.user_factors_[u[seen]], r[seen] - model.mean_)
        np.testing.assert_allclose(model.item_factors_[item], ridge.coef_, atol=1e-9)


def test_a_step_of_implicit_als_is_a_weighted_ridge_over_all_users() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.5, (30, 20)).astype(float)
    u, i = np.nonzero(counts)
    model = recsys.ImplicitALS(4, reg=0.7, alpha=3.0, n_iter=3, random_state=0).fit(u, i, counts[u, i])
    for item in range(20):
        ridge = sklearn.linear_model.Ridge(0.7, fit_intercept=False)
        ridge.fit(model.user_factors_, counts[:, item] > 0, sample_weight=1 + 3 * counts[:, item])
        np.testing.assert_allclose(model.item_factors_[item], ridge.coef_, atol=1e-8)


def test_interactions_rank_the_users_own_group_of_items_first() -> None:
    rng = np.random.default_rng(0)
    taste = np.kron(np.eye(4), np.ones((25, 15)))
    u, i = np.nonzero(rng.random(taste.shape) < np.where(taste > 0, 0.4, 0.01))
    held = rng.random(len(u)) < 0.2
    model = recsys.ImplicitALS(4, random_state=0).fit(u[~held], i[~held], np.ones((~held).sum()))
    own = taste[u[held], i[held]] > 0
    found = recsys.rank_held_out(model, (u[~held], i[~held]), (u[held][own], i[held][own]), k=10)
    assert found.recall > 0.8
    popular = recsys.ImplicitALS(1, random_state=0).fit(u[~held], i[~held], np.ones((~held).sum()))
    assert recsys.rank_held_out(popular, (u[~held], i[~held]), (u[held][own], i[held][own]), k=10).recall < found.recall


def test_warnings_are_given_where_iterations_do_not_suffice() -> None:
    X, y = scaled(load_breast_cancer)
    for fit in (
        lambda: svm.SVC(max_iter=3).fit(X, y),
        lambda: linear_model.Lasso(1e-3, max_iter=1, tol=1e-12).fit(X, y),
        lambda: cluster.KMeans(8, max_iter=1, random_state=0).fit(X),
    ):
        with pytest.warns(RuntimeWarning, match="no convergence within"):
            fit()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svm.SVC().fit(X, y)
