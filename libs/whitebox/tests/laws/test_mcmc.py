from __future__ import annotations

import math

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from whitebox import mcmc
from whitebox.mcmc import HMC, NUTS, Langevin, Metric, MetropolisHastings, MultiplicativeWalk, PhasePoint, RandomWalk

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(EXAMPLES, max_examples=25)


def bent(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Smooth, not normal, its coordinates of different widths and not independent."""
    width = np.arange(1, len(x) + 1)
    z = np.cumsum(x) / width
    by_z = -np.tanh(z) - 0.3 * z
    return float(-np.log(np.cosh(z)).sum() - 0.15 * z @ z), np.cumsum((by_z / width)[::-1])[::-1]


def gaussian(covariance: np.ndarray):
    precision = np.linalg.inv(covariance)
    return lambda x: (-0.5 * float(x @ precision @ x), -precision @ x)


# Accept or stay.


class OneOf:
    """Proposes a state of a chain on 0, 1, 2, ... with the probabilities of a table's row."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = table

    def draw(self, rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
        return np.array([float(rng.choice(len(self.table), p=self.table[int(x[0])]))])

    def log_density(self, y: np.ndarray, x: np.ndarray) -> float:
        return math.log(self.table[int(x[0]), int(y[0])])


@FEW
@given(SEEDS, st.integers(2, 5))
def test_on_a_finite_space_the_flow_from_x_to_y_is_that_from_y_to_x(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    target, table = rng.dirichlet(np.ones(count)), rng.dirichlet(np.ones(count), size=count)
    kernel = MetropolisHastings(lambda x: math.log(target[int(x[0])]), OneOf(table))
    states = [kernel.init([float(i)]) for i in range(count)]
    accepted = np.array([[kernel.acceptance(x, y) for y in states] for x in states])
    flow = target[:, None] * table * accepted
    np.testing.assert_allclose(flow, flow.T, rtol=1e-9)
    transition = table * accepted
    transition[np.diag_indices(count)] += 1 - transition.sum(axis=1)
    np.testing.assert_allclose(target @ transition, target, rtol=1e-9)


def _normal(y: float, mean: float, scale: float) -> float:
    return math.exp(-0.5 * ((y - mean) / scale) ** 2) / scale


@FEW
@given(st.floats(0.1, 5), st.floats(0.1, 5), st.sampled_from([0.3, 1.0]))
def test_the_proposals_densities_balance_the_flow(x: float, y: float, scale: float) -> None:
    target = {"gamma": lambda a: a * math.exp(-a), "normal": lambda a: math.exp(-0.5 * a * a)}
    cases = [
        ("normal", RandomWalk(scale), lambda b, a: _normal(b, a, scale)),
        ("gamma", MultiplicativeWalk(scale), lambda b, a: _normal(math.log(b), math.log(a), scale) / b),
        (
            "normal",
            Langevin(lambda a: (-0.5 * float(a @ a), -a), scale),
            lambda b, a: _normal(b, a - 0.5 * scale**2 * a, scale),
        ),
    ]
    for name, proposal, q in cases:
        kernel = MetropolisHastings(lambda a, name=name: math.log(target[name](a[0])), proposal)
        here, there = kernel.init([x]), kernel.init([y])
        there_flow = target[name](x) * q(y, x) * kernel.acceptance(here, there)
        back_flow = target[name](y) * q(x, y) * kernel.acceptance(there, here)
        assert there_flow == pytest.approx(back_flow, rel=1e-9)


def test_what_lies_outside_the_support_is_never_accepted() -> None:
    kernel = MetropolisHastings(lambda x: 0.0 if 0 <= x[0] <= 1 else -math.inf, RandomWalk(2.0))
    chains = mcmc.sample(kernel, np.random.default_rng(0), [[0.5]], 300)
    assert ((chains.positions >= 0) & (chains.positions <= 1)).all()
    assert 0 < chains.info.accepted.mean() < 0.7


# Leapfrog.


def _phase(seed: int, d: int = 2) -> PhasePoint:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(d)
    return PhasePoint(x, rng.standard_normal(d), *bent(x))


@FEW
@given(SEEDS, st.floats(0.01, 0.7), st.integers(1, 20))
def test_a_negative_step_and_a_turned_momentum_undo_the_leapfrog(seed: int, size: float, steps: int) -> None:
    start, metric = _phase(seed), Metric([0.5, 2.0])
    end = mcmc.leapfrog(bent, start, size, metric, steps)
    back = mcmc.leapfrog(bent, end, -size, metric, steps)
    turned = mcmc.leapfrog(bent, end._replace(momentum=-end.momentum), size, metric, steps)
    np.testing.assert_allclose(back.position, start.position, atol=1e-9)
    np.testing.assert_allclose(back.momentum, start.momentum, atol=1e-9)
    np.testing.assert_allclose(turned.position, start.position, atol=1e-9)
    np.testing.assert_allclose(turned.momentum, -start.momentum, atol=1e-9)


@FEW
@given(SEEDS, st.floats(0.05, 0.7), st.integers(1, 5))
def test_the_leapfrog_preserves_volume(seed: int, size: float, steps: int) -> None:
    start, metric, h = _phase(seed), Metric([[1.0, 0.3], [0.3, 0.5]]), 1e-5
    columns = []
    for i in range(4):
        ends = []
        for sign in (h, -h):
            moved = np.concatenate([start.position, start.momentum]) + sign * np.eye(4)[i]
            point = PhasePoint(moved[:2], moved[2:], *bent(moved[:2]))
            ends.append(np.concatenate(mcmc.leapfrog(bent, point, size, metric, steps)[:2]))
        columns.append((ends[0] - ends[1]) / (2 * h))
    assert abs(np.linalg.det(np.array(columns))) == pytest.approx(1, abs=1e-7)


def test_the_energy_is_wrong_by_the_square_of_the_step_size() -> None:
    start, metric = _phase(3), Metric()
    level = metric.energy(start)
    errors = [
        abs(metric.energy(mcmc.leapfrog(bent, start, 1.6 / steps, metric, steps)) - level) for steps in (16, 32, 64)
    ]
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.05)


@FEW
@given(SEEDS, st.integers(1, 3), st.booleans())
def test_momenta_are_drawn_with_the_masses_as_covariance(seed: int, d: int, dense: bool) -> None:
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((d, d))
    inverse = B @ B.T + np.eye(d) if dense else rng.uniform(0.5, 2, d)
    metric, full = Metric(inverse), inverse if dense else np.diag(inverse)
    spread = np.stack([metric.draw(_Unit(i), d) for i in range(d)], axis=1)  # what unit draws are taken to
    np.testing.assert_allclose(spread @ spread.T, np.linalg.inv(full), atol=1e-9)
    p = rng.standard_normal(d)
    np.testing.assert_allclose(metric.velocity(p), full @ p)
    assert metric.kinetic(p) == pytest.approx(0.5 * p @ full @ p)


class _Unit:
    """A generator whose normal draws are a unit vector."""

    def __init__(self, place: int) -> None:
        self.place = place

    def standard_normal(self, size: int) -> np.ndarray:
        return np.eye(size)[self.place]


# Chains that start in the target stay in it.


def _stays(kernel, draw, statistics, chains: int, steps: int, seed: int = 0) -> None:
    """Starts chains from exact draws, moves each a few steps, and compares moments before and after in paired z-scores."""
    rng = np.random.default_rng(seed)
    before, after = [], []
    for _ in range(chains):
        state = kernel.init(draw(rng))
        before.append(statistics(state.position))
        for _ in range(steps):
            state, _ = kernel.step(rng, state)
        after.append(statistics(state.position))
    difference = np.array(after) - np.array(before)
    z = difference.mean(axis=0) / (difference.std(axis=0) / math.sqrt(chains))
    assert np.abs(z).max() < 4.0, z


COVARIANCE = np.array([[1.0, 1.2], [1.2, 4.0]])
FACTOR = np.linalg.cholesky(COVARIANCE)


def _moments(x: np.ndarray) -> list[float]:
    return [x[0], x[1], x[0] ** 2, x[1] ** 2, x[0] * x[1], abs(x[0]), float(x[0] > 1), float(x[1] > 2)]


def _exact(rng: np.random.Generator) -> np.ndarray:
    return FACTOR @ rng.standard_normal(2)


def test_random_walks_stay_in_the_target() -> None:
    log_density = gaussian(COVARIANCE)
    _stays(MetropolisHastings(lambda x: log_density(x)[0], RandomWalk([1.0, 3.0])), _exact, _moments, 1500, 4)


def test_multiplicative_walks_stay_in_the_target() -> None:
    kernel = MetropolisHastings(lambda x: 2 * math.log(x[0]) - x[0], MultiplicativeWalk(1.0))
    _stays(kernel, lambda rng: rng.gamma(3.0, size=1), lambda x: [x[0], x[0] ** 2, math.log(x[0]), x[0] > 2], 2500, 4)


def test_langevin_proposals_stay_in_the_target() -> None:
    log_density = gaussian(COVARIANCE)
    kernel = MetropolisHastings(lambda x: log_density(x)[0], Langevin(log_density, 1.3))
    _stays(kernel, _exact, _moments, 1500, 4)


def test_hamiltonian_trajectories_stay_in_the_target() -> None:
    # A step size at which a third is refused: without the correction the chain would leave.
    _stays(HMC(gaussian(COVARIANCE), step_size=1.1, steps=3, inverse_mass=[1.0, 1.0]), _exact, _moments, 1500, 3)


def test_trajectories_without_u_turns_stay_in_the_target() -> None:
    _stays(NUTS(gaussian(COVARIANCE), step_size=1.2), _exact, _moments, 1200, 2)


@pytest.mark.parametrize(
    "kernel",
    [
        HMC(gaussian(np.eye(1)), step_size=0.9, steps=2),
        NUTS(gaussian(np.eye(1)), step_size=0.9),
        MetropolisHastings(lambda x: -0.5 * float(x @ x), RandomWalk(2.4)),
    ],
    ids=["HMC", "NUTS", "Metropolis"],
)
def test_the_successive_conditional_simulator_has_the_marginal_of_the_prior(kernel) -> None:
    """Geweke 2004: data given the unknown, then the unknown given the data by one step of the chain, over and over."""
    rng, n, theta = np.random.default_rng(7), 3, np.zeros(1)
    seen = []
    for _ in range(1500):
        y = theta[0] + rng.standard_normal(n)  # prior N(0, 1), noise 1: the posterior is N(Σy / (n + 1), 1 / (n + 1))
        precision, mean = n + 1, y.sum() / (n + 1)
        scaled = math.sqrt(precision) * (theta - mean)  # where the chain's target is standard normal
        state, _ = kernel.step(rng, kernel.init(scaled))
        theta = mean + state.position / math.sqrt(precision)
        seen.append([theta[0], theta[0] ** 2])
    draws = np.array(seen)[None]
    z = (draws.mean(axis=(0, 1)) - [0.0, 1.0]) / mcmc.mcse(draws)
    assert np.abs(z).max() < 4.0


def test_every_step_draws_its_momentum_anew() -> None:
    kernel = HMC(gaussian(np.eye(2)), step_size=0.1, steps=1)
    rng, state = np.random.default_rng(0), kernel.init(np.zeros(2))
    energies = [kernel.step(rng, state)[1].energy for _ in range(200)]  # of the momentum alone: half of chi-squared
    assert np.mean(energies) == pytest.approx(1, abs=0.3)
    assert np.std(energies) == pytest.approx(1, abs=0.3)


def test_steps_too_long_are_told_and_do_not_move_the_chain() -> None:
    narrow = gaussian(np.diag([1e-6, 1.0]))
    for kernel in (HMC(narrow, step_size=1.0, steps=5), NUTS(narrow, step_size=1.0)):
        state = kernel.init(np.full(2, 1e-4))
        then, info = kernel.step(np.random.default_rng(0), state)
        assert info.divergent
        assert info.acceptance < 1e-9
        np.testing.assert_array_equal(then.position, state.position)


def test_a_density_that_overflows_far_out_is_a_divergence_and_no_warning() -> None:
    quartic = lambda x: (-float((x**4).sum()), -4 * x**3)  # noqa: E731
    for kernel in (HMC(quartic, step_size=30.0, steps=8), NUTS(quartic, step_size=30.0)):
        _, info = kernel.step(np.random.default_rng(1), kernel.init(np.ones(1)))
        assert info.divergent


def test_a_trajectory_ends_where_it_turns_back() -> None:
    kernel = NUTS(gaussian(np.eye(1)), step_size=0.05)
    rng, state, steps = np.random.default_rng(0), kernel.init(np.zeros(1)), []
    for _ in range(30):
        state, info = kernel.step(rng, state)
        steps.append(info.steps)
        assert info.steps < 2**info.depth <= 2**kernel.max_depth
    # A half period of the harmonic oscillator is π: 63 steps or the power of two above it.
    assert 31 <= np.median(steps) <= 127


def test_a_trajectory_ends_where_it_diverges() -> None:
    """A wall of energy at ±1, and next to nothing between: one step in it is the last."""
    seen = []

    def box(x: np.ndarray) -> tuple[float, np.ndarray]:
        seen.append(abs(x[0]) > 1)
        return (-1e9 if abs(x[0]) > 1 else 0.0), np.zeros(1)

    kernel, rng = NUTS(box, step_size=0.05), np.random.default_rng(0)
    state = kernel.init(np.zeros(1))
    for _ in range(20):
        seen.clear()
        state, info = kernel.step(rng, state)
        assert info.divergent == any(seen)
        assert sum(seen) <= 1
        assert abs(state.position[0]) <= 1


def test_a_deepest_trajectory_is_cut() -> None:
    flat = lambda x: (0.0, np.zeros_like(x))  # noqa: E731
    _, info = NUTS(flat, step_size=0.1, max_depth=4).step(np.random.default_rng(0), NUTS(flat).init(np.zeros(2)))
    assert (info.depth, info.steps) == (4, 15)


# Adaptation.


def test_dual_averaging_finds_the_step_size_with_the_wanted_acceptance() -> None:
    averaging = mcmc.DualAveraging(0.7)
    state = averaging.init(10.0)
    for _ in range(2000):
        state = averaging.update(state, acceptance=math.exp(-math.exp(state.log_step)))
    assert math.exp(-math.exp(state.log_mean)) == pytest.approx(0.7, abs=0.01)


@FEW
@given(st.lists(st.lists(st.floats(-5, 5), min_size=2, max_size=2), min_size=2, max_size=20), st.sampled_from([0, 1e8]))
def test_welfords_variance_is_that_of_numpy_far_from_zero_too(points, offset: float) -> None:
    welford, state = mcmc.Welford(), mcmc.Welford().init(2)
    for point in points:
        state = welford.update(state, np.array(point) + offset)
    np.testing.assert_allclose(welford.variance(state), np.var(points, axis=0, ddof=1), atol=1e-6)


def test_the_warm_up_learns_the_widths_of_the_target() -> None:
    widths = np.array([0.1, 1.0, 10.0])
    kernel, state = mcmc.warm_up(
        NUTS(gaussian(np.diag(widths**2)), max_depth=6), np.random.default_rng(0), np.ones(3), 400
    )
    np.testing.assert_allclose(np.sqrt(kernel.inverse_mass) / widths, 1, atol=0.35)
    rng, acceptances, steps = np.random.default_rng(1), [], []
    for _ in range(100):
        state, info = kernel.step(rng, state)
        acceptances.append(info.acceptance)
        steps.append(info.steps)
    assert 0.65 < np.mean(acceptances) < 0.97
    assert np.mean(steps) < 16


def test_a_short_warm_up_leaves_the_masses() -> None:
    kernel, _ = mcmc.warm_up(NUTS(gaussian(np.eye(1))), np.random.default_rng(0), [0.0], 10)
    assert kernel.inverse_mass == 1.0


def test_chains_are_the_same_for_the_same_seed_and_differ_from_each_other() -> None:
    kernel = HMC(gaussian(np.eye(2)), step_size=0.5)
    first, again = (mcmc.sample(kernel, np.random.default_rng(4), np.zeros((2, 2)), 5, warmup=25) for _ in range(2))
    np.testing.assert_array_equal(first.positions, again.positions)
    assert (first.positions[0] != first.positions[1]).any()
    assert first.kernels[0].step_size != first.kernels[1].step_size


# Diagnostics.

CHAINS = st.tuples(SEEDS, st.integers(1, 4), st.integers(8, 60)).map(
    lambda drawn: np.random.default_rng(drawn[0]).standard_normal(drawn[1:]).cumsum(axis=1)
)


@FEW
@given(CHAINS)
def test_rank_based_diagnostics_do_not_care_for_monotone_transformations(x) -> None:
    assert mcmc.ess(np.exp(x / 10)) == pytest.approx(mcmc.ess(x), rel=1e-9)
    assert mcmc.ess(2 * x, "tail") == mcmc.ess(x, "tail")
    assert mcmc.rhat(2 * x) == pytest.approx(mcmc.rhat(x), rel=1e-9)


@FEW
@given(CHAINS)
def test_the_autocovariance_is_the_mean_of_products(x) -> None:
    n, away = x.shape[1], x - x.mean(axis=1, keepdims=True)
    expected = np.array([[(chain[: n - t] * chain[t:]).sum() / n for t in range(n)] for chain in away])
    np.testing.assert_allclose(mcmc.autocovariance(x), expected, atol=1e-9 * np.abs(expected).max())


def test_a_chain_that_drifts_differs_from_itself() -> None:
    draws = np.random.default_rng(0).normal(size=(4, 200)) + np.linspace(0, 3, 200)
    assert mcmc.rhat(draws, "split") > 1.2
    assert mcmc.rhat(draws) > 1.2


def test_chains_of_different_width_are_noticed_by_folding_only() -> None:
    draws = np.random.default_rng(0).normal(size=(4, 500)) * [[1], [1], [1], [4]]
    assert mcmc.rhat(draws, "split") < 1.02
    assert mcmc.rhat(draws) > 1.1


def test_the_effective_sample_size_of_an_autoregression_is_known() -> None:
    rng, n = np.random.default_rng(0), 4000
    for phi in (0.8, 0.0, -0.6):
        x = rng.standard_normal((4, n))
        x[:, 0] /= math.sqrt(1 - phi**2)
        for t in range(1, n):
            x[:, t] += phi * x[:, t - 1]
        expected = 4 * n * (1 - phi) / (1 + phi)
        assert mcmc.ess(x, "mean") == pytest.approx(expected, rel=0.15)
        assert mcmc.mcse(x) == pytest.approx(x.std() / math.sqrt(expected), rel=0.1)


def test_unknowns_are_judged_one_by_one() -> None:
    draws = np.random.default_rng(0).normal(size=(3, 50, 2)).cumsum(axis=1)
    for measure in (mcmc.ess, mcmc.rhat, mcmc.mcse):
        np.testing.assert_array_equal(measure(draws), [measure(draws[:, :, 0]), measure(draws[:, :, 1])])


def test_chains_that_never_move_agree_or_do_not() -> None:
    assert mcmc.rhat(np.full((2, 10), 0.1)) == 1.0
    assert mcmc.ess(np.full((2, 10), 0.1)) == 20
    assert mcmc.rhat(np.repeat([[0.1], [0.2]], 10, axis=1), "split") == math.inf
