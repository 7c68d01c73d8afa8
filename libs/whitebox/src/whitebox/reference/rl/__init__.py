"""Reinforcement learning, in pure Python: the formulas on lists."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["dqn", "ppo", "returns", "tabular", "tree_search"]

__getattr__ = lazy_submodules(__name__, __all__)
