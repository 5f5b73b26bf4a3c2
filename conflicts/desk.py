"""What a person asks for on a screen, brought to the services: `decide`, `act`; `prepare` and `carry_out`.

Both the admin and the pages use it, so that one form means one thing. Nothing here knows of HTTP.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from django_stubs_ext import StrPromise

from conflicts import choices, presentation, queue, services
from conflicts.errors import AlreadySettled, ConflictNotFound, InvalidDecision, PreviewOutdated, ValuesMoved
from conflicts.models import Conflict
from conflicts.presentation import Names, refusals
from conflicts.queue import Someone

MOST = 2000
"""Conflicts of one bulk decision: a preview that nobody can read is none."""


class Act(NamedTuple):
    """Something to do to many conflicts. `take` decides them; otherwise they change hands or wait."""

    name: str
    label: str | StrPromise
    take: str = ""
    days: int | None = None


ACTS = (
    Act("take_suggestion", _("Take what is suggested"), take="suggestion"),
    Act("take_replica", _("Take the file's value"), take="replica"),
    Act("take_hub", _("Take the hub's value"), take="hub"),
    Act("take_both", _("Keep both"), take="both"),
    Act("assign_me", _("Assign to me")),
    Act("assign_nobody", _("Assign to nobody")),
    Act("postpone_day", _("Postpone by a day"), days=1),
    Act("postpone_week", _("Postpone by a week"), days=7),
    Act("bring_back", _("Bring back from postponed")),
)
BY_NAME = {act.name: act for act in ACTS}


class Planned(NamedTuple):
    """What a bulk act does to one conflict."""

    conflict: Conflict
    title: str
    field: str
    taken: str
    effects: tuple[str, ...]
    losses: tuple[str, ...]


class Left(NamedTuple):
    """A conflict that a bulk act leaves as it is."""

    conflict: Conflict
    title: str
    field: str
    why: str


@dataclass(frozen=True)
class Bulk:
    """The preview of a bulk act. It is carried out only while its fingerprint holds."""

    act: Act
    ids: tuple[UUID, ...]
    planned: tuple[Planned, ...]
    left: tuple[Left, ...]
    fingerprint: str

    @property
    def losses(self) -> int:
        """How many values neither side says afterwards."""
        return sum(len(each.losses) for each in self.planned)


class TooMany(InvalidDecision):
    """More conflicts than anybody looks through."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} conflicts at once cannot be looked through; choose at most {MOST}")
        self.count = count


def decide(conflict_id: UUID, *, take: str, typed: str = "", stamp: str, actor: str) -> Conflict:
    """Decide one conflict as the screen showed it; the row as it is afterwards.

    `stamp` is the screen's: for other values than those, `ValuesMoved`. Otherwise raises what
    `services.resolve` raises.
    """
    row = _found(conflict_id)
    if row.state != Conflict.State.OPEN:
        raise AlreadySettled(row.pk, row.get_state_display(), row.decided_by)
    if stamp != presentation.stamp_of(row):
        raise ValuesMoved(row.pk, row.replica_value, row.hub_value)
    value = _value(row, typed) if take == "value" else None
    seen = (row.replica_value, row.hub_value)
    services.resolve(row.pk, take=take, value=value, seen=seen, actor=actor)
    return _found(conflict_id)


def act(name: str, conflict_ids: Sequence[UUID], *, user: Someone, to: str = "") -> int:
    """Hand the conflicts over or put them off; how many changed. `to` is a person's id, for "assign"."""
    actor = user.get_username()
    if name == "assign":
        person = queue.deciders().filter(pk=queue.person_id(to)).first()
        if to and person is None:
            raise InvalidDecision(gettext_noop("that person may not decide conflicts"))
        return services.assign(conflict_ids, to=person, actor=actor)
    if name in ("assign_me", "assign_nobody"):
        assert isinstance(user, AbstractBaseUser), "whoever may decide is somebody"
        return services.assign(conflict_ids, to=user if name == "assign_me" else None, actor=actor)
    if name not in BY_NAME or BY_NAME[name].take:
        raise InvalidDecision(f"{name!r} is not something to do with conflicts")
    return services.postpone(conflict_ids, until=_until(BY_NAME[name]), actor=actor)


def prepare(name: str, conflict_ids: Iterable[UUID]) -> Bulk:
    """What the bulk act would do to each; changes nothing."""
    ids, named = _asked(name, conflict_ids)
    if named.take:
        return _decisions(named, ids, services.preview(ids, take=named.take))
    return _moves(named, ids)


def carry_out(name: str, conflict_ids: Iterable[UUID], *, user: Someone, fingerprint: str) -> int:
    """Do what the preview with this fingerprint said; how many conflicts it changed.

    Raises `Outdated`, with the preview as it is now, where the conflicts moved on.
    """
    ids, named = _asked(name, conflict_ids)
    if not named.take:
        bulk = _moves(named, ids)
        if fingerprint != bulk.fingerprint:
            raise Outdated(bulk)
        return act(name, [each.conflict.pk for each in bulk.planned], user=user)
    try:
        # An empty one would mean that no preview has to be met.
        met = fingerprint or "none"
        done = services.resolve_many(ids, take=named.take, actor=user.get_username(), fingerprint=met)
    except PreviewOutdated as error:
        raise Outdated(_decisions(named, ids, error.preview)) from error
    return len(done.effects)


def decided_last(name: str, conflict_ids: Sequence[UUID], *, actor: str) -> Conflict | None:
    """One of the conflicts that this act has just decided, if it decides and any was decided."""
    if not BY_NAME[name].take:
        return None
    rows = Conflict.objects.filter(pk__in=conflict_ids, decided_by=actor).exclude(decision=None)
    return rows.order_by("-decided_at").first()


class Outdated(InvalidDecision):
    """The conflicts changed since the preview; `bulk` is the present one."""

    def __init__(self, bulk: Bulk) -> None:
        super().__init__("the conflicts changed since the preview. Look again, and confirm")
        self.bulk = bulk


def _found(conflict_id: UUID) -> Conflict:
    row = queue.shown(Conflict.objects.all()).filter(pk=conflict_id).first()
    if row is None:
        raise ConflictNotFound(conflict_id)
    return row


def _asked(name: str, conflict_ids: Iterable[UUID]) -> tuple[tuple[UUID, ...], Act]:
    ids = tuple(dict.fromkeys(conflict_ids))
    if name not in BY_NAME:
        raise InvalidDecision(f"{name!r} is not something to do with conflicts")
    if len(ids) > MOST:
        raise TooMany(len(ids))
    return ids, BY_NAME[name]


def _value(row: Conflict, typed: str) -> Any:
    if row.field in choices.LISTS:
        return [word.strip() for word in typed.split(",") if word.strip()]
    return typed.strip()


def _until(act: Act) -> datetime | None:
    return None if act.days is None else timezone.now() + timedelta(days=act.days)


def _decisions(act: Act, ids: tuple[UUID, ...], found: services.Preview) -> Bulk:
    rows = [effect.conflict for effect in found.effects]
    prefetch_related_objects([*rows, *(row for row, _why in found.refused)], "plan")
    names = Names.of(rows)
    planned = []
    for row, take, option in found.effects:
        effects, losses = presentation.effect_lines(row, option, names)
        planned.append(_planned(row, presentation.label(row, take), effects, losses))
    left = tuple(_left(row, refusals.told(why)) for row, why in found.refused)
    return Bulk(act, ids, tuple(planned), left, found.fingerprint)


def _moves(act: Act, ids: tuple[UUID, ...]) -> Bulk:
    rows = [row for start in range(0, len(ids), 500) for row in _chosen(ids[start : start + 500])]
    planned, left = [], []
    for row in rows:
        if row.state == Conflict.State.OPEN:
            planned.append(_planned(row, str(act.label), (), ()))
        else:
            left.append(_left(row, presentation.settled(row)))
    told = repr((act.name, sorted(str(each.conflict.pk) for each in planned)))
    fingerprint = hashlib.sha256(told.encode()).hexdigest()[:16]
    return Bulk(act, ids, tuple(planned), tuple(left), fingerprint)


def _chosen(ids: Sequence[UUID]) -> list[Conflict]:
    found = queue.shown(Conflict.objects.all()).in_bulk(list(ids))
    return [found[pk] for pk in ids if pk in found]


def _planned(row: Conflict, taken: str, effects: tuple[str, ...], losses: tuple[str, ...]) -> Planned:
    return Planned(
        row, presentation.title_of(row), presentation.field_name(row.field), taken, effects, losses
    )


def _left(row: Conflict, why: str) -> Left:
    return Left(row, presentation.title_of(row), presentation.field_name(row.field), why)
