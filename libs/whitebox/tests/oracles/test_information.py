from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import jensenshannon
from sklearn.datasets import load_iris
from sklearn.metrics import mutual_info_score
from whitebox import information


@pytest.mark.parametrize(("unit", "base"), [("nats", np.e), ("bits", 2)])
def test_divergences_are_scipys(unit: str, base: float) -> None:
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(50), 20), rng.dirichlet(np.full(50, 3.0), 20)
    np.testing.assert_allclose(information.entropy(p, unit), scipy.stats.entropy(p, base=base, axis=1))
    np.testing.assert_allclose(information.kl_divergence(p, q, unit), scipy.stats.entropy(p, q, base=base, axis=1))
    np.testing.assert_allclose(information.js_distance(p, q, unit), jensenshannon(p, q, base=base, axis=1))


def test_mutual_information_is_scikit_learns() -> None:
    X, y = load_iris(return_X_y=True)
    for column in X.T:
        binned = np.floor(2 * column)
        ours = information.mutual_information(information.contingency(binned, y))
        np.testing.assert_allclose(ours, mutual_info_score(binned, y))
