"""Where tasks stand in their files, as these were when they were last seen: `of_tasks`, `document_of`."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from audit import services as audit
from audit.models import Snapshot
from planning_sync.replicas.base import ABSENT
from planning_sync.sync import sides, state
from planning_sync.sync.models import Link
from plans import identity
from plans.document import Document
from plans.models import Task
from plans.outline import Kind, Outline


def of_tasks(plan_id: UUID) -> dict[UUID, int]:
    """The 1-based line of each task of the plan that stands in the file of its oldest replica."""
    link = (
        Link.objects.filter(plan_id=plan_id, gone_at=None)
        .select_related("replica")
        .order_by("replica__created_at", "replica_id")
        .first()
    )
    document = document_of(link) if link is not None else None
    if link is None or document is None:
        return {}
    swallowed = Task.objects.filter(plan_id=plan_id, unreachable=True).values_list("pk", flat=True)
    keys = _keys(document, state.unpack(link.seen), {pk.hex for pk in swallowed})
    return {
        UUID(key): spot.line + 1
        for key, item, spot in zip(keys, document.outline.items, document.spots, strict=True)
        if key and item.kind is Kind.TASK
    }


def document_of(link: Link) -> Document | None:
    """The file as it was last seen; None where it never was."""
    if link.checksum == ABSENT:
        return None
    try:
        data = audit.snapshot(link.checksum)
    except Snapshot.DoesNotExist:
        return None
    return sides.connect(link.replica).prepare_restore(link.path, ABSENT, data).document


def _keys(document: Document, seen: Outline, swallowed: set[str]) -> Iterator[str]:
    """The id of each item of the document, "" where it has none. `seen` is what it was read as."""
    parsed = document.outline.items
    listed = [item for item in seen.items if item.key not in swallowed]
    if len(listed) == len(parsed) and all(a.text == b.text for a, b in zip(listed, parsed, strict=True)):
        return (item.key for item in listed)
    # Another version of the parser reads the file in another way.
    known = identity.match(seen, document.outline, document.hidden).keys
    return (known.get(item.key, "") for item in parsed)
