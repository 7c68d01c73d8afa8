"""Gradients held against differences of function values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from whitebox.autograd._tensor import Tensor
from whitebox.errors import DtypeError, GradientError


def gradcheck(
    function: Callable[..., Tensor], *inputs: Tensor, step: float = 1e-6, rtol: float = 1e-5, atol: float = 1e-7
) -> bool:
    r"""Compares the gradients of a function with central differences.

    For a random direction w of the output, each derivative of :math:`w \cdot f` is compared with
    :math:`(w \cdot f(x + h) - w \cdot f(x - h)) / 2h`. Two evaluations for each number in the inputs.

    Args:
        function: Takes the inputs, gives a tensor.
        inputs: In double precision; those that require a gradient are checked.
        step: The h, relative to numbers above 1.
        rtol: Allowed difference, relative to the derivative.
        atol: Allowed difference where the derivative is small.

    Returns:
        True.

    Raises:
        GradientError: A derivative differs; the message names the input, the place, and both values.
        DtypeError: An input that is checked is not in double precision, in which differences would say nothing.

    >>> from whitebox.autograd import exp, tensor
    >>> gradcheck(lambda x: exp(x) * x, tensor([0.5, -1.0], requires_grad=True))
    True
    """
    checked = [(number, one) for number, one in enumerate(inputs) if one.requires_grad]
    for number, one in checked:
        if one.dtype != np.float64:
            raise DtypeError(f"input {number} is {one.dtype}: differences need float64")
        one.zero_grad()
    result = function(*inputs)
    direction = np.random.default_rng(0).standard_normal(result.shape)
    result.backward(direction)
    for number, one in checked:
        expected = np.zeros(one.shape)
        kept = one.data
        for place in np.ndindex(one.shape):
            h = step * max(1.0, abs(float(kept[place])))
            values = []
            for sign in (1, -1):
                moved = kept.copy()
                moved[place] += sign * h
                one.data = moved
                values.append(float((function(*inputs).data * direction).sum()))
            expected[place] = (values[0] - values[1]) / (2 * h)
        one.data = kept
        found = np.zeros(one.shape) if one.grad is None else one.grad
        one.zero_grad()
        wrong = ~np.isclose(found, expected, rtol=rtol, atol=atol)
        if wrong.any():
            first = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise GradientError(
                f"input {number}, place {list(first)}: the gradient is {found[first]:.8g}, differences give "
                f"{expected[first]:.8g}"
            )
    return True
