"""The pairs of `whitebox.information`."""

from __future__ import annotations

from hypothesis import strategies as st
from pairs.pair import Pair, both

cells = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.01, 10.0))
units = st.sampled_from(["nats", "bits"])


@st.composite
def weights(draw: st.DrawFn, count: int):
    size = draw(st.integers(1, 6))
    one = st.lists(cells, min_size=size, max_size=size).filter(any)
    return (*(draw(one) for _ in range(count)), draw(units))


@st.composite
def tables(draw: st.DrawFn):
    columns = draw(st.integers(1, 4))
    row = st.lists(cells, min_size=columns, max_size=columns)
    return draw(st.lists(row, min_size=1, max_size=4).filter(lambda table: any(map(any, table)))), draw(units)


def _pair(name: str, inputs: st.SearchStrategy) -> Pair:
    return Pair(f"information.{name}", *both(f"information.{name}"), inputs, rtol=1e-9, atol=1e-12)


PAIRS = [
    _pair("entropy", weights(1)),
    *(_pair(name, weights(2)) for name in ("cross_entropy", "kl_divergence", "js_divergence")),
    Pair("information.js_distance", *both("information.js_distance"), weights(2), rtol=1e-6, atol=1e-7),
    *(_pair(name, tables()) for name in ("joint_entropy", "conditional_entropy", "mutual_information")),
    Pair(
        "information.contingency",
        *both("information.contingency"),
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), min_size=1, max_size=9).map(
            lambda pairs: ([a for a, _ in pairs], [b for _, b in pairs])
        ),
    ),
]
