"""What a merge has to know of the conflicts at work, and what it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from conflicts import choices, merge
from conflicts.learning import services as learning
from conflicts.merge import Choice, Clash
from conflicts.merge.model import PRESENCE, Spot
from conflicts.models import GUARD, Conflict
from plans.outline import ROOT, Item

AT_WORK = (Conflict.State.OPEN, Conflict.State.DECIDED)

Begin = Callable[[], Operation]
"""Gives the operation of the pass, and makes it at the first call."""


class Outcome(NamedTuple):
    """How many conflicts a merge opened and closed."""

    opened: int
    closed: int


class AtWork(NamedTuple):
    """The conflicts between the hub and one replica over one plan that a merge has to mind."""

    choices: Mapping[Spot, Choice]
    """What people decided and no merge has applied yet."""
    pairs: frozenset[str] = frozenset()
    """Keys of items that people said are two: the choice takes the replica's, the hub's is to be another."""
    asked: Mapping[Spot, str] = {}
    """What a person is to decide though it is no plain clash, with the rule that asks."""
    guarded: bool = False
    """Whether there is a conflict about what a guard refused."""
    any: bool = False
    """Whether there is any conflict but those about guards."""


class Evidence(NamedTuple):
    """What helps a person to decide: who changed each side and when, and where it stands in the file."""

    replica_at: datetime | None = None
    replica_by: str = ""
    hub_at: datetime | None = None
    hub_by: str = ""
    path: str = ""
    line: int | None = None
    excerpt: tuple[tuple[int, str], ...] = ()
    """(number, text) of the lines around it."""


NO_EVIDENCE = Evidence()


def at_work(plan_id: UUID, replica_id: UUID) -> AtWork:
    """One query."""
    rows = list(_at_work(plan_id, replica_id))
    found = [row for row in rows if row.field != GUARD]
    decided = [row for row in found if row.state == Conflict.State.DECIDED]
    return AtWork(
        {(row.item_key, row.field): _choice(row) for row in decided},
        frozenset(row.item_key for row in decided if _is_pair(row)),
        {(row.item_key, row.field): row.rule for row in found if row.rule},
        guarded=len(found) < len(rows),
        any=bool(found),
    )


def is_unsettled(plan_id: UUID, replica_id: UUID) -> bool:
    """Whether the next merge has something to see to even if neither side moved.

    That is a decision to apply, or a conflict over the whole plan, which ends when the plan is back.
    """
    rows = Conflict.objects.filter(plan_id=plan_id, replica_id=replica_id)
    whole = Q(state=Conflict.State.OPEN, item_key=ROOT, field__in=(PRESENCE, GUARD))
    return rows.filter(Q(state=Conflict.State.DECIDED) | whole).exists()


def is_open(plan_id: UUID, replica_id: UUID, clash: Clash) -> bool:
    """Whether there is an open conflict with exactly the values of `clash`."""
    rows = _at_work(plan_id, replica_id).filter(item_key=clash.key, field=clash.field)
    return [(row.state, _values(row)) for row in rows] == [(Conflict.State.OPEN, _clash_values(clash))]


def granted(plan_id: UUID, replica_id: UUID, rule: str) -> set[str]:
    """Keys of the items of which people said that what `rule` asked about is to happen."""
    rows = Conflict.objects.filter(plan_id=plan_id, replica_id=replica_id, rule=rule, taken="replica")
    return set(rows.filter(state=Conflict.State.RESOLVED).values_list("item_key", flat=True))


def accepted(plan_id: UUID, replica_id: UUID, rule: str) -> set[tuple[str, Any, Any]]:
    """(item key, value, the hub's value) of what people said is to stand, though `rule` asks about it."""
    rows = Conflict.objects.filter(plan_id=plan_id, replica_id=replica_id, rule=rule)
    rows = rows.filter(state__in=(Conflict.State.DECIDED, Conflict.State.RESOLVED))
    found = {(row.item_key, row.replica_value, row.hub_value) for row in rows.filter(taken="replica")}
    typed = {(row.item_key, row.taken_value, row.hub_value) for row in rows.filter(taken="value")}
    return found | typed


def count_new(plan_id: UUID, replica_id: UUID, clashes: Iterable[Clash]) -> int:
    """How many of `clashes` have no conflict at work yet."""
    known = set(_at_work(plan_id, replica_id).values_list("item_key", "field"))
    return sum((clash.key, clash.field) not in known for clash in clashes)


def reconcile(
    plan_id: UUID,
    replica_id: UUID,
    clashes: Sequence[Clash],
    items: Mapping[str, Item],
    *,
    begin: Begin,
    stale: Collection[Spot] = (),
    merged: bool = True,
    rules: Mapping[Spot, str] | None = None,
    evidence: Callable[[Clash], Evidence] | None = None,
) -> Outcome:
    """Make the conflicts at work be exactly `clashes`: open new ones, renew values, close the settled.

    A decided conflict whose values moved on is open again. Resolved is what a decision settled; not so
    where the merge found it `stale`, nor, unless the items were `merged`, any decision but the one over
    the whole plan. While there is a clash over the whole plan, and the items were not merged, conflicts over
    items wait as they are. `rules` names the rule that asks, for clashes that are none by themselves. What a
    guard refused is not touched. Must run in the merge's transaction.
    """
    at = timezone.now()
    known = {(row.item_key, row.field): row for row in _at_work(plan_id, replica_id)}
    known = {spot: row for spot, row in known.items() if row.field != GUARD}
    told = evidence or (lambda clash: NO_EVIDENCE)
    rules = rules or {}
    fresh = []
    for clash in clashes:
        row = known.pop((clash.key, clash.field), None)
        if row is None:
            row = _new(plan_id, replica_id, clash, items.get(clash.key), at)
            row.rule = rules.get((clash.key, clash.field), "")
            tell(row, told(clash))
            fresh.append(row)
        elif row.state == Conflict.State.DECIDED or _values(row) != _clash_values(clash):
            _renew(row, clash, told(clash), at)
    if not merged and clashes:
        known = {}
    for row in known.values():
        applied = (row.item_key, row.field) not in stale and (merged or row.field == PRESENCE)
        settled = row.state == Conflict.State.DECIDED and applied
        _close(row, settled=settled, operation=begin(), at=at)
    if fresh:
        _open(fresh, begin())
    if known:
        audit.record(begin(), [note(Entry.Action.CLOSED, row) for row in known.values()])
    return Outcome(len(fresh), len(known))


def note(action: str, row: Conflict) -> Note:
    """An entry about the conflict: its three values, and what became of it."""
    before = {"base": row.base_value, "replica": row.replica_value, "hub": row.hub_value}
    after = {"conflict": str(row.pk), "state": row.state, "take": row.taken, "value": row.taken_value}
    item_id = UUID(row.item_key) if row.item_key else row.plan_id
    return Note(action, row.plan_id, row.item_kind, item_id, row.field, before, after)


def _at_work(plan_id: UUID, replica_id: UUID) -> Any:
    return Conflict.objects.filter(plan_id=plan_id, replica_id=replica_id, state__in=AT_WORK)


def _new(plan_id: UUID, replica_id: UUID, clash: Clash, item: Item | None, at: datetime) -> Conflict:
    base, replica, hub = _clash_values(clash)
    return Conflict(
        plan_id=plan_id,
        replica_id=replica_id,
        item_kind=item.kind if item else "",
        item_key=clash.key,
        item_label=f"{item.ref} {item.text}".strip() if item else "",
        field=clash.field,
        kind=merge.kind_of(clash),
        severity=merge.severity_of(clash),
        base_value=base,
        replica_value=replica,
        hub_value=hub,
        opened_at=at,
        changed_at=at,
    )


def _open(rows: list[Conflict], operation: Operation) -> None:
    for row in rows:
        row.operation = operation
    learning.suggest(rows)
    Conflict.objects.bulk_create(rows, batch_size=200)
    audit.record(operation, [note(Entry.Action.OPENED, row) for row in rows])


_TOLD = (
    *("replica_changed_at", "replica_changed_by", "hub_changed_at", "hub_changed_by"),
    *("path", "line", "excerpt"),
)


def tell(row: Conflict, evidence: Evidence) -> None:
    """Have the row, which is saved later, say what is known."""
    row.replica_changed_at, row.replica_changed_by = evidence.replica_at, evidence.replica_by
    row.hub_changed_at, row.hub_changed_by = evidence.hub_at, evidence.hub_by
    row.path, row.line = evidence.path, evidence.line
    row.excerpt = [list(line) for line in evidence.excerpt]


def _renew(row: Conflict, clash: Clash, evidence: Evidence, at: datetime) -> None:
    row.base_value, row.replica_value, row.hub_value = _clash_values(clash)
    row.state, row.changed_at = Conflict.State.OPEN, at
    row.taken, row.taken_value, row.decided_by, row.decided_at, row.decision = "", None, "", None, None
    tell(row, evidence)
    learning.suggest([row])
    row.save(
        update_fields=[
            *("base_value", "replica_value", "hub_value", "state", "changed_at"),
            *("taken", "taken_value", "decided_by", "decided_at", "decision", *_TOLD),
            "suggestion",
        ]
    )


def _close(row: Conflict, *, settled: bool, operation: Operation, at: datetime) -> None:
    row.state = Conflict.State.RESOLVED if settled else Conflict.State.CLOSED
    row.closed_at = at
    row.applied_by = operation if settled else None
    row.save(update_fields=["state", "closed_at", "applied_by"])


def _values(row: Conflict) -> tuple[Any, Any, Any]:
    return (row.base_value, row.replica_value, row.hub_value)


def _clash_values(clash: Clash) -> tuple[Any, Any, Any]:
    """Base, replica and hub value as JSON holds them."""
    return as_json(clash.base), as_json(clash.replica), as_json(clash.hub)


def as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _outline_value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_pair(row: Conflict) -> bool:
    return row.taken == "both" and choices.is_pair(row)


def _choice(row: Conflict) -> Choice:
    joint = "replica" if _is_pair(row) else "value"
    return Choice(
        hub_value=_outline_value(row.hub_value),
        replica_value=_outline_value(row.replica_value),
        take=joint if row.taken == "both" else row.taken,  # type: ignore[arg-type]  # as `resolve` checked
        value=_outline_value(row.taken_value),
    )
