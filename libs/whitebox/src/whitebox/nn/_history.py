"""What training went through, epoch by epoch, as numbers and as curves."""

from __future__ import annotations

import csv
import html
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from whitebox.errors import EmptyInputError, RangeError, StateError

_COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#8a6d3b", "#6a4c93", "#444444")
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 480, 280, 56, 28, 16, 40


class History:
    """A row of named numbers for each epoch.

    Attributes:
        rows: What each epoch came to, in order.

    >>> history = History()
    >>> history.append({"epoch": 1, "loss": 0.5})
    >>> history.append({"epoch": 2, "loss": 0.25})
    >>> history["loss"], len(history)
    ([0.5, 0.25], 2)
    """

    def __init__(self, rows: Sequence[Mapping[str, float]] = ()) -> None:
        self.rows: list[dict[str, float]] = [dict(row) for row in rows]

    def append(self, row: Mapping[str, float]) -> None:
        """Adds what an epoch came to."""
        self.rows.append(dict(row))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> list[float]:
        """One number of every epoch that has it.

        Raises:
            RangeError: None has.
        """
        values = [row[name] for row in self.rows if name in row]
        if not values:
            raise RangeError(f"no epoch has {name!r}; there are: {', '.join(self.names()) or 'none'}")
        return values

    def names(self) -> list[str]:
        """What the numbers are called, in the order in which they came up."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def to_json(self) -> str:
        """All rows, as a JSON list.

        >>> History([{"epoch": 1, "loss": 0.5}]).to_json()
        '[{"epoch": 1, "loss": 0.5}]'
        """
        return json.dumps(self.rows)

    @classmethod
    def from_json(cls, text: str) -> History:
        """Reads what `to_json` wrote.

        Raises:
            StateError: It is something else.
        """
        try:
            rows = json.loads(text)
            return cls([{str(name): value + 0 for name, value in row.items()} for row in rows])
        except (ValueError, TypeError, AttributeError) as error:
            raise StateError(f"no history: {error}") from error

    def save_csv(self, path: str | Path) -> None:
        """Writes a line an epoch, under the names; what an epoch lacks is left empty."""
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.names(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def to_svg(self, names: Sequence[str] | None = None, *, title: str = "") -> str:
        """Numbers over epochs as curves, in one drawing with one scale; the same history gives the same text.

        Args:
            names: Which; all whose names hold "loss" by default.
            title: Above the curves.

        Raises:
            EmptyInputError: There is nothing to draw.
            RangeError: No epoch has one of the numbers.

        >>> History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]).to_svg(title="curves")[:5]
        '<svg '
        """
        drawn = [name for name in self.names() if "loss" in name] if names is None else list(names)
        return _drawn({name: list(self._points(name)) for name in drawn}, title)

    def save_svg(self, path: str | Path, names: Sequence[str] | None = None, *, title: str = "") -> None:
        """Writes what `to_svg` gives, with its arguments and errors."""
        Path(path).write_text(self.to_svg(names, title=title), encoding="utf-8")

    def _points(self, name: str) -> Iterator[tuple[float, float]]:
        self[name]
        for place, row in enumerate(self.rows, start=1):
            if math.isfinite(row.get(name, math.nan)):
                yield row.get("epoch", place), row[name]


def _drawn(curves: Mapping[str, Sequence[tuple[float, float]]], title: str) -> str:
    points = [point for curve in curves.values() for point in curve]
    if not points:
        raise EmptyInputError("no curve has a point to draw")
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    ticks = _ticks(min(y for _, y in points), max(y for _, y in points))
    low, high = ticks[0], ticks[-1]

    def across(x: float) -> float:
        share = (x - left) / (right - left) if right > left else 0.5
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def down(y: float) -> float:
        return round(_HEIGHT - _BOTTOM - (y - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="11">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="16" font-size="12" font-weight="bold">{html.escape(title)}</text>',
    ]
    for tick in ticks:
        y = down(tick)
        lines.append(f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="#dddddd"/>')
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4:g}" text-anchor="end">{tick:g}</text>')
    # Whole epochs, as far from both ends as their numbers are wide.
    margin = 0.08 * (right - left)
    between = [x for x in _ticks(left, right) if left + margin < x < right - margin and x == int(x)]
    for x in sorted({left, right, *between}):
        place = across(x)
        lines.append(f'<text x="{place}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{x:g}</text>')
    lines.append(f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:g}" y="{_HEIGHT - 6}" text-anchor="middle">epoch</text>')
    for place, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        path = " ".join(f"{across(x)},{down(y)}" for x, y in curve)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        if len(curve) == 1:
            lines.append(f'<circle cx="{across(curve[0][0])}" cy="{down(curve[0][1])}" r="2.5" fill="{colour}"/>')
        y = _TOP + 12 + 14 * place
        lines.append(
            f'<text x="{_WIDTH - _RIGHT - 6}" y="{y}" text-anchor="end" fill="{colour}">{html.escape(name)}</text>'
        )
    return "\n".join([*lines, "</svg>\n"])


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers at equal distances that enclose the values: 1, 2 or 5 times a power of ten apart."""
    width = (high - low) or abs(low) or 1.0
    power = 10.0 ** math.floor(math.log10(width / 4))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= width / 5)
    first = math.floor(low / step)
    count = max(math.ceil(high / step) - first, 1)
    return [float(f"{(first + number) * step:.12g}") for number in range(count + 1)]
