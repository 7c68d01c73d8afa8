"""The estimators of classical learning, and the checks that they fail for a reason.

Recommenders are fitted on users, items and ratings, not on a matrix X, which scikit-learn has no checks for.
"""

from __future__ import annotations

from whitebox.cluster import KMeans
from whitebox.decomposition import TruncatedSVD
from whitebox.linear_model import Lasso, LinearRegression, Ridge
from whitebox.manifold import TSNE
from whitebox.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from whitebox.neighbors import KNeighborsClassifier, KNeighborsRegressor
from whitebox.svm import SVC, SVR

_UNFITTED = {"check_estimators_unfitted": "demands scikit-learn's own NotFittedError; ours has the same bases"}
_ONE_COLUMN = {
    "check_supervised_y_2d": "demands scikit-learn's own DataConversionWarning; we refuse a column as labels"
}

ESTIMATORS = [
    LinearRegression(),
    Ridge(),
    Lasso(),
    SVC(),
    SVR(),
    KNeighborsClassifier(),
    KNeighborsRegressor(),
    GaussianNB(),
    MultinomialNB(),
    ComplementNB(),
    BernoulliNB(),
    KMeans(),
    TruncatedSVD(n_components=1),
    # The checks' data have few rows, which is fewer than the perplexity of 30 by default.
    TSNE(perplexity=2.0, max_iter=300),
]
EXPECTED_FAILURES = {
    **dict.fromkeys(("LinearRegression", "Ridge", "KNeighborsRegressor", "KMeans"), _UNFITTED),
    **dict.fromkeys(
        ("Lasso", "SVC", "SVR", "KNeighborsClassifier", "GaussianNB", "MultinomialNB", "ComplementNB", "BernoulliNB"),
        _UNFITTED | _ONE_COLUMN,
    ),
}
