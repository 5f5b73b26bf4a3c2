"""What syncs that go wrong are told as: a replica that is not there, and what a guard refuses."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from planning_sync.live import log
from planning_sync.live.events import Event, events_of
from planning_sync.live.models import Mark
from planning_sync.sync import services, steps
from planning_sync.sync.models import Replica
from planning_sync.sync.passes import Pass
from planning_sync.webhooks.following import EVENTS, _wants
from planning_sync.webhooks.models import Subscription
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.usefixtures("transactional_db")

PLAN = "# Notes\n\n" + "".join(f"- [ ] Task {number}\n" for number in range(30))


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    made = Workbench.at(tmp_path / "notes")
    made.write("notes.md", PLAN)
    made.write("roadmap.md", "# Roadmap\n\n- [ ] Later\n")
    made.sync()
    return made


class Since:
    """The events from here on, but for edits."""

    def __init__(self) -> None:
        self.cursor = log.position()

    def events(self) -> list[Event]:
        gains = log.between(self.cursor, log.position(), limit=10_000)
        return [event for event in events_of(gains) if event.type != "plan.modified"]

    def types(self) -> list[str]:
        return [event.type for event in self.events()]


def last_status() -> str:
    return Replica.objects.get().last_status


def test_a_folder_that_is_not_there_is_told_once_until_it_is_back(bench: Workbench, tmp_path: Path) -> None:
    away = tmp_path / "away"
    news = Since()
    shutil.move(bench.folder, away)
    for _ in range(3):
        bench.row.refresh_from_db()
        assert bench.try_sync().status == "failed"
    told = news.events()
    assert [event.type for event in told] == ["sync.started", "replica.offline", "sync.failed"]
    assert {event.replica for event in told} == {bench.row.pk}
    operation = Operation.objects.get(pk=told[1].operation)
    assert (operation.status, operation.summary["offline"]) == ("failed", True)
    assert last_status() == "offline"

    shutil.move(away, bench.folder)
    back = Since()
    bench.row.refresh_from_db()
    bench.sync()
    types = ["sync.started", "replica.online", "sync.completed"]
    assert (back.types(), last_status()) == (types, "in_step")

    shutil.move(bench.folder, away)
    again = Since()
    assert bench.try_sync().status == "failed"
    assert again.types() == ["sync.started", "replica.offline", "sync.failed"]


def test_a_single_plan_finds_it_out_too(bench: Workbench, tmp_path: Path) -> None:
    shutil.move(bench.folder, tmp_path / "away")
    news = Since()
    bench.set("Later", text="Sooner")
    assert news.types().count("replica.offline") <= 1
    bench.try_sync(paths=frozenset({"roadmap.md"}))
    assert news.types().count("replica.offline") == 1


def test_a_dry_run_over_a_missing_folder_tells_nobody(bench: Workbench, tmp_path: Path) -> None:
    shutil.move(bench.folder, tmp_path / "away")
    news = Since()
    assert bench.try_sync(dry_run=True).status == "failed"
    assert (news.types(), last_status()) == ([], "in_step")


def test_another_failure_is_no_outage_and_an_outage_after_it_is_told(
    bench: Workbench, tmp_path: Path
) -> None:
    bench.write("broken.md", b"# Broken\n\n- [ ] \xff\xfe\x00\n")
    Replica.objects.update(last_status="failed")
    bench.row.refresh_from_db()
    news = Since()
    shutil.move(bench.folder, tmp_path / "away")
    bench.try_sync()
    assert news.types().count("replica.offline") == 1


def test_a_guard_is_told_of_when_its_conflict_opens_and_not_again(bench: Workbench) -> None:
    news = Since()
    bench.write("notes.md", "# Notes\n")
    assert bench.try_sync().status == "refused"
    told = news.events()
    assert [event.type for event in told] == [
        *("sync.started", "conflict.detected", "guard.refused", "sync.failed")
    ]
    opened, guard = told[1:3]
    assert (guard.plan, guard.conflict) == (bench.plan("notes.md").pk, opened.conflict)
    assert (guard.field, guard.status, guard.replica) == ("guard", "open", bench.row.pk)

    again = Since()
    bench.edit("roadmap.md", "[ ] Later", "[x] Later")
    bench.row.refresh_from_db()
    assert bench.try_sync().status == "refused"
    assert again.types() == ["sync.started", "sync.failed"]


def test_a_guard_is_told_of_though_something_else_failed_in_the_same_sync(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    bench.write("notes.md", "# Notes\n")
    bench.write("new.md", "# New\n\n- [ ] Task\n")
    monkeypatch.setattr(steps, "import_plan", fail)
    news = Since()
    assert bench.try_sync().status == "failed"
    assert "guard.refused" in news.types()


def test_a_guard_of_the_whole_replica_is_told_of(bench: Workbench) -> None:
    for path in ("notes.md", "roadmap.md"):
        (bench.folder / path).unlink()
    news = Since()
    assert bench.try_sync().status == "refused"
    (guard,) = [event for event in news.events() if event.type == "guard.refused"]
    assert (guard.plan, guard.replica) == (None, bench.row.pk)
    assert guard.conflict is not None


def test_a_long_sync_tells_how_far_it_is_while_it_runs_and_no_more_once_it_has_ended(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "TOLD_EVERY_SECONDS", 0.0)
    for number in range(services.LONG + 1):
        bench.write(f"plan-{number}.md", f"# Plan {number}\n\n- [ ] Task\n")
    news, told, imported = Since(), list[Event](), steps.import_plan

    def look_and_import(this: Pass, path: str) -> None:
        told.extend(event for event in news.events() if event.type == "sync.progress")
        imported(this, path)

    monkeypatch.setattr(steps, "import_plan", look_and_import)
    bench.sync()
    far = [event.progress for event in told]
    total = bench.row.links.count()
    assert far == [(done, total) for done in range(total - services.LONG, total)]
    assert told[0].replica == bench.row.pk
    said = told[0].as_json("1")
    assert (said["type"], said["done"], said["total"]) == ("sync.progress", total - services.LONG, total)
    assert news.types() == ["sync.started", "sync.completed"]


@pytest.mark.parametrize(("plans", "pause"), [(5, 0.0), (25, 60.0)])
def test_a_short_sync_is_not_told_of_on_its_way(
    plans: int, pause: float, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "TOLD_EVERY_SECONDS", pause)
    for number in range(plans):
        bench.write(f"plan-{number}.md", f"# Plan {number}\n\n- [ ] Task\n")
    bench.sync()
    assert not Mark.objects.filter(phase="progress").exists()


def test_a_webhook_without_a_choice_is_not_told_how_far_a_sync_is() -> None:
    at = timezone.now()
    event = Event("sync.progress", at, uuid4(), "sync", "", progress=(1, 30))
    everything = Subscription(since=at)
    assert not _wants(everything, event)
    assert _wants(everything, replace(event, type="sync.started", progress=None))


def test_a_score_that_fell_is_told_as_that_and_not_as_an_edit(bench: Workbench) -> None:
    plan_id, news = bench.plan("roadmap.md").pk, Since()
    note = Note(Entry.Action.FELL, plan_id, "plan", plan_id, "score", 90.0, {"score": 50.0, "rules": []})
    audit.note_done(Operation.Kind.VALIDATION, [note], actor="validation")
    (event,) = news.events()
    assert (event.type, event.plan) == ("validation.failed", plan_id)


def test_webhooks_may_ask_for_every_one_of_these() -> None:
    assert {"replica.offline", "replica.online", "guard.refused", "sync.failed"} <= set(EVENTS)
