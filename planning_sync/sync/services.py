"""Syncs: `add_replica`, `sync_replica` (one pass over all its plans), `sync_plan` (one plan, everywhere).

`repair_encoding` mends a file whose text was garbled by wrong decoding; `garbled` shows what it would mend.

A pass only looks at what changed: a plan whose stamp at the replica and whose revision in the hub are
those of its link is in step and is not read. Each plan is synced by itself, under its own lock, in its
own transactions; what goes wrong with one is reported and does not stop the others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from conflicts.models import Conflict
from planning_sync.replicas.base import ABSENT, Reading, Write
from planning_sync.replicas.errors import GitError, ReplicaError, ReplicaMissing
from planning_sync.replicas.git import GitTree
from planning_sync.sync import availability, locks, passes, preview, refusals, sides, steps
from planning_sync.sync.acting import UNREAD
from planning_sync.sync.errors import (
    InvalidOption,
    LinkExists,
    Refused,
    ReplicaExists,
    SyncError,
    UnknownReplica,
    Unsettled,
)
from planning_sync.sync.models import Intent, Link, Replica, Unpaired
from planning_sync.sync.passes import Options, Pass
from planning_sync.sync.report import Report
from plans.document import encoding
from plans.document.encoding import Repair
from plans.document.text import display
from plans.models import Plan
from plans.outline import Kind

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with the number of plans done and the number to do."""

OFFLINE = "offline"
"""The last status of a replica that was not there."""

LONG, TOLD_EVERY_SECONDS = 20, 1.0
"""A pass over more plans than that says now and then how far it is."""

GIT_AUTHOR = "Planning Sync <planning-sync@localhost>"

STATUS = {
    "in_step": Operation.Status.DONE,
    "conflicts": Operation.Status.CONFLICTS,
    "refused": Operation.Status.REFUSED,
    "failed": Operation.Status.FAILED,
}


def add_replica(
    path: Path | str, *, actor: str, name: str = "", kind: str = "markdown", **options: Any
) -> Replica:
    """A new replica, not synced yet; raises `ReplicaExists`, `InvalidOption`, `ReplicaMissing`."""
    place = sides.locate(kind, str(path))
    known = Replica.objects.filter(path=place.path).first()
    if known is not None:
        raise ReplicaExists(place.path, known.name)
    row = Replica(kind=kind, path=place.path, options=options, created_at=timezone.now())
    sides.connect(row).scan()
    with write_transaction():
        taken = set(Replica.objects.values_list("name", flat=True))
        row.name = _free_name(name or place.name or "plans", taken)
        row.save()
    logger.info("Replica %s added at %s by %s", row.name, place.path, actor)
    return row


def _free_name(wanted: str, taken: Collection[str]) -> str:
    numbered = (f"{wanted}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (wanted, *numbered) if name not in taken)


def replica_named(name: str) -> Replica:
    """The replica of that name, path or address; raises `UnknownReplica`."""
    places = [str(Path(name).expanduser().resolve()), name.rstrip("/")]
    found = Replica.objects.filter(name=name).first() or Replica.objects.filter(path__in=places).first()
    if found is None:
        raise UnknownReplica(name, list(Replica.objects.order_by("name").values_list("name", flat=True)))
    return found


def sync_replica(row: Replica, options: Options, *, progress: Progress | None = None) -> Report:
    """One pass over all plans of the replica. What went wrong is in the report; nothing is raised for it."""
    with _passing(row, options) as this, _reported(this, ""):
        todo = _surveyed(this)
        this.report.seen = len(todo.scan.stamps)
        for problem in todo.scan.problems:
            this.report.errors.append({"plan": problem.path, "error": problem.message})
        if options.dry_run:
            preview.show(this, todo)
        else:
            _run(this, todo, progress)
            _count_unpaired(this, todo)
    return this.report


def _count_unpaired(this: Pass, todo: passes.Survey) -> None:
    """Note how many plans wait to be paired, less those that are gone from the replica."""
    unpaired = list(Unpaired.objects.filter(replica=this.row, as_new=False))
    gone = [each.pk for each in unpaired if todo.scan.gone(each.path)]
    this.report.unpaired = len(unpaired) - len(gone)
    if gone:
        with write_transaction():
            Unpaired.objects.filter(pk__in=gone).delete()


def sync_path(row: Replica, path: str, options: Options) -> Report:
    """Sync the one plan at `path`; where it is not known there, or gone, a whole pass, which sees renames."""
    link = _unpacked(Link.objects.filter(replica=row, path=path, gone_at=None)).first()
    if link is None:
        return sync_replica(row, options)
    if link.released_at is not None:
        return Report(replica=row.name, dry_run=options.dry_run)
    return _sync_linked(row, link, options)


def _sync_linked(row: Replica, link: Link, options: Options) -> Report:
    with _passing(row, options) as this:
        absent = False
        with _reported(this, link.path):
            absent = this.side.probe(link.path).checksum == ABSENT
            if not absent:
                steps.sync_link(this, link.pk, link.path)
                this.report.seen = 1
    return sync_replica(row, options) if absent else this.report


def sync_plan(plan_id: UUID, options: Options, *, but_not: UUID | None = None) -> list[Report]:
    """Sync one plan with every replica that has it, or is to have it, except `but_not` and those away."""
    reports: list[Report | None] = []
    for row in Replica.objects.filter(enabled=True, lost_at=None):
        try:
            reports.append(_sync_plan_at(row, plan_id, options) if row.pk != but_not else None)
        except InvalidOption as error:
            reports.append(unusable(row, error))
    return [report for report in reports if report is not None]


def _sync_plan_at(row: Replica, plan_id: UUID, options: Options) -> Report | None:
    """None where the plan is none of the replica's."""
    link = _unpacked(Link.objects.filter(replica=row, plan_id=plan_id)).first()
    if link is not None and link.released_at is not None:
        return None
    if link is not None and link.gone_at is None:
        return _sync_linked(row, link, options)
    if link is not None:
        return _one_step(row, options, link.path, steps.sync_link, link.pk, link.path)
    if plan_id in passes.unlinked(row):
        return _one_step(row, options, str(plan_id), steps.export_plan, plan_id)
    return None


def unusable(row: Replica, error: InvalidOption) -> Report:
    """Store that no pass over the replica can begin, which must not keep others from theirs; the report."""
    logger.warning("Replica %s cannot be used: %s", row.name, error)
    Replica.objects.filter(pk=row.pk).update(last_status="failed", last_problem=str(error))
    return Report(replica=row.name, errors=[{"plan": "", "error": str(error)}])


def send_plan(plan: Plan, row: Replica, *, actor: str) -> Report:
    """Have the replica get the plan, as a new one there; from then on the two follow each other.

    Raises `LinkExists` where it has the plan already, or had it.
    """
    link = Link.objects.filter(replica=row, plan=plan).first()
    if link is not None:
        raise LinkExists(plan.title, row.name, link.path)
    return _one_step(row, Options(actor=actor), str(plan.pk), steps.export_plan, plan.pk)


def _unpacked(links: QuerySet[Link]) -> QuerySet[Link]:
    """Without the outlines, which are large and read again under the lock of the plan."""
    return links.defer("seen", "base", "held", "findings")


def _one_step(
    row: Replica, options: Options, path: str, step: Callable[..., None], *arguments: Any
) -> Report:
    with _passing(row, options) as this, _reported(this, path):
        this.report.seen = 1
        step(this, *arguments)
    return this.report


def garbled(link: Link) -> tuple[Reading, Repair]:
    """The file of the link's plan, and what `repair_encoding` would mend; raises the replica's errors."""
    reading = sides.connect(link.replica).read(link.path)
    return reading, encoding.repair(reading.document)


def repair_encoding(link: Link, *, actor: str) -> tuple[Repair, Report | None]:
    """Mend the garbled lines of the file, and those alone, after a snapshot; then sync it.

    Raises the replica's errors; then the file is as it was. No report where there was nothing to mend.
    """
    row = link.replica
    with locks.hold(row.pk, link.path):
        if Intent.objects.filter(pk=link.pk).exists():
            raise Unsettled(link.path)
        reading, repair = garbled(link)
        if not repair.lines:
            return repair, None
        side = sides.connect(row)
        write = side.prepare_restore(link.path, reading.checksum, repair.data)
        with write_transaction():
            operation = audit.begin(Operation.Kind.REPAIR, actor=actor, replica_id=row.pk)
            audit.keep_snapshot(reading.data, reading.checksum)
            audit.keep_snapshot(repair.data, write.after)
            audit.record(operation, _mended(link, write, repair))
        try:
            side.commit(write)
        except ReplicaError as error:
            audit.finish(operation, Operation.Status.FAILED, {"error": str(error)})
            raise
        summary = {"plan": str(link.plan_id), "lines": len(repair.lines)}
        audit.finish(operation, Operation.Status.DONE, summary)
    return repair, sync_path(row, link.path, Options(actor=actor))


def _mended(link: Link, write: Write, repair: Repair) -> Iterator[Note]:
    """The file as a whole, then each line."""
    plan_id, kind = link.plan_id, Kind.PLAN
    yield Note(Entry.Action.WRITTEN, plan_id, kind, plan_id, "document", write.before, write.after)
    for line in repair.lines:
        before = {"line": line.line, "text": display(line.before)}
        after = {"line": line.line, "text": display(line.after)}
        yield Note(Entry.Action.CHANGED, plan_id, kind, plan_id, "line", before, after)


def release(link: Link, *, actor: str, on_behalf_of: str = "") -> None:
    """Leave the plan and its file as they are: from now on neither follows the other."""
    _set_released(link, timezone.now(), Entry.Action.RELEASED, actor, on_behalf_of)


def attach(link: Link, *, actor: str, on_behalf_of: str = "") -> None:
    """Have a released plan and its file follow each other again; the next sync merges what happened."""
    _set_released(link, None, Entry.Action.LINKED, actor, on_behalf_of)


def _set_released(
    link: Link, at: datetime | None, action: Entry.Action, actor: str, on_behalf_of: str
) -> None:
    with write_transaction():
        rows = Link.objects.filter(pk=link.pk, released_at__isnull=at is not None)
        if not rows.update(released_at=at, stamp=UNREAD):
            return
        operation = audit.begin(Operation.Kind.EDIT, actor=actor, on_behalf_of=on_behalf_of)
        plan_id = link.plan_id
        audit.record(operation, [Note(action, plan_id, Kind.PLAN, plan_id, "path", link.path)])
        audit.finish(operation, Operation.Status.DONE, {"plan": str(plan_id)})


# ------------------------------------------------------------------------------------ inside a pass


def _surveyed(this: Pass) -> passes.Survey:
    """What there is to do; where a guard refuses the replica as a whole, what was decided about that."""
    try:
        todo = passes.survey(this)
    except Refused as refusal:
        taken = "" if this.options.dry_run else refusals.face_folder(this, refusal)
        if not taken:
            raise
        links = Link.objects.filter(replica=this.row, path__in=refusal.paths)
        for link in [] if taken == "go_on" else links:
            if taken == "restore":
                steps.recreate(this, link.pk)
            else:
                refusals.release(this, link)
        todo = passes.survey(this, guarded=taken != "go_on")
    if this.row.last_status not in ("", "in_step") and not this.options.dry_run:
        refusals.folder_passed(this)
    return todo


@contextmanager
def _passing(row: Replica, options: Options) -> Iterator[Pass]:
    """A pass, timed; afterwards its outcome is stored and the other replicas follow."""
    started = time.perf_counter()
    this = Pass(row, sides.connect(row), options, Report(replica=row.name, dry_run=options.dry_run))
    yield this
    this.report.open = Conflict.objects.filter(replica_id=row.pk, state=Conflict.State.OPEN).count()
    if options.dry_run:
        this.report.open += this.report.opened
    if not options.dry_run:
        _close(this)
    this.report.duration_seconds = time.perf_counter() - started
    if not options.dry_run:
        for plan_id in this.touched:
            sync_plan(plan_id, options, but_not=row.pk)


def _run(this: Pass, todo: passes.Survey, progress: Progress | None) -> None:
    pull, push = this.options.direction != "push", this.options.direction != "pull"
    work: list[tuple[str, Callable[[], None]]] = []
    for link_id, path in todo.renamed.items():
        work.append((path, _call(steps.rename, this, link_id, path)))
    paths = dict(Link.objects.filter(pk__in=todo.links).values_list("pk", "path")) if todo.links else {}
    work.extend(
        (paths[link_id], _call(steps.sync_link, this, link_id, paths[link_id]))
        for link_id in todo.links
        if link_id in paths
    )
    if pull:
        work.extend((path, _call(steps.import_plan, this, path)) for path in todo.fresh)
    if push:
        work.extend((str(plan_id), _call(steps.export_plan, this, plan_id)) for plan_id in todo.unlinked)
    told_at = time.monotonic()
    for done, (path, step) in enumerate(work):
        if progress:
            progress(done, len(work))
        if len(work) > LONG and time.monotonic() - told_at >= TOLD_EVERY_SECONDS:
            _tell_progress(this, done, len(work))
            told_at = time.monotonic()
        with _reported(this, path):
            step()
        if this.lost is not None:
            return
    if progress and work:
        progress(len(work), len(work))


def _tell_progress(this: Pass, done: int, total: int) -> None:
    """Have the running operation say how far it is, which live updates tell."""
    operation = this.recorded
    if operation is not None:
        with write_transaction():
            running = Operation.objects.filter(pk=operation.pk, status=Operation.Status.RUNNING)
            running.update(summary={"progress": {"done": done, "total": total}})


def _call(step: Callable[..., None], *arguments: Any) -> Callable[[], None]:
    return lambda: step(*arguments)


@contextmanager
def _reported(this: Pass, path: str) -> Iterator[None]:
    """Whatever goes wrong inside is put in the report under `path`, and the pass goes on."""
    try:
        yield
    except Refused as refusal:
        logger.warning("Refused at %s: %s", this.row.name, refusal)
        this.report.refused.append({"plan": refusal.plan or path, "reason": refusal.reason})
        _remember(this, path, str(refusal))
    except (ReplicaError, SyncError) as error:
        logger.warning("Failed at %s: %s", this.row.name, error)
        this.report.errors.append({"plan": path, "error": str(error)})
        this.lost = error if isinstance(error, ReplicaMissing) else this.lost
        _remember(this, path, str(error))
    except Exception as error:
        logger.exception("Unexpected failure at %s, plan %s", this.row.name, path)
        this.report.errors.append(
            {"plan": path, "error": f"{path}: internal error ({type(error).__name__}: {error})"}
        )
        _remember(this, path, str(error))


def _remember(this: Pass, path: str, problem: str) -> None:
    if path and not this.options.dry_run:
        Link.objects.filter(replica=this.row, path=path).update(problem=problem)


def _close(this: Pass) -> None:
    """Store the outcome with the replica and the operation, after git was told."""
    report, row = this.report, this.row
    commit = _tell_git(this)
    problems = [refusal["reason"] for refusal in report.refused] + [
        failure["error"] for failure in report.errors
    ]
    with write_transaction():
        if commit is not None:
            Link.objects.filter(replica=row, plan_id__in=this.touched).update(commit=commit)
        news = availability.settle(
            *(row, this.lost),
            now=timezone.now(),
            begin=this.begin,
            last_sync_at=timezone.now(),
            last_status=OFFLINE if this.lost is not None else report.status,
            last_problem="\n".join(problems[:20]),
        )
        operation = this.operation if news else this.recorded
        report.operation = str(operation.pk) if operation is not None else ""
        if operation is not None:
            summary = report.as_json()
            if news:
                summary[news] = True
            audit.finish(operation, STATUS[report.status], summary)
            report.changed = len(this.touched)


def _tell_git(this: Pass) -> str | None:
    """Where the folder is a git work tree: commit what was written, if wanted; then the commit it is at."""
    report, row = this.report, this.row
    if not this.touched and not report.files_written:
        return None
    try:
        if row.options.get("commit") and report.files_written:
            _commit(this)
        return GitTree.head_around(row.path)
    except GitError as error:
        logger.warning("Git at %s: %s", row.name, error)
        report.errors.append({"plan": "", "error": str(error)})
        return None


def _commit(this: Pass) -> None:
    report, tree = this.report, GitTree.find(this.row.path)
    if tree is None:
        return
    made = tree.commit(_unique(report.files_written), _message(report), GIT_AUTHOR)
    for path, reason in made.left_out.items():
        logger.warning("Git at %s: %s was written and not committed: %s", this.row.name, path, reason)


def _unique(paths: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(paths))


def _message(report: Report) -> str:
    files = _unique(report.files_written)
    what = files[0] if len(files) == 1 else f"{len(files)} plans"
    return f"Sync {what}\n\nOperation {report.operation}\n"
