from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from pairs.trees import problems
from whitebox.tree import (
    C45,
    ID3,
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    Tree,
    TreeEnsemble,
    export_text,
    pessimistic_errors,
)


def noisy(rows: int = 200, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4)).round(1)
    return X, (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(scale=0.5, size=rows) > 0).astype(int)


@EXAMPLES
@given(problems())
def test_rows_that_differ_are_told_apart_and_a_leaf_predicts_its_rows_shares(problem) -> None:
    X, y, _ = map(np.array, problem)
    model = DecisionTreeClassifier().fit(X, y)
    shares = model.predict_proba(X)
    for row, own in zip(X, shares, strict=True):
        alike = (row == X).all(axis=1)
        np.testing.assert_allclose(own, [(y[alike] == label).mean() for label in model.classes_], atol=1e-12)


@EXAMPLES
@given(problems(classes=0))
def test_rows_that_differ_have_the_mean_of_their_like_for_regression(problem) -> None:
    X, y, _ = map(np.array, problem)
    predicted = DecisionTreeRegressor().fit(X, y).predict(X)
    for row, own in zip(X, predicted, strict=True):
        assert own == pytest.approx(y[(row == X).all(axis=1)].mean(), abs=1e-9)


@EXAMPLES
@given(problems())
def test_the_root_takes_the_split_that_leaves_least_impurity(problem) -> None:
    X, y, _ = map(np.array, problem)

    def left_by(column: int, threshold: float, criterion) -> float:
        sides = [y[X[:, column] <= threshold], y[X[:, column] > threshold]]
        return sum(len(side) * criterion(np.unique(side, return_counts=True)[1] / len(side)) for side in sides)

    for name, criterion in (("gini", lambda p: 1 - (p**2).sum()), ("entropy", lambda p: -(p * np.log2(p)).sum())):
        tree = DecisionTreeClassifier(criterion=name, max_depth=1).fit(X, y).tree_
        cuts = [(j, low) for j in range(X.shape[1]) for low in np.unique(X[:, j])[:-1]]
        if cuts:
            least = min(left_by(j, low, criterion) for j, low in cuts)
            assert left_by(tree.feature[0], tree.threshold[0], criterion) == pytest.approx(least, abs=1e-9)


@EXAMPLES
@given(problems(), st.sampled_from(["gini", "entropy"]))
def test_weights_count_like_repeated_rows(problem, criterion: str) -> None:
    X, y, queries = map(np.array, problem)
    weights = np.arange(len(y)) % 3
    if len(np.unique(y[weights > 0])) < 2:
        return
    weighted = DecisionTreeClassifier(criterion=criterion).fit(X, y, sample_weight=weights)
    kept = np.repeat(np.arange(len(y)), weights)
    repeated = DecisionTreeClassifier(criterion=criterion).fit(X[kept], y[kept])
    shares = weighted.predict_proba(queries)[:, np.isin(weighted.classes_, repeated.classes_)]
    np.testing.assert_allclose(shares, repeated.predict_proba(queries), atol=1e-12)
    assert weighted.tree_.cover[0] == weights.sum()


def test_weights_weigh() -> None:
    X = [[0.0], [0.0], [1.0], [1.0]]
    model = DecisionTreeClassifier().fit(X, [0, 1, 1, 0], sample_weight=[3.0, 1.0, 2.0, 0.5])
    np.testing.assert_allclose(model.predict_proba([[0.0], [1.0]]), [[0.75, 0.25], [0.2, 0.8]])
    assert model.impurity_[1] == pytest.approx(2 * 0.75 * 0.25)


def test_the_weight_of_rows_decides_which_split_is_best() -> None:
    X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    y = [0, 1, 0, 0]
    # The first column tells the heavy row apart, the second the light ones.
    assert DecisionTreeClassifier(max_depth=1).fit(X, y, [10.0, 10.0, 1.0, 1.0]).tree_.feature[0] == 1
    assert DecisionTreeClassifier(max_depth=1).fit(X, y, [1.0, 10.0, 1.0, 10.0]).tree_.feature[0] == 0


def test_a_value_on_the_threshold_goes_to_the_left() -> None:
    model = DecisionTreeRegressor().fit([[1.0], [3.0]], [10.0, 20.0])
    assert model.tree_.threshold[0] == 2.0
    assert model.predict([[2.0], [np.nextafter(2.0, 3.0)]]).tolist() == [10.0, 20.0]
    assert model.apply([[2.0], [3.0]]).tolist() == [1, 2]


def test_neighbouring_floats_are_still_split() -> None:
    low = 1.0
    high = np.nextafter(low, 2.0)
    assert DecisionTreeRegressor().fit([[low], [high]], [0.0, 1.0]).predict([[low], [high]]).tolist() == [0.0, 1.0]
    huge = DecisionTreeRegressor().fit([[-1.7e308], [1.7e308]], [0.0, 1.0])
    assert huge.tree_.threshold[0] == 0.0


def test_an_exclusive_or_is_learned_although_its_first_split_gains_nothing() -> None:
    X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    assert DecisionTreeClassifier().fit(X, [0, 1, 1, 0]).predict(X).tolist() == [0, 1, 1, 0]


def test_limits_are_kept() -> None:
    X, y = noisy()
    model = DecisionTreeClassifier(max_depth=4, min_samples_leaf=7, min_samples_split=30).fit(X, y)
    tree, leaves = model.tree_, model.tree_.children_left < 0
    assert model.get_depth() <= 4
    assert tree.cover[leaves].min() >= 7
    assert tree.cover[~leaves].min() >= 30
    assert model.get_n_leaves() == leaves.sum()
    assert np.bincount(model.apply(X), minlength=len(leaves))[leaves].tolist() == tree.cover[leaves].tolist()


def test_a_far_away_mean_costs_no_digits() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    near, far = (DecisionTreeRegressor(max_depth=3).fit(X, y + shift) for shift in (0.0, 2.0**33))
    assert near.tree_.threshold.tolist() == far.tree_.threshold.tolist()
    np.testing.assert_allclose(far.impurity_, near.impurity_, rtol=1e-4)


def test_drawn_columns_are_drawn_and_the_search_goes_on_until_one_splits() -> None:
    X, y = noisy()
    few = [DecisionTreeClassifier(max_features=1, random_state=seed).fit(X, y) for seed in (0, 1)]
    assert few[0].tree_.feature.tolist() != few[1].tree_.feature.tolist()
    assert (few[0].predict(X) == y).all()
    # Three of four columns are constant.
    X[:, 1:] = 0
    assert DecisionTreeClassifier(max_features=1, random_state=0).fit(X, y).get_n_leaves() > 1


def test_pruning_goes_down_a_chain_of_subtrees_each_the_best_at_its_price() -> None:
    X, y = noisy()
    path = DecisionTreeClassifier().cost_complexity_pruning_path(X, y)
    assert (np.diff(path.ccp_alphas) > 0).all()
    assert (np.diff(path.impurities) > 0).all()
    leaves = []
    for alpha, impurity in zip(path.ccp_alphas, path.impurities, strict=True):
        model = DecisionTreeClassifier(ccp_alpha=alpha + 1e-12).fit(X, y)
        ends = model.tree_.children_left < 0
        assert (model.impurity_ * model.tree_.cover)[ends].sum() / len(y) == pytest.approx(impurity)
        leaves.append(ends.sum())
    assert leaves == sorted(leaves, reverse=True)
    assert leaves[-1] == 1

    # At a price, no other subtree is cheaper: a branch is kept where it costs less than its node.
    whole = DecisionTreeClassifier().fit(X, y)
    tree = whole.tree_
    for alpha, impurity, count in zip(path.ccp_alphas, path.impurities, leaves, strict=True):
        cost = whole.impurity_ * tree.cover / len(y) + alpha
        for node in np.flatnonzero(tree.children_left >= 0)[::-1]:
            cost[node] = min(cost[node], cost[tree.children_left[node]] + cost[tree.children_right[node]])
        assert impurity + alpha * count == pytest.approx(cost[0], abs=1e-9)


def test_importances_are_shares_and_0_for_columns_that_say_nothing() -> None:
    X, y = noisy()
    X[:, 3] = 1
    importances = DecisionTreeClassifier().fit(X, y).feature_importances_
    assert importances.sum() == pytest.approx(1)
    assert importances[3] == 0
    assert DecisionTreeRegressor().fit(X, np.ones(len(y))).feature_importances_.tolist() == [0, 0, 0, 0]


def test_importances_weigh_nodes_by_their_rows() -> None:
    # Nine rows are told apart by the first column, two of them by the second.
    X = np.array([[0.0, 0.0]] * 6 + [[1.0, 0.0]] + [[1.0, 1.0]] * 2)
    model = DecisionTreeClassifier().fit(X, [0] * 6 + [1, 0, 0])
    gini = 9 * 2 * (1 / 9) * (8 / 9)
    first = gini - 3 * 2 * (1 / 3) * (2 / 3)
    np.testing.assert_allclose(model.feature_importances_, [first / gini, 1 - first / gini])


def test_the_text_has_a_line_for_every_node() -> None:
    X, y = noisy()
    model = DecisionTreeClassifier(max_depth=3).fit(X, np.where(y, "flood", "ebb"))
    text = export_text(model, feature_names=["a", "b", "c", "d"])
    assert text.count("class: ") == model.get_n_leaves()
    assert text.count("\n") == len(model.tree_.cover) - 1 + model.get_n_leaves()
    assert export_text(DecisionTreeRegressor().fit([[0.0]], [1.25]), decimals=1) == "|--- value: [1.2]\n"


def test_a_sum_of_trees_is_the_sum_and_says_where_rows_end() -> None:
    X, y = noisy()
    trees = [DecisionTreeClassifier(max_depth=depth).fit(X, y) for depth in (1, 3)]
    both = TreeEnsemble([model.tree_ for model in trees], scale=0.5, offset=[1.0, 2.0])
    np.testing.assert_allclose(both.predict(X), sum(model.predict_proba(X) for model in trees) / 2 + [1, 2])
    assert both.apply(X).tolist() == np.column_stack([model.apply(X) for model in trees]).tolist()
    leaf = TreeEnsemble([Tree([-1], [-1], [-1], [np.nan], [[3.0]], [1.0])])
    assert leaf.predict([[9.0]]).tolist() == [[3.0]]


WEATHER = [  # Quinlan 1986, table 1: outlook, temperature, humidity, windy
    *("sunny hot high false N|sunny hot high true N|overcast hot high false P|rain mild high false P".split("|")),
    *(
        "rain cool normal false P|rain cool normal true N|overcast cool normal true P|sunny mild high false N".split(
            "|"
        )
    ),
    *("sunny cool normal false P|rain mild normal false P|sunny mild normal true P".split("|")),
    *("overcast mild high true P|overcast hot normal false P|rain mild high true N".split("|")),
]


def weather():
    rows = np.array([line.split() for line in WEATHER])
    return rows[:, :-1], rows[:, -1]


def test_id3_grows_the_tree_that_quinlan_prints() -> None:
    X, y = weather()
    model = ID3().fit(X, y)
    root = model.root_
    assert root.column == 0
    assert {name: branch.column for name, branch in root.branches.items()} == {"sunny": 2, "overcast": -1, "rain": 3}
    assert model.get_n_leaves() == 5
    assert (model.predict(X) == y).all()


def test_c45_agrees_on_the_weather() -> None:
    X, y = weather()
    model = C45(min_samples_leaf=1, confidence=1.0).fit(X, y)
    assert model.root_.column == 0
    assert (model.predict(X) == y).all()


def test_c45_passes_by_what_scatters() -> None:
    # A column of eight values says everything, one of two values nearly as much, one next to nothing.
    y = np.repeat([0, 1], 8)
    scattered, halved, third = np.arange(16) // 2, (np.arange(16) >= 9) * 1, np.arange(16) % 3 == 1
    X = np.column_stack([scattered, halved, third]).astype(str)
    assert ID3().fit(X, y).root_.column == 0
    assert C45(min_samples_leaf=1).fit(X, y).root_.column == 1


def test_c45_prunes_what_is_noise_and_keeps_what_is_not() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = (X[:, 0] > 0) ^ (rng.random(300) < 0.15)
    pruned, whole = C45().fit(X, y), C45(confidence=1.0).fit(X, y)
    assert pruned.get_n_leaves() < whole.get_n_leaves() / 2
    assert pruned.root_.column == 0
    assert C45(confidence=1e-6).fit(X, y).get_n_leaves() == 2


def test_c45_sends_rows_with_gaps_down_all_branches() -> None:
    X = [["a", 1.0], ["a", 2.0], ["b", 8.0], ["b", 9.0], ["b", None]]
    model = C45(min_samples_leaf=1).fit(np.array(X, dtype=object), [0, 0, 1, 1, 1])
    assert model.root_.column == 0
    # Two of five rows lead to a, three to b; an unknown category is like a gap.
    shares = model.predict_proba(np.array([[None, 1.0], ["c", 1.0], ["a", None]], dtype=object))
    np.testing.assert_allclose(shares, [[0.4, 0.6], [0.4, 0.6], [1, 0]])
    gaps = C45().fit([[0.0], [0.0], [1.0], [1.0], [np.nan], [np.nan]], [0, 0, 1, 1, 0, 1])
    np.testing.assert_allclose([child.counts.sum() for child in gaps.root_.walk()], [6, 3, 3])


def test_a_column_with_gaps_gains_only_for_what_is_known() -> None:
    y = np.repeat([0, 1], 5)
    X = np.column_stack([y, np.arange(10) >= 4]).astype(float)
    # What is known of the first column separates the classes, and it is known of four rows only.
    X[[0, 1, 2, 7, 8, 9], 0] = np.nan
    assert C45(min_samples_leaf=1).fit(X, y).root_.column == 1


def test_pessimism_is_that_of_the_book_and_shrinks_with_the_rows() -> None:
    # Quinlan 1993, section 4.2.
    assert [round(pessimistic_errors(0, n) / n, 3) for n in (6, 9, 1)] == [0.206, 0.143, 0.75]
    rates = [pessimistic_errors(0.2 * n, n) / n for n in (5, 50, 500, 5000)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.2, abs=0.01)
    assert pessimistic_errors(4, 4) == 4
    assert pessimistic_errors(1, 4, 1.0) == 1
