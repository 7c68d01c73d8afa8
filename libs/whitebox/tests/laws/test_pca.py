from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.decomposition import PCA

SEEDS = st.integers(0, 2**32 - 1)


def data(seed: int, n: int, d: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 100 * rng.normal(size=d)


@EXAMPLES
@given(SEEDS, st.integers(2, 30), st.integers(1, 8), st.sampled_from(["exact", "covariance"]))
def test_components_are_orthonormal_and_coordinates_uncorrelated(seed: int, n: int, d: int, solver) -> None:
    X = data(seed, n, d)
    pca = PCA(solver=solver).fit(X)
    k = min(n, d)
    np.testing.assert_allclose(pca.components_ @ pca.components_.T, np.eye(k), atol=1e-12)
    Z = pca.transform(X)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(
        Z.T @ Z / (n - 1), np.diag(pca.explained_variance_), atol=1e-9 * pca.explained_variance_[0]
    )
    assert (np.diff(pca.explained_variance_) <= 0).all()
    assert pca.explained_variance_ratio_.sum() == pytest.approx(1)


@EXAMPLES
@given(SEEDS, st.integers(3, 30), st.integers(2, 8))
def test_what_is_lost_is_the_variance_left_out(seed: int, n: int, d: int) -> None:
    X = data(seed, n, d)
    whole, part = PCA().fit(X), PCA(n_components=1).fit(X)
    np.testing.assert_allclose(whole.inverse_transform(whole.transform(X)), X, atol=1e-9)
    lost = ((part.inverse_transform(part.transform(X)) - X) ** 2).sum() / (n - 1)
    assert lost == pytest.approx(whole.explained_variance_[1:].sum(), rel=1e-8, abs=1e-9)


def test_shares_are_of_the_whole_variance() -> None:
    X = data(1, 50, 5)
    np.testing.assert_allclose(PCA(2).fit(X).explained_variance_ratio_, PCA().fit(X).explained_variance_ratio_[:2])


def test_turning_the_data_turns_the_components() -> None:
    X = data(3, 40, 4)
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    ours, turned = PCA().fit(X), PCA().fit(X @ Q.T)
    np.testing.assert_allclose(turned.explained_variance_, ours.explained_variance_, rtol=1e-10)
    np.testing.assert_allclose(np.abs(turned.components_ @ Q @ ours.components_.T), np.eye(4), atol=1e-9)


def test_the_largest_entry_of_each_component_is_positive() -> None:
    components = PCA().fit(data(5, 30, 6)).components_
    assert (components[np.arange(6), np.abs(components).argmax(axis=1)] > 0).all()


def test_a_random_projection_agrees_where_values_fall_and_repeats_with_its_seed() -> None:
    X = np.random.default_rng(0).normal(size=(200, 50)) * 0.7 ** np.arange(50)
    exact, quick, again = PCA(5).fit(X), PCA(5, "randomized", 1).fit(X), PCA(5, "randomized", 1).fit(X)
    np.testing.assert_allclose(quick.explained_variance_, exact.explained_variance_, rtol=1e-6)
    np.testing.assert_allclose(quick.components_, exact.components_, atol=1e-4)
    np.testing.assert_array_equal(quick.components_, again.components_)


@EXAMPLES
@given(SEEDS, st.integers(2, 60), st.integers(1, 6))
def test_all_exact_ways_come_to_the_same(seed: int, n: int, d: int) -> None:
    X = data(seed, n, d)
    k = min(n - 1, d)
    exact, covariance, chosen = (PCA(k, solver).fit(X) for solver in ("exact", "covariance", "auto"))
    np.testing.assert_allclose(
        covariance.explained_variance_, exact.explained_variance_, rtol=1e-9, atol=1e-12 * exact.explained_variance_[0]
    )
    expected = covariance if n >= 10 * d else exact
    np.testing.assert_array_equal(chosen.components_, expected.components_)


def test_the_covariance_of_dependent_columns_leaves_no_negative_variance() -> None:
    X = data(2, 60, 3)
    pca = PCA(solver="covariance").fit(np.hstack([X, X]))
    assert (pca.explained_variance_ >= 0).all()
    np.testing.assert_allclose(pca.explained_variance_[3:], 0, atol=1e-12 * pca.explained_variance_[0])


def test_data_that_do_not_vary_have_components_of_no_variance() -> None:
    pca = PCA().fit(np.full((4, 3), 7.0))
    assert pca.explained_variance_.tolist() == [0, 0, 0]
    assert pca.explained_variance_ratio_.tolist() == [0, 0, 0]
    assert pca.transform([[7.0, 7.0, 7.0]]).tolist() == [[0, 0, 0]]
