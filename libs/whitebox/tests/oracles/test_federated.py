from __future__ import annotations

import numpy as np
from scipy import optimize
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import BayesianRidge, LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from whitebox.federated import (
    Client,
    LeastSquares,
    LocalTraining,
    Logistic,
    Server,
    bayesian_average,
    partition_by_label,
    partition_evenly,
    train,
)


def test_federated_ridge_is_scikit_learns_ridge_on_all_rows() -> None:
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    n = len(y)
    theirs = Ridge(alpha=0.05 * n, fit_intercept=False).fit(X, y)
    parts = partition_evenly(np.random.default_rng(0), n, 6)
    server = Server(np.zeros(X.shape[1]))
    members = [Client(X[part], y[part], LeastSquares(penalty=0.05)) for part in parts]
    train(server, members, 900, np.random.default_rng(0), training=LocalTraining(learning_rate=0.4))
    np.testing.assert_allclose(server.parameters, theirs.coef_, atol=1e-6)


def test_federated_logistic_regression_is_scikit_learns_on_all_rows() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)[:, :8]
    n = len(y)
    theirs = LogisticRegression(C=1 / (0.1 * n), fit_intercept=False, tol=1e-10, max_iter=1000).fit(X, y)
    parts = partition_by_label(np.random.default_rng(0), y, 5, 0.3)
    server = Server(np.zeros(8))
    members = [Client(X[part], y[part], Logistic(penalty=0.1)) for part in parts]
    train(server, members, 300, np.random.default_rng(0), training=LocalTraining(learning_rate=1.0))
    np.testing.assert_allclose(server.parameters, theirs.coef_[0], atol=1e-6)


def test_the_bayesian_average_is_the_posterior_that_scikit_learn_finds_on_all_rows() -> None:
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    theirs = BayesianRidge(fit_intercept=False).fit(X, y)
    # Its posterior at the noise and prior that it has settled on.
    loss = LeastSquares(noise=float(theirs.alpha_**-0.5))
    parts = partition_evenly(np.random.default_rng(0), len(y), 6)
    sent = [Client(X[part], y[part], loss).posterior(float(theirs.lambda_)) for part in parts]
    found = bayesian_average(sent, float(theirs.lambda_))
    np.testing.assert_allclose(found.mean, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(np.linalg.inv(found.precision), theirs.sigma_, rtol=1e-4, atol=1e-8)


def test_a_clients_posterior_is_the_mode_and_curvature_that_scipy_finds() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)[:, :5]

    def objective(w: np.ndarray) -> float:
        z = X @ w
        return float((np.logaddexp(0, z) - y * z).sum() + 1.5 / 2 * w @ w)

    update = Client(X, y, Logistic()).posterior(1.5)
    found = optimize.minimize(objective, np.zeros(5), method="BFGS", options={"gtol": 1e-7})
    np.testing.assert_allclose(update.parameters, found.x, atol=1e-4)
    p = 1 / (1 + np.exp(-X @ update.parameters))
    covariance = np.linalg.inv((X.T * (p * (1 - p))) @ X + 1.5 * np.eye(5))
    np.testing.assert_allclose(update.variance, np.diag(covariance), rtol=1e-8)
