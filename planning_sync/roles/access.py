"""The replicas that a person is limited to, and what is seen of a limited hub: `replica_ids`, `within`.

Public: those two, `anybody_limited`, `homes_of_plans`, and `connect`, which has `audit.sight` ask here.

A plan is seen where it stands in one of one's replicas, with its items, its history and its files there. A
conflict is between the hub and one replica, and seen with that replica. What is about no plan and no replica
(who signs in, who gets a role) is not seen by the limited.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from audit import sight
from audit.models import Entry
from planning_sync.roles.models import ReplicaAccess
from planning_sync.sync.models import Link, Replica

Row = TypeVar("Row", bound=Model)
Ids = Collection[UUID]
_CHUNK = 500
_KNOWN = "_planning_sync_replica_ids"


def connect() -> None:
    sight.ask(_Limits())


class _Limits:
    def limited(self, user: Any) -> bool:
        return replica_ids(user) is not None

    def within(self, rows: QuerySet[Any], user: Any) -> QuerySet[Any]:
        return within(rows, replica_ids(user))


def replica_ids(user: AbstractBaseUser | AnonymousUser) -> frozenset[UUID] | None:
    """The replicas that this person is limited to; None for all. Asked once for each `user` in memory."""
    if not isinstance(user, User) or user.is_superuser:
        return None
    if not hasattr(user, _KNOWN):
        own = Q(user=user.pk) | Q(group__in=user.groups.values("pk"))
        named = list(ReplicaAccess.objects.filter(own).values_list("replica_id", flat=True))
        setattr(user, _KNOWN, frozenset(filter(None, named)) if named else None)
    known: frozenset[UUID] | None = getattr(user, _KNOWN)
    return known


def anybody_limited() -> bool:
    return ReplicaAccess.objects.exists()


def within(rows: QuerySet[Row], ids: Ids | None) -> QuerySet[Row]:
    """Those of the rows that belong to these replicas; all of them for None."""
    rule = SEEN.get(rows.model._meta.label_lower)
    if ids is None or rule is None:
        return rows
    return rows.filter(rule(ids))


def homes_of_plans(plan_ids: Iterable[UUID]) -> dict[UUID, frozenset[UUID]]:
    """By plan, the replicas that it stands in."""
    found: dict[UUID, set[UUID]] = {}
    wanted = sorted(set(plan_ids))
    for start in range(0, len(wanted), _CHUNK):
        links = Link.objects.filter(plan__in=wanted[start : start + _CHUNK])
        for plan_id, replica_id in links.values_list("plan_id", "replica_id"):
            found.setdefault(plan_id, set()).add(replica_id)
    return {plan_id: frozenset(ids) for plan_id, ids in found.items()}


def _of_plan(column: str) -> Callable[[Ids], Q]:
    return lambda ids: Q(Exists(Link.objects.filter(plan=OuterRef(column), replica__in=ids)))


def _of_operation(ids: Ids) -> Q:
    """Those of the replicas, and edits in the hub that touch a plan that is seen."""
    plans = Link.objects.filter(replica__in=ids).values("plan")
    entries = Entry.objects.filter(operation=OuterRef("pk"), plan_id__in=plans)
    return Q(replica_id__in=ids) | Q(Exists(entries), replica_id=None)


def _of_key(ids: Ids) -> Q:
    """Those that reach no further than these replicas."""
    beyond = Replica.objects.exclude(pk__in=ids)
    return Q(limited=True) & ~Q(replicas__in=beyond)


def _nothing(ids: Ids) -> Q:
    return Q(pk__in=())


SEEN: Mapping[str, Callable[[Ids], Any]] = {
    "sync.replica": lambda ids: Q(pk__in=ids),
    "sync.link": lambda ids: Q(replica__in=ids),
    "sync.unpaired": lambda ids: Q(replica__in=ids),
    "sync.intent": lambda ids: Q(link__replica__in=ids),
    "plans.plan": _of_plan("pk"),
    "plans.phase": _of_plan("plan_id"),
    "plans.task": _of_plan("plan_id"),
    "search.record": _of_plan("plan_id"),
    "dashboard.progressday": _of_plan("plan_id"),
    "validation.assessment": lambda ids: Q(link__replica__in=ids),  # judged by the file there
    "validation.score": lambda ids: Q(plan__assessment__link__replica__in=ids),
    "conflicts.conflict": lambda ids: Q(replica_id__in=ids),
    "conflicts.policy": lambda ids: Q(replica_id__in=ids) | Q(replica_id=None),
    "conflicts.hit": _nothing,
    "audit.operation": _of_operation,
    "audit.entry": _of_plan("plan_id"),
    "audit.snapshot": _nothing,  # contents by checksum, whosever they are
    "api.apikey": _of_key,
    "api.job": _nothing,
    "roles.replicaaccess": _nothing,
    "webhooks.subscription": _nothing,
    "webhooks.delivery": _nothing,
    "webhooks.hook": lambda ids: Q(replica__in=ids),
}
"""By model, what the limited see of it. A model that is not named here is seen whole."""
