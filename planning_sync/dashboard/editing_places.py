"""Where an item comes to stand when it is moved by one step: `step`. Pure.

Up and down go past a sibling; a task at the end of its phase goes on into the next one. In and out change the
item above: the sibling before, and the item above that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from plans.outline import ROOT, Item, Kind, Outline, Place

Ways = Callable[[Outline, Item], Place | None]


def step(outline: Outline, key: str, way: str) -> Place | None:
    """The place, None where there is nothing in that direction. `way` is one of `WAYS`."""
    return WAYS[way](outline, outline.by_key[key])


def children(outline: Outline, parent: str, kind: Kind) -> list[str]:
    """Keys of the children of that kind, in their order."""
    return [key for key in outline.children.get(parent, ()) if outline.by_key[key].kind is kind]


def _up(outline: Outline, item: Item) -> Place | None:
    siblings = children(outline, item.parent, item.kind)
    at = siblings.index(item.key)
    if at:
        return Place(item.parent, siblings[at - 2] if at > 1 else "")
    before = _section(outline, item, -1)
    return None if before is None else _last(outline, before, item.kind)


def _down(outline: Outline, item: Item) -> Place | None:
    siblings = children(outline, item.parent, item.kind)
    at = siblings.index(item.key)
    if at + 1 < len(siblings):
        return Place(item.parent, siblings[at + 1])
    following = _section(outline, item, +1)
    return None if following is None else Place(following, "")


def _in(outline: Outline, item: Item) -> Place | None:
    siblings = children(outline, item.parent, item.kind)
    at = siblings.index(item.key)
    return _last(outline, siblings[at - 1], item.kind) if at else None


def _out(outline: Outline, item: Item) -> Place | None:
    above = outline.by_key[item.parent]
    return Place(above.parent, above.key) if above.kind is item.kind else None


def _section(outline: Outline, item: Item, by: int) -> str | None:
    """The phase before or after the one that the task stands in; the plan itself comes before all."""
    if item.kind is Kind.PHASE or outline.by_key[item.parent].kind is Kind.TASK:
        return None
    sections = [ROOT, *(phase.key for phase in outline.phases())]
    at = sections.index(item.parent) + by
    return sections[at] if 0 <= at < len(sections) else None


def _last(outline: Outline, parent: str, kind: Kind) -> Place:
    present = children(outline, parent, kind)
    return Place(parent, present[-1] if present else "")


WAYS: Mapping[str, Ways] = {"up": _up, "down": _down, "in": _in, "out": _out}
