"""Asking for a new index: `reindex`."""

from __future__ import annotations

from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.search.models import Collection


def reindex(*, actor: str, on_behalf_of: str = "") -> Collection:
    """Have the embedder build a new generation, now or when it is there; the old one answers until then."""
    with write_transaction():
        row, _ = Collection.objects.get_or_create(pk=1, defaults={"model": "", "dimension": 0})
        row.asked_at = timezone.now()
        row.save(update_fields=["asked_at"])
        note = Note(Entry.Action.CHANGED, item_kind="index", after={"generation": row.generation})
        audit.note_done(Operation.Kind.ADMIN, [note], actor=actor, on_behalf_of=on_behalf_of)
    return row
