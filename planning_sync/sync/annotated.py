"""Items that the hub deleted while somebody wrote below them in the file: `of`.

An outline does not hold what is written between the tasks, so a merge of outlines would let it go with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from audit import services as audit
from audit.models import Snapshot
from conflicts.merge.model import PRESENCE, Spot
from plans.document.text import decode, split_lines
from plans.outline import Item

if TYPE_CHECKING:
    from planning_sync.sync.exchange import World

TEXT_ADDED = "text_added"
"""The rule that asks a person."""


def of(world: World) -> Mapping[Spot, str]:
    """The deletions that a person is to look at: text was added below since the last sync, or was then."""
    gone = list(_deleted(world))
    asked = {
        (item.key, PRESENCE): TEXT_ADDED
        for item in gone
        if world.at_work.asked.get((item.key, PRESENCE)) == TEXT_ADDED
    }
    if not gone or not _is_edited(world):
        return asked
    added = _added_lines(world)
    fresh = {(item.key, PRESENCE): TEXT_ADDED for item in gone if _has_any(world, item, added)}
    return {**asked, **fresh}


def _deleted(world: World) -> Iterator[Item]:
    """The topmost items that the hub let go and the file still has."""
    hub, read = world.hub.by_key, world.reading.document.outline.by_key
    for item in world.base.items:
        if item.key in read and item.key not in hub and item.parent in hub:
            yield item


def _is_edited(world: World) -> bool:
    before = world.link.checksum
    return world.reading.checksum != before and Snapshot.objects.filter(pk=before).exists()


def _added_lines(world: World) -> set[int]:
    """Numbers of lines that say something, were not in the file at the last sync, and are no item's own."""
    document = world.reading.document
    before = Counter(split_lines(decode(audit.snapshot(world.link.checksum))[1]))
    after = Counter(document.lines)
    own = {spot.text_line for spot in document.spots}
    return {
        number
        for number, line in enumerate(document.lines)
        if after[line] > before[line] and line.strip() and number not in own
    }


def _has_any(world: World, item: Item, lines: set[int]) -> bool:
    document = world.reading.document
    position = next(at for at, each in enumerate(document.outline.items) if each.key == item.key)
    spot = document.spots[position]
    return any(spot.line <= number < spot.end for number in lines)
