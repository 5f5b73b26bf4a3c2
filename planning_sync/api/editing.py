"""Edits as the API takes them, each one call of a service: `change`, `add`, `move`, `delete`, `restore`.

`in_step` is the If-Match of them all; `find_item` and its like look among what one may see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request

from audit.transactions import write_transaction
from planning_sync.api import principals
from planning_sync.api.errors import OutOfStep
from planning_sync.api.principals import Principal
from planning_sync.api.views import expected_revision
from planning_sync.sync import restoring
from plans import api, services
from plans.errors import InvalidPlace, InvalidValue
from plans.models import Phase, Plan, Task
from plans.outline import Kind

Item = Plan | Phase | Task
Row = TypeVar("Row", Plan, Phase, Task)


def find_plan(who: Principal, plan_id: UUID, *, binned: bool | None = False) -> Plan:
    """A plan that one may see; of both kinds where `binned` is None. Raises `NotFound`."""
    rows = principals.visible_plans(who)
    if binned is not None:
        rows = rows.filter(deleted_at__isnull=not binned)
    return _one(rows, plan_id)


def find_task(who: Principal, task_id: UUID, *, binned: bool = False) -> Task:
    rows = principals.visible_tasks(who).select_related("plan").filter(deleted_at__isnull=not binned)
    return _one(rows if binned else rows.filter(plan__deleted_at=None), task_id)


def find_phase(who: Principal, phase_id: UUID, *, binned: bool = False) -> Phase:
    rows = principals.visible_phases(who).select_related("plan").filter(deleted_at__isnull=not binned)
    return _one(rows if binned else rows.filter(plan__deleted_at=None), phase_id)


def find_item(who: Principal, item_id: UUID, *, within: UUID | None = None) -> Item:
    """The live plan, phase or task of that id, of the plan `within` if one is named; raises `NotFound`."""
    for find in (find_task, find_phase, find_plan):
        try:
            found: Item = find(who, item_id)
        except NotFound:
            continue
        if within in (None, plan_of(found).pk):
            return found
    raise NotFound


def _one(rows: QuerySet[Row], pk: UUID) -> Row:
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def plan_of(item: Item) -> Plan:
    return item if isinstance(item, Plan) else item.plan


def kind_of(item: Item) -> Kind:
    return {Plan: Kind.PLAN, Phase: Kind.PHASE, Task: Kind.TASK}[type(item)]


# -------------------------------------------------------------------------------------------- edits


def change(who: Principal, item: Item, fields: Mapping[str, Any]) -> None:
    kind = kind_of(item)
    with _named(kind):
        values = api.outline_fields(kind, fields)
        services.set_fields(item, values, actor=who.actor, on_behalf_of=who.on_behalf_of)


def add(who: Principal, kind: Kind, given: Mapping[str, Any], *, within: UUID | None = None) -> UUID:
    """A new task or phase as `NewTask` or `NewPhase` say; its id."""
    fields = {name: value for name, value in given.items() if name not in ("parent", "after", "first")}
    parent = _parent(who, given["parent"], within)
    after = _sibling(who, kind, given.get("after"))
    named = api.outline_fields(kind, fields)
    text = named.pop("text")
    with _named(kind):
        if kind is Kind.TASK:
            assert after is None or isinstance(after, Task), "looked up among tasks"
            first = bool(given.get("first")) and after is None
            return services.add_task(parent, text, after=after, first=first, **named, **who.marks).pk
        if isinstance(parent, Task):
            raise InvalidPlace("a phase cannot stand below a task")
        assert after is None or isinstance(after, Phase), "looked up among phases"
        return services.add_phase(parent, text, after=after, **named, **who.marks).pk


def move(who: Principal, item: Phase | Task, given: Mapping[str, Any]) -> None:
    kind = kind_of(item)
    parent = _parent(who, given["parent"], None)
    if plan_of(parent).pk != item.plan_id:
        raise InvalidPlace("the item above belongs to another plan")
    after = _sibling(who, kind, given.get("after"))
    if after is None and not given.get("first"):
        after = api.last_sibling(parent, kind, but=item.pk)
    services.move(item, parent=parent, after=after, **who.marks)


def delete(who: Principal, item: Item) -> None:
    if isinstance(item, Plan):
        services.delete_plan(item, **who.marks)
    else:
        services.delete(item, **who.marks)


def restore(who: Principal, item: Item) -> None:
    restoring.restore_from_bin(item.pk, **who.marks)


def _parent(who: Principal, item_id: UUID, within: UUID | None) -> Item:
    try:
        return find_item(who, item_id, within=within)
    except NotFound:
        raise ValidationError({"parent": ["There is no plan, phase or task of that id."]}) from None


def _sibling(who: Principal, kind: Kind, item_id: UUID | None) -> Phase | Task | None:
    if item_id is None:
        return None
    try:
        return find_task(who, item_id) if kind is Kind.TASK else find_phase(who, item_id)
    except NotFound:
        raise ValidationError({"after": [f"There is no {kind} of that id."]}) from None


@contextmanager
def _named(kind: Kind) -> Iterator[None]:
    """Errors tell the field by the name that it goes by here."""
    try:
        yield
    except InvalidValue as error:
        raise InvalidValue(api.api_name(kind, error.field), error.given, error.expected) from None


@contextmanager
def in_step(request: Request, plan: Plan, present: Callable[[], dict[str, Any]]) -> Iterator[None]:
    """Within the block the plan has the revision that If-Match names; else `OutOfStep` with what is there."""
    expected = expected_revision(request)
    if expected is None:
        yield
        return
    with write_transaction():
        locked = services.lock(plan.pk)
        if locked.revision != expected:
            raise OutOfStep(str(expected), locked.revision, present())
        yield
