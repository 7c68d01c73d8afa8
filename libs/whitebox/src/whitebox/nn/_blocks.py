"""What stands between layers that learn: dropout, flattening, and paths around them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from whitebox._validation import number_in
from whitebox.autograd import Tensor
from whitebox.autograd._tensor import AnyArray
from whitebox.errors import ShapeError
from whitebox.nn._module import Module, Sequential


class Dropout(Module):
    r"""Sets numbers to 0 at random in training; does nothing after `eval`.

    .. math:: y_i = \frac{m_i}{1 - p} x_i, \qquad m_i \sim \mathrm{Bernoulli}(1 - p)

    (Srivastava et al. 2014, in the inverted form: what stays is scaled up, so that the expected value is x and nothing
    has to be scaled in use). Each call draws anew. O(n).

    Args:
        p: Probability of becoming 0, from 0 to 1.
        rng: Draws what stays; the layer's own from now on.

    >>> layer = Dropout(0.5, rng=np.random.default_rng(0))
    >>> layer(Tensor([1.0, 1.0, 1.0, 1.0])).data.tolist(), layer.eval()(Tensor([1.0])).data.tolist()
    ([2.0, 2.0, 2.0, 0.0], [1.0])
    """

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator) -> None:
        super().__init__()
        self.p = number_in(p, "p", 0, 1)
        self.rng = rng

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        if not self.training or self.p == 0:
            return x
        kept = self.rng.random(x.shape, dtype=np.float32) >= self.p
        # Where all are dropped there is nothing to scale up.
        scaled: AnyArray = kept * x.dtype.type(1 / (1 - self.p) if self.p < 1 else 0)
        return x * scaled


class Flatten(Module):
    """All axes after the first as one: from (n, ...) to (n, d).

    >>> Flatten()(Tensor(np.zeros((2, 3, 4, 4)))).shape
    (2, 48)
    """

    def forward(self, x: Tensor) -> Tensor:
        """The same numbers.

        Raises:
            ShapeError: There is no axis.
        """
        if x.ndim == 0:
            raise ShapeError("Flatten takes a batch, (n, ...), not a single number")
        return x.reshape(len(x), math.prod(x.shape[1:]))


class Residual(Module):
    r"""Layers with a path around them, :math:`y = s(x) + f(x)` (He et al. 2016, eq. 1 and 2).

    The gradient of x is that of the result plus what comes through the layers: it does not die out however many such
    blocks there are.

    Args:
        layers: The f: modules or functions, one after the other.
        shortcut: The s; x itself by default. Where f changes the shape, so must s.

    >>> Residual(lambda x: 2 * x)(Tensor([1.0])).data.tolist()
    [3.0]
    """

    def __init__(self, *layers: Any, shortcut: Any = None) -> None:
        super().__init__()
        self.body = Sequential(*layers)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """From x to s(x) + f(x).

        Raises:
            ShapeError: Both have different shapes.
        """
        around: Tensor = x if self.shortcut is None else self.shortcut(x)
        through: Tensor = self.body(x)
        if around.shape != through.shape:
            raise ShapeError(
                f"a residual block adds equal shapes, got {around.shape} around and {through.shape} through"
            )
        return around + through
