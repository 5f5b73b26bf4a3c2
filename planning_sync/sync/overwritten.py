"""Writes of ours that a program has undone which had read the plan before them: `Before`, `before`.

Some programs read a file, think, and write all of it, whatever has become of it meanwhile. Then the plan is
as it was before our write, with that program's own edit. Taken for an edit, that would take back what the
hub had said. It is none where every change of our write is undone, and the place has not noted an edit of
the items concerned, shortly after we wrote. Then the link's memory is that of before the write: the hub's
changes are news again, and the other program's edit is merged as any other.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import NamedTuple

from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Snapshot
from planning_sync.replicas.base import ABSENT, Reading, Replica
from planning_sync.sync import state
from planning_sync.sync.ledger import DOCUMENT
from planning_sync.sync.models import Link
from planning_sync.sync.recognition import recognise
from plans import history
from plans import outline as outlines
from plans.document import Document
from plans.errors import BeyondHistory
from plans.models import Plan
from plans.outline import Added, Change, Changed, Kind, Moved, Outline, Removed

logger = logging.getLogger(__name__)


class Before(NamedTuple):
    """What the link held before the writes that are undone."""

    seen: Outline
    base: Outline
    names: dict[str, str]


def before(link: Link, plan: Plan, side: Replica, reading: Reading) -> Before | None:
    """None where the plan does not look as if a write of ours had been undone by accident."""
    if not side.overwritten_within_seconds or reading.checksum == link.checksum:
        return None
    seen = state.unpack(link.seen)
    for checksum, known in _written_over(link, plan, side.overwritten_within_seconds):
        document = side.prepare_restore(link.path, ABSENT, audit.snapshot(checksum)).document
        assert document is not None, "bytes make a document"
        document = _keyed(document, known, state.names(link.seen))
        if all(key in known.by_key for key in document.outline.by_key) and _is_undone(
            document, seen, reading
        ):
            logger.warning("%s was overwritten by a program that had read it before our write", link.path)
            base = state.unpack(link.base) if link.base is not None else None
            return _taken_back(document, seen, base)
    return None


def _written_over(link: Link, plan: Plan, seconds: float) -> Iterator[tuple[str, Outline]]:
    """The content before each write within that time, oldest first, and what the hub had agreed on then."""
    since = timezone.now() - timedelta(seconds=seconds)
    told = Entry.objects.filter(plan_id=plan.pk, field=DOCUMENT, operation__replica_id=link.replica_id)
    for entry in told.filter(action=Entry.Action.WRITTEN, at__gte=since).order_by("id"):
        checksum = str(entry.before or "")
        if checksum != ABSENT and Snapshot.objects.filter(pk=checksum).exists():
            last = (
                told.filter(pk__lt=entry.pk).exclude(operation_id=entry.operation_id).order_by("-id").first()
            )
            try:
                known = history.outline_at(plan, after_entry=last.pk if last else 0)
            except BeyondHistory:
                known = None
            yield checksum, known or state.unpack(link.seen)


def _keyed(
    document: Document, known: Outline, names: dict[str, str], living: Collection[str] = ()
) -> Document:
    """Under the ids of the items of `known`, or `living`; what is none of them keeps its provisional key."""
    found = recognise(document, known, names, living).keys
    keys = [found.get(item.key, item.key) for item in document.outline.items]
    return document.rekeyed(keys).recalled(known)


def _is_undone(document: Document, seen: Outline, reading: Reading) -> bool:
    """Whether all that our write made of the document, which is `seen`, is as before in the reading."""
    changes = [change for change in outlines.diff(document.outline, seen) if _concerns_task(change, seen)]
    present = _keyed(reading.document, document.outline, document.keys_by_name, seen.by_key)
    edited = _edits(document)
    untouched = {key for key, note in _edits(present).items() if note == edited.get(key, "")}
    return bool(changes) and all(_as_before(change, present.outline, untouched) for change in changes)


def _edits(document: Document) -> dict[str, str]:
    named = zip(document.outline.items, document.names, strict=False)
    return {item.key: name.edited for item, name in named}


def _concerns_task(change: Change, seen: Outline) -> bool:
    """Phases, and what the plan says of itself, may be known by memory alone."""
    if isinstance(change, Added | Removed):
        return change.item.kind is Kind.TASK
    return seen.by_key[change.key].kind is Kind.TASK


def _as_before(change: Change, present: Outline, untouched: set[str]) -> bool:
    match change:
        case Added(item):
            return item.key not in present.by_key
        case Removed(item):
            return item.key in present.by_key
        case Moved(key, place):
            return key in untouched and present.by_key[key].parent == place.parent
        case Changed(key, field, value):
            return key in untouched and outlines.value(present.by_key[key], field) == value


def _taken_back(document: Document, seen: Outline, base: Outline | None) -> Before | None:
    told = document.outline
    if base is not None:
        try:
            base = outlines.apply(base, outlines.diff(seen, told))
        except (KeyError, ValueError):  # what is in conflict hangs on what was written
            return None
    return Before(told, told if base is None else base, document.keys_by_name)
