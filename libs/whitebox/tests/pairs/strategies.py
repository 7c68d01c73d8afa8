"""What hypothesis draws for many pairs."""

from __future__ import annotations

from hypothesis import strategies as st


def numbers(low: float = -1e3, high: float = 1e3) -> st.SearchStrategy[float]:
    """Numbers with ties, zeros and wide magnitudes among them."""
    return st.one_of(st.integers(-3, 3).map(float), st.floats(low, high, allow_subnormal=False))


@st.composite
def matrices(draw: st.DrawFn, elements: st.SearchStrategy[float], *, rows: int = 6, columns: int = 4, count: int = 1):
    """`count` matrices of the same width, as lists."""
    width = draw(st.integers(1, columns))
    row = st.lists(elements, min_size=width, max_size=width)
    drawn = tuple(draw(st.lists(row, min_size=1, max_size=rows)) for _ in range(count))
    return drawn if count > 1 else drawn[0]
