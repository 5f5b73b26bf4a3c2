"""Outlines for tests: read from a few indented lines, drawn as such lines, or walked at random."""

from __future__ import annotations

import random
from collections.abc import Iterator

from plans.outline import ROOT, Item, Kind, Outline, Status, arrange

STATUSES = tuple(status.value for status in Status)


def outline(text: str, title: str = "Plan") -> Outline:
    """`# Phase` and `- task` lines, two blanks a level, keys in front: `a: - task`."""
    items: list[Item] = []
    open_at: dict[int, str] = {}
    for line in text.strip("\n").splitlines():
        name, _, said = line.strip().partition(": ")
        depth = (len(line) - len(line.lstrip())) // 2
        kind = Kind.PHASE if said.startswith("#") else Kind.TASK
        status = "" if kind is Kind.PHASE else "todo"
        parent = open_at.get(depth - 1, ROOT)
        items.append(Item(name, kind, parent, said[2:], status=status))
        open_at[depth] = name
    return Outline(Item(ROOT, Kind.PLAN, ROOT, title), tuple(items))


def walked(start: Outline, chance: random.Random, keys: Iterator[str], steps: int) -> Outline:
    """`start` after that many random edits: fields, additions, deletions, moves."""
    current = start
    for _ in range(steps):
        current = _step(current, chance, keys)
    return current


def _step(current: Outline, chance: random.Random, keys: Iterator[str]) -> Outline:
    items = dict(current.by_key)
    del items[ROOT]
    children = {key: list(below) for key, below in current.children.items()}
    choice = chance.choice(("add", "add", "edit", "edit", "edit", "delete", "move"))
    if choice == "add" or not items:
        kind = chance.choice((Kind.TASK, Kind.TASK, Kind.PHASE))
        key = next(keys)
        parent = _parent(items, chance, kind)
        items[key] = Item(key, kind, parent, f"text {key}", status="todo" if kind is Kind.TASK else "")
        _insert(children, parent, key, chance)
    elif choice == "edit":
        key = chance.choice(list(items))
        item = items[key]
        changed = [item._replace(text=f"said {chance.randrange(1000)}")]
        if item.kind is Kind.TASK:
            changed += [item._replace(status=chance.choice(STATUSES)), item._replace(assignee="backend")]
        items[key] = chance.choice(changed)
    else:
        key = chance.choice(list(items))
        below = {item.key for item in current.subtree(key)}
        children[items[key].parent].remove(key)
        if choice == "delete":
            for gone in below:
                del items[gone]
                children.pop(gone, None)
        else:
            stay = {name: item for name, item in items.items() if name not in below}
            parent = _parent(stay, chance, items[key].kind)
            items[key] = items[key]._replace(parent=parent)
            _insert(children, parent, key, chance)
    return arrange(current.plan, items, children)


def _parent(items: dict[str, Item], chance: random.Random, kind: Kind) -> str:
    allowed = [key for key, item in items.items() if kind is Kind.TASK or item.kind is Kind.PHASE]
    return chance.choice([ROOT, *allowed])


def _insert(children: dict[str, list[str]], parent: str, key: str, chance: random.Random) -> None:
    siblings = children.setdefault(parent, [])
    siblings.insert(chance.randint(0, len(siblings)), key)
