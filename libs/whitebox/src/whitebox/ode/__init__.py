"""Ordinary differential equations: solvers, networks as their right-hand sides, and how sure their trajectories are."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["ensemble", "neural_ode", "runge_kutta"]

__getattr__ = lazy_submodules(__name__, __all__)
