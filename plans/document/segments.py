"""A file's lines as a tree: each item with its own lines, what stands below it, and the gaps in between.

Public: `Tree`, `Node`, `Unsayable`.

Items are taken out, put in and moved as nodes; whatever is not touched gives its very lines back, so that
bytes outside an edit cannot change by construction.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from plans.document.model import Document, Spot
from plans.document.text import BOM, line_end
from plans.outline import ROOT, Item, Kind, Place

TAB_STOP = 4
_NOT_QUOTE = re.compile(r"[^ \t>]")
_BLANK = " \t\r\n"
_OPENS_BLOCK = re.compile(r"[ \t]*(?:[-*+>#|<]|```|~~~|\d{1,9}[.)]|[ \t]*$)")
_BULLETS = frozenset("-*+")
_NUMBER = re.compile(r"(\d{1,9})([.)])")


class Unsayable(Exception):
    """The file cannot say what was asked; nothing has been lost."""


@dataclass(slots=True, eq=False)
class Gap:
    """Lines of no item: blank ones between items, prose and plain list items among tasks."""

    lines: list[str]


@dataclass(slots=True, eq=False)
class Node:
    key: str
    kind: Kind
    lines: list[str]
    """The item's own lines."""
    level: int = 0
    """Heading level, 0 for a task."""
    prefix: str = ""
    """What stands before the marker: indentation and quote signs. Another item's marker counts as blanks."""
    start: int = 0
    """Column of the marker in the first line."""
    marker: str = ""
    """A task's list marker with the blanks after it; "" for a ballot line without one."""
    parts: list[Node | Gap] = field(default_factory=list)
    parent: Node | None = None
    is_new: bool = False
    """Whether its line is to end as its neighbours do."""

    def nodes(self) -> Iterator[Node]:
        """The node and all below it."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(part for part in reversed(node.parts) if isinstance(part, Node))

    def holders(self) -> Iterator[list[str]]:
        """The lists of lines of the node and of all below it, in order."""
        pending: list[Node | Gap] = [self]
        while pending:
            part = pending.pop()
            yield part.lines
            if isinstance(part, Node):
                pending.extend(reversed(part.parts))


class Tree:
    def __init__(
        self, document: Document, lines: Sequence[str], *, early: bool = False, closing: bool = False
    ) -> None:
        """The tree of a document whose lines have been edited one by one to `lines`.

        With `early`, the first task below an item goes before its body, which may end in code without an end.
        With `closing`, code that only the end of the file ends gets its fence where something comes after it.
        """
        self.early = early
        self.closing = closing
        self.has_mark = bool(lines) and lines[0].startswith(BOM)
        self.lines = [lines[0][1:], *lines[1:]] if self.has_mark else list(lines)
        self.unended = bool(lines) and not line_end(lines[-1])
        self.end = _usual_end(lines)
        self.title_level = document.title_spot.level if document.title_spot else 0
        self.root = Node(ROOT, Kind.PLAN, [], level=self.title_level)
        self.nodes: dict[str, Node] = {ROOT: self.root}
        self._grow(document)

    def _grow(self, document: Document) -> None:
        total = len(self.lines)
        open_nodes: list[tuple[Node, int]] = [(self.root, total)]
        cursor = 0
        first = document.spots[0].line if document.spots else total
        self.root.lines = self.lines[:first]
        cursor = first
        for item, spot in zip(document.outline.items, document.spots, strict=True):
            while open_nodes[-1][0].key != item.parent:
                node, end = open_nodes.pop()
                cursor = self._gap(node, cursor, end)
            parent = open_nodes[-1][0]
            cursor = self._gap(parent, cursor, spot.line)
            node = self._node(item, spot)
            node.parent = parent
            parent.parts.append(node)
            self.nodes[item.key] = node
            open_nodes.append((node, spot.end))
            cursor = spot.own_end
        while open_nodes:
            node, end = open_nodes.pop()
            cursor = self._gap(node, cursor, end)

    def _gap(self, node: Node, start: int, end: int) -> int:
        """Gives the lines from `start` to `end` to the node."""
        if end > start:
            node.parts.append(Gap(self.lines[start:end]))
        elif end < start:
            raise Unsayable("the items of this file do not nest line by line")
        return end

    def _node(self, item: Item, spot: Spot) -> Node:
        shift = 1 if self.has_mark and spot.line == 0 else 0
        start = spot.start - shift
        first = self.lines[spot.line]
        node = Node(item.key, item.kind, self.lines[spot.line : spot.own_end], spot.level, start=start)
        node.prefix = _NOT_QUOTE.sub(" ", first[:start])
        if item.kind is Kind.TASK:
            node.marker = _marker(first, start)
        return node

    # --------------------------------------------------------------------------------- taking out

    def detach(self, node: Node) -> None:
        """Takes the node with all below it out of the tree; blank lines around it do not pile up."""
        parent = node.parent
        assert parent is not None
        position = parent.parts.index(node)
        if self.closing and self._ends_at(parent, position + 1):
            node.parts.append(self._fence())
        before = parent.parts[position - 1] if position else parent
        del parent.parts[position]
        node.parent = None
        if isinstance(before, Node) and before is not parent:
            return
        following = self._lines_after(parent, position)
        if before is self.root and not before.lines:
            del following[: _leading_blanks(following)]
        spare = _trailing_blanks(before.lines)
        if following:
            spare = min(spare, _leading_blanks(following))
        if spare:
            del before.lines[-spare:]
        if isinstance(before, Gap) and not before.lines:
            parent.parts.remove(before)

    def _lines_after(self, parent: Node, position: int) -> list[str]:
        """The next lines that stand after the part before `position`, [] at the end of the file."""
        node: Node | None = parent
        while node is not None:
            for part in node.parts[position:]:
                if part.lines:
                    return part.lines
            above = node.parent
            position = above.parts.index(node) + 1 if above is not None else 0
            node = above
        return []

    def _ends_at(self, parent: Node, position: int) -> bool:
        """Whether nothing but blank lines stands after the part before `position`."""
        node: Node | None = parent
        while node is not None:
            if any(
                isinstance(part, Node) or not all(map(_is_blank, part.lines))
                for part in node.parts[position:]
            ):
                return False
            above = node.parent
            position = above.parts.index(node) + 1 if above is not None else 0
            node = above
        return True

    def _line_before(self, parent: Node, position: int) -> str:
        """The line that stands before the part at `position`, "" at the beginning of the file."""
        part: Node | Gap = parent
        if position:
            part = parent.parts[position - 1]
            while isinstance(part, Node) and part.parts:
                part = part.parts[-1]
        return part.lines[-1] if part.lines else ""

    # --------------------------------------------------------------------------------- putting in

    def place(self, node: Node, place: Place) -> None:
        """Puts a detached node in its place, in the manner of its new siblings."""
        parent = self.nodes[place.parent]
        siblings = [part for part in parent.parts if isinstance(part, Node) and part.kind is node.kind]
        after = self.nodes[place.after] if place.after else None
        if after is not None and after.parent is not parent:
            raise Unsayable("the item that it follows is not there")
        self.nodes[node.key] = node
        model = after or (siblings[0] if siblings else None)
        if node.kind is Kind.PHASE:
            self._set_level(node, model.level if model else parent.level + 1 if parent.level else 2)
        else:
            self._indent(node, parent, model, after=after is not None)
        node.parent = parent
        self._insert(node, parent, after, siblings)

    def _insert(self, node: Node, parent: Node, after: Node | None, siblings: list[Node]) -> None:
        if after is not None:
            position = parent.parts.index(after) + 1
        elif siblings:
            position = parent.parts.index(siblings[0])
        else:
            position = self._first_position(parent, node.kind)
        end = self._end_near(parent, position)
        if node.is_new:
            node.lines[0] = node.lines[0].rstrip("\r\n") + end
        blank = node.prefix.rstrip(" \t") + end if ">" in node.prefix else end
        if after is not None:
            count = _blanks_between(parent, siblings, after, node.kind)
            before, behind = [blank] * count, 0
            if node.kind is Kind.PHASE:
                behind = self._missing_blank(parent, position)
        elif siblings:
            before = []
            behind = _blanks_between(parent, siblings, siblings[0], node.kind)
        else:
            before = [blank] * self._missing_before(parent, position, node.kind)
            behind = 0 if parent.kind is Kind.TASK else self._missing_blank(parent, position)
        if self.closing and self._ends_at(parent, position):
            before = [*self._fence().lines, blank]
        new: list[Node | Gap] = [Gap(before)] if before else []
        new.append(node)
        if behind:
            new.append(Gap([blank] * behind))
        parent.parts[position:position] = new

    def _fence(self) -> Gap:
        return Gap(["```" + self.end])

    def _first_position(self, parent: Node, kind: Kind) -> int:
        """Where the first child of its kind goes: tasks below the item's own lines, phases at its end."""
        if kind is Kind.TASK:
            if self.early:
                _split_body(parent)
            return 0
        last = parent.parts[-1] if parent.parts else None
        if isinstance(last, Gap):
            blanks = _trailing_blanks(last.lines)
            if blanks == len(last.lines):
                return len(parent.parts) - 1
            if blanks:
                parent.parts.append(Gap(last.lines[-blanks:]))
                del last.lines[-blanks:]
                return len(parent.parts) - 1
        return len(parent.parts)

    def _missing_before(self, parent: Node, position: int, kind: Kind) -> int:
        """1 where a blank line must be put before a new first child."""
        if kind is Kind.TASK and parent.kind is Kind.TASK:
            return 0
        before = self._line_before(parent, position)
        return 1 if before and not _is_blank(before) else 0

    def _missing_blank(self, parent: Node, position: int) -> int:
        following = self._lines_after(parent, position)
        return 1 if following and not _is_blank(following[0]) else 0

    def _end_near(self, parent: Node, position: int) -> str:
        """The line end of the line before, else of the next one, else the file's usual one."""
        following = self._lines_after(parent, position)
        return line_end(self._line_before(parent, position)) or line_end("".join(following[:1])) or self.end

    # --------------------------------------------------------------------------------- dialect

    def _set_level(self, node: Node, level: int) -> None:
        """Shifts the levels of a section's headings."""
        shift = level - node.level
        if not shift:
            return
        for heading in node.nodes():
            if heading.kind is not Kind.PHASE:
                continue
            line = heading.lines[0]
            if not 1 <= heading.level + shift <= 6 or not line.startswith("#", heading.start):
                raise Unsayable("there is no heading of that level")
            hashes = "#" * (heading.level + shift)
            heading.lines[0] = line[: heading.start] + hashes + line[heading.start + heading.level :]
            heading.level += shift

    def _indent(self, node: Node, parent: Node, model: Node | None, *, after: bool) -> None:
        """Gives a task the indentation and marker of its new siblings, or of a first child."""
        if model is not None:
            prefix, marker = model.prefix, _following_marker(model.marker, 1 if after else 0)
        else:
            prefix = "" if parent.kind is not Kind.TASK else parent.prefix + self.step(parent)
            marker = _NUMBER.sub(r"1\2", node.marker)
        if bool(marker) != bool(node.marker):
            marker = node.marker
        if (prefix, marker) != (node.prefix, node.marker) or node.start != len(prefix):
            _reindent(node, prefix, marker)

    def step(self, parent: Node) -> str:
        """The indentation of a child below its parent, as the file has it where that is still a child."""
        width = len(parent.marker.expandtabs(TAB_STOP)) or 2
        steps: Counter[str] = Counter()
        for node in self.nodes.values():
            above = node.parent
            if above is not None and above.kind is Kind.TASK and node.prefix.startswith(above.prefix):
                steps[node.prefix[len(above.prefix) :]] += 1
        for step, _ in steps.most_common():
            if ">" not in step and width <= len(step.expandtabs(TAB_STOP)) < width + TAB_STOP:
                return step
        return " " * width

    def usual_marker(self, parent: Node) -> str:
        """The list marker of a first task below `parent`."""
        markers: Counter[str] = Counter()
        for node in self.nodes.values():
            if node.kind is Kind.TASK and node.parent is not None and node.marker:
                markers[node.marker] += 1 if node.parent.kind is parent.kind else 0
        return next(
            (marker for marker, count in markers.most_common() if count and marker[0] in _BULLETS), "- "
        )

    # --------------------------------------------------------------------------------- the lines again

    def text(self) -> str:
        """The file's text."""
        lines = [line for holder in self.root.holders() for line in holder]
        for position in range(len(lines) - 1):
            if not line_end(lines[position]):
                lines[position] += self.end
        if lines and self.unended:
            last = lines[-1]
            if last is not self.lines[-1] and last not in self.lines:
                lines[-1] = last[: len(last) - len(line_end(last))]
        return (BOM if self.has_mark else "") + "".join(lines)


def _split_body(parent: Node) -> None:
    """Makes the lines below the item's text a gap."""
    lines = parent.lines
    body = next(
        (number for number, line in enumerate(lines) if number and _OPENS_BLOCK.match(line)), len(lines)
    )
    if body < len(lines):
        parent.parts.insert(0, Gap(lines[body:]))
        del lines[body:]


def _usual_end(lines: Sequence[str]) -> str:
    ends = Counter(line_end(line) for line in lines)
    del ends[""]
    return ends.most_common(1)[0][0] if ends else "\n"


def _marker(line: str, start: int) -> str:
    """The list marker at column `start` with the blanks after it, "" where there is none."""
    if line[start : start + 1] in _BULLETS:
        end = start + 1
    else:
        number = _NUMBER.match(line, start)
        if number is None:
            return ""
        end = number.end()
    stop = end
    while stop < len(line) and line[stop] in " \t":
        stop += 1
    return line[start:stop]


def _following_marker(marker: str, further: int) -> str:
    """The marker of the item after (or, by 0, in the place of) one with that marker."""
    number = _NUMBER.match(marker)
    return str(int(number[1]) + further) + marker[number.end(1) :] if number else marker


def _is_blank(line: str) -> bool:
    return not line.strip(" \t\r\n>")


def _leading_blanks(lines: Sequence[str]) -> int:
    return next((count for count, line in enumerate(lines) if not _is_blank(line)), len(lines))


def _trailing_blanks(lines: Sequence[str]) -> int:
    return _leading_blanks(lines[::-1])


def _blanks_between(parent: Node, siblings: list[Node], near: Node, kind: Kind) -> int:
    """How many blank lines stand between the siblings next to `near`."""
    position = siblings.index(near)
    for left in (position, position - 1):
        if 0 <= left < len(siblings) - 1:
            start, end = parent.parts.index(siblings[left]), parent.parts.index(siblings[left + 1])
            between = [line for part in parent.parts[start + 1 : end] for line in part.lines]
            if all(map(_is_blank, between)):
                return max(len(between), 1 if kind is Kind.PHASE else 0)
    return 1 if kind is Kind.PHASE else 0


def _reindent(node: Node, prefix: str, marker: str) -> None:
    """Moves the node's block under another prefix and marker, fenced code and all."""
    wider = len(marker) - len(node.marker)
    old, new = node.prefix + " " * -wider, prefix + " " * wider
    width = len(old.expandtabs(TAB_STOP))
    for below in node.nodes():
        if below is not node:
            moved = _under(below.prefix + ".", old, width, new)[:-1]
            below.start += len(moved) - len(below.prefix)
            below.prefix = moved
    first = True
    for lines in node.holders():
        for position, line in enumerate(lines):
            if first:
                lines[position] = prefix + marker + line[node.start + len(node.marker) :]
                first = False
            else:
                lines[position] = _under(line, old, width, new)
    node.prefix, node.start, node.marker = prefix, len(prefix), marker


def _under(line: str, old: str, width: int, prefix: str) -> str:
    """A line of a block that moves from the prefix `old` to `prefix`."""
    if not line.strip(_BLANK):
        return prefix.rstrip(" \t") + line if ">" in prefix else line
    if line.startswith(old):
        return prefix + line[len(old) :]
    if _is_blank(line):
        return prefix.rstrip(" \t") + line_end(line)
    text = line.lstrip(" \t>" if ">" in old else " \t")
    indent = len(line[: len(line) - len(text)].expandtabs(TAB_STOP))
    return prefix + " " * max(0, indent - width) + text
