"""Changed lines of a file for the eye, from a unified difference without context: `shown`, `Diff`. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Literal, NamedTuple

from conflicts.presentation import differences
from conflicts.presentation.differences import Line, Segment

MOST = 300
"""Lines shown of one file; the command line shows them all."""

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class DiffLine(NamedTuple):
    sign: Literal["-", "+"]
    number: int
    """In the file before it for a removed line, after it for an added one."""
    line: Line


class Diff(NamedTuple):
    hunks: tuple[tuple[DiffLine, ...], ...]
    removed: int
    added: int
    more: int
    """Lines that are not shown."""


def shown(lines: Sequence[str], most: int = MOST) -> Diff:
    """Hunk by hunk, a removed line and the added one in its place compared word by word."""
    signs = [line[:1] for line in lines]
    cut = list(lines)
    while sum(line[:1] != "@" for line in cut) > most:
        cut.pop()
    hunks = tuple(_hunk(*each) for each in _hunks(cut))
    told = sum(map(len, hunks))
    removed, added = signs.count("-"), signs.count("+")
    return Diff(hunks, removed, added, removed + added - told)


class _Hunk(NamedTuple):
    before: int
    """The first line of it in the file before."""
    after: int
    removed: list[str]
    added: list[str]


def _hunks(lines: Sequence[str]) -> list[_Hunk]:
    found: list[_Hunk] = []
    for line in lines:
        head = _HUNK.fullmatch(line)
        if head is not None:
            found.append(_Hunk(int(head[1]), int(head[2]), [], []))
        else:
            side = found[-1].removed if line.startswith("-") else found[-1].added
            side.append(line[1:])
    return found


def _hunk(before: int, after: int, removed: list[str], added: list[str]) -> tuple[DiffLine, ...]:
    out: list[DiffLine] = []
    into: list[DiffLine] = []
    for number, (old, new) in enumerate(zip_longest(removed, added)):
        line = differences.words(old or "", new or "")
        if old is not None:
            out.append(DiffLine("-", before + number, _side(line, "added", old)))
        if new is not None:
            into.append(DiffLine("+", after + number, _side(line, "removed", new)))
    return (*out, *into)


def _side(line: Line, without: str, text: str) -> Line:
    """The segments of one of the two lines; an empty line has an empty one."""
    return tuple(each for each in line if each.change != without) or (Segment("same", text),)
