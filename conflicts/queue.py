"""The queue of conflicts: `Filters` says which, `in_order` which first, `following` which one comes next.

The most severe come first, and of those the oldest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Case, Exists, IntegerField, Max, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit import sight
from audit.models import Entry
from conflicts.models import Conflict
from conflicts.presentation import wording
from plans.models import Plan

LOOK = "conflicts.view_conflict"
DECIDE = "conflicts.decide_conflict"
"""The permission to decide, to hand over and to put off."""

_RANKS = {severity: rank for rank, severity in enumerate(reversed(Conflict.Severity.values))}
RANK = Case(
    *(When(severity=severity, then=Value(rank)) for severity, rank in _RANKS.items()),
    default=Value(len(_RANKS)),
    output_field=IntegerField(),
)

Someone = AbstractBaseUser | AnonymousUser
Choices = tuple[tuple[str, str | Promise], ...]

AGES: Choices = (("today", _("today")), ("week", _("this week")), ("older", _("older")))
SUGGESTED: Choices = (("yes", _("yes")), ("no", _("no")))
STATES: Choices = (
    ("", _("open")),
    ("postponed", _("postponed")),
    ("decided", _("decided, not yet applied")),
    ("settled", _("settled")),
    ("all", _("all")),
)


class Filter(NamedTuple):
    """A choice to offer: the name of the parameter, what it is called, and what it can be."""

    name: str
    label: str | Promise
    choices: Choices
    """Value and label; "" is every one, and for `state` those that wait for somebody."""
    value: str
    """The one that is chosen."""


@dataclass(frozen=True)
class Filters:
    """Which conflicts; each "" leaves all in, but for `state`, whose "" is open and not postponed."""

    plan: str = ""
    kind: str = ""
    severity: str = ""
    field: str = ""
    age: str = ""
    suggestion: str = ""
    assigned: str = ""
    """me, nobody, or the id of a person."""
    state: str = ""
    q: str = ""
    """Words of the item."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Filters:
        """From the parameters of an address; what makes no sense finds nothing, and is no error."""
        return cls(**{each.name: _clean(given.get(each.name, "")) for each in fields(cls)})

    def given(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}

    def as_query(self, **more: str) -> str:
        """The parameters, to go behind a question mark."""
        return urlencode({**self.given(), **more})

    def choose(self, user: Someone, *, now: datetime | None = None) -> QuerySet[Conflict]:
        """The conflicts, in no order."""
        found = seen_by(user)
        for name, value in asdict(self).items():
            found = narrowed(found, name, value, user=user, now=now)
        return found


def seen_by(user: Someone) -> QuerySet[Conflict]:
    """Every conflict that the person may look at."""
    return sight.shown(Conflict.objects.all(), user)


def visible_among(conflict_ids: Iterable[UUID], user: Someone) -> list[UUID]:
    """Those of the ids that there are for this person, in their order."""
    wanted = list(conflict_ids)
    seen: set[UUID] = set()
    for start in range(0, len(wanted), 500):
        seen.update(seen_by(user).filter(pk__in=wanted[start : start + 500]).values_list("pk", flat=True))
    return [pk for pk in wanted if pk in seen]


def narrowed(
    rows: QuerySet[Conflict], name: str, value: str, *, user: Someone, now: datetime | None = None
) -> QuerySet[Conflict]:
    """The rows that one filter leaves in."""
    if name == "state":
        return rows.filter(_in_state(value, now or timezone.now()))
    if not value:
        return rows
    if name == "age":
        return rows.filter(_of_age(value, now or timezone.now()))
    if name == "assigned":
        return rows.filter(_with(value, user))
    if name == "suggestion":
        return rows.filter(suggestion__isnull=value != "yes")
    if name == "plan":
        plan_id = _uuid(value)
        return rows.filter(plan_id=plan_id) if plan_id else rows.none()
    if name == "q":
        return rows.filter(_saying(value))
    return rows.filter(**{name: value})


def in_order(rows: QuerySet[Conflict]) -> QuerySet[Conflict]:
    return rows.annotate(rank=RANK).order_by("rank", "opened_at", "pk")


def shown(rows: QuerySet[Conflict]) -> QuerySet[Conflict]:
    """With what a screen shows besides the conflict."""
    return rows.select_related("plan", "assigned_to")


def page_of(rows: QuerySet[Conflict], start: int, length: int) -> list[Conflict]:
    """`length` rows in order from `start` on."""
    return fetched(in_order(rows)[start : start + length])


def fetched(rows: QuerySet[Conflict]) -> list[Conflict]:
    """The rows in their order, with what is shown of them. Sorts by an index alone: the rows are wide."""
    ids = list(rows.values_list("pk", flat=True))
    found = shown(Conflict.objects.defer("excerpt")).in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


class Neighbours(NamedTuple):
    """What stands around a conflict in the queue; `before` counts those ahead of it."""

    previous: UUID | None
    following: UUID | None
    before: int


def around(row: Conflict, rows: QuerySet[Conflict]) -> Neighbours:
    """The neighbours in the queue that `row` has or would have, if it is not in it (any more)."""
    ranked = rows.exclude(pk=row.pk).annotate(rank=RANK)
    rank = _RANKS.get(row.severity, len(_RANKS))
    later = Q(rank=rank) & (Q(opened_at__gt=row.opened_at) | Q(opened_at=row.opened_at, pk__gt=row.pk))
    after = ranked.filter(Q(rank__gt=rank) | later)
    ahead = ranked.filter(~(Q(rank__gt=rank) | later))
    order = ("rank", "opened_at", "pk")
    return Neighbours(
        ahead.order_by(*(f"-{name}" for name in order)).values_list("pk", flat=True).first(),
        after.order_by(*order).values_list("pk", flat=True).first(),
        ahead.count(),
    )


def next_after(row: Conflict, rows: QuerySet[Conflict]) -> UUID | None:
    """The one to come up when `row` is done with: the next in the queue, else its first one."""
    found = around(row, rows).following
    if found is not None:
        return found
    return in_order(rows.exclude(pk=row.pk)).values_list("pk", flat=True).first()


def waiting_count(user: Someone) -> int:
    """How many conflicts that the person may look at wait for somebody."""
    return Filters().choose(user).count()


def newest_entry() -> int:
    """Grows whenever anything happens."""
    return Entry.objects.aggregate(newest=Max("pk"))["newest"] or 0


LABELS: Mapping[str, str | Promise] = {
    "state": _("State"),
    "severity": _("Severity"),
    "kind": _("Kind"),
    "field": _("Field"),
    "plan": _("Plan"),
    "age": _("Opened"),
    "suggestion": _("Suggestion"),
    "assigned": _("Assigned to"),
}
"""What can be chosen, and what it is called."""


def offered(filters: Filters, user: Someone) -> tuple[Filter, ...]:
    """The filters with their choices. Two queries: plans with conflicts at work, people who decide."""
    return tuple(
        Filter(name, label, choices_of(name, user), getattr(filters, name)) for name, label in LABELS.items()
    )


def choices_of(name: str, user: Someone) -> Choices:
    """What the filter can be. A query for plans, and one for people."""
    if name == "plan":
        return plans_at_work(user)
    if name == "assigned":
        people = ((str(person.pk), person.get_username()) for person in deciders() if person != user)
        return (("me", _("me")), ("nobody", _("nobody")), *people)
    return _CHOICES[name]


_CHOICES: Mapping[str, Choices] = {
    "state": STATES,
    "severity": tuple(reversed(Conflict.Severity.choices)),
    "kind": tuple(Conflict.Kind.choices),
    "field": tuple(wording.FIELDS.items()),
    "age": AGES,
    "suggestion": SUGGESTED,
}


def plans_at_work(user: Someone) -> Choices:
    states = (Conflict.State.OPEN, Conflict.State.DECIDED)
    busy = seen_by(user).filter(plan=OuterRef("pk"), state__in=states)
    found = Plan.objects.filter(Exists(busy)).order_by("title", "pk")
    return tuple((str(pk), title) for pk, title in found.values_list("pk", "title"))


def deciders() -> QuerySet[Any]:
    """The people who may decide, by name."""
    model = get_user_model()
    backend = "django.contrib.auth.backends.ModelBackend"
    found = cast(Any, model._default_manager).with_perm(DECIDE, backend=backend)
    return cast("QuerySet[Any]", found.order_by(model.USERNAME_FIELD))


def _in_state(value: str, now: datetime) -> Q:
    away = Q(postponed_until__gt=now)
    match value:
        case "":
            return Q(state=Conflict.State.OPEN) & (Q(postponed_until=None) | Q(postponed_until__lte=now))
        case "postponed":
            return Q(state=Conflict.State.OPEN) & away
        case "settled":
            return Q(state__in=(Conflict.State.RESOLVED, Conflict.State.CLOSED))
        case "all":
            return Q()
    return Q(state=value)


def _of_age(value: str, now: datetime) -> Q:
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    match value:
        case "today":
            return Q(opened_at__gte=midnight)
        case "week":
            return Q(opened_at__gte=monday)
        case "older":
            return Q(opened_at__lt=monday)
    return Q(pk__in=())


def _with(value: str, user: Someone) -> Q:
    if value == "nobody":
        return Q(assigned_to=None)
    if value == "me":
        return Q(assigned_to=user.pk) if user.pk else Q(pk__in=())
    person = person_id(value)
    return Q(assigned_to=person) if person else Q(pk__in=())


def person_id(text: str) -> int | None:
    """The id that the text is; None where it is none, or larger than any database holds."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _clean(value: Any) -> str:
    return str(value).replace("\0", "").strip()  # which PostgreSQL cannot even look for


def _saying(value: str) -> Q:
    whole = _uuid(value)
    return Q(pk=whole) if whole else Q(item_label__icontains=value)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
