"""LoRA, in lists."""

from __future__ import annotations


class LoRALinear:
    """A frozen matrix and a change of low rank.

    Args:
        weight: Rows of W, m of d numbers.
        a: Rows of A, r of d numbers.
        b: Rows of B, m of r numbers.
        alpha: The scale in units of 1 / r.

    >>> layer = LoRALinear([[1.0, 0.0]], a=[[1.0, 1.0]], b=[[2.0]], alpha=0.5)
    >>> layer.forward([3.0, 4.0]), layer.merged()
    ([10.0], [[2.0, 1.0]])
    """

    def __init__(self, weight: list[list[float]], a: list[list[float]], b: list[list[float]], alpha: float) -> None:
        self.weight, self.a, self.b = weight, a, b
        self.scale = alpha / len(a)

    def forward(self, x: list[float]) -> list[float]:
        """W x + s B (A x)."""
        narrow = [_dot(row, x) for row in self.a]
        return [_dot(row, x) + self.scale * _dot(other, narrow) for row, other in zip(self.weight, self.b, strict=True)]

    def merged(self) -> list[list[float]]:
        """W + s B A."""
        columns = list(zip(*self.a, strict=True))
        return [
            [w + self.scale * _dot(other, list(column)) for w, column in zip(row, columns, strict=True)]
            for row, other in zip(self.weight, self.b, strict=True)
        ]


def _dot(x: list[float], y: list[float]) -> float:
    return sum(a * b for a, b in zip(x, y, strict=True))
