from __future__ import annotations

import math

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from pairs.explain import games, grown, models
from whitebox.anomaly import IsolationForest
from whitebox.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from whitebox.explain import (
    completeness_gap,
    exact_shap,
    integrated_gradients,
    interventional_tree_shap,
    kernel_shap,
    lime_tabular,
    linear_shap,
    mean_absolute_shap,
    permutation_importance,
    shapley_values,
    tree_shap,
)
from whitebox.explain._kernel import _coalitions
from whitebox.tree import DecisionTreeClassifier, Tree, TreeEnsemble

FIVE_WAY_AND = Tree(
    [1, -1, 3, -1, 5, -1, 7, -1, 9, -1, -1],
    [2, -1, 4, -1, 6, -1, 8, -1, 10, -1, -1],
    [0, -1, 1, -1, 2, -1, 3, -1, 4, -1, -1],
    [0.5] * 11,
    np.array([0.0] * 10 + [1.0])[:, None],
    [32, 16, 16, 8, 8, 4, 4, 2, 2, 1, 1],
)


def conjunction(X):
    return X.all(axis=1).astype(float)


def test_five_columns_that_are_all_needed_get_a_fifth_each() -> None:
    x = np.ones(5)
    fifth = np.full(5, 0.2)
    np.testing.assert_allclose(shapley_values(conjunction, 5), fifth)
    np.testing.assert_allclose(exact_shap(conjunction, np.zeros((1, 5)), x).values, fifth)
    np.testing.assert_allclose(kernel_shap(conjunction, np.zeros((1, 5)), x).values, fifth, atol=1e-12)
    np.testing.assert_allclose(interventional_tree_shap(FIVE_WAY_AND, np.zeros((1, 5)), x).values, fifth)
    explained = tree_shap(FIVE_WAY_AND, x)
    np.testing.assert_allclose(explained.values, (1 - 1 / 32) / 5)
    assert explained.base == 1 / 32


@EXAMPLES
@given(games())
def test_shapley_values_share_out_what_the_whole_is_worth(game) -> None:
    worth, players = game
    phi = shapley_values(lambda masks: worth[masks @ (1 << np.arange(players))], players)
    assert phi.sum() == pytest.approx(worth[-1] - worth[0], abs=1e-9)


@EXAMPLES
@given(games(), st.integers(0, 4))
def test_players_who_add_nothing_get_nothing_and_equals_get_the_same(game, player: int) -> None:
    worth, players = game
    player %= players
    bit = 1 << player

    def without_player(masks):
        return worth[(masks @ (1 << np.arange(players))) & ~bit]

    assert shapley_values(without_player, players)[player] == pytest.approx(0, abs=1e-9)
    by_size = shapley_values(lambda masks: worth[masks.sum(axis=1)], players)
    np.testing.assert_allclose(by_size, by_size[0], atol=1e-9)


@EXAMPLES
@given(games(), st.floats(-3, 3))
def test_shapley_values_of_a_sum_of_games_are_the_sums(game, factor: float) -> None:
    worth, players = game
    other = np.sin(worth)

    def values(each):
        return shapley_values(lambda masks: each[masks @ (1 << np.arange(players))], players)

    np.testing.assert_allclose(values(worth + factor * other), values(worth) + factor * values(other), atol=1e-9)
    both = shapley_values(lambda m: np.column_stack([worth, other])[m @ (1 << np.arange(players))], players)
    np.testing.assert_allclose(both, np.column_stack([values(worth), values(other)]), atol=1e-12)


@EXAMPLES
@given(models())
def test_contributions_and_base_sum_to_the_prediction(problem) -> None:
    predict, background, x = problem
    for explain in (exact_shap, kernel_shap):
        explained = explain(predict, background, x)
        assert explained.values.sum() + explained.base == pytest.approx(predict(np.array(x)), rel=1e-9, abs=1e-9)


def product(X):
    return np.prod(1 + 0.3 * X, axis=1)


def test_sampled_contributions_sum_to_the_prediction_exactly_and_near_the_true_ones() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 14))
    background = rng.normal(size=(4, 14))
    few, many = (kernel_shap(product, background, X, n_samples=n) for n in (100, 3000))
    exact = exact_shap(product, background, X[:1])
    for explained in (few, many):
        np.testing.assert_allclose(explained.values.sum(axis=1) + explained.base, product(X), rtol=0, atol=1e-12)
    errors = [np.abs(explained.values[0] - exact.values[0]).max() for explained in (few, many)]
    assert errors[1] < min(errors[0], 0.02 * np.abs(exact.values).max())


def test_a_single_coalition_of_many_columns_weighs_as_the_kernel_says() -> None:
    for players, budget in ((4, 100), (9, 60), (30, 100), (30, 2000)):
        masks, weights = _coalitions(players, budget, np.random.default_rng(0))
        sizes = masks.sum(axis=1)
        assert len(masks) <= max(budget, 2**players - 2 if players < 6 else 0)
        assert len(np.unique(masks, axis=0)) == len(masks)
        # Coalitions come with their complements, and each size has the weight of all coalitions of that size.
        assert weights[sizes == 1].sum() == pytest.approx(1)
        assert weights.sum() == pytest.approx(sum((players - 1) / (s * (players - s)) for s in range(1, players)))
        whole = (sizes == 1) | (sizes == players - 1)
        assert whole.sum() == 2 * players
        flipped = {tuple(mask) for mask in ~masks}
        middle = np.abs(sizes - players / 2) < players / 5
        known = sum(
            (players - 1) / (s * (players - s)) for s in range(1, players) if abs(s - players / 2) < players / 5
        )
        assert weights[middle].sum() == pytest.approx(known, rel=0.5)
        assert all(tuple(mask) in flipped for mask in masks)


def test_columns_that_equal_the_background_take_no_part() -> None:
    rng = np.random.default_rng(0)
    background, x = rng.normal(size=(5, 25)), rng.normal(size=25)
    background[:, 4:] = x[4:]
    explained = kernel_shap(product, background, x)
    assert explained.values[4:].tolist() == [0.0] * 21
    small = exact_shap(lambda X: product(np.hstack([X, np.tile(x[4:], (len(X), 1))])), background[:, :4], x[:4])
    np.testing.assert_allclose(explained.values[:4], small.values, atol=1e-12)
    assert kernel_shap(product, [x], x).values.tolist() == [0.0] * 25
    one = kernel_shap(product, [[0.0, 1.0]], [2.0, 1.0])
    np.testing.assert_allclose(one.values, [product(np.array([[2.0, 1.0]]))[0] - one.base, 0])


def test_several_outputs_are_explained_one_by_one() -> None:
    rng = np.random.default_rng(0)
    background, X = rng.normal(size=(4, 3)), rng.normal(size=(2, 3))
    both = kernel_shap(lambda rows: np.column_stack([product(rows), rows[:, 0]]), background, X)
    assert both.values.shape == (2, 3, 2)
    assert both.base.shape == (2,)
    np.testing.assert_allclose(both.values[..., 0], kernel_shap(product, background, X).values)
    np.testing.assert_allclose(both.values[..., 1], [[x - background[:, 0].mean(), 0, 0] for x in X[:, 0]], atol=1e-12)
    assert kernel_shap(product, background, X[0]).values.shape == (3,)


def test_linear_models_have_their_closed_form() -> None:
    rng = np.random.default_rng(0)
    w, background, X = rng.normal(size=(2, 6)), rng.normal(size=(9, 6)), rng.normal(size=(3, 6))
    closed = linear_shap(w, [1.0, 2.0], background, X)
    sampled = kernel_shap(lambda rows: rows @ w.T + [1.0, 2.0], background, X, n_samples=20)
    np.testing.assert_allclose(closed.values, sampled.values, atol=1e-9)
    np.testing.assert_allclose(closed.base, sampled.base)
    np.testing.assert_allclose(closed.values.sum(axis=1) + closed.base, X @ w.T + [1.0, 2.0])


@EXAMPLES
@given(grown(3))
def test_contributions_of_trees_sum_to_their_predictions(drawn) -> None:
    made, x, a, b = drawn
    ensemble = TreeEnsemble([made, made], scale=0.5, offset=2.0)
    for explained in (tree_shap(ensemble, x), interventional_tree_shap(ensemble, [a, b], x)):
        assert explained.values.sum() + explained.base == pytest.approx(ensemble.predict([x])[0, 0], abs=1e-9)


@EXAMPLES
@given(grown(1), st.integers(1, 100))
def test_what_is_expected_weighs_leaves_by_the_rows_that_reached_them(drawn, factor: int) -> None:
    made, x = drawn
    leaves = made.children_left < 0
    assert tree_shap(made, x).base == pytest.approx(made.cover[leaves] @ made.value[leaves, 0] / made.cover[0])
    scaled = made._replace(cover=made.cover * factor)
    np.testing.assert_allclose(tree_shap(scaled, x).values, tree_shap(made, x).values, atol=1e-12)


def test_covers_decide_what_a_column_adds() -> None:
    stump = Tree([1, -1, -1], [2, -1, -1], [0, -1, -1], [0.5, 0, 0], [[0.3], [0.0], [1.0]], [10, 7, 3])
    assert tree_shap(stump, [1.0]).values[0] == pytest.approx(0.7)
    assert tree_shap(stump, [0.0]).values[0] == pytest.approx(-0.3)


def test_a_column_on_the_path_twice_is_one_player() -> None:
    # 0 < x <= 1 of one column, beside another column.
    made = Tree(
        [1, -1, 3, 5, -1, -1, -1],
        [2, -1, 4, 6, -1, -1, -1],
        [0, -1, 0, 1, -1, -1, -1],
        [0.0, 0, 1.0, 0.5, 0, 0, 0],
        np.array([0, 0, 0, 0, 0, 1.0, 3.0])[:, None],
        [8, 2, 6, 4, 2, 1, 3],
    )
    phi = tree_shap(made, [0.7, 0.9, 5.0]).values
    # The inner leaves are worth 2.5 on average; half of the rows get there.
    assert phi[2] == 0
    np.testing.assert_allclose(phi[:2], [0.5 * (1.25 + 1.5), 0.5 * (0.25 + 0.5)])


def test_all_tree_models_can_be_explained_by_what_they_learned() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = np.digitize(X[:, 0] + X[:, 1] * X[:, 2], [-0.5, 0.5])
    forest = RandomForestClassifier(n_estimators=4, random_state=0).fit(X, y)
    boosted = HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=5).fit(X, y)
    lonely = IsolationForest(n_estimators=4, max_samples=16, random_state=0).fit(X)
    for model, output in (
        (DecisionTreeClassifier().fit(X, y), lambda m: m.predict_proba(X)),
        (forest, lambda m: m.predict_proba(X)),
        (boosted, lambda m: m.decision_function(X)),
        (lonely, lambda m: m.ensemble_.predict(X)[:, 0]),
    ):
        for explained in (tree_shap(model, X), interventional_tree_shap(model, X[:5], X)):
            np.testing.assert_allclose(explained.values.sum(axis=1) + explained.base, output(model), atol=1e-9)
    # The last column says nothing about the class.
    assert mean_absolute_shap(tree_shap(boosted, X).values).sum(axis=1).argmin() == 3


def test_deep_trees_keep_their_digits() -> None:
    # A chain of 40 columns, each of which sends nearly all rows on.
    d = 40
    left = np.array([n + 1 if n % 2 == 0 and n < 2 * d else -1 for n in range(2 * d + 1)])
    right = np.array([n + 2 if n % 2 == 0 and n < 2 * d else -1 for n in range(2 * d + 1)])
    cover = np.array([0.9 ** ((n + 1) // 2) * (1 if n % 2 == 0 else 1 / 9) for n in range(2 * d + 1)])
    value = (np.arange(2 * d + 1) == 2 * d).astype(float)[:, None]
    chain = Tree(left, right, np.arange(2 * d + 1) // 2, np.zeros(2 * d + 1), value, cover)
    explained = tree_shap(chain, np.ones(d))
    np.testing.assert_allclose(explained.values, (1 - 0.9**d) / d, rtol=1e-9)


def test_the_surrogate_of_a_linear_model_is_the_model() -> None:
    rng = np.random.default_rng(0)
    background, x, w = rng.normal(size=(50, 3)) * [1, 5, 0.1], np.array([1.0, 2.0, 3.0]), np.array([3.0, -1.0, 20.0])
    found = lime_tabular(lambda X: X @ w + 4, background, x, rng=rng, n_samples=200, alpha=0.0)
    np.testing.assert_allclose(found.coef, w * background.std(axis=0))
    assert found.intercept == pytest.approx(x @ w + 4)
    assert found.score == pytest.approx(1)


def test_the_surrogate_is_local() -> None:
    # Far away the model falls as steeply as it rises here.
    def tent(X):
        return np.where(X[:, 0] < 2, X[:, 0], 4 - X[:, 0])

    found = lime_tabular(
        tent, [[-1.0], [1.0]], [1.0], rng=np.random.default_rng(0), n_samples=2000, kernel_width=0.3, alpha=0.0
    )
    assert found.coef[0] == pytest.approx(1, abs=0.02)
    wide = lime_tabular(
        tent, [[-1.0], [1.0]], [1.0], rng=np.random.default_rng(0), n_samples=2000, kernel_width=30.0, alpha=0.0
    )
    assert wide.coef[0] < 0.8


def test_the_lasso_leaves_out_what_matters_little_and_meets_its_conditions() -> None:
    rng = np.random.default_rng(0)
    background = rng.normal(size=(50, 6))

    def predict(X):
        return np.column_stack([5 * X[:, 0] - 3 * X[:, 1] + 0.01 * X[:, 2], X[:, 3] ** 2])

    found = lime_tabular(predict, background, np.zeros(6), rng=rng, n_samples=500, penalty="lasso", alpha=0.1)
    assert found.coef.shape == (6, 2)
    assert (found.coef[2:, 0] == 0).all()
    assert (found.coef[:2, 0] != 0).all()
    plain = lime_tabular(
        lambda X: X[:, 0], background, np.zeros(6), rng=np.random.default_rng(1), penalty="lasso", alpha=0.0
    )
    np.testing.assert_allclose(plain.coef, [background[:, 0].std(), 0, 0, 0, 0, 0], atol=1e-6)


def test_constant_columns_have_no_local_effect() -> None:
    background = np.array([[0.0, 7.0], [1.0, 7.0]])
    for penalty in ("ridge", "lasso"):
        found = lime_tabular(
            lambda X: X.sum(axis=1), background, [0.0, 7.0], rng=np.random.default_rng(0), penalty=penalty, alpha=0.0
        )
        np.testing.assert_allclose(found.coef, [0.5, 0.0], atol=1e-9)


@EXAMPLES
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_integrated_gradients_are_complete(x, baseline) -> None:
    def f(X):
        return np.sin(X[:, 0]) * X[:, 1] + X[:, 2] ** 2

    def gradient(X):
        return np.column_stack([np.cos(X[:, 0]) * X[:, 1], np.sin(X[:, 0]), 2 * X[:, 2]])

    contributions = integrated_gradients(gradient, x, baseline, steps=200)
    assert completeness_gap(f, contributions, x, baseline) == pytest.approx(0, abs=2e-3)


def test_integrated_gradients_of_several_rows_and_of_what_does_not_change() -> None:
    X = np.array([[1.0, 2.0], [0.0, 5.0]])
    found = integrated_gradients(lambda rows: np.ones_like(rows) * [2.0, 0.0], X)
    assert found.tolist() == [[2.0, 0.0], [0.0, 0.0]]
    assert completeness_gap(lambda rows: 2 * rows[:, 0], found, X).tolist() == [0.0, 0.0]
    # The error of the midpoint rule falls with the square of the steps.
    gaps = [
        abs(completeness_gap(lambda R: R[:, 0] ** 3, integrated_gradients(lambda R: 3 * R**2, [2.0], steps=n), [2.0]))
        for n in (10, 20)
    ]
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=1e-3)


def test_shuffling_what_a_model_needs_costs_it_its_score() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = 3 * X[:, 0] + X[:, 1]
    found = permutation_importance(
        lambda rows: 3 * rows[:, 0] + rows[:, 1],
        X,
        y,
        lambda true, said: -((true - said) ** 2).mean(),
        rng=rng,
        n_repeats=20,
    )
    # Shuffled independently, a column's error is twice the variance of what it adds.
    np.testing.assert_allclose(found.mean, 2 * X.var(axis=0) * [9, 1, 0], rtol=0.1)
    assert found.repeats.shape == (3, 20)
    assert found.deviation[2] == 0


def test_mean_absolute_values_do_not_cancel() -> None:
    assert mean_absolute_shap([[1.0, -2.0], [-1.0, 2.0]]).tolist() == [1.0, 2.0]
    assert mean_absolute_shap(np.ones((3, 2, 4))).shape == (2, 4)


def test_boosted_regression_is_explained_the_same_by_kernel_and_by_trees() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 5))
    model = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5).fit(X, X[:, 0] * X[:, 1])
    trees = interventional_tree_shap(model, X[:10], X[:3])
    kernel = kernel_shap(model.predict, X[:10], X[:3])
    np.testing.assert_allclose(trees.values, kernel.values, atol=1e-9)
    assert math.isclose(trees.base, kernel.base, abs_tol=1e-12)
