"""A random walk of edits such as people make in the hub: `walk`, which gives a `Walk`.

What is edited how often follows what really changes between two versions of a plan: mostly boxes, then new
tasks and a few words; deletions, moves and the other fields seldom. The walk is `hot` where it goes to the
items that the file edited too, and half of the time to the very same field.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from plans.outline import (
    FIELDS,
    ROOT,
    Added,
    Change,
    Changed,
    Item,
    Kind,
    Moved,
    Outline,
    Removed,
    Value,
    arrange,
)

Spot = tuple[str, str]

WEIGHTS = {
    "status": 45,
    "add": 15,
    "text": 13,
    "assignee": 5,
    "tags": 4,
    "priority": 4,
    "due": 3,
    "delete": 3,
    "reorder": 3,
    "move": 2,
    "progress": 1,
    "estimate": 1,
    "depends_on": 1,
}
STEPS: Mapping[str, Sequence[tuple[str, int]]] = {
    "todo": (("done", 65), ("in_progress", 20), ("blocked", 8), ("cancelled", 7)),
    "in_progress": (("done", 75), ("blocked", 15), ("todo", 10)),
    "done": (("todo", 75), ("in_progress", 25)),
    "blocked": (("in_progress", 50), ("done", 30), ("todo", 20)),
    "cancelled": (("todo", 100),),
}
WORDS = (
    *("le", "la", "les", "des", "pour", "avec", "sans", "nouveau", "complet", "initial", "interne", "rapide"),
    *("service", "module", "rapport", "cache", "test", "plan", "équipe", "version", "schéma", "script"),
    *("journal", "index", "and", "the", "first", "draft", "weekly", "shared", "build", "review"),
)
PEOPLE = ("alice", "bob", "charlie", "dana")
TAGS = ("backend", "docs", "urgent", "infra", "tests")
PRIORITIES = ("low", "medium", "high", "critical")
ESTIMATES = ("1h", "2h", "4h", "1d", "3d")


_ACTS = ("add", "delete", "move", "reorder")
_FIELDS_OR_ACTS = {
    Kind.TASK: (*FIELDS[Kind.TASK], *_ACTS),
    Kind.PHASE: ("text", "ref", "progress", *_ACTS),
    Kind.PLAN: FIELDS[Kind.PLAN],
}


class Walk(NamedTuple):
    outline: Outline
    minutes: Mapping[Spot, int]
    """When a field was last edited, in minutes from the start of the walk, which takes `DAY` at most."""


DAY = 24 * 60


def walk(
    base: Outline, file_edits: Sequence[Change], steps: int, source: random.Random, *, hot: bool
) -> Walk:
    """`base` after so many edits; those that come to nothing count as well."""
    draft = _Draft(base, file_edits if hot else (), source)
    for minute in sorted(source.randrange(DAY) for _ in range(steps)):
        draft.step(minute)
    return Walk(draft.outline(), draft.minutes)


class _Draft:
    def __init__(self, base: Outline, file_edits: Sequence[Change], source: random.Random) -> None:
        self.items = dict(base.by_key)
        self.children = {key: list(keys) for key, keys in base.children.items()}
        self.source = source
        self.minutes: dict[Spot, int] = {}
        self.minute = 0
        self.hot_spots = [spot for edit in file_edits if (spot := _spot(edit))[0] in self.items]
        self.file_added = [
            edit.item for edit in file_edits if isinstance(edit, Added) and edit.item.parent in self.items
        ]
        self.number = 0
        self.acts: Mapping[str, Callable[[Item], None]] = {
            "add": self._add,
            "delete": self._delete,
            "move": self._move,
            "reorder": self._reorder,
        }

    def outline(self) -> Outline:
        return arrange(self.items[ROOT], self.items, self.children)

    def step(self, minute: int) -> None:
        self.minute = minute
        (what,) = self.source.choices(list(WEIGHTS), list(WEIGHTS.values()))
        item = self.items[self._anywhere(what)]
        hot_spots = [spot for spot in self.hot_spots if spot[0] in self.items]
        if hot_spots and what != "add":
            key, field = self.source.choice(hot_spots)
            item = self.items[key]
            if self.source.random() < 0.5 and field in (*FIELDS[item.kind], *self.acts):
                what = field
        if what in self.acts:
            self.acts[what](item)
        elif what in FIELDS[item.kind] and _is_usual(item, what):
            self._set(item, what, _NEW_VALUE[what](item, self.source))

    def _anywhere(self, what: str) -> str:
        """A task for what only tasks have, and for their status; else any item."""
        keys = [key for key, item in self.items.items() if key != ROOT and what in _FIELDS_OR_ACTS[item.kind]]
        return self.source.choice(keys) if keys and what != "progress" else ROOT

    def _set(self, item: Item, field: str, value: Value) -> None:
        self.items[item.key] = item.saying({field: value})
        self.minutes[item.key, field] = self.minute

    # ------------------------------------------------------------------------------- structure

    def _add(self, item: Item) -> None:
        """A task after the last one of some parent, with the next ref; now and then one that the file has."""
        twin = self.source.choice(self.file_added) if self.file_added and self.source.random() < 0.3 else None
        parent = twin.parent if twin is not None and twin.parent in self.items else item.parent
        tasks = [key for key in self.children.get(parent, []) if self.items[key].kind is Kind.TASK]
        ref = _next_ref([self.items[key].ref for key in tasks])
        text = " ".join(self.source.choices(WORDS, k=self.source.randint(3, 7))).capitalize()
        if twin is not None and twin.kind is Kind.TASK and self.source.random() < 0.3:
            ref, text = twin.ref, twin.text
        self.number += 1
        key = f"h{self.number}"
        self.items[key] = Item(key, Kind.TASK, parent, text, ref, "todo")
        self.children.setdefault(parent, []).insert(len(tasks), key)

    def _delete(self, item: Item) -> None:
        """One task without anything below it, or one time in five a section."""
        key = item.key
        while self.children.get(key) and self.source.random() > 0.2:
            key = self.source.choice(self.children[key])
        if key == ROOT:
            return
        self.children[self.items[key].parent].remove(key)
        pending = [key]
        while pending:
            gone = pending.pop()
            pending += self.children.pop(gone, [])
            del self.items[gone]

    def _move(self, item: Item) -> None:
        """Below another item of the kind that its parent is."""
        if item.key == ROOT:
            return
        kind = self.items[item.parent].kind
        above = {item.key, *self._below(item.key)}
        targets = [key for key, other in self.items.items() if other.kind is kind and key not in above]
        if not targets:
            return
        parent = self.source.choice(sorted(targets))
        self.children[item.parent].remove(item.key)
        self.items[item.key] = item._replace(parent=parent)
        self._insert(item, parent)

    def _reorder(self, item: Item) -> None:
        if item.key != ROOT:
            self.children[item.parent].remove(item.key)
            self._insert(item, item.parent)

    def _insert(self, item: Item, parent: str) -> None:
        siblings = self.children.setdefault(parent, [])
        alike = [at for at, key in enumerate(siblings) if self.items[key].kind is item.kind]
        first = alike[0] if alike else len(siblings) if item.kind is Kind.PHASE else 0
        siblings.insert(self.source.randint(first, first + len(alike)), item.key)

    def _below(self, key: str) -> list[str]:
        below = list(self.children.get(key, ()))
        for child in below:
            below.extend(self.children.get(child, ()))
        return below


def _is_usual(item: Item, field: str) -> bool:
    """Whether people do that: the status of a phase follows from its tasks, unless one is declared."""
    return field != "status" or bool(item.status)


def _spot(edit: Change) -> Spot:
    match edit:
        case Changed(key, field, _, _):
            return key, field
        case Moved(key, before, after):
            return key, "reorder" if before.parent == after.parent else "move"
        case Removed(item, _):
            return item.key, "delete"
        case Added(item, _):
            return item.parent, ""


# ----------------------------------------------------------------------------------------- values


def _next_status(item: Item, source: random.Random) -> str:
    steps = STEPS.get(item.status, (("done", 1),))
    return source.choices([name for name, _ in steps], [weight for _, weight in steps])[0]


def _reworded(item: Item, source: random.Random) -> str:
    """One or two words of it replaced, put in or left out."""
    words = item.text.split(" ")
    for _ in range(source.randint(1, 2)):
        at = source.randrange(len(words))
        match source.choice(("replace", "replace", "insert", "delete")):
            case "replace":
                words[at] = source.choice(WORDS)
            case "insert":
                words.insert(at + 1, source.choice(WORDS))
            case _ if len(words) > 2:
                del words[at]
    return " ".join(words).strip() or item.text


def _toggled(listed: tuple[str, ...], choices: Sequence[str], source: random.Random) -> tuple[str, ...]:
    chosen = source.choice(choices)
    return tuple(each for each in listed if each != chosen) if chosen in listed else (*listed, chosen)


_NEW_VALUE: Mapping[str, Callable[[Item, random.Random], Value]] = {
    "status": _next_status,
    "text": _reworded,
    "ref": lambda item, source: _next_ref([item.ref]),
    "priority": lambda item, source: source.choice(PRIORITIES),
    "assignee": lambda item, source: source.choice(PEOPLE),
    "due": lambda item, source: f"2026-{source.randint(1, 12):02}-{source.randint(1, 28):02}",
    "tags": lambda item, source: _toggled(item.tags, TAGS, source),
    "estimate": lambda item, source: source.choice(ESTIMATES),
    "depends_on": lambda item, source: _toggled(item.depends_on, ("1.1", "1.2", "2.1"), source),
    "progress": lambda item, source: str(source.randrange(0, 101, 5)),
    "version": lambda item, source: f"{source.randint(1, 9)}.{source.randint(0, 9)}",
    "date": lambda item, source: f"2026-{source.randint(1, 12):02}-{source.randint(1, 28):02}",
}


def _next_ref(refs: Sequence[str]) -> str:
    """The ref after the last of these; "" where that does not end in a number."""
    found = re.fullmatch(r"(.*?)(\d+)", refs[-1]) if refs else None
    return f"{found[1]}{int(found[2]) + 1}" if found else ""
