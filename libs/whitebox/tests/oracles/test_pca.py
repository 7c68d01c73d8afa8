from __future__ import annotations

import numpy as np
import pytest
from sklearn import decomposition
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from whitebox.decomposition import PCA


@pytest.mark.parametrize("solver", ["exact", "covariance"])
@pytest.mark.parametrize("load", [load_breast_cancer, load_digits, load_wine])
def test_components_are_scikit_learns(load, solver: str) -> None:
    X = load().data
    ours, theirs = (
        PCA(n_components=6, solver=solver).fit(X),
        decomposition.PCA(n_components=6, svd_solver="full").fit(X),
    )
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(ours.singular_values_, theirs.singular_values_, rtol=1e-9)
    np.testing.assert_allclose(np.abs(ours.components_ @ theirs.components_.T), np.eye(6), atol=1e-7)
    np.testing.assert_allclose(np.abs(ours.transform(X)), np.abs(theirs.transform(X)), atol=1e-6 * np.abs(X).max())
    np.testing.assert_allclose(
        ours.inverse_transform(ours.transform(X)),
        theirs.inverse_transform(theirs.transform(X)),
        atol=1e-8 * np.abs(X).max(),
    )
