"""What one client is to get: `View`, from the topics it asked for and what its person may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User

from planning_sync.live.errors import InvalidTopic
from planning_sync.live.events import PLAN_MODIFIED, Event
from planning_sync.roles import access

ALL, CONFLICTS, OPERATIONS, PLAN = "all", "conflicts", "operations", "plan"
MOST_TOPICS = 100

PERMISSIONS = {
    PLAN: "plans.view_plan",
    CONFLICTS: "conflicts.view_conflict",
    OPERATIONS: "audit.view_operation",
}
"""What a person needs to be told of each family of events."""


class May(NamedTuple):
    """What a person may be told of."""

    families: frozenset[str]
    replicas: frozenset[UUID] | None = None
    """Those that the person is limited to; None for all."""


NOTHING = May(frozenset())


class View(NamedTuple):
    """Families and plans that were asked for, and families that may be seen."""

    families: frozenset[str]
    plans: frozenset[UUID]
    allowed: frozenset[str]
    replicas: frozenset[UUID] | None = None
    """Those that the person is limited to; None for all."""

    def shows(self, event: Event) -> bool:
        family = family_of(event)
        asked = family in self.families or event.plan in self.plans
        return asked and family in self.allowed and self._sees(event)

    def permitted(self, may: May) -> View:
        return self._replace(allowed=may.families, replicas=may.replicas)

    def _sees(self, event: Event) -> bool:
        return self.replicas is None or event.replica in self.replicas or bool(event.homes & self.replicas)


def family_of(event: Event) -> str:
    if event.type == PLAN_MODIFIED:
        return PLAN
    return CONFLICTS if event.type.startswith("conflict.") else OPERATIONS


def allowed_to(person: User | AnonymousUser) -> May:
    """What this person may be told of; asks the database."""
    families = frozenset(family for family, needed in PERMISSIONS.items() if person.has_perm(needed))
    return May(families, access.replica_ids(person))


def view_of(topics: Iterable[object], may: May) -> View:
    """Raises `InvalidTopic`."""
    families: set[str] = set()
    plans: set[UUID] = set()
    for topic in topics:
        if topic == ALL:
            families.update(PERMISSIONS)
        elif topic in (CONFLICTS, OPERATIONS):
            families.add(str(topic))
        else:
            plans.add(_plan(topic))
    return View(frozenset(families), frozenset(plans), may.families, may.replicas)


def refused(topics: Iterable[str], may: May) -> list[str]:
    """Those of the topics of which this person is told nothing."""
    return [topic for topic in topics if not _families(topic) & may.families]


def _families(topic: str) -> set[str]:
    if topic == ALL:
        return set(PERMISSIONS)
    return {topic} if topic in PERMISSIONS else {PLAN, CONFLICTS}


def _plan(topic: object) -> UUID:
    name, _, value = topic.partition(":") if isinstance(topic, str) else ("", "", "")
    try:
        if name == PLAN:
            return UUID(value)
    except ValueError:
        pass
    raise InvalidTopic(topic)
