"""Syncs over the API: jobs, dry runs, options, status and history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from audit.models import Entry, Operation, Snapshot
from conflicts.models import Conflict
from planning_sync.api import jobs
from planning_sync.api.models import Job
from planning_sync.sync import services
from planning_sync.sync.models import Replica
from plans.models import Task
from tests.api.programs import Program
from tests.planning_sync.sync.workbench import Workbench


@pytest.fixture(autouse=True)
def _edits_wait_for_a_sync(settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False


def work() -> int:
    """Do what is in the queue, as a worker does; how many tasks that were."""
    rows = list(OrmQ.objects.order_by("id"))
    for row in rows:
        task = SignedPackage.loads(row.payload)
        assert task["func"] == "planning_sync.api.jobs.run"
        jobs.run(*task["args"])
        row.delete()
    return len(rows)


def asked(program: Program, path: str, body: Any = None) -> dict[str, Any]:
    answer = program("POST", path, body or {})
    assert answer.status_code == 202, answer.content
    job: dict[str, Any] = json.loads(answer.content)
    assert answer.headers["Location"] == f"/api/v1/sync/jobs/{job['id']}"
    assert job["status"] == "queued"
    return job


def test_a_sync_is_a_job_that_a_worker_does(desk: Workbench, operator: Program) -> None:
    desk.edit("launch.md", "- [ ] Rest", "- [x] Rest")
    job = asked(operator, "sync/now", {"replica": "plans"})
    assert desk.task("Rest").status == "todo"
    assert operator.get("sync/status")["queued"] == 1
    assert work() == 1
    done = operator.get(f"sync/jobs/{job['id']}")
    assert (done["status"], done["progress"], done["errors"]) == ("done", {"done": 1, "total": 1}, [])
    assert done["stats"] == {
        "plans_changed": 1,
        "tasks_changed": 1,
        "files_written": 0,
        "conflicts_opened": 0,
    }
    assert desk.task("Rest").status == "done"


def test_the_operation_of_a_job_is_there_at_once_and_holds_what_was_done(
    desk: Workbench, operator: Program
) -> None:
    operator.headers["On-Behalf-Of"] = "Pat"
    desk.edit("launch.md", "- [ ] Rest", "- [x] Rest")
    job = asked(operator, "sync/now")
    operation = Operation.objects.get(pk=job["operation"])
    assert (operation.actor, operation.on_behalf_of, operation.status) == ("otto", "Pat", "running")
    work()
    operation.refresh_from_db()
    assert operation.status == "done"
    assert Entry.objects.filter(operation=operation, field="status", after="done").exists()
    assert operator.get("sync/history")["results"][0]["operation"] == job["operation"]


def test_a_job_with_nothing_to_do_ends_its_operation(desk: Workbench, operator: Program) -> None:
    job = asked(operator, "sync/now")
    work()
    assert Operation.objects.get(pk=job["operation"]).status == "done"
    assert operator.get(f"sync/jobs/{job['id']}")["status"] == "done"


@pytest.mark.parametrize(
    ("path", "status", "file"),
    [
        ("sync/pull", "done", "- [ ] Tag the version\n"),
        ("sync/markdown-to-dynamic", "done", "- [ ] Tag the version\n"),
        ("sync/push", "todo", "- [x] Tag the version\n"),
        ("sync/dynamic-to-markdown", "todo", "- [x] Tag the version\n"),
        ("sync/now", "done", "- [x] Tag the version\n"),
    ],
)
def test_a_direction_brings_only_one_sides_edits(
    desk: Workbench, operator: Program, path: str, status: str, file: str
) -> None:
    desk.set("Tag the version", status="done")
    desk.edit("launch.md", "- [ ] Rest", "- [x] Rest")
    asked(operator, path)
    work()
    assert desk.task("Rest").status == status
    assert file in desk.read("launch.md")


def test_only_the_plans_named_are_synced(desk: Workbench, operator: Program) -> None:
    desk.write("other.md", "# Other\n\n- [ ] Untouched\n")
    desk.sync()
    for path, text in (("launch.md", "Rest"), ("other.md", "Untouched")):
        desk.edit(path, f"- [ ] {text}", f"- [x] {text}")
    asked(operator, "sync/now", {"paths": ["launch.md"]})
    work()
    assert (desk.task("Rest").status, desk.task("Untouched").status) == ("done", "todo")


def test_a_renamed_plan_that_is_named_by_its_old_path_is_not_deleted(
    desk: Workbench, operator: Program
) -> None:
    (desk.folder / "launch.md").rename(desk.folder / "lift-off.md")
    asked(operator, "sync/now", {"paths": ["launch.md"]})
    work()
    assert desk.task("Rest").plan.deleted_at is None
    assert desk.plan("lift-off.md").title == "Launch"


def test_a_dry_run_answers_at_once_and_changes_nothing(desk: Workbench, operator: Program) -> None:
    desk.edit("launch.md", "- [ ] Rest", "- [x] Rest")
    desk.set("Tag the version", priority="high")
    told = operator.post("sync/now", {"dry_run": True}, status=200)
    (report,) = told["reports"]
    assert (report["dry_run"], report["tasks"]["updated"]) == (True, 2)
    (shown,) = report["previews"]
    assert "+- [ ] Tag the version #priority:high" in shown["lines"]
    assert desk.task("Rest").status == "todo"
    assert OrmQ.objects.count() == 0
    assert not Job.objects.exists()


def test_a_strategy_settles_the_clashes_of_this_sync(desk: Workbench, operator: Program) -> None:
    desk.set("Rest", priority="high")
    desk.edit("launch.md", "- [ ] Rest", "- [ ] Rest #priority:low")
    asked(operator, "sync/now", {"conflict_strategy": "replica_wins"})
    work()
    assert desk.task("Rest").priority == "low"
    assert not Conflict.objects.filter(state="open").exists()


def test_without_a_strategy_the_clash_is_a_conflict(desk: Workbench, operator: Program) -> None:
    desk.set("Rest", priority="high")
    desk.edit("launch.md", "- [ ] Rest", "- [ ] Rest #priority:low")
    job = asked(operator, "sync/now")
    work()
    done = operator.get(f"sync/jobs/{job['id']}")
    assert (done["status"], done["stats"]["conflicts_opened"]) == ("conflicts", 1)


def test_a_backup_keeps_what_the_files_hold_before(desk: Workbench, operator: Program) -> None:
    desk.edit("launch.md", "- [ ] Rest", "- [x] Rest")
    held = desk.read("launch.md").encode()
    Snapshot.objects.all().delete()
    job = asked(operator, "sync/now", {"create_backup": True})
    work()
    ((kept,),) = [each["snapshots"] for each in operator.get(f"sync/jobs/{job['id']}")["passes"]]
    assert kept["path"] == "launch.md"
    assert Snapshot.objects.get(pk=kept["checksum"]).size == len(held)


def test_files_that_break_rules_are_refused_where_validation_comes_first(
    desk: Workbench, operator: Program
) -> None:
    desk.edit(
        "launch.md", "- [ ] Rest\n", "- [ ] Rest\n<<<<<<< ours\n- [ ] A\n=======\n- [ ] B\n>>>>>>> theirs\n"
    )
    job = asked(operator, "sync/now", {"validate_first": True})
    work()
    done = operator.get(f"sync/jobs/{job['id']}")
    assert done["status"] == "refused"
    assert "merge-marker" in done["passes"][0]["report"]["refused"][0]["reason"]


def test_what_a_guard_refuses_is_told_and_can_be_overridden(desk: Workbench, operator: Program) -> None:
    desk.write("launch.md", "")
    job = asked(operator, "sync/now")
    work()
    done = operator.get(f"sync/jobs/{job['id']}")
    assert done["status"] == "refused"
    assert "empty" in done["passes"][0]["report"]["refused"][0]["reason"]
    assert desk.task("Rest").deleted_at is None
    asked(operator, "sync/now", {"allow_mass_delete": True})
    work()
    assert not Task.objects.live().exists()


def test_a_batch_is_one_job_with_a_pass_and_an_operation_each(
    desk: Workbench, operator: Program, tmp_path: Path
) -> None:
    second = Workbench.at(tmp_path / "second", name="second")
    second.write("two.md", "# Two\n\n- [ ] Go\n")
    syncs = [{"replica": "plans", "direction": "push"}, {"replica": "second", "direction": "pull"}]
    job = asked(operator, "sync/batch", {"syncs": syncs})
    assert job["operation"] is None
    work()
    done = operator.get(f"sync/jobs/{job['id']}")
    assert [each["replica"] for each in done["passes"]] == ["plans", "second"]
    assert len({each["operation"] for each in done["passes"]}) == 2
    assert second.task("Go").plan.title == "Two"


def test_a_replica_that_is_away_fails_the_job_and_says_why(desk: Workbench, operator: Program) -> None:
    desk.folder.rename(desk.folder.with_name("away"))
    job = asked(operator, "sync/now", {"create_backup": True})
    work()
    done = operator.get(f"sync/jobs/{job['id']}")
    assert done["status"] == "failed"
    assert done["errors"]
    assert Operation.objects.get(pk=job["operation"]).status == "failed"
    assert operator.get("sync/status")["replicas"][0]["last_status"] in ("in_step", "failed")


def test_a_job_delivered_twice_is_done_once(desk: Workbench, operator: Program) -> None:
    job = asked(operator, "sync/now")
    assert jobs.run(job["id"]) == "done"
    assert jobs.run(job["id"]) == "nothing to do"


def test_a_job_whose_worker_died_is_taken_up_again_in_its_operation(
    desk: Workbench, operator: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.edit("launch.md", "- [ ] Rest", "- [x] Rest")
    job = asked(operator, "sync/now")

    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    monkeypatch.setattr(services, "sync_replica", die)
    with pytest.raises(Killed):
        jobs.run(job["id"])
    assert operator.get(f"sync/jobs/{job['id']}")["status"] == "running"
    monkeypatch.undo()
    assert jobs.run(job["id"]) == "done"
    assert Entry.objects.filter(operation_id=job["operation"], field="status").exists()


def test_a_job_that_kills_its_workers_is_given_up(desk: Workbench, operator: Program) -> None:
    job = asked(operator, "sync/now")
    Job.objects.update(status="running", attempts=jobs.MOST_ATTEMPTS)
    assert jobs.run(job["id"]) == "nothing to do"
    done = operator.get(f"sync/jobs/{job['id']}")
    assert done["status"] == "failed"
    assert "worker died" in done["errors"][0]["error"]
    assert Operation.objects.get(pk=job["operation"]).status == "failed"


def test_jobs_that_ended_long_ago_are_cleared_away_and_others_are_not(
    desk: Workbench, operator: Program
) -> None:
    old, waiting = asked(operator, "sync/now")["id"], asked(operator, "sync/now")["id"]
    Job.objects.update(created_at=timezone.now() - jobs.KEPT)
    Job.objects.filter(pk=old).update(finished_at=timezone.now())
    asked(operator, "sync/now")
    operator.get(f"sync/jobs/{old}", status=404)
    operator.get(f"sync/jobs/{waiting}")


def test_an_unexpected_failure_ends_the_job(
    desk: Workbench, operator: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    job = asked(operator, "sync/now")
    monkeypatch.setattr(services, "sync_replica", fail)
    with pytest.raises(ZeroDivisionError):
        jobs.run(job["id"])
    assert "ZeroDivisionError" in operator.get(f"sync/jobs/{job['id']}")["errors"][0]["error"]


@pytest.mark.parametrize(
    "path", ["../secrets.md", "/etc/passwd", "a/../../b.md", "a\\b.md", "./a.md", "", "a//b"]
)
def test_a_path_that_leads_out_of_the_replica_is_refused(operator: Program, path: str) -> None:
    problem = operator.post("sync/now", {"paths": [path]}, status=400)
    assert "paths.0" in problem["errors"]


@pytest.mark.parametrize(
    "body",
    [
        {"replica": "nowhere"},
        {"replica": 3},
        {"conflict_strategy": "owner_wins"},
        {"direction": "pull"},
        {"paths": "x"},
    ],
)
def test_a_sync_that_cannot_be_is_refused(operator: Program, body: Any) -> None:
    operator.post("sync/now", body, status=400)
    assert not Job.objects.exists()


def test_editors_and_readers_may_look_and_not_start_syncs(editor: Program, reader: Program) -> None:
    for program in (editor, reader):
        program.post("sync/now", status=403)
        assert program.get("sync/status")["replicas"][0]["health"] == "ok"


def test_the_status_tells_of_a_replica_whose_plans_fail(desk: Workbench, reader: Program) -> None:
    Replica.objects.update(last_status="failed", last_problem="full disk")
    (row,) = reader.get("sync/status")["replicas"]
    assert (row["health"], row["last_problem"]) == ("degraded", "full disk")
    assert reader.get("replicas")["results"][0]["plans"] == 1
    assert UUID(row["id"]) == desk.row.pk
