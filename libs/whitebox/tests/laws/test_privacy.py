from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox import privacy
from whitebox.errors import BudgetExhaustedError
from whitebox.privacy import (
    Accountant,
    ComposedEvent,
    GaussianEvent,
    LaplaceEvent,
    PureEvent,
    SubsampledGaussianEvent,
    clip_rows,
    discrete_gaussian,
    discrete_laplace,
    gaussian_delta,
    gaussian_epsilon,
    gaussian_sigma,
    noisy_gradient,
    poisson_sample,
    rdp_gaussian,
    rdp_laplace,
    rdp_pure,
    rdp_subsampled_gaussian,
    rdp_to_delta,
    rdp_to_epsilon,
)

ALMOST_EXACT = 1e6
NARROW, NARROW_BUT_ONE = [5.0] * 19 + [5.1], [5.0] * 19 + [999.0]

# A query of ε, on data, on a neighbour of theirs that is as far away as can be, and how far that is.
QUERIES = {
    "count": (
        privacy.private_count,
        ([True, False, True], [True, False, False], 1.0),
    ),
    "sum, one more": (
        lambda rng, values, epsilon: privacy.private_sum(rng, values, (5.0, 9.0), epsilon),
        (NARROW, [*NARROW, 999.0], 9.0),
    ),
    "sum, another": (
        lambda rng, values, epsilon: privacy.private_sum(rng, values, (-2.0, 9.0), epsilon, neighbours="replace_one"),
        ([5.0, -50.0], [5.0, 999.0], 11.0),
    ),
    "mean": (
        lambda rng, values, epsilon: privacy.private_mean(rng, values, (5.0, 15.0), epsilon),
        ([*NARROW_BUT_ONE[:-1], -9.0], NARROW_BUT_ONE, 0.5),
    ),
    "integral": (
        lambda rng, x, epsilon: privacy.private_integral(rng, np.square, x, (0.0, 4.0), epsilon, volume=3.0),
        ([0.0, 0.5, 0.7], [99.0, 0.5, 0.7], 4.0),
    ),
    "area": (
        lambda rng, y, epsilon: privacy.private_area(rng, [0.0, 1.0, 4.0, 5.0], y, (0.0, 2.0), epsilon),
        ([1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 9.0, 1.0], 4.0),
    ),
    "bins, one more": (
        lambda rng, values, epsilon: privacy.private_histogram(rng, values, [0.0, 1.0, 2.0], epsilon),
        ([0.5, 1.5], [0.5, 1.5, 1.5], 1.0),
    ),
    "bins, another": (
        lambda rng, values, epsilon: privacy.private_histogram(
            rng, values, [0.0, 1.0, 2.0], epsilon, neighbours="replace_one"
        ),
        ([0.5, 1.5], [0.5, 0.5], 2.0),
    ),
}


def test_a_person_changes_a_query_by_its_sensitivity_at_most_and_the_noise_has_that_scale() -> None:
    for name, (query, (data, neighbour, sensitivity)) in QUERIES.items():
        rng = np.random.default_rng(0)
        left, right = (np.asarray(query(rng, rows, ALMOST_EXACT), dtype=float) for rows in (data, neighbour))
        assert np.abs(left - right).sum() == pytest.approx(sensitivity, rel=1e-3), name
        # Whatever the data, on their own, would suggest: small ε make discrete noise look continuous.
        for rows in (data, neighbour):
            exact = np.asarray(query(rng, rows, ALMOST_EXACT), dtype=float)
            noise = np.abs([np.asarray(query(rng, rows, 0.01)) - exact for _ in range(100)])
            scale = sensitivity / 0.01
            assert abs(noise.mean() - scale) < 5 * scale / math.sqrt(noise.size), name


def _log_ratio(left: np.ndarray, right: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the ratios of two samples' frequencies, and their standard errors."""
    a, b = np.bincount(left, minlength=cells), np.bincount(right, minlength=cells)
    often = np.minimum(a, b) > 50
    return np.abs(np.log(a[often] / b[often])), np.sqrt(1 / a[often] + 1 / b[often])


def _bounded(left: np.ndarray, right: np.ndarray, epsilon: float, cells: int) -> None:
    ratio, error = _log_ratio(left, right, cells)
    assert (ratio <= epsilon + 4.5 * error).all()
    assert ratio.max() > 0.8 * epsilon  # no noise is wasted


def test_what_laplace_noise_gives_away_is_bounded_by_epsilon() -> None:
    rng = np.random.default_rng(0)
    edges = np.linspace(-4, 5, 19)
    # Two entries that change by 1.5 together, released 100 000 times: the sum of the changes counts.
    left, right = (
        np.searchsorted(edges, privacy.laplace_mechanism(rng, np.full(100_000, start), 1.5, 0.9)) for start in (0, 1.5)
    )
    _bounded(left, right, 0.9, 20)


def test_what_a_noisy_count_gives_away_is_bounded_by_epsilon() -> None:
    rng = np.random.default_rng(0)
    left, right = (
        np.clip(privacy.geometric_mechanism(rng, np.full(100_000, start), 2, 0.8), -6, 8) + 6 for start in (0, 2)
    )
    _bounded(left, right, 0.8, 15)


def test_what_randomised_response_gives_away_is_bounded_by_epsilon() -> None:
    rng = np.random.default_rng(0)
    left, right = (privacy.randomized_response(rng, np.full(60_000, told), 1.2, 3) for told in (0, 2))
    _bounded(left, right, 1.2, 3)


def test_what_a_private_choice_gives_away_is_bounded_by_epsilon() -> None:
    rng = np.random.default_rng(0)
    left, right = (
        np.array([privacy.exponential_mechanism(rng, told, 2.0, 1.0) for _ in range(6000)])
        for told in ([2.0, 0.0], [0.0, 2.0])
    )
    ratio, error = _log_ratio(left, right, 2)
    assert (ratio <= 1.0 + 4.5 * error).all()
    assert np.bincount(left)[0] / 6000 == pytest.approx(1 / (1 + math.exp(-0.5)), abs=0.02)


def test_what_normal_noise_gives_away_beyond_epsilon_is_delta() -> None:
    rng, n = np.random.default_rng(0), 200_000
    epsilon, delta = 0.8, 0.05
    left, right = (privacy.gaussian_mechanism(rng, np.full(n, start), 2.0, epsilon, delta) for start in (2.0, 0.0))
    # The event of the largest excess: where the likelihood ratio is above e^ε.
    sigma = gaussian_sigma(epsilon, delta, 2.0)
    border = 1.0 + epsilon * sigma**2 / 2.0
    excess = (left > border).mean() - math.exp(epsilon) * (right > border).mean()
    assert abs(excess - delta) < 5 * math.exp(epsilon) * 0.5 / math.sqrt(n)


def test_laplace_noise_lies_on_a_grid_that_does_not_depend_on_the_value() -> None:
    values = np.array([0.1, 1 / 3, math.pi, 1e-7, -2.2])
    noisy = np.concatenate([privacy.laplace_mechanism(np.random.default_rng(i), values, 1.0, 1.0) for i in range(20)])
    steps = noisy * 2.0**29
    assert (steps == np.rint(steps)).all()


def test_discrete_noise_has_the_probabilities_that_its_name_promises() -> None:
    rng, n = np.random.default_rng(0), 60_000
    k = np.arange(-6, 7)
    for scale in (0.4, 1.0, 2.5):
        q = math.exp(-1 / scale)
        expected = (1 - q) / (1 + q) * q ** np.abs(k)
        found = np.bincount(np.clip(discrete_laplace(rng, scale, n), -7, 7) + 7, minlength=15)[1:-1] / n
        assert (np.abs(found - expected) < 5 * np.sqrt(expected / n) + 2 / n).all()
    drawn = discrete_gaussian(rng, 1.5, 1500)
    weights = np.exp(-(np.arange(-30, 31.0) ** 2) / (2 * 1.5**2))
    expected = (weights / weights.sum())[24:37]
    found = np.bincount(np.clip(drawn, -7, 7) + 7, minlength=15)[1:-1] / 1500
    assert (np.abs(found - expected) < 5 * np.sqrt(expected / 1500) + 2 / 1500).all()


def test_noise_is_as_large_as_its_scale_even_where_fractions_round() -> None:
    from whitebox.privacy._discrete import rate_below

    for rate in (1 / 3, 0.7, 1e-4, 123.456, 5.0, 2.0**-20):
        s, t = rate_below(rate)
        assert rate * (1 - 1e-4) <= s / t <= rate
        assert t <= 2**40


def test_noisy_statistics_are_right_on_average() -> None:
    rng = np.random.default_rng(0)
    values = np.linspace(1.0, 3.0, 50)
    means = np.array([privacy.private_mean(rng, values, (0.0, 4.0), 0.5) for _ in range(400)])
    assert abs(means.mean() - 2.0) < 5 * means.std() / 20
    counts = np.array([privacy.private_count(rng, values > 1.5, 0.5) for _ in range(400)])
    assert abs(counts.mean() - 37) < 5 * counts.std() / 20
    estimates = [
        privacy.randomized_response_frequencies(privacy.randomized_response(rng, [0, 1, 1, 2] * 25, 1.0, 3), 1.0, 3)
        for _ in range(400)
    ]
    np.testing.assert_allclose(np.sum(estimates, axis=1), 1)
    assert (np.abs(np.mean(estimates, axis=0) - [0.25, 0.5, 0.25]) < 5 * np.std(estimates, axis=0) / 20).all()


def test_a_mean_over_an_unknown_number_of_people_stays_in_its_bounds_and_comes_close() -> None:
    rng = np.random.default_rng(0)
    values = np.linspace(0.0, 1.0, 2000)
    close = [privacy.private_mean(rng, values, (0.0, 2.0), 1.0, neighbours="add_remove") for _ in range(100)]
    # Sum and count have noise of scale 1 / (ε / 2) each: Laplace on the sum, and on the count times the distance 0.5.
    expected = math.sqrt(2 * 2.0**2 + 2 * (2.0 * 0.5) ** 2) / 2000
    assert abs(np.std(close) - expected) < 0.35 * expected
    assert abs(np.mean(close) - 0.5) < 5 * expected / 10
    wild = [privacy.private_mean(rng, [], (3.0, 4.0), 0.1, neighbours="add_remove") for _ in range(50)]
    assert all(3.0 <= mean <= 4.0 for mean in wild)


@EXAMPLES
@given(st.floats(0.01, 8), st.floats(1e-9, 0.3), st.floats(0.1, 10))
def test_analytic_calibration_keeps_its_promise_with_the_least_noise(epsilon, delta, sensitivity) -> None:
    sigma = gaussian_sigma(epsilon, delta, sensitivity)
    assert gaussian_delta(epsilon, sigma, sensitivity) <= delta * (1 + 1e-9)
    assert gaussian_delta(epsilon, sigma * (1 - 1e-4), sensitivity) > delta
    assert gaussian_epsilon(delta, sigma, sensitivity) == pytest.approx(epsilon, rel=1e-5)
    if epsilon < 1:
        assert sigma < sensitivity * math.sqrt(2 * math.log(1.25 / delta)) / epsilon


@EXAMPLES
@given(st.floats(0, 20), st.floats(0.2, 10), st.floats(1.001, 2))
def test_more_noise_and_more_epsilon_leave_less_delta(epsilon, sigma, factor) -> None:
    delta = gaussian_delta(epsilon, sigma)
    assert gaussian_delta(epsilon, sigma * factor) <= delta
    assert gaussian_delta(epsilon * factor, sigma) <= delta
    assert gaussian_delta(epsilon, sigma * factor, factor) == pytest.approx(delta, rel=1e-6, abs=1e-300)


def test_composition_adds_up() -> None:
    accountant = Accountant(10.0, 0.0)
    for step in range(1, 6):
        accountant.spend(LaplaceEvent(2.0))
        assert accountant.spent == pytest.approx(0.5 * step)
    together = Accountant(10.0, 0.0)
    together.spend(ComposedEvent((LaplaceEvent(2.0),) * 3))
    together.spend(PureEvent(0.5), count=2)
    assert together.spent == pytest.approx(2.5)


def test_every_release_costs_and_the_budget_is_never_overspent() -> None:
    events = (GaussianEvent(12.0), LaplaceEvent(5.0), SubsampledGaussianEvent(2.0, 0.02), PureEvent(0.1))
    accountant, spent = Accountant(2.0, 1e-6), [0.0]
    while accountant.allows(event := events[len(spent) % 4]) and len(spent) < 100:
        accountant.spend(event)
        spent.append(accountant.spent)
    with pytest.raises(BudgetExhaustedError, match=r"would spend epsilon = .* of 2 at delta = 1e-06"):
        accountant.spend(event)
    assert len(spent) > 4
    assert all(b > a for a, b in pairwise(spent))
    assert spent[-1] <= 2.0
    assert accountant.spent == spent[-1]  # the refused release is not booked
    assert accountant.remaining == pytest.approx(2.0 - spent[-1])


def test_a_budget_spent_in_equal_parts_is_spent_to_the_last_part() -> None:
    accountant = Accountant(0.3, 0.0)
    for _ in range(3):
        accountant.spend(PureEvent(0.1))
    assert not accountant.allows(PureEvent(1e-9))


def test_a_refused_release_draws_nothing() -> None:
    rng = np.random.default_rng(0)
    spent = Accountant(1e-3, 1e-9)
    releases = (
        lambda: privacy.laplace_mechanism(rng, 1.0, 1.0, 1.0, accountant=spent),
        lambda: privacy.gaussian_mechanism(rng, 1.0, 1.0, 1.0, 1e-5, accountant=spent),
        lambda: privacy.geometric_mechanism(rng, 1, 1, 1.0, accountant=spent),
        lambda: privacy.exponential_mechanism(rng, [1.0, 2.0], 1.0, 1.0, accountant=spent),
        lambda: privacy.private_count(rng, [True], 1.0, accountant=spent),
        lambda: privacy.private_sum(rng, [1.0], (0.0, 1.0), 1.0, accountant=spent),
        lambda: privacy.private_mean(rng, [1.0], (0.0, 1.0), 1.0, accountant=spent),
        lambda: privacy.private_mean(rng, [1.0], (0.0, 1.0), 1.0, neighbours="add_remove", accountant=spent),
        lambda: privacy.private_histogram(rng, [1.0], [0.0, 1.0], 1.0, accountant=spent),
        lambda: privacy.private_integral(rng, np.sin, [1.0], (0.0, 1.0), 1.0, accountant=spent),
        lambda: privacy.private_area(rng, [0.0, 1.0], [1.0, 2.0], (0.0, 3.0), 1.0, accountant=spent),
        lambda: noisy_gradient(rng, [[1.0]], max_norm=1.0, noise_multiplier=1.0, expected_rows=1, accountant=spent),
    )
    before = rng.bit_generator.state
    for release in releases:
        with pytest.raises(BudgetExhaustedError):
            release()
    assert rng.bit_generator.state == before
    assert spent.spent == 0.0
    assert not spent.rdp.any()


def test_releases_book_what_they_cost() -> None:
    rng = np.random.default_rng(0)
    accountant = Accountant(100.0, 0.0)
    privacy.private_mean(rng, [1.0], (0.0, 1.0), 0.5, accountant=accountant)
    assert accountant.spent == pytest.approx(0.5)
    privacy.private_mean(rng, [1.0], (0.0, 1.0), 0.5, neighbours="add_remove", accountant=accountant)
    assert accountant.spent == pytest.approx(1.0)
    privacy.private_histogram(rng, [1.0], [0.0, 1.0], 0.25, neighbours="replace_one", accountant=accountant)
    privacy.private_count(rng, [True], 0.25, accountant=accountant)
    privacy.exponential_mechanism(rng, [1.0], 1.0, 0.5, accountant=accountant)
    assert accountant.spent == pytest.approx(2.0)
    normal = Accountant(100.0, 1e-5)
    privacy.private_sum(rng, [1.0], (0.0, 1.0), 1.0, delta=1e-5, accountant=normal)
    assert 1.0 <= normal.spent < 1.3


def test_renyi_accounting_bounds_the_exact_composition_of_normal_noise_closely() -> None:
    for sigma, steps in ((1.0, 1), (5.0, 20), (20.0, 400)):
        accountant = Accountant(1e3, 1e-6)
        accountant.spend(GaussianEvent(sigma), count=steps)
        exact = gaussian_epsilon(1e-6, sigma / math.sqrt(steps))
        assert exact <= accountant.spent <= 1.15 * exact


def test_sampling_amplifies_privacy() -> None:
    orders = np.array([1.25, 2.0, 3.0, 7.5, 16.0, 64.0])
    curves = [rdp_subsampled_gaussian(1.3, q, orders) for q in (0.0, 1e-4, 0.01, 0.2, 0.9, 1.0)]
    assert all((a <= b).all() for a, b in pairwise(curves))
    assert (curves[0] == 0).all()
    np.testing.assert_allclose(curves[-1], rdp_gaussian(1.3, orders))
    # For few orders and a small rate the cost is quadratic in the rate.
    ratio = rdp_subsampled_gaussian(1.3, 1e-3, [2.0]) / rdp_subsampled_gaussian(1.3, 1e-4, [2.0])
    assert ratio[0] == pytest.approx(100, rel=0.01)


@EXAMPLES
@given(st.floats(0.5, 8), st.floats(0.001, 0.999))
def test_renyi_curves_rise_with_the_order_and_pure_ones_end_at_epsilon(noise, q) -> None:
    orders = np.array([1.1, 1.7, 2.0, 2.5, 3.0, 10.0, 10.5, 64.0])
    for curve in (rdp_laplace(noise, orders), rdp_pure(1 / noise, orders), rdp_subsampled_gaussian(noise, q, orders)):
        assert (np.diff(curve) >= -1e-12).all()
        assert (curve >= 0).all()
    assert rdp_laplace(noise, [math.inf])[0] == rdp_pure(1 / noise, [math.inf])[0] == 1 / noise
    # Laplace noise is pure, and nothing pure is worse than randomised response.
    assert (rdp_laplace(noise, orders) <= rdp_pure(1 / noise, orders) + 1e-12).all()


@EXAMPLES
@given(st.floats(0.3, 20), st.floats(1e-10, 0.1))
def test_the_two_conversions_are_inverse_and_better_than_mironovs(sigma, delta) -> None:
    guarantee = rdp_to_epsilon(rdp_gaussian(sigma), delta)
    assert rdp_to_delta(rdp_gaussian(sigma), guarantee.epsilon).delta <= delta * (1 + 1e-9)
    if guarantee.epsilon > 0:
        assert rdp_to_delta(rdp_gaussian(sigma), guarantee.epsilon * 0.999).delta > delta
    orders = np.array(privacy._renyi.DEFAULT_ORDERS[:-1])
    mironov = (rdp_gaussian(sigma, orders) - math.log(delta) / (orders - 1)).min()
    assert gaussian_epsilon(delta, sigma) <= guarantee.epsilon + 1e-9
    assert guarantee.epsilon < mironov


@EXAMPLES
@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), min_size=1, max_size=5), st.floats(0.01, 100))
def test_clipped_rows_are_short_and_point_where_they_did(rows, bound) -> None:
    clipped = clip_rows(rows, bound)
    norms, before = np.hypot(*clipped.T), np.hypot(*np.array(rows).T)
    assert (norms <= bound * (1 + 1e-12)).all()
    np.testing.assert_allclose(norms, np.minimum(before, bound), rtol=1e-9)
    np.testing.assert_allclose(clipped * before[:, None], np.array(rows) * norms[:, None], rtol=1e-9, atol=1e-300)


def test_rows_of_any_length_are_clipped_without_overflow() -> None:
    np.testing.assert_allclose(clip_rows([[3e200, 4e200], [3e-200, 4e-200]], 1.0), [[0.6, 0.8], [3e-200, 4e-200]])


def test_a_private_step_has_noise_of_multiplier_times_norm_over_expected_rows() -> None:
    rng, accountant = np.random.default_rng(0), Accountant(1e6, 1e-5)
    rows = np.vstack([np.zeros((1, 4000)), np.full((1, 4000), 1e3)])
    step = noisy_gradient(rng, rows, max_norm=2.0, noise_multiplier=3.0, expected_rows=10.0, accountant=accountant)
    # The long row is cut to length 2, of which each of 4000 entries has little; the rest is noise.
    assert abs(step.std() - 0.6) < 5 * 0.6 / math.sqrt(8000)
    assert abs(step.mean() - 2.0 / math.sqrt(4000) / 10) < 5 * 0.6 / math.sqrt(4000)
    empty = noisy_gradient(
        rng, np.zeros((0, 4000)), max_norm=2.0, noise_multiplier=3.0, expected_rows=10.0, accountant=accountant
    )
    assert abs(empty.std() - 0.6) < 5 * 0.6 / math.sqrt(8000)  # nobody in the sample is a secret too


def test_a_private_step_is_booked_at_its_sampling_rate() -> None:
    accountant = Accountant(1e6, 1e-5)
    noisy_gradient(
        np.random.default_rng(0),
        [[1.0]],
        max_norm=1.0,
        noise_multiplier=1.5,
        expected_rows=1,
        accountant=accountant,
        sampling_rate=0.1,
    )
    np.testing.assert_allclose(accountant.rdp, rdp_subsampled_gaussian(1.5, 0.1))


def test_every_row_enters_a_sample_on_its_own() -> None:
    rng = np.random.default_rng(0)
    sizes = np.array([len(poisson_sample(rng, 100, 0.3)) for _ in range(500)])
    assert abs(sizes.mean() - 30) < 5 * math.sqrt(21 / 500)
    assert abs(sizes.var() - 21) < 5 * 21 * math.sqrt(2 / 500)


def test_the_least_noise_for_a_budget_lasts_for_exactly_its_steps() -> None:
    sigma = privacy.noise_multiplier_for(2.0, 1e-5, steps=50, sampling_rate=0.1)
    accountant = Accountant(2.0, 1e-5)
    accountant.spend(SubsampledGaussianEvent(sigma, 0.1), count=50)
    assert not accountant.allows(SubsampledGaussianEvent(sigma, 0.1))
