from __future__ import annotations

import math

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox import fairness
from whitebox.fairness import derive_predictor, lending, reweighing

TRUTH_METRICS = (
    fairness.equal_opportunity_difference,
    fairness.equalized_odds_difference,
    fairness.predictive_parity_difference,
)
PARITY_METRICS = (fairness.demographic_parity_difference, fairness.demographic_parity_ratio)


def cases(seed: int, n: int = 60, groups: int = 3):
    """Truths, decisions and groups; every group has members of every kind."""
    rng = np.random.default_rng(seed)
    fixed = np.array([(y, p, g) for g in range(groups) for y in (0, 1) for p in (0, 1)])
    return np.vstack([fixed, rng.integers(0, (2, 2, groups), (n, 3))]).T


@EXAMPLES
@given(st.integers(0, 2**32 - 1))
def test_metrics_lie_between_0_and_1_and_do_not_depend_on_names_or_order(seed: int) -> None:
    y, p, g = cases(seed)
    shuffle = np.random.default_rng(seed).permutation(len(y))
    names = np.array(["zebra", "ant", "mole"])[g]
    for metric in TRUTH_METRICS:
        value = metric(y, p, g)
        assert 0 <= value <= 1
        assert metric(y[shuffle], p[shuffle], names[shuffle]) == pytest.approx(value, abs=1e-15)
    for metric in PARITY_METRICS:
        assert 0 <= metric(p, g) <= 1
        assert metric(p[shuffle], names[shuffle]) == pytest.approx(metric(p, g), abs=1e-15)


def test_groups_that_are_treated_alike_differ_in_nothing() -> None:
    y, p, _ = cases(0)
    twice, group = (np.concatenate([y, y]), np.concatenate([p, p])), np.repeat(["a", "b"], len(y))
    assert all(metric(*twice, group) == 0 for metric in TRUTH_METRICS)
    assert fairness.demographic_parity_difference(twice[1], group) == 0
    assert fairness.demographic_parity_ratio(twice[1], group) == 1
    assert fairness.demographic_parity_ratio([0, 0], ["a", "b"]) == 1
    assert fairness.demographic_parity_difference([1, 0, 1], ["only"] * 3) == 0


def test_equalised_odds_look_at_false_positives_as_well() -> None:
    y = [1, 1, 0, 0] * 2
    p = [1, 0, 1, 1, 1, 0, 0, 0]
    g = ["a"] * 4 + ["b"] * 4
    assert fairness.equal_opportunity_difference(y, p, g) == 0
    assert fairness.equalized_odds_difference(y, p, g) == 1


def test_perfect_decisions_satisfy_equalised_odds_but_not_parity_where_base_rates_differ() -> None:
    y, g = [1, 1, 1, 0, 1, 0, 0, 0], ["a"] * 4 + ["b"] * 4
    assert fairness.equalized_odds_difference(y, y, g) == 0
    assert fairness.predictive_parity_difference(y, y, g) == 0
    assert fairness.demographic_parity_difference(y, g) == 0.5


def test_the_disadvantaged_groups_rate_stands_above_the_line_and_four_fifths_pass() -> None:
    decided = [1] * 4 + [0] * 6 + [1] * 5 + [0] * 5
    groups = ["new"] * 10 + ["old"] * 10
    impact = fairness.disparate_impact(decided, groups, privileged="old")
    assert list(impact) == ["new"]
    assert impact["new"].ratio == 0.8
    assert impact["new"].passes
    assert not fairness.disparate_impact([*decided, 0], [*groups, "new"], privileged="old")["new"].passes
    turned = fairness.disparate_impact(decided, groups, privileged="new")["old"]
    assert turned.ratio == pytest.approx(1.25)
    assert turned.low == pytest.approx(1 / impact["new"].high)
    assert impact["new"].low < 0.8 < impact["new"].high
    assert fairness.demographic_parity_ratio(decided, groups) == 0.8


def test_calibration_is_measured_within_each_group() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(20_000)
    groups = np.repeat([0, 1], 10_000)
    # Group 0 is calibrated; group 1 has half of what its scores say. Together they look off by a quarter at most.
    y = (rng.random(20_000) < np.where(groups == 0, scores, scores / 2)).astype(int)
    curves = fairness.calibration_by_group(y, scores, groups)
    assert curves[0].error < 0.02
    assert curves[1].error == pytest.approx(0.25, abs=0.02)
    assert curves[0].size.sum() == 10_000
    np.testing.assert_allclose(curves[1].rate, curves[1].score / 2, atol=0.06)


@EXAMPLES
@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30), st.integers(0, 30), st.floats(0.5, 0.99))
def test_intervals_hold_their_estimates_and_turn_with_them(a, n, b, m, confidence) -> None:
    n, m = a + n + 1, b + m
    share = fairness.proportion_interval(a, n, confidence)
    assert 0 <= share.low <= share.value <= share.high <= 1
    there = fairness.difference_interval(a, n, b, m, confidence)
    back = fairness.difference_interval(b, m, a, n, confidence)
    assert -1 <= there.low <= there.value <= there.high <= 1
    np.testing.assert_allclose(there, (-back.value, -back.high, -back.low), atol=1e-12)
    wider = fairness.difference_interval(a, n, b, m, (1 + confidence) / 2)
    assert wider.low <= there.low
    assert there.high <= wider.high
    if a > 0:
        ratio = fairness.ratio_interval(a, n, b, m, confidence)
        inverse = fairness.ratio_interval(b, m, a, n, confidence)
        np.testing.assert_allclose(ratio, (1 / inverse.value, 1 / inverse.high, 1 / inverse.low), rtol=1e-9)


def test_newcombes_interval_covers_as_often_as_it_says_and_walds_does_not() -> None:
    rng = np.random.default_rng(0)
    draws = 1500
    a, b = rng.binomial(15, 0.95, draws).tolist(), rng.binomial(20, 0.8, draws).tolist()

    def coverage(method) -> float:
        found = [fairness.difference_interval(x, 15, y, 20, method=method) for x, y in zip(a, b, strict=True)]
        return float(np.mean([low <= 0.95 - 0.8 <= high for _, low, high in found]))

    assert coverage("newcombe") > 0.93
    assert coverage("wald") < 0.93


def test_a_bootstrap_interval_is_as_long_as_the_spread_of_the_metric_over_new_samples() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1], 200)

    def sample() -> tuple[np.ndarray, np.ndarray]:
        y = rng.integers(0, 2, 400)
        return y, (rng.random(400) < np.where(groups == 0, 0.7, 0.4) * np.where(y == 1, 1.2, 0.8)).astype(int)

    for metric in ("demographic_parity_difference", "equalized_odds_difference", "demographic_parity_ratio"):
        function = getattr(fairness, metric)
        again = [sample() for _ in range(300)]
        spread = np.std([function(*(pair if "odds" in metric else pair[1:]), groups) for pair in again])
        y, p = sample()
        found = fairness.bootstrap_interval(rng, metric, y, p, groups, confidence=0.6827)
        assert found.low < found.value < found.high
        assert (found.high - found.low) / 2 == pytest.approx(spread, rel=0.25)


def test_a_bootstrap_draws_within_groups_and_leaves_out_what_has_no_rate() -> None:
    y, p, g = [1, 0, 0, 1, 1, 0], [1, 1, 0, 0, 1, 0], ["a"] * 3 + ["b"] * 3
    found = fairness.bootstrap_interval(np.random.default_rng(0), "predictive_parity_difference", y, p, g)
    assert found.value == 0.5
    assert 0 <= found.low <= found.high <= 1


@EXAMPLES
@given(st.integers(0, 2**32 - 1))
def test_reweighed_labels_and_groups_are_independent(seed: int) -> None:
    y, _, g = cases(seed)
    w = reweighing(y, g)
    assert w.sum() == pytest.approx(len(y))
    rates = [np.average(y[g == group], weights=w[g == group]) for group in range(3)]
    np.testing.assert_allclose(rates, y.mean())
    for group in range(3):
        assert w[g == group].sum() == pytest.approx((g == group).sum())
        # Who is rarer than they should be counts more.
        assert (w[(g == group) & (y == 1)] > 1).all() == (y[g == group].mean() < y.mean())


def scored(seed: int, groups: int = 3, n: int = 60):
    rng = np.random.default_rng(seed)
    g = np.concatenate([np.repeat(np.arange(groups), 2), rng.integers(0, groups, n)])
    y = np.concatenate([np.tile([0, 1], groups), rng.integers(0, 2, n)])
    return np.round(rng.normal(size=len(y)) + y * (0.3 + g), int(rng.integers(0, 3))), y, g


def _rates(probability, y, g) -> np.ndarray:
    return np.array([[probability[(g == a) & (y == label)].mean() for label in (0, 1)] for a in np.unique(g)])


@EXAMPLES
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 3))
def test_a_derived_predictor_satisfies_its_constraint_exactly(seed: int, cost: float) -> None:
    scores, y, g = scored(seed)
    for constraint in ("equalized_odds", "equal_opportunity"):
        derived = derive_predictor(scores, y, g, constraint, false_positive_cost=cost)
        p = derived.predict_proba(scores, g)
        assert ((p >= 0) & (p <= 1)).all()
        rates = _rates(p, y, g)
        told = [(rule.false_positive_rate, rule.true_positive_rate) for rule in derived.rules.values()]
        np.testing.assert_allclose(rates, told, atol=1e-12)
        same = rates if constraint == "equalized_odds" else rates[:, 1]
        np.testing.assert_allclose(same, np.broadcast_to(same[0], same.shape), atol=1e-12)
        assert derived.loss == pytest.approx(cost * ((1 - y) * p).mean() + (y * (1 - p)).mean())


@EXAMPLES
@given(st.integers(0, 2**32 - 1))
def test_fairness_costs_and_less_of_it_costs_less(seed: int) -> None:
    scores, y, g = scored(seed)
    odds = derive_predictor(scores, y, g).loss
    opportunity = derive_predictor(scores, y, g, "equal_opportunity").loss
    alone = sum(derive_predictor(scores[g == a], y[g == a], g[g == a]).loss * (g == a).mean() for a in np.unique(g))
    constant = min(y.mean(), 1 - y.mean())
    assert alone <= opportunity + 1e-12
    assert opportunity <= odds + 1e-12
    assert odds <= constant + 1e-12


def test_the_best_common_point_may_be_where_hulls_cross() -> None:
    # Hulls from (0, 1/2) to (1, 1), and from (0, 0) over (1/2, 1).
    derived = derive_predictor([3, 1, 1, 2, 2, 1], [1, 1, 0, 1, 0, 0], ["a"] * 3 + ["b"] * 3)
    for rule in derived.rules.values():
        np.testing.assert_allclose((rule.false_positive_rate, rule.true_positive_rate), (1 / 3, 2 / 3))
    assert derived.loss == pytest.approx(1 / 3)


def test_decisions_are_drawn_with_their_probabilities() -> None:
    scores, y, g = scored(3)
    derived = derive_predictor(scores, y, g)
    p = derived.predict_proba(scores, g)
    drawn = np.mean([derived.predict(np.random.default_rng(seed), scores, g) for seed in range(400)], axis=0)
    assert (np.abs(drawn - p) <= 5 * np.sqrt(p * (1 - p) / 400)).all()


SCENARIO = lending.Scenario(applicants=4000)


def test_a_model_trained_on_biased_approvals_reproduces_the_bias() -> None:
    for bias, low, high in ((0.0, 0.9, 1.0), (1.0, 0.3, 0.75), (2.0, 0.02, 0.4)):
        scenario = lending.Scenario(applicants=4000, bias=bias)
        state = lending.init(np.random.default_rng(1), scenario)
        officers = fairness.demographic_parity_ratio(state.approved, state.applicants.groups)
        _, model = lending.step(np.random.default_rng(2), state, scenario)
        assert low < officers <= high
        assert low < model.disparate_impact <= high
        # Who never sees the group finds it in the neighbourhood; without that trace the bias is spread over all.
        blind = lending.Scenario(applicants=4000, bias=bias, proxy=0.0)
        _, model = lending.step(np.random.default_rng(2), lending.init(np.random.default_rng(1), blind), blind)
        assert model.disparate_impact > 0.85


def test_mitigations_bring_the_groups_together_and_biased_labels_call_it_a_loss() -> None:
    last = {
        mitigation: lending.simulate(np.random.default_rng(5), SCENARIO, mitigation, rounds=4)[-1]
        for mitigation in ("none", "reweighing", "equalized_odds", "equal_opportunity")
    }
    plain = last.pop("none")
    assert plain.disparate_impact < 0.7
    for done in last.values():
        assert done.disparate_impact > plain.disparate_impact + 0.05
        assert done.equalized_odds_difference < plain.equalized_odds_difference
        # Officers would say that accuracy suffers; repayments say that it does not.
        assert done.agreement < plain.agreement
        assert done.accuracy > plain.accuracy - 0.02
    assert last["equalized_odds"].equalized_odds_difference < 0.1
    assert last["equal_opportunity"].equal_opportunity_difference < 0.1


def test_where_abilities_differ_equalised_odds_cost_accuracy() -> None:
    scenario = lending.Scenario(applicants=4000, bias=0.0, gap=0.8)
    plain, fair = (
        lending.simulate(np.random.default_rng(5), scenario, mitigation, rounds=2)[-1]
        for mitigation in ("none", "equalized_odds")
    )
    assert fair.equalized_odds_difference < plain.equalized_odds_difference
    assert fair.accuracy < plain.accuracy - 0.01


def test_rejections_make_the_groups_abilities_drift_apart_round_after_round() -> None:
    history = lending.simulate(np.random.default_rng(0), SCENARIO, rounds=10)
    apart = [done.ability[0] - done.ability[1] for done in history]
    assert [done.number for done in history] == list(range(1, 11))
    assert apart[-1] > apart[4] > apart[0] >= -0.02
    assert apart[-1] > 0.05
    still = lending.simulate(np.random.default_rng(0), lending.Scenario(gain=0.0), rounds=2)[-1]
    assert still.ability.tolist() == [0.0, 0.0]


def test_a_history_depends_on_its_seed_alone() -> None:
    def told(seed: int) -> list[float]:
        return [done.accuracy for done in lending.simulate(np.random.default_rng(seed), SCENARIO, "reweighing", 2)]

    assert told(1) == told(1)
    assert told(1) != told(2)
    assert not any(math.isnan(value) for value in told(1))
