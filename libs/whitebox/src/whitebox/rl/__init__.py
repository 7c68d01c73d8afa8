"""Reinforcement learning: exact dynamic programming, policy gradients, Q-learning, and search in trees of games."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = [
    "categorical",
    "dqn",
    "environments",
    "games",
    "ppo",
    "reinforce",
    "replay",
    "returns",
    "rollouts",
    "tabular",
    "tree_search",
]

__getattr__ = lazy_submodules(__name__, __all__)
