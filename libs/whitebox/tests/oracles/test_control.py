"""Decision processes against linear programmes, losses against SciPy's, the cart against Gymnasium's and an integrator."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import linprog
from scipy.special import huber, log_softmax
from scipy.stats import entropy as scipy_entropy
from whitebox.autograd import Tensor
from whitebox.nn import Linear
from whitebox.rl import environments, tabular
from whitebox.rl.categorical import entropy, log_probability
from whitebox.rl.dqn import DQN, huber_loss
from whitebox.rl.environments import CartPole, CartPoleState, TimeLimit
from whitebox.rl.ppo import PPO
from whitebox.rl.reinforce import Reinforce


def test_optimal_values_solve_the_linear_programme() -> None:
    # The smallest values that no action improves (d'Epenoux 1963).
    rng = np.random.default_rng(0)
    states, actions, discount = 60, 5, 0.95
    P = rng.dirichlet(np.full(states, 0.05), (states, actions))
    R = rng.normal(size=(states, actions))
    mdp = tabular.MarkovDecisionProcess(P, R, discount)
    improved = discount * P - np.eye(states)[:, None]
    done = linprog(np.ones(states), improved.reshape(-1, states), -R.ravel(), bounds=(None, None))
    solution = tabular.policy_iteration(mdp)
    np.testing.assert_allclose(solution.values, done.x, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(tabular.value_iteration(mdp, tol=1e-8).values, done.x, rtol=1e-7, atol=1e-7)
    # Where the programme's constraints are tight stands the best action.
    tight = np.abs(done.slack).reshape(states, actions) < 1e-7
    assert tight[np.arange(states), solution.policy].all()
    np.testing.assert_allclose(
        tabular.policy_evaluation(mdp, np.full((states, actions), 1 / actions)),
        np.linalg.solve(np.eye(states) - discount * P.mean(axis=1), R.mean(axis=1)),
        rtol=1e-10,
    )


def test_losses_and_policies_are_scipys() -> None:
    rng = np.random.default_rng(0)
    errors = 5 * rng.standard_cauchy(1000)
    for delta in (0.3, 1.0, 20.0):
        found = huber_loss(Tensor(errors), np.zeros(1000), delta=delta).item()
        assert found == pytest.approx(huber(delta, errors).mean(), rel=1e-12)
    logits, actions = 30 * rng.normal(size=(500, 7)), rng.integers(7, size=500)
    expected = log_softmax(logits, axis=1)
    np.testing.assert_allclose(
        log_probability(Tensor(logits), actions).data, expected[np.arange(500), actions], rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(
        entropy(Tensor(logits)).data, scipy_entropy(np.exp(expected), axis=1), rtol=1e-9, atol=1e-12
    )


def test_the_cart_moves_as_an_integrator_of_its_lagrangian_says() -> None:
    M, m, length, g = environments.CART_MASS, environments.POLE_MASS, environments.HALF_LENGTH, environments.GRAVITY

    def lagrangian(_: float, y: np.ndarray) -> list[float]:
        # Both equations of motion as they come, solved for the accelerations by elimination.
        cosine, sine = np.cos(y[2]), np.sin(y[2])
        mass = np.array([[M + m, m * length * cosine], [m * length * cosine, 4 / 3 * m * length**2]])
        right = np.array([-10.0 + m * length * y[3] ** 2 * sine, m * g * length * sine])
        pushed, turning = np.linalg.solve(mass, right)
        return [y[1], pushed, y[3], turning]

    start = [0.3, -0.5, 0.2, 0.8]
    exact = solve_ivp(lagrangian, (0, 0.5), start, rtol=1e-10, atol=1e-12).y[:, -1]
    found = []
    for steps in (100, 200):
        y = np.array(start)
        for _ in range(steps):
            pushed, turning = environments.cart_pole_accelerations(CartPoleState(*y), -10.0)
            y = y + 0.5 / steps * np.array([y[1], pushed, y[3], turning])
        found.append(y)
    # Euler's method: half the step, half the error; what is left without that part is small.
    coarse, fine = found
    np.testing.assert_allclose(coarse - exact, 2 * (fine - exact), rtol=0.1, atol=1e-3)
    np.testing.assert_allclose(2 * fine - coarse, exact, atol=3e-3)


@pytest.mark.oracle
def test_the_cart_is_gymnasiums_to_the_last_bit() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    theirs, ours = gymnasium.make("CartPole-v1"), TimeLimit(CartPole(), 500)
    rng = np.random.default_rng(0)
    for seed in range(20):
        np.testing.assert_array_equal(ours.reset(seed=seed)[0], theirs.reset(seed=seed)[0])
        done, angle = False, 0.0
        while not done:
            # Sometimes falls, sometimes lasts.
            action = int(angle > 0) if rng.random() < seed / 10 else int(rng.integers(2))
            observation, *rest = theirs.step(action)
            found, *others = ours.step(action)
            np.testing.assert_array_equal(found, observation)
            assert found.dtype == observation.dtype
            assert others[:3] == rest[:3]
            done, angle = rest[1] or rest[2], float(observation[2] + 0.5 * observation[3])


@pytest.mark.oracle
def test_learners_learn_the_same_in_gymnasiums_environment() -> None:
    gymnasium = pytest.importorskip("gymnasium")

    def weights(make, learner: str) -> np.ndarray:
        rng = np.random.default_rng(0)
        policy, critic = Linear(4, 2, rng=rng), Linear(4, 1, rng=rng)
        if learner == "PPO":
            PPO(policy, critic, horizon=60, rng=rng).learn([make(), make()], steps=400)
        elif learner == "DQN":
            DQN(policy, warm_up=50, rng=rng).learn(make(), steps=300)
        else:
            Reinforce(policy, critic, rng=rng).learn(make(), episodes=10)
        return policy.weight.data

    for learner in ("REINFORCE", "PPO", "DQN"):
        ours = weights(lambda: TimeLimit(CartPole(), 500), learner)
        np.testing.assert_array_equal(ours, weights(lambda: gymnasium.make("CartPole-v1"), learner))
