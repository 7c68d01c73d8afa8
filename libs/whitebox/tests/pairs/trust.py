"""The pairs of `whitebox.fairness`, `whitebox.privacy` and `whitebox.federated`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from pairs.strategies import matrices, numbers
from whitebox import fairness, federated, privacy, reference
from whitebox.federated import Update

ORDERS = [1.5, 2.0, 3.7, 8.0, 32.0]
WHOLE_ORDERS = [2, 3, 8, 32]
SIGMA = st.floats(0.3, 20)
CURVES = st.lists(st.floats(0, 20), min_size=len(ORDERS), max_size=len(ORDERS))


@st.composite
def decisions(
    draw: st.DrawFn, *, most: int = 20, with_scores: bool = False
) -> tuple[list[int], list[float], list[str]]:
    """Truths, decisions or scores, and groups, with positives and negatives, decided for and against, in each group."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    groups, extra = draw(st.integers(1, 3)), draw(st.integers(0, most))
    fixed = np.array([(y, p, g) for g in range(groups) for y in (0, 1) for p in (0, 1)])
    drawn = rng.integers(0, (2, 9 if with_scores else 2, groups), (extra, 3)) / (1, 8 if with_scores else 1, 1)
    truth, decided, members = rng.permutation(np.vstack([fixed, drawn])).T
    return truth.astype(int).tolist(), decided.tolist(), np.array(["a", "b", "c"])[members.astype(int)].tolist()


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int, int, int, float]:
    n, m = draw(st.integers(1, 50)), draw(st.integers(1, 50))
    return draw(st.integers(0, n)), n, draw(st.integers(1, m)), m, draw(st.floats(0.5, 0.999))


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[list[float]], list[int], list[list[float]], list[list[list[float]]]]:
    """Parameters, samples, variances and precisions of some clients."""
    clients, width = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    A = rng.standard_normal((clients, width + 2, width))
    return (
        rng.standard_normal((clients, width)).tolist(),
        rng.integers(1, 50, clients).tolist(),
        rng.uniform(0.1, 3, (clients, width)).tolist(),
        (np.swapaxes(A, 1, 2) @ A + np.eye(width)).tolist(),
    )


def _updates(parameters: Any, samples: Any, variances: Any, precisions: Any) -> list[Update]:
    rows = zip(parameters, samples, variances, precisions, strict=True)
    return [Update(np.array(w), n, np.array(v), np.array(p)) for w, n, v, p in rows]


def _pair(name: str, inputs: st.SearchStrategy[Any], rtol: float = 1e-10, atol: float = 1e-12) -> Pair:
    return Pair(name, *both(name), inputs, rtol=rtol, atol=atol)


def _without_truth(name: str) -> Pair:
    slow, fast = both(name)
    return Pair(name, lambda y, p, g: slow(p, g), lambda y, p, g: fast(p, g), decisions(), rtol=1e-12)


PAIRS = [
    _pair("privacy.gaussian_delta", st.tuples(st.floats(0, 10), SIGMA, st.floats(0.1, 5)), rtol=1e-6),
    _pair("privacy.gaussian_sigma", st.tuples(st.floats(0.05, 5), st.floats(1e-7, 0.1)), rtol=1e-6),
    _pair("privacy.rdp_gaussian", st.tuples(SIGMA, st.just(ORDERS))),
    _pair("privacy.rdp_laplace", st.tuples(SIGMA, st.just(ORDERS)), atol=1e-11),
    _pair("privacy.rdp_pure", st.tuples(st.floats(0.01, 5), st.just(ORDERS)), atol=1e-11),
    _pair("privacy.rdp_subsampled_gaussian", st.tuples(st.floats(1, 9), st.floats(1e-3, 0.99), st.just(WHOLE_ORDERS))),
    Pair(
        "privacy.rdp_to_epsilon",
        lambda curve, delta: reference.privacy.rdp_to_epsilon(curve, delta, ORDERS),
        lambda curve, delta: privacy.rdp_to_epsilon(curve, delta, ORDERS).epsilon,
        st.tuples(CURVES, st.floats(1e-9, 0.5)),
        rtol=1e-10,
        atol=1e-10,
    ),
    Pair(
        "privacy.rdp_to_delta",
        lambda curve, epsilon: reference.privacy.rdp_to_delta(curve, epsilon, ORDERS),
        lambda curve, epsilon: privacy.rdp_to_delta(curve, epsilon, ORDERS).delta,
        st.tuples(CURVES, st.floats(0, 20)),
        rtol=1e-9,
    ),
    _pair("privacy.clip_rows", st.tuples(matrices(numbers()), st.floats(0.1, 100))),
    _pair(
        "privacy.randomized_response_frequencies",
        st.tuples(st.lists(st.integers(0, 2), min_size=1, max_size=20), st.floats(0.1, 8), st.just(3)),
    ),
    _without_truth("fairness.selection_rates"),
    _without_truth("fairness.demographic_parity_difference"),
    _without_truth("fairness.demographic_parity_ratio"),
    *(
        _pair(f"fairness.{kind}_difference", decisions())
        for kind in ("equal_opportunity", "equalized_odds", "predictive_parity")
    ),
    Pair(
        "fairness.disparate_impact",
        lambda y, p, g: reference.fairness.disparate_impact(p, g, "a"),
        lambda y, p, g: {name: found.ratio for name, found in fairness.disparate_impact(p, g, "a").items()},
        decisions(),
        rtol=1e-12,
    ),
    Pair(
        "fairness.calibration_by_group",
        lambda y, s, g: reference.fairness.calibration_by_group(y, s, g, 4),
        lambda y, s, g: {name: found.error for name, found in fairness.calibration_by_group(y, s, g, 4).items()},
        decisions(with_scores=True),
        rtol=1e-10,
        atol=1e-12,
    ),
    _pair("fairness.proportion_interval", counts().map(lambda row: (row[0], row[1], row[4]))),
    _pair("fairness.difference_interval", counts()),
    _pair("fairness.ratio_interval", counts()),
    Pair(
        "fairness.reweighing",
        lambda y, _, g: reference.fairness.reweighing(y, g),
        lambda y, _, g: fairness.reweighing(y, g),
        decisions(),
        rtol=1e-12,
    ),
    Pair(
        "fairness.derive_predictor",
        lambda y, s, g: reference.fairness.derive_predictor(s, y, g, 1.0, 2.0),
        lambda y, s, g: fairness.derive_predictor(s, y, g, false_negative_cost=2.0).loss,
        decisions(most=6, with_scores=True),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "federated.average",
        lambda w, n, v, p: reference.federated.average(w),
        lambda *sent: federated.average(_updates(*sent)),
        messages(),
        rtol=1e-12,
        atol=1e-12,
    ),
    Pair(
        "federated.weighted_average",
        lambda w, n, v, p: reference.federated.weighted_average(w, n),
        lambda *sent: federated.weighted_average(_updates(*sent)),
        messages(),
        rtol=1e-12,
        atol=1e-12,
    ),
    Pair(
        "federated.inverse_variance_average",
        lambda w, n, v, p: reference.federated.inverse_variance_average(w, v),
        lambda *sent: tuple(federated.inverse_variance_average(_updates(*sent))),
        messages(),
        rtol=1e-11,
        atol=1e-12,
    ),
    Pair(
        "federated.bayesian_average",
        lambda w, n, v, p: reference.federated.bayesian_average(w, p, 0.5),
        lambda *sent: tuple(federated.bayesian_average(_updates(*sent), 0.5)),
        messages(),
        rtol=1e-9,
        atol=1e-9,
    ),
]
