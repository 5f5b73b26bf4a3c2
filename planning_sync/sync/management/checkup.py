"""What `planning-sync doctor` looks at: `checks`, each of which gives what it found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Literal, NamedTuple

from django.apps import apps
from django.conf import settings
from django.core import checks as system
from django.db import DatabaseError, connection
from django.db.models import Count
from django.utils import timezone
from django.utils.module_loading import module_has_submodule
from django_q.models import OrmQ, Schedule

from audit.models import Operation
from conflicts.learning import memory
from conflicts.models import Conflict
from planning_sync.replicas.errors import ReplicaError
from planning_sync.sync import lines, sides, tasks, undo
from planning_sync.sync.errors import SyncError
from planning_sync.sync.management import database
from planning_sync.sync.models import Intent, Link, Replica
from plans.document.encoding import repair
from plans.models import Task

OLDEST_PYTHON = (3, 11)
LOW_SPACE_BYTES = 200 * 1024 * 1024
LATE = timedelta(minutes=2)
"""A worker looks at the schedule every half minute; this much later than planned, none is running."""
MOST_LINES = 12

State = Literal["ok", "warning", "problem"]


class Found(NamedTuple):
    check: str
    state: State
    message: str
    advice: str = ""
    """What to do about it."""


def checks() -> Iterator[Found]:
    """Everything, in an order in which the first problem is the one to mend first."""
    yield _python()
    yield from _home()
    yield from _git()
    database_found = list(_database())
    yield from database_found
    if any(found.state == "problem" for found in database_found):
        return
    yield from _settings()
    yield from _replicas()
    yield from _worker()
    yield from _unfinished()
    yield from _conflicts()
    yield _learning()
    yield from _of_other_apps()
    yield from _files()


def _of_other_apps() -> Iterator[Found]:
    """What the `doctor` module of an app says, for those that this one may know nothing of."""
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, "doctor"):
            yield from import_module(f"{app.name}.doctor").checks()


# ----------------------------------------------------------------------------------- the environment


def _python() -> Found:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Found("python", "problem", f"Python {version} is too old.", "Install Python 3.11 or newer.")
    return Found("python", "ok", f"Python {version}")


def _home() -> Iterator[Found]:
    home = Path(settings.PLANNING_SYNC_HOME)
    try:
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"x")
        free = shutil.disk_usage(home).free
    except OSError as error:
        yield Found(
            *("home", "problem", f"The state folder {home} cannot be written ({error.strerror})."),
            "Give the user that runs this the right to, or name another folder in PLANNING_SYNC_HOME.",
        )
        return
    if free < LOW_SPACE_BYTES:
        told = f"The disk of {home} has {free // 1024 // 1024} MB left."
        yield Found("home", "warning", told, "Free some space before edits cannot be stored.")
    else:
        yield Found("home", "ok", f"State folder {home}")


def _git() -> Iterator[Found]:
    try:
        told = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        yield Found(
            *(
                "git",
                "warning",
                "git is not found; folders in git sync all the same, without noting commits.",
            ),
            "Install git if a replica is a git work tree.",
        )
        return
    yield Found("git", "ok", told.stdout.strip())


def _database() -> Iterator[Found]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        waiting = database.unapplied()
    except DatabaseError as error:
        reason = str(error).partition("\n")[0]
        yield Found(
            *("database", "problem", f"The database does not answer: {reason}"),
            "Start it, or correct DATABASE_URL.",
        )
        return
    yield Found("database", "ok", f"{connection.display_name} {_server_version()}")
    if waiting:
        told = f"{len(waiting)} migrations are not applied: {', '.join(waiting[:5])}"
        yield Found(
            "migrations", "problem", told, "Run `planning-sync migrate` (`planning-sync up` does so itself)."
        )
    else:
        yield Found("migrations", "ok", "All applied")


def _server_version() -> str:
    if connection.vendor == "sqlite":
        import sqlite3

        return sqlite3.sqlite_version
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    return str(version)


def _settings() -> Iterator[Found]:
    found = system.run_checks()
    for message in found:
        state: State = "problem" if message.is_serious() else "warning"
        yield Found("settings", state, str(message.msg), str(message.hint or ""))
    if not found:
        yield Found("settings", "ok", "Nothing doubtful")


# --------------------------------------------------------------------------------- replicas and work


def _replicas() -> Iterator[Found]:
    rows = list(Replica.objects.order_by("created_at", "pk"))
    if not rows:
        yield Found(
            "replicas", "warning", "There is no replica yet.", "Add one with `planning-sync add PATH`."
        )
    for row in rows:
        yield from _replica(row) if row.enabled else [Found("replica", "warning", f"{row.name} is disabled")]


def _replica(row: Replica) -> Iterator[Found]:
    try:
        side = sides.connect(row)
        scan = side.scan()
    except (ReplicaError, SyncError) as error:
        yield Found("replica", "problem", f"{row.name}: {error}", "Mend the folder or the replica's path.")
        return
    if not side.remote and not os.access(row.path, os.W_OK):
        yield Found(
            *("replica", "problem", f"{row.name}: the folder {row.path} may not be written."),
            "Give the user that runs the sync the right to, or sync with --pull.",
        )
    for problem in scan.problems:
        yield Found("replica", "warning", f"{row.name}: {problem.path}: {problem.message}")
    if not row.last_sync_at:
        advice = f"Run `planning-sync sync {row.name}`."
        yield Found("replica", "warning", f"{row.name}: {len(scan.stamps)} plans, never synced", advice)
        return
    state: State = "problem" if row.last_status in ("failed", "refused", "offline") else "ok"
    at = f"{row.last_sync_at:%Y-%m-%d %H:%M} UTC"
    told = f"{row.name}: {len(scan.stamps)} plans, last sync {at}: {row.last_status}"
    advice = "" if state == "ok" else f"See the problem below; then run `planning-sync sync {row.name}`."
    yield Found("replica", state, told, advice)
    for line in row.last_problem.splitlines() if state != "ok" else ():
        yield Found("replica", "problem", f"{row.name}: {line}")


def _worker() -> Iterator[Found]:
    schedule = Schedule.objects.filter(name=tasks.NAME).first()
    if schedule is None:
        yield Found("worker", "warning", "No sync is scheduled yet.", "`planning-sync up` schedules it.")
        return
    now = timezone.now()
    late = schedule.next_run is not None and schedule.next_run < now - LATE
    waiting = OrmQ.objects.count()
    if late:
        since = f"{schedule.next_run:%Y-%m-%d %H:%M} UTC"
        told = f"The scheduled sync is overdue since {since}; {waiting} tasks wait."
        yield Found(
            "worker", "warning", told, "No worker is running: start `planning-sync up`, or `qcluster`."
        )
    else:
        yield Found(
            "worker", "ok", f"Sync every {schedule.minutes} minutes, next {schedule.next_run:%H:%M} UTC"
        )


def _unfinished() -> Iterator[Found]:
    old = timezone.now() - timedelta(minutes=1)
    rows = Intent.objects.filter(created_at__lt=old).select_related("link", "link__replica")
    for row in rows:
        name = row.link.replica.name
        told = f"{name}: {row.link.path}: a write was begun at {row.created_at:%H:%M} UTC and not finished."
        yield Found("writes", "warning", told, f"`planning-sync sync {name}` finishes it.")
    if not rows:
        yield Found("writes", "ok", "No unfinished writes")
    yield from _broken_undos()


def _broken_undos() -> Iterator[Found]:
    """Undos that did not come to their end, with what became of each plan."""
    ended = (Operation.Status.RUNNING, Operation.Status.FAILED)
    rows = Operation.objects.filter(kind=Operation.Kind.UNDO, status__in=ended)
    for row in rows.filter(started_at__lt=timezone.now() - timedelta(minutes=1)).order_by("started_at"):
        told = undo.state_of(row)
        undone, left = told["undone"], told["left"]
        if left:
            again = " ".join(row.summary.get("undoes", [])[-1:])
            yield Found(
                *("undo", "warning", f"Undo {row.pk} stopped: {_named(undone)} undone, {_named(left)} not."),
                f"`planning-sync undo {again}` does the rest.",
            )


def _named(titles: list[str]) -> str:
    return ", ".join(titles) if titles else "nothing"


def _conflicts() -> Iterator[Found]:
    number = Conflict.objects.filter(state=Conflict.State.OPEN).count()
    if number:
        yield Found(
            "conflicts", "warning", f"{number} open conflicts", "Decide them: `planning-sync conflicts`."
        )
    else:
        yield Found("conflicts", "ok", "None open")


def _learning() -> Found:
    """How often people agreed with what was suggested to them."""
    status = memory.status()
    if status.hit_rate is None:
        learned = f"{status.decisions} decisions learned from, no suggestion measured yet"
        return Found("learning", "ok", learned)
    told = f"{status.hit_rate:.0%} of the last {status.measured} suggestions were right"
    if status.is_healthy:
        return Found("learning", "ok", told)
    shown = "are still shown" if status.is_shown else "are not shown"
    advice = "Nothing has to be done: they are measured on, and come back once they are right."
    return Found("learning", "warning", f"{told}: they settle nothing by themselves, and {shown}", advice)


# ------------------------------------------------------------------------------------------ files


def _files() -> Iterator[Found]:
    """Per plan: what failed, which tasks are out of reach, which lines are not understood or garbled."""
    found = [*_failed_plans(), *_unreachable(), *_findings(), *_garbled()]
    yield from found
    if not found:
        yield Found("files", "ok", "Every line that looks like a task is understood")


def _failed_plans() -> Iterator[Found]:
    for path, problem in Link.objects.exclude(problem="").order_by("path").values_list("path", "problem"):
        yield Found("files", "problem", f"{path}: {problem}")


def _unreachable() -> Iterator[Found]:
    tasks = Task.objects.live().filter(unreachable=True).values("plan_id").annotate(number=Count("pk"))
    numbers = {row["plan_id"]: row["number"] for row in tasks}
    links = Link.objects.filter(gone_at=None, plan_id__in=numbers).order_by("path")
    for path, plan_id in links.values_list("path", "plan_id"):
        yield Found(
            *("files", "warning", f"{path}: {numbers[plan_id]} tasks stand in code or a comment."),
            "Close the code block before them; until then the hub keeps them as they were.",
        )


_ADVICE = {
    "broken-fence": "Close the code block with a line of ``` alone.",
}


def _findings() -> Iterator[Found]:
    rows = Link.objects.filter(gone_at=None).exclude(findings=[]).order_by("path")
    for path, findings in rows.values_list("path", "findings"):
        by_code: dict[str, list[dict[str, object]]] = {}
        for finding in findings:
            if finding["code"] == "mojibake":
                continue  # a suspicion, which `_garbled` looks into
            by_code.setdefault(str(finding["code"]), []).append(finding)
        for code, listed in by_code.items():
            yield Found("files", "warning", _told(path, code, listed), _ADVICE.get(code, ""))


def _garbled() -> Iterator[Found]:
    suspects = Link.objects.filter(gone_at=None).exclude(findings=[]).select_related("replica")
    for link in suspects.order_by("path").iterator():
        suspected = any(finding["code"] == "mojibake" for finding in link.findings)
        document = lines.document_of(link) if suspected else None
        mended = repair(document).lines if document is not None else ()
        if mended:
            numbers = ", ".join(str(line.line) for line in mended[:MOST_LINES])
            yield Found(
                *("files", "warning", f"{link.path}: {len(mended)} lines of mojibake, lines {numbers}"),
                "`planning-sync repair-encoding` shows the lines mended, and mends them with --write.",
            )


def _told(path: str, code: str, listed: list[dict[str, object]]) -> str:
    numbers = [str(finding["line"]) for finding in listed if finding["line"]]
    where = f", lines {', '.join(numbers[:MOST_LINES])}" if numbers else ""
    more = f" and {len(numbers) - MOST_LINES} more" if len(numbers) > MOST_LINES else ""
    messages = list(dict.fromkeys(str(finding["message"]) for finding in listed))
    return f"{path}: {len(listed)} {code}{where}{more}: {'; '.join(messages[:3])}"
