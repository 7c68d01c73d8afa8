"""Finite Markov decision processes: `transitions[s][a][t]`, `rewards[s][a]`, both 0 where an episode has ended."""

from __future__ import annotations

from collections.abc import Sequence

from whitebox.reference.linalg import solve

Table = Sequence[Sequence[float]]
Transitions = Sequence[Table]


def action_values(
    transitions: Transitions, rewards: Table, discount: float, values: Sequence[float]
) -> list[list[float]]:
    """What each action pays now, and what is expected after it.

    >>> action_values([[[1.0], [0.0]]], [[1.0, 5.0]], 0.5, [4.0])
    [[3.0, 5.0]]
    """
    return [
        [
            reward + discount * sum(p * v for p, v in zip(following, values, strict=True))
            for following, reward in zip(of_state, paid, strict=True)
        ]
        for of_state, paid in zip(transitions, rewards, strict=True)
    ]


def policy_evaluation(transitions: Transitions, rewards: Table, discount: float, policy: Table) -> list[float]:
    """The values v with v = R + discount · P v, under a policy's probabilities of actions, by elimination.

    >>> policy_evaluation([[[1.0]]], [[1.0]], 0.75, [[1.0]])
    [4.0]
    """
    states = range(len(rewards))
    system = [
        [(s == t) - discount * sum(p * transitions[s][a][t] for a, p in enumerate(policy[s])) for t in states]
        for s in states
    ]
    return solve(system, [sum(p * r for p, r in zip(policy[s], rewards[s], strict=True)) for s in states])


def value_iteration(
    transitions: Transitions, rewards: Table, discount: float, sweeps: int
) -> tuple[list[float], list[int]]:
    """Values after some sweeps that replace each value by that of the best action, and the best actions then.

    >>> value_iteration([[[1.0], [0.0]]], [[1.0, 5.0]], 0.5, 1)
    ([5.0], [1])
    """
    values = [0.0] * len(rewards)
    for _ in range(sweeps):
        values = [max(row) for row in action_values(transitions, rewards, discount, values)]
    best = action_values(transitions, rewards, discount, values)
    return values, [row.index(max(row)) for row in best]
