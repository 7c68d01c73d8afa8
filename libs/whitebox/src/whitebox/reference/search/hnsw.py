"""HNSW by the algorithms of the paper (Malkov, Yashunin 2018), with lists, sets and heaps of pairs."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

Vector = Sequence[float]


class HNSW:
    """A graph in layers, for the Euclidean metric.

    >>> index = HNSW(m=2, ef_construction=10)
    >>> index.add([[0.0], [1.0], [2.0], [9.0]], levels=[0, 1, 0, 0])
    >>> index.search([8.0], k=2, ef=4)
    [3, 2]
    """

    def __init__(self, m: int = 16, ef_construction: int = 200) -> None:
        self.m = m
        self.ef_construction = ef_construction
        self.vectors: list[Vector] = []
        self.layers: list[dict[int, list[int]]] = []
        self.entry_point = -1

    def add(self, vectors: Sequence[Vector], levels: Sequence[int]) -> None:
        """Algorithm 1 for each vector."""
        for vector, level in zip(vectors, levels, strict=True):
            new, top = len(self.vectors), len(self.layers) - 1
            self.vectors.append(vector)
            node = self.entry_point
            for layer in range(top, level, -1):
                node = self._search_layer(vector, node, 1, layer)[0][1]
            for layer in range(min(top, level), -1, -1):
                found = self._search_layer(vector, node, max(self.ef_construction, self.m), layer)
                node = found[0][1]
                links = self.layers[layer]
                links[new] = self._select(found, self.m)
                most = 2 * self.m if layer == 0 else self.m
                for other in links[new]:
                    links[other].append(new)
                    if len(links[other]) > most:
                        candidates = [(self._distance(self.vectors[other], x), x) for x in links[other]]
                        links[other] = self._select(sorted(candidates), most)
            while len(self.layers) <= level:
                self.layers.append({new: []})
                self.entry_point = new

    def search(self, query: Vector, k: int, ef: int) -> list[int]:
        """Algorithm 5."""
        node = self.entry_point
        for layer in range(len(self.layers) - 1, 0, -1):
            node = self._search_layer(query, node, 1, layer)[0][1]
        return [node for _, node in self._search_layer(query, node, max(ef, k), 0)[:k]]

    def _distance(self, query: Vector, node: int) -> float:
        return sum((a - b) ** 2 for a, b in zip(query, self.vectors[node], strict=True))

    def _search_layer(self, query: Vector, entry: int, ef: int, layer: int) -> list[tuple[float, int]]:
        """Algorithm 2: the ef nearest that were met, with their distances, nearest first."""
        visited, waiting = {entry}, [(self._distance(query, entry), entry)]
        found = list(waiting)
        while waiting:
            distance, node = heapq.heappop(waiting)
            if len(found) == ef and distance > found[-1][0]:
                break
            for neighbour in self.layers[layer][node]:
                if neighbour not in visited:
                    visited.add(neighbour)
                    pair = (self._distance(query, neighbour), neighbour)
                    if len(found) < ef or pair[0] < found[-1][0]:
                        heapq.heappush(waiting, pair)
                        found = sorted([*found, pair])[:ef]
        return found

    def _select(self, candidates: Sequence[tuple[float, int]], most: int) -> list[int]:
        """Algorithm 4: the nearest that are nearer to the node than to any that was chosen before."""
        chosen: list[int] = []
        for distance, node in candidates:
            if len(chosen) < most and all(self._distance(self.vectors[node], x) >= distance for x in chosen):
                chosen.append(node)
        return chosen
