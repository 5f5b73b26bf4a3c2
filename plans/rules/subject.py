"""A plan as rules look at it: the document, and what several rules ask of it, worked out once.

Public: `Subject`, `Tally`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar

from plans.document import metadata
from plans.document.model import Document
from plans.document.text import display
from plans.outline import ROOT, Item, Kind, Status
from plans.rules.model import Facts, Fix, Found, Splice

T = TypeVar("T")

_ENDS = "\r\n"
_SHOWN = 60
_CODE = ("fence", "code")
_TASK, _CANCELLED, _DONE = Kind.TASK, Status.CANCELLED, Status.DONE
"""To look a member of an enum up takes longer than all else that is asked of most items."""


class Tally(NamedTuple):
    """Tasks that count below each item, by its position, and below the plan at the end; the hub counts so."""

    done: Sequence[int]
    total: Sequence[int]

    def percent(self, position: int) -> float:
        """The share that is done; 0 where there are no tasks."""
        total = self.total[position]
        return 100 * self.done[position] / total if total else 0.0


class Subject:
    """Items go by their position in the outline; lines are numbered from 0, in a `Found` from 1."""

    def __init__(
        self,
        document: Document,
        name: str = "",
        facts: Facts | None = None,
        known: frozenset[str] = frozenset(),
    ) -> None:
        self.document = document
        self.name = name
        self.facts = facts or Facts()
        self.known = known
        """Ids of all rules, those of the team's own included."""
        self.lines = document.lines
        self.plan = document.outline.plan
        self.items = document.outline.items
        self.spots = document.spots
        self._shared: dict[Callable[[Subject], Any], Any] = {}

    # ------------------------------------------------------------------------------------- the tree

    @cached_property
    def positions(self) -> dict[str, int]:
        """The position of each item by its key; that of the plan is -1, the end of every list here."""
        found = {item.key: position for position, item in enumerate(self.items)}
        found[ROOT] = -1
        return found

    @cached_property
    def parents(self) -> list[int]:
        """The position of each item's parent; -1 at the top level."""
        positions = self.positions
        return [positions[item.parent] for item in self.items]

    @cached_property
    def children(self) -> list[list[int]]:
        """The positions of the children of each item, and at the end those of the plan."""
        found: list[list[int]] = [[] for _ in range(len(self.items) + 1)]
        for position, parent in enumerate(self.parents):
            found[parent].append(position)
        return found

    @cached_property
    def tasks(self) -> list[int]:
        return [position for position, item in enumerate(self.items) if item.kind is Kind.TASK]

    @cached_property
    def phases(self) -> list[int]:
        return [position for position, item in enumerate(self.items) if item.kind is Kind.PHASE]

    @cached_property
    def depths(self) -> list[int]:
        """How many tasks are around each task, itself included; 0 for phases."""
        found: list[int] = [0] * (len(self.items) + 1)
        for position in self.tasks:
            found[position] = found[self.parents[position]] + 1
        return found

    @cached_property
    def sections(self) -> list[int]:
        """The phase that each item stands in, -1 for the plan itself."""
        found: list[int] = []
        items = self.items
        for parent in self.parents:
            found.append(parent if parent < 0 or items[parent].kind is Kind.PHASE else found[parent])
        return found

    @cached_property
    def tally(self) -> Tally:
        items, parents = self.items, self.parents
        done, total = [0] * (len(items) + 1), [0] * (len(items) + 1)
        for position in range(len(items) - 1, -1, -1):
            parent, status = parents[position], items[position].status
            if items[position].kind is _TASK and status != _CANCELLED:
                total[parent] += 1
                done[parent] += status == _DONE
            if total[position]:
                total[parent] += total[position]
                done[parent] += done[position]
        return Tally(done, total)

    def shared(self, make: Callable[[Subject], T]) -> T:
        """What `make` gives for this plan, made once for all rules."""
        if make not in self._shared:
            self._shared[make] = make(self)
        found: T = self._shared[make]
        return found

    # ------------------------------------------------------------------------------------- the lines

    @cached_property
    def whole(self) -> str:
        """The text of the file."""
        return "".join(self.lines)

    @cached_property
    def front_matter_end(self) -> int:
        return metadata.front_matter_end(self.lines)

    @cached_property
    def is_code(self) -> bytearray:
        """For each line, whether it is code."""
        found = bytearray(len(self.lines))
        for start, end, kind in self.document.regions:
            if kind in _CODE:
                found[start:end] = b"\1" * (end - start)
        return found

    @cached_property
    def preamble(self) -> list[int]:
        """The lines that speak of the plan itself: below its title, or before the first heading."""
        title = self.document.title_spot
        start = self.front_matter_end if title is None else title.line + 1
        first, tasks = len(self.lines), set()
        for spot in self.spots:
            if spot.level and spot.line >= start:
                first = spot.line
                break
            tasks.add(spot.text_line)
        return [line for line in range(start, first) if line not in tasks and not self.is_code[line]]

    @cached_property
    def _starts(self) -> list[int]:
        return list(accumulate(map(len, self.lines), initial=0))

    def lines_with(self, part: str, *, code: bool = False) -> Iterator[int]:
        """The lines that hold the text, ascending; those in code only if asked for."""
        whole, place, last = self.whole, self.whole.find(part), -1
        while place >= 0:
            line = bisect_right(self._starts, place) - 1
            if line != last and (code or not self.is_code[line]):
                yield line
            last = line
            place = whole.find(part, place + len(part))

    def body(self, line: int) -> str:
        return self.lines[line].rstrip(_ENDS)

    def end(self, line: int) -> str:
        """The line's end; where it has none, that of the line before."""
        found = self.lines[line][len(self.body(line)) :]
        return found or (self.end(line - 1) if line else "\n")

    # ------------------------------------------------------------------------------------- findings

    def label(self, item: Item) -> str:
        """What to call an item in a message."""
        text = f"{item.ref} {item.text}".strip()
        return f"“{text[: _SHOWN - 1]}…”" if len(text) > _SHOWN else f"“{text}”"

    def at(self, position: int, message: str, fix: Fix | None = None) -> Found:
        """A finding on what the item says."""
        spot = self.spots[position]
        return self.on(spot.text_line, message, spot.content, fix=fix)

    def on(self, line: int, message: str, start: int = 0, end: int = 0, *, fix: Fix | None = None) -> Found:
        """A finding on a line, from column `start` (0-based) to `end` or to the end of the text."""
        body = self.lines[line].rstrip(" \t" + _ENDS)
        start = start or len(body) - len(body.lstrip(" \t"))
        return Found(display(message), line + 1, start + 1, max(end or len(body), start + 1) + 1, 0, fix)

    def rewrite(self, title: str, lines: dict[int, str], *, safe: bool = False) -> Fix:
        """A fix that gives each of these lines another body."""
        return Fix(title, tuple(self._splice(line, body) for line, body in sorted(lines.items())), safe)

    def _splice(self, line: int, body: str) -> Splice:
        return Splice(line, line + 1, (body + self.lines[line][len(self.body(line)) :],))
