from __future__ import annotations

import warnings

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from whitebox.linear_model import LogisticRegression, softmax
from whitebox.preprocessing import StandardScaler

ROWS = arrays(
    float, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(-100, 100).map(lambda x: round(x, 3))
)


@EXAMPLES
@given(ROWS)
def test_scaled_columns_have_mean_zero_and_variance_one_or_are_constant(X) -> None:
    Z = StandardScaler().fit_transform(X)
    constant = np.ptp(X, axis=0) == 0
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(Z[:, ~constant].var(axis=0), 1, rtol=1e-9)
    np.testing.assert_allclose(Z[:, constant], 0, atol=1e-9)


@EXAMPLES
@given(ROWS)
def test_inverse_transform_undoes_transform(X) -> None:
    scaler = StandardScaler().fit(X)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(X)), X, rtol=1e-12, atol=1e-12)


def test_a_large_mean_costs_no_digits() -> None:
    X = np.array([[1.0], [2.0], [4.0]]) + 1e8
    assert StandardScaler().fit(X).var_[0] == pytest.approx(14 / 9, rel=1e-12)


def test_a_column_that_is_constant_but_for_rounding_is_not_divided_by_the_rounding() -> None:
    X = np.tile([[1 / 3], [np.nextafter(1 / 3, 1)]], (50, 1))
    scaler = StandardScaler().fit(X)
    assert scaler.scale_[0] == 1.0
    np.testing.assert_allclose(scaler.transform(X), 0, atol=1e-15)


def problem(classes: int, seed: int = 0, rows: int = 80):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3)) * [1, 5, 0.2] + [0, 3, 0]
    y = np.argmax(X @ rng.normal(size=(3, classes)) + rng.gumbel(size=(rows, classes)), axis=1)
    return X, y


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("C", [0.01, 1.0, 50.0])
def test_the_gradient_vanishes_at_the_optimum_and_the_intercept_is_free(classes: int, C: float) -> None:
    X, y = problem(classes)
    model = LogisticRegression(C=C, tol=1e-16).fit(X, y)
    residual = model.predict_proba(X) - np.eye(classes)[y]
    residual = residual[:, 1:] if classes == 2 else residual
    np.testing.assert_allclose(C * residual.T @ X + model.coef_, 0, atol=1e-6 * C * len(X))
    # A free intercept makes the mean probability of a class equal its share.
    np.testing.assert_allclose(residual.sum(axis=0), 0, atol=1e-6 * len(X))


def test_the_mean_probability_of_a_class_is_its_share() -> None:
    X, y = problem(2)
    model = LogisticRegression(C=0.001, tol=1e-14).fit(X + 50, y)
    assert model.predict_proba(X + 50)[:, 1].mean() == pytest.approx(y.mean(), abs=1e-5)


@EXAMPLES
@given(arrays(float, (3, 4), elements=st.floats(-1e6, 1e6)), st.floats(-1e3, 1e3))
def test_softmax_is_normalised_and_blind_to_a_shift(logits, shift: float) -> None:
    p = softmax(logits)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(softmax(logits + shift), p, atol=1e-8)


def test_probabilities_are_normalised_without_overflow_far_from_the_boundary() -> None:
    X, y = problem(3)
    model = LogisticRegression().fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = model.predict_proba(X * 1e5)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert (model.classes_[p.argmax(axis=1)] == model.predict(X * 1e5)).all()


def test_scores_are_shares_of_right_answers_and_labels_may_be_words() -> None:
    X, y = problem(3)
    words = np.array(["ebb", "flood", "slack"])[y]
    model = LogisticRegression().fit(X, words)
    assert model.score(X, words) == (model.predict(X) == words).mean()
    np.testing.assert_allclose(model.predict_proba(X), LogisticRegression().fit(X, y).predict_proba(X))


def test_stronger_regularisation_shrinks_the_weights() -> None:
    X, y = problem(2)
    sizes = [np.linalg.norm(LogisticRegression(C=C).fit(X, y).coef_) for C in (1e-3, 1e-1, 10)]
    assert sizes == sorted(sizes)


def test_too_few_steps_are_warned_about() -> None:
    X, y = problem(2)
    with pytest.warns(RuntimeWarning, match="no convergence within 1 "):
        LogisticRegression(max_iter=1).fit(X, y)


def test_perfectly_separable_and_duplicate_columns_work() -> None:
    X = np.repeat(np.arange(6.0)[:, None], 2, axis=1)
    model = LogisticRegression(C=1e6).fit(X, X[:, 0] > 2.5)
    assert model.predict(X).tolist() == [False] * 3 + [True] * 3
    assert model.coef_[0, 0] == pytest.approx(model.coef_[0, 1])
