"""Graphs: ranks of nodes, likely links, random walks."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = ["edges", "link_prediction", "pagerank", "supervised_walks", "walks"]

__getattr__ = lazy_submodules(__name__, __all__)
