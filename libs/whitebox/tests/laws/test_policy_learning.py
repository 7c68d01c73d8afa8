"""What REINFORCE, PPO and DQN do: their gradients against exact ones, their policies against dynamic programming."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import chisquare
from whitebox.autograd import Tensor, gradcheck, tanh, tensor
from whitebox.nn import Linear, Sequential
from whitebox.optimize.first_order import Adam, GradientDescent
from whitebox.rl import tabular
from whitebox.rl.categorical import entropy, log_probability, sample_actions
from whitebox.rl.dqn import DQN, LinearExploration, dqn_targets, huber_loss
from whitebox.rl.environments import CartPole, TabularEnvironment, TimeLimit, grid_world
from whitebox.rl.ppo import PPO, clipped_surrogate
from whitebox.rl.reinforce import Reinforce, policy_gradient_loss
from whitebox.rl.replay import Transitions
from whitebox.rl.returns import discounted_returns
from whitebox.rl.rollouts import Actors, Episode, evaluate, play_episode
from whitebox.rl.tabular import MarkovDecisionProcess

LOGITS = np.random.default_rng(5).normal(size=(4, 3))
ACTIONS = np.array([0, 2, 2, 1])


def softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


# ---- policies


def test_probabilities_and_entropies_have_the_gradients_of_their_values() -> None:
    assert gradcheck(lambda z: log_probability(z, ACTIONS), tensor(LOGITS, requires_grad=True))
    assert gradcheck(entropy, tensor(LOGITS, requires_grad=True))
    p = softmax(LOGITS)
    np.testing.assert_allclose(log_probability(tensor(LOGITS), ACTIONS).data, np.log(p[np.arange(4), ACTIONS]))
    np.testing.assert_allclose(entropy(tensor(LOGITS)).data, -(p * np.log(p)).sum(axis=1))
    # A policy does not change if all logits do, nor can it overflow.
    np.testing.assert_allclose(entropy(tensor(LOGITS + 1e4)).data, entropy(tensor(LOGITS)).data, rtol=1e-9)


def test_what_is_excluded_is_never_chosen_and_adds_nothing() -> None:
    logits = tensor([[0.0, -np.inf, 0.0]], requires_grad=True)
    (entropy(logits).sum() + log_probability(logits, np.array([2])).sum()).backward()
    assert logits.grad.tolist() == [[-0.5, 0.0, 0.5]]
    assert entropy(logits).data.round(6).tolist() == [0.693147]
    drawn = sample_actions(np.repeat(logits.data, 3000, axis=0), np.random.default_rng(0))
    assert np.bincount(drawn, minlength=3)[1] == 0
    assert abs(drawn.mean() - 1) < 5 / np.sqrt(3000)
    drawn = sample_actions(np.repeat(LOGITS[:1], 3000, axis=0), np.random.default_rng(1))
    assert chisquare(np.bincount(drawn), 3000 * softmax(LOGITS[0])).pvalue > 1e-4


# ---- the policy gradient, over all that can happen

# Three states from which at most three steps lead to the end; what they pay is mostly positive.
PROCESS = MarkovDecisionProcess(
    [
        [[0, 0.75, 0.25, 0], [0, 0.25, 0.5, 0.25]],
        [[0, 0, 0.5, 0.5], [0, 0, 1, 0]],
        [[0, 0, 0, 1], [0, 0, 0, 1]],
        [[0, 0, 0, 1], [0, 0, 0, 1]],
    ],
    [[4.0, 6.0], [5.0, 3.0], [7.0, 4.0], [0.0, 0.0]],
    0.8,
    terminal=[3],
)
WEIGHTS = np.array([[0.3, -0.5, 0.2, 0.0], [-0.4, 0.1, 0.6, 0.0]])


def episodes(policy: np.ndarray) -> Iterator[tuple[float, Episode]]:
    """Every way from state 0 to the end, with its probability."""
    waiting: list[tuple[float, list[tuple[int, int, int]]]] = [(1.0, [])]
    while waiting:
        chance, path = waiting.pop()
        state = path[-1][2] if path else 0
        if state == 3:
            states, actions, following = (np.array(part) for part in zip(*path, strict=True))
            eye = np.eye(4)
            yield chance, Episode(eye[states], actions, PROCESS.rewards[states, actions], eye[following], True)
            continue
        for action in range(2):
            for after in np.flatnonzero(PROCESS.transitions[state, action]).tolist():
                step = policy[state, action] * PROCESS.transitions[state, action, after]
                waiting.append((chance * step, [*path, (state, action, after)]))


def estimates(baseline: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of all episodes, and the policy gradients that REINFORCE estimates from each."""
    rng = np.random.default_rng(0)
    policy = Linear(4, 2, bias=False, rng=rng, dtype=np.float64).load_state_dict({"weight": WEIGHTS})
    critic = None
    if baseline is not None:
        critic = Linear(4, 1, bias=False, rng=rng, dtype=np.float64).load_state_dict({"weight": baseline[None]})
    learner = Reinforce(policy, critic, discount=0.8, discount_states=True, rng=rng)
    chances, gradients = [], []
    for chance, episode in episodes(softmax(WEIGHTS.T)):
        policy.zero_grad()
        learner.loss([episode]).backward()
        chances.append(chance)
        gradients.append(-policy.weight.grad)
    return np.array(chances), np.array(gradients)


def exact_gradient() -> np.ndarray:
    """Of the value of state 0, by differences of solved systems."""
    found = np.zeros_like(WEIGHTS)
    for place in np.ndindex(WEIGHTS.shape):
        values = []
        for step in (1e-5, -1e-5):
            moved = WEIGHTS.copy()
            moved[place] += step
            values.append(tabular.policy_evaluation(PROCESS, softmax(moved.T))[0])
        found[place] = (values[0] - values[1]) / 2e-5
    return found


def test_reinforce_is_right_on_average_whatever_its_baseline() -> None:
    expected = exact_gradient()
    values = tabular.policy_evaluation(PROCESS, softmax(WEIGHTS.T))
    spreads = []
    for baseline in (None, values, np.array([-3.0, 50.0, 9.0, 0.0])):
        chances, gradients = estimates(baseline)
        assert chances.sum() == pytest.approx(1)
        mean = np.tensordot(chances, gradients, 1)
        np.testing.assert_allclose(mean, expected, atol=1e-8)
        spreads.append(float(chances @ ((gradients - mean) ** 2).sum(axis=(1, 2))))
    # A baseline changes the variance alone, and the value of the state is a good one.
    assert spreads[1] < spreads[0] / 5
    assert spreads[1] < spreads[2]


def test_a_gradient_of_several_episodes_is_their_mean() -> None:
    rng = np.random.default_rng(0)
    some = [episode for _, episode in episodes(softmax(WEIGHTS.T))][:5]
    policy, critic = Linear(4, 2, rng=rng), Linear(4, 1, rng=rng)
    learner = Reinforce(policy, critic, trace=0.7, rng=rng)
    together = learner.loss(some).item()
    assert together == pytest.approx(np.mean([learner.loss([one]).item() for one in some]), rel=1e-5)


def test_a_critic_learns_the_returns() -> None:
    rng = np.random.default_rng(0)
    some = [episode for chance, episode in episodes(softmax(WEIGHTS.T)) for _ in range(round(chance * 30))]
    critic = Linear(4, 1, bias=False, rng=rng, dtype=np.float64)
    policy = Linear(4, 2, rng=rng, dtype=np.float64)
    learner = Reinforce(policy, critic, discount=0.8, critic_method=GradientDescent(0.8), rng=rng)
    for _ in range(40):
        update = learner.update(some)
    earned: dict[int, list[float]] = {}
    for episode in some:
        after = discounted_returns(episode.rewards, discount=0.8)
        for state, value in zip(episode.observations.argmax(axis=1).tolist(), after.tolist(), strict=True):
            earned.setdefault(state, []).append(value)
    np.testing.assert_allclose(critic.weight.data[0, :3], [np.mean(earned[state]) for state in range(3)], rtol=1e-4)
    squares = [(value - np.mean(values)) ** 2 for values in earned.values() for value in values]
    assert update.critic_loss == pytest.approx(np.mean(squares), rel=1e-4)


def test_what_was_seen_stays_though_an_environment_writes_over_it() -> None:
    rng = np.random.default_rng(0)
    policy = Linear(1, 2, rng=rng)
    episode = play_episode(policy, TimeLimit(Reused(), 4), rng)
    rollout = Actors([TimeLimit(Reused(), 9)], rng).collect(policy, 4)
    learner = DQN(policy, warm_up=10**6, capacity=4, rng=rng)
    learner.learn(TimeLimit(Reused(), 9), steps=4)
    kept = learner.buffer.sample(200, rng)
    assert set(kept.observations[:, 0]) == {0, 1, 2, 3}
    np.testing.assert_array_equal(kept.next_observations, kept.observations + 1)
    for record in (episode.observations, rollout.observations[:, 0], episode.next_observations - 1):
        np.testing.assert_array_equal(record[:, 0], np.arange(4))


# ---- PPO


def test_the_clipped_surrogate_starts_as_the_policy_gradient() -> None:
    advantages = np.array([2.0, -1.0, 0.5, 3.0])
    one, other = tensor(LOGITS, requires_grad=True), tensor(LOGITS, requires_grad=True)
    old = log_probability(tensor(LOGITS), ACTIONS).data
    clipped_surrogate(log_probability(one, ACTIONS), old, advantages).backward()
    policy_gradient_loss(other, ACTIONS, advantages, count=4).backward()
    np.testing.assert_allclose(one.grad, -other.grad, rtol=1e-12)


def test_nothing_flows_from_a_ratio_that_has_gone_far_enough() -> None:
    ratios = np.array([1.5, 1.5, 0.5, 0.5, 1.1])
    advantages = np.array([1.0, -1.0, 1.0, -1.0, 2.0])
    new = tensor(np.log(ratios), requires_grad=True)
    objective = clipped_surrogate(new, np.zeros(5), advantages, clip=0.2)
    objective.backward()
    assert objective.item() == pytest.approx((1.2 - 1.5 + 0.5 - 0.8 + 2.2) / 5)
    np.testing.assert_allclose(new.grad, np.array([0.0, -1.5, 0.5, 0.0, 2.2]) / 5, rtol=1e-12)


class Line:
    """Positions 0, 1, 2, ... without an end; each step pays 1."""

    def reset(self, *, seed: int | None = None):
        self.place = 0
        return np.array([0.0], np.float32), {}

    def step(self, action: int):
        self.place += 1
        return np.array([self.place], np.float32), 1.0, False, False, {}


class Reused(Line):
    """Writes what is seen into the same array each time."""

    def reset(self, *, seed: int | None = None):
        self.seen = super().reset()[0]
        return self.seen, {}

    def step(self, action: int):
        self.seen[:], *rest = super().step(action)
        return self.seen, *rest


def identity_critic() -> Linear:
    """Whose value is the observation."""
    critic = Linear(1, 1, bias=False, rng=np.random.default_rng(0))
    return critic.load_state_dict({"weight": [[1.0]]})


def test_a_cut_is_no_end_for_ppo_and_reinforce() -> None:
    rng = np.random.default_rng(0)
    policy = Linear(1, 2, rng=rng)
    learner = PPO(policy, identity_critic(), discount=0.5, trace=0.0, horizon=7, rng=rng)
    rollout = Actors([TimeLimit(Line(), 3)], rng).collect(policy, 7)
    assert rollout.truncated[:, 0].tolist() == [False, False, True, False, False, True, False]
    assert rollout.observations[:, 0, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]
    # What was seen last, and not the beginning of the next episode.
    assert rollout.next_observations[:, 0, 0].tolist() == [1, 2, 3, 1, 2, 3, 1]
    advantages, returns = learner.advantages(rollout)
    place = rollout.observations[:, 0, 0]
    np.testing.assert_allclose(advantages[:, 0], 1 + 0.5 * (place + 1) - place)
    np.testing.assert_allclose(returns[:, 0], 1 + 0.5 * (place + 1))

    seen = np.array([[0.0], [1.0], [2.0]], np.float32)
    cut = Episode(seen, np.zeros(3, int), np.ones(3, np.float32), seen + 1, False)
    reinforce = Reinforce(policy, identity_critic(), discount=0.5, rng=rng)
    np.testing.assert_allclose(reinforce.advantages(cut) + np.arange(3), [2.125, 2.25, 2.5])
    ended = cut._replace(terminated=True)
    np.testing.assert_allclose(reinforce.advantages(ended) + np.arange(3), [1.75, 1.5, 1.0])


def test_epochs_end_where_the_policy_has_moved_too_far() -> None:
    def begun(max_divergence: float | None) -> int:
        rng = np.random.default_rng(0)
        policy, critic = Linear(9, 4, rng=rng), Linear(9, 1, rng=rng)
        learner = PPO(policy, critic, method=Adam(0.05), epochs=6, max_divergence=max_divergence, rng=rng)
        update = learner.update(Actors([TabularEnvironment(grid_world(3, 3))], rng).collect(policy, 128))
        assert update.divergence >= 0
        return update.epochs

    assert begun(None) == begun(1e3) == 6
    assert begun(1e-9) == 1
    assert 1 < begun(0.02) < 6


def test_the_size_of_rewards_does_not_matter_to_normalised_advantages() -> None:
    def gradient(scale: float) -> np.ndarray:
        rng = np.random.default_rng(0)
        policy = Linear(3, 3, rng=rng)
        learner = PPO(policy, Linear(3, 1, rng=rng), value_weight=0.0, rng=rng)
        old = log_probability(policy(Tensor(np.eye(3, dtype=np.float32))), np.arange(3)).data
        loss, _ = learner.loss(np.eye(3, dtype=np.float32), np.arange(3), old, scale * np.arange(3), np.zeros(3))
        loss.backward()
        return policy.weight.grad

    np.testing.assert_allclose(gradient(1.0), gradient(1000.0), rtol=1e-4)
    assert np.abs(gradient(1.0)).max() > 0.1


def test_entropy_is_asked_for() -> None:
    rng = np.random.default_rng(0)
    policy = Linear(3, 3, rng=rng)
    learner = PPO(policy, Linear(3, 1, rng=rng), value_weight=0.0, entropy_weight=1.0, method=Adam(0.1), rng=rng)
    seen = np.eye(3, dtype=np.float32)
    for _ in range(100):
        policy.zero_grad()
        loss, part = learner.loss(seen, np.arange(3), np.zeros(3), np.zeros(3), np.zeros(3))
        loss.backward()
        learner._optimizer.step()
    assert part.entropy == pytest.approx(np.log(3), abs=1e-3)


# ---- DQN


def test_the_optimal_values_are_where_their_targets_are() -> None:
    mdp = grid_world(2, 3, discount=0.9)
    q = tabular.action_values(mdp, tabular.policy_iteration(mdp).values)
    states, actions = (part.ravel() for part in np.indices((5, 4)))
    following = mdp.transitions[states, actions].argmax(axis=1)
    eye = np.eye(6)
    steps = Transitions(eye[states], actions, mdp.rewards[states, actions], eye[following], mdp.terminal[following])
    # The values of the terminal state are nobody's concern.
    for after_the_end in (0.0, 99.0):
        q[5] = after_the_end
        for double in (True, False):
            network = Linear(6, 4, bias=False, rng=np.random.default_rng(0), dtype=np.float64)
            network.load_state_dict({"weight": q.T})
            learner = DQN(network, discount=0.9, double=double, rng=np.random.default_rng(0))
            np.testing.assert_allclose(learner.targets(steps), q[states, actions], atol=1e-12)
            loss = learner.loss(steps)
            assert loss.item() == pytest.approx(0, abs=1e-20)


def test_two_networks_choose_and_value_apart() -> None:
    value, choose = [[1.0, 5.0, 3.0]], [[0.0, 1.0, 2.0]]
    assert dqn_targets([1.0], value, [False], discount=0.5).tolist() == [3.5]
    assert dqn_targets([1.0], value, [False], discount=0.5, choosing_values=choose).tolist() == [2.5]
    # The largest of noisy estimates of 0 is well above 0; chosen by one and valued by another, it is not.
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 4000, 6)).astype(np.float32)
    zeros, going = np.zeros(4000, np.float32), np.zeros(4000, bool)
    assert dqn_targets(zeros, one, going, discount=1.0).mean() > 1
    assert abs(dqn_targets(zeros, one, going, discount=1.0, choosing_values=other).mean()) < 5 / np.sqrt(4000)
    assert dqn_targets(zeros, one, going, discount=1.0).dtype == np.float32


def test_the_target_lags_and_gets_no_gradient() -> None:
    rng = np.random.default_rng(0)
    network = Linear(4, 4, rng=rng)
    learner = DQN(network, batch=8, target_every=3, method=Adam(0.1), rng=rng)
    before = network.weight.data.copy()
    environment = TabularEnvironment(grid_world(2, 2))
    learner.warm_up = 10**6
    learner.learn(environment, steps=30)
    for update in range(1, 7):
        learner.update()
        if update < 3:
            np.testing.assert_array_equal(learner.target.weight.data, before)
            assert (network.weight.data != before).any()
        elif update % 3 == 0:
            np.testing.assert_array_equal(learner.target.weight.data, network.weight.data)
            assert learner.target.weight is not network.weight
    assert learner.target.weight.grad is None


def test_a_cut_is_no_end_for_dqn() -> None:
    rng = np.random.default_rng(0)
    learner = DQN(Linear(1, 2, rng=rng), warm_up=10**6, rng=rng)
    curve = learner.learn(TimeLimit(Line(), 3), steps=7)
    assert curve.steps.tolist() == [3, 6]
    assert curve.returns.tolist() == [3.0, 3.0]
    kept = learner.buffer.sample(100, rng)
    assert not kept.terminated.any()
    assert set(kept.next_observations[:, 0]) == {1, 2, 3}
    np.testing.assert_array_equal(kept.next_observations, kept.observations + 1)


def test_errors_beyond_delta_pull_no_harder() -> None:
    predictions = tensor(np.array([-9.0, -0.5, 0.0, 2.0, 5.0]), requires_grad=True)
    huber_loss(predictions, np.zeros(5), delta=2.0).backward()
    np.testing.assert_allclose(predictions.grad, np.array([-2.0, -0.5, 0.0, 2.0, 2.0]) / 5)
    inside = tensor(np.array([0.3, -1.7]), requires_grad=True)
    assert gradcheck(lambda p: huber_loss(p, np.array([0.1, 1.0]), delta=1.5), inside)


def test_exploration_falls_and_stays() -> None:
    explore = LinearExploration(10, initial=0.9, final=0.1)
    assert [explore(0), explore(5), explore(10), explore(1000)] == pytest.approx([0.9, 0.5, 0.1, 0.1])
    rng = np.random.default_rng(0)
    network = Linear(1, 4, rng=rng).load_state_dict({"weight": np.zeros((4, 1)), "bias": [0.0, 0.0, 1.0, 0.0]})
    learner = DQN(network, exploration=LinearExploration(1, initial=0.4, final=0.4), rng=rng)
    counts = np.bincount([learner.act(np.zeros(1, np.float32)) for _ in range(2000)])
    # A random action may be the best one too.
    assert abs(counts[2] / 2000 - (0.6 + 0.1)) < 5 * np.sqrt(0.21 / 2000)


# ---- learning, against dynamic programming

WORLD = grid_world(3, 3, slip=0.1, discount=0.9)


def world() -> TimeLimit:
    return TimeLimit(TabularEnvironment(WORLD), 60)


def shortfall(network) -> float:
    """How much less the best actions in the eyes of a network earn than perfect ones, exactly."""
    chosen = network(Tensor(np.eye(9, dtype=np.float32))).data.argmax(axis=1)
    perfect = tabular.policy_iteration(WORLD).values[0]
    return perfect - tabular.policy_evaluation(WORLD, chosen)[0]


def learned_by_reinforce(seed: int = 0, episodes: int = 250):
    rng = np.random.default_rng(seed)
    policy, critic = Linear(9, 4, rng=rng), Linear(9, 1, rng=rng)
    learner = Reinforce(policy, critic, method=Adam(0.05), critic_method=Adam(0.1), discount=0.9, trace=0.9, rng=rng)
    return policy, learner.learn(world(), episodes=episodes, batch=2)


def learned_by_ppo(seed: int = 0, steps: int = 4000):
    rng = np.random.default_rng(seed)
    policy, critic = Linear(9, 4, rng=rng), Linear(9, 1, rng=rng)
    learner = PPO(policy, critic, method=Adam(0.02), discount=0.9, horizon=32, max_norm=5.0, rng=rng)
    return policy, learner.learn([world() for _ in range(8)], steps=steps)


def learned_by_dqn(seed: int = 0, steps: int = 2500):
    rng = np.random.default_rng(seed)
    network = Linear(9, 4, rng=rng)
    learner = DQN(
        network,
        method=Adam(0.02),
        discount=0.9,
        exploration=LinearExploration(1500, final=0.2),
        warm_up=200,
        update_every=2,
        target_every=30,
        rng=rng,
    )
    return network, learner.learn(world(), steps=steps)


@pytest.mark.parametrize("learn", [learned_by_reinforce, learned_by_ppo, learned_by_dqn])
def test_learned_policies_come_close_to_the_best(learn) -> None:
    network, curve = learn()
    # The best return is about -3.8; that of random walks about -9.4.
    assert shortfall(network) < 0.2
    assert curve.returns[-20:].mean() > curve.returns[:20].mean() + 2


@pytest.mark.parametrize(
    ("learn", "amount"), [(learned_by_reinforce, 12), (learned_by_ppo, 600), (learned_by_dqn, 400)]
)
def test_the_same_seed_learns_the_same(learn, amount: int) -> None:
    (one, curve), (again, same), (other, _) = (learn(seed, amount) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.weight.data, again.weight.data)
    np.testing.assert_array_equal(curve.returns, same.returns)
    assert (one.weight.data != other.weight.data).any()


@pytest.mark.slow
def test_a_pole_is_balanced() -> None:
    rng = np.random.default_rng(0)

    def network(outputs: int) -> Sequential:
        return Sequential(Linear(4, 32, rng=rng), tanh, Linear(32, outputs, rng=rng))

    policy = network(2)
    learner = PPO(policy, network(1), method=Adam(0.005), horizon=64, epochs=6, minibatch=128, rng=rng)
    learner.learn([TimeLimit(CartPole(), 500) for _ in range(8)], steps=14_000)
    # Random pushes last for about 22 steps.
    assert evaluate(policy, TimeLimit(CartPole(), 500), episodes=10, rng=rng).mean() > 250
