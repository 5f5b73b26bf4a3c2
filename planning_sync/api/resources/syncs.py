"""`/sync/...`: syncs on request, how far they are, and how the replicas fare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.utils import timezone
from django_q.models import Schedule
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import Operation
from planning_sync.api import jobs, paging
from planning_sync.api.describing import Method, described
from planning_sync.api.jobs import Direction, Wanted
from planning_sync.api.models import Job
from planning_sync.api.paging import PageQuery, page_serializer
from planning_sync.api.principals import Principal, visible_replicas
from planning_sync.api.resources.replicas import COLUMNS, counted
from planning_sync.api.resources.replicas import EXAMPLE as REPLICA
from planning_sync.api.routes import Route
from planning_sync.api.views import ApiView, asked, given, location
from planning_sync.sync.api import (
    BatchRequest,
    JobSerializer,
    PreviewsSerializer,
    ReplicaStatusSerializer,
    SyncRequest,
    report_stats,
)
from planning_sync.sync.models import Replica
from planning_sync.sync.tasks import NAME as SCHEDULE
from plans.api import line

_OPERATION = "01936b7e-3100-7a00-8000-000000000002"
_COUNTS = {"created": 0, "updated": 1, "moved": 0, "deleted": 0}
_REPORT = {
    "operation": _OPERATION,
    "replica": "notes",
    "status": "in_step",
    "dry_run": False,
    "plans": {"seen": 12, "changed": 1, "written": 1, "failed": 0},
    "tasks": _COUNTS,
    "phases": {**_COUNTS, "updated": 0},
    "conflicts": {"opened": 0, "closed": 0, "open": 0},
    "files_written": ["launch.md"],
    "refused": [],
    "errors": [],
    "duration_seconds": 0.041,
}
_JOB = {
    "id": "01936b7e-3100-7a00-8000-000000000001",
    "status": "done",
    "operation": _OPERATION,
    "actor": "key:nightly",
    "on_behalf_of": "",
    "progress": {"done": 1, "total": 1},
    "stats": {"plans_changed": 1, "tasks_changed": 1, "files_written": 1, "conflicts_opened": 0},
    "errors": [],
    "passes": [
        {
            "replica": "notes",
            "direction": "both",
            "paths": [],
            "operation": _OPERATION,
            "snapshots": [],
            "report": _REPORT,
        }
    ],
    "created_at": "2026-05-04T10:00:00Z",
    "started_at": "2026-05-04T10:00:00Z",
    "finished_at": "2026-05-04T10:00:01Z",
}
QUEUED = {
    **_JOB,
    "status": "queued",
    "started_at": None,
    "finished_at": None,
    "progress": {"done": 0, "total": 0},
    "stats": {"plans_changed": 0, "tasks_changed": 0, "files_written": 0, "conflicts_opened": 0},
    "passes": [{**_JOB["passes"][0], "report": None}],  # type: ignore[index]  # a list, as one sees
}
_DRY = {"dry_run": True, "reports": [{**_REPORT, "operation": "", "dry_run": True, "previews": []}]}
_ALSO = {200: (PreviewsSerializer, _DRY)}


class _Start(ApiView):
    """Starts a sync in one direction."""

    direction: Direction

    def start(self, request: Request) -> Response:
        told = given(SyncRequest, request)
        rows = _replicas(self.who, told.get("replica"))
        return _answer(
            self.who, [_wanted(row, self.direction, told.get("paths", []), told) for row in rows], told
        )


def _described(
    summary: str, operation: str, body: Any = SyncRequest, example: Any = None
) -> Callable[[Method], Method]:
    return described(
        summary,
        tag="sync",
        operation=operation,
        status=202,
        answer=JobSerializer,
        example=QUEUED,
        body=body,
        body_example=example or {"replica": "notes", "create_backup": True},
        also=_ALSO,
    )


class Pull(_Start):
    direction = "pull"

    @_described("Bring what the files say into the hub", "sync_pull")
    def post(self, request: Request) -> Response:
        """A job for a worker; with `dry_run`, what would happen, at once."""
        return self.start(request)


class MarkdownToDynamic(_Start):
    direction = "pull"

    @_described(
        "Bring what the files say into the hub (another name of /sync/pull)", "sync_markdown_to_dynamic"
    )
    def post(self, request: Request) -> Response:
        return self.start(request)


class Push(_Start):
    direction = "push"

    @_described("Bring what the hub says into the files", "sync_push")
    def post(self, request: Request) -> Response:
        """A job for a worker; with `dry_run`, what would happen, at once."""
        return self.start(request)


class DynamicToMarkdown(_Start):
    direction = "push"

    @_described(
        "Bring what the hub says into the files (another name of /sync/push)", "sync_dynamic_to_markdown"
    )
    def post(self, request: Request) -> Response:
        return self.start(request)


class Now(_Start):
    direction = "both"

    @_described("Sync in both directions", "sync_now")
    def post(self, request: Request) -> Response:
        """A job for a worker; with `dry_run`, what would happen, at once."""
        return self.start(request)


class Batch(ApiView):
    @_described(
        *("Several syncs as one job", "sync_batch", BatchRequest),
        {"syncs": [{"replica": "notes", "direction": "pull"}, {"replica": "roadmap", "paths": ["2026.md"]}]},
    )
    def post(self, request: Request) -> Response:
        """One after the other, in the order given."""
        told = given(BatchRequest, request)
        wanted = []
        for number, each in enumerate(told["syncs"]):
            rows = _replicas(self.who, each["replica"], f"syncs.{number}.replica")
            wanted += [_wanted(row, each["direction"], each.get("paths", []), told) for row in rows]
        return _answer(self.who, wanted, told)


def _replicas(who: Principal, name: str | None, field: str = "replica") -> list[Replica]:
    rows = visible_replicas(who).filter(enabled=True).order_by("created_at", "pk")
    if name is not None:
        rows = rows.filter(name=name)
    found = list(rows)
    if not found:
        told = (
            f"There is no replica {name!r} that is switched on."
            if name
            else "There is no replica to sync yet."
        )
        raise ValidationError({field: [told]})
    return found


def _wanted(row: Replica, direction: Direction, paths: Sequence[str], told: Mapping[str, Any]) -> Wanted:
    return Wanted(
        *(row, direction, frozenset(paths)),
        strategy=told.get("conflict_strategy", ""),
        backup=told["create_backup"],
        validate_first=told["validate_first"],
        allow_mass_delete=told["allow_mass_delete"],
    )


def _answer(who: Principal, wanted: Sequence[Wanted], told: Mapping[str, Any]) -> Response:
    if told["dry_run"]:
        reports = [jobs.dry_run(each, who).as_json() for each in wanted]
        return Response({"dry_run": True, "reports": reports})
    job = jobs.ask(wanted, who)
    return Response(job_json(job), status=202, headers={"Location": location("sync/jobs", job.pk)})


# ---------------------------------------------------------------------------------------------- jobs


_PASS = ("replica", "direction", "paths", "operation", "snapshots", "report")


def job_json(job: Job) -> dict[str, Any]:
    reports = [told["report"] for told in job.passes if told["report"]]
    failures = [failure for report in reports for failure in report["errors"]]
    if job.problem:
        failures.append({"plan": "", "error": job.problem})
    columns = ("id", "status", "actor", "on_behalf_of", "created_at", "started_at", "finished_at")
    return {
        **{name: getattr(job, name) for name in columns},
        "operation": job.passes[0]["operation"] if len(job.passes) == 1 else None,
        "progress": {"done": job.done, "total": job.total},
        "stats": report_stats(reports),
        "errors": failures,
        "passes": [{name: told[name] for name in _PASS} for told in job.passes],
    }


class OneJob(ApiView):
    @described("How far a sync is", tag="sync", operation="sync_job", answer=JobSerializer, example=_JOB)
    def get(self, request: Request, job_id: UUID) -> Response:
        """`queued` and `running` go on; any other status is the end. The id is that of the 202 answer."""
        job = Job.objects.filter(pk=job_id).first()
        ids = self.who.replica_ids
        if job is None or not (ids is None or all(UUID(told["replica_id"]) in ids for told in job.passes)):
            raise NotFound
        return Response(job_json(job))


# ------------------------------------------------------------------------------- status and history


class StatusSerializer(serializers.Serializer[Any]):
    running = serializers.IntegerField(help_text="Syncs that are going on.")
    queued = serializers.IntegerField(help_text="Jobs that wait for a worker.")
    last_sync_at = serializers.DateTimeField(allow_null=True)
    next_sync_at = serializers.DateTimeField(allow_null=True, help_text="By the schedule.")
    replicas = ReplicaStatusSerializer(many=True)


class Status(ApiView):
    @described(
        "How the replicas fare",
        tag="sync",
        operation="sync_status",
        answer=StatusSerializer,
        example={
            "running": 0,
            "queued": 0,
            "last_sync_at": "2026-05-04T10:00:00Z",
            "next_sync_at": "2026-05-04T10:05:00Z",
            "replicas": [{**REPLICA, "health": "ok", "running": 0}],
        },
    )
    def get(self, request: Request) -> Response:
        rows = list(counted(visible_replicas(self.who)).order_by("created_at", "pk").values(*COLUMNS))
        syncs = Operation.objects.filter(kind=Operation.Kind.SYNC, status=Operation.Status.RUNNING)
        numbers = (
            syncs.filter(replica_id__in=[row["id"] for row in rows])
            .values("replica_id")
            .annotate(n=Count("pk"))
        )
        running = {row["replica_id"]: row["n"] for row in numbers}
        times = [row["last_sync_at"] for row in rows if row["last_sync_at"]]
        return Response(
            {
                "running": sum(running.values()),
                "queued": Job.objects.filter(status=Job.Status.QUEUED).count(),
                "last_sync_at": max(times, default=None),
                "next_sync_at": _next(timezone.now()),
                "replicas": [
                    {**row, "health": _health(row), "running": running.get(row["id"], 0)} for row in rows
                ],
            }
        )


def _next(now: datetime) -> datetime | None:
    """When the schedule is due; now, where it is overdue."""
    at = Schedule.objects.filter(name=SCHEDULE).values_list("next_run", flat=True).first()
    return max(at, now) if at is not None else None


def _health(row: Mapping[str, Any]) -> str:
    if not row["enabled"]:
        return "off"
    if row["last_sync_at"] is None:
        return "unknown"
    return "degraded" if row["problems"] or row["last_status"] in ("failed", "refused", "offline") else "ok"


class SyncQuery(PageQuery):
    replica = line(200, help_text="A name.")
    status = serializers.MultipleChoiceField(choices=Operation.Status.choices, required=False)


class PastSyncSerializer(serializers.Serializer[Any]):
    operation = serializers.UUIDField()
    kind = serializers.ChoiceField(Operation.Kind.choices)
    replica = serializers.CharField(allow_null=True)
    actor = serializers.CharField()
    on_behalf_of = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(Operation.Status.choices)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    summary = serializers.DictField(help_text="The report of the pass.")


_PAST = {
    "operation": _OPERATION,
    "kind": "sync",
    "replica": "notes",
    "actor": "key:nightly",
    "on_behalf_of": "",
    "status": "done",
    "started_at": "2026-05-04T10:00:00Z",
    "finished_at": "2026-05-04T10:00:01Z",
    "summary": _REPORT,
}
_COLUMNS = (
    "id",
    "kind",
    "replica_id",
    "actor",
    "on_behalf_of",
    "status",
    "started_at",
    "finished_at",
    "summary",
)


class SyncHistory(ApiView):
    @described(
        "Syncs that changed something, or that were asked for",
        tag="sync",
        operation="sync_history",
        query=SyncQuery,
        answer=page_serializer(PastSyncSerializer),
        example={"results": [_PAST], "next": None},
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        query = asked(SyncQuery, request)
        names = dict(visible_replicas(self.who).values_list("pk", "name"))
        wanted = [pk for pk, name in names.items() if query.get("replica") in (None, "", name)]
        rows = Operation.objects.filter(kind=Operation.Kind.SYNC, replica_id__in=wanted)
        if query.get("status"):
            rows = rows.filter(status__in=query["status"])
        page = paging.page(request, rows, _COLUMNS, ("-started_at", "-id"), query)
        return Response(page.as_json(lambda row: _past(row, names)))


def _past(row: Mapping[str, Any], names: Mapping[UUID, str]) -> dict[str, Any]:
    told = {name: row[name] for name in _COLUMNS if name not in ("id", "replica_id")}
    return {"operation": row["id"], "replica": names.get(row["replica_id"]), **told}


_START = {"POST": "sync.change_replica"}

ROUTES = (
    Route("sync/pull", Pull, "sync-pull", _START),
    Route("sync/markdown-to-dynamic", MarkdownToDynamic, "sync-markdown-to-dynamic", _START),
    Route("sync/push", Push, "sync-push", _START),
    Route("sync/dynamic-to-markdown", DynamicToMarkdown, "sync-dynamic-to-markdown", _START),
    Route("sync/now", Now, "sync-now", _START),
    Route("sync/batch", Batch, "sync-batch", _START),
    Route("sync/jobs/<uuid:job_id>", OneJob, "sync-job", {"GET": "sync.view_replica"}),
    Route("sync/status", Status, "sync-status", {"GET": "sync.view_replica"}),
    Route("sync/history", SyncHistory, "sync-history", {"GET": "audit.view_operation"}),
)
