"""The pairs of `whitebox.flows`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import flows, reference

slow = reference.flows


@st.composite
def drawn(draw: st.DrawFn) -> tuple[int, Any]:
    """A seed of a flow's parameters, and rows."""
    d = draw(st.integers(1, 3))
    row = st.lists(st.floats(-4, 4).map(lambda a: round(a, 2)), min_size=d, max_size=d)
    return draw(st.integers(0, 2**32 - 1)), draw(st.lists(row, min_size=1, max_size=3))


def _planar(m: Any, rng: Any, d: int) -> Any:
    return m.Planar(rng.normal(size=d).tolist(), (2 * rng.normal(size=d)).tolist(), rng.normal())


def _radial(m: Any, rng: Any, d: int) -> Any:
    return m.Radial(rng.normal(size=d).tolist(), rng.normal(), 2 * rng.normal())


def _affine(m: Any, rng: Any, d: int) -> Any:
    return m.Affine(rng.normal(size=d).tolist(), rng.normal(size=d).tolist())


def _chain(m: Any, rng: Any, d: int) -> Any:
    return m.Chain([_planar(m, rng, d), _radial(m, rng, d), _affine(m, rng, d), _planar(m, rng, d)])


def _mapped(make: Any, seed: int, rows: Any) -> Any:
    flow = make(slow, np.random.default_rng(seed), len(rows[0]))
    told = [flow.forward(row) for row in rows]
    return [x for x, _ in told], [log_det for _, log_det in told], [flow.inverse(row) for row in rows]


def _fast(make: Any, seed: int, rows: Any) -> Any:
    flow = make(flows, np.random.default_rng(seed), len(rows[0]))
    return (*flow.forward(rows), flow.inverse(rows))


def _pair(name: str, make: Any) -> Pair:
    return Pair(
        f"flows.{name}",
        lambda seed, rows: _mapped(make, seed, rows),
        lambda seed, rows: _fast(make, seed, rows),
        drawn(),
        rtol=1e-7,
        atol=1e-7,
    )


PAIRS = [
    _pair("Affine", _affine),
    _pair("Planar", _planar),
    _pair("Radial", _radial),
    _pair("Chain", _chain),
    Pair(
        "flows.log_density",
        lambda seed, rows: [
            slow.log_density(_chain(slow, np.random.default_rng(seed), len(rows[0])), row) for row in rows
        ],
        lambda seed, rows: flows.log_density(_chain(flows, np.random.default_rng(seed), len(rows[0])), rows),
        drawn(),
        rtol=1e-6,
        atol=1e-6,
    ),
]
