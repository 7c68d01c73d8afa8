"""Bad and degenerate input of `whitebox.fairness`, `whitebox.privacy` and `whitebox.federated`."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox import fairness, privacy
from whitebox.errors import (
    BudgetExhaustedError,
    DtypeError,
    EmptyInputError,
    NotFiniteError,
    NotPositiveDefiniteError,
    RangeError,
    ShapeError,
)
from whitebox.fairness import DerivedPredictor, GroupRule, derive_predictor, lending
from whitebox.federated import (
    Availability,
    Client,
    LeastSquares,
    LocalTraining,
    Logistic,
    PrivateClient,
    PrivateServer,
    Server,
    Update,
    average,
    bayesian_average,
    inverse_variance_average,
    partition_by_label,
    partition_evenly,
    train,
    weighted_average,
)
from whitebox.privacy import (
    Accountant,
    ComposedEvent,
    GaussianEvent,
    LaplaceEvent,
    PureEvent,
    SubsampledGaussianEvent,
)

Y, P, G = [1, 0, 1, 0], [1, 1, 0, 0], ["a", "a", "b", "b"]
RNG = np.random.default_rng(0)
# Every metric of truths, decisions and groups, called with all three.
METRICS = {
    "rates_by_group": fairness.rates_by_group,
    "selection_rates": lambda y, p, g: fairness.selection_rates(p, g),
    "demographic_parity_difference": lambda y, p, g: fairness.demographic_parity_difference(p, g),
    "demographic_parity_ratio": lambda y, p, g: fairness.demographic_parity_ratio(p, g),
    "disparate_impact": lambda y, p, g: fairness.disparate_impact(p, g, "a"),
    "equal_opportunity_difference": fairness.equal_opportunity_difference,
    "equalized_odds_difference": fairness.equalized_odds_difference,
    "predictive_parity_difference": fairness.predictive_parity_difference,
    "calibration_by_group": fairness.calibration_by_group,
    "bootstrap_interval": lambda y, p, g: fairness.bootstrap_interval(RNG, "demographic_parity_ratio", y, p, g),
    "reweighing": lambda y, p, g: fairness.reweighing(p, g),
    "derive_predictor": lambda y, p, g: derive_predictor(p, y, g),
}
BAD_DECISIONS = {
    "a NaN": ([1, math.nan, 0, 0], NotFiniteError, r"\[1\] is NaN"),
    "nothing": ([], EmptyInputError, "is empty"),
    "a matrix": ([[1, 0], [0, 1]], ShapeError, "must be a vector"),
    "words": (["yes", "no", "no", "no"], DtypeError, "real numbers"),
}


@pytest.mark.parametrize("bad", BAD_DECISIONS)
@pytest.mark.parametrize("metric", METRICS)
def test_what_is_no_vector_of_decisions_is_refused_by_name(metric: str, bad: str) -> None:
    value, error, message = BAD_DECISIONS[bad]
    with pytest.raises(error, match=message):
        METRICS[metric](Y, value, G)


@pytest.mark.parametrize("metric", METRICS)
def test_groups_have_to_fit(metric: str) -> None:
    for groups in (["a", "b"], [["a", "b", "c", "d"]]):
        with pytest.raises(ShapeError, match=r"groups must have shape \(4,\)"):
            METRICS[metric](Y, P, groups)
    with pytest.raises(NotFiniteError, match=r"groups\[2\]"):
        METRICS[metric](Y, P, [0.0, 0.0, math.nan, 1.0])


RAW_UPDATE = Update(np.array([1.0]), 1)
SURE_UPDATE = Update(np.array([1.0]), 1, np.array([1.0]), np.eye(1))
SPENT = Accountant(1e-6, 0.0)
NORMAL = Accountant(100.0, 1e-5)
STEP = {"max_norm": 1.0, "noise_multiplier": 1.0, "expected_rows": 1.0, "accountant": NORMAL}


def client(**options) -> Client:
    return Client([[1.0], [2.0]], [1.0, 0.0], options.pop("loss", LeastSquares()))


REFUSED = [
    ("a decision of 2", lambda: fairness.selection_rates([0, 2], ["a", "b"]), RangeError, r"y_pred\[1\] = 2"),
    ("lengths", lambda: fairness.rates_by_group([1], P, G), ShapeError, "y_true has 1"),
    ("positives", lambda: fairness.equal_opportunity_difference([0, 0, 1, 0], P, G), EmptyInputError, "'a'.*positives"),
    ("negatives", lambda: fairness.equalized_odds_difference([1, 1, 1, 0], P, G), EmptyInputError, "'a'.*negatives"),
    ("nobody", lambda: fairness.predictive_parity_difference(Y, [1, 1, 0, 0], G), EmptyInputError, "'b'.*decided for"),
    ("no such group", lambda: fairness.disparate_impact(P, G, "c"), RangeError, "no group is called 'c'"),
    ("nobody privileged", lambda: fairness.disparate_impact([1, 1, 0, 0], G, "b"), RangeError, "no ratio"),
    ("a certain ratio", lambda: fairness.disparate_impact(P, G, "a", 1.0), RangeError, "below 1"),
    ("a score of 2", lambda: fairness.calibration_by_group(Y, [2.0] * 4, G), RangeError, "probabilities"),
    ("no bins", lambda: fairness.calibration_by_group(Y, [0.5] * 4, G, bins=0), RangeError, "bins"),
    ("scores", lambda: fairness.calibration_by_group(Y, [0.5], G), ShapeError, "scores has 1"),
    ("a metric", lambda: fairness.bootstrap_interval(RNG, "accuracy", Y, P, G), RangeError, "no metric is called"),
    (
        "no resamples",
        lambda: fairness.bootstrap_interval(RNG, "demographic_parity_ratio", Y, P, G, resamples=0),
        RangeError,
        "resamples",
    ),
    ("certainty", lambda: fairness.proportion_interval(1, 2, 1.0), RangeError, "below 1"),
    ("more than all", lambda: fairness.proportion_interval(3, 2), RangeError, "successes"),
    ("half a success", lambda: fairness.proportion_interval(0.5, 2), RangeError, "whole number"),
    ("no trials", lambda: fairness.difference_interval(0, 0, 1, 2), RangeError, "trials"),
    ("a method", lambda: fairness.difference_interval(1, 2, 1, 2, method="exact"), RangeError, "'newcombe' or 'wald'"),
    ("a ratio to 0", lambda: fairness.ratio_interval(1, 2, 0, 2), RangeError, "no ratio"),
    ("no cost", partial(derive_predictor, P, Y, G, false_positive_cost=0, false_negative_cost=0), RangeError, "both"),
    ("a negative cost", partial(derive_predictor, P, Y, G, false_positive_cost=-1), RangeError, "cost"),
    ("a constraint", lambda: derive_predictor(P, Y, G, "parity"), RangeError, "constraint must be"),
    ("one label", lambda: derive_predictor(P, [1, 1, 0, 1], G), EmptyInputError, "'a' has no negatives"),
    ("scores and truths", lambda: derive_predictor(P, [1, 0], G), ShapeError, "y_true has 2"),
    (
        "a new group",
        lambda: DerivedPredictor({"a": GroupRule(1, 1, 0, 0, 0, 0, 0)}, 0.0).predict_proba([1.0], ["b"]),
        RangeError,
        "no rule for group 'b'",
    ),
    ("few applicants", lambda: lending.Scenario(applicants=10), RangeError, "at least 100"),
    ("a share of 1", lambda: lending.Scenario(share=1.0), RangeError, "share"),
    ("no such help", lambda: lending.simulate(RNG, lending.Scenario(), "hope"), RangeError, "mitigation must be"),
    ("no rounds", lambda: lending.simulate(RNG, lending.Scenario(), rounds=0), RangeError, "rounds"),
    (
        "a step without help",
        lambda: lending.step(RNG, lending.init(RNG, lending.Scenario()), lending.Scenario(), "hope"),
        RangeError,
        "mitigation",
    ),
    ("epsilon below 0", lambda: privacy.gaussian_delta(-1.0, 1.0), RangeError, "epsilon"),
    ("no noise", lambda: privacy.gaussian_delta(1.0, 0.0), RangeError, "sigma"),
    ("delta of 0", lambda: privacy.gaussian_sigma(1.0, 0.0), RangeError, "delta"),
    ("delta of 1", lambda: privacy.gaussian_epsilon(1.0, 1.0), RangeError, "anything may be published"),
    ("no scale", lambda: privacy.discrete_laplace(RNG, 0.0), RangeError, "scale"),
    ("a vast scale", lambda: privacy.discrete_laplace(RNG, 1e15), RangeError, "2\\^40"),
    ("no sigma", lambda: privacy.discrete_gaussian(RNG, math.nan), RangeError, "sigma"),
    ("sensitivity 0", lambda: privacy.laplace_mechanism(RNG, 1.0, 0.0, 1.0), RangeError, "sensitivity"),
    ("epsilon 0", lambda: privacy.laplace_mechanism(RNG, 1.0, 1.0, 0.0), RangeError, "epsilon"),
    ("a NaN", lambda: privacy.laplace_mechanism(RNG, math.nan, 1.0, 1.0), NotFiniteError, "NaN"),
    ("a far value", lambda: privacy.laplace_mechanism(RNG, 1e30, 1.0, 1.0), RangeError, "too far above"),
    ("normal, epsilon 0", lambda: privacy.gaussian_mechanism(RNG, 1.0, 1.0, 0.0, 0.1), RangeError, "epsilon"),
    ("normal, nothing", lambda: privacy.gaussian_mechanism(RNG, [], 1.0, 1.0, 0.1), EmptyInputError, "empty"),
    ("half a count", lambda: privacy.geometric_mechanism(RNG, 0.5, 1, 1.0), DtypeError, "whole numbers"),
    ("half a sensitivity", lambda: privacy.geometric_mechanism(RNG, 1, 0.5, 1.0), RangeError, "sensitivity"),
    ("no options", lambda: privacy.exponential_mechanism(RNG, [], 1.0, 1.0), EmptyInputError, "utilities"),
    ("a third answer", lambda: privacy.randomized_response(RNG, [2], 1.0), RangeError, "from 0 to 1"),
    ("half an answer", lambda: privacy.randomized_response(RNG, [0.5], 1.0), DtypeError, "whole numbers"),
    ("one category", lambda: privacy.randomized_response_frequencies([0], 1.0, 1), RangeError, "at least 2"),
    ("counts of numbers", lambda: privacy.private_count(RNG, [1.0], 1.0), DtypeError, "true or false"),
    ("counts of a matrix", lambda: privacy.private_count(RNG, [[True]], 1.0), ShapeError, "vector"),
    ("bounds", lambda: privacy.private_sum(RNG, [1.0], (1.0, 1.0), 1.0), RangeError, "below the upper"),
    ("infinite bounds", lambda: privacy.private_sum(RNG, [1.0], (0.0, math.inf), 1.0), RangeError, "upper bound"),
    ("three bounds", lambda: privacy.private_mean(RNG, [1.0], (0.0, 1.0, 2.0), 1.0), ShapeError, "a pair"),
    ("the mean of nobody", lambda: privacy.private_mean(RNG, [], (0.0, 1.0), 1.0), EmptyInputError, "values"),
    (
        "strange neighbours",
        lambda: privacy.private_mean(RNG, [1.0], (0.0, 1.0), 1.0, neighbours="next_door"),
        RangeError,
        "neighbours must be",
    ),
    ("delta of 2", lambda: privacy.private_mean(RNG, [1.0], (0.0, 1.0), 1.0, delta=2.0), RangeError, "delta"),
    ("falling edges", lambda: privacy.private_histogram(RNG, [1.0], [1.0, 0.0], 1.0), RangeError, "that rise"),
    ("one edge", lambda: privacy.private_histogram(RNG, [1.0], [1.0], 1.0), RangeError, "two or more"),
    ("no points", lambda: privacy.private_integral(RNG, np.sin, [], (0, 1), 1.0), EmptyInputError, "samples"),
    ("a point", lambda: privacy.private_integral(RNG, np.sin, 1.0, (0, 1), 1.0), ShapeError, "one row a person"),
    (
        "too few heights",
        lambda: privacy.private_integral(RNG, lambda x: x[:1], [1.0, 2.0], (0, 1), 1.0),
        ShapeError,
        "1 values for 2 samples",
    ),
    ("no volume", lambda: privacy.private_integral(RNG, np.sin, [1.0], (0, 1), 1.0, volume=0), RangeError, "volume"),
    ("x that stands", lambda: privacy.private_area(RNG, [0, 0], [1, 1], (0, 1), 1.0), RangeError, "that rise"),
    ("x and y", lambda: privacy.private_area(RNG, [0, 1], [1, 1, 1], (0, 1), 1.0), ShapeError, "y has 3"),
    ("no norm", lambda: privacy.clip_rows([[1.0]], 0.0), RangeError, "max_norm"),
    ("a vector to clip", lambda: privacy.clip_rows([1.0], 1.0), ShapeError, "matrix"),
    ("a rate of 2", lambda: privacy.poisson_sample(RNG, 3, 2.0), RangeError, "sampling_rate"),
    ("a gradient", lambda: privacy.noisy_gradient(RNG, [1.0], **STEP), ShapeError, "one row a row"),
    (
        "a step without noise",
        lambda: privacy.noisy_gradient(RNG, [[1.0]], **STEP | {"noise_multiplier": 0.0}),
        RangeError,
        "noise_multiplier",
    ),
    (
        "a spent step",
        lambda: privacy.noisy_gradient(RNG, [[1.0]], **STEP | {"accountant": SPENT}),
        BudgetExhaustedError,
        "inf",
    ),
    ("an order of 1", lambda: privacy.rdp_gaussian(1.0, [1.0]), RangeError, "above 1"),
    ("no orders", lambda: privacy.rdp_laplace(1.0, []), EmptyInputError, "orders"),
    ("orders", lambda: privacy.rdp_pure(1.0, [[2.0]]), ShapeError, "orders"),
    ("a NaN order", lambda: privacy.rdp_pure(1.0, [math.nan]), RangeError, "above 1"),
    ("rate below 0", lambda: privacy.rdp_subsampled_gaussian(1.0, -0.1), RangeError, "sampling_rate"),
    ("a curve below 0", lambda: privacy.rdp_to_epsilon([-1.0], 0.1, [2.0]), RangeError, "not negative"),
    ("a short curve", lambda: privacy.rdp_to_delta([1.0], 0.1, [2.0, 3.0]), ShapeError, "the curve has shape"),
    ("no budget", lambda: Accountant(0.0, 0.1), RangeError, "epsilon"),
    ("delta 1", lambda: Accountant(1.0, 1.0), RangeError, "below 1"),
    ("no release", lambda: NORMAL.spend(PureEvent(1.0), count=0), RangeError, "count"),
    ("overspending", lambda: SPENT.spend(LaplaceEvent(1.0)), BudgetExhaustedError, "would spend epsilon = 1 of 1e-06"),
    ("normal noise for delta 0", lambda: SPENT.spend(GaussianEvent(1e9)), BudgetExhaustedError, "inf"),
    ("a sampled event", lambda: NORMAL.spend(SubsampledGaussianEvent(1.0, 2.0)), RangeError, "sampling_rate"),
    ("composed", lambda: SPENT.spend(ComposedEvent((PureEvent(1.0),) * 2)), BudgetExhaustedError, "epsilon = 2"),
    ("no steps", lambda: privacy.noise_multiplier_for(1.0, 1e-5, steps=0), RangeError, "steps"),
    ("noise for delta 0", lambda: privacy.noise_multiplier_for(1.0, 0.0, steps=1), RangeError, "delta"),
    ("a penalty", lambda: LeastSquares(penalty=-1.0), RangeError, "penalty"),
    ("no noise in y", lambda: LeastSquares(noise=0.0), RangeError, "noise"),
    ("a logistic penalty", lambda: Logistic(-1.0), RangeError, "penalty"),
    ("labels", lambda: Client([[1.0]], [0.5], Logistic()), RangeError, "zeros and ones"),
    ("rows and targets", lambda: Client([[1.0]], [1.0, 2.0], LeastSquares()), ShapeError, "X has 1 rows, y has 2"),
    ("a NaN in a client", lambda: Client([[math.nan]], [1.0], LeastSquares()), NotFiniteError, "NaN"),
    ("parameters", lambda: client().update([1.0, 2.0], LocalTraining(), RNG), ShapeError, "the server has 2"),
    ("a prior of 0", lambda: client().posterior(0.0), RangeError, "prior_precision"),
    ("no local steps", lambda: LocalTraining(steps=0), RangeError, "steps"),
    ("no batch", lambda: LocalTraining(batch_rate=0.0), RangeError, "batch_rate"),
    ("dropout", lambda: Availability(dropout=1.5), RangeError, "dropout"),
    (
        "a private client without noise",
        lambda: PrivateClient([[1.0]], [1.0], LeastSquares(), accountant=NORMAL, noise_multiplier=0.0),
        RangeError,
        "noise_multiplier",
    ),
    ("no updates", lambda: average([]), EmptyInputError, "no updates"),
    ("unlike updates", lambda: average([RAW_UPDATE, Update(np.zeros(2), 1)]), ShapeError, "differ in shape"),
    ("an update of NaN", lambda: average([Update(np.array([math.nan]), 1)]), NotFiniteError, "NaN"),
    ("no samples", lambda: weighted_average([Update(np.array([1.0]), 0)]), RangeError, "samples"),
    ("no variance", lambda: inverse_variance_average([SURE_UPDATE, RAW_UPDATE]), RangeError, "a variance"),
    (
        "a variance of 0",
        lambda: inverse_variance_average([Update(np.array([1.0]), 1, np.array([0.0]))]),
        RangeError,
        "positive",
    ),
    (
        "two variances",
        lambda: inverse_variance_average([Update(np.array([1.0]), 1, np.array([1.0, 1.0]))]),
        ShapeError,
        "variances have shape",
    ),
    ("no precision", lambda: bayesian_average([RAW_UPDATE], 1.0), RangeError, "a precision"),
    (
        "a large precision",
        lambda: bayesian_average([Update(np.array([1.0]), 1, None, np.eye(2))], 1.0),
        ShapeError,
        r"not \(1, 1\)",
    ),
    ("a larger prior", lambda: bayesian_average([SURE_UPDATE] * 3, 2.0), NotPositiveDefiniteError, "."),
    ("a server of nothing", lambda: Server([]), EmptyInputError, "parameters"),
    ("a server that asks nobody", lambda: Server([0.0], sampling_rate=0.0), RangeError, "sampling_rate"),
    ("no clients", lambda: PrivateServer([0.0], clients=0, accountant=NORMAL), RangeError, "clients"),
    (
        "more updates than clients",
        lambda: PrivateServer([0.0], clients=1, accountant=NORMAL).combine([RAW_UPDATE] * 2, RNG),
        RangeError,
        "2 updates from 1 clients",
    ),
    ("training nobody", lambda: train(Server([0.0]), [], 1, RNG), EmptyInputError, "no clients"),
    ("no rounds", lambda: train(Server([0.0]), [client()], 0, RNG), RangeError, "rounds"),
    (
        "a third way out",
        lambda: train(Server([0.0]), [client()], 1, RNG, when_exhausted="continue"),
        RangeError,
        "'raise' or 'stop'",
    ),
    ("few rows", lambda: partition_evenly(RNG, 2, 3), RangeError, "too few"),
    ("few labels", lambda: partition_by_label(RNG, [0, 1], 3), RangeError, "too few"),
    ("no labels", lambda: partition_by_label(RNG, [], 3), EmptyInputError, "y is empty"),
    ("labels of labels", lambda: partition_by_label(RNG, [[0]], 1), ShapeError, "vector"),
    ("no concentration", lambda: partition_by_label(RNG, [0, 1], 2, 0.0), RangeError, "concentration"),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


WORKS = [
    ("one group", lambda: fairness.equalized_odds_difference(Y, P, ["a"] * 4), 0.0),
    (
        "groups of words and numbers as objects",
        lambda: fairness.selection_rates([1, 0], [False, True]),
        {False: 1.0, True: 0.0},
    ),
    ("nobody selected", lambda: fairness.demographic_parity_ratio([0, 0], ["a", "b"]), 1.0),
    ("all alike, reweighed", lambda: fairness.reweighing([1, 1], ["a", "b"]), [1.0, 1.0]),
    ("a share of 0", lambda: fairness.proportion_interval(0, 5)[:2], [0.0, 0.0]),
    ("equal scores", lambda: derive_predictor([1.0] * 4, Y, G).loss, 0.5),
    ("scores that are wrong", lambda: derive_predictor([0, 1, 0, 1], Y, G).loss, 0.5),
    ("huge epsilon", lambda: privacy.gaussian_delta(1e6, 1.0), 0.0),
    ("hardly any noise", lambda: privacy.gaussian_delta(1.0, 1e-9), 1.0),
    ("delta alone covers it", lambda: privacy.gaussian_epsilon(0.5, 1.0), 0.0),
    ("no draws", lambda: privacy.discrete_laplace(RNG, 1.0, 0), []),
    ("no normal draws", lambda: privacy.discrete_gaussian(RNG, 1.0, (0, 2)), []),
    ("noise below one half", lambda: privacy.discrete_laplace(RNG, 1e-3, 3), [0, 0, 0]),
    ("a count of nobody", lambda: privacy.private_count(RNG, [], 1e3), 0),
    ("bins of nobody", lambda: privacy.private_histogram(RNG, [], [0.0, 1.0], 1e3), [0]),
    ("one option", lambda: privacy.exponential_mechanism(RNG, [1e300], 1.0, 1.0), 0),
    ("a row of zeros", lambda: privacy.clip_rows([[0.0, 0.0]], 1.0), [[0.0, 0.0]]),
    ("nobody sampled", lambda: privacy.poisson_sample(RNG, 3, 0.0), []),
    ("sampling nobody costs nothing", lambda: privacy.rdp_subsampled_gaussian(1.0, 0.0, [2.0, math.inf]), [0.0, 0.0]),
    ("an infinite curve", lambda: privacy.rdp_to_delta([math.inf], 1.0, [2.0]).delta, 1.0),
    ("no promise", lambda: privacy.rdp_to_epsilon([math.inf], 0.1, [2.0]).epsilon, math.inf),
    ("a curve of nothing", lambda: Accountant(1.0, 0.0).spent, 0.0),
    ("one client", lambda: average([RAW_UPDATE]), [1.0]),
    ("one posterior", lambda: bayesian_average([SURE_UPDATE], 1.0).mean, [1.0]),
    ("one row each", lambda: [len(part) for part in partition_by_label(RNG, [0, 1, 1], 3, 0.01)], [1, 1, 1]),
]


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == expected
