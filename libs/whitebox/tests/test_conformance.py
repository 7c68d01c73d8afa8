"""scikit-learn's own checks, run on estimators that know nothing of scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
from registered import collect
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from whitebox.errors import ShapeError
from whitebox.linear_model import LogisticRegression
from whitebox.preprocessing import StandardScaler

_ESTIMATORS = collect("conformance", "ESTIMATORS")
_EXPECTED = dict(collect("conformance", "EXPECTED_FAILURES"))

with warnings.catch_warnings():
    # That the estimators do not inherit from scikit-learn's base, which is the point.
    warnings.simplefilter("ignore", UserWarning)
    each_check = parametrize_with_checks(
        _ESTIMATORS,
        expected_failed_checks=lambda estimator: _EXPECTED.get(type(estimator).__name__, {}),
        xfail_strict=True,
    )


@pytest.mark.filterwarnings("ignore")  # the checks provoke warnings, ours and their own
@each_check
def test_scikit_learns_checks(estimator, check) -> None:
    check(estimator)


def test_estimators_work_in_scikit_learns_pipelines_and_searches() -> None:
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    assert cross_val_score(pipeline, X, y).mean() > 0.94
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.01, 1.0]}).fit(X, y)
    assert search.best_params_ == {"logisticregression__C": 1.0}


def test_clones_have_the_parameters_and_nothing_learned() -> None:
    model = LogisticRegression(C=3.0).fit([[0.0], [1.0]], [0, 1])
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "coef_")
    assert repr(copy) == "LogisticRegression(C=3.0, max_iter=1000, tol=1e-10)"


FRAME = pl.DataFrame({"height": [1.0, 2.0, 4.0], "speed": [0.0, 1.0, 5.0]})


def test_names_of_columns_are_remembered_and_compared() -> None:
    scaler = StandardScaler().fit(FRAME)
    assert scaler.feature_names_in_.tolist() == ["height", "speed"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaler.transform(FRAME)
    with pytest.raises(ShapeError, match="same order"):
        scaler.transform(FRAME.select("speed", "height"))
    with pytest.raises(ShapeError, match=r"unseen at fit time:\n- depth\n.*now missing:\n- speed"):
        scaler.transform(FRAME.rename({"speed": "depth"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        scaler.transform(FRAME.to_numpy())
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        scaler.fit(FRAME.to_numpy()).transform(FRAME)
    assert not hasattr(scaler, "feature_names_in_")
    np.testing.assert_allclose(scaler.mean_, [7 / 3, 2])
