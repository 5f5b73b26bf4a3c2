"""Who asks, and what that one may do and see: `Principal`, `of`.

`visible_replicas`, `visible_plans`, `visible_phases` and `visible_tasks` are the one place that says which
rows there are for whom; every view starts from them, so that what is hidden is as if it were not there.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.utils.functional import cached_property
from rest_framework.request import Request

from audit import context
from audit.models import Operation
from planning_sync.api.errors import InvalidHeader, Limited
from planning_sync.api.models import ApiKey
from planning_sync.roles import access
from planning_sync.sync.models import Link, Replica
from plans.models import Phase, Plan, Task

ON_BEHALF_OF = "On-Behalf-Of"
_LONGEST_NAME = 200


class Principal:
    """A person, or a key that acts with what its owner may do; `on_behalf_of` is what the request says."""

    def __init__(self, user: User, key: ApiKey | None, on_behalf_of: str = "") -> None:
        self.user = user
        self.key = key
        self.on_behalf_of = on_behalf_of

    @property
    def actor(self) -> str:
        """The name in the log."""
        return self.key.actor if self.key is not None else self.user.get_username()

    @property
    def marks(self) -> dict[str, str]:
        """The arguments by which a service is told who does it."""
        return {"actor": self.actor, "on_behalf_of": self.on_behalf_of}

    @property
    def ident(self) -> str:
        """Names this one among all others: the same with every token of a person."""
        return f"key:{self.key.pk}" if self.key is not None else f"user:{self.user.pk}"

    def may(self, permission: str) -> bool:
        if not self.user.has_perm(permission):
            return False
        return self._of_roles is None or permission in self._of_roles

    @cached_property
    def _of_roles(self) -> frozenset[str] | None:
        """What the roles of the key allow at most; None where none was named."""
        if self.key is None or not self.key.has_roles:
            return None
        rows = Permission.objects.filter(group__in=self.key.roles.all()).values_list(
            "content_type__app_label", "codename"
        )
        return frozenset(f"{app}.{name}" for app, name in rows)

    @cached_property
    def replica_ids(self) -> list[Any] | None:
        """The replicas that this one is limited to; None for all. A key sees no more than its owner."""
        owned = access.replica_ids(self.user)
        if self.key is None or not self.key.limited:
            return None if owned is None else sorted(owned)
        return [replica.pk for replica in self.key.replicas.all() if owned is None or replica.pk in owned]

    def refuse_if_limited(self, why: str) -> None:
        if self.replica_ids is not None:
            raise Limited(why)


def of(request: Request) -> Principal:
    """Who makes the request; raises `InvalidHeader` for an On-Behalf-Of that is none."""
    known = getattr(request, "_principal", None)
    if known is None:
        key = request.auth if isinstance(request.auth, ApiKey) else None
        assert isinstance(request.user, User), "the permissions let nobody else through"
        known = Principal(request.user, key, on_behalf_of(request))
        tell_log_for_whom(known.on_behalf_of)
        request._principal = known  # type: ignore[attr-defined]  # made once for each request
    assert isinstance(known, Principal)
    return known


def tell_log_for_whom(on_behalf_of: str) -> None:
    if on_behalf_of:
        context.refine(via=Operation.Via.AGENT, on_behalf_of=on_behalf_of)


def on_behalf_of(request: Request) -> str:
    """Whom the request is made for, as it says itself; raises `InvalidHeader`."""
    given = request.headers.get(ON_BEHALF_OF, "").strip()
    if len(given) > _LONGEST_NAME or not given.isprintable():
        raise InvalidHeader(ON_BEHALF_OF, f"a name of at most {_LONGEST_NAME} printable characters")
    return given


# ---------------------------------------------------------------------------------- what one may see


def visible_replicas(who: Principal) -> QuerySet[Replica]:
    return access.within(Replica.objects.all(), who.replica_ids)


def visible_plans(who: Principal) -> QuerySet[Plan]:
    """Those in the bin included."""
    return access.within(Plan.objects.all(), who.replica_ids)


def visible_phases(who: Principal) -> QuerySet[Phase]:
    return access.within(Phase.objects.all(), who.replica_ids)


def visible_tasks(who: Principal) -> QuerySet[Task]:
    return access.within(Task.objects.all(), who.replica_ids)


def visible_links(who: Principal) -> QuerySet[Link]:
    """Without the packed outlines, which are large and of no use in an answer."""
    rows = Link.objects.select_related("replica").defer("seen", "base", "held")
    return access.within(rows, who.replica_ids)
