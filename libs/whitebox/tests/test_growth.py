"""The benchmark of growth fits the exponents that are there, and draws the same figure from the same numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import growing


def test_the_slope_of_a_power_is_its_exponent() -> None:
    sizes = growing.doubling(10, 5)
    assert sizes == [10, 20, 40, 80, 160]
    for cost, exponent in ((growing.linear, 1), (growing.quadratic, 2), (growing.cubic, 3)):
        assert growing.slope(sizes, [7 * cost(size) for size in sizes]) == pytest.approx(exponent)
    assert 1 < growing.slope(sizes, [growing.linearithmic(size) for size in sizes]) < 1.5
    assert 0 < growing.slope(sizes, [growing.logarithmic(size) for size in sizes]) < 0.5


@pytest.mark.slow
# Ten steps of k-means are timed, however far from settled.
@pytest.mark.filterwarnings("ignore:no convergence")
def test_every_row_runs_and_the_figure_depends_on_its_numbers_alone(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("threadpoolctl")
    import growth

    rows = [row for row in growth.registry() if row.prepare(max(64, row.sizes[0] // 16))() is not None]
    assert len(rows) == len({row.name for row in rows}) > 15
    # As if the cost were just what is promised.
    measured = [growing.Grown(row, [1e-6 * row.cost(size) for size in row.sizes]) for row in rows]
    assert all(grown.measured == pytest.approx(grown.promised) for grown in measured)
    measured = measured[:3]
    for name in ("one.svg", "two.svg"):
        growth.draw(measured, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text()
    assert drawn == (tmp_path / "two.svg").read_text()
    assert all(grown.growth.name in drawn for grown in measured)
