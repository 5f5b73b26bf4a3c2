"""Plans, phases and tasks as JSON: their shapes, what may be asked and sent, and how rows are told.

Answers are made from rows of values, without the work of a serializer for each: those say what is in answers,
for the schema, and check what comes in. The addresses are further up, where it is known who may see what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from plans.models import Phase, Plan, Priority, Status, Task
from plans.outline import Kind

# ------------------------------------------------------------------------------------- what comes in


class Strict(serializers.Serializer[Any]):
    """Refuses what it does not know, so that slips are told and nothing is set by the back door."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = sorted(str(name) for name in data if name not in known)
            if unknown:
                told = f"Unknown here. Known: {', '.join(sorted(known)) or 'none'}."
                raise serializers.ValidationError({name: [told] for name in unknown})
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """Text and nothing else: a number is not taken for one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


def line(longest: int = 10_000, **options: Any) -> Text:
    """One line of text; "" says that there is none."""
    return Text(**{"required": False, "allow_blank": True, "max_length": longest, **options})


def _choice(choices: list[tuple[str, Any]], **options: Any) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=choices, required=False, **options)


class _Words(serializers.ListField):
    def __init__(self, **options: Any) -> None:
        child = Text(max_length=1000, allow_blank=False)
        super().__init__(**{"child": child, "max_length": 200, "required": False, **options})


class _Percent(serializers.FloatField):
    """A number from 0 to 100, or null for none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"min_value": 0, "max_value": 100, "required": False, "allow_null": True, **options}
        )

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool | str):
            self.fail("invalid")
        return super().to_internal_value(data)


def _uuid(**options: Any) -> Any:
    """For fields called `parent`, which shadows what serializers call their own parent, to no harm."""
    return serializers.UUIDField(**options)


class PlanEdit(Strict):
    title = Text(required=False, max_length=10_000)
    version = line()
    date = line(help_text="As the author wrote it.")
    status = _choice(Status.choices, allow_blank=True)
    declared_progress = _Percent()


class NewPlan(Strict):
    title = Text(max_length=10_000)


class PhaseEdit(Strict):
    title = Text(required=False, max_length=10_000)
    number = line(help_text="As the author wrote it, such as `1.2`.")
    status = _choice(Status.choices, allow_blank=True)
    declared_progress = _Percent()


class TaskEdit(Strict):
    text = Text(required=False, max_length=10_000)
    ref = line(help_text="The number or word that the author gave it.")
    status = _choice(Status.choices)
    priority = _choice(Priority.choices, allow_blank=True)
    assignee = line()
    due = serializers.DateField(required=False, allow_null=True)
    tags = _Words()
    estimate = line()
    depends_on = _Words(help_text="Refs of other tasks.")


_BELOW = "The plan, phase or task below which it is to stand."
_AFTER = "The sibling of the same kind after which it is to stand; without it, last."


class NewPhase(PhaseEdit):
    parent = _uuid(help_text=_BELOW)
    after = serializers.UUIDField(required=False, allow_null=True, help_text=_AFTER)
    title = Text(max_length=10_000)


class NewTask(TaskEdit):
    parent = _uuid(help_text=_BELOW)
    after = serializers.UUIDField(required=False, allow_null=True, help_text=_AFTER)
    first = serializers.BooleanField(default=False, help_text="Before all its siblings.")
    text = Text(max_length=10_000)


class Move(Strict):
    parent = _uuid(help_text=_BELOW)
    after = serializers.UUIDField(required=False, allow_null=True, help_text=_AFTER)
    first = serializers.BooleanField(default=False, help_text="Before all its siblings.")


OUTLINE_NAMES: Mapping[Kind, Mapping[str, str]] = {
    Kind.PLAN: {"title": "text", "declared_progress": "progress"},
    Kind.PHASE: {"title": "text", "number": "ref", "declared_progress": "progress"},
    Kind.TASK: {},
}
"""Where a field goes by another name in the outline, and so in services and errors."""


def outline_fields(kind: Kind, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What came in, as the services take it."""
    names = OUTLINE_NAMES[kind]
    return {names.get(name, name): "" if value is None else value for name, value in fields.items()}


def api_name(kind: Kind, field: str) -> str:
    """The name that a field of the outline goes by here."""
    return next((name for name, other in OUTLINE_NAMES[kind].items() if other == field), field)


# ------------------------------------------------------------------------------------- what goes out


class PlanSerializer(serializers.Serializer[Any]):
    """A plan, with the figures that its tasks come to."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    version = serializers.CharField(allow_blank=True)
    date = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(Status.choices, allow_blank=True, help_text="As declared; `` for none.")
    progress = serializers.FloatField(help_text="Percentage of its tasks that are done.")
    declared_progress = serializers.FloatField(allow_null=True)
    phases = serializers.IntegerField(help_text="How many.")
    tasks = serializers.IntegerField(help_text="How many.")
    done = serializers.IntegerField(help_text="How many of the tasks are done.")
    revision = serializers.IntegerField(help_text="Grows with each change; the ETag.")
    created_at = serializers.DateTimeField()
    modified_at = serializers.DateTimeField()
    deleted_at = serializers.DateTimeField(allow_null=True, help_text="Since when it is in the bin.")


class PhaseSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    plan = serializers.UUIDField()
    parent = _uuid(allow_null=True, help_text="The phase above.")
    number = serializers.CharField(allow_blank=True)
    title = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(Status.choices, allow_blank=True, help_text="As declared; `` for none.")
    progress = serializers.FloatField()
    declared_progress = serializers.FloatField(allow_null=True)
    created_at = serializers.DateTimeField()
    modified_at = serializers.DateTimeField()
    deleted_at = serializers.DateTimeField(allow_null=True)


class TaskSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    plan = serializers.UUIDField()
    phase = serializers.UUIDField(allow_null=True, help_text="The phase it stands in, at whatever depth.")
    parent = _uuid(allow_null=True, help_text="The task above.")
    ref = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(Status.choices)
    priority = serializers.ChoiceField(Priority.choices, allow_blank=True)
    assignee = serializers.CharField(allow_blank=True)
    due = serializers.DateField(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    estimate = serializers.CharField(allow_blank=True)
    depends_on = serializers.ListField(child=serializers.CharField())
    unreachable = serializers.BooleanField(help_text="Code or a comment has swallowed its line in the file.")
    created_at = serializers.DateTimeField()
    modified_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    deleted_at = serializers.DateTimeField(allow_null=True)


@extend_schema_field({"type": "array", "items": {"$ref": "#/components/schemas/Item"}})
class _Children(serializers.ListField):
    """Items within an item."""


class ItemSerializer(serializers.Serializer[Any]):
    """A phase or a task in its plan's tree; those that its kind has not are left out."""

    kind = serializers.ChoiceField([("phase", "phase"), ("task", "task")])
    id = serializers.UUIDField()
    parent = _uuid(allow_null=True, help_text="The item above; null at the top of the plan.")
    depth = serializers.IntegerField(min_value=0)
    number = serializers.CharField(required=False, allow_blank=True)
    title = serializers.CharField(required=False, allow_blank=True)
    progress = serializers.FloatField(required=False)
    declared_progress = serializers.FloatField(required=False, allow_null=True)
    ref = serializers.CharField(required=False, allow_blank=True)
    text = serializers.CharField(required=False, allow_blank=True)
    status = serializers.CharField(allow_blank=True)
    priority = serializers.CharField(required=False, allow_blank=True)
    assignee = serializers.CharField(required=False, allow_blank=True)
    due = serializers.DateField(required=False, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    estimate = serializers.CharField(required=False, allow_blank=True)
    depends_on = serializers.ListField(child=serializers.CharField(), required=False)
    unreachable = serializers.BooleanField(required=False)
    children = _Children(required=False, help_text="Of the nested shape.")


PLAN_COLUMNS = (
    *("id", "title", "version", "date", "status", "progress", "declared_progress", "phase_count"),
    *("task_count", "done_count", "revision", "created_at", "modified_at", "deleted_at"),
)
PHASE_COLUMNS = (
    *("id", "plan_id", "parent_id", "number", "title", "status", "progress", "declared_progress"),
    *("created_at", "modified_at", "deleted_at"),
)
TASK_COLUMNS = (
    *("id", "plan_id", "phase_id", "parent_id", "ref", "text", "status", "priority", "assignee", "due_date"),
    *(
        "tags",
        "estimate",
        "depends_on",
        "unreachable",
        "created_at",
        "modified_at",
        "completed_at",
        "deleted_at",
    ),
)
_PLAN_NAMES = {"phase_count": "phases", "task_count": "tasks", "done_count": "done"}
_ITEM_NAMES = {"plan_id": "plan", "phase_id": "phase", "parent_id": "parent", "due_date": "due"}


def plan_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A plan from its `PLAN_COLUMNS`."""
    return {_PLAN_NAMES.get(name, name): row[name] for name in PLAN_COLUMNS}


def phase_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {_ITEM_NAMES.get(name, name): row[name] for name in PHASE_COLUMNS}


def task_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {_ITEM_NAMES.get(name, name): row[name] for name in TASK_COLUMNS}


_PHASE_ITEM = ("number", "title", "status", "progress", "declared_progress")
_TASK_ITEM = (
    *("ref", "text", "status", "priority", "assignee", "due_date", "tags", "estimate", "depends_on"),
    "unreachable",
)


def items_json(plan_id: UUID) -> list[dict[str, Any]]:
    """The live phases and tasks of the plan in document order, each with its depth. Two queries."""
    phases = Phase.objects.live().filter(plan_id=plan_id).values("id", "parent_id", "position", *_PHASE_ITEM)
    columns = ("id", "parent_id", "phase_id", "position", *_TASK_ITEM)
    tasks = Task.objects.live().filter(plan_id=plan_id).values(*columns)
    rows = [(row["position"], "phase", row) for row in phases] + [
        (row["position"], "task", row) for row in tasks
    ]
    rows.sort(key=lambda each: each[0])
    depths: dict[UUID | None, int] = {None: -1}
    found = []
    for _, kind, row in rows:
        parent = row["parent_id"] or row.get("phase_id")
        depth = depths[row["id"]] = depths.get(parent, -1) + 1
        names = _PHASE_ITEM if kind == "phase" else _TASK_ITEM
        told = {_ITEM_NAMES.get(name, name): row[name] for name in names}
        found.append({"kind": kind, "id": row["id"], "parent": parent, "depth": depth, **told})
    return found


def nested(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same as a tree: each item with its `children`."""
    by_id: dict[UUID, dict[str, Any]] = {}
    top: list[dict[str, Any]] = []
    for item in items:
        own = by_id[item["id"]] = {**item, "children": []}
        above = by_id.get(item["parent"])
        (above["children"] if above is not None else top).append(own)
    return top


# ------------------------------------------------------------------------------------------- filters


class PlanFilter(Strict):
    q = line(200, help_text="Contained in the title.")
    status = serializers.MultipleChoiceField(choices=Status.choices, required=False)
    modified_after = serializers.DateTimeField(required=False)
    assignee = line(200, help_text="Has a task of this one.")
    tag = line(200, help_text="Has a task with this tag.")
    priority = _choice(Priority.choices, help_text="Has a task of this priority.")
    due_before = serializers.DateField(
        required=False, help_text="Has a task that is due by then, that day included."
    )
    due_after = serializers.DateField(required=False, help_text="Has a task that is due then or later.")
    deleted = serializers.BooleanField(required=False, default=False, help_text="What is in the bin instead.")


class TaskFilter(Strict):
    q = line(200, help_text="Contained in the text or the ref.")
    plan = serializers.UUIDField(required=False)
    phase = serializers.UUIDField(required=False, help_text="Stands in this phase, not in one below it.")
    parent = _uuid(required=False, help_text="Stands right below this task.")
    status = serializers.MultipleChoiceField(choices=Status.choices, required=False)
    assignee = line(200)
    tag = line(200)
    priority = serializers.MultipleChoiceField(choices=Priority.choices, required=False)
    due_before = serializers.DateField(required=False, help_text="That day included.")
    due_after = serializers.DateField(required=False, help_text="That day included.")
    modified_after = serializers.DateTimeField(required=False)
    unreachable = serializers.BooleanField(required=False, allow_null=True, default=None)
    deleted = serializers.BooleanField(required=False, default=False, help_text="What is in the bin instead.")


class PhaseFilter(Strict):
    q = line(200, help_text="Contained in the title or the number.")
    plan = serializers.UUIDField(required=False)
    parent = _uuid(required=False, help_text="Stands right below this phase.")
    status = serializers.MultipleChoiceField(choices=Status.choices, required=False)
    deleted = serializers.BooleanField(required=False, default=False, help_text="What is in the bin instead.")


_OF_TASKS = ("assignee", "tag", "priority", "due_before", "due_after")


def filtered_plans(rows: QuerySet[Plan], asked: Mapping[str, Any]) -> QuerySet[Plan]:
    rows = rows.filter(_present(asked))
    if asked.get("q"):
        rows = rows.filter(title__icontains=asked["q"])
    if asked.get("status"):
        rows = rows.filter(status__in=asked["status"])
    if "modified_after" in asked:
        rows = rows.filter(modified_at__gt=asked["modified_after"])
    of_tasks = {name: asked[name] for name in _OF_TASKS if asked.get(name)}
    if of_tasks:
        tasks = _tasks(Task.objects.live().filter(plan=OuterRef("pk")), of_tasks)
        rows = rows.filter(Exists(tasks))
    return rows


def filtered_tasks(rows: QuerySet[Task], asked: Mapping[str, Any]) -> QuerySet[Task]:
    rows = rows.filter(_present(asked), plan__deleted_at=None)
    for name in ("plan", "phase", "parent"):
        if name in asked:
            rows = rows.filter(**{f"{name}_id": asked[name]})
    if asked.get("unreachable") is not None:
        rows = rows.filter(unreachable=asked["unreachable"])
    return _tasks(rows, asked)


def filtered_phases(rows: QuerySet[Phase], asked: Mapping[str, Any]) -> QuerySet[Phase]:
    rows = rows.filter(_present(asked), plan__deleted_at=None)
    for name in ("plan", "parent"):
        if name in asked:
            rows = rows.filter(**{f"{name}_id": asked[name]})
    if asked.get("q"):
        rows = rows.filter(Q(title__icontains=asked["q"]) | Q(number__icontains=asked["q"]))
    if asked.get("status"):
        rows = rows.filter(status__in=asked["status"])
    return rows


def _present(asked: Mapping[str, Any]) -> Q:
    return Q(deleted_at__isnull=not asked.get("deleted"))


def _tasks(rows: QuerySet[Task], asked: Mapping[str, Any]) -> QuerySet[Task]:
    if asked.get("q"):
        rows = rows.filter(Q(text__icontains=asked["q"]) | Q(ref__icontains=asked["q"]))
    if asked.get("status"):
        rows = rows.filter(status__in=asked["status"])
    if asked.get("priority"):
        given = asked["priority"]
        rows = rows.filter(priority__in=[given] if isinstance(given, str) else given)
    if asked.get("assignee"):
        rows = rows.filter(assignee=asked["assignee"])
    if asked.get("tag"):
        rows = rows.filter(tagged(asked["tag"]))
    if "due_before" in asked:
        rows = rows.filter(due_date__lte=asked["due_before"])
    if "due_after" in asked:
        rows = rows.filter(due_date__gte=asked["due_after"])
    if "modified_after" in asked:
        rows = rows.filter(modified_at__gt=asked["modified_after"])
    return rows


def tagged(tag: str) -> Q:
    """Rows whose `tags` have this one."""
    if connection.vendor == "postgresql":
        return Q(tags__contains=[tag])
    # SQLite keeps JSON as text; the words are looked at one by one.
    found = "EXISTS (SELECT 1 FROM json_each(tags) WHERE json_each.value = %s)"
    return Q(RawSQL(found, [tag], output_field=BooleanField()))  # noqa: S611  # the tag is a parameter


def last_sibling(parent: Plan | Phase | Task, kind: Kind, *, but: UUID | None = None) -> Phase | Task | None:
    """The last live item of the kind right below `parent`."""
    if kind is Kind.PHASE:
        if isinstance(parent, Task):
            return None
        phases = Phase.objects.live().exclude(pk__in=[but] if but else [])
        own = Q(plan=parent, parent=None) if isinstance(parent, Plan) else Q(parent=parent)
        return phases.filter(own).order_by("-position").first()
    tasks = Task.objects.live().exclude(pk__in=[but] if but else [])
    match parent:
        case Plan():
            below = Q(plan=parent, phase=None, parent=None)
        case Phase():
            below = Q(phase=parent, parent=None)
        case Task():
            below = Q(parent=parent)
    return tasks.filter(below).order_by("-position").first()
