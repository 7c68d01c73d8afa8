from __future__ import annotations

import math

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from pairs.survival import studies, with_covariates
from whitebox.survival import CoxRegression, cox_log_likelihood, kaplan_meier, log_rank, nelson_aalen


@EXAMPLES
@given(studies())
def test_survival_falls_from_one_and_lies_in_its_interval(study) -> None:
    for interval in ("log-log", "plain"):
        curve = kaplan_meier(*study, interval=interval)
        assert (np.diff(np.append(1.0, curve.survival)) < 0).all()
        assert (curve.survival >= 0).all()
        assert ((curve.lower <= curve.survival) & (curve.survival <= curve.upper)).all()
        assert ((curve.lower >= 0) & (curve.upper <= 1)).all()
    hazard = nelson_aalen(*study)
    # exp(-H) is above the product of 1 - h.
    assert (np.exp(-hazard.hazard) >= curve.survival - 1e-12).all()


@EXAMPLES
@given(st.lists(st.integers(1, 6).map(float), min_size=1, max_size=12))
def test_without_censoring_survival_is_the_share_that_is_left(times) -> None:
    curve = kaplan_meier(times)
    for at in np.arange(0, 8, 0.5):
        assert curve.at(at) == pytest.approx(np.mean(np.array(times) > at))
    assert curve.quantile(0.5) == np.sort(times)[math.ceil(len(times) / 2) - 1]
    # Greenwood is binomial then.
    share = curve.survival
    np.testing.assert_allclose(curve.standard_error, np.sqrt(share * (1 - share) / len(times)), atol=1e-12)


@EXAMPLES
@given(studies(), st.integers(0, 2**32 - 1))
def test_neither_order_nor_the_unit_of_time_matters(study, seed: int) -> None:
    times, events = np.array(study[0]), np.array(study[1])
    mixed = np.random.default_rng(seed).permutation(len(times))
    ours, theirs = kaplan_meier(times, events), kaplan_meier(3 * times[mixed], events[mixed])
    np.testing.assert_array_equal(theirs.times, 3 * ours.times)
    np.testing.assert_array_equal(theirs.survival, ours.survival)


def test_everybody_lost_at_the_time_of_an_event_still_counts_as_at_risk() -> None:
    curve = kaplan_meier([1.0, 1.0, 2.0], [1, 0, 1])
    np.testing.assert_allclose(curve.survival, [2 / 3, 0])
    assert curve.quantile(0.9) == 2.0
    assert kaplan_meier([1.0, 2.0], [1, 0]).quantile(0.9) == math.inf
    assert kaplan_meier([1.0, 2.0], [0, 0]).at([5.0]).tolist() == [1.0]


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        life, lost = rng.exponential(1, 80), rng.exponential(2, 80)
        curve = kaplan_meier(np.minimum(life, lost), life <= lost, level=0.9)
        place = np.searchsorted(curve.times, 1.0, side="right") - 1
        inside += curve.lower[place] < math.exp(-1) < curve.upper[place]
    assert abs(inside / 300 - 0.9) < 4 * math.sqrt(0.9 * 0.1 / 300)


@EXAMPLES
@given(studies())
def test_equal_groups_show_no_difference_and_labels_do_not_matter(study) -> None:
    times, events = study[0] * 2, study[1] * 2
    groups = ["old"] * len(study[0]) + ["new"] * len(study[0])
    found = log_rank(times, events, groups)
    assert found.statistic == pytest.approx(0, abs=1e-9)
    assert found.p_value == pytest.approx(1, abs=1e-4)
    assert found.observed.sum() == pytest.approx(found.expected.sum())


def test_the_log_rank_test_rejects_as_often_as_it_should() -> None:
    rng = np.random.default_rng(1)
    tests = [log_rank(rng.exponential(1, 60), rng.random(60) < 0.7, np.arange(60) % 3) for _ in range(400)]
    assert tests[0].dof == 2
    rejected = np.mean([test.p_value < 0.1 for test in tests])
    assert abs(rejected - 0.1) < 4 * math.sqrt(0.1 * 0.9 / 400)
    assert log_rank(np.append(rng.exponential(1, 60), rng.exponential(3, 60)), None, np.arange(120) < 60).p_value < 1e-3


@EXAMPLES
@given(with_covariates())
def test_the_partial_likelihood_is_concave_and_its_derivatives_are_right(drawn) -> None:
    from whitebox.survival._cox import _PartialLikelihood

    X, times, events, beta, ties = drawn
    loss = _PartialLikelihood(np.array(X), np.array(times), np.array(events) == 1, ties)
    at, step = np.array(beta), 1e-5
    _, gradient = loss.value_and_gradient(at)
    assert np.linalg.eigvalsh(loss.hessian(at))[0] > -1e-9
    for i, unit in enumerate(np.eye(len(at))):
        up, down = loss.value_and_gradient(at + step * unit), loss.value_and_gradient(at - step * unit)
        assert gradient[i] == pytest.approx((up[0] - down[0]) / (2 * step), abs=1e-5)
        np.testing.assert_allclose(loss.hessian(at)[i], (up[1] - down[1]) / (2 * step), atol=1e-5)


@EXAMPLES
@given(with_covariates(), st.floats(-5, 5))
def test_only_differences_of_covariates_and_the_order_of_times_matter(drawn, shift: float) -> None:
    X, times, events, beta, ties = drawn
    ours = cox_log_likelihood(X, times, events, beta, ties=ties)
    theirs = cox_log_likelihood(np.array(X) + shift, np.exp(times), events, beta, ties=ties)
    assert theirs == pytest.approx(ours, rel=1e-9, abs=1e-9)


def test_efrons_rule_is_the_mean_over_orders_for_equal_risks_and_breslows_is_below() -> None:
    # With equal risks the order of the tied makes no difference: 1/4 · 1/3 · 1/2, and Breslow's 1/4³.
    X, times, events = np.zeros((4, 1)), [1.0, 1.0, 1.0, 2.0], [1, 1, 1, 0]
    assert cox_log_likelihood(X, times, events, [0.0]) == pytest.approx(-math.log(24))
    assert cox_log_likelihood(X, times, events, [0.0], ties="breslow") == pytest.approx(-math.log(64))


def proportional(n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((n, 3))
    life = rng.exponential(1 / (0.5 * np.exp(X @ [0.8, -0.5, 0.0])))
    lost = rng.exponential(4, n)
    return X, np.column_stack([np.minimum(life, lost), life <= lost])


def test_the_regression_recovers_coefficients_and_baseline() -> None:
    X, y = proportional()
    model = CoxRegression().fit(X, y)
    assert (np.abs(model.coef_ - [0.8, -0.5, 0.0]) < 4 * model.standard_errors_).all()
    assert (model.p_values_[:2] < 1e-6).all()
    assert model.p_values_[2] > 1e-4
    assert model.baseline_hazard_[-1] > 0
    survival = model.predict_survival(np.zeros((1, 3)), [0.5, 1.0, 2.0])[0]
    np.testing.assert_allclose(survival, np.exp(-0.5 * np.array([0.5, 1.0, 2.0])), atol=0.08)
    assert model.predict_survival(X[:2], [0.0]).tolist() == [[1.0], [1.0]]
    assert 0.65 < model.score(X, y) < 0.85
    assert model.log_likelihood_ > model.null_log_likelihood_


def test_units_of_covariates_do_not_matter() -> None:
    X, y = proportional(100)
    ours = CoxRegression().fit(X, y)
    theirs = CoxRegression().fit(X * [1e-6, 1.0, 1e6] + [5.0, 0.0, 1e3], y)
    np.testing.assert_allclose(theirs.coef_ * [1e-6, 1.0, 1e6], ours.coef_, rtol=1e-6)
    np.testing.assert_allclose(theirs.standard_errors_ * [1e-6, 1.0, 1e6], ours.standard_errors_, rtol=1e-6)


def test_one_binary_covariate_is_scored_as_the_log_rank_test_without_ties() -> None:
    rng = np.random.default_rng(3)
    times, group = rng.exponential(1, 50), np.arange(50) % 2
    from whitebox.survival._cox import _PartialLikelihood

    loss = _PartialLikelihood(group[:, None].astype(float), times, np.ones(50, dtype=bool), "efron")
    score = loss.value_and_gradient(np.zeros(1))[1][0] ** 2 / loss.hessian(np.zeros(1))[0, 0]
    assert score == pytest.approx(log_rank(times, None, group).statistic)


def test_a_constant_column_gets_nothing_and_is_known_for_nothing() -> None:
    X, y = proportional(60)
    model = CoxRegression().fit(np.column_stack([X, np.full(60, 7.0)]), y)
    assert model.coef_[3] == 0
    assert model.standard_errors_[3] == math.inf
    assert model.p_values_[3] == 1
    np.testing.assert_allclose(model.coef_[:3], CoxRegression().fit(X, y).coef_, rtol=1e-6)


def test_the_concordance_counts_pairs_whose_order_is_known() -> None:
    model = CoxRegression().fit([[0.0], [1.0], [0.0], [1.0]], [3.0, 2.0, 4.0, 1.0])
    assert model.coef_[0] > 0
    # Of the pairs (1 before 2), (1 before 3) and (2 before 3), the tie counts half.
    assert model.score([[1.0], [1.0], [0.0]], [[1.0, 1], [2.0, 1], [3.0, 0]]) == pytest.approx(2.5 / 3)
    assert model.score([[0.0], [1.0]], [[1.0, 0], [1.0, 1]]) == 1
