"""The pairs of `whitebox.vi`. Both twins take the same draws."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import reference, vi

slow = reference.vi


def target(x: Any) -> tuple[Any, Any]:
    """Not normal, each unknown of another width."""
    width = np.arange(1, x.shape[1] + 1)
    return -np.log(np.cosh(x / width)).sum(axis=1) - 0.1 * (x**2).sum(axis=1), -np.tanh(x / width) / width - 0.2 * x


def on_lists(x: list[float]) -> tuple[float, list[float]]:
    values, slopes = target(np.array([x]))
    return float(values[0]), slopes[0].tolist()


@st.composite
def approximations(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """Means, a lower triangle, and draws."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d, s = draw(st.integers(1, 3)), draw(st.integers(2, 6))
    factor = np.tril(rng.standard_normal((d, d)))
    factor[np.diag_indices(d)] = np.exp(rng.standard_normal(d))
    return rng.standard_normal(d).tolist(), factor.tolist(), rng.standard_normal((s, d)).tolist()


def _log_diagonal(factor: Any) -> Any:
    return np.log(np.diag(factor)).tolist()


def _placed(q: Any, z: Any) -> Any:
    return [q.place(one) for one in z]


PAIRS = [
    Pair(
        "vi.MeanField",
        lambda mean, factor, z: _placed(slow.MeanField(mean, _log_diagonal(factor)), z),
        lambda mean, factor, z: vi.MeanField(mean, _log_diagonal(factor)).place(np.array(z)),
        approximations(),
        rtol=1e-10,
        atol=1e-10,
    ),
    Pair(
        "vi.FullRank",
        lambda mean, factor, z: _placed(slow.FullRank(mean, factor), z),
        lambda mean, factor, z: vi.FullRank(mean, factor).place(np.array(z)),
        approximations(),
        rtol=1e-10,
        atol=1e-10,
    ),
    Pair(
        "vi.elbo",
        lambda mean, factor, z: slow.elbo(slow.MeanField(mean, _log_diagonal(factor)), on_lists, z),
        lambda mean, factor, z: tuple(vi.elbo(vi.MeanField(mean, _log_diagonal(factor)), target, z)),
        approximations(),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "vi.elbo (full rank)",
        lambda mean, factor, z: slow.elbo(slow.FullRank(mean, factor), on_lists, z),
        lambda mean, factor, z: tuple(vi.elbo(vi.FullRank(mean, factor), target, z)),
        approximations(),
        rtol=1e-9,
        atol=1e-9,
    ),
]
