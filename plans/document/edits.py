"""Edits of single lines: an item's fields set in its own spelling.

Public: `LineEditor`, `NewLines`. What a line cannot say is left undone and named in the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType

from plans.document import inline, metadata
from plans.document.model import Document, Spot
from plans.document.segments import Node, Tree, Unsayable
from plans.document.spelling import Habits, learn_habits, write_heading, write_task
from plans.document.text import display, line_end, undisplay
from plans.outline import FIELDS, Item, Kind, Place, Status, Value, value

_BLANK = " \t\r\n"
_FAMILIES: tuple[Mapping[str, tuple[str, ...]], ...] = (
    MappingProxyType({Status.TODO: ("☐",), Status.DONE: ("☑", "☒", "✅")}),
    MappingProxyType({Status.TODO: ("â˜\x90", "â˜"), Status.DONE: ("â˜‘", "â˜’", "âœ…")}),
)
"""Ballot signs, and the same read as cp1252: a file keeps to the family that it is written in."""


_SIGNS = tuple((sign, family) for family in _FAMILIES for signs in family.values() for sign in signs)


def _sign_at(line: str, column: int) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """The ballot sign at a column and its family."""
    found = [(sign, family) for sign, family in _SIGNS if line.startswith(sign, column)]
    return max(found, key=lambda candidate: len(candidate[0]), default=("", {}))


class LineEditor:
    """Sets fields in a copy of a document's lines; no line is added or taken away."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.lines = list(document.lines)

    @cached_property
    def positions(self) -> dict[str, int]:
        return {item.key: position for position, item in enumerate(self.document.outline.items)}

    def spot(self, key: str) -> Spot:
        return self.document.spots[self.positions[key]]

    def change(self, item: Item, changes: Mapping[str, Value]) -> list[str]:
        """Sets fields of an item; the names of those that were set."""
        match item.kind:
            case Kind.TASK:
                return self._change_task(item, self.spot(item.key), changes)
            case Kind.PHASE:
                return self._change_phase(item, self.spot(item.key), changes)
            case _:
                return self._change_plan(item, changes)

    # ------------------------------------------------------------------------------------- tasks

    def _change_task(self, item: Item, spot: Spot, changes: Mapping[str, Value]) -> list[str]:
        said = []
        inner = dict(changes)
        depends_on = inner.get("depends_on")
        if depends_on is not None and self._set_dependency_line(item, spot, tuple(depends_on)):
            said.append("depends_on")
            del inner["depends_on"]
        status = inner.pop("status", "")
        if inner:
            said.extend(self._set_words(spot, inner))
        if status and self._set_status(spot, str(status)):
            said.append("status")
        return said

    def _set_words(self, spot: Spot, changes: Mapping[str, Value]) -> list[str]:
        number, start = self._text_place(spot)
        line = self.lines[number]
        end = len(line.rstrip(_BLANK))
        raw = line[start:end]
        content = display(raw)
        said, written = _write_what_can_be(
            content, changes, lambda old, new: write_task(old, new, self.habits)
        )
        self.lines[number] = line[:start] + undisplay(written, raw) + line[max(start, end) :]
        return said

    def _text_place(self, spot: Spot) -> tuple[int, int]:
        """The line and column at which a task's text begins: it may stand below its box."""
        number, start = spot.text_line, spot.content
        if not self.lines[number][start:].strip(_BLANK) and number + 1 < spot.own_end:
            number += 1
            line = self.lines[number]
            start = len(line) - len(line.lstrip(" \t>"))
        return number, start

    @cached_property
    def habits(self) -> Habits:
        return learn_habits(display(content) for content in self.contents(Kind.TASK))

    def contents(self, kind: Kind) -> Iterator[str]:
        for item, spot in zip(self.document.outline.items, self.document.spots, strict=True):
            if item.kind is kind:
                yield self.document.lines[spot.text_line][spot.content :].strip(_BLANK)

    def _set_dependency_line(self, item: Item, spot: Spot, refs: tuple[str, ...]) -> bool:
        """Sets the refs in the `> **Dépendances**: ...` line that they were read from, if there is one."""
        number, start = self._text_place(spot)
        if inline.read_task(display(self.lines[number][start:])).depends_on:
            return False
        for position in range(number + 1, spot.own_end):
            line = self.lines[position]
            found = inline.read_dependencies(line)
            if found is not None:
                none = "Aucune" if "d" in line[: found.start].lower() and "pendance" in line else "None"
                new = line[: found.start] + (", ".join(refs) or none) + line[found.end :]
                read = inline.read_dependencies(new)
                if read is None or read.refs != refs:
                    return False
                self.lines[position] = new
                return True
        return False

    # ------------------------------------------------------------------------------------- status

    def _set_status(self, spot: Spot, status: str) -> bool:
        line, box = self.lines[spot.text_line], spot.box
        if box < 0:
            return False
        if line[box - 1 : box] == "[" and line[box + 1 : box + 2] == "]":
            mark = self.mark(status)
            if mark:
                self.lines[spot.text_line] = line[:box] + mark + line[box + 1 :]
            return bool(mark)
        old, family = _sign_at(line, box)
        if not old:
            return False
        if status in family:
            new = self.sign(status, family)
        else:
            mark = self.mark(status)
            new = f"[{mark}]" if mark and line[spot.start : spot.start + 1] in tuple("-*+") else ""
        if new:
            self.lines[spot.text_line] = line[:box] + new + line[box + len(old) :]
        return bool(new)

    def mark(self, status: str) -> str:
        """The mark that the file writes for a status, else the dialect's first; "" where it has none."""
        marks = [mark for mark, meaning in self.document.dialect.marks.items() if meaning == status]
        if len(marks) < 2:
            return marks[0] if marks else ""
        used = self._used_marks
        return max(marks, key=lambda mark: used[mark])

    @cached_property
    def _used_marks(self) -> Counter[str]:
        lines = self.document.lines
        return Counter(lines[spot.text_line][spot.box] for spot in self.document.spots if spot.box >= 0)

    def sign(self, status: str, family: Mapping[str, tuple[str, ...]]) -> str:
        """The ballot sign that the file writes for a status, else the first one of its family."""
        used = self._used_signs
        return max(family[status], key=lambda sign: used[sign])

    @cached_property
    def _used_signs(self) -> Counter[str]:
        lines = self.document.lines
        return Counter(
            _sign_at(lines[spot.text_line], spot.box)[0] for spot in self.document.spots if spot.box >= 0
        )

    @cached_property
    def used_sign(self) -> str:
        """The ballot sign of an open task, "" in a file that writes none."""
        used = self._used_signs
        return next((sign for family in _FAMILIES for sign in family[Status.TODO] if used[sign]), "")

    # ------------------------------------------------------------------------------------- phases

    def _change_phase(self, item: Item, spot: Spot, changes: Mapping[str, Value]) -> list[str]:
        said = []
        inner = dict(changes)
        progress = inner.pop("progress", "")
        status = inner.pop("status", "")
        if inner:
            said.extend(self._set_heading(spot, inner))
        if status and spot.box >= 0 and self._set_status(spot, str(status)):
            said.append("status")
        if progress and self._declare(
            "progress", item.progress, str(progress), self._own_text(spot.line + 1)
        ):
            said.append("progress")
        return said

    def _set_heading(self, spot: Spot, changes: Mapping[str, Value]) -> list[str]:
        number = spot.text_line if self._is_atx(spot) else spot.line
        line = self.lines[number]
        end = len(line.rstrip(_BLANK))
        raw = line[spot.content : end]
        atx = self._is_atx(spot)
        said, written = _write_what_can_be(
            display(raw), changes, lambda old, new: write_heading(old, new, self.heading_habits, atx=atx)
        )
        written = undisplay(written, raw)
        if written and line[spot.content - 1 : spot.content] == "#":
            written = " " + written
        self.lines[number] = line[: spot.content] + written + line[max(spot.content, end) :]
        return said

    def _is_atx(self, spot: Spot) -> bool:
        return self.lines[spot.line].startswith("#", spot.start)

    @cached_property
    def phases_have_boxes(self) -> bool:
        return any(spot.level and spot.box >= 0 for spot in self.document.spots)

    @cached_property
    def heading_habits(self) -> Habits:
        return learn_habits(display(content) for content in self.contents(Kind.PHASE))

    # -------------------------------------------------------------------------------------- plan

    def _change_plan(self, plan: Item, changes: Mapping[str, Value]) -> list[str]:
        said = []
        title = self.document.title_spot
        for name, new in changes.items():
            if name == "text":
                if title is not None and new and self._set_title(title, plan.text, str(new)):
                    said.append(name)
            elif new and self._declare_in_plan(name, str(value(plan, name)), str(new)):
                said.append(name)
        return said

    def _set_title(self, spot: Spot, old: str, new: str) -> bool:
        line = self.lines[spot.line]
        atx = self._is_atx(spot)
        raw = line[spot.content :]
        end = spot.content + (inline.heading_end(raw) if atx else len(raw.rstrip(_BLANK)))
        raw = line[spot.content : end]
        shown = display(raw)
        at = shown.find(old)
        if at < 0 or not old:
            return False
        new_raw = undisplay(shown[:at] + new + shown[at + len(old) :], raw)
        self.lines[spot.line] = line[: spot.content] + new_raw + line[end:]
        return True

    def _declare_in_plan(self, field: str, old: str, new: str) -> bool:
        end = metadata.front_matter_end(self.lines)
        if self._declare(field, old, new, self._own_text(end)):
            return True
        title = self.document.title_spot
        if title is not None and self._declare(field, old, new, self._own_text(title.line + 1)):
            return True
        for number in range(end):
            part = metadata.front_matter_part(self.lines[number])
            if part is not None and part.field == field and part.value == old:
                return self._put(number, metadata.write_front_matter(self.lines[number], field, new))
        return False

    def _own_text(self, start: int) -> Iterator[int]:
        """The lines from `start` to the next heading that are no task's."""
        title = self.document.title_spot
        headings = [spot.line for spot in self.document.spots if spot.level]
        headings += [title.line] if title else []
        end = min((line for line in headings if line >= start), default=len(self.lines))
        for spot in self.document.spots:
            if not spot.level and start <= spot.line < end:
                yield from range(start, spot.line)
                start = max(start, spot.end)
        yield from range(start, end)

    def _declare(self, field: str, old: str, new: str, numbers: Iterable[int]) -> bool:
        """Sets a declared value in the first of the lines that declares it."""
        if not old:
            return False
        for number in numbers:
            line = self.lines[number]
            for read in (metadata.read_version_line, metadata.read_progress_line):
                found = read(line)
                if found is not None and getattr(found, field) == old:
                    return self._put(number, metadata.write_declared(line, field, new))
        return False

    def _put(self, number: int, line: str | None) -> bool:
        if line is not None:
            self.lines[number] = line
        return line is not None


class NewLines:
    """Writes the first line of new items, as the file writes those beside them."""

    def __init__(self, editor: LineEditor, tree: Tree) -> None:
        self.editor = editor
        self.tree = tree
        self.said: dict[str, Item] = {}
        """What each new item says in the file: what was asked for, without what its line cannot say."""

    def node(self, item: Item, place: Place) -> Node:
        """A node for a new item that is to be put in `place`; `Unsayable` where it has no words at all."""
        return self._phase(item) if item.kind is Kind.PHASE else self._task(item, place)

    def _task(self, item: Item, place: Place) -> Node:
        parent = self.tree.nodes[place.parent]
        model = self._model(parent, place)
        marker, before, after = self._manner(parent, model)
        box = before
        if before == "[":
            mark = self.editor.mark(item.status)
            box = f"[{mark}]" if mark else f"[{self.editor.mark(Status.TODO)}]"
            said = item if mark else item._replace(status=Status.TODO)
        else:
            family = _sign_at(before, 0)[1]
            sayable = item.status in family
            box = self.editor.sign(item.status if sayable else Status.TODO, family)
            said = item if sayable else item._replace(status=Status.TODO)
        content, said = self._words(said, self._habits(parent))
        self.said[item.key] = said
        line = marker + box + after + content + self.tree.end
        return Node(item.key, item.kind, [line], marker=marker, is_new=True)

    def _model(self, parent: Node, place: Place) -> Node | None:
        """The task beside which the new one stands."""
        if place.after:
            return self.tree.nodes[place.after]
        return next(
            (part for part in parent.parts if isinstance(part, Node) and part.kind is Kind.TASK), None
        )

    def _manner(self, parent: Node, model: Node | None) -> tuple[str, str, str]:
        """The list marker, `[` or the ballot sign, and the blanks behind, of a task below `parent`."""
        if model is not None:
            line = model.lines[0]
            at = model.start + len(model.marker)
            box = line[at : at + 1]
            if box == "[" and line[at + 2 : at + 3] == "]":
                rest = line[at + 3 :]
                return model.marker, "[", rest[: len(rest) - len(rest.lstrip(" \t"))] or " "
            sign = _sign_at(line, at)[0]
            if sign:
                rest = line[at + len(sign) :]
                return model.marker, sign, rest[: len(rest) - len(rest.lstrip(" \t\ufe0f"))] or " "
        signs = self.editor.document.outline
        if parent.kind is not Kind.TASK and not any(node.marker for node in self._tasks()):
            used = self.editor.used_sign
            if used and any(True for _ in signs.tasks()):
                return "", used, " "
        return self.tree.usual_marker(parent), "[", " "

    def _tasks(self) -> Iterator[Node]:
        return (node for node in self.tree.nodes.values() if node.kind is Kind.TASK)

    def _habits(self, parent: Node) -> Habits:
        """The file's habits, refs spelled as the siblings spell theirs."""
        editor = self.editor
        beside = [
            display(editor.lines[spot.text_line][spot.content :].strip(_BLANK))
            for spot in (
                editor.spot(part.key)
                for part in parent.parts
                if isinstance(part, Node) and part.kind is Kind.TASK and part.key in editor.positions
            )
        ]
        own = learn_habits(beside)
        return replace(editor.habits, refs={**editor.habits.refs, **own.refs})

    def _words(self, item: Item, habits: Habits) -> tuple[str, Item]:
        """The content that says the item, and the item that it says."""
        names = [name for name in FIELDS[Kind.TASK] if name != "status"]
        content = write_task("", {name: value(item, name) for name in names if value(item, name)}, habits)
        if content is not None:
            return self._checked(content), item
        content = write_task("", {"text": item.text}, habits)
        if content is None:
            raise Unsayable("the text would be read as something else")
        for name in names:
            if name != "text" and value(item, name):
                longer = write_task(content, {name: value(item, name)}, habits)
                if longer is None:
                    item = item.saying({name: type(value(item, name))()})
                content = longer or content
        return self._checked(content), item

    def _checked(self, content: str) -> str:
        if not content or line_end(content) or content != content.strip(_BLANK):
            raise Unsayable("a task is one line of text")
        return content

    def _phase(self, item: Item) -> Node:
        editor = self.editor
        said = item._replace(progress="")
        content = write_heading("", {"ref": item.ref, "text": item.text}, editor.heading_habits)
        if content is None and item.ref:
            said = said._replace(ref="")
            content = write_heading("", {"text": item.text}, editor.heading_habits)
        if content is None:
            raise Unsayable("the title would be read as something else")
        mark = editor.mark(item.status) if item.status and editor.phases_have_boxes else ""
        if not mark:
            said = said._replace(status="")
        self.said[item.key] = said
        box = f"[{mark}] " if mark else ""
        line = f"# {box}{content}".rstrip(" ") + self.tree.end
        return Node(item.key, item.kind, [line], level=1, is_new=True)


def _write_what_can_be(
    content: str, changes: Mapping[str, Value], write: Callable[[str, Mapping[str, Value]], str | None]
) -> tuple[list[str], str]:
    """The fields that could be set, and the content with them set: all at once, else one by one."""
    written = write(content, changes)
    if written is not None:
        return list(changes), written
    said = []
    for name, new in changes.items():
        written = write(content, {name: new})
        if written is not None:
            content = written
            said.append(name)
    return said, content
