"""`/tasks`: the checkbox items of plans."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Case, DateField, IntegerField, Value, When
from django.db.models.functions import Coalesce
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from planning_sync.api import editing, paging, principals
from planning_sync.api.describing import described
from planning_sync.api.paging import PageQuery, page_serializer
from planning_sync.api.placing import Placed, placed
from planning_sync.api.principals import Principal
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, etag, given, location
from plans.api import (
    TASK_COLUMNS,
    Move,
    NewTask,
    TaskEdit,
    TaskFilter,
    TaskSerializer,
    filtered_tasks,
    task_json,
)
from plans.models import Priority
from plans.outline import Kind

ORDERINGS: dict[str, paging.Order] = {
    "position": ("plan_id", "position", "id"),
    "text": ("text", "id"),
    "due": ("due_or_never", "plan_id", "position", "id"),
    "priority": ("urgency", "plan_id", "position", "id"),
    "-modified_at": ("-modified_at", "-id"),
    "modified_at": ("modified_at", "id"),
}


class TaskQuery(TaskFilter, Placed, PageQuery):
    ordering = serializers.ChoiceField([(name, name) for name in ORDERINGS], default="position")


EXAMPLE = {
    "id": "01936b7e-2f62-7d11-b0c5-6a2b7f0e9d42",
    "plan": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11",
    "phase": "01936b7e-2f61-7b06-8a41-5f1f0f0a2c31",
    "parent": None,
    "ref": "1.1",
    "text": "Tag the version",
    "status": "todo",
    "priority": "high",
    "assignee": "alice",
    "due": "2026-05-31",
    "tags": ["release"],
    "estimate": "2h",
    "depends_on": [],
    "unreachable": False,
    "created_at": "2026-05-04T10:00:00Z",
    "modified_at": "2026-05-04T10:00:00Z",
    "completed_at": None,
    "deleted_at": None,
}

_URGENCY = Case(
    *(When(priority=name, then=Value(rank)) for rank, name in enumerate(Priority.values)),
    default=Value(len(Priority.values)),
    output_field=IntegerField(),
)
_SORTED_BY: dict[str, dict[str, Any]] = {
    "due": {"due_or_never": Coalesce("due_date", Value(date.max), output_field=DateField())},
    "priority": {"urgency": _URGENCY},
}
"""What an order needs beside the columns: those of it must never be null."""


def told(who: Principal, task_id: UUID) -> tuple[dict[str, Any], int]:
    """The task as it is now, and its plan's revision."""
    rows = principals.visible_tasks(who).filter(pk=task_id)
    row = rows.values(*TASK_COLUMNS, "plan__revision").first()
    if row is None:
        raise NotFound
    return task_json(row), row["plan__revision"]


def _answer(who: Principal, task_id: UUID, status: int = 200) -> Response:
    document, revision = told(who, task_id)
    headers = {"ETag": etag(revision)}
    if status == 201:
        headers["Location"] = location("tasks", task_id)
    return Response(document, status=status, headers=headers)


class Tasks(ApiView):
    @described(
        "List tasks",
        tag="tasks",
        operation="tasks_list",
        query=TaskQuery,
        answer=page_serializer(TaskSerializer),
        example={"results": [EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        query = asked(TaskQuery, request)
        rows = filtered_tasks(placed(principals.visible_tasks(self.who), query, "plan_id"), query)
        rows = rows.annotate(**_SORTED_BY.get(query["ordering"], {}))
        page = paging.page(request, rows, TASK_COLUMNS, ORDERINGS[query["ordering"]], query)
        return Response(page.as_json(task_json))

    @described(
        "Add a task",
        tag="tasks",
        operation="tasks_create",
        status=201,
        body=NewTask,
        answer=TaskSerializer,
        example=EXAMPLE,
        body_example={
            "parent": "01936b7e-2f61-7b06-8a41-5f1f0f0a2c31",
            "text": "Tag the version",
            "tags": ["release"],
        },
    )
    def post(self, request: Request) -> Response:
        """Below a plan, a phase or a task: after the sibling `after`, or `first`, else last."""
        made = editing.add(self.who, Kind.TASK, given(NewTask, request))
        return _answer(self.who, made, 201)


class Task(ApiView):
    @described("One task", tag="tasks", operation="tasks_read", answer=TaskSerializer, example=EXAMPLE)
    def get(self, request: Request, task_id: UUID) -> Response:
        """Its ETag is the revision of its plan."""
        editing.find_task(self.who, task_id)
        return _answer(self.who, task_id)

    @described(
        "Change a task",
        tag="tasks",
        operation="tasks_update",
        answer=TaskSerializer,
        example=EXAMPLE,
        body=TaskEdit,
        body_example={"status": "done", "assignee": ""},
    )
    def patch(self, request: Request, task_id: UUID) -> Response:
        """Only what is sent changes. The replicas follow before the answer."""
        task = editing.find_task(self.who, task_id)
        fields = given(TaskEdit, request)
        with editing.in_step(request, task.plan, lambda: told(self.who, task_id)[0]):
            editing.change(self.who, task, fields)
        return _answer(self.who, task_id)

    @described("Delete a task", tag="tasks", operation="tasks_delete", status=204)
    def delete(self, request: Request, task_id: UUID) -> Response:
        """With all that stands below it, into the bin."""
        task = editing.find_task(self.who, task_id)
        with editing.in_step(request, task.plan, lambda: told(self.who, task_id)[0]):
            editing.delete(self.who, task)
        return Response(status=204)


class MoveTask(ApiView):
    takes_if_match = True

    @described(
        "Move a task",
        tag="tasks",
        operation="tasks_move",
        answer=TaskSerializer,
        example=EXAMPLE,
        body=Move,
        body_example={"parent": "01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11", "first": True},
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        """Within its plan, with all that stands below it."""
        task = editing.find_task(self.who, task_id)
        where = given(Move, request)
        with editing.in_step(request, task.plan, lambda: told(self.who, task_id)[0]):
            editing.move(self.who, task, where)
        return _answer(self.who, task_id)


class RestoreTask(ApiView):
    @described(
        "Take a task out of the bin",
        tag="tasks",
        operation="tasks_restore",
        answer=TaskSerializer,
        example=EXAMPLE,
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        """With all that went with it, to where it stood."""
        editing.restore(self.who, editing.find_task(self.who, task_id, binned=True))
        return _answer(self.who, task_id)


ROUTES = (
    Route("tasks", Tasks, "tasks", {"GET": "plans.view_task", "POST": "plans.add_task"}),
    Route(
        *("tasks/<uuid:task_id>", Task, "task"),
        {"GET": "plans.view_task", "PATCH": "plans.change_task", "DELETE": "plans.delete_task"},
    ),
    Route("tasks/<uuid:task_id>/move", MoveTask, "task-move", {"POST": "plans.change_task"}),
    Route("tasks/<uuid:task_id>/restore", RestoreTask, "task-restore", {"POST": "plans.add_task"}),
)
