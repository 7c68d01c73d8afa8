from __future__ import annotations

import itertools
import math
import sys
from unittest import mock

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox import _compiled
from whitebox import quadrature as wq
from whitebox.errors import BudgetError, MissingDependencyError, RangeError


def monomial(k: int, low: float = -1.0, high: float = 1.0) -> float:
    return (high ** (k + 1) - low ** (k + 1)) / (k + 1)


RULES = {
    **{f"newton_cotes({n})": wq.newton_cotes(n) for n in (2, 3, 4, 5, 8, 9)},
    **{f"gauss_legendre({n})": wq.gauss_legendre(n) for n in (1, 2, 3, 10, 40)},
    **{f"kronrod({n})": wq.kronrod(n) for n in (1, 2, 7, 10, 50)},
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_integrates_every_polynomial_up_to_its_degree_and_not_the_next(name: str) -> None:
    rule = RULES[name]
    for k in range(rule.degree + 1):
        assert rule.weights @ rule.nodes**k == pytest.approx(monomial(k), abs=2e-13), k
    if rule.degree < 20:  # beyond, what it misses is less than rounding
        k = rule.degree + 1
        assert abs(rule.weights @ rule.nodes**k - monomial(k)) > 1e-12


@pytest.mark.parametrize("n", [1, 2, 5, 20, 150])
def test_gauss_hermite_gives_the_moments_of_the_normal_distribution(n: int) -> None:
    rule = wq.gauss_hermite(n)
    assert rule.degree == 2 * n - 1
    moment = 1.0
    for k in range(min(2 * n, 60)):
        if k % 2 == 0:
            given_ = rule.weights @ (math.sqrt(2) * rule.nodes) ** k / math.sqrt(math.pi)
            assert given_ == pytest.approx(moment, rel=1e-11)
            moment *= k + 1
    np.testing.assert_allclose(rule.nodes, -rule.nodes[::-1], atol=1e-14)


def test_nodes_of_kronrods_rule_lie_between_those_of_gauss() -> None:
    for n in (1, 4, 7, 30):
        rule = wq.kronrod(n)
        np.testing.assert_array_equal(rule.nodes[1::2], wq.gauss_legendre(n).nodes)
        assert (np.diff(rule.nodes) > 0).all()
        assert rule.nodes[0] > -1
        assert (rule.weights > 0).all()
        assert (rule.inner_weights[::2] == 0).all()


@EXAMPLES
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=4), st.floats(-2, 2), st.floats(0.1, 3))
def test_composite_rules_are_exact_for_what_the_rule_is_exact_for(coefficients, a: float, width: float) -> None:
    expected = sum(c * monomial(k, a, a + width) for k, c in enumerate(coefficients))
    for rule in (wq.newton_cotes(4), wq.newton_cotes(3), wq.gauss_legendre(2)):
        got = wq.composite(lambda x: sum(c * x**k for k, c in enumerate(coefficients)), a, a + width, rule, panels=5)
        assert got == pytest.approx(expected, abs=1e-10)


def test_composite_errors_fall_with_the_degree() -> None:
    for rule, order in ((wq.newton_cotes(2), 2), (wq.newton_cotes(3), 4), (wq.gauss_legendre(2), 4)):
        errors = [abs(wq.composite(np.exp, 0, 1, rule, panels=m) - (math.e - 1)) for m in (8, 16)]
        assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def wave(x):
    return np.sin(9 * x) / (1 + x * x) + np.sqrt(np.abs(x - 0.4))


METHODS = [wq.gauss_kronrod, wq.tanh_sinh, lambda f, a, b: wq.integrate(f, (a, b))]


@pytest.mark.parametrize("method", METHODS, ids=["gauss_kronrod", "tanh_sinh", "integrate"])
def test_integrals_are_linear_additive_and_turn_with_their_bounds(method) -> None:
    def smooth(x):
        return np.exp(-x) * np.cos(3 * x)

    whole = method(smooth, 0.0, 2.0)
    slack = 10 * max(whole.error, 1e-10)
    assert method(lambda x: 3 * smooth(x) - 2 * x, 0.0, 2.0).value == pytest.approx(3 * whole.value - 4, abs=slack)
    parts = method(smooth, 0.0, 0.7).value + method(smooth, 0.7, 2.0).value
    assert parts == pytest.approx(whole.value, abs=slack)
    assert method(smooth, 2.0, 0.0).value == pytest.approx(-whole.value, abs=1e-12)


def test_adaptive_integration_adds_up_over_a_kink() -> None:
    whole = wq.gauss_kronrod(wave, -1, 2, rtol=1e-10)
    left, right = wq.gauss_kronrod(wave, -1, 0.4, rtol=1e-10), wq.gauss_kronrod(wave, 0.4, 2, rtol=1e-10)
    known = wq.gauss_kronrod(wave, -1, 2, rtol=1e-10, breaks=[0.4])
    assert whole.value == pytest.approx(left.value + right.value, abs=1e-9)
    assert known.value == pytest.approx(whole.value, abs=1e-9)
    assert whole.converged


@EXAMPLES
@given(st.floats(0.05, 20), st.floats(-3, 3), st.floats(0.01, 2))
def test_the_error_of_the_adaptive_method_is_within_its_estimate(frequency: float, shift: float, width: float) -> None:
    found = wq.gauss_kronrod(lambda x: np.cos(frequency * x + shift), 0.0, width)
    exact = (math.sin(frequency * width + shift) - math.sin(shift)) / frequency
    assert abs(found.value - exact) <= found.error + 1e-14
    assert found.evaluations % 15 == 0


def test_the_value_of_an_interval_is_kronrods() -> None:
    found = wq.gauss_kronrod(lambda x: x**22, -1, 1, max_evaluations=15)
    assert found.evaluations == 15
    assert found.value == pytest.approx(2 / 23, rel=1e-14)
    assert found.error > 1e-8  # that of the rule of degree 13


def test_infinite_ends_are_those_of_the_substitution() -> None:
    for low, high, exact in ((0, np.inf, 1.0), (-np.inf, 0, 1.0), (-np.inf, np.inf, 2.0), (2, np.inf, math.exp(-2))):
        for method in (wq.gauss_kronrod, wq.tanh_sinh):
            found = method(lambda x: np.exp(-np.abs(x)), low, high, rtol=1e-7)
            assert found.value == pytest.approx(exact, rel=1e-6)


def test_the_limit_of_evaluations_is_kept_and_told() -> None:
    for method in (wq.gauss_kronrod, wq.tanh_sinh):
        found = method(wave, -1, 2, rtol=1e-14, atol=0.0, max_evaluations=500)
        assert not found.converged
        assert found.evaluations <= 500
    found = wq.integrate(wave, (-1, 2), rtol=1e-14, atol=0.0, max_evaluations=500)
    assert not found.converged
    assert found.evaluations <= 500


def test_what_stands_at_zero_is_resolved_and_what_cannot_be_is_told() -> None:
    near_zero = wq.tanh_sinh(lambda x: x**-0.95, 0, 1)
    assert near_zero.value == pytest.approx(20, rel=1e-7)
    at_one = wq.tanh_sinh(lambda x: (1 - x) ** -0.5, 0, 1, rtol=1e-12)
    assert not at_one.converged
    assert abs(at_one.value - 2) <= at_one.error


def test_slow_tails_are_resolved_to_the_range_of_floats() -> None:
    found = wq.tanh_sinh(lambda x: x**-1.1, 1, np.inf, rtol=1e-9)
    assert found.converged
    assert found.value == pytest.approx(10, rel=1e-8)


# --- points ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_every_run_of_sobols_sequence_puts_as_many_points_in_every_binary_interval(seed) -> None:
    rng = None if seed is None else np.random.default_rng(seed)
    points = wq.sobol(64, 20, rng=rng)
    for column in points.T:
        np.testing.assert_array_equal(np.sort(np.floor(64 * column)), np.arange(64))
    # In the first two variables it is a (0, m, 2)-net: every binary rectangle of the right size holds one point.
    for k in range(7):
        cells = np.floor(points[:, 0] * 2**k) * 2 ** (6 - k) + np.floor(points[:, 1] * 2 ** (6 - k))
        np.testing.assert_array_equal(np.sort(cells), np.arange(64))


def test_haltons_points_fill_the_intervals_of_their_base() -> None:
    points = wq.halton(3**4, 2)
    np.testing.assert_array_equal(np.sort(np.round(81 * points[:, 1])), np.arange(81))


def test_sequences_can_be_continued_and_scrambling_repeats_with_its_seed() -> None:
    for make in (wq.sobol, wq.halton):
        whole = make(300, 5)
        np.testing.assert_allclose(np.concatenate([make(77, 5), make(223, 5, skip=77)]), whole, atol=1e-15)
        first, again = (make(50, 5, rng=np.random.default_rng(7)) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert ((first > 0) & (first < 1)).all()
        assert not np.array_equal(first, make(50, 5, rng=np.random.default_rng(8)))


@pytest.mark.parametrize("kind", ["star", "centered"])
@pytest.mark.parametrize("d", [2, 5])
def test_low_discrepancy_points_have_less_discrepancy_than_random_ones(kind, d: int) -> None:
    n = 256
    # For random points the mean square is known for the star discrepancy; both behave alike.
    random = np.mean([wq.discrepancy(np.random.default_rng(seed).random((n, d)), kind=kind) for seed in range(5)])
    for points in (wq.sobol(n, d), wq.halton(n, d), wq.sobol(n, d, rng=np.random.default_rng(0))):
        assert wq.discrepancy(points, kind=kind) < 0.75 * random
    if kind == "star":
        assert random == pytest.approx(math.sqrt((2.0**-d - 3.0**-d) / n), rel=0.5)


# --- sampling -------------------------------------------------------------------------------------------------------

CUBE = [(0.0, 1.0)] * 2


def rising(x):
    return np.exp(x.sum(axis=1))


EXACT = (math.e - 1) ** 2


def _sampler(name: str):
    return {
        "monte_carlo": lambda rng: wq.monte_carlo(rising, CUBE, 200, rng),
        "stratified": lambda rng: wq.stratified(rising, CUBE, 7, rng, each=4),
        "control_variates": lambda rng: wq.control_variates(
            rising, CUBE, 200, rng, controls=lambda x: x, means=[0.5, 0.5]
        ),
        "importance_sampling": lambda rng: wq.importance_sampling(
            rising,
            lambda rng, n: np.sqrt(1 + 3 * rng.random((n, 2))) - 1,
            lambda x: ((1 + x) / 1.5).prod(axis=1),
            200,
            rng,
        ),
        "quasi_monte_carlo": lambda rng: wq.quasi_monte_carlo(rising, CUBE, 16, rng, replicates=20),
        "halton": lambda rng: wq.quasi_monte_carlo(rising, CUBE, 20, rng, replicates=20, sequence="halton"),
    }[name]


SAMPLERS = ["monte_carlo", "stratified", "control_variates", "importance_sampling", "quasi_monte_carlo", "halton"]


@pytest.mark.parametrize("name", SAMPLERS)
def test_error_bars_cover_as_often_as_they_should(name: str) -> None:
    sample, repeats = _sampler(name), 400
    found = [sample(np.random.default_rng(seed)) for seed in range(repeats)]
    covered = sum(abs(one.value - EXACT) <= 1.96 * one.standard_error for one in found) / repeats
    # Binomial with 95 %: four standard deviations, and the skewness and the few replicates of some.
    assert 0.95 - 4 * math.sqrt(0.95 * 0.05 / repeats) - 0.01 <= covered <= 0.995
    spread = np.std([one.value for one in found])
    assert np.mean([one.standard_error for one in found]) == pytest.approx(spread, rel=0.15)
    assert abs(np.mean([one.value for one in found]) - EXACT) < 4 * spread / math.sqrt(repeats)


def test_the_error_of_monte_carlo_falls_with_the_root_and_that_of_nets_faster() -> None:
    def error(sample, n: int) -> float:
        return math.sqrt(np.mean([(sample(n, np.random.default_rng(s)).value - EXACT) ** 2 for s in range(60)]))

    plain = [error(lambda n, rng: wq.monte_carlo(rising, CUBE, n, rng), n) for n in (64, 1024)]
    nets = [error(lambda n, rng: wq.quasi_monte_carlo(rising, CUBE, n, rng, replicates=2), n) for n in (64, 1024)]
    assert math.log(plain[0] / plain[1], 16) == pytest.approx(0.5, abs=0.1)
    assert math.log(nets[0] / nets[1], 16) > 1.0
    assert nets[1] < plain[1] / 50


def test_strata_and_controls_explain_part_of_the_scatter() -> None:
    rng = np.random.default_rng(0)
    plain = wq.monte_carlo(rising, CUBE, 400, rng)
    assert wq.stratified(rising, CUBE, 10, rng, each=4).standard_error < plain.standard_error / 4
    controlled = wq.control_variates(rising, CUBE, 400, rng, controls=lambda x: x, means=[0.5, 0.5])
    assert controlled.standard_error < plain.standard_error / 3
    # A control that says nothing, or nothing new, does no harm.
    useless = wq.control_variates(
        rising,
        CUBE,
        400,
        rng,
        controls=lambda x: np.stack([x[:, 0], x[:, 0], 0 * x[:, 0]], axis=1),
        means=[0.5, 0.5, 0],
    )
    assert useless.standard_error < 1.1 * plain.standard_error


def test_a_perfect_density_leaves_no_error_and_a_bad_one_is_told_by_few_effective_points() -> None:
    rng = np.random.default_rng(0)
    perfect = wq.importance_sampling(
        lambda x: np.exp(-x), lambda rng, n: rng.exponential(size=n), lambda x: np.exp(-x), 50, rng
    )
    assert perfect.value == pytest.approx(1.0, abs=1e-15)
    assert perfect.standard_error < 1e-15
    assert perfect.effective == pytest.approx(50)
    light = wq.importance_sampling(
        lambda x: 1 / (1 + x**2),
        lambda rng, n: rng.normal(size=n) / 3,
        lambda x: 3 * np.exp(-9 * x**2 / 2) / 2.5066,
        5000,
        rng,
    )
    assert light.effective < 500


def test_points_in_blocks_have_the_variance_of_all() -> None:
    values = iter(np.random.default_rng(0).normal(size=6))
    blocks = mock.patch("whitebox.quadrature._monte_carlo.BLOCK", 2)
    with blocks:
        found = wq.monte_carlo(lambda x: np.array([next(values) for _ in x]), (0, 1), 6, np.random.default_rng(0))
    known = np.random.default_rng(0).normal(size=6)
    assert found.value == pytest.approx(known.mean())
    assert found.standard_error == pytest.approx(known.std(ddof=1) / math.sqrt(6))


def test_scrambling_keeps_the_net() -> None:
    points = wq.sobol(16, 5, rng=np.random.default_rng(3))
    for column in points.T:
        np.testing.assert_array_equal(np.sort(np.floor(16 * column)), np.arange(16))


# --- the choice -----------------------------------------------------------------------------------------------------

CHOICES = [
    ("analytic", np.exp, (0, 1), math.e - 1, "Gauss–Legendre", "smooth"),
    ("periodic", lambda x: np.exp(np.cos(x)), (0, 2 * np.pi), 7.954926521012846, "periodic trapezoidal", "ends"),
    ("root at an end", np.sqrt, (0, 1), 2 / 3, "tanh-sinh", "lower end"),
    ("logarithm at an end", lambda x: np.log(1 - x), (0, 1), -1.0, "tanh-sinh", "upper end"),
    ("slow tail", lambda x: x**-1.5, (1, np.inf), 2.0, "tanh-sinh", "upper"),
    ("bell", lambda x: np.exp(-(x**2)) * x**2, (-np.inf, np.inf), math.pi**0.5 / 2, "Gauss–Hermite", "exp(-x²)"),
    ("kink", lambda x: np.abs(x - 0.3), (0, 1), 0.29, "adaptive Gauss–Kronrod", "kink"),
    ("jump", lambda x: (x > 0.3) * 1.0, (0, 1), 0.7, "adaptive Gauss–Kronrod", "jump"),
    ("oscillation", lambda x: np.cos(80 * x), (0, 3), math.sin(240) / 80, "adaptive Gauss–Kronrod", "oscillates"),
    ("pole inside", lambda x: np.abs(x) ** -0.5, (-1, 1), 4.0, "tanh-sinh in pieces", "not finite at 0"),
    (
        "smooth in three",
        lambda x: np.exp(x).prod(axis=1),
        [(0, 1)] * 3,
        (math.e - 1) ** 3,
        "product Gauss–Legendre",
        "smooth",
    ),
    ("ten variables", lambda x: np.cos(x.mean(axis=1)), [(0, 1)] * 10, None, "scrambled Sobol", "grid"),
    ("seventy variables", lambda x: x.mean(axis=1), [(0, 1)] * 70, 0.5, "Monte Carlo", "Sobol"),
]


@pytest.mark.parametrize(
    ("f", "bounds", "exact", "method", "word"), [row[1:] for row in CHOICES], ids=[r[0] for r in CHOICES]
)
def test_the_choice_suits_the_function_and_says_why(f, bounds, exact, method: str, word: str) -> None:
    rtol = 1e-6 if isinstance(bounds, tuple) or len(bounds) < 4 else 3e-3
    found = wq.integrate(f, bounds, rtol=rtol)
    assert found.method == method
    assert word in found.why
    assert found.converged
    if exact is not None:
        assert abs(found.value - exact) <= max(found.error, 1e-9)
        assert abs(found.value - exact) <= 3 * rtol * abs(exact)


def test_where_evaluations_are_dear_values_are_used_twice() -> None:
    with mock.patch("whitebox.quadrature._choose.time.perf_counter", side_effect=itertools.count(0.0, 1.0)):
        found = wq.integrate(np.exp, (0, 1))
    assert found.method == "adaptive Gauss–Kronrod"
    assert "an evaluation takes" in found.why


def test_examination_reports_what_the_choice_rests_on() -> None:
    assert wq.examine(np.sin, (0, 2 * np.pi)).periodic
    assert wq.examine(lambda x: np.cos(40 * x), (0, 3)).oscillations > 8
    assert wq.examine(np.sqrt, (0, 1)).ends == ("singular", "smooth")
    assert wq.examine(lambda x: 1 / x, (-1, 1)).ends == ("smooth", "smooth")
    assert wq.examine(lambda x: np.where(x > 0.5, np.inf, 1), (0, 1)).poles
    box = wq.examine(lambda x: np.exp(x[:, 0]) * np.abs(x[:, 1] - 0.3), [(0, 1), (0, 1)])
    assert box.terms[0] < 12
    assert math.isinf(box.terms[1])
    assert wq.examine(np.exp, (-np.inf, 0)).infinite


def test_swapped_and_empty_sides_turn_the_sign_or_give_nothing() -> None:
    assert wq.integrate(np.exp, (1, 0)).value == pytest.approx(1 - math.e)
    assert wq.integrate(rising, [(1, 0), (0, 1)]).value == pytest.approx(-EXACT)
    assert wq.integrate(np.exp, (1, 1)).value == 0
    assert wq.integrate(rising, [(0, 1), (2, 2)]).value == 0


def test_a_box_over_infinite_sides_is_integrated() -> None:
    found = wq.integrate(lambda x: np.exp(-(x**2).sum(axis=1)), [(-np.inf, np.inf)] * 2, rtol=1e-3)
    assert abs(found.value - math.pi) <= max(found.error, 1e-3)


# --- where it runs --------------------------------------------------------------------------------------------------


def scalar(x):
    return math.exp(-x) * abs(x - 0.5)


def vector(x):
    return x[0] * x[1] + 1.0


@pytest.mark.parametrize("machine", [True, False])
def test_compiled_integrands_give_what_arrays_give(machine: bool) -> None:
    pytest.importorskip("numba")
    with (
        mock.patch.object(_compiled, "numba_is_used", return_value=machine),
        mock.patch("whitebox.quadrature._backends.numba_is_used", return_value=machine),
    ):
        line = wq.gauss_kronrod(scalar, 0.0, 2.0, backend="numba")
        box = wq.monte_carlo(vector, [(0, 1), (0, 2)], 500, np.random.default_rng(0), backend="numba")
    arrays = wq.gauss_kronrod(lambda x: np.exp(-x) * np.abs(x - 0.5), 0.0, 2.0)
    assert line.value == pytest.approx(arrays.value, abs=1e-13)
    assert line.evaluations == arrays.evaluations
    expected = wq.monte_carlo(lambda x: x[:, 0] * x[:, 1] + 1, [(0, 1), (0, 2)], 500, np.random.default_rng(0))
    np.testing.assert_allclose(box[:2], expected[:2], rtol=1e-12)


def test_torch_integrands_give_what_arrays_give() -> None:
    torch = pytest.importorskip("torch")
    line = wq.integrate(lambda x: torch.exp(-x) * abs(x - 0.5), (0.0, 2.0), backend="torch", device="cpu")
    arrays = wq.integrate(lambda x: np.exp(-x) * np.abs(x - 0.5), (0.0, 2.0))
    assert line.value == pytest.approx(arrays.value, abs=1e-12)
    assert line.method == arrays.method
    for bounds in ([(0, 1)] * 3, [(0, np.inf), (0, 1), (-np.inf, np.inf)]):
        rng = np.random.default_rng(0), np.random.default_rng(0)
        nets = wq.quasi_monte_carlo(lambda x: torch.exp(-(x**2).sum(1)), bounds, 256, rng[0], backend="torch")
        same = wq.quasi_monte_carlo(lambda x: np.exp(-(x**2).sum(axis=1)), bounds, 256, rng[1])
        np.testing.assert_allclose(nets[:2], same[:2], rtol=1e-10)
    plain = wq.monte_carlo(lambda x: x.prod(1), [(0, 1)] * 2, 20_000, np.random.default_rng(0), backend="torch")
    assert abs(plain.value - 0.25) < 4 * plain.standard_error
    assert wq.tanh_sinh(torch.log, 0, 1, backend="torch").value == pytest.approx(-1)
    grid = wq.integrate(lambda x: x.exp().prod(1), [(0, 1)] * 2, backend="torch")
    assert grid.value == pytest.approx(EXACT, rel=1e-8)
    spent = wq.integrate_within(torch.exp, (0, 1), 1.0, joules_per_evaluation=0.01, backend="torch")
    assert spent.converged
    with pytest.raises(MissingDependencyError, match="does not serve"):
        wq.integrate(torch.exp, (0, 1), backend="torch", device="cuda:99")


@pytest.mark.parametrize(("name", "install"), [("numba", "whitebox\\[fast\\]"), ("torch", "pip install torch")])
def test_a_missing_backend_says_what_to_install(name: str, install: str) -> None:
    missing = mock.patch("whitebox.quadrature._backends.find_spec", return_value=None)
    with missing, pytest.raises(MissingDependencyError, match=install):
        wq.integrate(np.exp, (0, 1), backend=name)
    assert issubclass(MissingDependencyError, ImportError)


def test_importing_integration_loads_neither_numba_nor_torch() -> None:
    import subprocess

    code = "import whitebox.quadrature, sys; assert 'numba' not in sys.modules and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


# --- energy ---------------------------------------------------------------------------------------------------------


@EXAMPLES
@given(st.floats(0.5, 50), st.floats(0.01, 0.1), st.sampled_from([1, 2, 70]))
def test_a_given_price_is_never_exceeded(joules: float, price: float, d: int) -> None:
    calls = []

    def counted(x):
        calls.append(len(x))
        return np.sqrt(np.abs(x - 0.4)) if d == 1 else np.cos(x.sum(axis=1))

    bounds = (0, 1) if d == 1 else [(0, 1)] * d
    try:
        found = wq.integrate_within(counted, bounds, joules, joules_per_evaluation=price, rtol=1e-9)
    except BudgetError:
        assert joules < 17 * price
        assert not calls
        return
    assert found.evaluations == sum(calls)
    assert found.joules == pytest.approx(price * sum(calls))
    assert found.joules <= joules
    if not found.converged:
        assert "does not suffice" in found.why


class FakeClock:
    """Time passes only while the integrand is computed."""

    def __init__(self, seconds) -> None:
        self.now, self._seconds = 0.0, seconds

    def __call__(self) -> float:
        return self.now

    def integrand(self, x):
        self.now += self._seconds(len(x))
        return np.sqrt(np.abs(x - 0.4)) if x.ndim == 1 else np.cos(x.sum(axis=1))


@pytest.mark.parametrize("bounds", [(0, 1), [(0, 1)] * 3, [(0, 1)] * 70], ids=["line", "cube", "70"])
@pytest.mark.parametrize(
    "seconds",
    [lambda n: 0.01 * n, lambda n: 1.0 + 0.001 * n, lambda n: 0.002 * n**1.2],
    ids=["proportional", "with overhead", "growing"],
)
@pytest.mark.parametrize("joules", [60.0, 600.0])
def test_a_measured_price_keeps_to_the_budget(bounds, seconds, joules: float) -> None:
    clock = FakeClock(seconds)
    try:
        found = wq.integrate_within(clock.integrand, bounds, joules, watts=2.0, rtol=1e-13, clock=clock)
    except BudgetError:
        assert clock.now > 0
    else:
        assert found.joules == pytest.approx(2.0 * clock.now)
        assert found.joules > joules / 20 or found.converged
    assert 2.0 * clock.now <= joules


def test_a_small_budget_is_not_overdrawn() -> None:
    found = wq.integrate_within(wave, (-1, 2), 5.0, joules_per_evaluation=0.1, rtol=1e-12)
    assert found.evaluations == 45
    assert found.joules == pytest.approx(4.5)
    assert not found.converged


def test_a_measured_price_is_charged() -> None:
    clock = FakeClock(lambda n: 0.01 * n)
    found = wq.integrate_within(clock.integrand, (0, 1), 20.0, watts=2.0, rtol=1e-13, clock=clock)
    assert found.joules == pytest.approx(2.0 * clock.now)
    assert found.joules <= 20


def test_more_energy_buys_a_smaller_error_and_enough_of_it_the_tolerance() -> None:
    errors = []
    for joules in (1.0, 10.0, 100.0):
        found = wq.integrate_within(rising, CUBE, joules, joules_per_evaluation=0.01, rtol=1e-4)
        errors.append(found.error)
        assert abs(found.value - EXACT) <= 2 * found.error
    assert errors == sorted(errors, reverse=True)
    assert found.converged
    assert found.joules < 100
    assert "would" in wq.integrate_within(rising, CUBE, 2.0, joules_per_evaluation=0.01, rtol=1e-8).why


def test_real_time_is_charged_and_stays_within_a_generous_budget() -> None:
    found = wq.integrate_within(np.exp, (0, 1), 50.0, watts=10.0)
    assert found.converged
    assert 0 < found.joules < 50
    with pytest.raises(RangeError, match="either"):
        wq.integrate_within(np.exp, (0, 1), 1.0)
