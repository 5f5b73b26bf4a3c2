"""Charts as SVG, drawn on the server: `line` and `bars` turn figures into shapes that a template writes out.

No Django here, and no text in the drawing: it is stretched to the width that there is, and the words stand
beside it in HTML. Coordinates run from 0 to `WIDTH` and, downwards, from 0 to `HEIGHT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 600.0, 100.0
_GAP = 0.25
"""Of the room for one bar, what stays free beside it."""


class Strip(NamedTuple):
    """The room of one figure from top to bottom, for the pointer to find it by."""

    x: float
    width: float


class Line(NamedTuple):
    path: str
    area: str
    """The same, closed along the bottom."""
    strips: tuple[Strip, ...]


class Bar(NamedTuple):
    series: int
    """Which of the figures stacked on each other: 0 is the lowest."""
    x: float
    y: float
    width: float
    height: float


class Bars(NamedTuple):
    bars: tuple[Bar, ...]
    strips: tuple[Strip, ...]
    top: int
    """What the height stands for."""


def line(values: Sequence[float], *, top: float) -> Line:
    """Through the middle of each strip; one figure alone is a level line."""
    if not values:
        return Line("", "", ())
    strips = _strips(len(values))
    points = [
        f"{strip.x + strip.width / 2:.1f} {_height(value, top):.1f}"
        for strip, value in zip(strips, values, strict=True)
    ]
    first, last = points[0].partition(" ")[2], points[-1].partition(" ")[2]
    path = " ".join((f"M0 {first}", *(f"L{point}" for point in points), f"L{WIDTH:.0f} {last}"))
    return Line(path, f"{path} L{WIDTH:.0f} {HEIGHT:.0f} L0 {HEIGHT:.0f} Z", strips)


def bars(stacks: Sequence[Sequence[int]]) -> Bars:
    """One bar for each stack of figures; none for a figure of 0."""
    top = rounded_up(max((sum(stack) for stack in stacks), default=0))
    strips = _strips(len(stacks))
    found = []
    for strip, stack in zip(strips, stacks, strict=True):
        below = 0
        for series, value in enumerate(stack):
            if value:
                y, base = _height(below + value, top), _height(below, top)
                width = strip.width * (1 - _GAP)
                found.append(
                    Bar(series, _short(strip.x + strip.width * _GAP / 2), y, _short(width), base - y)
                )
            below += value
    return Bars(tuple(found), strips, top)


def rounded_up(value: int) -> int:
    """The next number that reads well: 1, 2 or 5 with zeros; 1 at least."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if factor * step >= value:
                return factor * step
        step *= 10


def _strips(count: int) -> tuple[Strip, ...]:
    width = WIDTH / count if count else 0.0
    return tuple(Strip(_short(number * width), _short(width)) for number in range(count))


def _height(value: float, top: float) -> float:
    return _short(HEIGHT - HEIGHT * min(max(value / top, 0.0), 1.0)) if top else HEIGHT


def _short(value: float) -> float:
    return round(value, 2)
