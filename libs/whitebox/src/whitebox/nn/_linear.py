"""Affine maps and lookups."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.autograd import Tensor, primitive, take
from whitebox.autograd._tensor import AnyArray, Part, Pullback
from whitebox.errors import DtypeError, RangeError, ShapeError
from whitebox.nn._module import Module, Parameter


@primitive
def linear(x: Any, weight: Any, bias: Any = None) -> tuple[AnyArray, Pullback]:
    r""":math:`x W^\top + b` for each vector of the last axis, in one product however many axes there are.

    Args:
        x: Shape (..., d).
        weight: Shape (m, d).
        bias: Shape (m,), or none.

    >>> linear(Tensor([[1.0, 2.0]]), Tensor([[1.0, 0.0], [1.0, 1.0]]), Tensor([0.0, 10.0])).data.tolist()
    [[1.0, 13.0]]
    """
    rows = x.reshape(-1, x.shape[-1])
    product = rows @ weight.T
    if bias is not None:
        product += bias

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        ends = g.reshape(-1, g.shape[-1])
        parts: tuple[Part, ...] = ((lambda: (ends @ weight).reshape(x.shape)), (lambda: ends.T @ rows))
        return parts if bias is None else (*parts, lambda: ends.sum(axis=0))

    return product.reshape(*x.shape[:-1], weight.shape[0]), pullback


class Linear(Module):
    r"""An affine map of the last axis, :math:`y = x W^\top + b`.

    Weights are drawn uniformly from :math:`\pm 1 / \sqrt d`, as PyTorch does (He et al. 2015 with gain
    :math:`1 / \sqrt 3`). O(n · d · m).

    Args:
        in_features: The d.
        out_features: The m.
        bias: Whether b is added.
        rng: Draws the weights.
        dtype: Their precision.

    >>> layer = Linear(2, 1, rng=np.random.default_rng(0))
    >>> layer.weight.shape, layer(Tensor(np.zeros((5, 2), np.float32))).shape
    ((1, 2), (5, 1))
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        bound = 1 / math.sqrt(positive_int(in_features, "in_features"))
        shape = (positive_int(out_features, "out_features"), in_features)
        self.weight = Parameter(rng.uniform(-bound, bound, shape).astype(dtype))
        self.bias = Parameter(rng.uniform(-bound, bound, out_features).astype(dtype)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """From (..., d) to (..., m).

        Raises:
            ShapeError: The last axis is not d long.
        """
        if x.shape[-1:] != self.weight.shape[1:]:
            raise ShapeError(f"Linear takes {self.weight.shape[1]} features on the last axis, got shape {x.shape}")
        return linear(x, self.weight) if self.bias is None else linear(x, self.weight, self.bias)


class Embedding(Module):
    """Rows of a table by number.

    Args:
        count: Rows of the table.
        dimensions: Numbers in a row.
        rng: Draws them from the standard normal distribution.
        dtype: Their precision.

    >>> table = Embedding(10, 4, rng=np.random.default_rng(0))
    >>> table(np.array([[1, 2, 1]])).shape
    (1, 3, 4)
    """

    def __init__(
        self, count: int, dimensions: int, *, rng: np.random.Generator, dtype: npt.DTypeLike = np.float32
    ) -> None:
        super().__init__()
        shape = (positive_int(count, "count"), positive_int(dimensions, "dimensions"))
        self.weight = Parameter(rng.standard_normal(shape).astype(dtype))

    def forward(self, numbers: npt.ArrayLike) -> Tensor:
        """From whole numbers of any shape to their rows, shape (*numbers.shape, dimensions).

        Raises:
            DtypeError: The numbers are not whole.
            RangeError: A number is no row of the table.
        """
        rows = np.asarray(numbers)
        if rows.dtype.kind not in "iu":
            raise DtypeError(f"rows are looked up by whole numbers, got dtype {rows.dtype}")
        if rows.size and not 0 <= rows.min() <= rows.max() < len(self.weight):
            raise RangeError(f"the table has {len(self.weight)} rows, asked for {rows.min()} to {rows.max()}")
        return take(self.weight, rows)
