"""Products of a sparse matrix and a tensor, in the tensor's precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from whitebox.autograd import primitive
from whitebox.autograd._tensor import AnyArray, Pullback
from whitebox.errors import ShapeError
from whitebox.linalg.sparse import CSR


@primitive
def sparse_product(matrix: CSR, x: Any) -> tuple[AnyArray, Pullback]:
    """Shape (m, d) from (m, n) and (n, d); the gradient goes back through the transpose. O(nonzeros · d)."""
    return multiply(matrix, x), lambda g: (lambda: multiply(matrix.T, g),)


def multiply(matrix: CSR, x: AnyArray) -> AnyArray:
    """The product of arrays, in the precision of the dense one.

    Raises:
        ShapeError: if the inner dimensions differ.
    """
    if x.ndim != 2 or len(x) != matrix.shape[1]:
        raise ShapeError(f"the graph has {matrix.shape[1]} nodes, the features have shape {x.shape}")
    product = np.zeros((matrix.shape[0], x.shape[1]), x.dtype)
    filled = np.flatnonzero(np.diff(matrix.starts))
    if filled.size:
        moved = x[matrix.columns]
        moved *= matrix.values.astype(x.dtype)[:, None]
        product[filled] = np.add.reduceat(moved, matrix.starts[filled], axis=0)
    return product
