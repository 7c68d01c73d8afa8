"""What classical learning does with what it should not be given: work, or name what is wrong."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from bad_input.values import BAD_MATRICES
from whitebox import linear_model, manifold, neighbors, recsys, svm
from whitebox.cluster import KMeans, kmeans_plusplus
from whitebox.decomposition import PCA, TruncatedSVD
from whitebox.errors import (
    DtypeError,
    EmptyInputError,
    NotFiniteError,
    NotFittedError,
    RangeError,
    ShapeError,
    SingleClassError,
)
from whitebox.linalg import CSR
from whitebox.linear_model import Lasso, LinearRegression, Ridge, lasso_path
from whitebox.manifold import TSNE, conditional_probabilities, joint_probabilities, kl_divergence_and_gradient
from whitebox.metrics import classification, clustering, regression
from whitebox.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from whitebox.neighbors import KNeighborsClassifier, KNeighborsRegressor, kneighbors
from whitebox.recsys import ALS, FunkSVD, ImplicitALS, ImputedSVD, rank_held_out
from whitebox.svm import SVC, SVR, couple_probabilities, fit_platt, linear_kernel, rbf_kernel, solve_dual

X = [[0.0, 1.0], [1.0, 3.0], [2.0, 2.0], [4.0, 1.0]]
LABELS, TARGET = [0, 1, 1, 0], [1.0, 2.0, 3.0, 5.0]
RNG = np.random.default_rng(0)

CLASSIFIERS = {
    "SVC": SVC(),
    "KNeighborsClassifier": KNeighborsClassifier(n_neighbors=2),
    "GaussianNB": GaussianNB(),
    "MultinomialNB": MultinomialNB(),
    "ComplementNB": ComplementNB(),
    "BernoulliNB": BernoulliNB(),
}
REGRESSORS = {
    "LinearRegression": LinearRegression(),
    "Ridge": Ridge(),
    "Lasso": Lasso(),
    "SVR": SVR(),
    "KNeighborsRegressor": KNeighborsRegressor(n_neighbors=2),
}
TAKES_A_MATRIX = {
    **{f"{name}.fit": partial(model.fit, y=LABELS) for name, model in CLASSIFIERS.items()},
    **{f"{name}.predict": lambda bad, m=model: m.fit(X, LABELS).predict(bad) for name, model in CLASSIFIERS.items()},
    **{f"{name}.fit": partial(model.fit, y=TARGET) for name, model in REGRESSORS.items()},
    **{f"{name}.predict": lambda bad, m=model: m.fit(X, TARGET).predict(bad) for name, model in REGRESSORS.items()},
    "lasso_path": lambda bad: lasso_path(bad, TARGET),
    "linear_kernel": lambda bad: linear_kernel(bad, X),
    "rbf_kernel": lambda bad: rbf_kernel(X, bad, 1.0),
    "kneighbors, queries": lambda bad: kneighbors(bad, X, 1),
    "kneighbors, rows": lambda bad: kneighbors(X, bad, 1),
    "KMeans.fit": lambda bad: KMeans(2).fit(bad),
    "KMeans.predict": lambda bad: KMeans(2, random_state=0).fit(X).predict(bad),
    "KMeans.transform": lambda bad: KMeans(2, random_state=0).fit(X).transform(bad),
    "KMeans, init": lambda bad: KMeans(2, init=bad).fit(X),
    "kmeans_plusplus": lambda bad: kmeans_plusplus(bad, 1, RNG),
    "TruncatedSVD.fit": lambda bad: TruncatedSVD(1).fit(bad),
    "TruncatedSVD.transform": lambda bad: TruncatedSVD(1).fit(X).transform(bad),
    "TSNE.fit": lambda bad: TSNE(perplexity=1.0).fit(bad),
    "conditional_probabilities": lambda bad: conditional_probabilities(bad, 1.0),
    "joint_probabilities": lambda bad: joint_probabilities(bad, 1.0),
    "kl_divergence_and_gradient": lambda bad: kl_divergence_and_gradient(bad, X),
    "silhouette_score": lambda bad: clustering.silhouette_score(bad, LABELS),
}


@pytest.mark.parametrize("bad", BAD_MATRICES)
@pytest.mark.parametrize("function", TAKES_A_MATRIX)
def test_what_is_no_matrix_of_numbers_is_refused_by_name(function: str, bad: str) -> None:
    value, error, message = BAD_MATRICES[bad]
    if function == "KMeans, init" and bad == "words":
        pytest.skip("words as a start are names of methods")
    with pytest.raises(error, match=message):
        TAKES_A_MATRIX[function](value)


@pytest.mark.parametrize("name", [name for name in TAKES_A_MATRIX if name.endswith(("predict", "transform"))])
def test_another_width_is_refused(name: str) -> None:
    with pytest.raises(ShapeError, match="3 features"):
        TAKES_A_MATRIX[name]([[1.0, 2.0, 3.0]])


@pytest.mark.parametrize("model", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_labels_must_be_of_two_classes_and_as_many_as_rows(model) -> None:
    with pytest.raises(SingleClassError, match="one class"):
        model.fit(X, [1, 1, 1, 1])
    with pytest.raises(ShapeError, match=r"\(4,\)"):
        model.fit(X, [0, 1])
    with pytest.raises(NotFiniteError, match="y contains NaN"):
        model.fit(X, [0.0, 1.0, math.nan, 1.0])


@pytest.mark.parametrize("model", REGRESSORS.values(), ids=REGRESSORS)
def test_targets_must_be_numbers_and_as_many_as_rows(model) -> None:
    with pytest.raises(ShapeError, match=r"\(4,\)"):
        model.fit(X, [0.0, 1.0])
    with pytest.raises(NotFiniteError, match=r"y contains NaN or infinity: y\[2\]"):
        model.fit(X, [0.0, 1.0, math.nan, 1.0])
    with pytest.raises(DtypeError, match="y must hold real numbers"):
        model.fit(X, ["a", "b", "c", "d"])
    with pytest.raises(EmptyInputError, match="requires y"):
        model.fit(X, None)
    with pytest.raises(ShapeError, match="y must have shape"):
        model.fit(X, TARGET).score(X, TARGET[:2])


U, ITEMS, R = [0, 0, 1, 1], [0, 1, 0, 2], [5.0, 3.0, 4.0, 1.0]
RECOMMENDERS = {
    "ALS": ALS(2, random_state=0),
    "ImplicitALS": ImplicitALS(2, random_state=0),
    "FunkSVD": FunkSVD(2, random_state=0),
    "ImputedSVD": ImputedSVD(2),
}


@pytest.mark.parametrize("model", RECOMMENDERS.values(), ids=RECOMMENDERS)
def test_ratings_must_be_triplets_of_users_items_and_numbers(model) -> None:
    for arguments, error, message in [
        ((U, ITEMS, R[:2]), ShapeError, "no triplets"),
        (([], [], []), EmptyInputError, "users is empty"),
        (([0.5, 1.0], [0, 1], [1.0, 2.0]), DtypeError, "users must hold whole numbers"),
        (([[0]], [0], [1.0]), ShapeError, "users must be a vector"),
        (([0, -1], [0, 1], [1.0, 2.0]), RangeError, r"users\[1\] is negative"),
        (([0, 1], [0, -2], [1.0, 2.0]), RangeError, r"items\[1\] is negative"),
        (([0, 0], [1, 1], [1.0, 2.0]), RangeError, "user 0 has rated item 1 more than once"),
        (([0, 1], [0, 1], [1.0, math.nan]), NotFiniteError, r"ratings\[1\] is NaN"),
    ]:
        with pytest.raises(error, match=message):
            model.fit(*arguments)
    model.fit(U, ITEMS, R)
    with pytest.raises(ShapeError, match="2 users for 1 items"):
        model.predict([0, 1], [0])
    with pytest.raises(RangeError, match="user must be from 0 to 1, got 9"):
        model.recommend(9)
    with pytest.raises(RangeError, match="n must be"):
        model.recommend(0, n=0)


REFUSED = [
    ("ridge, a negative penalty", partial(Ridge(-1.0).fit, X, TARGET), RangeError, "alpha must be"),
    ("lasso without a penalty", partial(Lasso(0.0).fit, X, TARGET), RangeError, r"alpha must be .* \(0"),
    ("lasso, no tolerance", partial(Lasso(tol=0.0).fit, X, TARGET), RangeError, "tol"),
    ("lasso, no passes", partial(Lasso(max_iter=0).fit, X, TARGET), RangeError, "max_iter"),
    ("a path of two lengths", partial(lasso_path, X, TARGET[:2]), ShapeError, r"\(4,\)"),
    ("a path without penalties", partial(lasso_path, X, TARGET, n_alphas=0), RangeError, "n_alphas"),
    ("a path down to a negative one", partial(lasso_path, X, TARGET, alphas=[1.0, -1.0]), RangeError, "alphas"),
    ("a path to nowhere", partial(lasso_path, X, TARGET, eps=2.0), RangeError, "eps"),
    ("lasso before fit", partial(Lasso().predict, X), NotFittedError, "call fit first"),
    ("kernels of two widths", partial(linear_kernel, X, [[1.0]]), ShapeError, "Y has 1"),
    ("gamma of 0", partial(rbf_kernel, X, X, 0.0), RangeError, "gamma"),
    ("SVC, C of 0", partial(SVC(C=0.0).fit, X, LABELS), RangeError, "C must be"),
    ("SVC, an unknown kernel", partial(SVC(kernel="poly").fit, X, LABELS), RangeError, "'linear' or 'rbf'"),
    ("SVC, an unknown gamma", partial(SVC(gamma="wide").fit, X, LABELS), RangeError, "'scale', 'auto'"),
    ("SVC, a negative gamma", partial(SVC(gamma=-1.0).fit, X, LABELS), RangeError, "gamma"),
    ("SVC, an unknown shape", partial(SVC(decision_function_shape="x").fit, X, LABELS), RangeError, "'ovr' or 'ovo'"),
    ("SVC, no tolerance", partial(SVC(tol=0.0).fit, X, LABELS), RangeError, "tol"),
    ("SVC, no cache", partial(SVC(cache_mb=0.0).fit, X, LABELS), RangeError, "cache_mb"),
    ("probabilities not asked for", lambda: SVC().fit(X, LABELS).predict_proba(X), NotFittedError, "probability=True"),
    ("weights of an RBF kernel", lambda: SVC().fit(X, LABELS).coef_, NotFittedError, "linear kernel only"),
    ("SVR, a negative tube", partial(SVR(epsilon=-1.0).fit, X, TARGET), RangeError, "epsilon"),
    ("SVR before fit", partial(SVR().predict, X), NotFittedError, "call fit first"),
    (
        "bounds that leave 0 out",
        partial(solve_dual, np.eye(2).__getitem__, [1.0, 1.0], [1.0, -1.0], [0.5, 0.0], [1.0, 1.0]),
        RangeError,
        "lower must not be above 0",
    ),
    (
        "bounds of another length",
        partial(solve_dual, np.eye(2).__getitem__, [1.0, 1.0], [1.0, -1.0], [0.0], [1.0, 1.0]),
        ShapeError,
        "differ in length",
    ),
    ("a sigmoid of one class", partial(fit_platt, [1.0, 2.0], [True, True]), SingleClassError, "one class"),
    ("a sigmoid of two lengths", partial(fit_platt, [1.0, 2.0], [True]), ShapeError, "2 decisions for 1"),
    ("chances that are sure", partial(couple_probabilities, [[[0.0, 1.0], [0.0, 0.0]]]), RangeError, "between 0 and 1"),
    ("chances in a matrix", partial(couple_probabilities, [[0.0, 0.5]]), ShapeError, r"\(n, k, k\)"),
    ("more neighbours than rows", partial(kneighbors, X, X, 5), RangeError, "at most the number of rows, 4"),
    ("no neighbours", partial(kneighbors, X, X, 0), RangeError, "k must be"),
    ("neighbours of another width", partial(kneighbors, [[1.0]], X, 1), ShapeError, "queries have 1 columns"),
    ("squares that overflow", partial(kneighbors, [[1e200]], [[1e200]], 1), NotFiniteError, "overflows"),
    ("k-NN, too few rows", partial(KNeighborsClassifier(9).fit, X, LABELS), RangeError, "n_samples = 4"),
    ("k-NN, unknown weights", partial(KNeighborsRegressor(1, "x").fit, X, TARGET), RangeError, "'uniform'"),
    ("k-NN before fit", partial(KNeighborsRegressor().predict, X), NotFittedError, "call fit first"),
    ("negative counts", partial(MultinomialNB().fit, [[-1.0], [1.0]], [0, 1]), RangeError, r"Negative.*X\[0, 0\]"),
    ("negative complements", partial(ComplementNB().fit, [[1.0], [-1.0]], [0, 1]), RangeError, r"X\[1, 0\]"),
    ("no smoothing", partial(MultinomialNB(0.0).fit, X, LABELS), RangeError, "alpha must be"),
    ("a negative smoothing", partial(BernoulliNB(-1.0).fit, X, LABELS), RangeError, "alpha must be"),
    ("a negative width", partial(GaussianNB(var_smoothing=-1.0).fit, X, LABELS), RangeError, "var_smoothing"),
    ("too many priors", partial(GaussianNB([0.2, 0.3, 0.5]).fit, X, LABELS), ShapeError, r"\(2,\)"),
    ("priors of 2", partial(MultinomialNB(1.0, [1.0, 1.0]).fit, X, LABELS), RangeError, "sum to 1"),
    ("a threshold that is NaN", partial(BernoulliNB(binarize=math.nan).fit, X, LABELS), RangeError, "binarize"),
    ("naive Bayes before fit", partial(GaussianNB().predict, X), NotFittedError, "call fit first"),
    ("more clusters than rows", partial(KMeans(5).fit, X), RangeError, "n_samples = 4"),
    ("no clusters", partial(KMeans(0).fit, X), RangeError, "n_clusters"),
    ("no starts", partial(KMeans(2, n_init=0).fit, X), RangeError, "n_init"),
    ("no iterations", partial(KMeans(2, max_iter=0).fit, X), RangeError, "max_iter"),
    ("a negative tolerance", partial(KMeans(2, tol=-1.0).fit, X), RangeError, "tol"),
    ("an unknown start", partial(KMeans(2, init="far").fit, X), RangeError, r"'k-means\+\+', 'random'"),
    ("centres of another shape", partial(KMeans(2, init=[[1.0, 2.0]]).fit, X), ShapeError, r"\(2, 2\)"),
    ("clusters before fit", partial(KMeans(2).predict, X), NotFittedError, "call fit first"),
    ("more seeds than rows", partial(kmeans_plusplus, X, 5, RNG), RangeError, "n_samples = 4"),
    ("PCA, an unknown solver", partial(PCA(solver="x").fit, X), RangeError, "'householder'"),
    ("too many components", partial(TruncatedSVD(3).fit, X), RangeError, r"min\(n, d\) = 2"),
    ("an unknown solver", partial(TruncatedSVD(1, solver="x").fit, X), RangeError, "'randomized' or 'exact'"),
    ("sparse before fit", partial(TruncatedSVD(1).transform, CSR.from_dense(X)), NotFittedError, "call fit first"),
    (
        "sparse of another width",
        partial(TruncatedSVD(1).fit(X).transform, CSR.from_dense([[1.0]])),
        ShapeError,
        "X has 1 features",
    ),
    ("a perplexity of n", partial(TSNE(perplexity=4.0).fit, X), RangeError, "n_samples = 4"),
    ("a perplexity below 1", partial(TSNE(perplexity=0.5).fit, X), RangeError, "perplexity"),
    ("t-SNE of no dimensions", partial(TSNE(0, perplexity=2.0).fit, X), RangeError, "n_components"),
    ("no exaggeration", partial(TSNE(perplexity=2.0, early_exaggeration=0.5).fit, X), RangeError, "exaggeration"),
    ("a learning rate of 0", partial(TSNE(perplexity=2.0, learning_rate=0.0).fit, X), RangeError, "learning_rate"),
    ("a map of another shape", partial(TSNE(perplexity=2.0, init=[[0.0]]).fit, X), ShapeError, r"\(4, 2\)"),
    ("an unknown map", partial(TSNE(perplexity=2.0, init="x").fit, X), RangeError, "'pca', 'random'"),
    ("a lopsided shape", partial(conditional_probabilities, X, 1.0), ShapeError, "square"),
    ("a lonely row", partial(conditional_probabilities, [[0.0]], 1.0), ShapeError, "two rows"),
    ("negative distances", partial(conditional_probabilities, [[0.0, -1.0], [-1.0, 0.0]], 1.0), RangeError, "negative"),
    ("a perplexity too high", partial(joint_probabilities, X, 3.5), RangeError, "n - 1 = 3"),
    ("affinities of others", partial(kl_divergence_and_gradient, np.eye(2), X), ShapeError, r"\(4, 4\)"),
    ("negative affinities", partial(kl_divergence_and_gradient, -np.eye(2), X[:2]), RangeError, "negative"),
    ("predictions before fit", partial(ALS().predict, [0], [0]), NotFittedError, "call fit first"),
    ("no factors", partial(ALS(0).fit, U, ITEMS, R), RangeError, "n_factors"),
    ("no penalty", partial(ALS(2, reg=0.0).fit, U, ITEMS, R), RangeError, "reg"),
    ("no iterations of ALS", partial(ImplicitALS(2, n_iter=0).fit, U, ITEMS, R), RangeError, "n_iter"),
    ("a negative confidence", partial(ImplicitALS(2, alpha=-1.0).fit, U, ITEMS, R), RangeError, "alpha"),
    ("counts of 0", partial(ImplicitALS(2).fit, U, ITEMS, [0.0, 1, 1, 1]), RangeError, "counts must be positive"),
    ("steps of 0", partial(FunkSVD(2, learning_rate=0.0).fit, U, ITEMS, R), RangeError, "learning_rate"),
    (
        "steps too long",
        partial(FunkSVD(2, learning_rate=50.0, n_epochs=200, random_state=0).fit, U, ITEMS, R),
        NotFiniteError,
        "lower learning_rate",
    ),
    ("more factors than users", partial(ImputedSVD(3).fit, U, ITEMS, R), RangeError, r"min\(users, items\) = 2"),
    ("a negative damping", partial(ImputedSVD(2, damping=-1.0).fit, U, ITEMS, R), RangeError, "damping"),
    (
        "held-out pairs that are none",
        lambda: rank_held_out(ALS(2).fit(U, ITEMS, R), (U, ITEMS), ([0], [1, 2])),
        ShapeError,
        "held_out",
    ),
    ("ranks of 0", lambda: rank_held_out(ALS(2).fit(U, ITEMS, R), (U, ITEMS), ([0], [2]), 0), RangeError, "k must"),
    ("ranks before fit", partial(rank_held_out, ALS(), (U, ITEMS), ([0], [2])), NotFittedError, "call fit first"),
    ("clusters that are one", partial(clustering.silhouette_score, X, [0, 0, 0, 0]), RangeError, "2 to 3 clusters"),
    ("clusters for others", partial(clustering.silhouette_score, X, [0, 1]), ShapeError, r"\(4,\)"),
    ("clusters that are NaN", partial(clustering.silhouette_score, X, [0, 1, 1, math.nan]), NotFiniteError, "NaN"),
    ("an unknown average", partial(classification.precision_recall_f1, [0], [0], "x"), RangeError, "'micro'"),
    ("ranks of one class", partial(classification.roc_auc_score, [1, 1], [0.1, 0.2]), SingleClassError, "one class"),
    (
        "ranks of three classes",
        partial(classification.roc_auc_score, [0, 1, 2], [0.1, 0.2, 0.3]),
        RangeError,
        "3 class",
    ),
    ("ranks of too few", partial(classification.roc_auc_score, [0, 1], [0.1]), ShapeError, "for 1 scores"),
    ("chances of 2", partial(classification.log_loss, [0, 1], [[0.5, 1.5], [0.5, 0.5]]), RangeError, "from 0 to 1"),
    ("chances of others", partial(classification.log_loss, [0, 1], [[1.0]]), ShapeError, r"\(2, 2\)"),
    (
        "a label that is no class",
        partial(classification.log_loss, [3], [[1.0]], classes=[1]),
        RangeError,
        r"y_true\[0\]",
    ),
]
TWO_VECTORS = [
    classification.accuracy_score,
    classification.confusion_matrix,
    classification.precision_recall_f1,
    regression.mean_squared_error,
    regression.root_mean_squared_error,
    regression.mean_absolute_error,
    regression.r2_score,
]
for _measure in TWO_VECTORS:
    _name = _measure.__name__
    REFUSED += [
        (f"{_name}, two lengths", partial(_measure, [1.0], [1.0, 2.0]), ShapeError, "y_pred"),
        (f"{_name}, a NaN", partial(_measure, [1.0, math.nan], [1.0, 2.0]), NotFiniteError, r"y_true\[1\]"),
        (f"{_name}, nothing", partial(_measure, [], []), EmptyInputError, "y_true is empty"),
        (f"{_name}, a matrix", partial(_measure, [[1.0]], [[1.0]]), ShapeError, "must be a vector"),
    ]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


WORKS = [
    ("one row", lambda: LinearRegression().fit([[2.0]], [3.0]).predict([[5.0]]), [3.0]),
    ("columns that are equal", lambda: LinearRegression().fit([[1.0, 1], [2, 2]], [1.0, 2]).coef_.round(9), [0.5, 0.5]),
    ("columns that are constant", lambda: Lasso(0.1).fit([[1.0], [1.0]], [1.0, 2.0]).coef_, [0.0]),
    ("a constant target", lambda: Lasso(0.1).fit(X, [2.0] * 4).predict(X), [2.0] * 4),
    (
        "more columns than rows",
        lambda: Ridge(1e-9).fit([[1.0, 2.0, 3.0], [2.0, 1.0, 0.0]], [1.0, 2.0]).coef_.shape,
        (3,),
    ),
    ("an absurdly small ridge", lambda: Ridge(1e-300).fit([[1.0, 1], [2, 2]], [1.0, 2]).coef_.round(6), [0.5, 0.5]),
    ("a path of zeros", lambda: lasso_path([[0.0], [0.0]], [1.0, 2.0], n_alphas=2).coefs, [[0.0, 0.0]]),
    ("equal rows of two classes", lambda: SVC().fit([[1.0], [1.0]], [0, 1]).decision_function([[1.0]]), [0.0]),
    ("a constant target for SVR", lambda: SVR().fit(X, [2.0] * 4).predict(X).round(9), [2.0] * 4),
    ("one row of a class", lambda: SVC(C=9.0).fit([[0.0], [5.0], [6.0]], [0, 1, 1]).predict([[0.0], [6.0]]), [0, 1]),
    (
        "two rows with probabilities",
        lambda: SVC(probability=True).fit([[0.0], [1.0]], [0, 1]).predict_proba([[0.0]]).shape,
        (1, 2),
    ),
    ("all rows the same", lambda: kneighbors([[1.0]], [[1.0]] * 3, 2).indices, [[0, 1]]),
    ("all neighbours", lambda: KNeighborsRegressor(4).fit(X, TARGET).predict([[0.0, 0.0]]), [2.75]),
    (
        "a constant feature",
        lambda: GaussianNB().fit([[1.0, 0], [1, 1], [1, 5], [1, 6]], LABELS).predict([[1.0, 2]]),
        [1],
    ),
    ("nothing varies", lambda: GaussianNB().fit([[1.0], [1.0]], [0, 1]).predict_proba([[1.0]]).tolist(), [[0.5, 0.5]]),
    ("no width", lambda: GaussianNB(var_smoothing=0.0).fit([[0.0], [1.0]], [0, 1]).predict([[0.0], [1.0]]), [0, 1]),
    ("counts all zero", lambda: MultinomialNB().fit([[0.0], [0.0]], [0, 1]).predict_proba([[3.0]]), [[0.5, 0.5]]),
    ("as many clusters as rows", lambda: KMeans(4, random_state=0).fit(X).inertia_, 0.0),
    ("more clusters than distinct rows", lambda: KMeans(2, random_state=0).fit([[1.0], [1.0]]).inertia_, 0.0),
    ("one cluster", lambda: KMeans(1).fit([[0.0], [2.0]]).cluster_centers_, [[1.0]]),
    ("equal rows in a map", lambda: TSNE(perplexity=2.0, max_iter=20).fit_transform([[1.0]] * 4).shape, (4, 2)),
    ("a matrix of zeros", lambda: TruncatedSVD(1).fit([[0.0, 0.0], [0.0, 0.0]]).singular_values_, [0.0]),
    ("unknown users and items", lambda: ALS(2, random_state=0).fit(U, ITEMS, R).predict([9, 9], [0, 9]), [3.25, 3.25]),
    ("users without ratings", lambda: ALS(2, random_state=0).fit([0, 5], [0, 1], [1.0, 2.0]).predict([3], [0]), [1.5]),
    ("no item left", lambda: ALS(2).fit(U, ITEMS, R).recommend(0, 5, [0, 1, 2])[1], []),
    ("a silhouette of equal rows", lambda: clustering.silhouette_score([[1.0]] * 4, [0, 0, 1, 1]), 0.0),
    ("a target that does not vary", lambda: regression.r2_score([1.0, 1.0], [1.0, 2.0]), 0.0),
    ("an impossible thing happened", lambda: round(classification.log_loss([0, 1], [[0.0, 1.0], [0.0, 1.0]])), 354),
]


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_input_works(call, expected) -> None:
    np.testing.assert_allclose(np.asarray(call(), dtype=float), np.asarray(expected, dtype=float), atol=1e-12)


# Named tuples of results, which take no data.
RESULTS = (
    linear_model.LassoPath,
    neighbors.Neighbors,
    recsys.RankingQuality,
    svm.Solution,
    svm.PlattSigmoid,
    classification.PrecisionRecallF1,
    manifold.TSNE,
)
