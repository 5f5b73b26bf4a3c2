"""Whatever the hub wants of a tag, the new text says it, the tool can read it, and no other task changes."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.replicas.base import Reading, Write
from planning_sync.replicas.taskmaster import TaskMasterFile
from planning_sync.replicas.taskmaster.format import tasks_of
from planning_sync.replicas.taskmaster.waiting import admitted
from plans.outline import ROOT, Added, Changed, Item, Kind, Outline, Place, Removed, apply, places
from tests.outlines import outline, walked
from tests.planning_sync.replicas.contract import known
from tests.planning_sync.replicas.taskmaster_world import file_of, tag, task

RAW = ("pending", "in-progress", "done", "review", "deferred", "cancelled", "blocked")
SAYABLE = {"text", "ref", "status", "priority", "depends_on"}
SEEDS = st.integers(0, 2**32)


def drawn(chance: random.Random) -> str:
    """The text of a tag as the tool may have left it."""
    tasks = []
    for number in range(1, chance.randint(1, 6)):
        earlier = [str(each) if chance.random() < 0.5 else each for each in range(1, number * 2 - 1, 2)]
        subtasks = [
            {"id": at, "title": f"step {at} of {number}", "status": chance.choice(RAW), "odd": [{}, "é"]}
            for at in range(1, chance.randint(1, 4))
        ]
        fields: dict[str, Any] = {
            "dependencies": chance.sample(earlier, chance.randint(0, len(earlier))),
            "priority": chance.choice(("low", "medium", "high")),
            "subtasks": subtasks,
            "complexity": {"score": 5},
        }
        tasks.append(task(number * 2 - 1, f"task {number}", chance.choice(RAW), **fields))
    return tag(*tasks)


def wanted(start: Outline, chance: random.Random, *, renumbers: bool = True) -> Outline:
    """What the hub may want of it: edits of fields, of the shape, of refs and of what depends on what.

    Where it `renumbers`, a ref may go that a dependency still names: the file then follows the task.
    """
    target = walked(start, chance, (f"new{number}" for number in count()), chance.randint(0, 8))
    items = []
    for item in target.items:
        edited = item.kind is Kind.TASK and chance.random() < 0.3
        after = _edited(item, target, chance) if edited else item
        items.append(after if renumbers else after._replace(ref=item.ref))
    return Outline(target.plan._replace(text=chance.choice((start.plan.text, "New title"))), tuple(items))


def _edited(item: Item, plan: Outline, chance: random.Random) -> Item:
    refs = [each.ref for each in plan.tasks() if each.ref and each.key != item.key]
    return item._replace(
        priority=chance.choice(("", "low", "critical", "someday")),
        ref=chance.choice((item.ref, "", f"{chance.randint(1, 9)}.{chance.randint(1, 9)}.1")),
        depends_on=tuple(dict.fromkeys(chance.sample(refs, min(len(refs), chance.randint(0, 2))))),
    )


def reading_of(text: str, folder: Path) -> tuple[TaskMasterFile, Reading]:
    (folder / "tasks.json").write_text(file_of({"master": text}), encoding="utf-8")
    replica = TaskMasterFile(folder / "tasks.json")
    return replica, known(replica.read("master"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tasks")


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_what_is_wanted_is_said_or_told_to_be_left(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    replica, reading = reading_of(drawn(chance), folder)
    target = wanted(reading.document.outline, chance)
    write = replica.prepare(reading, target)
    assert write.document is not None
    assert apply(write.document.outline, write.left) == target
    fields = [change.field for change in write.left if isinstance(change, Changed)]
    assert len(fields) == len(write.left), "only values are left, never a task or its place"
    assert set(fields) - SAYABLE <= {"assignee"}


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_what_is_left_stays_left_and_what_was_said_is_read_again(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    replica, reading = reading_of(drawn(chance), folder)
    target = wanted(reading.document.outline, chance, renumbers=False)
    write = replica.prepare(reading, target)
    assert write.document is not None
    replica.commit(write)
    again = replica.read("master")
    keys = dict(zip([name.own for name in write.document.names], write.document.outline.items, strict=True))
    again = again.rekeyed([keys[name.own].key for name in again.document.names]).recalled(target)
    assert again.document.outline == write.document.outline
    repeated = replica.prepare(again, target)
    assert repeated.changes_nothing
    assert repeated.left == write.left


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_the_tool_can_read_it_and_every_dependency_is_there(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    replica, reading = reading_of(drawn(chance), folder)
    write = replica.prepare(reading, wanted(reading.document.outline, chance))
    assert write.data is not None
    tasks = json.loads(write.data)["tasks"]
    owns = {str(each["id"]) for each in tasks}
    owns |= {f"{each['id']}.{below['id']}" for each in tasks for below in each["subtasks"]}
    for each in tasks:
        assert each["title"].strip()
        assert each["description"].strip()
        assert each["status"] in RAW
        assert each["priority"] in ("low", "medium", "high", "critical")
        for one in (each, *each["subtasks"]):
            assert {str(name) for name in one.get("dependencies", ())} <= owns
            mine = f"{each['id']}.{one['id']}" if one is not each else str(each["id"])
            assert mine not in map(str, one.get("dependencies", ()))


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_a_task_of_which_nothing_is_asked_keeps_its_very_characters(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    text = drawn(chance)
    replica, reading = reading_of(text, folder)
    start = reading.document.outline
    item = chance.choice(start.items or (None,))
    if item is None:
        return
    edited = [each._replace(status="blocked", text="é") if each is item else each for each in start.items]
    write = replica.prepare(reading, Outline(start.plan, tuple(edited)))
    assert write.data is not None
    before, after = lines(text), lines(write.data.decode())
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) <= 2
    assert all(name in old for (old, _), name in zip(changed, ('"title"', '"status"'), strict=False))


def lines(text: str) -> list[str]:
    return text.split("\n")


# ------------------------------------------------------------------------------------ by example


def prepared(folder: Path, target: Outline, text: str) -> tuple[Write, list[Mapping[str, Any]]]:
    replica, reading = reading_of(text, folder)
    write = replica.prepare(reading, target)
    assert write.data is not None
    return write, json.loads(write.data)["tasks"]


def outline_of(folder: Path, text: str) -> Outline:
    return reading_of(text, folder)[1].document.outline


THREE = tag(
    task(1, "One"),
    task(2, "Two", dependencies=[1], subtasks=[{"id": 1, "title": "Below two", "dependencies": ["1"]}]),
    task(3, "Three", dependencies=["1", 2], metadata={"mine": 1}),
)


def test_what_depended_on_a_removed_task_depends_on_it_no_more(folder: Path) -> None:
    start = outline_of(folder, THREE)
    target = apply(start, [Removed(start.items[0], places(start)[start.items[0].key])])
    write, tasks = prepared(folder, target, THREE)
    assert [each["dependencies"] for each in tasks] == [[], [2]]
    assert tasks[0]["subtasks"][0]["dependencies"] == []
    assert {change.field for change in write.left if isinstance(change, Changed)} == {"depends_on"}


def test_a_task_that_becomes_a_subtask_keeps_what_it_says_its_ref_and_who_waits_for_it(folder: Path) -> None:
    start = outline_of(folder, THREE)
    one, three = start.items[0], start.items[3]
    target = Outline(start.plan, (start.items[1], start.items[2], one._replace(parent="id-2"), three))
    write, tasks = prepared(folder, target, THREE)
    assert [each["id"] for each in tasks] == [2, 3]
    moved = tasks[0]["subtasks"][1]
    assert (moved["id"], moved["title"], moved["parentTaskId"]) == (2, "One", 2)
    assert moved["metadata"]["planningSync"] == {"id": one.key, "ref": "1"}
    assert tasks[0]["dependencies"] == ["2.2"]
    assert tasks[1]["dependencies"] == ["2.2", 2]
    assert write.left == ()


def test_a_new_task_carries_our_link_beside_which_all_else_of_the_metadata_stays(folder: Path) -> None:
    start = outline_of(folder, THREE)
    new = Item("n", Kind.TASK, ROOT, "New", "9.9", "todo", depends_on=("3",))
    target = apply(start, [Changed("id-4", "ref", "3", "7.7"), Added(new, Place(ROOT, ""))])
    target = apply(target, [Changed("n", "depends_on", ("3",), ("7.7",))])
    write, tasks = prepared(folder, target, THREE)
    assert tasks[2]["metadata"] == {"mine": 1, "planningSync": {"id": "id-4", "ref": "7.7"}}
    assert tasks[3]["metadata"] == {"planningSync": {"id": "n", "ref": "9.9", "without": ["priority"]}}
    assert tasks[3]["dependencies"] == [3]
    assert write.left == ()


def test_a_plan_with_phases_and_deep_tasks_is_a_list_that_still_knows_them(folder: Path) -> None:
    target = outline(
        """
        p: # Phase
          a: - top
            b: - below
              c: - deep
          q: # Empty phase"""
    )
    replica = TaskMasterFile(folder / "none.json")
    write = replica.prepare_new(target)
    assert write.document is not None
    assert write.document.outline == target
    assert write.data is not None
    (top,) = json.loads(write.data)["tasks"]
    assert [each["title"] for each in top["subtasks"]] == ["below", "deep"]
    replica.commit(write)
    keys = [name.link for name in replica.read("plan").document.names]
    assert keys == ["a", "b", "c"]
    read = replica.read("plan").rekeyed(keys).recalled(target)
    assert read.document.outline == target


def bare(folder: Path, ref: str) -> TaskMasterFile:
    """Two tasks that the hub brought, the second with that ref, on the first of which it depends since."""
    items = (
        Item("a", Kind.TASK, ROOT, "A", "", "todo"),
        Item("b", Kind.TASK, ROOT, "B", ref, "todo"),
    )
    file = folder / f"bare{ref}.json"
    replica = TaskMasterFile(file)
    replica.commit(replica.prepare_new(Outline(Item(ROOT, Kind.PLAN, ROOT, "Plan"), items)))
    tags = json.loads((file).read_text())
    tags["plan"]["tasks"][1]["dependencies"] = [1]
    (file).write_text(json.dumps(tags, indent=2))
    return replica


def linked(replica: TaskMasterFile) -> Reading:
    reading = replica.read("plan")
    return reading.rekeyed([name.link for name in reading.document.names])


def test_a_task_without_a_ref_goes_by_its_number_while_another_depends_on_it(folder: Path) -> None:
    items = linked(bare(folder, "")).document.outline.items
    assert [(item.ref, item.depends_on) for item in items] == [("1", ()), ("", ("1",))]


def test_a_task_that_got_its_number_as_ref_keeps_it_when_the_hub_takes_the_dependency_away(
    folder: Path,
) -> None:
    (folder / "bare.json").unlink()
    reading = linked(replica := bare(folder, ""))
    target = apply(reading.document.outline, [Changed("b", "depends_on", ("1",), ())])
    replica.commit(write := replica.prepare(reading, target))
    assert write.left == ()
    assert [(item.ref, item.depends_on) for item in linked(replica).document.outline.items] == [
        *(("1", ()), ("", ()))
    ]


def test_a_dependency_that_cannot_be_named_stays_where_it_is(folder: Path) -> None:
    replica = bare(folder, "1")
    reading = linked(replica)
    items = reading.document.outline.items
    assert [(item.ref, item.depends_on) for item in items] == [("", ()), ("1", ())]
    assert [finding.code for finding in reading.document.findings] == ["unnamed-dependency"]
    done = [item._replace(status="done") for item in items]
    replica.commit(replica.prepare(reading, Outline(reading.document.outline.plan, tuple(done))))
    assert json.loads((folder / "bare1.json").read_text())["plan"]["tasks"][1]["dependencies"] == [1]


def test_a_dependency_that_closes_a_circle_stays_in_the_hub_and_the_others_are_written(folder: Path) -> None:
    refs = {"1": ("2",), "2": ("3", "4"), "3": ("1",), "4": ("4",)}
    items = tuple(
        Item(ref, Kind.TASK, ROOT, f"Task {ref}", ref, "todo", depends_on=others)
        for ref, others in refs.items()
    )
    replica = TaskMasterFile(folder / "round.json")
    write = replica.prepare_new(Outline(Item(ROOT, Kind.PLAN, ROOT, "Plan"), items))
    replica.commit(write)
    said = {item.ref: item.depends_on for item in replica.read("plan").document.outline.items}
    assert said == {"1": ("2",), "2": ("3", "4"), "3": (), "4": ()}
    assert {(change.key, change.field) for change in write.left if isinstance(change, Changed)} == {
        *(("3", "depends_on"), ("4", "depends_on"))
    }


def test_a_dependency_may_change_its_direction(folder: Path) -> None:
    text = tag(task(1, "A", dependencies=[2]), task(2, "B"))
    replica, reading = reading_of(text, folder)
    start = reading.document.outline
    one, two = (item.key for item in start.items)
    turned = [Changed(two, "depends_on", (), ("1",)), Changed(one, "depends_on", ("2",), ())]
    write = replica.prepare(reading, apply(start, turned))
    assert write.left == ()
    assert write.document is not None
    assert [item.depends_on for item in write.document.outline.items] == [(), ("1",)]


EDGES = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=14, unique=True)


@given(EDGES, EDGES)
def test_what_is_admitted_closes_no_circle_and_whatever_closes_none_is_admitted(
    kept: list[tuple[str, str]], new: list[tuple[str, str]]
) -> None:
    kept = sorted(admitted([], kept))
    found = admitted(kept, new)
    assert found <= set(new)
    assert admitted([], [*kept, *found]) == {*kept, *found}
    assert all(not admitted([*kept, *found], [edge]) for edge in set(new) - found)


def test_text_on_one_line_stays_on_one_line(folder: Path) -> None:
    text = '{"tasks":[{"id":1,"title":"One","status":"pending","subtasks":[]}]}'
    replica, reading = reading_of(text, folder)
    start = reading.document.outline
    new = Item("n", Kind.TASK, start.items[0].key, "New", "", "todo")
    write = replica.prepare(reading, apply(start, [Added(new, Place(start.items[0].key, ""))]))
    assert write.data is not None
    assert b"\n" not in write.data
    assert tasks_of(write.data.decode()).tasks["1.1"].said["title"] == "New"
