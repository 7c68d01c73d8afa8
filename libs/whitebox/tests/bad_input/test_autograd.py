"""What `whitebox.autograd` does with what it should not be given."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox import autograd
from whitebox.autograd import (
    Tensor,
    as_tensor,
    checkpoint,
    clip,
    concatenate,
    cos,
    einsum,
    erf,
    exp,
    gelu,
    gradcheck,
    log,
    log_sigmoid,
    log_softmax,
    logsumexp,
    maximum,
    minimum,
    no_grad,
    pad,
    primitive,
    relu,
    sigmoid,
    silu,
    sin,
    softmax,
    softplus,
    sqrt,
    stack,
    take,
    tanh,
    tensor,
    where,
)  # fmt: skip
from whitebox.autograd.primitives import (
    absolute,
    add,
    astype,
    broadcast_to,
    divide,
    getitem,
    matmul,
    multiply,
    negative,
    power,
    reduce_max,
    reduce_mean,
    reduce_sum,
    reshape,
    subtract,
    transpose,
)  # fmt: skip
from whitebox.errors import DtypeError, GradientError, RangeError, ShapeError

REFUSED = [
    ("words", partial(Tensor, ["a"]), DtypeError, "real numbers"),
    ("complex numbers", partial(tensor, [1j]), DtypeError, "complex"),
    ("a gradient of whole numbers", partial(tensor, [1], requires_grad=True), DtypeError, "floating-point"),
    ("no graph", lambda: as_tensor([1.0]).backward(), GradientError, "nothing"),
    ("a number as a matrix", partial(matmul, tensor([1.0]), tensor(2.0)), ShapeError, "matmul"),
    ("an einsum without a result", partial(einsum, "ij", [tensor([[1.0]])]), RangeError, "with a result"),
    ("an einsum with an ellipsis", partial(einsum, "...i->i", [tensor([1.0])]), RangeError, "with a result"),
    ("a check in single precision", lambda: gradcheck(exp, Tensor(np.ones(1, "f4"), True)), DtypeError, "float64"),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


EMPTY = tensor(np.empty((0, 3)), requires_grad=True)
ELEMENTWISE = (
    cos, erf, exp, gelu, log, log_sigmoid, relu, sigmoid, silu, sin, softplus, sqrt, tanh, absolute, negative,
    log_softmax, softmax, partial(clip, low=0.0, high=1.0), partial(power, exponent=2.0), partial(astype, dtype="f4"),
    partial(pad, widths=[(0, 0), (0, 0)]), partial(where, True, y=1.0), partial(maximum, y=0.0), partial(minimum, y=0.0),
    partial(add, y=1.0), partial(subtract, y=1.0), partial(multiply, y=2.0), partial(divide, y=2.0),
    partial(broadcast_to, shape=(0, 3)), partial(reshape, shape=(0, 3)), partial(transpose, axes=(0, 1)),
    partial(getitem, index=slice(None)), lambda x: concatenate([x, x]), lambda x: take(x, np.empty((0,), int)),
    lambda x: checkpoint(exp, x),
)  # fmt: skip


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_nothing_in_gives_nothing_out_forwards_and_backwards(function) -> None:
    EMPTY.zero_grad()
    result = function(EMPTY)
    assert result.shape == (0, 3)
    result.backward(np.empty((0, 3)))
    assert EMPTY.grad.shape == (0, 3)


WORKS = [
    ("a sum of nothing", lambda: reduce_sum(EMPTY).item(), 0.0),
    ("a mean of one", lambda: reduce_mean(tensor([3.0])).item(), 3.0),
    ("the largest of equals", lambda: reduce_max(tensor([2.0, 2.0])).item(), 2.0),
    ("one to stack", lambda: stack([tensor([1.0])]).data, [[1.0]]),
    ("the log-sum of one", lambda: logsumexp(tensor([5.0])).item(), 5.0),
    ("infinitely unlikely", lambda: softmax(tensor([0.0, -np.inf])).data, [1.0, 0.0]),
    ("no history", lambda: no_grad().__enter__(), None),
    ("a primitive of its own", lambda: primitive(lambda x: (x, lambda g: (g,)))(tensor([1.0])).data, [1.0]),
]


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    try:
        assert plain(call()) == expected
    finally:
        autograd._tensor._mode.recording = True
