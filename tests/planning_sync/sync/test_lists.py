"""Roadmaps and lists as replicas: the same merge as for Markdown, in files and in services."""

from __future__ import annotations

import json
import queue
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

import pytest

from conflicts.models import Conflict
from planning_sync.replicas import http
from planning_sync.sync import services, tasks, watch
from planning_sync.sync.models import Replica
from planning_sync.sync.passes import Options
from planning_sync.sync.report import Report
from plans import services as plans
from plans.models import Plan, Task
from tests.planning_sync.replicas.service_double import Fault, ServiceDouble
from tests.planning_sync.sync.console import ask, run
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.usefixtures("transactional_db")

ROADMAP = """{
  "version": 3,
  "milestones": [
    {"id": "m1", "title": "Beta", "target_date": "2026-07-15T00:00:00Z"}
  ],
  "items": [
    {
      "id": "i1",
      "title": "Sign in",
      "status": "planned",
      "priority": "high",
      "milestone_id": "m1",
      "votes": 12
    },
    {
      "id": "i2",
      "title": "Rate limits",
      "status": "completed",
      "target_date": "0001-01-01T00:00:00Z"
    }
  ]
}"""
TABLE = 'nr;what;state;who\r\n1;"Buy; paint";open;ann\r\n2;Paint the door;open;\r\n'
TABLE_MAPPING = 'key = "nr"\n[fields]\ntext = "what"\nstatus = "state"\nassignee = "who"\n'


def sync(row: Replica, **options: object) -> Report:
    row.refresh_from_db()
    return services.sync_replica(row, Options(actor="alice", settle_seconds=0.0, **options))  # type: ignore[arg-type]


def fine(report: Report) -> Report:
    assert (report.errors, report.refused) == ([], [])
    return report


def set_task(said: str, /, **fields: object) -> None:
    plans.set_fields(Task.objects.live().get(text=said), fields, actor="alice")


class Place(Protocol):
    """A roadmap and who keeps it."""

    row: Replica

    def read(self) -> str: ...
    def write(self, text: str) -> None: ...


class FilePlace:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.write(ROADMAP)
        self.row = services.add_replica(file, actor="alice", kind="roadmap")

    def read(self) -> str:
        return self.file.read_text()

    def write(self, text: str) -> None:
        self.file.write_text(text)


class ServicePlace:
    def __init__(self, double: ServiceDouble) -> None:
        self.double = double
        self.write(ROADMAP)
        self.row = services.add_replica(double.url, actor="alice", kind="roadmap")

    def read(self) -> str:
        return self.double.plans["roadmap"].decode()

    def write(self, text: str) -> None:
        self.double.plans["roadmap"] = text.encode()


@pytest.fixture(params=["file", "service"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "file":
        yield FilePlace(tmp_path / "roadmap.json")
        return
    with ServiceDouble() as double:
        yield ServicePlace(double)
        http.close_all()


def test_a_roadmap_becomes_a_plan_and_a_sync_of_nothing_changes_nothing(place: Place) -> None:
    fine(sync(place.row))
    plan = Plan.objects.get()
    assert plan.title == "roadmap"
    found = {
        task.text: (task.status, task.priority, task.parent and task.parent.text) for task in plan.tasks.all()
    }
    assert found == {
        "Beta": ("todo", "", None),
        "Sign in": ("todo", "high", "Beta"),
        "Rate limits": ("done", "", None),
    }
    again = fine(sync(place.row))
    assert (again.changed, again.files_written, place.read()) == (0, [], ROADMAP)


def test_edits_of_both_sides_meet_and_each_changes_its_own_lines_alone(place: Place) -> None:
    fine(sync(place.row))
    place.write(ROADMAP.replace('"Rate limits"', '"Rate limits for all"'))
    set_task("Sign in", status="done")
    fine(sync(place.row))
    wanted = ROADMAP.replace('"Rate limits"', '"Rate limits for all"').replace('"planned"', '"completed"')
    assert place.read() == wanted
    assert Task.objects.live().filter(text="Rate limits for all").count() == 1
    assert fine(sync(place.row)).changed == 0


def test_two_edits_of_one_field_are_a_conflict_that_shows_all_three(place: Place) -> None:
    fine(sync(place.row))
    place.write(place.read().replace('"Sign in"', '"Sign in by mail"'))
    set_task("Sign in", text="Sign on")
    assert sync(place.row).status == "conflicts"
    conflict = Conflict.objects.get()
    assert (conflict.base_value, conflict.replica_value, conflict.hub_value) == (
        *("Sign in", "Sign in by mail", "Sign on"),
    )
    assert '"Sign in by mail"' in place.read()


def test_tasks_come_and_go_on_both_sides(place: Place) -> None:
    fine(sync(place.row))
    added = {"id": "i3", "title": "Search", "status": "in_progress", "milestone_id": "m1"}
    document = json.loads(place.read())
    document["items"].append(added)
    place.write(json.dumps(document, indent=2))
    milestone = Task.objects.live().get(text="Beta")
    plans.add_task(milestone, "Export", actor="alice")
    plans.delete(Task.objects.live().get(text="Rate limits"), actor="alice")
    fine(sync(place.row))
    said = {item["id"]: item for item in json.loads(place.read())["items"]}
    assert list(said) == ["i1", "i3", "i4"]
    assert said["i3"] == added
    assert (said["i4"]["title"], said["i4"]["milestone_id"]) == ("Export", "m1")
    assert Task.objects.live().get(text="Search").parent == milestone
    assert fine(sync(place.row)).changed == 0


def test_a_sync_is_undone_on_both_sides(place: Place) -> None:
    fine(sync(place.row))
    place.write(ROADMAP.replace('"Rate limits"', '"Rate limits for all"'))
    operation = fine(sync(place.row)).operation
    assert ask("undo", operation)["undoes"] == [operation]
    assert place.read() == ROADMAP
    assert Task.objects.live().filter(text="Rate limits").exists()
    assert fine(sync(place.row)).changed == 0


def test_a_roadmap_that_is_broken_is_refused_with_the_place_and_left_alone(place: Place) -> None:
    fine(sync(place.row))
    broken = place.read().replace('"votes": 12', '"votes": 12,,')
    place.write(broken)
    set_task("Sign in", status="done")
    report = sync(place.row)
    assert report.status == "failed"
    assert "line 13, column 19" in report.errors[0]["error"]
    assert place.read() == broken
    assert Task.objects.live().count() == 3


def test_a_list_in_csv_follows_the_hub_row_by_row(tmp_path: Path) -> None:
    (tmp_path / "chores.csv").write_bytes(TABLE.encode())
    (tmp_path / "planning-sync-list.toml").write_text(TABLE_MAPPING)
    row = services.add_replica(tmp_path / "chores.csv", actor="alice", kind="list")
    fine(sync(row))
    set_task("Paint the door", status="done", assignee="bob")
    fine(sync(row))
    wanted = TABLE.replace("2;Paint the door;open;", "2;Paint the door;done;bob").encode()
    assert (tmp_path / "chores.csv").read_bytes() == wanted
    plans.add_task(Plan.objects.get(), "Clean up", actor="alice")
    fine(sync(row))
    assert (tmp_path / "chores.csv").read_bytes() == wanted + b"3;Clean up;open;\r\n"
    assert fine(sync(row)).changed == 0


def test_a_mapping_that_is_broken_fails_its_replica_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "chores.csv").write_bytes(TABLE.encode())
    mapping = tmp_path / "planning-sync-list.toml"
    mapping.write_text(TABLE_MAPPING)
    row = services.add_replica(tmp_path / "chores.csv", actor="alice", kind="list")
    (tmp_path / "notes").mkdir()
    services.add_replica(tmp_path / "notes", actor="alice")
    mapping.write_text(TABLE_MAPPING + "colour = 1\n")
    assert tasks.sync_all() == {"chores.csv": "failed", "notes": "in_step"}
    row.refresh_from_db()
    assert "'colour' is none of" in row.last_problem


def test_a_mapping_that_changes_has_the_same_bytes_read_anew(tmp_path: Path) -> None:
    (tmp_path / "chores.csv").write_bytes(TABLE.replace(";open;ann", ";afoot;ann").encode())
    mapping = tmp_path / "planning-sync-list.toml"
    mapping.write_text(TABLE_MAPPING)
    row = services.add_replica(tmp_path / "chores.csv", actor="alice", kind="list")
    fine(sync(row))
    assert Task.objects.get(text="Buy; paint").status == "todo"
    mapping.write_text(TABLE_MAPPING + '[words.status]\nafoot = "in_progress"\n')
    fine(sync(row))
    assert Task.objects.get(text="Buy; paint").status == "in_progress"
    assert fine(sync(row)).changed == 0


def test_an_option_that_cannot_be_used_fails_its_replica_and_no_other(tmp_path: Path) -> None:
    for name, task in (("bad", "Paint the door"), ("good", "Count the tiles")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.md").write_text(f"# {name}\n\n- [ ] {task}\n")
        fine(sync(services.add_replica(tmp_path / name, actor="alice")))
    Replica.objects.filter(name="bad").update(options={"ballots": "perhaps"})
    assert tasks.sync_all() == {"bad": "failed", "good": "in_step"}
    assert "'ballots'" in Replica.objects.get(name="bad").last_problem
    for report in services.sync_plan(Plan.objects.get(title="good").pk, Options(actor="alice")):
        assert report.status == ("failed" if report.replica == "bad" else "in_step")


# ------------------------------------------------------------------------- services that misbehave


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServicePlace]:
    with ServiceDouble() as double:
        place = ServicePlace(double)
        fine(sync(place.row))
        yield place
        http.close_all()


@pytest.mark.parametrize("what", ["drop", "lose", "truncate", "repeat", "503"])
def test_whatever_happens_to_one_request_the_edit_arrives_once(service: ServicePlace, what: str) -> None:
    for method in ("GET", "PUT"):
        service.double.faults = [Fault(what, method)]
        text = f"Sign in {what} {method}"
        set_task(Task.objects.live().get(priority="high").text, text=text)
        fine(sync(service.row))
        assert service.read().count(text) == 1
        assert not service.double.faults


def test_a_service_that_is_away_loses_nothing_and_gets_everything_when_it_is_back(
    service: ServicePlace,
) -> None:
    service.double.faults = [Fault("500")] * 100
    set_task("Sign in", status="done")
    assert sync(service.row).status == "failed"
    row = Replica.objects.get()
    assert (row.last_status, row.failed_tries) == ("offline", 2)
    assert "answered 500" in row.last_problem
    set_task("Rate limits", priority="low")
    service.double.faults = []
    fine(sync(service.row))
    said = {item["id"]: item for item in json.loads(service.read())["items"]}
    assert (said["i1"]["status"], said["i2"]["priority"]) == ("completed", "low")
    assert Replica.objects.get().lost_at is None


def test_a_service_that_is_away_costs_the_others_nothing(service: ServicePlace, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.md").write_text("# Notes\n\n- [ ] Water the plants\n")
    fine(sync(services.add_replica(tmp_path / "notes", actor="alice")))
    service.double.faults = [Fault("500")] * 100
    assert sync(service.row).status == "failed"
    asked = len(service.double.received)
    set_task("Sign in", status="done")
    set_task("Water the plants", status="done")
    assert tasks.sync_all() == {service.row.name: "offline", "notes": "in_step"}
    assert len(service.double.received) == asked
    assert (tmp_path / "notes" / "notes.md").read_text().endswith("- [x] Water the plants\n")


def test_a_listing_that_is_not_complete_deletes_nothing_and_says_so(service: ServicePlace) -> None:
    service.double.partial = frozenset({"roadmap"})
    report = sync(service.row)
    assert [failure["error"] for failure in report.errors] == [
        "The service says that it does not list every plan now."
    ]
    assert Plan.objects.live().count() == 1


def test_plans_come_and_go_on_both_sides(service: ServicePlace) -> None:
    made = plans.create_plan("Apollo", actor="alice")
    plans.add_task(made, "Land", actor="alice", due="2026-07-20")
    fine(sync(service.row))
    kept = json.loads(service.double.plans["apollo"])
    assert (kept["title"], kept["items"][0]["title"]) == ("Apollo", "Land")
    assert kept["items"][0]["target_date"] == "2026-07-20T00:00:00Z"
    data = service.double.plans.pop("apollo")
    fine(sync(service.row))
    assert not Plan.objects.live().filter(pk=made.pk).exists()
    service.double.plans["apollo"] = data
    fine(sync(service.row))
    assert Plan.objects.live().get(pk=made.pk).tasks.get().text == "Land"
    plans.delete_plan(Plan.objects.get(pk=made.pk), actor="alice")
    fine(sync(service.row))
    assert list(service.double.plans) == ["roadmap"]


def test_somebody_elses_edit_in_between_is_merged_and_not_overwritten(service: ServicePlace) -> None:
    text = service.read()
    service.double.before_put = lambda: service.write(text.replace("Rate limits", "Rate limits for all"))
    set_task("Sign in", status="done")
    fine(sync(service.row))
    assert service.read() == text.replace("Rate limits", "Rate limits for all").replace(
        "planned", "completed"
    )
    assert Task.objects.live().filter(text="Rate limits for all").exists()


# ------------------------------------------------------------------------------------- as people use them

PAGE = Path(__file__).parents[3] / "docs" / "replicas.md"


def example(language: str, heading: str) -> str:
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_roadmap_of_the_page_is_read_as_the_page_says(tmp_path: Path) -> None:
    text = example("json", "Roadmaps")
    (tmp_path / "roadmap.json").write_text(text)
    assert run("add", str(tmp_path / "roadmap.json"), "--kind", "roadmap").code == 0
    assert run("sync").code == 0
    found = {task.text: (task.status, task.parent and task.parent.text) for task in Task.objects.all()}
    assert found == {
        "Beta": ("todo", None),
        "Sign in": ("in_progress", "Beta"),
        "Sign in by mail": ("todo", "Sign in"),
        "Rate limits": ("done", None),
    }
    assert Plan.objects.get().title == "Apollo"
    plans.add_task(Task.objects.get(text="Beta"), "Export", actor="alice")
    assert '"id": "i4"' in (tmp_path / "roadmap.json").read_text()


def test_the_list_of_the_page_is_read_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "chores.csv").write_text(example("csv", "Any list of tasks"))
    (tmp_path / "planning-sync-list.toml").write_text(example("toml", "Any list of tasks"))
    assert run("add", str(tmp_path / "chores.csv"), "--kind", "list").code == 0
    assert run("sync").code == 0
    found = [(task.text, task.status, task.assignee) for task in Task.objects.order_by("position")]
    assert found == [("Buy paint", "todo", "ann"), ("Paint the door; both sides", "todo", "")]


def test_a_mapping_may_be_given_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("nr,what\n1,One\n")
    mapping = 'mapping={"key": "nr", "fields": {"text": "what"}}'
    assert run("add", str(tmp_path / "a.csv"), "--kind", "list", "--option", mapping).code == 0
    assert run("sync").code == 0
    assert Task.objects.get().text == "One"


def test_status_tells_since_when_a_replica_is_away_and_what_waits_for_it(service: ServicePlace) -> None:
    service.double.faults = [Fault("500")] * 100
    set_task("Sign in", status="done")
    (told,) = ask("status")["replicas"]
    assert (told["last_status"], told["waiting"]) == ("offline", 1)
    assert told["seen_at"] < told["lost_at"] < told["retry_at"]
    assert re.search(
        r"away since 20.*, last seen 20.*, next try 20.* UTC; plans that wait for it: 1", run("status").out
    )
    service.double.faults = []
    assert ask("sync", f"{service.double.url}/")["status"] == "in_step"
    assert ask("status")["replicas"][0]["lost_at"] is None


def test_a_service_that_does_not_answer_is_not_added() -> None:
    told = run("add", "http://127.0.0.1:9/api", "--kind", "roadmap")
    assert told.code == 2
    assert "http://127.0.0.1:9/api cannot be reached" in told.err
    assert not Replica.objects.exists()


def test_the_watcher_sees_a_save_of_a_file_and_asks_a_service_now_and_then(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine(sync(place.row))
    monkeypatch.setattr(watch, "VISIT_SECONDS", 0.05)
    monkeypatch.setattr(watch, "RETRY_SECONDS", 0.05)
    passes: queue.Queue[Report] = queue.Queue()
    stop = Event()
    thread = Thread(target=watch.Watcher(stop=stop, on_pass=passes.put).run)
    thread.start()
    try:
        passes.get(timeout=PATIENCE_SECONDS)
        place.write(place.read().replace("Sign in", "Sign in by mail"))
        while not passes.get(timeout=PATIENCE_SECONDS).changed:
            pass
        assert Task.objects.filter(text="Sign in by mail").exists()
    finally:
        stop.set()
        thread.join()
