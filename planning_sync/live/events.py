"""What clients are told: `Event`, and `events_of`, which makes events of what the log gained.

A plan that an operation touched is one event, however many entries say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from audit.models import Entry, Operation
from conflicts.models import GUARD
from planning_sync.live.models import Mark

Action, Kind, Status = Entry.Action, Operation.Kind, Operation.Status

PLAN_MODIFIED = "plan.modified"
SYNC_STARTED = "sync.started"
SYNC_PROGRESS = "sync.progress"
SYNC_COMPLETED = "sync.completed"
SYNC_FAILED = "sync.failed"
GUARD_REFUSED = "guard.refused"
REPLICA_OFFLINE = "replica.offline"
REPLICA_ONLINE = "replica.online"
VALIDATION_FAILED = "validation.failed"
SEARCH_DRIFTED = "search.drifted"
OPERATION_UNDONE = "operation.undone"

CONFLICT_EVENTS: Mapping[str, str] = {
    Action.OPENED: "conflict.detected",
    Action.DECIDED: "conflict.decided",
    Action.REOPENED: "conflict.reopened",
    Action.CLOSED: "conflict.closed",
    Action.ASSIGNED: "conflict.assigned",
    Action.POSTPONED: "conflict.postponed",
}
CONFLICT_RESOLVED = "conflict.resolved"

_SYNCS = frozenset({Kind.SYNC, Kind.IMPORT})
_ENDS: Mapping[str, tuple[str, ...]] = {
    Status.DONE: (SYNC_COMPLETED,),
    Status.CONFLICTS: (SYNC_COMPLETED,),
    Status.REFUSED: (SYNC_FAILED,),
    Status.FAILED: (SYNC_FAILED,),
}


class Gain(NamedTuple):
    """One mark, with what is needed of its operation and its entry."""

    phase: str
    status: str
    at: datetime
    operation_id: UUID
    kind: str
    actor: str
    on_behalf_of: str
    replica_id: UUID | None
    action: str | None
    plan_id: UUID | None
    item_id: UUID | None
    field: str | None
    told: Any
    """What the entry of a conflict says that it is now."""
    news: str = ""
    """What the operation ended with the news of: its replica is not there, or is back."""
    progress: Any = None
    """How far the operation is now: the plans done and those to do; None once it has ended."""


@dataclass(frozen=True, slots=True)
class Event:
    """One piece of news. What it is not about is None; `item` and `field` too where it is about several."""

    type: str
    at: datetime
    operation: UUID
    actor: str
    on_behalf_of: str
    plan: UUID | None = None
    conflict: str | None = None
    item: UUID | None = None
    field: str | None = None
    replica: UUID | None = None
    status: str | None = None
    """What an operation ended as, or the state that a conflict is in."""
    homes: frozenset[UUID] = frozenset()
    """The replicas that it concerns, by its plan or conflict. Told to nobody; see `topics.View`."""
    progress: tuple[int, int] | None = None
    """The plans done and those to do; of `sync.progress` alone."""

    def as_json(self, cursor: str) -> dict[str, Any]:
        done, total = self.progress or (0, 0)
        progress = {} if self.progress is None else {"done": done, "total": total}
        return {
            "cursor": cursor,
            "type": self.type,
            "at": self.at.isoformat(),
            "plan": _text(self.plan),
            "conflict": self.conflict,
            "operation": str(self.operation),
            "actor": self.actor,
            "on_behalf_of": self.on_behalf_of,
            "item": _text(self.item),
            "field": self.field,
            "replica": _text(self.replica),
            "status": self.status,
            **progress,
        }


def events_of(gains: Iterable[Gain]) -> tuple[Event, ...]:
    """In the order of the marks, a plan where the operation first touched it."""
    found: dict[Any, Event] = {}
    for gain in gains:
        for event in _events(gain):
            if event.type == SYNC_PROGRESS:
                found[event.type, event.operation] = event
                continue
            if event.type != PLAN_MODIFIED:
                found[len(found)] = event
                continue
            spot = (event.operation, event.plan)
            known = found.get(spot)
            found[spot] = event if known is None else _joined(known, event)
    return tuple(found.values())


def _joined(known: Event, event: Event) -> Event:
    item = known.item if known.item == event.item else None
    field = known.field if item and known.field == event.field else None
    return known if (item, field) == (known.item, known.field) else replace(known, item=item, field=field)


def _events(gain: Gain) -> Iterator[Event]:
    if gain.phase == Mark.Phase.RECORDED:
        event = _of_conflict(gain) or _of_index(gain) or _of_plan(gain)
        if event is not None:
            yield event
        if event is not None and event.type == CONFLICT_EVENTS[Action.OPENED] and event.field == GUARD:
            yield replace(event, type=GUARD_REFUSED)
        return
    if gain.phase == Mark.Phase.PROGRESS:
        yield from _of_progress(gain)
        return
    for kind in _types(gain):
        yield Event(kind, *_origin(gain), replica=gain.replica_id, status=gain.status or None)


def _types(gain: Gain) -> tuple[str, ...]:
    if gain.phase == Mark.Phase.STARTED:
        return (SYNC_STARTED,) if gain.kind in _SYNCS else ()
    if gain.kind in _SYNCS:
        news = (gain.news,) if gain.news else ()
        return (*news, *_ENDS.get(gain.status, ()))
    if gain.kind == Kind.UNDO and gain.status in (Status.DONE, Status.CONFLICTS):
        return (OPERATION_UNDONE,)
    return ()


def _of_progress(gain: Gain) -> Iterator[Event]:
    """Nothing where the sync has ended meanwhile."""
    if isinstance(gain.progress, dict):
        far = int(gain.progress["done"]), int(gain.progress["total"])
        yield Event(SYNC_PROGRESS, *_origin(gain), replica=gain.replica_id, progress=far)


def _of_conflict(gain: Gain) -> Event | None:
    """None where the entry is about no conflict, such as that of a clash which a strategy settled."""
    kind = CONFLICT_EVENTS.get(gain.action or "")
    conflict = gain.told.get("conflict") if isinstance(gain.told, dict) else None
    if kind is None or conflict is None:
        return None
    state = gain.told.get("state")
    if gain.action == Action.CLOSED and state == "resolved":
        kind = CONFLICT_RESOLVED
    return Event(
        kind,
        *_origin(gain),
        plan=gain.plan_id,
        conflict=str(conflict),
        item=gain.item_id,
        field=gain.field or None,
        replica=gain.replica_id,
        status=state,
    )


def _of_index(gain: Gain) -> Event | None:
    if gain.action != Action.DRIFTED or gain.plan_id is not None:
        return None
    return Event(SEARCH_DRIFTED, *_origin(gain))


def _of_plan(gain: Gain) -> Event | None:
    if gain.plan_id is None:
        return None
    return Event(
        VALIDATION_FAILED if gain.action == Action.FELL else PLAN_MODIFIED,
        *_origin(gain),
        plan=gain.plan_id,
        item=gain.item_id,
        field=gain.field or None,
        replica=gain.replica_id,
    )


def _origin(gain: Gain) -> tuple[datetime, UUID, str, str]:
    return gain.at, gain.operation_id, gain.actor, gain.on_behalf_of


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
