"""Others at work meanwhile: a second worker, an editor, a disk that is full or write-protected."""

from __future__ import annotations

import os
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections

from audit.models import Entry
from conflicts.models import Conflict
from planning_sync.replicas.base import Write
from planning_sync.replicas.markdown import MarkdownFolder
from planning_sync.replicas.tree import is_leftover
from planning_sync.sync import services
from planning_sync.sync.models import Intent, Link
from planning_sync.sync.passes import Options
from plans import services as plans
from plans.models import Phase, Plan, Task
from tests.planning_sync.replicas.disk import NOBODY, at_checkpoint, file_size_limit, nobody
from tests.planning_sync.sync.workbench import Workbench

PLAN = """# Plan {0}

## Work

- [ ] First task of plan {0}
- [ ] Second task of plan {0}
- [ ] Third task of plan {0}
"""
OPTIONS = Options(actor="alice", settle_seconds=0.0, allow_mass_delete=True)


@pytest.fixture
def many(desk: Workbench, settings: Any) -> Workbench:
    settings.PLANNING_SYNC_FOLLOW = False
    for number in range(6):
        desk.write(f"{number}.md", PLAN.format(number))
    desk.sync()
    return desk


def in_threads(*acts: Callable[[], object]) -> None:
    """Do all of it at once; whatever one raises is raised here."""
    failures: list[BaseException] = []
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        try:
            start.wait()
            act()
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "two workers wait for each other"
    if failures:
        raise failures[0]


def in_processes(*acts: Callable[[], object]) -> None:
    """Do all of it at once, each in a process of its own."""
    connections.close_all()
    children = [_forked(act) for act in acts]
    for child in children:
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0


def _forked(act: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return child


def sync_well(desk: Workbench) -> None:
    report = services.sync_replica(desk.row, OPTIONS)
    assert not report.errors, report.errors


AT_ONCE = pytest.mark.parametrize("at_once", [in_threads, in_processes])


@AT_ONCE
def test_workers_that_import_the_same_new_plans_at_once_make_each_plan_once(
    many: Workbench, at_once: Callable[..., None]
) -> None:
    for number in range(6, 12):
        many.write(f"{number}.md", PLAN.format(number))
    at_once(*[lambda: sync_well(many)] * 3)
    assert Plan.objects.count() == Link.objects.count() == 12
    assert Task.objects.count() == 36
    many.assert_in_step()


@AT_ONCE
def test_workers_that_bring_the_same_edits_at_once_bring_each_once(
    many: Workbench, at_once: Callable[..., None]
) -> None:
    for number in range(6):
        many.edit(f"{number}.md", "- [ ] First", "- [x] First")
        plans.add_task(
            Phase.objects.get(plan__title=f"Plan {number}"), f"Added to plan {number}", actor="bob"
        )
    at_once(*[lambda: sync_well(many)] * 3)
    assert Task.objects.live().count() == 24
    assert Entry.objects.filter(field="status", action="changed").count() == 6
    for number in range(6):
        assert many.read(f"{number}.md").count("Added to plan") == 1
    many.assert_in_step()
    assert not Intent.objects.exists()


@AT_ONCE
def test_a_plan_made_in_the_hub_gets_one_file_from_many_workers(
    many: Workbench, at_once: Callable[..., None]
) -> None:
    plans.create_plan("Made in the hub", actor="bob")
    at_once(*[lambda: sync_well(many)] * 3)
    assert len(list(many.folder.glob("*.md"))) == 7
    assert Plan.objects.count() == Link.objects.count() == 7
    many.assert_in_step()


@AT_ONCE
def test_a_renamed_file_stays_one_plan_with_many_workers(
    many: Workbench, at_once: Callable[..., None]
) -> None:
    known = set(Plan.objects.values_list("pk", flat=True))
    for number in range(6):
        (many.folder / f"{number}.md").rename(many.folder / f"moved-{number}.md")
    at_once(*[lambda: sync_well(many)] * 3)
    many.sync()
    assert set(Plan.objects.live().values_list("pk", flat=True)) == known
    assert sorted(Link.objects.values_list("path", flat=True)) == [
        f"moved-{number}.md" for number in range(6)
    ]
    many.assert_in_step()


@AT_ONCE
def test_hub_edits_and_file_edits_at_once_all_arrive(
    many: Workbench, at_once: Callable[..., None], settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = True

    def in_hub() -> None:
        for round_ in range(8):
            plans.add_task(Plan.objects.get(title="Plan 0"), f"From the hub {round_}", actor="bob")

    def in_file() -> None:
        for round_ in range(8):
            place = many.folder / "1.md"
            place.write_text(place.read_text() + f"- [ ] From the file {round_}\n")
            services.sync_path(many.row, "1.md", OPTIONS)

    def again_and_again() -> None:
        for _ in range(4):
            sync_well(many)

    at_once(in_hub, in_file, again_and_again)
    settings.PLANNING_SYNC_FOLLOW = False
    many.sync()
    texts = set(Task.objects.live().values_list("text", flat=True))
    assert {f"From the hub {n}" for n in range(8)} | {f"From the file {n}" for n in range(8)} <= texts
    assert Task.objects.live().count() == 18 + 16
    assert many.read("0.md").count("From the hub") == 8
    many.assert_in_step()


def test_a_hub_edit_and_a_tick_in_the_same_file_at_the_same_time_both_arrive(
    many: Workbench, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = True
    for round_ in range(6):
        place = many.folder / "0.md"

        def tick(number: int = round_, place: Path = place) -> None:
            text = place.read_text()
            new = (
                text.replace("- [ ] Second", "- [x] Second")
                if number % 2 == 0
                else text.replace("[x] Second", "[ ] Second")
            )
            swap = place.with_suffix(".swap")
            swap.write_text(new)
            swap.rename(place)
            services.sync_path(many.row, "0.md", OPTIONS)

        def set_status(status: str = "done" if round_ % 2 == 0 else "todo") -> None:
            task = Task.objects.get(text="First task of plan 0")
            plans.set_fields(task, {"status": status}, actor="bob")

        in_threads(tick, set_status)
        many.sync()
        many.assert_in_step()


def test_different_plans_are_synced_side_by_side_by_threads(many: Workbench) -> None:
    for number in range(6):
        many.edit(f"{number}.md", "- [ ] First", "- [x] First")
    in_threads(*[lambda n=number: services.sync_path(many.row, f"{n}.md", OPTIONS) for number in range(6)])
    assert Task.objects.filter(status="done").count() == 6
    many.assert_in_step()


# ------------------------------------------------------------------------------- an editor meanwhile


@pytest.mark.parametrize("checkpoint", ["decided", "temp-written", "temp-synced", "rechecked"])
def test_a_file_edited_between_read_and_write_keeps_that_edit_and_gets_the_hubs(
    many: Workbench, monkeypatch: pytest.MonkeyPatch, checkpoint: str
) -> None:
    many.set("First task of plan 0", status="done")
    edits = iter(["- [ ] Written meanwhile\n"])

    def meddle() -> None:
        for line in edits:
            many.write("0.md", many.read("0.md") + line)

    with at_checkpoint(monkeypatch, checkpoint, meddle):
        many.sync()
    assert many.read("0.md") == PLAN.format(0).replace("[ ] First", "[x] First") + "- [ ] Written meanwhile\n"
    assert many.task("Written meanwhile").text
    many.assert_in_step()


@pytest.mark.parametrize("checkpoint", ["decided", "temp-synced", "rechecked"])
def test_a_file_deleted_between_read_and_write_is_a_conflict_and_the_hubs_edit_stays(
    many: Workbench, monkeypatch: pytest.MonkeyPatch, checkpoint: str
) -> None:
    many.set("First task of plan 0", status="done")
    with at_checkpoint(monkeypatch, checkpoint, lambda: (many.folder / "0.md").unlink(missing_ok=True)):
        many.try_sync()
    assert not (many.folder / "0.md").exists()
    assert many.task("First task of plan 0").status == "done"
    assert [field for field, *_ in many.conflicts()] == ["presence"]
    assert not Intent.objects.exists()
    again = many.try_sync()
    assert (again.changed, again.files_written, again.errors) == (0, [], [])


def test_a_file_that_is_edited_at_every_attempt_is_left_for_the_next_pass(
    many: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    many.set("First task of plan 0", status="done")
    with at_checkpoint(
        monkeypatch, "rechecked", lambda: many.write("0.md", many.read("0.md") + "More words.\n")
    ):
        report = many.try_sync()
    assert "it changed each time while it was being synced" in report.errors[0]["error"]
    many.sync()
    assert "[x] First" in many.read("0.md")
    many.assert_in_step()


# ------------------------------------------------------------------------------------- a bad disk


def leftovers(desk: Workbench) -> list[Path]:
    return [place for place in desk.folder.rglob("*") if is_leftover(place.name)]


def test_a_full_disk_leaves_the_file_old_and_the_hubs_edit_is_written_once_there_is_space(
    many: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from planning_sync.replicas import atomic

    many.set("First task of plan 0", status="done")
    many.set("First task of plan 1", status="done")

    def full(descriptor: int, data: bytes) -> None:
        if b"plan 0" in data:
            os.write(descriptor, data[:10])
            raise OSError(28, "No space left on device")
        os.write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "_write_all", full)
        report = many.try_sync()
    assert [failure["plan"] for failure in report.errors] == ["0.md"]
    assert "Free some space" in report.errors[0]["error"]
    assert many.read("0.md") == PLAN.format(0)
    assert "[x] First" in many.read("1.md")
    assert not leftovers(many)
    assert many.task("First task of plan 0").status == "done"
    many.sync()
    assert "[x] First" in many.read("0.md")
    many.assert_in_step()


def test_a_disk_that_takes_no_bigger_file_is_a_full_one(many: Workbench) -> None:
    """A real limit of the operating system, which holds for the file and, on SQLite, for the database too."""
    many.set("First task of plan 0", text="First task of plan 0, " + "with many more words " * 300)

    def limited() -> None:
        with file_size_limit(4096):
            try:
                assert many.try_sync().errors
            except DatabaseError:
                assert connection.vendor == "sqlite"

    in_processes(limited)
    assert many.read("0.md") == PLAN.format(0)
    many.sync()
    assert "with many more words" in many.read("0.md")
    assert not leftovers(many)
    many.assert_in_step()


def test_a_write_protected_file_is_reported_and_read_all_the_same(many: Workbench) -> None:
    many.set("First task of plan 0", status="done")
    many.edit("0.md", "- [ ] Second", "- [x] Second")
    (many.folder / "0.md").chmod(0o444)
    report = many.try_sync()
    assert [failure["plan"] for failure in report.errors] == ["0.md"]
    assert "write-protected" in report.errors[0]["error"]
    assert many.task("Second task of plan 0").status == "done"
    assert "write-protected" in Link.objects.get(path="0.md").problem
    again = many.try_sync()
    assert [failure["plan"] for failure in again.errors] == ["0.md"]
    (many.folder / "0.md").chmod(0o644)
    many.sync()
    assert "[x] First" in many.read("0.md")
    assert not Link.objects.get(path="0.md").problem
    many.assert_in_step()


def test_a_write_protected_folder_is_reported_and_nothing_is_lost(
    many: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    many.set("First task of plan 0", status="done")
    plans.create_plan("Made in the hub", actor="bob")
    commit = MarkdownFolder.commit

    def commit_as_nobody(folder: MarkdownFolder, write: Write) -> str:
        with nobody():
            return commit(folder, write)

    for place in [*many.folder.iterdir()] if os.geteuid() == 0 else []:
        os.chown(place, NOBODY, NOBODY)
    for place in many.folder.parents:
        if place == Path(tempfile.gettempdir()):
            break
        place.chmod(place.stat().st_mode | 0o055)
    many.folder.chmod(0o555)
    with monkeypatch.context() as patch:
        patch.setattr(MarkdownFolder, "commit", commit_as_nobody)
        report = many.try_sync()
    many.folder.chmod(0o755)
    assert len(report.errors) == 2
    assert all("the right to write the file and its folder" in failure["error"] for failure in report.errors)
    assert many.read("0.md") == PLAN.format(0)
    many.sync()
    assert "[x] First" in many.read("0.md")
    assert len(list(many.folder.glob("*.md"))) == 7
    many.assert_in_step()
    assert not Conflict.objects.exists()
