from __future__ import annotations

import numpy as np
import pytest
from sklearn import linear_model as sklearn_linear
from sklearn import preprocessing as sklearn_preprocessing
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from whitebox.linear_model import LogisticRegression, softmax
from whitebox.preprocessing import StandardScaler


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits, load_wine])
def test_standard_scaler_equals_scikit_learns(load) -> None:
    X = load().data
    ours, theirs = StandardScaler().fit(X), sklearn_preprocessing.StandardScaler().fit(X)
    np.testing.assert_allclose(ours.mean_, theirs.mean_, rtol=1e-12)
    np.testing.assert_allclose(ours.var_, theirs.var_, rtol=1e-11)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(ours.inverse_transform(ours.transform(X)), X, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("load", [load_breast_cancer, load_iris, load_wine])
def test_logistic_regression_finds_the_weights_scikit_learn_finds(load, C: float) -> None:
    data = load()
    X = StandardScaler().fit_transform(data.data)
    ours = LogisticRegression(C=C, tol=1e-14).fit(X, data.target)
    theirs = sklearn_linear.LogisticRegression(C=C, tol=1e-10, max_iter=10_000, solver="newton-cg").fit(X, data.target)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-6)
    assert (ours.predict(X) == theirs.predict(X)).all()
    np.testing.assert_allclose(ours.decision_function(X) - theirs.decision_function(X), 0, atol=1e-3)
    assert ours.score(X, data.target) == theirs.score(X, data.target)


def test_many_weights_come_out_as_scikit_learn_has_them() -> None:
    X, y = load_digits(return_X_y=True)
    X, y = X[y < 4] / 16, y[y < 4]  # 260 weights: by L-BFGS
    ours = LogisticRegression(tol=1e-14).fit(X, y)
    theirs = sklearn_linear.LogisticRegression(tol=1e-8, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


def test_our_optimum_is_no_worse_than_scikit_learns() -> None:
    X, y = load_digits(return_X_y=True)
    X, y = X[y < 3] / 16, y[y < 3]

    def loss(model) -> float:
        p = model.predict_proba(X)[np.arange(len(y)), y]
        return -np.log(p).sum() + (model.coef_**2).sum() / 2

    theirs = sklearn_linear.LogisticRegression(tol=1e-10, max_iter=10_000).fit(X, y)
    assert loss(LogisticRegression().fit(X, y)) <= loss(theirs) * (1 + 1e-9)


def test_softmax_equals_scipys() -> None:
    from scipy.special import softmax as scipys

    logits = np.random.default_rng(0).normal(scale=300, size=(50, 7))
    np.testing.assert_allclose(softmax(logits), scipys(logits, axis=1), rtol=1e-12)
