"""What the log says of one plan since an operation: `Ledger`. Reads, never writes.

An undo and what it undid cancel each other: neither of the two stands any more. So does an undo of an undo
with the undo, which lets the first operation stand again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.functional import cached_property

from audit.models import Entry, Operation
from planning_sync.sync.models import Link
from plans.outline import FIELDS, Kind

DOCUMENT = "document"
AGREEMENT = "agreement"
PRESENCE_ACTIONS = frozenset({"created", "deleted", "restored"})
CONFLICT_ACTIONS = frozenset({"opened", "decided", "reopened", "closed", "assigned", "postponed"})
_ITEM_ACTIONS = frozenset({"created", "changed", "moved", "deleted"})
_PLAN_FIELDS = frozenset(FIELDS[Kind.PLAN])


@dataclass(frozen=True)
class LinkStep:
    """What one operation did to the file of one link, and to what the link had agreed on."""

    operation: Operation
    first_entry: int
    before: str | None
    """Checksum of the document; None where the operation left it alone."""
    after: str | None
    agreement: dict[str, str | None] | None
    """Snapshots of the link's packed columns as they were before, where they held more than what was seen."""
    found_edit: bool
    """Whether the file was found edited, rather than only written."""


@dataclass(frozen=True)
class Ledger:
    plan_id: UUID
    entries: Sequence[Entry]
    """In the order in which they were recorded."""

    @classmethod
    def since(cls, plan_id: UUID, operation_ids: Collection[UUID]) -> Ledger:
        """From the first entry of these operations on."""
        entries = Entry.objects.filter(plan_id=plan_id)
        own = entries.filter(operation_id__in=list(operation_ids))
        first = own.order_by("id").values_list("pk", flat=True).first() or 0
        rows = entries.filter(pk__gte=first).select_related("operation").order_by("id")
        return cls(plan_id, tuple(rows))

    @cached_property
    def operations(self) -> dict[UUID, Operation]:
        """By the place of their last entry, newest first."""
        return {entry.operation_id: entry.operation for entry in reversed(self.entries)}

    @cached_property
    def _standing(self) -> tuple[frozenset[UUID], dict[UUID, Operation]]:
        cancelled: set[UUID] = set()
        undone_by: dict[UUID, Operation] = {}
        for pk, operation in self.operations.items():
            if pk in cancelled or operation.kind != Operation.Kind.UNDO:
                continue
            undone = undone_in(operation, self.plan_id) & self.operations.keys()
            if undone:
                cancelled |= {pk, *undone}
                undone_by |= dict.fromkeys(undone, operation)
        return frozenset(cancelled), undone_by

    @property
    def cancelled(self) -> frozenset[UUID]:
        """Operations that do not stand any more: undone, or undos of them."""
        return self._standing[0]

    def undone_by(self, operation_id: UUID) -> Operation | None:
        return self._standing[1].get(operation_id)

    def of(self, operation_ids: Collection[UUID]) -> list[Entry]:
        return [entry for entry in self.entries if entry.operation_id in operation_ids]

    def newer(self, than: Collection[UUID]) -> Iterator[Entry]:
        """Entries of standing operations, other than these, that came after the first entry of these."""
        first = next((entry.pk for entry in self.entries if entry.operation_id in than), None)
        for entry in self.entries:
            if first is not None and entry.pk > first and entry.operation_id not in {*than, *self.cancelled}:
                yield entry

    def link_steps(self, link: Link) -> list[LinkStep]:
        """What operations did to the link's file and memory, newest first."""
        found: list[LinkStep] = []
        for pk, operation in self.operations.items():
            entries = list(_of_link([entry for entry in self.entries if entry.operation_id == pk], link))
            if not entries:
                continue
            documents = [entry for entry in entries if entry.field == DOCUMENT]
            agreements = [entry.before for entry in entries if entry.field == AGREEMENT]
            first = next(entry.pk for entry in self.entries if entry.operation_id == pk)
            found.append(
                LinkStep(
                    *(operation, first),
                    before=str(documents[0].before or "") if documents else None,
                    after=str(documents[-1].after or "") if documents else None,
                    agreement=agreements[0] if agreements else None,
                    found_edit=any(entry.action == Entry.Action.CHANGED for entry in documents),
                )
            )
        return found


def undone_in(undo: Operation, plan_id: UUID) -> set[UUID]:
    """Which operations this undo took back on the plan."""
    told = [*undo.summary.get("undoes", ()), *undo.summary.get("along", {}).get(str(plan_id), ())]
    return {UUID(each) for each in told}


def tells_of_items(entry: Entry) -> bool:
    """Whether the entry changed what the plan says."""
    if entry.action not in _ITEM_ACTIONS:
        return False
    if entry.item_kind == Kind.PLAN:
        return entry.action == Entry.Action.CHANGED and entry.field in _PLAN_FIELDS
    return entry.item_kind in (Kind.PHASE, Kind.TASK)


def tells_of_presence(entry: Entry) -> bool:
    """Whether the entry made the plan, put it into the bin, or took it out."""
    return entry.item_kind == Kind.PLAN and entry.action in PRESENCE_ACTIONS


def conflict_of(entry: Entry) -> UUID | None:
    """The conflict that the entry is about."""
    if entry.action not in CONFLICT_ACTIONS or not isinstance(entry.after, dict):
        return None
    told: Any = entry.after.get("conflict")
    return UUID(told) if told else None


def _of_link(entries: Sequence[Entry], link: Link) -> Iterable[Entry]:
    """The entries of one operation about the link's document and agreement."""
    replica_id = entries[0].operation.replica_id
    named = {_link_of(entry) for entry in entries if entry.field == AGREEMENT}
    current = next(iter(named)) if len(named) == 1 else None
    for entry in entries:
        if entry.field == AGREEMENT:
            current = _link_of(entry)
            if current == link.pk:
                yield entry
        elif entry.field == DOCUMENT and entry.item_kind == Kind.PLAN:
            mine = current == link.pk if current is not None else replica_id in (None, link.replica_id)
            if mine:
                yield entry


def _link_of(entry: Entry) -> int:
    """The link that an entry about an agreement names."""
    told: dict[str, int] = entry.after or {}
    return told["link"]
