"""Makes a base out of items that were agreed at different times. Package-internal: `rooted`."""

from __future__ import annotations

from collections.abc import Mapping

from plans.outline import ROOT, Item


def rooted(items: dict[str, Item], before: Mapping[str, Item]) -> dict[str, Item]:
    """`items` such that each hangs on the root, by as few changes as can be.

    Where items keep an old parent (their new one is in conflict), that parent may be gone, or may have been
    moved below them. A parent that is gone is kept as `before` had it; whoever closes a circle keeps the
    parent that it had `before`, which does no harm, because both sides say the same of it.
    """
    while True:
        loose = [item for item in items.values() if item.parent not in items]
        for item in loose:
            _fasten(item, items, before)
        if not loose and not _open_circle(items, before):
            return items


def _fasten(item: Item, items: dict[str, Item], before: Mapping[str, Item]) -> None:
    known = before.get(item.key)
    if item.parent in before:
        items[item.parent] = before[item.parent]
    elif known is not None and known.parent != item.parent:
        items[item.key] = item._replace(parent=known.parent)
    else:
        del items[item.key]


def _open_circle(items: dict[str, Item], before: Mapping[str, Item]) -> bool:
    """Whether there was a circle; its items then have the parents they had before."""
    moved = [key for key, item in items.items() if key in before and before[key].parent != item.parent]
    cleared = {ROOT}
    for start in moved:
        trail: dict[str, None] = {}
        key = start
        while key not in cleared and key not in trail:
            trail[key] = None
            key = items[key].parent
        if key in trail:
            for step in moved:
                if step in trail:
                    items[step] = items[step]._replace(parent=before[step].parent)
            return True
        cleared.update(trail)
    return False
