"""What helps a person to decide on a clash: who changed each side and when, and the lines of the file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from audit.models import Entry
from conflicts.merge import Clash
from conflicts.services import Evidence
from planning_sync.replicas.base import Reading
from planning_sync.replicas.base import Replica as Side
from planning_sync.replicas.errors import GitError, ReplicaError
from planning_sync.sync.models import Replica
from plans.document.text import display
from plans.outline import FIELDS, ROOT

logger = logging.getLogger(__name__)

AROUND = 3
"""Lines shown before and after the one concerned."""

_CONTENT = frozenset(name for names in FIELDS.values() for name in names)


class Author(NamedTuple):
    at: datetime | None = None
    by: str = ""


def evidence_of(
    plan_id: UUID, replica_id: UUID, side: Side, path: str, reading: Reading | None
) -> Callable[[Clash], Evidence]:
    """A function from a clash to what is known about it; the replica is asked once, at the first clash."""
    saved: list[Author] = []
    places = {} if reading is None else _places(reading)

    def tell(clash: Clash) -> Evidence:
        if not saved:
            saved.append(_saved(side, path))
        hub = _changed_in_hub(plan_id, replica_id, clash)
        place = places.get(clash.key)
        lines = () if place is None or reading is None else _excerpt(reading, place)
        number = None if place is None else place + 1
        return Evidence(saved[0].at, saved[0].by, hub.at, hub.by, path, number, lines)

    return tell


def _places(reading: Reading) -> dict[str, int]:
    """The line, from 0, of each item and of the plan's title."""
    document = reading.document
    found = {
        item.key: spot.text_line for item, spot in zip(document.outline.items, document.spots, strict=True)
    }
    return {ROOT: 0, **found} if document.lines else found


def _excerpt(reading: Reading, place: int) -> tuple[tuple[int, str], ...]:
    lines = reading.document.lines
    shown = range(max(0, place - AROUND), min(len(lines), place + AROUND + 1))
    return tuple((number + 1, display(lines[number]).rstrip("\r\n")) for number in shown)


def _saved(side: Side, path: str) -> Author:
    try:
        return Author(side.saved_at(path), side.saved_by(path))
    except (GitError, ReplicaError) as error:
        logger.warning("Nobody knows who saved %s: %s", path, error)
        return Author()


def _changed_in_hub(plan_id: UUID, replica_id: UUID, clash: Clash) -> Author:
    """Who last changed this in the hub: a person, or another replica by its name."""
    item_id = UUID(clash.key) if clash.key else plan_id
    entries = Entry.objects.filter(plan_id=plan_id, item_id=item_id)
    if clash.field in _CONTENT:
        made = Entry.Action.CREATED if clash.base is None else Entry.Action.CHANGED
        entries = entries.filter(action=made)
        if clash.base is not None:
            entries = entries.filter(field=clash.field)
    else:
        entries = entries.exclude(action__in=(Entry.Action.OPENED, Entry.Action.WRITTEN))
    last = entries.select_related("operation").order_by("-id").first()
    if last is None:
        return Author()
    source = last.operation.replica_id
    if source is None or source == replica_id:
        return Author(last.at, last.operation.actor)
    name = Replica.objects.filter(pk=source).values_list("name", flat=True).first()
    return Author(last.at, name or last.operation.actor)
