"""Where events belong: `placed` says of each which replicas it concerns, for those who are limited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from conflicts.models import Conflict
from planning_sync.live.events import Event
from planning_sync.roles import access

_CHUNK = 500


def placed(events: tuple[Event, ...], *, always: bool = False) -> tuple[Event, ...]:
    """The events with their homes; unless `always`, as they are while no person is limited, for one query."""
    if not events or not (always or access.anybody_limited()):
        return events
    plans = access.homes_of_plans(event.plan for event in events if event.plan and event.conflict is None)
    conflicts = _homes_of_conflicts(event.conflict for event in events if event.conflict)
    return tuple(replace(event, homes=_homes(event, plans, conflicts)) for event in events)


def _homes(
    event: Event, plans: dict[UUID, frozenset[UUID]], conflicts: dict[str, frozenset[UUID]]
) -> frozenset[UUID]:
    if event.conflict is not None:
        return conflicts.get(event.conflict, frozenset())
    return frozenset() if event.plan is None else plans.get(event.plan, frozenset())


def _homes_of_conflicts(names: Iterable[str]) -> dict[str, frozenset[UUID]]:
    wanted = sorted({UUID(name) for name in names})
    found: dict[str, frozenset[UUID]] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = Conflict.objects.filter(pk__in=wanted[start : start + _CHUNK])
        found |= {str(pk): frozenset({home}) for pk, home in rows.values_list("pk", "replica_id")}
    return found
