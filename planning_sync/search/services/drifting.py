"""Noting how far the index was found to be from the hub: `note`."""

from __future__ import annotations

from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.search.models import Collection

ACTOR = "embedder"


def note(*, expected: int, found: int, differing: int, actor: str = ACTOR) -> None:
    """Drift is written to the log, and so told of, once: not again until the two were found in step."""
    told = {"expected": expected, "found": found, "differing": differing}
    with write_transaction():
        row = Collection.objects.select_for_update().filter(pk=1).first()
        if row is None:
            return
        Collection.objects.filter(pk=1).update(checked_at=timezone.now(), **told)
        if differing and not row.differing:
            drifted = Note(Entry.Action.DRIFTED, item_kind="index", after=told)
            audit.note_done(Operation.Kind.ADMIN, [drifted], actor=actor)
