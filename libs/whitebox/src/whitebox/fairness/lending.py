"""Lending with a known bias: what a model learns from biased approvals, what it does to people, and what helps.

Applicants have an ability to repay that nobody sees, an income that shows it with noise, and a neighbourhood that tells
their group. Loan officers of the past took `bias` off the income of group 1. The bank's model is trained on past
approvals, is never told the group, and finds it in the neighbourhood. Loans that are repaid make their group richer,
loans that are not make it poorer (Liu, Dean, Rolf, Simchowitz, Hardt: Delayed Impact of Fair Machine Learning, ICML
2018), and the next model learns from this one's approvals: the loop closes.

Because the simulation knows who would repay, decisions are judged by that, and not by the approvals of officers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.errors import RangeError
from whitebox.fairness._metrics import (
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equalized_odds_difference,
)
from whitebox.fairness._postprocessing import derive_predictor
from whitebox.fairness._reweighing import reweighing
from whitebox.optimize import newton

Mitigation = Literal["none", "reweighing", "equalized_odds", "equal_opportunity"]
_MITIGATIONS = ("none", "reweighing", "equalized_odds", "equal_opportunity")
# How steeply the probability of repaying rises with ability.
_STEEPNESS = 2.0


@dataclass(frozen=True)
class Scenario:
    """What the world is like.

    Args:
        applicants: In each round, at least 100.
        share: Of group 1 among them, from 0.05 to 0.95.
        gap: How far group 1's mean ability lies below group 0's at first, in standard deviations of ability.
        bias: What officers take off the income of group 1; 0 for fair ones.
        proxy: How far the neighbourhoods of the groups lie apart, in standard deviations; 0 hides the group.
        noise: Standard deviation of income about ability.
        overrides: Share of cases that officers go on to decide.
        audit: Share of applicants who get a loan by lot, so that it is known whether they repay.
        gain: By how much repaid loans of everybody would raise a group's mean ability in a round; loans that are not
            repaid lower it by as much.

    >>> Scenario(bias=0.0).overrides
    0.1
    """

    applicants: int = 2000
    share: float = 0.4
    gap: float = 0.0
    bias: float = 1.0
    proxy: float = 2.0
    noise: float = 0.5
    overrides: float = 0.1
    audit: float = 0.2
    gain: float = 0.1

    def __post_init__(self) -> None:
        if positive_int(self.applicants, "applicants") < 100:
            raise RangeError(f"applicants must be at least 100, got {self.applicants}")
        number_in(self.share, "share", 0.05, 0.95)
        number_in(self.gap, "gap")
        number_in(self.bias, "bias")
        number_in(self.proxy, "proxy")
        number_in(self.noise, "noise", 0)
        number_in(self.overrides, "overrides", 0, 1)
        number_in(self.audit, "audit", 0.05, 1)
        number_in(self.gain, "gain", 0)


class Applicants(NamedTuple):
    """People who ask for a loan.

    Attributes:
        features: Income and neighbourhood, shape (n, 2).
        groups: 0 or 1, shape (n,).
        repays: Whether they would repay, zeros and ones, shape (n,).
    """

    features: Array
    groups: npt.NDArray[np.int64]
    repays: npt.NDArray[np.int64]


class LendingState(NamedTuple):
    """Between two rounds.

    Attributes:
        number: Rounds so far.
        ability: Mean ability of the groups, shape (2,).
        applicants: Those of the last round.
        approved: What became of them, zeros and ones, shape (n,): the labels of the next model.
    """

    number: int
    ability: Array
    applicants: Applicants
    approved: npt.NDArray[np.int64]


class LendingRound(NamedTuple):
    """What a round's model did, judged by who would repay.

    Attributes:
        number: Of the round, from 1.
        selection_rates: Share of each group that the model approves, shape (2,).
        disparate_impact: The smaller of them over the larger.
        demographic_parity_difference: Between the groups.
        equal_opportunity_difference: Between the groups.
        equalized_odds_difference: Between the groups.
        accuracy: Share of cases where approval and repayment agree.
        agreement: Share of cases where the model decides as the officers would: "accuracy" to who believes the labels.
        ability: Mean ability of the groups after the round, shape (2,).
    """

    number: int
    selection_rates: Array
    disparate_impact: float
    demographic_parity_difference: float
    equal_opportunity_difference: float
    equalized_odds_difference: float
    accuracy: float
    agreement: float
    ability: Array


def init(rng: np.random.Generator, scenario: Scenario) -> LendingState:
    """The past: one round of applicants, decided by officers.

    Args:
        rng: Source of the applicants and the officers' moods.
        scenario: What the world is like.

    >>> state = init(np.random.default_rng(0), Scenario(bias=1.0))
    >>> rates = [state.approved[state.applicants.groups == group].mean() for group in (0, 1)]
    >>> bool(rates[1] < 0.6 * rates[0])
    True
    """
    ability = np.array([0.0, -scenario.gap])
    people = _apply(rng, scenario, ability)
    return LendingState(0, ability, people, _officers(rng, scenario, people))


def step(
    rng: np.random.Generator, state: LendingState, scenario: Scenario, mitigation: Mitigation = "none"
) -> tuple[LendingState, LendingRound]:
    """One round: learn from the last round's approvals, decide about new applicants, and let it have its effect.

    "reweighing" trains with weights that make approval and group independent (`whitebox.fairness.reweighing`). The
    others put thresholds on the score of the plain model (`whitebox.fairness.derive_predictor`), derived from audits:
    loans by lot, whose repayment does not depend on officers. On biased approvals as the truth they would preserve the
    bias.

    Args:
        rng: Source of everything that happens.
        state: After the last round.
        scenario: What the world is like.
        mitigation: What is done about the bias.

    Raises:
        RangeError: if the mitigation is unknown.
        EmptyInputError: if there are so few audits that a group's have all repaid, or none.

    >>> rng, scenario = np.random.default_rng(0), Scenario()
    >>> state, first = step(rng, init(rng, scenario), scenario)
    >>> state.number, first.disparate_impact < 0.8
    (1, True)
    """
    if mitigation not in _MITIGATIONS:
        raise RangeError(f"mitigation must be one of {', '.join(map(repr, _MITIGATIONS))}, got {mitigation!r}")
    past = state.applicants
    weights = reweighing(state.approved, past.groups) if mitigation == "reweighing" else np.ones(len(past.groups))
    model = _fit(past.features, state.approved, weights)
    people = _apply(rng, scenario, state.ability)
    scores = _score(model, people.features)
    if mitigation in ("equalized_odds", "equal_opportunity"):
        audited = rng.random(len(past.groups)) < scenario.audit
        derived = derive_predictor(
            _score(model, past.features[audited]), past.repays[audited], past.groups[audited], mitigation
        )
        decided = derived.predict(rng, scores, people.groups)
    else:
        decided = (scores >= 0).astype(np.int64)
    officers = _officers(rng, scenario, people)
    approved = np.where(rng.random(len(decided)) < scenario.overrides, officers, decided)
    ability = state.ability + scenario.gain * _by_group((2 * people.repays - 1) * approved, people.groups)
    after = LendingState(state.number + 1, ability, people, approved)
    return after, LendingRound(
        after.number,
        _by_group(decided, people.groups),
        demographic_parity_ratio(decided, people.groups),
        demographic_parity_difference(decided, people.groups),
        equal_opportunity_difference(people.repays, decided, people.groups),
        equalized_odds_difference(people.repays, decided, people.groups),
        float((decided == people.repays).mean()),
        float((decided == officers).mean()),
        ability,
    )


def simulate(
    rng: np.random.Generator, scenario: Scenario, mitigation: Mitigation = "none", rounds: int = 10
) -> list[LendingRound]:
    """So many rounds, one after the other. O(rounds · applicants · log applicants).

    Args:
        rng: Source of everything that happens: the same seed gives the same history.
        scenario: What the world is like.
        mitigation: What is done about the bias: "none", "reweighing", "equalized_odds" or "equal_opportunity".
        rounds: At least 1.

    Raises:
        RangeError: if the mitigation is unknown, or there are no rounds.

    >>> plain = simulate(np.random.default_rng(0), Scenario(), "none", rounds=3)[-1]
    >>> fair = simulate(np.random.default_rng(0), Scenario(), "reweighing", rounds=3)[-1]
    >>> plain.disparate_impact < 0.8, plain.disparate_impact < fair.disparate_impact
    (True, True)
    """
    state = init(rng, scenario)
    history = []
    for _ in range(positive_int(rounds, "rounds")):
        state, done = step(rng, state, scenario, mitigation)
        history.append(done)
    return history


def _apply(rng: np.random.Generator, scenario: Scenario, ability: Array) -> Applicants:
    n = scenario.applicants
    groups = (rng.random(n) < scenario.share).astype(np.int64)
    own = ability[groups] + rng.standard_normal(n)
    income = own + scenario.noise * rng.standard_normal(n)
    neighbourhood = scenario.proxy * groups + rng.standard_normal(n)
    repays = (rng.random(n) < 1 / (1 + np.exp(-_STEEPNESS * own))).astype(np.int64)
    return Applicants(np.column_stack([income, neighbourhood]), groups, repays)


def _officers(rng: np.random.Generator, scenario: Scenario, people: Applicants) -> npt.NDArray[np.int64]:
    """Who they approve: by income, less the bias, and by their mood."""
    mood = 0.5 * rng.standard_normal(len(people.groups))
    return (people.features[:, 0] - scenario.bias * people.groups + mood > 0).astype(np.int64)


def _by_group(values: npt.NDArray[Any], groups: npt.NDArray[np.int64]) -> Array:
    """Means of the two groups, 0 where one is empty, shape (2,)."""
    means: Array = np.bincount(groups, values, 2) / np.maximum(np.bincount(groups, minlength=2), 1)
    return means


def _fit(features: Array, labels: npt.NDArray[np.int64], weights: Array) -> Array:
    """Logistic regression with weights and a small penalty, its intercept last; shape (3,)."""
    design = np.column_stack([features, np.ones(len(labels))])

    def loss(w: Array) -> tuple[float, Array]:
        logits = design @ w
        p = 1 / (1 + np.exp(-logits))
        value = (weights * (np.logaddexp(0.0, logits) - labels * logits)).sum() + w @ w / 2
        return float(value), design.T @ (weights * (p - labels)) + w

    def curvature(w: Array) -> Array:
        p = 1 / (1 + np.exp(-design @ w))
        return (design.T * (weights * p * (1 - p))) @ design + np.eye(design.shape[1])

    return newton(loss, curvature, np.zeros(design.shape[1]), tol=1e-8 * len(labels)).x


def _score(model: Array, features: Array) -> Array:
    score: Array = features @ model[:-1] + model[-1]
    return score
