"""Where the tasks of a graph of dependencies are drawn: `drawing_of`. Pure.

Columns from left to right, each task in the column after all that it waits for; within a column near those
(the barycentre of Sugiyama, Tagawa and Toda 1981).
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import shorten, wrap
from typing import NamedTuple

from planning_sync.dashboard.graph_paths import Paths
from plans.outline import Item

BOX_WIDTH, BOX_HEIGHT = 208, 52
_GAP_X, _GAP_Y, _EDGE = 56, 16, 12
_LETTERS = 27
_SWEEPS = 4


class Box(NamedTuple):
    item: Item
    x: int
    y: int
    lines: tuple[str, ...]
    critical: bool
    ready: bool


class Arrow(NamedTuple):
    path: str
    """As SVG has it."""
    critical: bool


class Drawing(NamedTuple):
    width: int
    height: int
    boxes: list[Box]
    arrows: list[Arrow]


def drawing_of(paths: Paths, items: Mapping[str, Item]) -> Drawing:
    columns = _columns(paths)
    at = {
        key: (_EDGE + column * (BOX_WIDTH + _GAP_X), _EDGE + row * (BOX_HEIGHT + _GAP_Y))
        for column, keys in enumerate(columns)
        for row, key in enumerate(keys)
    }
    critical, ready = set(paths.critical), set(paths.ready)
    steps = set(zip(paths.critical, paths.critical[1:], strict=False))
    boxes = [
        Box(items[key], *at[key], _lines(items[key]), key in critical, key in ready) for key in paths.needs
    ]
    arrows = [
        Arrow(_curve(*at[before], *at[key]), (before, key) in steps)
        for key, needed in paths.needs.items()
        for before in needed
    ]
    rows = max(map(len, columns), default=0)
    width = 2 * _EDGE + len(columns) * (BOX_WIDTH + _GAP_X) - _GAP_X
    return Drawing(max(width, 0), 2 * _EDGE + rows * (BOX_HEIGHT + _GAP_Y) - _GAP_Y, boxes, arrows)


def _columns(paths: Paths) -> list[list[str]]:
    columns: list[list[str]] = [[] for _ in range(max(paths.layers.values(), default=-1) + 1)]
    for key in paths.needs:
        columns[paths.layers[key]].append(key)
    followers: dict[str, list[str]] = {key: [] for key in paths.needs}
    for key, needed in paths.needs.items():
        for before in needed:
            followers[before].append(key)
    for sweep in range(_SWEEPS):
        near: Mapping[str, list[str] | tuple[str, ...]] = followers if sweep % 2 else paths.needs
        rank = {key: row for keys in columns for row, key in enumerate(keys)}
        for keys in columns:
            keys.sort(key=lambda key: _middle(rank[key], [rank[each] for each in near[key]]))
    return columns


def _middle(own: int, rows: list[int]) -> float:
    return sum(rows) / len(rows) if rows else own


def _curve(x1: int, y1: int, x2: int, y2: int) -> str:
    """From the right side of one box to the left side of the other."""
    x1, y1, y2 = x1 + BOX_WIDTH, y1 + BOX_HEIGHT // 2, y2 + BOX_HEIGHT // 2
    bend = max(_GAP_X // 2, abs(x2 - x1) // 2)
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"


def _lines(item: Item) -> tuple[str, ...]:
    text = f"{item.ref} {item.text}".strip()
    first, *rest = wrap(text, _LETTERS) or [""]
    return (first, shorten(" ".join(rest), _LETTERS, placeholder=" …")) if rest else (first,)
