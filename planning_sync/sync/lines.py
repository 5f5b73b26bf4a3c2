"""Where items stand in their files as these were last seen: `of_tasks`, `read`, `further`, `document_of`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from audit import services as audit
from audit.models import Snapshot
from planning_sync.replicas.base import ABSENT
from planning_sync.replicas.structured import Records
from planning_sync.sync import sides, state
from planning_sync.sync.models import Link
from plans import identity
from plans.document import Document
from plans.models import Task
from plans.outline import Kind, Outline


class Read(NamedTuple):
    document: Document
    keys: tuple[str, ...]
    """The id of each item of the document as hex, "" where it has none."""


def of_tasks(plan_id: UUID) -> dict[UUID, int]:
    """The 1-based line of each task of the plan that stands in the file of its oldest replica."""
    link = (
        Link.objects.filter(plan_id=plan_id, gone_at=None)
        .select_related("replica")
        .order_by("replica__created_at", "replica_id")
        .first()
    )
    found = read(link) if link is not None else None
    if found is None:
        return {}
    document = found.document
    return {
        UUID(key): spot.line + 1
        for key, item, spot in zip(found.keys, document.outline.items, document.spots, strict=True)
        if key and item.kind is Kind.TASK
    }


def read(link: Link) -> Read | None:
    """The file as it was last seen, and which items of the plan it holds; None where it never was."""
    document = document_of(link)
    if document is None:
        return None
    swallowed = Task.objects.filter(plan_id=link.plan_id, unreachable=True).values_list("pk", flat=True)
    return Read(document, _keys(document, state.unpack(link.seen), {pk.hex for pk in swallowed}))


def further(link: Link, key: str) -> Mapping[str, object]:
    """What the record of that item says besides, as it was last seen, for which the hub has no field."""
    found = read(link)
    if found is None or not isinstance(found.document, Records) or key not in found.keys:
        return {}
    return found.document.further.get(found.document.names[found.keys.index(key)].own, {})


def document_of(link: Link) -> Document | None:
    """The file as it was last seen; None where it never was."""
    if link.checksum == ABSENT:
        return None
    try:
        data = audit.snapshot(link.checksum)
    except Snapshot.DoesNotExist:
        return None
    return sides.connect(link.replica).prepare_restore(link.path, ABSENT, data).document


def _keys(document: Document, seen: Outline, swallowed: set[str]) -> tuple[str, ...]:
    """`seen` is what the document was read as."""
    parsed = document.outline.items
    listed = [item for item in seen.items if item.key not in swallowed]
    if len(listed) == len(parsed) and all(a.text == b.text for a, b in zip(listed, parsed, strict=True)):
        return tuple(item.key for item in listed)
    # Another version of the parser reads the file in another way.
    known = identity.match(seen, document.outline, document.hidden).keys
    return tuple(known.get(item.key, "") for item in parsed)
