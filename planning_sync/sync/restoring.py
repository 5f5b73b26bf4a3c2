"""Plans and items as they were at a time, or before they went into the bin.

Public: `restore_plan_at`, `restore_item_at`, `restore_from_bin`, each with its preview.

Each is an operation of kind RESTORE, carried out as an undo is, and can be undone as any other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from django.utils.translation import gettext_noop

from audit.models import Entry, Operation, Snapshot
from planning_sync.sync import memory as memories
from planning_sync.sync import sides, undo
from planning_sync.sync.errors import NotRestorable
from planning_sync.sync.ledger import Ledger
from planning_sync.sync.models import Link
from planning_sync.sync.undo import Outcome
from planning_sync.sync.undo_files import followed
from planning_sync.sync.undo_model import Case, How, LinkCase, Presence
from planning_sync.sync.undo_preview import PlanPreview, plan_preview
from plans import history, storage
from plans.errors import NotFound
from plans.models import Phase, Plan, Task
from plans.outline import Kind, Outline
from plans.storage import Stored

Row = Plan | Phase | Task


def restore_plan_at(
    plan_id: UUID,
    *,
    actor: str,
    at: datetime | None = None,
    operation_id: UUID | None = None,
    on_behalf_of: str = "",
) -> Outcome:
    """Have the plan say what it said at that time, or right after that operation.

    Its one file gets the bytes it had then, where they are kept; else its lines follow. A plan in the bin
    comes out of it first. Raises `NotRestorable` where there was no such plan by then.
    """
    _then(_plan(plan_id), at, operation_id)
    if _plan(plan_id).deleted_at is not None:
        restore_from_bin(plan_id, actor=actor, on_behalf_of=on_behalf_of)
    build = partial(_plan_case, plan_id, at, operation_id)
    return _carried(build, {"plan": str(plan_id), **_moment(at, operation_id)}, actor, on_behalf_of)


def preview_plan_at(
    plan_id: UUID, *, at: datetime | None = None, operation_id: UUID | None = None
) -> PlanPreview:
    return plan_preview(_plan_case(plan_id, at, operation_id))


def restore_item_at(
    item_id: UUID,
    *,
    actor: str,
    at: datetime | None = None,
    operation_id: UUID | None = None,
    on_behalf_of: str = "",
) -> Outcome:
    """Have one task or phase say what it said then, at its place of then as near as can be.

    Where it is gone by now it comes back with what stood below it. Raises `NotFound`, `NotRestorable`.
    """
    build = partial(_item_case, item_id, at, operation_id)
    return _carried(build, {"item": str(item_id), **_moment(at, operation_id)}, actor, on_behalf_of)


def preview_item_at(
    item_id: UUID, *, at: datetime | None = None, operation_id: UUID | None = None
) -> PlanPreview:
    return plan_preview(_item_case(item_id, at, operation_id))


def restore_from_bin(row_id: UUID, *, actor: str, on_behalf_of: str = "") -> Outcome:
    """Take a plan, or an item with all that went with it, out of the bin, to where it stood.

    Raises `NotFound`, and `NotRestorable` for what is not in the bin, or in a plan that is.
    """
    return _carried(partial(_bin_case, row_id), {"from_bin": str(row_id)}, actor, on_behalf_of)


def preview_from_bin(row_id: UUID) -> PlanPreview:
    return plan_preview(_bin_case(row_id))


def row_of(row_id: UUID) -> Row:
    """The plan, phase or task, in the bin or not; raises `NotFound`."""
    for model in (Plan, Phase, Task):
        found = model.objects.filter(pk=row_id).first()
        if isinstance(found, Plan | Phase | Task):
            return found
    raise NotFound("item", str(row_id))


# ---------------------------------------------------------------------------------------- deciding


def _plan_case(plan_id: UUID, at: datetime | None, operation_id: UUID | None) -> Case:
    plan = _plan(plan_id)
    target, moment = _then(plan, at, operation_id)
    stored = storage.load(plan)
    links = _links(plan)
    if len(links) == 1 and plan.deleted_at is None:
        cases: tuple[LinkCase, ...] = (_as_then(plan, links[0], target, moment),)
        if cases[0].how == "lines" and target == stored.outline:
            cases = (LinkCase(links[0], "leave"),)
    else:
        how: How = "lines" if target != stored.outline else "leave"
        cases = tuple(LinkCase(link, how) for link in links)
    presence: Presence = "recover" if plan.deleted_at is not None else ""
    return Case(plan, stored, (), hub=target, links=cases, presence=presence)


def _then(plan: Plan, at: datetime | None, operation_id: UUID | None) -> tuple[Outline, int]:
    """What the plan said then, and the last entry of that time."""
    moment = history.moment_of(plan, at=at, operation_id=operation_id)
    target = history.outline_at(plan, after_entry=moment)
    if target is None:
        raise NotRestorable(plan.title, gettext_noop("it was not there yet at that time"))
    rows = Entry.objects.filter(plan_id=plan.pk, item_kind=Kind.PLAN, pk__lte=moment)
    told = rows.filter(action__in=("created", "deleted", "restored")).order_by("-id").first()
    if told is not None and told.action == Entry.Action.DELETED:
        raise NotRestorable(
            plan.title, gettext_noop("it was in the bin at that time; take a time before that")
        )
    return target, moment


def _as_then(plan: Plan, link: Link, target: Outline, moment: int) -> LinkCase:
    """The link with the file's bytes of that time, where they are kept."""
    checksum = history.document_at(plan, after_entry=moment)
    if not checksum or not Snapshot.objects.filter(pk=checksum).exists():
        return LinkCase(link, "lines")
    side = sides.connect(link.replica)
    memory = memories.as_read(link, side, checksum, target)
    return LinkCase(link, "restore", memory) if memory.checksum != link.checksum else LinkCase(link, "lines")


def _item_case(item_id: UUID, at: datetime | None, operation_id: UUID | None) -> Case:
    row = row_of(item_id)
    if isinstance(row, Plan):
        raise NotFound("phase or task", str(item_id))
    plan = _plan(row.plan_id)
    target, moment = _then(plan, at, operation_id)
    key = row.pk.hex
    if key not in target.by_key:
        raise NotRestorable(str(row), gettext_noop("it was not in the plan at that time"))
    stored = storage.load(plan)
    keys = {key}
    if key not in stored.outline.by_key:
        keys |= {item.key for item in target.subtree(key) if item.key not in stored.outline.by_key}
    since = Entry.objects.filter(plan_id=plan.pk, pk__gt=moment).order_by("id").first()
    return _items_back(plan, stored, target, keys, since)


def _items_back(plan: Plan, stored: Stored, then: Outline, keys: set[str], since: Entry | None) -> Case:
    if plan.deleted_at is not None:
        raise NotRestorable(plan.title, f"the plan is in the bin; restore it first: {plan.pk}")
    hub = history.put_back(stored.outline, then, keys)
    ledger = Ledger.since(plan.pk, {since.operation_id} if since else ())
    links = tuple(followed(plan, stored.outline, hub, link, ledger) for link in _links(plan))
    return Case(plan, stored, (), hub=hub, links=links)


def _bin_case(row_id: UUID) -> Case:
    row = row_of(row_id)
    if row.deleted_at is None:
        raise NotRestorable(str(row), "it is not in the bin")
    if isinstance(row, Plan):
        return _plan_out_of_bin(row)
    plan = _plan(row.plan_id)
    gone = Entry.objects.filter(plan_id=plan.pk, item_id=row.pk, action=Entry.Action.DELETED)
    last = gone.order_by("-id").first()
    if last is None:
        raise NotRestorable(str(row), "the log does not tell where it stood")
    stored = storage.load(plan)
    step = next(
        step
        for step in history.steps_of(plan, {last.operation_id})
        if step.before is not None and row.pk.hex in step.before.by_key
    )
    assert step.before is not None, "an item stood in a plan"
    below = {item.key for item in step.before.subtree(row.pk.hex)}
    return _items_back(plan, stored, step.before, below - stored.outline.by_key.keys(), last)


def _plan_out_of_bin(plan: Plan) -> Case:
    stored = storage.load(plan)
    links = Link.objects.select_related("replica", "plan").filter(plan=plan)
    cases = tuple(LinkCase(link, "attach" if link.released_at else "sync") for link in links)
    return Case(plan, stored, (), hub=stored.outline, presence="recover", links=cases)


def _plan(plan_id: UUID) -> Plan:
    plan = Plan.objects.filter(pk=plan_id).first()
    if plan is None:
        raise NotFound("plan", str(plan_id))
    return plan


def _links(plan: Plan) -> list[Link]:
    rows = Link.objects.select_related("replica", "plan").filter(plan=plan, released_at=None, gone_at=None)
    return list(rows.order_by("pk"))


# ----------------------------------------------------------------------------------------- acting


def _moment(at: datetime | None, operation_id: UUID | None) -> dict[str, str]:
    return {"at": at.isoformat()} if at is not None else {"as_after": str(operation_id)}


def _carried(build: Callable[[], Case], summary: dict[str, str], actor: str, on_behalf_of: str) -> Outcome:
    def checked() -> Case:
        case = build()
        if not case.does_something:
            raise NotRestorable(case.plan.title, "it is as it was then")
        return case

    return undo.carried(
        checked, Operation.Kind.RESTORE, dict(summary), actor=actor, on_behalf_of=on_behalf_of
    )
