"""Every write to plans: one function per intention, one transaction, its entries in the log.

`create_plan`, `set_fields`, `add_task`, `add_phase`, `move`, `delete`, `delete_plan`, `restore_plan`
are what people and programs do; `empty_bin` is for the schedule. `admit` and `write` are the same for a
sync, which brings its own operation; they must be called inside its transaction. `checked` is what a
field may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from audit import services as audit
from audit.ids import new_id
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from plans import outline as outlines
from plans import storage
from plans.errors import ChangedMeanwhile, InvalidPlace, InvalidValue, NotFound, OutOfDate
from plans.models import Phase, Plan, Priority, Status, Task
from plans.outline import FIELDS, ROOT, Added, Changed, Item, Kind, Moved, Outline, Place, Removed, Value
from plans.storage import Stored

Edit = Callable[[Outline], Outline]


def create_plan(title: str, *, actor: str, on_behalf_of: str = "") -> Plan:
    """A new plan without items. A blank title raises `InvalidValue`."""
    title = checked(Kind.PLAN, "text", title)
    with write_transaction():
        operation = audit.begin(Operation.Kind.EDIT, actor=actor, on_behalf_of=on_behalf_of)
        plan = admit(Outline(Item(ROOT, Kind.PLAN, ROOT, title)), operation=operation)
        audit.finish(operation, Operation.Status.DONE, {"plan": str(plan.pk)})
    return plan


def set_fields(
    item: Plan | Phase | Task,
    fields: Mapping[str, Any],
    *,
    actor: str,
    on_behalf_of: str = "",
    expected_revision: int | None = None,
    expected: Mapping[str, Any] | None = None,
) -> Plan:
    """Change fields of one item, by their names in the outline (`text`, `status`, `due`, `tags` ...).

    `expected` is what the caller saw in some of them: where another value stands there by now, and not
    the one wanted, nothing is changed and `ChangedMeanwhile` raised.
    """
    kind, key = _named(item)
    values = {name: checked(kind, name, given) for name, given in fields.items()}
    seen = {name: checked(kind, name, given) for name, given in (expected or {}).items() if name in values}

    def edit(outline: Outline) -> Outline:
        present = outline.by_key[key]
        held = {name: outlines.value(present, name) for name in seen}
        moved_on = {name: now for name, now in held.items() if now not in (seen[name], values[name])}
        if moved_on:
            raise ChangedMeanwhile(moved_on)
        changed = [Changed(key, name, outlines.value(present, name), new) for name, new in values.items()]
        return outlines.apply(outline, changed)

    return _edit(item, edit, actor, on_behalf_of, expected_revision)


def add_task(
    parent: Plan | Phase | Task,
    text: str,
    *,
    actor: str,
    after: Task | None = None,
    first: bool = False,
    on_behalf_of: str = "",
    **fields: Any,
) -> Task:
    """A new task below `parent`: right after the sibling `after`, or the first one, else the last one."""
    key = _add(Kind.TASK, parent, text, after, fields, actor, on_behalf_of, first=first)
    return Task.objects.get(pk=key)


def add_phase(
    parent: Plan | Phase,
    text: str,
    *,
    actor: str,
    after: Phase | None = None,
    on_behalf_of: str = "",
    **fields: Any,
) -> Phase:
    """A new phase below `parent`: right after the sibling `after`, else as the last one."""
    key = _add(Kind.PHASE, parent, text, after, fields, actor, on_behalf_of)
    return Phase.objects.get(pk=key)


def move(
    item: Phase | Task,
    *,
    parent: Plan | Phase | Task,
    after: Phase | Task | None,
    actor: str,
    on_behalf_of: str = "",
) -> Plan:
    """Put the item, with all below it, under `parent`: right after `after`, or first for None."""
    kind, key = _named(item)
    parent_kind, parent_key = _named(parent)
    _refuse_kinds(kind, parent_kind)
    if (parent.pk if isinstance(parent, Plan) else parent.plan_id) != item.plan_id:
        raise InvalidPlace(gettext_noop("the item above belongs to another plan, or is gone"))
    place = Place(parent_key, after.pk.hex if after else "")

    def edit(outline: Outline) -> Outline:
        if any(below.key == parent_key for below in outline.subtree(key)):
            raise InvalidPlace(gettext_noop("it would stand below itself"))
        _refuse_stranger(outline, kind, place)
        return outlines.apply(outline, [Moved(key, outlines.places(outline)[key], place)])

    return _edit(item, edit, actor, on_behalf_of)


def delete(item: Phase | Task, *, actor: str, on_behalf_of: str = "") -> Plan:
    """Put the item and all below it into the bin."""
    _, key = _named(item)

    def edit(outline: Outline) -> Outline:
        gone = {below.key for below in outline.subtree(key)}
        return Outline(outline.plan, tuple(each for each in outline.items if each.key not in gone))

    return _edit(item, edit, actor, on_behalf_of)


def delete_plan(plan: Plan, *, actor: str, on_behalf_of: str = "") -> None:
    """Put the plan into the bin; its replicas remove it at their next sync."""
    with write_transaction():
        operation = audit.begin(Operation.Kind.EDIT, actor=actor, on_behalf_of=on_behalf_of)
        discard(lock(plan.pk), operation=operation)
        audit.finish(operation, Operation.Status.DONE)


def restore_plan(plan: Plan, *, actor: str, on_behalf_of: str = "") -> None:
    """Take the plan out of the bin; its replicas bring it back at their next sync."""
    with write_transaction():
        operation = audit.begin(Operation.Kind.EDIT, actor=actor, on_behalf_of=on_behalf_of)
        recover(lock(plan.pk, deleted=True), operation=operation)
        audit.finish(operation, Operation.Status.DONE)


def empty_bin(*, deleted_before: datetime, except_plans: Collection[UUID] = ()) -> tuple[int, int]:
    """Remove for good the plans (but these) and the items that went into the bin before then; how many."""
    gone_plans = 0
    due = Plan.objects.filter(deleted_at__lt=deleted_before).exclude(pk__in=list(except_plans))
    for pk in list(due.values_list("pk", flat=True)):
        with write_transaction():
            gone_plans += bool(due.filter(pk=pk).delete()[0])
    gone_items = 0
    plan_ids = {
        plan_id
        for model in (Phase, Task)
        for plan_id in model.objects.filter(deleted_at__lt=deleted_before).values_list("plan_id", flat=True)
    }
    for plan_id in plan_ids:
        with write_transaction():
            gone_items += _remove_items(plan_id, deleted_before)
    return gone_plans, gone_items


def _remove_items(plan_id: UUID, deleted_before: datetime) -> int:
    """Rows go from below, so that none takes along what is not due itself."""
    stays = Q(deleted_at=None) | Q(deleted_at__gte=deleted_before)
    due = Q(plan_id=plan_id, deleted_at__lt=deleted_before)
    removed = 0
    while True:
        tasks = Task.objects.filter(due).exclude(pk__in=_parents(Task, "parent_id", plan_id, stays))
        held = [*_parents(Phase, "parent_id", plan_id, stays), *_parents(Task, "phase_id", plan_id, stays)]
        phases = Phase.objects.filter(due).exclude(pk__in=held)
        gone = tasks.delete()[0] + phases.delete()[0]
        if not gone:
            return removed
        removed += gone


def _parents(model: type[Phase | Task], name: str, plan_id: UUID, rows: Q) -> list[UUID]:
    found = model.objects.filter(rows, plan_id=plan_id).exclude(**{name: None})
    return list(found.values_list(name, flat=True).distinct())


# --------------------------------------------------------------------- inside another transaction


def lock(plan_id: UUID, *, deleted: bool = False) -> Plan:
    """The plan's row, locked until the transaction ends; `NotFound` where it is not (or is) in the bin."""
    plan = Plan.objects.select_for_update().filter(pk=plan_id, deleted_at__isnull=not deleted).first()
    if plan is None:
        raise NotFound("plan", str(plan_id))
    return plan


def admit(outline: Outline, *, operation: Operation, checksum: str = "") -> Plan:
    """A new plan that says `outline`, whose keys become the ids of its rows. One entry for all of it."""
    at = timezone.now()
    plan = Plan.objects.create(title=outline.plan.text, checksum=checksum, created_at=at, modified_at=at)
    nothing = Stored(Outline(storage.plan_item(plan)), {})
    storage.save(plan, nothing, outline, at=at)
    counts = {"title": plan.title, "phases": plan.phase_count, "tasks": plan.task_count}
    audit.record(
        operation,
        [Note(Entry.Action.CREATED, plan.pk, Kind.PLAN, plan.pk, after={**counts, "checksum": checksum})],
    )
    return plan


def write(plan: Plan, before: Stored, after: Outline, *, operation: Operation) -> Stored:
    """Make the locked plan say `after`, with an entry for each change."""
    changes = outlines.diff(before.outline, after)
    stored = storage.save(plan, before, after, at=timezone.now())
    audit.record(operation, (_note(plan, change, before.outline, after) for change in changes))
    return stored


def discard(plan: Plan, *, operation: Operation) -> None:
    _set_deleted(plan, timezone.now(), Entry.Action.DELETED, operation)


def recover(plan: Plan, *, operation: Operation) -> None:
    _set_deleted(plan, None, Entry.Action.RESTORED, operation)


def item_id(key: str) -> UUID:
    """The id of the row that an outline's key stands for."""
    return UUID(key)


def mark_unreachable(plan: Plan, keys: Iterable[str]) -> None:
    """Say of exactly these tasks of the plan that code has swallowed their lines."""
    ids = [UUID(key) for key in keys]
    Task.objects.filter(plan_id=plan.pk, unreachable=True).exclude(pk__in=ids).update(unreachable=False)
    for start in range(0, len(ids), 500):
        Task.objects.filter(pk__in=ids[start : start + 500]).update(unreachable=True)


def _set_deleted(plan: Plan, at: datetime | None, action: str, operation: Operation) -> None:
    plan.deleted_at = at
    plan.revision += 1
    plan.modified_at = timezone.now()
    plan.save(update_fields=["deleted_at", "revision", "modified_at"])
    audit.record(operation, [Note(action, plan.pk, Kind.PLAN, plan.pk, after={"title": plan.title})])


# ------------------------------------------------------------------------------------------ edits


def _named(item: Plan | Phase | Task) -> tuple[Kind, str]:
    """The item's kind and its key in the outline."""
    match item:
        case Plan():
            return Kind.PLAN, ROOT
        case Phase():
            return Kind.PHASE, item.pk.hex
        case Task():
            return Kind.TASK, item.pk.hex


def _edit(
    item: Plan | Phase | Task,
    edit: Edit,
    actor: str,
    on_behalf_of: str,
    expected_revision: int | None = None,
) -> Plan:
    kind, key = _named(item)
    with write_transaction():
        plan = lock(item.pk if isinstance(item, Plan) else item.plan_id)
        if expected_revision is not None and plan.revision != expected_revision:
            raise OutOfDate(expected_revision, plan.revision)
        before = storage.load(plan)
        if key not in before.outline.by_key:
            raise NotFound(kind, str(item.pk))
        after = edit(before.outline)
        if after == before.outline:
            return plan
        operation = audit.begin(Operation.Kind.EDIT, actor=actor, on_behalf_of=on_behalf_of)
        write(plan, before, after, operation=operation)
        audit.finish(operation, Operation.Status.DONE, {"plan": str(plan.pk)})
    return plan


def _add(
    kind: Kind,
    parent: Plan | Phase | Task,
    text: str,
    after: Phase | Task | None,
    fields: Mapping[str, Any],
    actor: str,
    on_behalf_of: str,
    *,
    first: bool = False,
) -> UUID:
    parent_kind, parent_key = _named(parent)
    _refuse_kinds(kind, parent_kind)
    values = {name: checked(kind, name, given) for name, given in {**fields, "text": text}.items()}
    if kind is Kind.TASK:
        values.setdefault("status", Status.TODO.value)
    new = new_id()
    item = Item(key=new.hex, kind=kind, parent=parent_key, **values)

    def edit(outline: Outline) -> Outline:
        siblings = [each.key for each in outline.items if each.parent == parent_key and each.kind is kind]
        last = siblings[-1] if siblings and not first else ""
        place = Place(parent_key, after.pk.hex if after else last)
        _refuse_stranger(outline, kind, place)
        return outlines.apply(outline, [Added(item, place)])

    _edit(parent, edit, actor, on_behalf_of)
    return new


def _refuse_kinds(kind: Kind, parent: Kind) -> None:
    if kind is Kind.PHASE and parent is Kind.TASK:
        raise InvalidPlace(gettext_noop("a phase cannot stand below a task"))


def _refuse_stranger(outline: Outline, kind: Kind, place: Place) -> None:
    """Both ends of the place must be in the plan and belong together."""
    if place.parent not in outline.by_key:
        raise InvalidPlace(gettext_noop("the item above belongs to another plan, or is gone"))
    if place.after:
        sibling = outline.by_key.get(place.after)
        if sibling is None or sibling.parent != place.parent or sibling.kind is not kind:
            raise InvalidPlace(gettext_noop("the item before it does not stand below the same parent"))


def _note(plan: Plan, change: outlines.Change, before: Outline, after: Outline) -> Note:
    match change:
        case Added(item, place):
            said = _as_json(item, place)
            return Note(Entry.Action.CREATED, plan.pk, item.kind, UUID(item.key), after=said)
        case Removed(item, place):
            said = _as_json(item, place)
            return Note(Entry.Action.DELETED, plan.pk, item.kind, UUID(item.key), before=said)
        case Moved(key, old, new):
            kind = after.by_key[key].kind
            return Note(Entry.Action.MOVED, plan.pk, kind, UUID(key), "place", old._asdict(), new._asdict())
        case Changed(key, field, old_value, new_value):
            kind = after.by_key[key].kind
            item_id = UUID(key) if key else plan.pk
            return Note(Entry.Action.CHANGED, plan.pk, kind, item_id, field, old_value, new_value)


def _as_json(item: Item, place: Place) -> dict[str, Any]:
    fields = {name: outlines.value(item, name) for name in FIELDS[item.kind]}
    return {**{name: value for name, value in fields.items() if value}, **place._asdict()}


# ---------------------------------------------------------------------------------------- values


def checked(kind: Kind, field: str, given: Any) -> Any:
    """The value as the outline holds it; `InvalidValue` where the field cannot hold it."""
    if field not in FIELDS[kind]:
        raise InvalidValue(f"A {kind}", field, "one of " + ", ".join(FIELDS[kind]))
    reader = _READERS.get(field)
    value: Value = reader(field, given) if reader else _line(field, given)
    if field == "text" and not value:
        raise InvalidValue("text", given, gettext_noop("at least one character"))
    if field == "status" and not value and kind is Kind.TASK:
        raise InvalidValue("status", given, "one of " + ", ".join(Status.values))
    return value


def _line(field: str, given: Any) -> str:
    text = "" if given is None else str(given).strip()
    if any(end in text for end in "\r\n\0"):
        raise InvalidValue(field, given, gettext_noop("one line of text"))
    return text


def _choice(choices: list[str]) -> Callable[[str, Any], str]:
    def read(field: str, given: Any) -> str:
        value = _line(field, given)
        if value and value not in choices:
            raise InvalidValue(field, given, "one of " + ", ".join(choices))
        return value

    return read


def _date(field: str, given: Any) -> str:
    if isinstance(given, date):
        return given.isoformat()
    text = _line(field, given)
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise InvalidValue(field, given, gettext_noop("a date such as 2026-05-31")) from None


def _percentage(field: str, given: Any) -> str:
    text = _line(field, given).removesuffix("%").strip()
    if not text:
        return ""
    try:
        percent = Decimal(text)
    except InvalidOperation:
        raise InvalidValue(field, given, gettext_noop("a percentage from 0 to 100")) from None
    if not 0 <= percent <= 100:
        raise InvalidValue(field, given, gettext_noop("a percentage from 0 to 100"))
    return storage.percent_text(percent.quantize(Decimal("0.01")))


def _words(field: str, given: Any) -> tuple[str, ...]:
    listed = given.split(",") if isinstance(given, str) else given or ()
    return tuple(word for word in (_line(field, each) for each in listed) if word)


_READERS: Mapping[str, Callable[[str, Any], Value]] = {
    "status": _choice(Status.values),
    "priority": _choice(Priority.values),
    "due": _date,
    "progress": _percentage,
    "tags": _words,
    "depends_on": _words,
}
