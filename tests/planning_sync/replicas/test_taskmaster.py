"""The tags of a Task Master project keep the contract, and what the file says is understood."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from planning_sync.replicas import http
from planning_sync.replicas.base import ABSENT, checksum
from planning_sync.replicas.errors import OptionRefused, PlanChanged, PlanUnreadable, Unreadable, WriteFailed
from planning_sync.replicas.taskmaster import KIND, TaskMasterFile, TaskMasterService
from planning_sync.replicas.tree import TEMPORARY_PREFIX, TEMPORARY_SUFFIX
from plans.outline import Outline, Status
from tests.planning_sync.replicas.contract import (
    MARKDOWN,
    ReplicaContract,
    Samples,
    known,
    outline,
    tick,
    with_status,
)
from tests.planning_sync.replicas.service_double import ServiceDouble
from tests.planning_sync.replicas.taskmaster_world import TaskMasterWorld, file_of, tag, task
from tests.planning_sync.replicas.test_lists_contract import ServiceWorld

PLAN = tag(task(1, "List the modules"), task(2, "Count the tables", "done"))
ODD = '{"odd":[1e3,  {}],\n\n"tasks" :[ {"id":"7" , "title":"caf\\u00e9 \\ud83d","x":null,"status":"done"}] }'


TAGS = Samples(
    plan=PLAN.encode(),
    ticked=PLAN.replace("pending", "done").encode(),
    other=tag(task(1, "Sort the boxes")).encode(),
    odd=ODD.encode(),
    quiet=tag(task(1, "Something")).encode(),
    variants=tuple(tag(task(1, f"Number {number}")).encode() for number in range(8)),
    empties=(tag().encode(), b'{"tasks":[]}'),
    suffix="",
    titled=False,
    no_paths=("", "n\0l.md", "\udce9.md"),
)


class TagService(ServiceWorld):
    def __init__(self, double: ServiceDouble) -> None:
        super().__init__(double)
        self.replica = TaskMasterService(self.service)


class TestTaskMasterService(ReplicaContract):
    samples = TAGS._replace(no_paths=MARKDOWN.no_paths)

    @pytest.fixture
    def world(self) -> Iterator[TagService]:
        with ServiceDouble() as double:
            yield TagService(double)
            http.close_all()


class TestTaskMasterFile(ReplicaContract):
    samples = TAGS

    @pytest.fixture
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TaskMasterWorld:
        return TaskMasterWorld(tmp_path / "tasks", monkeypatch)

    def test_no_write_leaves_a_lock_or_a_temporary_file(self, world: TaskMasterWorld) -> None:
        world.put("a.md", self.samples.plan)
        world.replica.commit(tick(world.replica, "a.md"))
        world.replica.commit(world.replica.prepare_new(outline("Roof", "Count the tiles")))
        world.replica.commit(world.replica.prepare_delete(world.replica.read("a.md")))
        assert world.leftovers() == []

    def test_what_a_killed_write_left_is_removed(self, world: TaskMasterWorld) -> None:
        left = world.file.with_name(f"{TEMPORARY_PREFIX}1{TEMPORARY_SUFFIX}")
        left.write_text("half")
        assert world.replica.cleanup() == ()
        assert world.replica.cleanup(older_than_seconds=-1) == (left.name,)
        assert world.leftovers() == []

    def test_a_write_of_one_tag_keeps_an_edit_of_another_made_meanwhile(self, world: TaskMasterWorld) -> None:
        world.put("a.md", self.samples.plan)
        world.put("b.md", self.samples.other)
        write = tick(world.replica, "a.md")
        world.put("b.md", self.samples.quiet)
        world.replica.commit(write)
        assert world.contents() == {"a.md": self.samples.ticked, "b.md": self.samples.quiet}

    def test_a_write_changes_no_byte_outside_of_its_line(self, world: TaskMasterWorld) -> None:
        text = '\n{ "odd" : {"tasks":[ ]},\t"a.md": ' + PLAN + ' , "é":{"tasks":[]}}\r\n\n'
        world.file.write_bytes(text.encode())
        world.replica.commit(tick(world.replica, "a.md"))
        assert world.file.read_bytes() == text.replace('"pending"', '"done"').encode()


# ------------------------------------------------------------------------------------ what it says


def read(tmp_path: Path, *tasks: dict[str, Any]) -> Outline:
    file = tmp_path / "tasks.json"
    file.write_text(file_of({"master": tag(*tasks)}), encoding="utf-8")
    return TaskMasterFile(file).read("master").document.outline


def test_each_status_of_the_tool_has_a_meaning_and_an_unknown_one_never_counts_as_done(
    tmp_path: Path,
) -> None:
    told = [
        "pending",
        "in-progress",
        "done",
        "review",
        "deferred",
        "cancelled",
        "blocked",
        "completed",
        "DONE",
    ]
    found = read(tmp_path, *(task(at, "x", raw) for at, raw in enumerate(told, 1)))
    todo, progress, done = Status.TODO, Status.IN_PROGRESS, Status.DONE
    assert [item.status for item in found.items] == [
        *(todo, progress, done, progress, todo, Status.CANCELLED, Status.BLOCKED, done, todo)
    ]
    findings = TaskMasterFile(tmp_path / "tasks.json").read("master").document.findings
    assert [finding.code for finding in findings] == ["unrecognised"]


def test_a_raw_status_stays_while_it_still_means_what_the_hub_says(tmp_path: Path) -> None:
    read(tmp_path, task(1, "One", "review"), task(2, "Two", "deferred"), task(3, "Three", "review"))
    replica = TaskMasterFile(tmp_path / "tasks.json")
    reading = known(replica.read("master"))
    target = with_status(reading.document.outline, "Three", Status.BLOCKED)
    replica.commit(replica.prepare(reading, target))
    tasks = json.loads((tmp_path / "tasks.json").read_text())["master"]["tasks"]
    assert [each["status"] for each in tasks] == ["review", "deferred", "blocked"]


def test_subtasks_hang_below_their_task_and_go_by_both_numbers(tmp_path: Path) -> None:
    below = [{"id": 1, "title": "First"}, {"id": "2", "title": "Second", "dependencies": [1, "3"]}]
    found = read(tmp_path, task(3, "Three", subtasks=below, dependencies=["4"]), task(4, "Four"))
    by_ref = {item.ref: item for item in found.items}
    assert list(by_ref) == ["3", "3.1", "3.2", "4"]
    assert by_ref["3.2"].parent == by_ref["3"].key
    assert by_ref["3.2"].depends_on == ("3.1", "3")
    assert by_ref["3"].depends_on == ("4",)


def test_a_file_from_before_there_were_tags_is_the_plan_master(tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    text = json.dumps({"tasks": [task(1, "List the modules")], "metadata": {"v": 1}}, indent=2) + "\n"
    file.write_text(text, encoding="utf-8")
    replica = TaskMasterFile(file)
    assert list(replica.scan().stamps) == ["master"]
    replica.commit(tick(replica, "master"))
    assert file.read_text() == text.replace("pending", "done")
    with pytest.raises(WriteFailed, match="no tags"):
        replica.commit(replica.prepare_new(outline("Roof", "Count the tiles")))
    assert file.read_text() == text.replace("pending", "done")


# ------------------------------------------------------------------------------------ malformed


def cut(text: str) -> str:
    return text[: len(text) // 2]


def merged(text: str) -> str:
    return text.replace('        "status"', '<<<<<<< HEAD\n        "status"', 1)


FAULTS: list[tuple[Callable[[str], str], str]] = [
    (cut, r"the text ends in the middle|unterminated string"),
    (merged, r"line 10, column 1: a merge left its markers there"),
    (lambda text: text.replace('"id": 2', '"id": 1'), r"line 16, column \d+: there are two tasks 1"),
    (lambda text: text.replace('"id": 2', '"id": "two"'), r"line 16, column \d+: the id of a task"),
    (lambda text: text.replace('"id": 2', '"id": true'), r"the id of a task is a whole number"),
    (lambda text: text.replace('"id": 2,', ""), r"the id of a task .* not None"),
    (lambda text: text.replace('"status": "done"', '"status": 5'), r"'status' of task 2 must be text"),
    (lambda text: text.replace('"title": "Count the tables"', '"title": null'), r"'title' of task 2"),
    (lambda text: text.replace('"dependencies": []', '"dependencies": {}', 1), r"'dependencies' of task 1"),
    (lambda text: text.replace('"dependencies": []', '"dependencies": [{}]', 1), r"a dependency of task 1"),
    (lambda text: text.replace('"subtasks": []', '"subtasks": [3]', 1), r"a task is expected here"),
    (lambda text: text.replace('"tasks": [', '"tasks": 7, "was": [', 1), r"a list is expected here"),
    (lambda text: text.replace('"details": ""', '"title": "again"', 1), r"the key 'title' stands twice"),
    (lambda text: text.replace('"details": ""', '"details": NaN', 1), r"NaN is no JSON"),
    (lambda text: text + "}", r"something follows the end"),
    (lambda text: "[]", r"the file must be an object"),
    (lambda text: "", r"the text ends in the middle"),
    (lambda text: text + "\ufeff", r"something follows"),
    (lambda text: '{"master": ' + "[" * 100_000, r"nested too deeply"),
]


@pytest.mark.parametrize(("damage", "told"), FAULTS)
def test_a_malformed_file_is_refused_with_the_place_of_the_fault(
    damage: Callable[[str], str], told: str, tmp_path: Path
) -> None:
    file = tmp_path / "tasks.json"
    file.write_text(file_of({"master": PLAN}), encoding="utf-8")
    replica = TaskMasterFile(file)
    write = tick(replica, "master")
    damaged = damage(file_of({"master": PLAN}))
    file.write_text(damaged, encoding="utf-8")
    with pytest.raises(PlanUnreadable, match=told) as caught:
        replica.read("master")
    assert caught.value.reason is Unreadable.MALFORMED
    assert "line " in str(caught.value)
    with pytest.raises(PlanChanged):
        replica.commit(write)
    assert file.read_text(encoding="utf-8") == damaged
    assert not replica.scan().gone("master")


def test_a_file_that_is_no_utf8_is_refused_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "tasks.json").write_bytes(b'{"master": {"tasks": [\n{"id": 1, "title": "caf\xe9"}]}}')
    with pytest.raises(PlanUnreadable, match="line 2, column 24: it is not UTF-8"):
        TaskMasterFile(tmp_path / "tasks.json").read("master")


def test_a_file_over_the_limit_is_not_even_read(tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    with file.open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    with pytest.raises(PlanUnreadable) as caught:
        TaskMasterFile(file).read("master")
    assert caught.value.reason is Unreadable.TOO_LARGE
    assert not TaskMasterFile(file).scan().complete


def test_a_key_that_is_no_tag_is_told_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    file.write_text('{"version": 3, "master": {"tasks": []}, "notes": {"a": 1}}', encoding="utf-8")
    scan = TaskMasterFile(file).scan()
    assert list(scan.stamps) == ["master"]
    assert [problem.path for problem in scan.problems] == ["notes", "version"]


# ------------------------------------------------------------------------------------ where it is


def test_a_project_is_found_by_its_folder_its_file_and_in_the_older_place(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    (project / ".taskmaster" / "tasks").mkdir(parents=True)
    today = project / ".taskmaster" / "tasks" / "tasks.json"
    assert KIND.locate(str(project)) == (str(today), "shop")
    (project / "tasks").mkdir()
    older = project / "tasks" / "tasks.json"
    older.write_text("{}", encoding="utf-8")
    assert KIND.locate(str(project)) == (str(older), "shop")
    today.write_text("{}", encoding="utf-8")
    assert KIND.locate(str(project)) == KIND.locate(str(today)) == (str(today), "shop")


def test_an_address_is_a_service_and_wants_the_name_of_its_token() -> None:
    options = {"scheme": "bearer", "secret": "env:PLANNING_SYNC_REPLICA_TASKS"}
    assert KIND.locate("https://tasks.example.org/api/") == (
        *("https://tasks.example.org/api", "tasks.example.org"),
    )
    assert isinstance(KIND.connect("https://tasks.example.org/api", options), TaskMasterService)
    with pytest.raises(OptionRefused, match="never give it"):
        KIND.connect("https://tasks.example.org/api", {"scheme": "bearer", "secret": "s3cr3t"})


def test_a_folder_without_a_project_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OptionRefused, match="task-master init"):
        KIND.locate(str(tmp_path))


def test_the_first_plan_makes_the_file_as_the_tool_would(tmp_path: Path) -> None:
    replica = TaskMasterFile(tmp_path / "tasks.json")
    write = replica.prepare_new(outline("Roof", "Count the tiles"))
    assert write.before == ABSENT
    replica.commit(write)
    text = (tmp_path / "tasks.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    assert replica.probe("roof").checksum == write.after == checksum(write.data or b"")
