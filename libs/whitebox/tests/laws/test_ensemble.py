from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from whitebox.anomaly import IsolationForest, average_path_length
from whitebox.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from whitebox.ensemble._binning import bin_columns, bin_edges
from whitebox.tree import DecisionTreeClassifier, TreeEnsemble


def wave(rows: int = 120, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-3, 3, size=(rows, 3)).round(2)
    return X, np.sin(X[:, 0]) + 0.1 * rng.normal(size=rows)


def test_bags_are_drawn_with_replacement_and_are_what_the_trees_saw() -> None:
    X, y = wave()
    forest = RandomForestClassifier(n_estimators=10, max_features=None, random_state=0).fit(X, y > 0)
    shares = [len(np.unique(bag)) / len(X) for bag in forest.estimators_samples_]
    # A row is left out of a bag with probability (1 - 1/n)^n, about 1/e.
    assert np.mean(shares) == pytest.approx(1 - np.exp(-1), abs=0.03)
    assert all(len(bag) == len(X) for bag in forest.estimators_samples_)
    for tree, bag in zip(forest.trees_, forest.estimators_samples_, strict=True):
        alone = DecisionTreeClassifier().fit(X[bag], (y > 0)[bag]).tree_
        assert tree.threshold.shape == alone.threshold.shape
        assert tree.cover.tolist() == alone.cover.tolist()


def test_rows_out_of_the_bag_are_scored_by_the_trees_that_have_not_seen_them() -> None:
    X, y = wave(60)
    labels = np.random.default_rng(1).integers(0, 2, len(X))  # nothing to be learned
    forest = RandomForestClassifier(n_estimators=40, oob_score=True, random_state=0).fit(X, labels)
    assert forest.score(X, labels) > 0.95
    assert forest.oob_score_ < 0.7
    outside = [i for i in range(40) if 0 not in forest.estimators_samples_[i]]
    mean = np.mean([TreeEnsemble([forest.trees_[i]]).predict(X[:1])[0] for i in outside], axis=0)
    np.testing.assert_allclose(forest.oob_decision_function_[0], mean)
    regression = RandomForestRegressor(n_estimators=40, oob_score=True, random_state=0).fit(X, y)
    assert 0.5 < regression.oob_score_ < regression.score(X, y)
    left = ((regression.oob_prediction_ - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert regression.oob_score_ == pytest.approx(1 - left)


def test_rows_in_every_bag_are_warned_about_and_have_no_score() -> None:
    X, y = wave(20)
    with pytest.warns(RuntimeWarning, match="rows are in every tree's bag"):
        forest = RandomForestRegressor(n_estimators=2, oob_score=True, random_state=0).fit(X, y)
    assert np.isnan(forest.oob_prediction_).any()
    assert np.isfinite(forest.oob_score_)


def test_a_forest_is_the_mean_of_its_trees_and_the_same_for_the_same_seed() -> None:
    X, y = wave()
    forest = RandomForestRegressor(n_estimators=5, random_state=3).fit(X, y)
    each = [TreeEnsemble([tree]).predict(X)[:, 0] for tree in forest.trees_]
    np.testing.assert_allclose(forest.predict(X), np.mean(each, axis=0))
    again = RandomForestRegressor(n_estimators=5, random_state=3).fit(X, y)
    assert again.predict(X).tolist() == forest.predict(X).tolist()
    # A tree does not depend on how many come after it.
    fewer = RandomForestRegressor(n_estimators=2, random_state=3).fit(X, y)
    assert fewer.trees_[1].threshold.tolist() == forest.trees_[1].threshold.tolist()
    assert forest.apply(X).shape == (len(X), 5)


def test_without_draws_all_trees_are_one() -> None:
    X, y = wave()
    forest = RandomForestClassifier(n_estimators=3, bootstrap=False, max_features=None).fit(X, y > 0)
    np.testing.assert_allclose(forest.predict_proba(X), DecisionTreeClassifier().fit(X, y > 0).predict_proba(X))


def test_every_round_makes_the_loss_smaller_by_a_step_of_the_learning_rate() -> None:
    X, y = wave()
    for target, model in (
        (y, HistGradientBoostingRegressor(max_iter=30, min_samples_leaf=5)),
        (y > 0, HistGradientBoostingClassifier(max_iter=30, min_samples_leaf=5)),
        (np.digitize(y, [-0.5, 0.5]), HistGradientBoostingClassifier(max_iter=30, min_samples_leaf=5)),
    ):
        loss = -model.fit(X, target).train_score_
        assert (np.diff(loss) < 0).all()
        assert loss[-1] < 0.5 * loss[0]
    # With leaves of single rows, squares shrink by (1 - rate)² a round.
    exact = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=1, max_leaf_nodes=500).fit(X, y)
    np.testing.assert_allclose(exact.train_score_, exact.train_score_[0] * 0.81 ** np.arange(6), rtol=1e-9)


def test_the_baseline_is_the_best_constant() -> None:
    X, y = wave()
    assert HistGradientBoostingRegressor(max_iter=1).fit(X, y).baseline_[0] == pytest.approx(y.mean())
    share = (y > 0.5).mean()
    binary = HistGradientBoostingClassifier(max_iter=1).fit(X, y > 0.5)
    assert binary.baseline_[0] == pytest.approx(np.log(share / (1 - share)))
    assert -binary.train_score_[0] == pytest.approx(-share * np.log(share) - (1 - share) * np.log(1 - share))


def test_the_first_trees_values_are_damped_newton_steps() -> None:
    X, y = wave()
    for l2 in (0.0, 7.0):
        model = HistGradientBoostingRegressor(max_iter=1, min_samples_leaf=10, l2_regularization=l2).fit(X, y)
        leaves = model.ensemble_.apply(X)[:, 0]
        for leaf in np.unique(leaves):
            residual = (y - y.mean())[leaves == leaf]
            value = 0.1 * residual.sum() / (len(residual) + l2)
            assert model.predict(X)[leaves == leaf][0] - y.mean() == pytest.approx(value)


def test_limits_of_boosted_trees_are_kept() -> None:
    X, y = wave()
    model = HistGradientBoostingRegressor(max_iter=3, max_leaf_nodes=6, min_samples_leaf=9).fit(X, y)
    nodes, starts = model.ensemble_.nodes, model.ensemble_.starts
    leaves = nodes.children_left < 0
    assert [leaves[a:b].sum() for a, b in pairwise(starts)] == [6, 6, 6]
    assert nodes.cover[leaves].min() >= 9
    assert HistGradientBoostingRegressor(max_iter=1, max_depth=1).fit(X, y).ensemble_.nodes.cover.shape == (3,)


def test_leaves_with_the_largest_gain_are_split_first() -> None:
    X = np.arange(40.0)[:, None]
    y = np.where(X[:, 0] < 20, np.where(X[:, 0] < 10, 0.0, 0.5), np.where(X[:, 0] < 30, 10.0, 20.0))
    model = HistGradientBoostingRegressor(max_iter=1, max_leaf_nodes=3, min_samples_leaf=1).fit(X, y)
    assert sorted(model.ensemble_.nodes.threshold[model.ensemble_.nodes.children_left >= 0]) == [19.5, 29.5]


def test_it_stops_when_the_rows_held_back_gain_nothing_more() -> None:
    X, y = wave(300)
    y += np.random.default_rng(0).normal(size=len(y))
    model = HistGradientBoostingRegressor(
        max_iter=40, early_stopping=True, n_iter_no_change=3, min_samples_leaf=5, random_state=0
    ).fit(X, y)
    assert 3 < model.n_iter_ < 40
    assert len(model.validation_score_) == model.n_iter_ + 1
    assert max(model.validation_score_[-3:]) <= model.validation_score_[-4] + 1e-7


def test_bins_hold_what_lies_between_their_edges() -> None:
    column = np.random.default_rng(0).normal(size=250).round(1)
    for bins in (255, 7):
        edges = bin_edges(column, bins)
        found = bin_columns(column[:, None], [edges]).bins[0]
        assert (np.diff(edges) > 0).all()
        assert found.max() <= bins - 1
        padded = np.concatenate([[-np.inf], edges, [np.inf]])
        assert (padded[found] < column).all()
        assert (column <= padded[found + 1]).all()
    assert len(bin_edges(column, 255)) == len(np.unique(column)) - 1
    sizes = np.bincount(found)
    assert sizes.min() > 250 / 7 - 20
    assert bin_edges(np.ones(9), 255).tolist() == []


def test_an_edge_belongs_to_the_bin_below_it_as_a_threshold_does_to_the_left() -> None:
    assert bin_columns(np.array([[1.0], [1.5], [2.0]]), [np.array([1.5])]).bins.tolist() == [[0, 0, 1]]
    X = np.arange(10.0)[:, None]
    model = HistGradientBoostingRegressor(max_iter=60, min_samples_leaf=1, learning_rate=0.5).fit(X, X[:, 0] ** 2)
    np.testing.assert_allclose(model.predict(X), X[:, 0] ** 2, atol=1e-6)


def test_raw_predictions_of_training_and_of_thresholds_agree() -> None:
    X, y = wave()
    model = HistGradientBoostingRegressor(max_iter=20, min_samples_leaf=5, max_bins=16).fit(X, y)
    assert 0.5 * ((model.predict(X) - y) ** 2).mean() == pytest.approx(-model.train_score_[-1])


def test_probabilities_are_normalised_and_logits_far_away_do_not_overflow() -> None:
    X, y = wave()
    for target in (y > 0, np.digitize(y, [-0.5, 0.5])):
        model = HistGradientBoostingClassifier(learning_rate=50.0, max_iter=20, min_samples_leaf=5).fit(X, target)
        p = model.predict_proba(X)
        np.testing.assert_allclose(p.sum(axis=1), 1)
        assert np.isfinite(p).all()
        assert (model.predict(X) == model.classes_[p.argmax(axis=1)]).all()


def test_path_lengths_are_those_of_random_search_trees() -> None:
    harmonic = np.cumsum(1 / np.arange(1, 1000))
    n = np.arange(3, 1000)
    np.testing.assert_allclose(average_path_length(n), 2 * harmonic[n - 2] - 2 * (n - 1) / n, atol=0.5)
    np.testing.assert_allclose(average_path_length(1e6), 2 * (np.log(1e6 - 1) + np.euler_gamma) - 2, rtol=1e-5)
    assert (np.diff(average_path_length(np.arange(1000))) >= 0).all()


def test_scores_lie_around_one_half_and_outliers_above() -> None:
    X = np.random.default_rng(0).normal(size=(300, 2))
    forest = IsolationForest(random_state=0).fit(X)
    s = -forest.score_samples(np.vstack([X, [[9.0, 9.0]]]))
    assert 0.4 < s[:-1].mean() < 0.5
    assert s[-1] > 0.75
    assert s[-1] == s.max()
    assert forest.predict([[9.0, 9.0], [0.0, 0.0]]).tolist() == [-1, 1]


def test_rows_left_together_count_as_deep_as_they_would_be() -> None:
    # Two clumps of equal rows: one cut isolates a clump, and nothing isolates its rows.
    X = np.repeat([[0.0], [1.0]], [60, 4], axis=0)
    forest = IsolationForest(max_samples=64, random_state=0).fit(X)
    s = -forest.score_samples([[0.0], [1.0]])
    expected = 1 + average_path_length([60, 4])
    np.testing.assert_allclose(s, 2 ** -(expected / average_path_length(64)))


def test_trees_are_no_deeper_than_the_logarithm_of_the_sample() -> None:
    X = np.random.default_rng(0).normal(size=(500, 1)) ** 9
    nodes = IsolationForest(n_estimators=5, max_samples=64, random_state=0).fit(X).ensemble_.nodes
    depth = np.zeros(len(nodes.cover), dtype=int)
    for node in np.flatnonzero(nodes.children_left >= 0):
        depth[[nodes.children_left[node], nodes.children_right[node]]] = depth[node] + 1
    assert depth.max() <= 6
    assert nodes.cover[depth == 0].tolist() == [64] * 5


def test_contamination_sets_the_share_of_anomalies() -> None:
    X = np.random.default_rng(0).normal(size=(200, 2))
    assert (IsolationForest(contamination=0.1, random_state=0).fit_predict(X) == -1).sum() == 20
    assert IsolationForest(random_state=0).fit(X).offset_ == -0.5
    assert IsolationForest().fit([[1.0]]).score_samples([[3.0]]).tolist() == [-0.5]
