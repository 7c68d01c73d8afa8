"""Decision processes, returns, environments, replay: what must hold of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from whitebox.errors import ConvergenceError, SingularMatrixError, StateError
from whitebox.rl import environments, tabular
from whitebox.rl.environments import CartPole, CartPoleState, TabularEnvironment, TimeLimit, grid_world
from whitebox.rl.replay import ReplayBuffer
from whitebox.rl.returns import discounted_returns, generalized_advantages
from whitebox.rl.tabular import MarkovDecisionProcess


def drawn_process(seed: int, discount: float = 0.9) -> tuple[MarkovDecisionProcess, np.ndarray]:
    """A process of five states, the last one terminal, and a policy."""
    rng = np.random.default_rng(seed)
    P, policy = rng.dirichlet(np.full(5, 0.4), (5, 3)), rng.dirichlet(np.ones(3), 5)
    return MarkovDecisionProcess(P, rng.normal(size=(5, 3)), discount, terminal=[4]), policy


@EXAMPLES
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 0.9, 1.0]))
def test_values_are_what_is_paid_now_and_what_is_expected_after(seed: int, discount: float) -> None:
    mdp, policy = drawn_process(seed, discount)
    v = tabular.policy_evaluation(mdp, policy)
    np.testing.assert_allclose(v, (policy * tabular.action_values(mdp, v)).sum(axis=1), atol=1e-8)
    assert v[4] == 0
    if discount < 1:
        np.testing.assert_allclose(tabular.iterative_policy_evaluation(mdp, policy, tol=1e-9), v, atol=2e-9)
        best = tabular.policy_iteration(mdp)
        np.testing.assert_allclose(best.values, tabular.value_iteration(mdp, tol=1e-9).values, atol=1e-7)
        # No action is better than what the best values promise, and no policy is.
        np.testing.assert_allclose(tabular.action_values(mdp, best.values)[:4].max(axis=1), best.values[:4], atol=1e-7)
        assert (best.values >= v - 1e-7).all()


def test_iterations_stop_within_the_error_they_promise() -> None:
    stay = MarkovDecisionProcess([[[1.0]]], [[1.0]], 0.99)
    # The change of a sweep is a hundredth of the error that is left.
    assert abs(tabular.iterative_policy_evaluation(stay, [0], tol=0.01)[0] - 100) <= 0.01
    assert abs(tabular.value_iteration(stay, tol=0.01).values[0] - 100) <= 0.01
    with pytest.raises(ConvergenceError, match="still changed"):
        tabular.value_iteration(stay, max_sweeps=10)


def test_a_shortest_path_is_found_without_discounting() -> None:
    mdp = grid_world(3, 4, discount=1.0)
    distance = [-(2 - row + 3 - column) for row in range(3) for column in range(4)]
    assert tabular.value_iteration(mdp).values.tolist() == distance
    # The first actions of all states, up, never arrive.
    with pytest.raises(SingularMatrixError):
        tabular.policy_evaluation(mdp, np.zeros(12, int))


def test_an_environment_goes_where_its_process_says() -> None:
    mdp, _ = drawn_process(3)
    environment = TabularEnvironment(mdp, [0.25, 0.5, 0.0, 0.25, 0.0])
    counts, starts = np.zeros((5, 3, 5)), np.zeros(5)
    rng = np.random.default_rng(0)
    for seed in range(1500):
        observation, info = environment.reset(seed=seed)
        starts[info["state"]] += 1
        for _ in range(4):
            state, action = int(observation.argmax()), int(rng.integers(3))
            observation, reward, terminated, truncated, info = environment.step(action)
            counts[state, action, info["state"]] += 1
            assert reward == mdp.rewards[state, action]
            assert (terminated, truncated) == (info["state"] == 4, False)
            assert observation[info["state"]] == observation.sum() == 1
            if terminated:
                break
    assert starts[2] == starts[4] == 0
    assert chisquare(starts[[0, 1, 3]], 1500 * np.array([0.25, 0.5, 0.25])).pvalue > 1e-4
    for state in range(4):
        for action in range(3):
            expected = counts[state, action].sum() * mdp.transitions[state, action]
            likely = expected > 5
            rest = [counts[state, action][~likely].sum()], [expected[~likely].sum()]
            found = np.append(counts[state, action][likely], rest[0])
            assert chisquare(found, np.append(expected[likely], rest[1]) + 1e-9).pvalue > 1e-5


# ---- returns


def test_advantages_lie_between_one_step_and_the_whole_return() -> None:
    rng = np.random.default_rng(0)
    rewards, values = rng.normal(size=9), rng.normal(size=10)
    ended = np.arange(9) == 8
    whole = generalized_advantages(rewards, values[:-1], values[1:], ended, ~ended & ended, discount=0.9, trace=1.0)
    np.testing.assert_allclose(whole + values[:-1], discounted_returns(rewards, discount=0.9), rtol=1e-12)
    one = generalized_advantages(rewards, values[:-1], values[1:], ended, ~ended & ended, discount=0.9, trace=0.0)
    np.testing.assert_allclose(one, rewards + 0.9 * values[1:] * ~ended - values[:-1], rtol=1e-12)


def test_nothing_is_earned_after_an_end_but_more_would_have_been_after_a_cut() -> None:
    def first(ended: bool, cut: bool) -> list[float]:
        return generalized_advantages(
            [1.0, 7.0], [0.0, 0.0], [10.0, 0.0], [ended, True], [cut, False], discount=0.5, trace=1.0
        ).tolist()

    assert first(ended=False, cut=False) == [9.5, 7.0]  # 1 + 10/2, and half of what went better after
    assert first(ended=False, cut=True) == [6.0, 7.0]  # 1 + 10/2: what stands after is another episode's
    assert first(ended=True, cut=False) == [1.0, 7.0]
    assert first(ended=True, cut=True) == [1.0, 7.0]


def test_sequences_side_by_side_and_their_precision_stay_apart() -> None:
    rng = np.random.default_rng(1)
    rewards, values, after = rng.normal(size=(3, 6, 2)).astype(np.float32)
    ended, cut = rng.random((2, 6, 2)) < 0.3
    both = generalized_advantages(rewards, values, after, ended, cut, discount=0.9, trace=0.8)
    assert both.dtype == discounted_returns(rewards, discount=0.9).dtype == np.float32
    for n in range(2):
        alone = (part[:, n] for part in (rewards, values, after, ended, cut))
        np.testing.assert_array_equal(both[:, n], generalized_advantages(*alone, discount=0.9, trace=0.8))


# ---- cart and pole


def energy(state: CartPoleState) -> float:
    """Of a cart, and of a uniform rod on it: moving, turning, and lifted."""
    M, m, length, g = environments.CART_MASS, environments.POLE_MASS, environments.HALF_LENGTH, environments.GRAVITY
    moving = 0.5 * (M + m) * state.velocity**2
    moving += m * length * state.velocity * state.angular_velocity * math.cos(state.angle)
    moving += 0.5 * (4 / 3) * m * length**2 * state.angular_velocity**2
    return moving + m * g * length * math.cos(state.angle)


@EXAMPLES
@given(st.tuples(*[st.floats(-2, 2)] * 4), st.floats(-10, 10))
def test_the_energy_of_the_cart_grows_by_the_work_done_on_it(numbers: tuple[float, ...], force: float) -> None:
    state = CartPoleState(*numbers)
    speeds = (state.velocity, state.angular_velocity)
    pushed, turning = environments.cart_pole_accelerations(state, force)
    h = 1e-5
    ahead, back = (
        CartPoleState(
            state.position + t * speeds[0], speeds[0] + t * pushed, state.angle + t * speeds[1], speeds[1] + t * turning
        )
        for t in (h, -h)
    )
    growth = (energy(ahead) - energy(back)) / (2 * h)
    assert growth == pytest.approx(force * state.velocity, abs=1e-5)


def test_left_is_the_mirror_image_of_right() -> None:
    state = CartPoleState(0.3, -0.2, 0.1, 0.4)
    mirrored = CartPoleState(*(-number for number in state))
    right, left = (environments.cart_pole_accelerations(*case) for case in ((state, 10.0), (mirrored, -10.0)))
    assert right == tuple(-number for number in left)


def test_a_pole_falls_and_a_clock_runs_out() -> None:
    def played(environment, seed: int = 0) -> tuple[list, bool, bool]:
        seen, terminated, truncated = [environment.reset(seed=seed)[0]], False, False
        while not (terminated or truncated):
            observation, reward, terminated, truncated, _ = environment.step(1)
            seen.append(observation)
            assert reward == 1.0
        with pytest.raises(StateError, match="reset"):
            environment.step(1)
        return np.array(seen).tolist(), terminated, truncated

    seen, terminated, truncated = played(CartPole())
    assert (terminated, truncated) == (True, False)
    assert abs(seen[-1][2]) > math.radians(12) > abs(seen[-2][2])
    # The pole falls to the left of a cart that is pushed to the right, and the same seed gives the same fall.
    assert seen[-1][0] > 0 > seen[-1][2]
    assert played(CartPole())[0] == seen != played(CartPole(), seed=1)[0]
    assert played(TimeLimit(CartPole(), 5))[1:] == (False, True)
    assert played(TimeLimit(CartPole(), len(seen) - 1))[1:] == (True, True)


# ---- replay


def test_a_ring_keeps_the_last_steps_and_draws_them_evenly() -> None:
    buffer = ReplayBuffer(4)
    for number in range(10):
        buffer.add(np.full(2, number, np.float32), number, -number, np.full(2, number + 1, np.float32), number % 2 == 0)
        assert len(buffer) == min(number + 1, 4)
    drawn = buffer.sample(4000, np.random.default_rng(0))
    assert chisquare(np.bincount(drawn.actions)[6:]).pvalue > 1e-4
    assert set(drawn.actions) == {6, 7, 8, 9}
    # What belongs to one step stays together.
    np.testing.assert_array_equal(drawn.rewards, -drawn.actions)
    np.testing.assert_array_equal(drawn.observations[:, 1], drawn.actions)
    np.testing.assert_array_equal(drawn.next_observations[:, 0], drawn.actions + 1)
    np.testing.assert_array_equal(drawn.terminated, drawn.actions % 2 == 0)
    again = buffer.sample(4000, np.random.default_rng(0))
    np.testing.assert_array_equal(again.actions, drawn.actions)
