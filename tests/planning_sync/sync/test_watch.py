"""The watcher on a real folder, in a thread beside the test."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import pytest

from audit.models import Operation
from planning_sync.sync import services, watch
from planning_sync.sync.models import Link, Replica
from planning_sync.sync.report import Report
from plans import services as plans
from plans.models import Plan, Task
from tests.planning_sync.sync.workbench import Workbench
from tests.waiting import PATIENCE_SECONDS, until

SHOP = """# Shop

- [ ] Paint the door
- [ ] Order shelves
"""


@dataclass
class Watched:
    """A workbench that a watcher looks at, and the passes that it made."""

    desk: Workbench
    reports: list[Report] = field(default_factory=list)
    going_on: Event = field(default_factory=Event)
    """The watcher waits for it after each pass."""

    def __post_init__(self) -> None:
        self.going_on.set()

    def told(self, report: Report) -> None:
        self.reports.append(report)
        self.going_on.wait(PATIENCE_SECONDS)

    def save(self, path: str, text: str) -> None:
        """Save as many editors do: a new file, renamed over the old one."""
        place = self.desk.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f".{place.name}.swp")
        temporary.write_text(text)
        temporary.replace(place)

    def quiet(self) -> None:
        """Return once no pass was made for a while."""
        number = -1
        while number != len(self.reports):
            number = len(self.reports)
            time.sleep(0.6)


def status_of(text: str) -> str | None:
    return Task.objects.live().filter(text=text).values_list("status", flat=True).first()


@pytest.fixture
def watched(desk: Workbench) -> Iterator[Watched]:
    yield from watching(desk)


def watching(desk: Workbench) -> Iterator[Watched]:
    desk.write("shop.md", SHOP)
    stop = Event()
    here = Watched(desk)
    thread = Thread(target=watch.Watcher(stop=stop, on_pass=here.told).run)
    thread.start()
    try:
        until(lambda: here.reports, told="the pass after the start")
        yield here
    finally:
        here.going_on.set()
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_what_was_edited_before_the_start_is_taken_at_the_start(watched: Watched) -> None:
    assert status_of("Paint the door") == "todo"


def test_a_save_is_in_the_hub_a_moment_later(watched: Watched) -> None:
    for number in range(4):
        mark, status = ("x", "done") if number % 2 == 0 else (" ", "todo")
        text = SHOP.replace("- [ ] Paint", f"- [{mark}] Paint")
        if number < 2:
            watched.save("shop.md", text)
        else:
            (watched.desk.folder / "shop.md").write_text(text)
        until(lambda status=status: status_of("Paint the door") == status, told=status)  # type: ignore[misc]


def test_new_renamed_and_deleted_files_are_followed(watched: Watched) -> None:
    watched.save("more/garden.md", "# Garden\n\n- [ ] Dig\n")
    until(lambda: status_of("Dig"), told="a file in a new folder")
    garden = Plan.objects.get(title="Garden").pk
    (watched.desk.folder / "more").rename(watched.desk.folder / "less")
    until(lambda: Link.objects.filter(path="less/garden.md").exists(), told="a folder renamed")
    assert Link.objects.get(path="less/garden.md").plan_id == garden
    (watched.desk.folder / "less" / "garden.md").unlink()
    until(lambda: not Plan.objects.live().filter(pk=garden).exists(), told="a file deleted")
    assert status_of("Order shelves") == "todo"


def test_our_own_write_causes_no_second_one_and_no_operation(watched: Watched) -> None:
    watched.quiet()
    plans.set_fields(Task.objects.get(text="Paint the door"), {"status": "done"}, actor="alice")
    content = (watched.desk.folder / "shop.md").read_bytes()
    assert b"[x] Paint" in content
    operations = Operation.objects.count()
    watched.quiet()
    assert Operation.objects.count() == operations
    assert (watched.desk.folder / "shop.md").read_bytes() == content
    assert all(report.status == "in_step" and not report.files_written for report in watched.reports)


def test_what_is_no_plan_causes_no_pass(watched: Watched) -> None:
    watched.quiet()
    number = len(watched.reports)
    for path in (".planning-sync-1234.tmp", ".shop.md.swp", "notes.txt", "templates/plan.md", ".git/x/y.md"):
        place = watched.desk.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("# No plan\n")
        place.unlink()
    watched.quiet()
    assert len(watched.reports) == number


def test_a_burst_of_many_files_is_few_passes(watched: Watched) -> None:
    watched.quiet()
    number = len(watched.reports)
    watched.going_on.clear()
    watched.save("burst/first.md", "# First\n\n- [ ] Only task\n")
    until(lambda: len(watched.reports) > number, told="the pass in which the others gather")
    for count in range(60):
        watched.save(f"burst/{count}.md", f"# Plan {count}\n\n- [ ] Only task {count}\n")
    watched.going_on.set()
    until(lambda: Plan.objects.count() == 62, told="all plans")
    watched.quiet()
    assert len(watched.reports) - number < 20


def test_a_folder_that_vanishes_is_waited_for_and_nothing_counts_as_deleted(watched: Watched) -> None:
    folder = watched.desk.folder
    away = folder.with_name("away")
    folder.rename(away)
    time.sleep(1.0)
    assert status_of("Paint the door") == "todo"
    (away / "shop.md").write_text(SHOP.replace("- [ ] Paint", "- [x] Paint"))
    away.rename(folder)
    until(lambda: status_of("Paint the door") == "done", told="the edit made while it was away")
    watched.save("shop.md", SHOP)
    until(lambda: status_of("Paint the door") == "todo", told="an edit after it came back")


def test_a_folder_put_in_the_place_of_another_is_watched_anew(watched: Watched) -> None:
    folder = watched.desk.folder
    folder.rename(folder.with_name("old"))
    folder.mkdir()
    (folder / "shop.md").write_text(SHOP.replace("- [ ] Order", "- [x] Order"))
    until(lambda: status_of("Order shelves") == "done", told="the other folder")
    watched.save("shop.md", SHOP)
    until(lambda: status_of("Order shelves") == "todo", told="an edit in the other folder")


def test_replicas_come_and_go_while_it_runs(watched: Watched, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "garden.md").write_text("# Garden\n\n- [ ] Dig\n")
    row = services.add_replica(other, actor="alice")
    until(lambda: status_of("Dig") == "todo", told="the plans of a new replica")
    until(
        lambda: (other / "garden.md").write_text("# Garden\n\n- [x] Dig\n") and status_of("Dig") == "done",
        told="x",
    )
    Replica.objects.filter(pk=row.pk).update(enabled=False)
    name = f"watch {row.name}"
    until(lambda: name not in {thread.name for thread in threading.enumerate()}, told="its end")
    (other / "garden.md").write_text("# Garden\n\n- [ ] Dig\n")
    watched.save("shop.md", SHOP.replace("- [ ] Paint", "- [x] Paint"))
    until(lambda: status_of("Paint the door") == "done", told="the replica that is left")
    assert status_of("Dig") == "done"


def test_a_file_written_in_two_steps_loses_nothing(watched: Watched) -> None:
    before = set(Task.objects.values_list("pk", flat=True))
    for _ in range(3):
        descriptor = os.open(watched.desk.folder / "shop.md", os.O_WRONLY | os.O_TRUNC)
        time.sleep(0.1)
        os.write(descriptor, SHOP[:20].encode())
        time.sleep(0.1)
        os.write(descriptor, SHOP[20:].encode())
        os.close(descriptor)
        time.sleep(0.3)
    watched.quiet()
    assert set(Task.objects.live().values_list("pk", flat=True)) == before


@pytest.fixture
def polled(desk: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    def refused(root: str, stop: Event, **_: bool) -> Iterator[watch.Changes]:
        raise watch.Unwatchable("no space left for watches")

    monkeypatch.setattr(watch, "_changes", refused)
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.1)
    yield from watching(desk)


def test_a_folder_that_the_system_cannot_watch_is_looked_at_again_and_again(polled: Watched) -> None:
    polled.save("shop.md", SHOP.replace("- [ ] Paint", "- [x] Paint"))
    until(lambda: status_of("Paint the door") == "done", told="the edit")
    folder = polled.desk.folder
    folder.rename(folder.with_name("away"))
    time.sleep(0.4)
    folder.with_name("away").rename(folder)
    polled.save("shop.md", SHOP)
    until(lambda: status_of("Paint the door") == "todo", told="the edit after the folder came back")
