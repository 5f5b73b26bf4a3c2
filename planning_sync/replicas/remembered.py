"""What a place has no words for, taken from what was seen there last: `containers`, `recalled`.

A *container* of a task is the record that it hangs below at a place where records nest only so deep; `ROOT`
is the top.
"""

from __future__ import annotations

from plans.outline import ROOT, Item, Kind, Outline, arrange


def containers(outline: Outline, levels: int) -> dict[str, str]:
    """The record that each task hangs below, in order, where records nest so deep."""
    found: dict[str, str] = {}
    depth: dict[str, int] = {}
    for item in outline.items:
        if item.kind is not Kind.TASK:
            continue
        above = depth.get(item.parent, 0)
        found[item.key] = ROOT if not above else item.parent if above < levels else found[item.parent]
        depth[item.key] = min(above + 1, levels)
    return found


def recalled(said: Outline, seen: Outline, levels: int) -> Outline:
    """`said` with the phases, the depth and the order of `seen`, where it does not say otherwise itself.

    Phases of `said` are remembered ones, of an older memory, and give way to those of `seen`.
    """
    before, now = containers(seen, levels), containers(said, levels)
    kept = {key for key, container in now.items() if before.get(key) == container}
    items: dict[str, Item] = {}
    children: dict[str, list[str]] = {}
    for item in seen.items:
        if item.kind is Kind.PHASE or item.key in kept:
            parent = _surviving(item, seen, kept, now.get(item.key, ROOT))
            told = said.by_key[item.key] if item.key in kept else item
            items[item.key] = told._replace(parent=parent)
            children.setdefault(parent, []).append(item.key)
    last: dict[str, str] = {}
    for item in said.tasks():
        if item.key not in kept:
            above = now[item.key]
            items[item.key] = item._replace(parent=above)
            siblings = children.setdefault(above, [])
            before_it = last.get(above)
            siblings.insert(siblings.index(before_it) + 1 if before_it else 0, item.key)
        last[items[item.key].parent] = item.key
    return arrange(said.plan, items, children)


def _surviving(item: Item, seen: Outline, kept: set[str], container: str) -> str:
    """The nearest of those above the item that is still above it."""
    parent = item.parent
    while parent not in (ROOT, container) and parent not in kept:
        above = seen.by_key[parent]
        if above.kind is Kind.PHASE:
            break
        parent = above.parent
    return parent
