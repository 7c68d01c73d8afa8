"""Graphs, in pure Python: a graph is a list that holds, for each node, the weight of the edge to each neighbour."""

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
