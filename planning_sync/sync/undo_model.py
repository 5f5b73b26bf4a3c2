"""What an undo is made of: `Case` and its parts, and `Examined`, in which one is worked out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from uuid import UUID

from audit.models import Entry, Operation
from conflicts.models import Conflict
from planning_sync.sync import ledger as ledgers
from planning_sync.sync.ledger import Ledger
from planning_sync.sync.memory import Memory
from planning_sync.sync.models import Link
from plans import outline as outlines
from plans.models import Plan
from plans.outline import ROOT, Changed, Kind, Outline, Value
from plans.storage import Stored

Presence = Literal["", "discard", "recover"]
"""What becomes of the plan itself."""

How = Literal["leave", "restore", "rewrite", "lines", "reopen", "delete", "release", "attach", "sync"]
"""What becomes of a file and its link."""

CHANGED_LATER = "it changed the same thing later"
WRITES_AGAIN = "its edits would be written again by the next sync"
APPLIES_AGAIN = "its decision would be applied again by the next sync"
DELETED_LATER = "it put the plan into the bin"
ON_TOP = "it changed the file later"


class Dependent(NamedTuple):
    """An operation that has to be undone as well."""

    operation: Operation
    what: str
    why: str


class Spot(NamedTuple):
    """A plain field on which a settled conflict is to be open again, with the values of the three sides."""

    replica_id: UUID
    key: str
    field: str
    base: Value
    replica: Value
    hub: Value


class ConflictBack(NamedTuple):
    """The fields that a conflict gets back."""

    conflict: Conflict
    action: str
    fields: Mapping[str, Any]


class LinkCase(NamedTuple):
    """What becomes of one link and its file."""

    link: Link
    how: How
    memory: Memory | None = None
    """For `restore`, `rewrite` and `delete`: what the link shall hold."""
    spots: tuple[Spot, ...] = ()
    """For `reopen`."""


@dataclass(frozen=True)
class Case:
    plan: Plan
    stored: Stored
    operations: tuple[Operation, ...]
    """Those of the wanted ones that stand on this plan, newest first."""
    along: frozenset[UUID] = frozenset()
    """Syncs that did nothing but apply them: undone with them."""
    hub: Outline = field(default_factory=lambda: Outline(outlines.Item(ROOT, Kind.PLAN, ROOT, "")))
    presence: Presence = ""
    links: tuple[LinkCase, ...] = ()
    conflicts: tuple[ConflictBack, ...] = ()
    dependents: tuple[Dependent, ...] = ()
    refusal: str = ""

    @property
    def does_something(self) -> bool:
        acts = any(each.how != "leave" for each in self.links)
        return bool(self.presence or self.conflicts or acts or self.hub != self.stored.outline)

    @property
    def told(self) -> tuple[object, ...]:
        """All that the case rests on and would do, for a fingerprint."""
        return (
            *(self.plan.pk, self.plan.revision, self.plan.deleted_at is None, self.presence, self.hub.items),
            *(tuple(self.hub.plan), sorted(map(str, (each.pk for each in self.operations)))),
            *((each.link.pk, each.link.checksum, each.how, each.spots) for each in self.links),
            *((each.memory.checksum if each.memory else "") for each in self.links),
            *((each.conflict.pk, each.conflict.state, each.action) for each in self.conflicts),
        )


@dataclass
class Examined:
    """One plan under examination: what is known of it, and what was found so far."""

    plan: Plan
    ledger: Ledger
    stored: Stored
    own: Sequence[Operation]
    """The wanted operations that stand on the plan, newest first."""
    links: Sequence[Link]
    own_ids: frozenset[UUID] = frozenset()
    along: frozenset[UUID] = frozenset()
    spots: tuple[Spot, ...] = ()
    hub: Outline = field(init=False)
    presence: Presence = ""
    dependents: dict[UUID, Dependent] = field(default_factory=dict)
    refusal: str = ""

    def __post_init__(self) -> None:
        self.hub = self.stored.outline
        self.own_ids = frozenset(operation.pk for operation in self.own)

    @property
    def unit(self) -> frozenset[UUID]:
        """All that is undone together."""
        return self.own_ids | self.along

    @property
    def creates(self) -> bool:
        """Whether the plan itself was made by what is undone."""
        return any(
            ledgers.tells_of_presence(entry) and entry.action == Entry.Action.CREATED
            for entry in self.ledger.of(self.unit)
        )

    def touches(self, link: Link, unit: Collection[UUID]) -> bool:
        """Whether one of the operations did something to the link's file."""
        return any(step.operation.pk in unit for step in self.ledger.link_steps(link))

    def depend(self, entries: Iterable[Entry], why: str) -> None:
        """Note the operations of the entries as ones that have to be undone as well."""
        for entry in entries:
            if entry.operation_id not in self.unit:
                dependent = Dependent(entry.operation, _what(entry, self.stored.outline), why)
                self.dependents.setdefault(entry.operation_id, dependent)


UNDECIDED: Mapping[str, Any] = {
    "taken": "",
    "taken_value": None,
    "decided_by": "",
    "decided_at": None,
    "decision_id": None,
    "applied_by_id": None,
}
CLOSED: Mapping[str, Any] = {**UNDECIDED, "state": Conflict.State.CLOSED}
OPEN: Mapping[str, Any] = {**UNDECIDED, "state": Conflict.State.OPEN, "closed_at": None}


def spot_of(row: Conflict) -> Spot:
    """Where the conflict is, with its values as outlines hold them."""
    values = (value_of(row.field, told) for told in (row.base_value, row.replica_value, row.hub_value))
    return Spot(row.replica_id, row.item_key, row.field, *values)


def value_of(field: str, told: Any) -> Value:
    """What a field holds, from JSON; None is an empty field."""
    return tuple(told or ()) if field in ("tags", "depends_on") else told or ""


def turned(hub: Outline, spot: Spot) -> Outline:
    """The hub with its own value again."""
    present = outlines.value(hub.by_key[spot.key], spot.field)
    return outlines.apply(hub, [Changed(spot.key, spot.field, present, spot.hub)])


def is_work(entry: Entry) -> bool:
    """Whether the entry is somebody's work on the plan, rather than about its file."""
    if entry.action == Entry.Action.DECIDED:
        return True
    return ledgers.tells_of_items(entry) or ledgers.tells_of_presence(entry)


def key_of(entry: Entry) -> str:
    assert entry.item_id is not None, "an entry about an item names it"
    return ROOT if entry.item_kind == Kind.PLAN else entry.item_id.hex


def _what(entry: Entry, outline: Outline) -> str:
    """What the entry did, in a few words."""
    if entry.item_kind == Kind.PLAN or entry.item_id is None:
        named = "the plan"
    else:
        item = outline.by_key.get(entry.item_id.hex)
        told = entry.before if isinstance(entry.before, dict) else entry.after
        text = item.text if item else (told.get("text", "") if isinstance(told, dict) else "")
        named = f"{entry.item_kind} {text!r}"
    of = f"{entry.field} of " if entry.field and entry.action not in ("moved", "created") else ""
    return f"{entry.action} {of}{named}"
