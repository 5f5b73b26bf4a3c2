"""Outlines changed at random, one edit of a named kind at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from plans.outline import ROOT, Item, Kind, Outline, Status, arrange

Edit = Callable[[Outline, random.Random], Outline | None]


def edited(outline: Outline, kind: str, chance: random.Random) -> Outline | None:
    """The outline after a random edit of that kind; None where it has nothing to edit so."""
    found = EDITS[kind](outline, chance)
    return None if found is None or found == outline else found


def walked(outline: Outline, chance: random.Random, steps: int) -> Outline:
    """The outline after some random edits."""
    for _ in range(steps):
        outline = edited(outline, chance.choice(list(EDITS)), chance) or outline
    return outline


def with_fields(outline: Outline, key: str, **fields: Any) -> Outline:
    if key == ROOT:
        return Outline(outline.plan._replace(**fields), outline.items)
    items = (item._replace(**fields) if item.key == key else item for item in outline.items)
    return Outline(outline.plan, tuple(items))


def with_item(outline: Outline, item: Item, position: int) -> Outline:
    """The outline with a new item, at a position among all children of its parent."""
    children = _children(outline)
    children.setdefault(item.parent, []).insert(position, item.key)
    return arrange(outline.plan, {**outline.by_key, item.key: item}, children)


def without(outline: Outline, key: str) -> Outline:
    """The outline without an item and all below it."""
    children = _children(outline)
    children[outline.by_key[key].parent].remove(key)
    return arrange(outline.plan, outline.by_key, children)


def with_place(outline: Outline, key: str, parent: str, rank: int) -> Outline:
    """The outline with an item moved below `parent`, after `rank` siblings of its kind."""
    item = outline.by_key[key]
    children = _children(outline)
    children[item.parent].remove(key)
    below = children.setdefault(parent, [])
    beside = [other for other in below if outline.by_key[other].kind is item.kind]
    below.insert(below.index(beside[rank]) if rank < len(beside) else len(below), key)
    return arrange(outline.plan, {**outline.by_key, key: item._replace(parent=parent)}, children)


def _children(outline: Outline) -> dict[str, list[str]]:
    return {key: list(keys) for key, keys in outline.children.items()}


def _pick(outline: Outline, chance: random.Random, kind: Kind, **fields: Any) -> Item | None:
    found = [
        item
        for item in outline.items
        if item.kind is kind and all(getattr(item, name) == value for name, value in fields.items())
    ]
    return chance.choice(found) if found else None


def _set(kind: Kind, **choices: Any) -> Edit:
    """Sets one field of an item to one of some values, or to what a function makes of the item."""

    def edit(outline: Outline, chance: random.Random) -> Outline | None:
        item = _pick(outline, chance, kind)
        if item is None:
            return None
        values = {name: chance.choice(options) for name, options in choices.items()}
        made = {name: value(item) if callable(value) else value for name, value in values.items()}
        return with_fields(outline, item.key, **made)

    return edit


def _tick(outline: Outline, chance: random.Random) -> Outline | None:
    item = _pick(outline, chance, Kind.TASK, status=Status.TODO)
    return with_fields(outline, item.key, status=Status.DONE) if item else None


def _untick(outline: Outline, chance: random.Random) -> Outline | None:
    item = _pick(outline, chance, Kind.TASK, status=Status.DONE)
    return with_fields(outline, item.key, status=Status.TODO) if item else None


def _progress(outline: Outline, chance: random.Random) -> Outline | None:
    found = [item for item in (outline.plan, *outline.items) if item.progress]
    return (
        with_fields(outline, chance.choice(found).key, progress=chance.choice(["45", "7.5", "100"]))
        if found
        else None
    )


def _version(outline: Outline, chance: random.Random) -> Outline | None:
    return with_fields(outline, ROOT, version="9.1") if outline.plan.version else None


def _key(outline: Outline) -> str:
    return f"new{len(outline.items)}-{sum(item.key.startswith('new') for item in outline.items)}"


def _add_beside(kind: Kind, *, first: bool) -> Edit:
    def edit(outline: Outline, chance: random.Random) -> Outline | None:
        model = _pick(outline, chance, kind)
        if model is None:
            return None
        beside = outline.children[model.parent]
        same = [key for key in beside if outline.by_key[key].kind is kind]
        position = beside.index(same[0]) if first else beside.index(model.key) + 1
        return with_item(outline, _new(outline, chance, kind, model.parent), position)

    return edit


def _add_below(kind: Kind) -> Edit:
    """Adds a first task or sub-section to an item that has none."""

    def edit(outline: Outline, chance: random.Random) -> Outline | None:
        holders = [
            item.key
            for item in outline.items
            if (kind is Kind.TASK or item.kind is Kind.PHASE)
            and not any(outline.by_key[key].kind is kind for key in outline.children.get(item.key, ()))
        ]
        if not holders:
            return None
        parent = chance.choice(holders)
        position = 0 if kind is Kind.TASK else len(outline.children.get(parent, ()))
        return with_item(outline, _new(outline, chance, kind, parent), position)

    return edit


def _new(outline: Outline, chance: random.Random, kind: Kind, parent: str) -> Item:
    if kind is Kind.PHASE:
        return Item(_key(outline), kind, parent, "Nouvelle section", chance.choice(["", "7.7", "Phase 8"]))
    status = chance.choice([Status.TODO, Status.DONE])
    item = Item(_key(outline), kind, parent, "Nouvelle tâche", chance.choice(["", "9.1", "9.2.1"]), status)
    return item._replace(priority="low", tags=("neuf",)) if chance.random() < 0.3 else item


def _delete(kind: Kind) -> Edit:
    def edit(outline: Outline, chance: random.Random) -> Outline | None:
        item = _pick(outline, chance, kind)
        return without(outline, item.key) if item else None

    return edit


def _move(kind: Kind) -> Edit:
    def edit(outline: Outline, chance: random.Random) -> Outline | None:
        item = _pick(outline, chance, kind)
        if item is None:
            return None
        own = {below.key for below in outline.subtree(item.key)}
        parents = [ROOT] + [
            other.key
            for other in outline.items
            if other.key not in own and (kind is Kind.TASK or other.kind is Kind.PHASE)
        ]
        return with_place(outline, item.key, chance.choice(parents), chance.randrange(4))

    return edit


def _reorder(outline: Outline, chance: random.Random) -> Outline | None:
    item = _pick(outline, chance, Kind.TASK)
    return with_place(outline, item.key, item.parent, chance.randrange(6)) if item else None


EDITS: Mapping[str, Edit] = MappingProxyType(
    {
        "tick": _tick,
        "untick": _untick,
        "status": _set(Kind.TASK, status=list(Status)),
        "text": _set(
            Kind.TASK,
            text=[
                "Revoir le plan",
                lambda item: f"{item.text} suite".strip(),
                lambda item: f"Avant {item.text}".strip(),
            ],
        ),
        "ref": _set(Kind.TASK, ref=["9.9.1", "Étape 4", "task-77", "12.1"]),
        "priority": _set(Kind.TASK, priority=["critical", "high", "lowest", ""]),
        "assignee": _set(Kind.TASK, assignee=["backend", "the team", ""]),
        "due": _set(Kind.TASK, due=["2026-02-03", ""]),
        "tags": _set(Kind.TASK, tags=[("a", "b-c"), lambda item: (*item.tags, "neuf"), ()]),
        "estimate": _set(Kind.TASK, estimate=["3d", "2 jours", ""]),
        "depends_on": _set(Kind.TASK, depends_on=[("1.2", "task-3"), ()]),
        "phase text": _set(Kind.PHASE, text=["Titre revu", lambda item: f"{item.text} (suite)".strip()]),
        "phase ref": _set(Kind.PHASE, ref=["7.7", "Phase 9"]),
        "progress": _progress,
        "version": _version,
        "add after": _add_beside(Kind.TASK, first=False),
        "add first": _add_beside(Kind.TASK, first=True),
        "add below": _add_below(Kind.TASK),
        "add phase": _add_beside(Kind.PHASE, first=False),
        "add section": _add_below(Kind.PHASE),
        "delete": _delete(Kind.TASK),
        "delete phase": _delete(Kind.PHASE),
        "move": _move(Kind.TASK),
        "reorder": _reorder,
        "move phase": _move(Kind.PHASE),
    }
)
