"""Small plans, and random edits of them: one plan edited twice, never two that have nothing in common."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple

from hypothesis import strategies as st

from plans.outline import ROOT, Item, Kind, Outline, Value, arrange

# Few words, so that two sides often say the same by accident.
WORDS = ("alpha", "beta", "gamma", "delta")
REFS = ("", "", "1", "1.1", "2")
STATUSES = ("todo", "done", "blocked")
PLAN = Item(ROOT, Kind.PLAN, ROOT, "Plan")


def task(key: str, parent: str = ROOT, text: str = "", **fields: Value) -> Item:
    return Item(key, Kind.TASK, parent, text or key)._replace(**{"status": "todo", **fields})  # type: ignore[arg-type]


def phase(key: str, parent: str = ROOT, text: str = "", **fields: Value) -> Item:
    return Item(key, Kind.PHASE, parent, text or key)._replace(**fields)  # type: ignore[arg-type]


def plan(*items: Item) -> Outline:
    """The items as an outline; those of one parent in the order given."""
    children: dict[str, list[str]] = {}
    for item in items:
        children.setdefault(item.parent, []).append(item.key)
    return arrange(PLAN, {item.key: item for item in items}, children)


class Edit(NamedTuple):
    """One edit in numbers, each taken modulo what there is to choose from, so that it fits any plan."""

    what: int
    which: int
    where: int
    how: int


EDITS = st.builds(Edit, st.integers(0, 9), st.integers(0, 15), st.integers(0, 15), st.integers(0, 5))


def edited(outline: Outline, edits: Iterable[Edit], prefix: str) -> Outline:
    """`outline` after `edits`; new items have keys that begin with `prefix`."""
    for number, edit in enumerate(edits):
        draft = _Draft(outline)
        draft.apply(edit, f"{prefix}{number}")
        outline = draft.outline()
    return outline


def random_edits(source: random.Random, count: int) -> list[Edit]:
    return [
        Edit(source.randrange(10), source.randrange(16), source.randrange(16), source.randrange(6))
        for _ in range(count)
    ]


class _Draft:
    def __init__(self, outline: Outline) -> None:
        self.before = outline
        self.items = dict(outline.by_key)
        self.children = {key: list(keys) for key, keys in outline.children.items()}

    def outline(self) -> Outline:
        return arrange(self.items[ROOT], self.items, self.children)

    def apply(self, edit: Edit, key: str) -> None:
        keys = [item.key for item in self.before.items]
        if edit.what in (0, 1) or not keys:
            self._add(key, edit)
            return
        chosen = keys[edit.which % len(keys)]
        if edit.what == 2 and edit.which == 0:
            self._set(ROOT, "text", WORDS[edit.how % 4])
        elif edit.what == 2:
            self._set(chosen, "text", WORDS[edit.how % 4])
        elif edit.what == 3:
            self._set(chosen, "status", STATUSES[edit.how % 3])
        elif edit.what == 4 and self.items[chosen].kind is Kind.TASK:
            self._set(
                chosen,
                *(("tags", ("a", "b")[: edit.how % 3]), ("due", f"2025-01-0{edit.how + 1}"))[edit.where % 2],
            )
        elif edit.what == 5:
            self._delete(chosen, lifting=edit.how == 0)
        elif edit.what in (6, 7):
            self._move(chosen, keys[edit.where % len(keys)] if edit.how else ROOT, edit.where)
        else:
            self._move(chosen, self.items[chosen].parent, edit.where)

    def _set(self, key: str, field: str, value: Value) -> None:
        self.items[key] = self.items[key]._replace(**{field: value})  # type: ignore[arg-type]

    def _add(self, key: str, edit: Edit) -> None:
        parents = [ROOT, *(item.key for item in self.before.items)]
        parent = parents[edit.which % len(parents)]
        kind = Kind.PHASE if edit.how % 3 == 0 and self.items[parent].kind is not Kind.TASK else Kind.TASK
        status = "todo" if kind is Kind.TASK else ""
        self.items[key] = Item(key, kind, parent, WORDS[edit.how % 4], REFS[edit.where % 5], status)
        self._insert(key, parent, edit.where)

    def _insert(self, key: str, parent: str, where: int) -> None:
        siblings = self.children.setdefault(parent, [])
        siblings.insert(where % (len(siblings) + 1), key)

    def _delete(self, key: str, *, lifting: bool) -> None:
        below = [item.key for item in self.before.subtree(key)]
        parent = self.items[key].parent
        if lifting:
            for child in self.children.get(key, []):
                self.items[child] = self.items[child]._replace(parent=parent)
                self.children[parent].append(child)
            below = [key]
        self.children[parent].remove(key)
        for gone in below:
            del self.items[gone]
            self.children.pop(gone, None)

    def _move(self, key: str, parent: str, where: int) -> None:
        item = self.items[key]
        fits = item.kind is Kind.TASK or self.items[parent].kind is not Kind.TASK
        if not fits or any(below.key == parent for below in self.before.subtree(key)):
            return
        self.children[item.parent].remove(key)
        self.items[key] = item._replace(parent=parent)
        self._insert(key, parent, where)


class Sides(NamedTuple):
    base: Outline
    hub: Outline
    replica: Outline


@st.composite
def sides(draw: st.DrawFn, size: int = 10, edits: int = 5) -> Sides:
    """One plan, and what two sides made of it."""
    base = edited(plan(), draw(st.lists(GROWTH, max_size=size)), "b")
    hub = edited(base, draw(st.lists(EDITS, max_size=edits)), "h")
    replica = edited(base, draw(st.lists(EDITS, max_size=edits)), "r")
    return Sides(base, hub, replica)


GROWTH = st.builds(Edit, st.just(0), st.integers(0, 15), st.integers(0, 15), st.integers(0, 5))


def assert_well_formed(outline: Outline) -> None:
    """Parents before children, tasks before phases, nothing twice, nothing loose."""
    assert outline.plan.key == ROOT
    kinds = {ROOT: Kind.PLAN}
    phases_begun: set[str] = set()
    for item in outline.items:
        assert item.key not in kinds, f"{item.key} is there twice"
        assert item.parent in kinds, f"{item.key} comes before its parent {item.parent}"
        if item.kind is Kind.PHASE:
            assert kinds[item.parent] is not Kind.TASK, f"phase {item.key} is below task {item.parent}"
            phases_begun.add(item.parent)
        else:
            assert item.parent not in phases_begun, f"task {item.key} comes after a phase"
        kinds[item.key] = item.kind
    assert arrange(outline.plan, outline.by_key, outline.children) == outline
