"""What the scan of a file's blocks finds: `Blocks`, `Mark`, `WIDTH`, `each_mark`, `Region`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Mark(NamedTuple):
    """A task or a heading, in document order."""

    line: int
    """Line of the list marker, of the heading, or of the ballot sign."""
    text_line: int
    """Line of the box; for a setext heading, the line of its underline."""
    start: int
    """Column of the list marker, `#` or sign."""
    box: int
    """Column of the mark in the box or of the sign; -1 for a heading, and where a line end is the mark."""
    content: int
    level: int
    """1-6 for an ATX heading, -1 or -2 for a setext heading, 0 for a task."""
    owner: int
    """Index of the nearest task around it; -1 without one."""


class Region(NamedTuple):
    """Lines `start` to `end` (exclusive) that are not text."""

    start: int
    end: int
    kind: str
    """`fence`, `code`, `html` or `table`."""


class Blocks(NamedTuple):
    marks: list[int]
    """The numbers of all `Mark`s in a row: a tuple for each would be one more thing for the collector."""
    ends: dict[int, int]
    """For each task in a list, by its index in `marks`: just after the last line of its item."""
    regions: list[Region]
    continued: list[int]
    """Lines that go on with a paragraph begun above, ascending."""
    last: int
    """The last line that is not blank; -1 if all are."""
    broken_fences: list[tuple[int, int]]
    """(line, line of the fence) for each line in an open fence whose info string is exactly `plaintext`, and
    twice the line for a fence at the end of a ballot line."""
    doubtful_fences: list[Region]
    """The fences that the file's end closes, or in which another one with an info string seems to open."""


WIDTH = len(Mark._fields)
"""How many numbers make a mark."""


def each_mark(marks: list[int]) -> Iterator[tuple[int, int, int, int, int, int, int]]:
    """The marks as bare tuples."""
    numbers = iter(marks)
    return zip(*[numbers] * WIDTH, strict=True)
