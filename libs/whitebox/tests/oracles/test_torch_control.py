"""Losses of PPO and DQN, and all their gradients, against the formulas in PyTorch on the same weights."""

from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.autograd import Tensor, relu, tanh
from whitebox.nn import Linear, Module, Sequential
from whitebox.optimize.first_order import Adam
from whitebox.rl.categorical import log_probability
from whitebox.rl.dqn import DQN
from whitebox.rl.ppo import PPO
from whitebox.rl.reinforce import policy_gradient_loss
from whitebox.rl.replay import Transitions

torch = pytest.importorskip("torch")
SIZES = st.tuples(st.integers(2, 20), st.integers(1, 5), st.integers(2, 5), st.integers(0, 2**32 - 1))


def pair(inputs: int, outputs: int, activation, rng, dtype=np.float64) -> tuple[Module, object]:
    """A network, and PyTorch's with its weights."""
    ours = Sequential(Linear(inputs, 6, rng=rng, dtype=dtype), activation, Linear(6, outputs, rng=rng, dtype=dtype))
    layer = torch.nn.Tanh() if activation is tanh else torch.nn.ReLU()
    theirs = torch.nn.Sequential(torch.nn.Linear(inputs, 6), layer, torch.nn.Linear(6, outputs))
    theirs.to(torch.float64 if dtype == np.float64 else torch.float32)
    copy(ours, theirs)
    return ours, theirs


def copy(ours: Module, theirs) -> None:
    theirs.load_state_dict({name.removeprefix("layers."): torch.tensor(a) for name, a in ours.state_dict().items()})


def assert_same_gradients(ours: Module, theirs, rtol: float = 1e-9) -> None:
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(one.grad, other.grad.numpy(), rtol=rtol, atol=rtol)


@EXAMPLES
@given(SIZES, st.sampled_from([0.1, 0.3]), st.booleans())
def test_the_loss_of_ppo(sizes, clip: float, normalize: bool) -> None:
    count, inputs, actions, seed = sizes
    rng = np.random.default_rng(seed)
    policy, torch_policy = pair(inputs, actions, tanh, rng)
    critic, torch_critic = pair(inputs, 1, tanh, rng)
    learner = PPO(policy, critic, clip=clip, entropy_weight=0.07, value_weight=0.4, normalize=normalize, rng=rng)
    seen, advantages, returns = rng.normal(size=(count, inputs)), rng.normal(size=count), rng.normal(size=count)
    chosen = rng.integers(actions, size=count)
    old = log_probability(policy(Tensor(seen)), chosen).data + 0.3 * rng.normal(size=count)
    loss, parts = learner.loss(seen, chosen, old, advantages, returns)
    loss.backward()

    A = torch.tensor(advantages)
    if normalize:
        A = (A - A.mean()) / (A.std(unbiased=False) + 1e-8)
    distribution = torch.distributions.Categorical(logits=torch_policy(torch.tensor(seen)))
    ratio = (distribution.log_prob(torch.tensor(chosen)) - torch.tensor(old)).exp()
    objective = torch.min(ratio * A, ratio.clamp(1 - clip, 1 + clip) * A).mean()
    error = torch.nn.functional.mse_loss(torch_critic(torch.tensor(seen))[:, 0], torch.tensor(returns))
    entropy = distribution.entropy().mean()
    total = -objective + 0.4 * error - 0.07 * entropy
    total.backward()
    found = (loss.item(), parts.objective, parts.critic_loss, parts.entropy)
    np.testing.assert_allclose(
        found, [part.item() for part in (total, objective, error, entropy)], rtol=1e-9, atol=1e-12
    )
    assert_same_gradients(policy, torch_policy)
    assert_same_gradients(critic, torch_critic)


@EXAMPLES
@given(SIZES, st.booleans(), st.sampled_from([0.2, 1.0]))
def test_the_loss_of_dqn(sizes, double: bool, delta: float) -> None:
    count, inputs, actions, seed = sizes
    rng = np.random.default_rng(seed)
    network, theirs = pair(inputs, actions, relu, rng)
    learner = DQN(network, discount=0.9, double=double, delta=delta, rng=rng)
    lagging, their_lagging = pair(inputs, actions, relu, rng)
    learner.target.load_state_dict(lagging.state_dict())
    steps = Transitions(
        rng.normal(size=(count, inputs)),
        rng.integers(actions, size=count),
        rng.normal(size=count),
        rng.normal(size=(count, inputs)),
        rng.random(count) < 0.3,
    )
    loss = learner.loss(steps)
    loss.backward()

    seen, chosen, rewards, after, ended = (torch.tensor(part) for part in steps)
    with torch.no_grad():
        values = their_lagging(after)
        best = (theirs(after) if double else values).argmax(dim=1, keepdim=True)
        target = rewards + 0.9 * (1 - ended.to(torch.float64)) * values.gather(1, best)[:, 0]
    taken = theirs(seen).gather(1, chosen[:, None])[:, 0]
    total = torch.nn.functional.huber_loss(taken, target, delta=delta)
    total.backward()
    assert loss.item() == pytest.approx(total.item(), rel=1e-9)
    assert_same_gradients(network, theirs)
    assert all(one.grad is None for one in learner.target.parameters())


@EXAMPLES
@given(SIZES)
def test_the_loss_of_reinforce(sizes) -> None:
    count, inputs, actions, seed = sizes
    rng = np.random.default_rng(seed)
    policy, theirs = pair(inputs, actions, tanh, rng)
    seen, weights, chosen = rng.normal(size=(count, inputs)), rng.normal(size=count), rng.integers(actions, size=count)
    loss = policy_gradient_loss(policy(Tensor(seen)), chosen, weights, count=3)
    loss.backward()
    distribution = torch.distributions.Categorical(logits=theirs(torch.tensor(seen)))
    total = -(distribution.log_prob(torch.tensor(chosen)) * torch.tensor(weights)).sum() / 3
    total.backward()
    assert loss.item() == pytest.approx(total.item(), rel=1e-9, abs=1e-12)
    assert_same_gradients(policy, theirs)


def test_fifty_steps_of_dqn_stay_together_in_single_precision() -> None:
    rng = np.random.default_rng(0)
    network, theirs = pair(4, 3, tanh, rng, np.float32)
    learner = DQN(network, method=Adam(0.003), batch=16, target_every=10, max_norm=0.05, rng=rng)
    lagging = pair(4, 3, tanh, rng, np.float32)[1]
    copy(network, lagging)
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.003)
    for _ in range(60):
        seen, after = rng.normal(size=(2, 4)).astype(np.float32)
        learner.buffer.add(seen, int(rng.integers(3)), float(rng.normal()), after, bool(rng.random() < 0.2))
    for update in range(1, 51):
        # The draws that the learner is about to make.
        ahead = np.random.default_rng(0)
        ahead.bit_generator.state = rng.bit_generator.state
        seen, chosen, rewards, after, ended = (torch.tensor(part) for part in learner.buffer.sample(16, ahead))
        with torch.no_grad():
            best = theirs(after).argmax(dim=1, keepdim=True)
            target = rewards + 0.99 * (~ended) * lagging(after).gather(1, best)[:, 0]
        total = torch.nn.functional.huber_loss(theirs(seen).gather(1, chosen[:, None])[:, 0], target)
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.05)
        optimizer.step()
        if update % 10 == 0:
            lagging.load_state_dict(theirs.state_dict())
        assert learner.update() == pytest.approx(total.item(), rel=1e-4)
    for one, other in zip(network.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(one.data, other.detach().numpy(), rtol=1e-3, atol=1e-4)
