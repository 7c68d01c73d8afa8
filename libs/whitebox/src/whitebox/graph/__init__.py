"""Graphs: ranks of nodes, likely links, random walks, networks that learn over edges."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = [
    "edges",
    "gcn",
    "graphsage",
    "link_prediction",
    "pagerank",
    "supervised_walks",
    "uncertainty",
    "walks",
]

__getattr__ = lazy_submodules(__name__, __all__)
