"""Reverse-mode differentiation over NumPy arrays (Linnainmaa 1976; Griewank, Walther: Evaluating Derivatives, 2008).

A tensor remembers which primitive made it, and from what; `Tensor.backward` walks that graph from the end to the
beginning and applies the chain rule once at each node. Each primitive stands beside its own derivative in
`whitebox.autograd.primitives`; everything else is made of them.
"""

from __future__ import annotations

from whitebox.autograd._checkpoint import checkpoint
from whitebox.autograd._gradcheck import gradcheck
from whitebox.autograd._tensor import Tensor, as_tensor, no_grad, primitive, tensor
from whitebox.autograd.primitives import (
    clip,
    concatenate,
    cos,
    einsum,
    erf,
    exp,
    gelu,
    log,
    log_sigmoid,
    log_softmax,
    logsumexp,
    maximum,
    minimum,
    pad,
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
    where,
)

__all__ = [
    "Tensor",
    "as_tensor",
    "checkpoint",
    "clip",
    "concatenate",
    "cos",
    "einsum",
    "erf",
    "exp",
    "gelu",
    "gradcheck",
    "log",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "maximum",
    "minimum",
    "no_grad",
    "pad",
    "primitive",
    "relu",
    "sigmoid",
    "silu",
    "sin",
    "softmax",
    "softplus",
    "sqrt",
    "stack",
    "take",
    "tanh",
    "tensor",
    "where",
]
