"""A project of Task Master and the hub follow each other, and nothing is lost between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from conflicts import services as conflicts
from conflicts.models import Conflict
from planning_sync.replicas import atomic
from planning_sync.replicas.taskmaster import TaskMasterFile
from planning_sync.sync import services, undo
from planning_sync.sync.errors import LinkExists
from planning_sync.sync.models import Intent, Link
from planning_sync.sync.passes import Options
from plans import services as plans
from plans.models import Phase, Plan, Task
from plans.outline import Status
from tests.planning_sync.replicas.taskmaster_world import task
from tests.planning_sync.sync.project import Project
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db(transaction=True)

BELOW = [{"id": 1, "title": "Ask", "status": "deferred"}, {"id": 2, "title": "Note", "status": "done"}]
TASKS = (
    task(1, "Audit", "review", subtasks=BELOW, odd={"kept": [1]}),
    task(2, "Build", dependencies=[1]),
    task(3, "Ship", "blocked", dependencies=["2"], metadata={"mine": True}),
)


@pytest.fixture
def project(tmp_path: Path, settings: Any) -> Project:
    """Nothing happens between the two but by the syncs of the test."""
    settings.PLANNING_SYNC_FOLLOW = False
    project = Project.at(tmp_path / "shop", *TASKS)
    project.sync()
    return project


def test_an_import_changes_no_byte_and_a_second_sync_does_nothing(project: Project) -> None:
    assert [item.text for item in project.outline().items] == ["Audit", "Ask", "Note", "Build", "Ship"]
    project.assert_in_step()


def test_edits_of_both_sides_are_merged_and_each_line_but_theirs_stays(project: Project) -> None:
    before = project.text()
    project.set("Build", status="in_progress")
    project.set_raw("Audit", status="done", title="Audit it all")
    after_tool = project.text()
    project.sync()
    assert project.hub("Audit it all").status == Status.DONE
    assert project.text() == after_tool.replace('"status": "pending"', '"status": "in-progress"')
    assert before.count("\n") == project.text().count("\n")
    project.assert_in_step()


def test_a_raw_status_that_means_the_same_comes_back_from_no_side(project: Project) -> None:
    project.set("Audit", text="Audit again")
    project.set("Ask", text="Ask again")
    project.sync()
    assert (project.task("Audit again")["status"], project.task("Ask again")["status"]) == (
        "review",
        "deferred",
    )


def test_a_task_keeps_its_id_whatever_the_tool_makes_of_its_title(project: Project) -> None:
    known = project.hub("Build").pk
    project.set_raw("Build", title="Paint the shed in another colour")
    project.sync()
    assert project.hub("Paint the shed in another colour").pk == known


def test_a_task_that_takes_the_number_of_one_we_brought_is_another_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TaskMasterFile, "overwritten_within_seconds", 0.0)
    plans.add_task(project.plan(), "Ours", actor="alice")
    project.sync()
    number = project.task("Ours")["id"]
    project.change(lambda tags: tags["master"]["tasks"].remove(project.task("Ours")))
    project.change(lambda tags: tags["master"]["tasks"].append(task(number, "Something else")))
    project.sync()
    assert not Task.objects.live().filter(text="Ours").exists()
    assert project.hub("Something else").ref == str(number)


def test_a_task_of_ours_keeps_its_id_under_another_number_and_title(project: Project) -> None:
    made = plans.add_task(project.plan(), "Ours", actor="alice")
    project.sync()
    project.set_raw("Ours", id=77, title="Quite another name for it")
    project.sync()
    assert project.hub("Quite another name for it").pk == made.pk
    project.assert_in_step()


def test_what_the_tool_cannot_say_stays_in_the_hub(project: Project) -> None:
    project.set("Build", assignee="carol", estimate="2d")
    project.sync()
    project.set_raw("Build", status="done")
    project.sync()
    found = project.hub("Build")
    assert (found.assignee, found.estimate, found.status) == ("carol", "2d", Status.DONE)
    assert Conflict.objects.count() == 0
    project.assert_in_step()


def test_an_edit_of_the_same_field_on_both_sides_is_a_conflict_that_stops_nothing(project: Project) -> None:
    project.set("Build", status="done")
    project.set("Ship", status="done")
    project.set_raw("Build", status="cancelled")
    project.sync()
    (row,) = Conflict.objects.filter(state="open")
    assert (row.base_value, row.replica_value, row.hub_value) == ("todo", "cancelled", "done")
    assert project.task("Ship")["status"] == "done"
    assert project.task("Build")["status"] == "cancelled"


def test_a_decision_reaches_both_sides_and_the_conflict_does_not_come_back(project: Project) -> None:
    project.set("Build", status="done")
    project.set_raw("Build", status="cancelled")
    project.sync()
    (row,) = Conflict.objects.filter(state="open")
    conflicts.resolve(row.pk, take="hub", actor="alice")
    project.sync()
    assert (project.task("Build")["status"], project.hub("Build").status) == ("done", Status.DONE)
    project.assert_in_step()
    assert not Conflict.objects.filter(state="open").exists()


def test_a_dry_run_names_the_lines_and_writes_nothing(project: Project) -> None:
    text = project.text()
    project.set("Build", status="done")
    (told,) = project.sync(dry_run=True).previews
    assert told["lines"][1:] == ['-        "status": "pending",', '+        "status": "done",']
    assert project.text() == text


def test_a_tag_that_lost_most_of_its_tasks_is_refused(project: Project) -> None:
    many = [task(number, f"Task {number}") for number in range(1, 31)]
    project.change(lambda tags: tags.update(big={"tasks": many}))
    project.sync()
    project.change(lambda tags: tags["big"].update(tasks=many[:2]))
    report = project.try_sync()
    assert "28 of 30 items would be deleted" in report.refused[0]["reason"]
    assert Task.objects.live().filter(plan__title="big").count() == 30


def test_an_undo_gives_both_sides_back_what_they_had(project: Project) -> None:
    before = project.text()
    project.set_raw("Build", status="done")
    report = project.sync()
    undo.undo(UUID(report.operation), actor="alice")
    assert project.hub("Build").status == Status.TODO
    assert project.text() == before
    project.assert_in_step()


def test_a_write_that_died_is_finished_or_merged_and_makes_nothing_twice(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the write, before it was noted; then the tool goes on with the file."""

    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        if name == "written":
            raise Killed

    plans.add_task(project.plan(), "Ours", actor="alice")
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "checkpoint", die)
        with pytest.raises(Killed):
            project.sync()
    assert Intent.objects.count() == 1
    project.set_raw("Ours", title="Ours, said otherwise")
    project.sync()
    assert [item.text for item in project.outline().items].count("Ours") == 1
    assert Task.objects.live().count() == 6
    (row,) = Conflict.objects.filter(state="open")
    assert (row.field, row.replica_value, row.hub_value) == ("text", "Ours, said otherwise", "Ours")
    project.assert_in_step()


def test_a_program_that_puts_back_what_it_had_read_before_our_write_takes_nothing_back(
    project: Project,
) -> None:
    plans.add_task(project.plan(), "Ours", actor="alice")
    project.set("Ship", status="done")
    old = project.text()
    project.sync()
    project.set("Audit", text="Audit, they said")
    project.sync()
    project.file.write_text(old, encoding="utf-8")
    project.set_raw("Build", status="in-progress", updatedAt="2026-01-01T00:00:00Z")
    project.sync()
    assert project.hub("Build").status == Status.IN_PROGRESS
    assert (project.hub("Ship").status, project.hub("Audit, they said").ref) == (Status.DONE, "1")
    assert project.task("Ship")["status"] == "done"
    assert project.task("Ours")["status"] == "pending"
    assert project.task("Audit, they said")["status"] == "review"
    project.assert_in_step()


def test_who_takes_our_edit_back_with_the_tool_means_it(project: Project) -> None:
    project.set("Build", status="done")
    project.sync()
    project.set_raw("Build", status="pending", updatedAt="2026-01-01T00:00:00Z")
    project.sync()
    assert project.hub("Build").status == Status.TODO


def test_a_tag_that_goes_by_another_name_is_the_same_plan(project: Project) -> None:
    known = project.plan().pk
    project.change(lambda tags: tags.update(feature=tags.pop("master")))
    project.sync()
    assert project.plan("feature").pk == known


def test_all_tags_gone_is_refused_and_one_of_several_is_a_deletion(project: Project) -> None:
    project.change(lambda tags: tags.update(other={"tasks": [task(1, "Sweep the yard")]}))
    project.sync()
    project.change(lambda tags: tags.pop("other"))
    project.sync()
    assert Plan.objects.exclude(deleted_at=None).get().title == "other"
    project.file.write_text("{}", encoding="utf-8")
    report = project.try_sync()
    assert "the replica is empty" in report.refused[0]["reason"]
    assert Plan.objects.live().count() == 1


def test_a_malformed_file_stops_its_own_replica_alone_and_is_never_written(project: Project) -> None:
    text = project.text()
    project.set("Build", status="done")
    project.file.write_text(text[:-40], encoding="utf-8")
    report = project.try_sync()
    assert "line " in report.errors[0]["error"]
    assert project.text() == text[:-40]
    project.file.write_text(text, encoding="utf-8")
    project.sync()
    assert project.task("Build")["status"] == "done"


# ------------------------------------------------------------------------------ a plan in three places


@pytest.fixture
def desk(tmp_path: Path) -> Workbench:
    desk = Workbench.at(tmp_path / "notes")
    desk.write(
        "launch.md",
        "# Launch\n\nWhy we do it.\n\n## Audit\n\n- [ ] **1.1** List the modules\n  - [x] Ask around\n"
        "    - [ ] Ask again\n\n## Build\n\nProse.\n\n- [ ] Paint\n\n## Later\n\nNothing yet.\n",
    )
    desk.sync()
    return desk


def sent(desk: Workbench, tmp_path: Path) -> Project:
    project = Project.at(tmp_path / "shop", task(1, "Something else"))
    project.sync()
    report = services.send_plan(desk.plan("launch.md"), project.row, actor="alice")
    assert report.files_written == ["launch"]
    return project


def all_in_step(desk: Workbench, project: Project) -> None:
    for _ in range(2):
        desk.sync()
        project.sync()
    before = (desk.read("launch.md"), project.text())
    assert desk.sync().files_written == []
    assert project.sync().files_written == []
    assert (desk.read("launch.md"), project.text()) == before


def test_markdown_the_hub_and_task_master_follow_one_another(desk: Workbench, tmp_path: Path) -> None:
    project = sent(desk, tmp_path)
    text = desk.read("launch.md")
    all_in_step(desk, project)
    assert desk.read("launch.md") == text
    project.set_raw("Ask again", status="done")
    project.sync()
    assert desk.read("launch.md") == (text := text.replace("- [ ] Ask again", "- [x] Ask again"))
    desk.edit("launch.md", "[ ] Paint", "[x] Paint the door")
    desk.sync()
    assert project.task("Paint the door", "launch")["status"] == "done"
    desk.set("List the modules", status="in_progress")
    all_in_step(desk, project)
    assert project.task("List the modules", "launch")["status"] == "in-progress"
    assert "- [~] **1.1** List the modules" in desk.read("launch.md")
    assert Conflict.objects.count() == 0


def test_phases_stay_whatever_task_master_does_with_their_tasks(desk: Workbench, tmp_path: Path) -> None:
    project = sent(desk, tmp_path)
    project.change(lambda tags: tags["launch"]["tasks"].pop())
    project.change(lambda tags: tags["launch"]["tasks"].append(task(9, "From the tool")))
    project.sync()
    text = desk.read("launch.md")
    assert "## Build\n\nProse.\n" in text
    assert "Paint" not in text
    assert "From the tool" in text
    assert list(Phase.objects.live().values_list("title", flat=True)) == ["Audit", "Build", "Later"]
    all_in_step(desk, project)


def test_a_new_phase_and_a_move_into_it_are_no_news_for_task_master(desk: Workbench, tmp_path: Path) -> None:
    project = sent(desk, tmp_path)
    before = project.text()
    desk.edit("launch.md", "## Later\n", "## Soon\n\n- [ ] Paint\n\n## Later\n")
    desk.edit("launch.md", "Prose.\n\n- [ ] Paint\n\n", "Prose.\n\n")
    desk.sync()
    assert project.text() == before
    all_in_step(desk, project)
    project.change(lambda tags: tags["launch"]["tasks"].pop())
    project.sync()
    assert "Paint" not in desk.read("launch.md")
    assert Conflict.objects.count() == 0


def test_a_dependency_on_a_task_without_a_ref_reaches_markdown(desk: Workbench, tmp_path: Path) -> None:
    project = sent(desk, tmp_path)
    number = str(project.task("Paint", "launch")["id"])
    project.set_raw("List the modules", dependencies=[int(number)])
    project.sync()
    assert (project.hub("Paint").ref, project.hub("List the modules").depends_on) == (number, [number])
    assert f"- [ ] **{number}** Paint" in desk.read("launch.md")
    project.set("List the modules", depends_on=())
    all_in_step(desk, project)
    assert project.task("List the modules", "launch")["dependencies"] == []
    assert project.hub("Paint").ref == number, "a ref once given stays"
    assert Conflict.objects.count() == 0


def test_a_plan_is_sent_once(desk: Workbench, tmp_path: Path) -> None:
    project = sent(desk, tmp_path)
    with pytest.raises(LinkExists, match="launch"):
        services.send_plan(desk.plan("launch.md"), project.row, actor="alice")


def test_a_plan_deleted_in_the_hub_leaves_both_places_and_comes_back_to_both(
    desk: Workbench, tmp_path: Path
) -> None:
    project = sent(desk, tmp_path)
    text, tags = desk.read("launch.md"), project.tags()
    plan = desk.plan("launch.md")
    plans.delete_plan(plan, actor="alice")
    all_of: dict[str, Any] = {"actor": "alice", "settle_seconds": 0.0}
    for row in (desk.row, project.row):
        services.sync_replica(row, Options(**all_of))
    assert not (desk.folder / "launch.md").exists()
    assert "launch" not in project.tags()
    plans.restore_plan(plan, actor="alice")
    for row in (desk.row, project.row):
        services.sync_replica(row, Options(**all_of))
    assert desk.read("launch.md") == text
    assert project.tags() == tags
    assert Link.objects.filter(plan=plan, gone_at=None).count() == 2
