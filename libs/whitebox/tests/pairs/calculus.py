"""The pairs of `whitebox.calculus`. Both twins follow the same random formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import calculus, reference
from whitebox.reference.calculus import _functions as lists

slow = reference.calculus
COMPLEX = SimpleNamespace(exp=np.exp, sin=np.sin, cos=np.cos, tanh=np.tanh, arctan=np.arctan, log=np.log, sqrt=np.sqrt)
Formula = Callable[[Any, Sequence[Any]], Any]
UNARY = ("exp", "sin", "cos", "tanh", "arctan")


def _build(draw: st.DrawFn, depth: int) -> Formula:
    """An expression in the variables; its functions are looked up in the module it is given."""
    kind = draw(st.integers(0, 5)) if depth else 0
    if kind <= 1:
        place, constant = draw(st.integers(0, 9)), draw(st.sampled_from([-1.5, 0.5, 2.0]))
        return (lambda m, x: x[place % len(x)]) if kind == 0 else (lambda m, x: x[place % len(x)] * constant)
    left = _build(draw, depth - 1)
    if kind == 2:
        name = draw(st.sampled_from(UNARY))
        return lambda m, x: getattr(m, name)(0.3 * left(m, x))
    right = _build(draw, depth - 1)
    if kind == 3:
        return lambda m, x: left(m, x) * right(m, x) - 1.0
    if kind == 4:
        return lambda m, x: left(m, x) + right(m, x)
    # Denominators and arguments of logarithms stay away from zero.
    return lambda m, x: m.log(2.0 + m.exp(m.tanh(left(m, x)))) / m.sqrt(1.0 + right(m, x) * right(m, x))


@st.composite
def formulas(draw: st.DrawFn, count: int = 1) -> tuple[Any, ...]:
    """Formulas, and a point for them."""
    n = draw(st.integers(1, 3))
    point = draw(st.lists(st.floats(-1.5, 1.5).map(lambda x: round(x, 3)), min_size=n, max_size=n))
    drawn = [_build(draw, 3) for _ in range(count)]
    return (drawn if count > 1 else drawn[0]), point


def _told(result: Any) -> tuple[float, float]:
    return (result.value, result.derivative) if isinstance(result, lists.Dual) else (result, 0.0)


def _carried(result: Any) -> tuple[Any, Any]:
    return (result.value, result.first[0]) if isinstance(result, calculus.Dual) else (result, 0.0)


CLOSE = {"rtol": 1e-9, "atol": 1e-9}
PAIRS = [
    Pair(
        "calculus.dual.Dual",
        lambda f, x: _told(f(lists, [lists.Dual(x[0], 1.0), *x[1:]])),
        lambda f, x: _carried(f(np, [calculus.Dual(x[0], [1.0]), *x[1:]])),
        formulas(),
        **CLOSE,
    ),
    Pair(
        "calculus.derivative",
        lambda f, x: [slow.derivative(lambda z: f(lists, [z]), at) for at in x],
        lambda f, x: calculus.derivative(lambda z: f(np, [z]), x),
        formulas(),
        **CLOSE,
    ),
    Pair(
        "calculus.gradient",
        lambda f, x: slow.gradient(lambda z: f(lists, z), x),
        lambda f, x: calculus.gradient(lambda z: f(np, z), x),
        formulas(),
        **CLOSE,
    ),
    Pair(
        "calculus.jacobian",
        lambda fs, x: slow.jacobian(lambda z: [f(lists, z) for f in fs], x),
        lambda fs, x: calculus.jacobian(lambda z: [f(np, z) for f in fs], x),
        formulas(2),
        **CLOSE,
    ),
    Pair(
        "calculus.jacobian (complex)",
        lambda fs, x: slow.jacobian(lambda z: [f(lists, z) for f in fs], x),
        lambda fs, x: calculus.jacobian(lambda z: [f(COMPLEX, z) for f in fs], x, method="complex"),
        formulas(2),
        **CLOSE,
    ),
    Pair(
        "calculus.hessian",
        lambda f, x: slow.hessian(lambda z: f(lists, z), x),
        lambda f, x: calculus.hessian(lambda z: f(np, z), x),
        formulas(),
        **CLOSE,
    ),
    Pair(
        "calculus.central_difference",
        lambda f, x: [
            [slow.central_difference(lambda z: f(lists, [z]), at, 2.0**-10, order) for at in x] for order in (2, 4)
        ],
        lambda f, x: [
            calculus.central_difference(lambda z: f(np, [z]), x, step=2.0**-10, order=order) for order in (2, 4)
        ],
        formulas(),
        rtol=1e-8,
        atol=1e-8,
    ),
    Pair(
        "calculus.complex_step",
        lambda f, x: [slow.complex_step(lambda z: f(COMPLEX, [z]), at) for at in x],
        lambda f, x: calculus.complex_step(lambda z: f(np, [z]), x),
        formulas(),
        **CLOSE,
    ),
]
