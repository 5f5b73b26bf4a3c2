"""What people do with conflicts: decide one or many, hand them to somebody, put them off.

A decision changes neither side by itself: the next merge finds it and settles the clash with it, provided
that both sides still hold the values it was about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext_noop

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from conflicts import choices
from conflicts.choices import Option
from conflicts.errors import (
    AlreadySettled,
    ConflictNotFound,
    ConflictsError,
    InvalidDecision,
    NoSuchChoice,
    PreviewOutdated,
    ValuesMoved,
)
from conflicts.learning import services as learning
from conflicts.models import Conflict
from conflicts.services.merging import as_json, note
from plans import services as plans
from plans.outline import Kind

SUGGESTION = "suggestion"
"""In place of a side: whatever is suggested for each conflict."""

Unset: Any = object()

_DECISION = ("state", "taken", "taken_value", "decided_by", "decided_at", "decision")


class Effect(NamedTuple):
    """What a bulk decision does to one conflict."""

    conflict: Conflict
    take: str
    option: Option


class Preview(NamedTuple):
    """What a bulk decision would do. Its fingerprint is of exactly these conflicts with these values."""

    effects: tuple[Effect, ...]
    refused: tuple[tuple[Conflict, ConflictsError], ...]
    """Conflicts that cannot be decided so, and why: they are left as they are."""
    fingerprint: str

    @property
    def dropped(self) -> int:
        """How many values neither side says afterwards."""
        return sum(len(effect.option.dropped) for effect in self.effects)


def resolve(
    conflict_id: UUID,
    *,
    take: str,
    actor: str,
    value: Any = None,
    seen: tuple[Any, Any] = Unset,
    on_behalf_of: str = "",
) -> Conflict:
    """Decide one conflict: `take` is one of its `choices.options`, or "value" (then `value` holds for both).

    `seen` is (replica value, hub value) as the person saw them; where they moved on, `ValuesMoved`.
    Raises `ConflictNotFound`, `AlreadySettled`, `InvalidDecision`, and `plans.errors.InvalidValue` for what
    the field cannot hold. The sync that applies it starts by itself.
    """
    with write_transaction():
        conflict = Conflict.objects.select_for_update().filter(pk=conflict_id).first()
        if conflict is None:
            raise ConflictNotFound(conflict_id)
        if conflict.state != Conflict.State.OPEN:
            raise AlreadySettled(conflict_id, conflict.get_state_display(), conflict.decided_by)
        if seen is not Unset and seen != (conflict.replica_value, conflict.hub_value):
            raise ValuesMoved(conflict_id, conflict.replica_value, conflict.hub_value)
        option = _option(conflict, take, value)
        _decide([Effect(conflict, option.take, option)], actor, on_behalf_of)
    return conflict


def preview(conflict_ids: Iterable[UUID], *, take: str) -> Preview:
    """What `resolve_many` would do, exactly; changes nothing. Conflicts that are settled are refused."""
    return _preview(_many(conflict_ids), take)


def resolve_many(
    conflict_ids: Iterable[UUID], *, take: str, actor: str, fingerprint: str = "", on_behalf_of: str = ""
) -> Preview:
    """Decide all of them one way, in one operation: all that the preview says, or nothing.

    `take` may also be "suggestion". Where `fingerprint` is given and the conflicts are not as they were when
    it was made, `PreviewOutdated` with the present preview. Those that cannot be decided so are left.
    """
    with write_transaction():
        found = _preview(_many(conflict_ids, lock=True), take)
        if fingerprint and fingerprint != found.fingerprint:
            raise PreviewOutdated(found)
        if found.effects:
            _decide(found.effects, actor, on_behalf_of)
    return found


def assign(
    conflict_ids: Collection[UUID], *, to: AbstractBaseUser | None, actor: str, on_behalf_of: str = ""
) -> int:
    """Hand the open ones among these conflicts to a person, or to nobody; how many changed hands."""
    return _set(conflict_ids, "assigned_to", to, Entry.Action.ASSIGNED, actor, on_behalf_of)


def postpone(
    conflict_ids: Collection[UUID], *, until: datetime | None, actor: str, on_behalf_of: str = ""
) -> int:
    """Keep the open ones among these conflicts out of the queue until then; None brings them back."""
    return _set(conflict_ids, "postponed_until", until, Entry.Action.POSTPONED, actor, on_behalf_of)


# ---------------------------------------------------------------------------------------- deciding


def _option(conflict: Conflict, take: str, value: Any) -> Option:
    if take == "value":
        if not choices.takes_value(conflict):
            raise InvalidDecision(f"{conflict.field} is settled by taking a side, not by a value")
        if value is None:
            raise InvalidDecision(gettext_noop("a value is needed"))
        value = _checked(conflict, value)
    option = choices.effect_of(conflict, take, value)
    if option is None:
        known = ", ".join(each.take for each in choices.options(conflict))
        typed = ", value" if choices.takes_value(conflict) else ""
        raise NoSuchChoice(take, f"{known}{typed}")
    if take == "both" and not choices.is_pair(conflict):
        _checked(conflict, option.hub)
    return option


def _checked(conflict: Conflict, value: Any) -> Any:
    if not conflict.item_kind:
        return value
    return as_json(plans.checked(Kind(conflict.item_kind), conflict.field, value))


def _decide(effects: Sequence[Effect], actor: str, on_behalf_of: str) -> None:
    at = timezone.now()
    operation = audit.begin(Operation.Kind.RESOLVE, actor=actor, on_behalf_of=on_behalf_of)
    for conflict, take, option in effects:
        conflict.state = Conflict.State.DECIDED
        conflict.taken = take
        joint = take == "both" and not choices.is_pair(conflict)
        conflict.taken_value = option.hub if take == "value" or joint else None
        conflict.decided_by, conflict.decided_at, conflict.decision = actor, at, operation
    rows = [effect.conflict for effect in effects]
    _save_decisions(rows)
    audit.record(operation, [note(Entry.Action.DECIDED, row) for row in rows])
    learning.note_decisions(rows)
    summary = {"conflict": str(rows[0].pk)} if len(rows) == 1 else {"conflicts": len(rows)}
    audit.finish(operation, Operation.Status.DONE, summary)


def _save_decisions(rows: Sequence[Conflict]) -> None:
    """In few statements: all but the value is the same for all that take the same."""
    alike: dict[str, list[Conflict]] = {}
    for row in rows:
        if row.taken_value is None:
            alike.setdefault(row.taken, []).append(row)
    for group in alike.values():
        values = {name: getattr(group[0], name) for name in _DECISION}
        for start in range(0, len(group), 500):
            ids = [row.pk for row in group[start : start + 500]]
            Conflict.objects.filter(pk__in=ids).update(**values)
    Conflict.objects.bulk_update(
        [row for row in rows if row.taken_value is not None], _DECISION, batch_size=200
    )


def _many(conflict_ids: Iterable[UUID], *, lock: bool = False) -> list[Conflict]:
    """In the order given; raises `ConflictNotFound`."""
    ids = list(dict.fromkeys(conflict_ids))
    rows = Conflict.objects.select_for_update() if lock else Conflict.objects.all()
    found: dict[UUID, Conflict] = {}
    for start in range(0, len(ids), 500):
        found |= rows.in_bulk(ids[start : start + 500])
    for pk in ids:
        if pk not in found:
            raise ConflictNotFound(pk)
    return [found[pk] for pk in ids]


def _preview(rows: Sequence[Conflict], take: str) -> Preview:
    effects: list[Effect] = []
    refused: list[tuple[Conflict, ConflictsError]] = []
    for row in rows:
        if row.state != Conflict.State.OPEN:
            refused.append((row, AlreadySettled(row.pk, row.get_state_display(), row.decided_by)))
            continue
        taken = (row.suggestion or {}).get("take", "") if take == SUGGESTION else take
        try:
            option = _option(row, taken, None) if taken else None
        except InvalidDecision as error:
            refused.append((row, error))
            continue
        if option is None:
            refused.append((row, InvalidDecision(gettext_noop("nothing is suggested for it"))))
        else:
            effects.append(Effect(row, taken, option))
    told = [
        take,
        *sorted((str(each.conflict.pk), each.take, repr(_seen(each.conflict))) for each in effects),
        *sorted(str(row.pk) for row, _ in refused),
    ]
    fingerprint = hashlib.sha256(repr(told).encode()).hexdigest()[:16]
    return Preview(tuple(effects), tuple(refused), fingerprint)


def _seen(row: Conflict) -> tuple[Any, Any]:
    return (row.replica_value, row.hub_value)


def _set(
    conflict_ids: Collection[UUID], name: str, value: Any, action: str, actor: str, on_behalf_of: str
) -> int:
    with write_transaction():
        rows = [row for row in _many(conflict_ids, lock=True) if row.state == Conflict.State.OPEN]
        rows = [row for row in rows if getattr(row, name) != value]
        if not rows:
            return 0
        operation = audit.begin(Operation.Kind.RESOLVE, actor=actor, on_behalf_of=on_behalf_of)
        notes = []
        for row in rows:
            notes.append(_moved(row, action, name, value))
            setattr(row, name, value)
        Conflict.objects.bulk_update(rows, [name], batch_size=200)
        audit.record(operation, notes)
        audit.finish(operation, Operation.Status.DONE, {"conflicts": len(rows)})
    return len(rows)


def _moved(row: Conflict, action: str, name: str, value: Any) -> Note:
    told = {"before": _told(getattr(row, name)), "after": _told(value), "conflict": str(row.pk)}
    item_id = UUID(row.item_key) if row.item_key else row.plan_id
    return Note(action, row.plan_id, row.item_kind, item_id, name, told["before"], told)


def _told(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)
