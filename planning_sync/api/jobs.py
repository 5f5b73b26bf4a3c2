"""Syncs that somebody asked for and a worker does: `ask`, `dry_run`, and `run`, which the queue calls.

    ask: a job with an operation begun for each pass, then a task in the queue  -->  202
    run: claims the job, makes its passes one after the other, and stores how far it is

A worker may die at any moment, and the queue then delivers the task again: `run` goes on with the passes that
have no report yet, in the operations that were begun for them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from django.db.models import F
from django.utils import timezone
from django_q.tasks import async_task

from audit import services as audit
from audit.models import Operation, Snapshot
from audit.transactions import write_transaction
from planning_sync.api.models import Job
from planning_sync.api.principals import Principal
from planning_sync.replicas.base import ABSENT
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import services, sides
from planning_sync.sync.errors import SyncError
from planning_sync.sync.models import Link, Replica
from planning_sync.sync.passes import Options
from planning_sync.sync.report import Report

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
KEPT = timedelta(days=30)
"""How long a job that is over can be asked about; its operations stay in the history."""
_TOLD_EVERY = 0.5
"""Seconds between two notes of how far a job is."""
_WORST_FIRST = ("failed", "refused", "conflicts", "done")

Direction = Literal["both", "pull", "push"]


@dataclass(frozen=True)
class Wanted:
    """One pass over one replica."""

    replica: Replica
    direction: Direction
    paths: frozenset[str] = frozenset()
    strategy: str = ""
    backup: bool = False
    validate_first: bool = False
    allow_mass_delete: bool = False

    def options(self, actor: str, **more: Any) -> Options:
        return Options(
            actor=actor,
            direction=self.direction,
            paths=self.paths,
            strategy=self.strategy,
            validate_first=self.validate_first,
            allow_mass_delete=self.allow_mass_delete,
            **more,
        )


def dry_run(wanted: Wanted, who: Principal) -> Report:
    """What the pass would do."""
    return services.sync_replica(wanted.replica, wanted.options(who.actor, dry_run=True, settle_seconds=0.0))


def ask(wanted: Sequence[Wanted], who: Principal) -> Job:
    """The job, in the queue."""
    now = timezone.now()
    with write_transaction():
        Job.objects.filter(created_at__lt=now - KEPT).exclude(finished_at=None).delete()
        job = Job.objects.create(
            actor=who.actor,
            on_behalf_of=who.on_behalf_of,
            passes=[_begun(each, who) for each in wanted],
            created_at=now,
        )
    async_task("planning_sync.api.jobs.run", str(job.pk), task_name=f"sync job {job.pk}")
    logger.info("Sync job %s asked for by %s", job.pk, who.actor)
    return job


def _begun(wanted: Wanted, who: Principal) -> dict[str, Any]:
    operation = audit.begin(Operation.Kind.SYNC, replica_id=wanted.replica.pk, **who.marks)
    return {
        "replica": wanted.replica.name,
        "replica_id": str(wanted.replica.pk),
        "direction": wanted.direction,
        "paths": sorted(wanted.paths),
        "strategy": wanted.strategy,
        "backup": wanted.backup,
        "validate_first": wanted.validate_first,
        "allow_mass_delete": wanted.allow_mass_delete,
        "operation": str(operation.pk),
        "report": None,
        "snapshots": [],
    }


def run(job_id: str) -> str:
    """Do the job, or what is left of it; its status. Does nothing for one that is done."""
    job = _claimed(UUID(job_id))
    if job is None:
        return "nothing to do"
    try:
        for told in job.passes:
            if told["report"] is None:
                _pass(job, told)
    except Exception as error:
        job.problem = f"Internal error ({type(error).__name__}). The log of the worker has the details."
        _finish(job, Job.Status.FAILED)
        raise
    statuses = {_status(told["report"]) for told in job.passes}
    worst = next((each for each in _WORST_FIRST if each in statuses), "done")
    _finish(job, worst)
    return worst


def _claimed(job_id: UUID) -> Job | None:
    """The job as ours to do; None where it is done, or has killed its workers too often."""
    open_ones = Job.objects.filter(pk=job_id, status__in=(Job.Status.QUEUED, Job.Status.RUNNING))
    with write_transaction():
        now = timezone.now()
        mine = open_ones.filter(attempts__lt=MOST_ATTEMPTS)
        claimed = mine.update(status=Job.Status.RUNNING, attempts=F("attempts") + 1, started_at=now)
    job = open_ones.first()
    if job is None or claimed:
        return job
    job.problem = (
        f"It was begun {MOST_ATTEMPTS} times, and each time its worker died. See the log of the worker."
    )
    _finish(job, Job.Status.FAILED)
    return None


def _finish(job: Job, status: str) -> None:
    with write_transaction():
        for told in job.passes:
            _close(told)
        job.status, job.finished_at = status, timezone.now()
        job.save(update_fields=["status", "finished_at", "passes", "problem", "done", "total"])


def _close(told: Mapping[str, Any]) -> None:
    """End the operation of a pass that had nothing to record, or that never came to be."""
    open_one = Operation.objects.filter(pk=told["operation"], status=Operation.Status.RUNNING).first()
    if open_one is not None:
        report = told["report"]
        status = services.STATUS[report["status"]] if report else Operation.Status.FAILED
        audit.finish(open_one, status, report or {})


def _pass(job: Job, told: dict[str, Any]) -> None:
    row = Replica.objects.filter(pk=told["replica_id"]).first()
    if row is None:
        told["report"] = _failed(told, "The replica is not there any more.")
    elif not row.enabled:
        told["report"] = _failed(told, "The replica is switched off.")
    else:
        told["report"] = _done(job, row, told)
    with write_transaction():
        job.save(update_fields=["passes", "done", "total"])


def _done(job: Job, row: Replica, told: dict[str, Any]) -> dict[str, Any]:
    wanted = Wanted(
        row,
        told["direction"],
        frozenset(told["paths"]),
        told["strategy"],
        told["backup"],
        told.get("validate_first", False),
        told["allow_mass_delete"],
    )
    try:
        if wanted.backup:
            told["snapshots"] = list(_backed_up(wanted))
        options = wanted.options(job.actor, operation_id=UUID(told["operation"]))
        report = services.sync_replica(row, options, progress=_Meter(job))
    except (ReplicaError, SyncError) as error:
        logger.warning("Sync job %s, replica %s: %s", job.pk, row.name, error)
        return _failed(told, str(error))
    report.operation = report.operation or told["operation"]
    return report.as_json()


class _Meter:
    """Stores how far a job is, now and then."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.before = (job.done, job.total)
        self.told_at = 0.0

    def __call__(self, done: int, total: int) -> None:
        self.job.done, self.job.total = self.before[0] + done, self.before[1] + total
        now = time.monotonic()
        if done == total or now - self.told_at >= _TOLD_EVERY:
            self.told_at = now
            with write_transaction():
                self.job.save(update_fields=["done", "total"])


def _backed_up(wanted: Wanted) -> Iterator[dict[str, str]]:
    """Keep what every file of the pass holds now; what was seen before is kept already."""
    side = sides.connect(wanted.replica)
    links = Link.objects.filter(replica=wanted.replica, gone_at=None, released_at=None)
    if wanted.paths:
        links = links.filter(path__in=wanted.paths)
    for path in links.order_by("path").values_list("path", flat=True):
        checksum = side.probe(path).checksum
        if checksum == ABSENT:
            continue
        if not Snapshot.objects.filter(pk=checksum).exists():
            reading = side.read(path)
            checksum = reading.checksum
            with write_transaction():
                audit.keep_snapshot(reading.data, checksum)
        yield {"path": path, "checksum": checksum}


def _failed(told: Mapping[str, Any], problem: str) -> dict[str, Any]:
    report = Report(replica=told["replica"], operation=told["operation"])
    report.errors.append({"plan": "", "error": problem})
    return report.as_json()


def _status(report: Mapping[str, Any]) -> str:
    return "done" if report["status"] == "in_step" else str(report["status"])
