"""The tree of a plan as HTML: `markup_of`, with what is folded (`Folds`) and what is left out.

Written by hand rather than by a template, which takes fifteen times as long on a plan of thousands of tasks.
Every text is escaped in this module. Phases are <details>, tasks are nested lists, of which a long one comes
in parts: a browser leaves out the work for those that are out of sight. Where only what changed is asked for,
an element that stays as it is has its id and `data-same`, and nothing in it; where their order is the same as
well, one element with `data-rest` stands for all of these. See `plan-tree.js`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from html import escape
from typing import NamedTuple

from django.utils.formats import date_format, number_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from planning_sync.dashboard.tree import Touched, Tree
from plans.models import Priority, Status
from plans.outline import ROOT, Item, Kind

_OPEN = (Status.TODO, Status.IN_PROGRESS, Status.BLOCKED)
_CHECKED = {Status.DONE: "true", Status.IN_PROGRESS: "mixed"}
_SPOKEN = (Status.IN_PROGRESS, Status.BLOCKED, Status.CANCELLED)
"""Statuses that the box alone does not tell."""
PART = 40
"""Tasks of a part of a long list, those below them among them."""


class Folds(NamedTuple):
    folded: Collection[str] = ()
    """Keys of the phases that are shown folded."""
    lazy: bool = False
    """Whether what stands in them is left out, until it is asked for."""


class Rights(NamedTuple):
    """What the person may do, as far as the tree shows it."""

    change_tasks: bool = False
    change_phases: bool = False
    add_tasks: bool = False
    add_phases: bool = False
    delete_tasks: bool = False
    delete_phases: bool = False


def markup_of(
    tree: Tree,
    rights: Rights,
    *,
    today: date,
    folds: Folds = Folds(),  # noqa: B008  # a value
    touched: Touched | None = None,
) -> SafeString:
    """All of the tree, or with `touched` what changed. Links are relative to the address of the plan."""
    writer = _Writer(tree, rights, today, folds, touched)
    return mark_safe(writer.written())  # noqa: S308  # texts are escaped one by one


def _scale(count: int) -> int:
    """0 to 7, for so many tasks: how high they are at least, as a browser believes until it has looked."""
    return min(count.bit_length(), 7)


def _dashed(key: str) -> str:
    """The id as addresses have it; a `UUID` of each one would take a tenth of the time."""
    return f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"


@dataclass
class _Frame:
    """An element that is open while its items are written."""

    key: str
    end: str
    listed: bool = False
    """Whether a list of tasks is open in it."""
    length: int = 0
    """Of the open part of that list."""
    rested: bool = False
    """Whether `data-rest` stands among its tasks, or among its phases once these have begun."""


@dataclass
class _Writer:
    tree: Tree
    rights: Rights
    today: date
    folds: Folds
    touched: Touched | None
    parts: list[str] = field(default_factory=list)
    dates: dict[str, str] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    """Items that are left out, whose children are, too."""

    def __post_init__(self) -> None:
        self.statuses: Mapping[str, str] = {value: str(label) for value, label in Status.choices}
        self.priorities: Mapping[str, str] = {value: str(label) for value, label in Priority.choices}
        self.words = {
            "conflict": gettext("conflict"),
            "swallowed": gettext("swallowed by code in the file"),
            "edit": gettext("Edit"),
            "add": gettext("Add a task"),
            "phase": gettext("Add a phase"),
            "progress": gettext("Progress"),
            "disabled": "" if self.rights.change_tasks else " disabled",
        }
        self.fresh: set[str] | None = None
        self.told: Collection[str] = ()
        """Of which items all children are named."""
        if self.touched is not None:
            self.told = self.touched.items | self.touched.lists
            self.fresh = self.tree.above(self.told) | self.touched.items

    def written(self) -> str:
        stack = [_Frame(ROOT, "")]
        for item in self.tree.outline.items:
            if item.parent in self.skipped:
                self.skipped.add(item.key)
                continue
            while stack[-1].key != item.parent:
                self._close(stack.pop())
            stack.append(self._opened(item, stack[-1], len(stack)))
        while stack:
            self._close(stack.pop())
        return "".join(self.parts)

    def _close(self, frame: _Frame) -> None:
        self.parts.append("</ul>" + frame.end if frame.listed else frame.end)

    def _opened(self, item: Item, above: _Frame, depth: int) -> _Frame:
        is_task = item.kind is Kind.TASK
        if is_task != above.listed:
            self.parts.append(self._list(above) if is_task else "</ul>")
            above.listed, above.length, above.rested = is_task, 0, False
        elif above.length >= PART:
            self.parts.append(f"</ul>{self._list(above)}")
            above.length = 0
        if self.fresh is not None and item.key not in self.fresh:
            return self._same(item, above)
        if not is_task:
            return self._phase(item, depth)
        above.length += 1 + self.tree.lengths.get(item.key, 0)
        return self._task(item)

    def _list(self, above: _Frame) -> str:
        long = self.tree.lengths[above.key] > PART
        return f'<ul class="tasks{" part" if long else ""}">'

    def _same(self, item: Item, above: _Frame) -> _Frame:
        self.skipped.add(item.key)
        name = "li" if item.kind is Kind.TASK else "details"
        if above.key in self.told:
            self.parts.append(f'<{name} id="i-{item.key}" data-same></{name}>')
        elif not above.rested:
            above.rested = True
            self.parts.append(f"<{name} data-rest></{name}>")
        return _Frame(item.key, "")

    # ---------------------------------------------------------------------------------------- a task

    def _task(self, item: Item) -> _Frame:
        key, status = item.key, item.status
        wanted = Status.TODO if status == Status.DONE else Status.DONE
        ref = f'<span class="ref">{escape(item.ref)}</span> ' if item.ref else ""
        self.parts.append(
            f'<li class="task {status}" id="i-{key}"><div class="row">'
            f'<button class="box" name="{wanted}" value="{key} {status}" role="checkbox"'
            f' aria-checked="{_CHECKED.get(Status(status), "false")}" aria-labelledby="w-{key}"'
            f"{self.words['disabled']}></button>"
            f'<a class="words" id="w-{key}" href="tasks/{_dashed(key)}/">{ref}{escape(item.text)}</a>'
            f"{self._marks(item)}</div>"
        )
        return _Frame(key, "</li>")

    def _marks(self, item: Item) -> str:
        found = []
        if item.status in _SPOKEN:
            found.append(f'<span class="state">{self.statuses[item.status]}</span>')
        if item.priority:
            label = escape(self.priorities.get(item.priority, item.priority))
            found.append(f'<span class="mark p-{escape(item.priority)}">{label}</span>')
        if item.assignee:
            found.append(f'<span class="mark who">{escape(item.assignee)}</span>')
        if item.due:
            found.append(self._due(item))
        if item.estimate:
            found.append(f'<span class="mark size">{escape(item.estimate)}</span>')
        found.extend(f'<span class="mark">#{escape(tag)}</span>' for tag in item.tags)
        if item.depends_on:
            found.append(f'<span class="mark needs">{escape(", ".join(item.depends_on))}</span>')
        if item.key in self.tree.unreachable:
            found.append(f'<span class="badge warn">{self.words["swallowed"]}</span>')
        found.append(self._conflict(item))
        told = "".join(found)
        return f'<span class="marks">{told}</span>' if told else ""

    def _due(self, item: Item) -> str:
        day = date.fromisoformat(item.due)
        if item.due not in self.dates:
            self.dates[item.due] = date_format(day, "SHORT_DATE_FORMAT")
        late = " late" if day < self.today and item.status in _OPEN else ""
        return f'<time class="mark due{late}" datetime="{item.due}">{self.dates[item.due]}</time>'

    def _conflict(self, item: Item) -> str:
        if not self.tree.conflicts.get(item.key):
            return ""
        return f'<a class="badge warn" href="#conflicts">{self.words["conflict"]}</a>'

    # --------------------------------------------------------------------------------------- a phase

    def _phase(self, item: Item, depth: int) -> _Frame:
        key, level = item.key, min(depth + 1, 6)
        folded = key in self.folds.folded
        count = self.tree.sizes.get(key, 0) if folded and self.folds.lazy else 0
        lazy = f' data-lazy="{count}"' if count else ""
        ref = f'<span class="ref">{escape(item.ref)}</span> ' if item.ref else ""
        status = f' <span class="state">{self.statuses[item.status]}</span>' if item.status else ""
        scale = _scale(self.tree.lengths.get(key, 0))
        self.parts.append(
            f'<details class="phase s{scale}" id="i-{key}"{"" if folded else " open"}{lazy}>'
            f'<summary><h{level} id="w-{key}">{ref}{escape(item.text)}</h{level}>{status}'
            f'{self._progress(item)}{self._conflict(item)}</summary><div class="below">{self._tools(key)}'
        )
        if lazy:
            self.skipped.add(key)
            told = ngettext("Show %(n)s item", "Show %(n)s items", count) % {"n": number_format(count)}
            self.parts.append(f'<p class="lazy"><a href="?open={key}#i-{key}">{told}</a></p>')
        return _Frame(key, "</div></details>")

    def _progress(self, item: Item) -> str:
        counts = self.tree.counts[item.key]
        declared = ""
        if item.progress and (not counts.total or item.progress != f"{counts.percent.normalize():f}"):
            said = gettext("declared %(percent)s %%") % {"percent": number_format(item.progress)}
            declared = f' <small class="declared">{said}</small>'
        if not counts.total:
            return declared
        return (
            f'<span class="progress"><progress max="{counts.total}" value="{counts.done}"'
            f' aria-label="{self.words["progress"]}"></progress>'
            f" <b>{counts.done}/{counts.total}</b></span>{declared}"
        )

    def _tools(self, key: str) -> str:
        links = []
        if self.rights.change_phases:
            links.append(f'<a class="edit" href="phases/{_dashed(key)}/">{self.words["edit"]}</a>')
        if self.rights.add_tasks:
            links.append(f'<a class="add" href="add/?parent={key}">{self.words["add"]}</a>')
        if self.rights.add_phases:
            links.append(f'<a class="add" href="add/?kind=phase&amp;parent={key}">{self.words["phase"]}</a>')
        return f'<p class="tools">{"".join(links)}</p>' if links else ""
