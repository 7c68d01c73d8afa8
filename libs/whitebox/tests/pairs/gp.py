"""The pairs of `whitebox.gp`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import gp, reference

slow = reference.gp
PLACES = st.integers(-4, 4).map(lambda a: a / 2)
SCALES = st.sampled_from([0.5, 1.0, 3.0])


@st.composite
def rows(draw: st.DrawFn, fewest: int = 1) -> tuple[list[list[float]], list[float]]:
    """Rows, equal ones among them, and a length scale for each column."""
    d = draw(st.integers(1, 3))
    row = st.lists(PLACES, min_size=d, max_size=d)
    return draw(st.lists(row, min_size=fewest, max_size=5)), draw(st.lists(SCALES, min_size=d, max_size=d))


def _matrix(kernel: Any, X: Any) -> list[list[float]]:
    return [[kernel.value(x, z, i == j) for j, z in enumerate(X)] for i, x in enumerate(X)]


def _weights(n: int) -> Any:
    return np.cos(np.add.outer(np.arange(n), np.arange(n)))


def _slopes(kernel: Any, X: Any) -> list[float]:
    each = np.array([[kernel.slopes(x, z, i == j) for j, z in enumerate(X)] for i, x in enumerate(X)])
    return np.einsum("ij,ijp->p", _weights(len(X)), each).tolist()


def _kernel(name: str, make: Any) -> Pair:
    """Values, derivatives, and covariances across, of a kernel made of its module's parts."""
    return Pair(
        f"gp.kernels.{name}",
        lambda X, scale: (
            _matrix(make(slow, scale), X),
            _slopes(make(slow, scale), X),
            [[make(slow, scale).value(x, z) for z in X[:2]] for x in X],
        ),
        lambda X, scale: (
            make(gp, scale)(X),
            make(gp, scale).with_pullback(np.array(X))[1](_weights(len(X))),
            make(gp, scale)(X, X[:2]),
        ),
        rows(),
        rtol=1e-9,
        atol=1e-9,
    )


def _composite(m: Any, scale: list[float]) -> Any:
    return m.Sum(m.Product(m.Constant(1.5), m.Matern(scale, nu=2.5)), m.White(0.3))


def _told(X: Any, scale: Any, noise: float) -> Any:
    model = slow.GaussianProcessRegressor(_composite(slow, scale), noise).fit(X, [x[0] for x in X])
    each = [model.predict(x) for x in [*X, [9.0] * len(scale)]]
    return ([mean for mean, _ in each], [std for _, std in each], *model.log_marginal_likelihood())


def _fitted(X: Any, scale: Any, noise: float) -> Any:
    model = gp.GaussianProcessRegressor(_composite(gp, scale), noise, optimizer=None).fit(X, [x[0] for x in X])
    mean, std = model.predict([*X, [9.0] * len(scale)], return_std=True)
    return (mean, std, *model.log_marginal_likelihood(eval_gradient=True))


def _acquisition(name: str, *arguments: st.SearchStrategy[float]) -> Pair:
    return Pair(
        f"gp.{name}",
        lambda mean, std, *rest: [getattr(slow, name)(mean, std, *rest)],
        lambda mean, std, *rest: getattr(gp, name)([mean], [std], *rest),
        st.tuples(st.floats(-5, 5), st.one_of(st.just(0.0), st.floats(0.1, 3)), *arguments),
        rtol=1e-9,
        atol=1e-12,
    )


PAIRS = [
    _kernel("Constant", lambda m, scale: m.Constant(scale[0])),
    _kernel("White", lambda m, scale: m.White(scale[0])),
    _kernel("RBF", lambda m, scale: m.RBF(scale)),
    _kernel("Matern", lambda m, scale: m.Matern(scale)),
    _kernel("Matern (1/2)", lambda m, scale: m.Matern(scale, nu=0.5)),
    _kernel("Matern (5/2)", lambda m, scale: m.Matern(scale, nu=2.5)),
    _kernel("Sum", lambda m, scale: m.Sum(m.White(0.1), m.RBF(scale))),
    _kernel("Product", lambda m, scale: m.Product(m.Matern(scale), m.RBF(scale[::-1]))),
    _kernel("Product (of a constant and a sum)", _composite),
    Pair(
        "gp.GaussianProcessRegressor",
        lambda drawn, noise: _told(*drawn, noise),
        lambda drawn, noise: _fitted(*drawn, noise),
        st.tuples(rows(), st.sampled_from([1e-10, 0.1])),
        rtol=1e-6,
        atol=1e-7,
    ),
    _acquisition("expected_improvement", st.floats(-5, 5), st.floats(0, 1)),
    _acquisition("probability_of_improvement", st.floats(-5, 5), st.floats(0, 1)),
    _acquisition("upper_confidence_bound", st.floats(0, 5)),
]
