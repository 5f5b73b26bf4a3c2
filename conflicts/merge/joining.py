"""Which new items of the two sides are one and the same item. Package-internal: `join`, `renamed`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping

from plans.outline import Item, Outline


def join(base: Outline, hub: Outline, replica: Outline) -> dict[str, str]:
    """Replica key -> hub key for each pair of new items with one parent that say the same or bear one ref.

    Equals are paired in their order; a ref with two texts joins only where it is the one such pair.
    """
    arrivals = _arrivals(base, hub, replica)
    joined: dict[str, str] = {}
    fresh: defaultdict[str, list[Item]] = defaultdict(list)
    for item in replica.items:
        if item.key not in base.by_key and item.key not in hub.by_key:
            fresh[item.parent].append(item)
    # Parents come before their children, so that a parent is joined before it is asked for.
    for parent, theirs in fresh.items():
        mine = arrivals.get(joined.get(parent, parent), [])
        if mine:
            found = _pairs(mine, theirs, _wording, ambiguous=True)
            taken = set(found.values())
            left = [item for item in mine if item.key not in taken]
            over = [item for item in theirs if item.key not in found]
            joined |= found | _pairs(left, over, _reference, ambiguous=False)
    return joined


def _arrivals(base: Outline, hub: Outline, replica: Outline) -> dict[str, list[Item]]:
    """The items that only the hub has and the base has not, by parent."""
    found: defaultdict[str, list[Item]] = defaultdict(list)
    for item in hub.items:
        if item.key not in base.by_key and item.key not in replica.by_key:
            found[item.parent].append(item)
    return found


def _wording(item: Item) -> Hashable:
    return (item.kind, item.ref, item.text)


def _reference(item: Item) -> Hashable | None:
    return (item.kind, item.ref) if item.ref else None


def _pairs(
    mine: list[Item], theirs: list[Item], sameness: Callable[[Item], Hashable | None], *, ambiguous: bool
) -> dict[str, str]:
    alike: defaultdict[Hashable, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, items in enumerate((mine, theirs)):
        for item in items:
            alike[sameness(item)][side].append(item.key)
    alike.pop(None, None)
    pairs: dict[str, str] = {}
    for hub_keys, replica_keys in alike.values():
        if ambiguous or len(hub_keys) == len(replica_keys) == 1:
            pairs.update(zip(replica_keys, hub_keys, strict=False))
    return pairs


def renamed(outline: Outline, names: Mapping[str, str]) -> Outline:
    """`outline` with the keys in `names` replaced and all others kept."""
    if not names:
        return outline
    return Outline(
        outline.plan,
        tuple(
            item._replace(key=names.get(item.key, item.key), parent=names.get(item.parent, item.parent))
            if item.key in names or item.parent in names
            else item
            for item in outline.items
        ),
    )
