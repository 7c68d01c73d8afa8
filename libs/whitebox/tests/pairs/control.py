"""The pairs of `whitebox.rl`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from pairs.strategies import numbers
from whitebox import reference
from whitebox.autograd import Tensor
from whitebox.rl import dqn, ppo, returns, tabular, tree_search

slow = reference.rl


@st.composite
def processes(draw: st.DrawFn) -> tuple[Any, Any, float, Any]:
    """Transitions, rewards, discount, and probabilities of actions; ties and certainties among them."""
    states, actions = draw(st.integers(1, 4)), draw(st.integers(1, 3))

    def distribution(count: int) -> list[float]:
        shares = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count).filter(any))
        return [share / sum(shares) for share in shares]

    transitions = [[distribution(states) for _ in range(actions)] for _ in range(states)]
    rewards = [[float(draw(st.integers(-3, 3))) for _ in range(actions)] for _ in range(states)]
    policy = [distribution(actions) for _ in range(states)]
    return transitions, rewards, draw(st.sampled_from([0.0, 0.5, 0.9])), policy


@st.composite
def sequences(draw: st.DrawFn) -> tuple[Any, ...]:
    """Rewards, values, values after, ends and cuts, discount, trace."""
    count = draw(st.integers(1, 7))
    columns = [draw(st.lists(numbers(-10, 10), min_size=count, max_size=count)) for _ in range(3)]
    marks = [draw(st.lists(st.booleans(), min_size=count, max_size=count)) for _ in range(2)]
    share = st.sampled_from([0.0, 0.5, 0.95, 1.0])
    return (*columns, *marks, draw(share), draw(share))


@st.composite
def surrogates(draw: st.DrawFn) -> tuple[list[float], list[float], list[float], float]:
    """Two lists of log probabilities, advantages, and how far a ratio may go."""
    count = draw(st.integers(1, 6))
    logs = st.lists(st.floats(-3, 0), min_size=count, max_size=count)
    advantages = draw(st.lists(numbers(-10, 10), min_size=count, max_size=count))
    new = draw(logs)
    return new, draw(st.one_of(logs, st.just(new))), advantages, draw(st.sampled_from([0.1, 0.2, 1.5]))


@st.composite
def steps(draw: st.DrawFn) -> tuple[Any, ...]:
    """Rewards, values after, ends, discount, and values to choose by or none."""
    count, actions = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    row = st.lists(numbers(-10, 10), min_size=actions, max_size=actions)
    table = st.lists(row, min_size=count, max_size=count)
    return (
        draw(st.lists(numbers(-10, 10), min_size=count, max_size=count)),
        draw(table),
        draw(st.lists(st.booleans(), min_size=count, max_size=count)),
        draw(st.sampled_from([0.0, 0.9, 1.0])),
        draw(st.one_of(st.none(), table)),
    )


def _process(transitions: Any, rewards: Any, discount: float) -> tabular.MarkovDecisionProcess:
    return tabular.MarkovDecisionProcess(transitions, rewards, discount)


PAIRS = [
    Pair(
        "rl.tabular.policy_evaluation",
        slow.tabular.policy_evaluation,
        lambda P, R, discount, policy: tabular.policy_evaluation(_process(P, R, discount), policy),
        processes(),
        rtol=1e-10,
        atol=1e-12,
    ),
    Pair(
        "rl.tabular.action_values",
        lambda P, R, discount, policy: slow.tabular.action_values(P, R, discount, [row[0] for row in policy]),
        lambda P, R, discount, policy: tabular.action_values(_process(P, R, discount), [row[0] for row in policy]),
        processes(),
        rtol=1e-12,
        atol=1e-14,
    ),
    Pair(
        "rl.tabular.value_iteration",
        lambda P, R, discount, policy: slow.tabular.value_iteration(P, R, discount, 300)[0],
        lambda P, R, discount, policy: tabular.value_iteration(_process(P, R, discount), tol=1e-11).values,
        processes(),
        rtol=1e-9,
        atol=1e-10,
    ),
    Pair(
        "rl.returns.discounted_returns",
        lambda r, v, after, ends, cuts, discount, trace: slow.returns.discounted_returns(r, discount, v[0]),
        lambda r, v, after, ends, cuts, discount, trace: returns.discounted_returns(
            r, discount=discount, last_value=v[0]
        ),
        sequences(),
        rtol=1e-12,
        atol=1e-12,
    ),
    Pair(
        "rl.returns.generalized_advantages",
        lambda *drawn: slow.returns.generalized_advantages(*drawn[:5], discount=drawn[5], trace=drawn[6]),
        lambda *drawn: returns.generalized_advantages(*drawn[:5], discount=drawn[5], trace=drawn[6]),
        sequences(),
        rtol=1e-12,
        atol=1e-12,
    ),
    Pair(
        "rl.ppo.clipped_surrogate",
        slow.ppo.clipped_surrogate,
        lambda new, old, A, clip: ppo.clipped_surrogate(Tensor(np.array(new)), old, A, clip=clip).item(),
        surrogates(),
        rtol=1e-12,
        atol=1e-14,
    ),
    Pair(
        "rl.dqn.dqn_targets",
        slow.dqn.dqn_targets,
        lambda r, after, ends, discount, choosing: dqn.dqn_targets(
            r, after, ends, discount=discount, choosing_values=choosing
        ),
        steps(),
        rtol=1e-12,
        examples=100,  # two networks seldom disagree
    ),
    Pair(
        "rl.dqn.huber_loss",
        lambda r, after, ends, discount, choosing: slow.dqn.huber_loss(r, [row[0] for row in after], 0.5 + discount),
        lambda r, after, ends, discount, choosing: dqn.huber_loss(
            Tensor(np.array(r)), [row[0] for row in after], delta=0.5 + discount
        ).item(),
        steps(),
        rtol=1e-12,
        atol=1e-300,
    ),
    Pair(
        "rl.tree_search.ucb1",
        lambda value, prior, n, more, c: slow.tree_search.ucb1(value, n, n + more, c),
        lambda value, prior, n, more, c: tree_search.ucb1(value, n, n + more, exploration=c),
        st.tuples(st.floats(-1, 1), st.floats(0, 1), st.integers(0, 99), st.integers(1, 99), st.floats(0, 3)),
        rtol=1e-12,
    ),
    Pair(
        "rl.tree_search.puct",
        lambda value, prior, n, more, c: slow.tree_search.puct(value, prior, n, n + more, c),
        lambda value, prior, n, more, c: tree_search.puct(value, prior, n, n + more, exploration=c),
        st.tuples(st.floats(-1, 1), st.floats(0, 1), st.integers(0, 99), st.integers(1, 99), st.floats(0, 3)),
        rtol=1e-12,
        atol=1e-15,
    ),
]
