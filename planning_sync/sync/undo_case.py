"""What it takes to undo operations on one plan, decided from the log: `examine`. Nothing is written here.

The inverse of an operation is a merge: its outcome is the base, the plan as it was before is one side, the
plan as it is now the other. What both changed is newer work that depends on it, and a reason to refuse.

    before <--operation-- after ... newer work ... now      target = merge(after; now, before)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser

from audit.models import Entry, Operation
from conflicts import merge
from conflicts.merge import STRUCTURAL, Clash
from conflicts.merge.model import ORDER, PRESENCE
from conflicts.models import Conflict
from conflicts.services import AT_WORK
from planning_sync.replicas.base import ABSENT, Replica
from planning_sync.sync import ledger as ledgers
from planning_sync.sync import memory as memories
from planning_sync.sync import sides
from planning_sync.sync.ledger import Ledger, LinkStep
from planning_sync.sync.memory import Memory
from planning_sync.sync.models import Link
from plans import history, storage
from plans import outline as outlines
from plans.history import Step
from plans.models import Plan
from plans.outline import ROOT, Changed, Kind, Outline, Value
from plans.storage import Stored

How = Literal["leave", "restore", "rewrite", "lines", "reopen", "delete", "release", "attach", "sync"]
_LATEST_TRIED = 5

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
    presence: Literal["", "discard", "recover"] = ""
    links: tuple[LinkCase, ...] = ()
    conflicts: tuple[ConflictBack, ...] = ()
    dependents: tuple[Dependent, ...] = ()
    refusal: str = ""
    remarks: tuple[str, ...] = ()

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


def examine(plan_id: UUID, wanted: Collection[UUID]) -> Case | None:
    """The case of the plan; None where none of the operations stands on it. Raises the replicas' errors."""
    plan = Plan.objects.filter(pk=plan_id).first()
    if plan is None:
        return None
    ledger = Ledger.since(plan_id, wanted)
    own = [
        operation
        for pk, operation in ledger.operations.items()
        if pk in wanted and ledger.undone_by(pk) is None
    ]
    return _Examination(plan, ledger, own).case() if own else None


class _Examination:
    def __init__(self, plan: Plan, ledger: Ledger, own: list[Operation]) -> None:
        self.plan, self.ledger, self.own = plan, ledger, own
        self.stored = storage.load(plan)
        self.links = list(Link.objects.select_related("replica", "plan").filter(plan=plan).order_by("pk"))
        self.dependents: dict[UUID, Dependent] = {}
        self.remarks: list[str] = []
        self.refusal = ""
        self.own_ids = frozenset(operation.pk for operation in own)
        self.along = self._along()
        self.spots = self._spots()
        if self.along and self.spots:  # one decision applied alone, another one among other work
            self.along = frozenset()
            self.spots = self._spots()
        self.unit = self.own_ids | self.along
        self.steps: list[Step] = []
        self.hub = self.stored.outline
        self.presence: Literal["", "discard", "recover"] = ""

    def case(self) -> Case:
        self.presence = self._presence()
        if self._creates():
            self._depend((entry for entry in self.ledger.newer(self.unit) if _is_work(entry)), CHANGED_LATER)
        else:
            self._revert()
        conflicts = tuple(self._conflicts())
        links = tuple(self._link_case(link) for link in self.links)
        return Case(
            *(self.plan, self.stored, tuple(self.own), self.along, self.hub, self.presence),
            links=links,
            conflicts=conflicts,
            dependents=tuple(self.dependents.values()),
            refusal=self.refusal,
            remarks=tuple(self.remarks),
        )

    # ------------------------------------------------------------------------------- what goes along

    def _along(self) -> frozenset[UUID]:
        """Syncs that did nothing on this plan but apply what is to be undone, if they can be undone whole."""
        found = {*self._appliers(), *self._repairs_taken_in()}
        unit = self.own_ids | found
        live = [link for link in self.links if link.released_at is None]
        if all(memories.reachable(self.ledger, link, unit) or not self._touches(link, unit) for link in live):
            return frozenset(found - self.own_ids)
        return frozenset()

    def _touches(self, link: Link, unit: Collection[UUID]) -> bool:
        return any(step.operation.pk in unit for step in self.ledger.link_steps(link))

    def _appliers(self) -> Iterator[UUID]:
        rows = Conflict.objects.filter(
            plan=self.plan, decision__in=self.own_ids, state=Conflict.State.RESOLVED
        )
        for applier in {row.applied_by_id for row in rows if row.applied_by_id is not None}:
            entries = self.ledger.of({applier})
            if entries and entries[0].operation.kind == Operation.Kind.SYNC and self._only_applies(entries):
                yield applier

    def _only_applies(self, entries: Sequence[Entry]) -> bool:
        """Without an edit found in the file, all that a sync does to the hub is to apply decisions."""
        if any(entry.field == ledgers.DOCUMENT and entry.action == "changed" for entry in entries):
            return False
        if any(entry.action == Entry.Action.DECIDED for entry in entries):
            return False
        applied = Conflict.objects.filter(plan=self.plan, applied_by=entries[0].operation_id)
        return all(row.decision_id in self.own_ids for row in applied)

    def _repairs_taken_in(self) -> Iterator[UUID]:
        """Syncs that took a repair of the file into the hub, and nothing else."""
        for repair in self.own:
            if repair.kind != Operation.Kind.REPAIR:
                continue
            for link in self.links:
                steps = self.ledger.link_steps(link)
                mended = next((step for step in steps if step.operation.pk == repair.pk), None)
                taken = [step for step in steps if mended and step.first_entry > mended.first_entry][-1:]
                for step in taken:
                    if mended and (step.before, step.after) == (mended.before, mended.after):
                        yield step.operation.pk

    # ---------------------------------------------------------------------------------------- the hub

    def _presence(self) -> Literal["", "discard", "recover"]:
        told = [entry for entry in self.ledger.of(self.unit) if ledgers.tells_of_presence(entry)]
        live = self.plan.deleted_at is None
        if not told:
            return ""
        newer = [entry for entry in self.ledger.newer(self.unit) if ledgers.tells_of_presence(entry)]
        self._depend((entry for entry in newer if entry.pk > told[0].pk), CHANGED_LATER)
        if told[0].action == Entry.Action.DELETED:
            return "" if live else "recover"
        return "discard" if live else ""

    def _creates(self) -> bool:
        return any(
            ledgers.tells_of_presence(entry) and entry.action == Entry.Action.CREATED
            for entry in self.ledger.of(self.unit)
        )

    def _revert(self) -> None:
        if any(ledgers.tells_of_items(entry) for entry in self.ledger.of(self.unit)):
            if self.plan.deleted_at is not None and self.presence != "recover":
                gone = [entry for entry in self.ledger.newer(self.unit) if ledgers.tells_of_presence(entry)]
                self._depend(gone, DELETED_LATER)
                self.refusal = self.refusal or ("" if gone else "the plan is in the bin")
                return
            self.steps = history.steps_of(self.plan, self.unit)
        for step in self.steps:
            if step.before is None:
                continue
            decision = merge.decide(step.after, self.hub, step.before)
            if decision.clashes:
                self._clashed(step, decision.clashes)
            else:
                self.hub = decision.hub
        for spot in self.spots:
            self._turn(spot)

    def _clashed(self, step: Step, clashes: Sequence[Clash]) -> None:
        newer = [
            entry
            for entry in self.ledger.newer(self.unit)
            if entry.pk > step.first_entry and ledgers.tells_of_items(entry)
        ]
        concerned = [
            entry for entry in newer if any(_concerns(entry, clash, step, self.hub) for clash in clashes)
        ]
        self._depend(concerned or newer, CHANGED_LATER)
        if not newer:
            named = ", ".join(sorted({clash.field for clash in clashes}))
            self.refusal = f"what the plan says by now stands in the way ({named})"

    # ---------------------------------------------------------------------------------- the conflicts

    def _spots(self) -> tuple[Spot, ...]:
        """Decisions that a sync has applied among other work: only their fields are turned back."""
        found = []
        undone = self.own_ids | self.along
        rows = Conflict.objects.filter(
            plan=self.plan, decision__in=self.own_ids, state=Conflict.State.RESOLVED
        )
        for row in rows.exclude(applied_by__in=undone):
            if row.field in STRUCTURAL or row.field not in outlines.Item._fields:
                named = f"{row.field} of {row.item_label or 'the plan'}"
                self.refusal = (
                    f"the decision on {named} was applied together with other work; "
                    f"undo the sync that applied it, {row.applied_by_id}"
                )
                continue
            found.append(spot_of(row))
        return tuple(found)

    def _turn(self, spot: Spot) -> None:
        """Have the hub say its own value again, if both sides still say what was decided."""
        item = self.hub.by_key.get(spot.key)
        newer = [
            entry
            for entry in self.ledger.newer(self.unit)
            if ledgers.tells_of_items(entry)
            and _key_of(entry) == spot.key
            and entry.field in (spot.field, "")
            and entry.operation_id not in self._applied_by
        ]
        self._depend(newer, CHANGED_LATER)
        if item is None:
            self.refusal = self.refusal or "the item that the decision was about is gone"
        elif not newer:
            self.hub = turned(self.hub, spot)

    @property
    def _applied_by(self) -> set[UUID | None]:
        rows = Conflict.objects.filter(plan=self.plan, decision__in=self.own_ids)
        return set(rows.values_list("applied_by", flat=True))

    def _conflicts(self) -> Iterator[ConflictBack]:
        told: dict[UUID, Entry] = {}
        for entry in self.ledger.of(self.unit):
            pk = ledgers.conflict_of(entry)
            if pk is not None:
                told.setdefault(pk, entry)
        rows = Conflict.objects.in_bulk(list(told))
        for pk, entry in told.items():
            row = rows.get(pk)
            if row is not None:
                yield from self._back(row, entry)
        newer = [entry for entry in self.ledger.newer(self.unit) if ledgers.conflict_of(entry) in told]
        self._depend((entry for entry in newer if entry.action == Entry.Action.DECIDED), CHANGED_LATER)
        if self.presence == "discard":
            for row in Conflict.objects.filter(plan=self.plan, state__in=AT_WORK).exclude(pk__in=list(told)):
                yield ConflictBack(row, Entry.Action.CLOSED, CLOSED)

    def _back(self, row: Conflict, entry: Entry) -> Iterator[ConflictBack]:
        before = entry.before if isinstance(entry.before, dict) else {}
        kept = before.get("row")
        at_work = row.state in AT_WORK
        if entry.action in (Entry.Action.REOPENED, Entry.Action.CLOSED) and kept:
            yield ConflictBack(row, _action_of(kept), kept)
        elif entry.action == Entry.Action.OPENED and at_work:
            yield ConflictBack(row, Entry.Action.CLOSED, CLOSED)
        elif entry.action == Entry.Action.DECIDED and self._is_taken_back(row):
            yield ConflictBack(row, Entry.Action.REOPENED, OPEN)
        elif entry.action == Entry.Action.CLOSED:
            became = (entry.after or {}).get("state")
            if became == Conflict.State.RESOLVED and row.decision is not None:
                self.dependents.setdefault(
                    row.decision.pk, Dependent(row.decision, _named(row), APPLIES_AGAIN)
                )
            elif not at_work:
                yield ConflictBack(row, Entry.Action.REOPENED, OPEN)
        elif entry.action == Entry.Action.POSTPONED:
            yield ConflictBack(row, entry.action, {"postponed_until": _time(entry.before)})
        elif entry.action == Entry.Action.ASSIGNED:
            yield ConflictBack(row, entry.action, {"assigned_to": _person(entry.before)})

    def _is_taken_back(self, row: Conflict) -> bool:
        """Whether the decision still stands, and what applied it is undone as well."""
        if row.decision_id not in self.own_ids:
            return False
        if row.state == Conflict.State.DECIDED:
            return True
        spots = {(spot.key, spot.field) for spot in self.spots}
        applied = row.applied_by_id in self.unit or (row.item_key, row.field) in spots
        return row.state == Conflict.State.RESOLVED and applied

    # -------------------------------------------------------------------------------------- the files

    def _link_case(self, link: Link) -> LinkCase:
        for entry in self.ledger.of(self.unit):
            if entry.action in (Entry.Action.RELEASED, Entry.Action.LINKED) and _names(entry, link):
                how: How = "attach" if entry.action == Entry.Action.RELEASED else "release"
                stands = (link.released_at is not None) == (how == "attach")
                return self._with_memory(link, how) if stands else LinkCase(link, "leave")
        if link.released_at is not None:
            return LinkCase(link, "leave")
        if self._creates() or self.presence == "discard":
            return self._link_of_new_plan(link)
        spots = tuple(spot for spot in self.spots if spot.replica_id == link.replica_id)
        if spots:
            return LinkCase(link, "reopen", spots=spots)
        if self._touches(link, self.unit):
            return self._undone_at(link)
        return self._followed_by(link)

    def _link_of_new_plan(self, link: Link) -> LinkCase:
        """A plan that came from a file leaves it alone; one that was made in the hub takes its file along."""
        came_from_file = any(
            entry.operation.replica_id == link.replica_id
            for entry in self.ledger.of(self.unit)
            if ledgers.tells_of_presence(entry)
        )
        return LinkCase(link, "release" if came_from_file else "sync")

    def _with_memory(self, link: Link, how: How) -> LinkCase:
        """A link that is attached again, with the file that was deleted when it was released, if one was."""
        found = memories.reachable(self.ledger, link, self.unit)
        if how != "attach" or found is None:
            return LinkCase(link, how)
        step, checksum = found
        side = sides.connect(link.replica)
        if checksum == link.checksum or side.probe(link.path).checksum != link.checksum:
            return LinkCase(link, how)
        return LinkCase(link, how, memories.memory_before(self.plan, link, side, step, checksum))

    def _undone_at(self, link: Link) -> LinkCase:
        side = sides.connect(link.replica)
        found = memories.reachable(self.ledger, link, self.unit)
        untouched = side.probe(link.path).checksum == link.checksum
        memory = None
        if found is not None and untouched:
            step, checksum = found
            memory = memories.memory_before(self.plan, link, side, step, checksum)
            if memory is not None:
                self._check_not_futile(link, step, memory)
        if memory is None:
            return self._without_memory(link, reached=found is not None)
        return LinkCase(link, "delete" if memory.checksum == ABSENT else "restore", memory)

    def _without_memory(self, link: Link, *, reached: bool) -> LinkCase:
        if self.presence:
            return LinkCase(link, "sync")
        if self.hub != self.stored.outline:
            return LinkCase(link, "lines")
        for step in self._steps_on_top(link):
            what = f"wrote {link.path}" if not step.found_edit else f"took in an edit of {link.path}"
            self.dependents.setdefault(step.operation.pk, Dependent(step.operation, what, ON_TOP))
        if reached and not self.dependents:
            self.refusal = f"{link.path} was edited since, or its earlier content is not kept any more"
        return LinkCase(link, "leave")

    def _steps_on_top(self, link: Link) -> list[LinkStep]:
        found = []
        for step in self.ledger.link_steps(link):
            if step.operation.pk in self.unit:
                break
            if step.operation.pk not in self.ledger.cancelled:
                found.append(step)
        return found

    def _check_not_futile(self, link: Link, step: LinkStep, memory: Memory) -> None:
        """To take a mere write back is of no use as long as the hub still says what was written."""
        steps = [each for each in self.ledger.link_steps(link) if each.operation.pk in self.unit]
        if any(each.found_edit or each.operation.kind != Operation.Kind.SYNC for each in steps):
            return
        if self.hub != self.stored.outline or self.presence or memory.checksum in (ABSENT, link.checksum):
            return
        pending = merge.decide(memory.base, self.hub, memory.seen, held=memory.held).replica
        if self.plan.deleted_at is None and pending == memory.seen:
            return
        earlier = memories.carried_by(self.plan, step).exclude(operation__in=list(self.unit))
        work = [entry for entry in earlier.select_related("operation") if _is_work(entry)]
        self._depend(work, WRITES_AGAIN)

    def _followed_by(self, link: Link) -> LinkCase:
        """A link that the operations did not touch, where syncs have carried their edits into the file."""
        if self.presence:
            return LinkCase(link, "sync")
        return followed(self.plan, self.stored.outline, self.hub, link, self.ledger)

    # ------------------------------------------------------------------------------------ dependents

    def _depend(self, entries: Iterable[Entry], why: str) -> None:
        for entry in entries:
            if entry.operation_id not in self.unit:
                dependent = Dependent(entry.operation, _what(entry, self.stored.outline), why)
                self.dependents.setdefault(entry.operation_id, dependent)


def followed(plan: Plan, present: Outline, hub: Outline, link: Link, ledger: Ledger) -> LinkCase:
    """How the link's file follows the hub from what it says at present to what it is to say."""
    if hub == present or link.gone_at is not None or link.released_at is not None:
        return LinkCase(link, "leave")
    side = sides.connect(link.replica)
    if side.probe(link.path).checksum == link.checksum:
        memory = _fitting(plan, hub, link, side, ledger)
        if memory is not None:
            return LinkCase(link, "restore", memory)
    return LinkCase(link, "lines")


def _fitting(plan: Plan, hub: Outline, link: Link, side: Replica, ledger: Ledger) -> Memory | None:
    """The content before the syncs that carried edits, if it says just what the hub is to say."""
    checksum = link.checksum
    for step in ledger.link_steps(link)[:_LATEST_TRIED]:
        if step.found_edit or step.before in (None, ABSENT) or step.after == ABSENT:
            return None
        checksum = step.before or checksum
        memory = memories.memory_before(plan, link, side, step, checksum)
        if memory is None:
            return None
        if memories.in_step(memory, hub):
            return memory
    return None


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


def _action_of(kept: Mapping[str, Any]) -> str:
    return Entry.Action.REOPENED if kept["state"] == Conflict.State.OPEN else Entry.Action.CLOSED


def _time(told: Any) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


def _person(told: Any) -> AbstractBaseUser | None:
    model = get_user_model()
    return model._default_manager.filter(**{model.USERNAME_FIELD: told}).first() if told else None


def _named(row: Conflict) -> str:
    return f"decided {row.field} of {row.item_label or 'the plan'}"


def _names(entry: Entry, link: Link) -> bool:
    """Whether an entry about releasing is about this link."""
    if isinstance(entry.after, dict) and "link" in entry.after:
        return bool(entry.after["link"] == link.pk)
    return bool(entry.before == link.path) and entry.operation.replica_id in (None, link.replica_id)


def _is_work(entry: Entry) -> bool:
    """Whether the entry is somebody's work on the plan, rather than about its file."""
    if entry.action == Entry.Action.DECIDED:
        return True
    return ledgers.tells_of_items(entry) or ledgers.tells_of_presence(entry)


def _key_of(entry: Entry) -> str:
    assert entry.item_id is not None, "an entry about an item names it"
    return ROOT if entry.item_kind == Kind.PLAN else entry.item_id.hex


def _concerns(entry: Entry, clash: Clash, step: Step, hub: Outline) -> bool:
    key = _key_of(entry)
    if clash.field not in STRUCTURAL:
        return key == clash.key and entry.field in (clash.field, "")
    keys = {clash.key}
    for outline in (step.before, step.after, hub):
        if outline is not None and clash.key in outline.by_key:
            if clash.field == ORDER:
                keys.update(outline.children.get(clash.key, ()))
            elif clash.field == PRESENCE:
                keys.update(item.key for item in outline.subtree(clash.key))
    return key in keys


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
