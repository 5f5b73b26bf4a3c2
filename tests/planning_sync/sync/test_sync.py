from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db.models import Model, QuerySet

import audit.bulk
import audit.services
import planning_sync.replicas.atomic
from audit.models import Entry, Operation
from conflicts import services as conflicts
from conflicts.models import Conflict
from planning_sync.sync import services
from planning_sync.sync.errors import ReplicaExists, UnknownReplica
from planning_sync.sync.models import Intent, Link
from planning_sync.sync.passes import Options
from plans import services as plans
from plans.models import Plan, Task
from tests.planning_sync.sync.policies import policy_for
from tests.planning_sync.sync.workbench import Workbench

PLAN = """# Launch

*Version 1.0 - 2026-03-02 - Progression globale : 0%*

## 1. Preparation

- [ ] **1.1** Write the announcement
  - [ ] **1.1.1** Collect the facts
- [x] **1.2** Choose a date

## 2. Release

- [ ] Tag the version
"""


@pytest.fixture
def launch(desk: Workbench) -> Workbench:
    desk.write("launch.md", PLAN)
    desk.sync()
    return desk


def test_a_folder_of_plans_is_imported_without_a_byte_changed(launch: Workbench) -> None:
    plan = launch.plan("launch.md")
    assert (plan.title, plan.version, plan.date) == ("Launch", "1.0", "2026-03-02")
    assert launch.texts("launch.md") == [
        "Write the announcement",
        "Collect the facts",
        "Choose a date",
        "Tag the version",
    ]
    assert plan.progress == 25
    assert launch.read("launch.md") == PLAN
    launch.assert_in_step()


def test_a_tick_in_the_file_reaches_the_hub(launch: Workbench) -> None:
    task = launch.task("Tag the version")
    launch.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    report = launch.sync()
    task.refresh_from_db()
    assert task.status == "done"
    assert vars(report.tasks) == {"created": 0, "updated": 1, "moved": 0, "deleted": 0}
    launch.assert_in_step()


def test_a_tick_in_the_hub_reaches_the_file_at_once_and_changes_that_line_only(launch: Workbench) -> None:
    launch.set("Tag the version", status="done")
    assert launch.read("launch.md") == PLAN.replace("- [ ] Tag", "- [x] Tag")
    launch.assert_in_step()


def test_edits_of_different_things_on_both_sides_meet(launch: Workbench, settings: object) -> None:
    settings.PLANNING_SYNC_FOLLOW = False  # type: ignore[attr-defined]
    launch.set("Tag the version", status="done")
    launch.set("Collect the facts", text="Collect all facts")
    launch.edit("launch.md", "Choose a date", "Choose the date")
    launch.sync()
    assert launch.read("launch.md") == PLAN.replace("[ ] Tag", "[x] Tag").replace(
        "Collect the facts", "Collect all facts"
    ).replace("Choose a date", "Choose the date")
    assert launch.conflicts() == []
    launch.assert_in_step()


def test_a_task_added_in_the_hub_stands_in_the_file_with_its_id(launch: Workbench) -> None:
    added = plans.add_task(launch.phase("Release"), "Publish it", actor="alice")
    assert launch.read("launch.md") == PLAN + "- [ ] Publish it\n"
    launch.edit("launch.md", "Publish it", "Publish it everywhere")
    launch.sync()
    added.refresh_from_db()
    assert added.text == "Publish it everywhere"


def test_a_task_deleted_in_the_hub_leaves_the_file_with_its_subtasks(launch: Workbench) -> None:
    plans.delete(launch.task("Write the announcement"), actor="alice")
    assert launch.read("launch.md") == PLAN.replace(
        "- [ ] **1.1** Write the announcement\n  - [ ] **1.1.1** Collect the facts\n", ""
    )
    launch.assert_in_step()


def test_a_task_deleted_in_the_file_goes_to_the_bin(launch: Workbench) -> None:
    task = launch.task("Tag the version")
    launch.edit("launch.md", "- [ ] Tag the version\n", "")
    launch.sync()
    task.refresh_from_db()
    assert task.deleted_at is not None
    launch.assert_in_step()


def test_prose_alone_changes_no_row_and_is_remembered(launch: Workbench) -> None:
    revision = launch.plan("launch.md").revision
    launch.edit("launch.md", "## 2. Release\n", "## 2. Release\n\nSome words.\n")
    launch.sync()
    plan = launch.plan("launch.md")
    assert plan.revision == revision
    assert audit.services.snapshot(plan.checksum).decode() == launch.read("launch.md")
    assert Entry.objects.filter(plan_id=plan.pk, field="document", action="changed").exists()


def test_a_clash_keeps_both_values_and_everything_else_goes_on(launch: Workbench, settings: object) -> None:
    settings.PLANNING_SYNC_FOLLOW = False  # type: ignore[attr-defined]
    launch.set("Tag the version", text="Tag the release")
    launch.set("Choose a date", status="todo")
    launch.edit("launch.md", "Tag the version", "Tag version 1.0")
    report = launch.sync()
    assert report.status == "conflicts"
    assert launch.conflicts() == [("text", "Tag the version", "Tag version 1.0", "Tag the release")]
    assert "- [ ] Tag version 1.0" in launch.read("launch.md")
    assert "- [ ] **1.2** Choose a date" in launch.read("launch.md")
    assert "Tag the release" in launch.texts("launch.md")
    again = launch.sync()
    assert (again.opened, again.files_written) == (0, [])


@pytest.mark.parametrize(
    ("take", "value", "expected"),
    [
        ("replica", None, "Tag version 1.0"),
        ("hub", None, "Tag the release"),
        ("value", "Tag release 1.0", "Tag release 1.0"),
    ],
)
def test_a_decision_reaches_both_sides_and_the_conflict_never_comes_back(
    launch: Workbench, settings: object, take: str, value: str | None, expected: str
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False  # type: ignore[attr-defined]
    launch.set("Tag the version", text="Tag the release")
    launch.edit("launch.md", "Tag the version", "Tag version 1.0")
    launch.sync()
    settings.PLANNING_SYNC_FOLLOW = True  # type: ignore[attr-defined]
    conflict = Conflict.objects.get()
    conflicts.resolve(conflict.pk, take=take, value=value, actor="bob")
    conflict.refresh_from_db()
    assert (conflict.state, conflict.decided_by) == ("resolved", "bob")
    assert f"- [ ] {expected}\n" in launch.read("launch.md")
    assert expected in launch.texts("launch.md")
    launch.assert_in_step()
    assert not Conflict.objects.filter(state="open").exists()


def test_a_conflict_closes_itself_when_both_sides_agree(launch: Workbench, settings: object) -> None:
    settings.PLANNING_SYNC_FOLLOW = False  # type: ignore[attr-defined]
    launch.set("Tag the version", text="Tag the release")
    launch.edit("launch.md", "Tag the version", "Tag version 1.0")
    launch.sync()
    launch.edit("launch.md", "Tag version 1.0", "Tag the release")
    report = launch.sync()
    assert (report.closed, report.status) == (1, "in_step")
    assert Conflict.objects.get().state == "closed"


def test_deleted_in_the_file_and_edited_in_the_hub_is_a_conflict(launch: Workbench, settings: object) -> None:
    settings.PLANNING_SYNC_FOLLOW = False  # type: ignore[attr-defined]
    launch.set("Tag the version", status="done")
    launch.edit("launch.md", "- [ ] Tag the version\n", "")
    launch.sync()
    conflict = Conflict.objects.get()
    assert conflict.field == "presence"
    settings.PLANNING_SYNC_FOLLOW = True  # type: ignore[attr-defined]
    conflicts.resolve(conflict.pk, take="hub", actor="bob")
    assert "- [x] Tag the version" in launch.read("launch.md")
    launch.assert_in_step()


def test_a_renamed_file_keeps_its_plan(launch: Workbench) -> None:
    plan = launch.plan("launch.md")
    (launch.folder / "launch.md").rename(launch.folder / "release.md")
    launch.sync()
    assert launch.plan("release.md").pk == plan.pk
    assert Plan.objects.count() == 1


def test_a_file_moved_and_edited_in_one_step_keeps_its_plan_and_tasks(launch: Workbench) -> None:
    task = launch.task("Tag the version")
    (launch.folder / "launch.md").unlink()
    launch.write("done/launch.md", PLAN.replace("- [ ] Tag the", "- [x] Tag the"))
    launch.sync()
    task.refresh_from_db()
    assert task.status == "done"
    assert launch.plan("done/launch.md").pk == task.plan_id


def test_a_deleted_file_puts_its_plan_into_the_bin_and_brings_it_back(launch: Workbench) -> None:
    launch.write("other.md", "# Other\n\n- [ ] one\n")
    launch.sync()
    task = launch.task("Tag the version")
    (launch.folder / "launch.md").unlink()
    launch.sync()
    assert Plan.objects.live().get().title == "Other"
    launch.write("launch.md", PLAN)
    launch.sync()
    assert launch.plan("launch.md").pk == task.plan_id
    assert launch.task("Tag the version").pk == task.pk
    launch.assert_in_step()


def test_a_plan_deleted_in_the_hub_removes_its_file_and_comes_back_with_it(launch: Workbench) -> None:
    plan = launch.plan("launch.md")
    plans.delete_plan(plan, actor="alice")
    assert not (launch.folder / "launch.md").exists()
    plan.refresh_from_db()
    plans.restore_plan(plan, actor="alice")
    assert launch.read("launch.md") == PLAN
    launch.assert_in_step()


def test_a_file_deleted_while_the_hub_was_edited_is_a_conflict_to_decide(
    launch: Workbench, settings: object
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False  # type: ignore[attr-defined]
    launch.write("other.md", "# Other\n\n- [ ] one\n")
    launch.sync()
    launch.set("Tag the version", status="done")
    (launch.folder / "launch.md").unlink()
    report = launch.sync()
    assert report.status == "conflicts"
    assert Plan.objects.live().count() == 2
    settings.PLANNING_SYNC_FOLLOW = True  # type: ignore[attr-defined]
    conflicts.resolve(Conflict.objects.get().pk, take="hub", actor="bob")
    assert launch.read("launch.md") == PLAN.replace("- [ ] Tag", "- [x] Tag")
    launch.assert_in_step()


def test_a_plan_made_in_the_hub_gets_a_file(desk: Workbench) -> None:
    plan = plans.create_plan("Nouvelle idée", actor="alice")
    phase = plans.add_phase(plan, "Début", actor="alice")
    plans.add_task(phase, "Première tâche", actor="alice")
    link = Link.objects.get(plan=plan)
    assert "- [ ] Première tâche" in desk.read(link.path)
    desk.assert_in_step()


def test_pull_leaves_the_files_and_push_leaves_the_hub(launch: Workbench, settings: object) -> None:
    settings.PLANNING_SYNC_FOLLOW = False  # type: ignore[attr-defined]
    launch.set("Tag the version", status="done")
    launch.edit("launch.md", "Choose a date", "Choose the date")
    edited = launch.read("launch.md")
    launch.sync(direction="pull")
    assert launch.read("launch.md") == edited
    assert "Choose the date" in launch.texts("launch.md")
    launch.edit("launch.md", "Collect the facts", "Collect facts")
    launch.sync(direction="push")
    assert "- [x] Tag the version" in launch.read("launch.md")
    assert "Collect the facts" in launch.texts("launch.md")
    launch.sync()
    assert "Collect facts" in launch.texts("launch.md")
    launch.assert_in_step()
    assert launch.conflicts() == []


def test_a_dry_run_writes_nothing_and_tells_everything(
    launch: Workbench, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False  # type: ignore[attr-defined]
    launch.set("Tag the version", status="done")
    launch.edit("launch.md", "Choose a date", "Choose the date")
    launch.write("new.md", "# New\n\n- [ ] one\n")

    def blow_up(*_: object, **__: object) -> None:
        raise AssertionError("a dry run wrote something")

    writers = (
        *((audit.services, name) for name in ("begin", "record", "finish", "keep_snapshot")),
        (audit.bulk, "insert"),
        *((QuerySet, name) for name in ("update", "bulk_create", "delete")),
        *((Model, name) for name in ("save", "delete")),
        *((planning_sync.replicas.atomic, name) for name in ("replace", "create", "remove")),
    )
    with monkeypatch.context() as patched:
        for place, name in writers:
            patched.setattr(place, name, blow_up)
        report = launch.try_sync(dry_run=True)
    assert report.errors == []
    told = {preview["path"]: preview for preview in report.previews}
    assert told["new.md"]["action"] == "import"
    assert told["launch.md"]["lines"] == ["@@ -13 +13 @@", "-- [ ] Tag the version", "+- [x] Tag the version"]
    assert [row["after"] for row in told["launch.md"]["rows"]] == ["Choose the date"]
    assert told["launch.md"]["fingerprint"]


def test_the_wiped_folder_is_refused_until_a_person_says_go_on(launch: Workbench) -> None:
    (launch.folder / "launch.md").unlink()
    report = launch.try_sync()
    assert report.status == "refused"
    assert "empty" in report.refused[0]["reason"]
    assert Plan.objects.live().count() == 1
    launch.sync(allow_mass_delete=True)
    assert Plan.objects.live().count() == 0


def test_a_vanished_folder_is_not_an_empty_one(launch: Workbench) -> None:
    launch.folder.rename(launch.folder.with_name("elsewhere"))
    report = launch.try_sync()
    assert report.status == "failed"
    assert "Mount or restore" in report.errors[0]["error"]
    assert Plan.objects.live().count() == 1


def many(count: int, start: int = 0) -> str:
    return "# Many\n\n" + "".join(
        f"- [ ] item number {number} of the list\n" for number in range(start, count)
    )


def test_a_gutted_plan_is_refused_and_the_others_go_on(launch: Workbench) -> None:
    launch.write("many.md", many(40))
    launch.sync()
    launch.write("many.md", many(40, start=35))
    launch.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    report = launch.try_sync()
    assert [refusal["plan"] for refusal in report.refused] == ["many.md"]
    assert launch.task("Tag the version").status == "done"
    assert len(launch.texts("many.md")) == 40
    assert "35 of 40" in Link.objects.get(path="many.md").problem
    launch.sync(allow_mass_delete=True)
    assert len(launch.texts("many.md")) == 5


def test_an_emptied_file_is_refused_however_small_the_plan(launch: Workbench) -> None:
    launch.write("launch.md", "")
    report = launch.try_sync()
    assert "the file is empty" in report.refused[0]["reason"]
    assert len(launch.texts("launch.md")) == 4


def test_tasks_swallowed_by_a_fence_are_kept_and_marked(launch: Workbench) -> None:
    launch.edit("launch.md", "## 1. Preparation\n", "## 1. Preparation\n\n```bash\nmake\n")
    launch.sync()
    assert {task.text for task in Task.objects.filter(unreachable=True)} == set(launch.texts("launch.md"))
    launch.edit("launch.md", "make\n", "make\n```\n")
    launch.sync()
    assert not Task.objects.filter(unreachable=True).exists()
    assert len(launch.texts("launch.md")) == 4
    launch.assert_in_step()


def test_what_the_hub_says_of_a_swallowed_task_reaches_the_file_later(launch: Workbench) -> None:
    launch.edit("launch.md", "## 1. Preparation\n", "## 1. Preparation\n\n```bash\nmake\n")
    launch.sync()
    launch.set("Tag the version", status="done")
    launch.edit("launch.md", "make\n", "make\n```\n")
    launch.sync()
    assert "- [x] Tag the version" in launch.read("launch.md")
    launch.assert_in_step()


def test_one_bad_file_does_not_stop_the_others(launch: Workbench) -> None:
    launch.write("picture.md", bytes(range(256)) * 40)
    launch.write("good.md", "# Good\n\n- [ ] one\n")
    report = launch.try_sync()
    assert [failure["plan"] for failure in report.errors] == ["picture.md"]
    assert "is not text" in report.errors[0]["error"]
    assert launch.plan("good.md").title == "Good"


def test_a_link_out_of_the_folder_is_never_followed(launch: Workbench, tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("# Secret\n\n- [ ] mine\n")
    (launch.folder / "link.md").symlink_to(outside)
    report = launch.try_sync()
    assert [failure["plan"] for failure in report.errors] == ["link.md"]
    assert Plan.objects.count() == 1


@pytest.mark.parametrize("name", ['quote\'s "plan".md', "two\nlines.md", "caf\udce9.md"])
def test_odd_file_names_sync_both_ways(launch: Workbench, name: str) -> None:
    place = Path(os.fsdecode(os.fsencode(launch.folder))) / name
    place.write_text("# Odd\n\n- [ ] odd task\n")
    launch.sync()
    launch.set("odd task", status="done")
    assert place.read_text() == "# Odd\n\n- [x] odd task\n"


def test_a_sync_without_changes_records_no_operation(launch: Workbench) -> None:
    before = Operation.objects.count()
    launch.sync()
    launch.sync()
    assert Operation.objects.count() == before
    assert not Intent.objects.exists()


def test_a_replica_is_added_once_and_found_by_name_or_path(launch: Workbench) -> None:
    with pytest.raises(ReplicaExists, match="replica already"):
        services.add_replica(launch.folder, actor="alice")
    assert services.replica_named("plans") == services.replica_named(str(launch.folder)) == launch.row
    with pytest.raises(UnknownReplica, match="Known: plans"):
        services.replica_named("nowhere")


def test_one_path_is_synced_by_itself(launch: Workbench) -> None:
    launch.write("other.md", "# Other\n\n- [ ] one\n")
    launch.sync()
    launch.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    report = services.sync_path(launch.row, "launch.md", Options(actor="alice"))
    assert report.seen == 1
    assert launch.task("Tag the version").status == "done"


def test_an_owned_field_never_clashes(tmp_path: Path, transactional_db: None, settings: object) -> None:
    settings.PLANNING_SYNC_FOLLOW = False  # type: ignore[attr-defined]
    desk = Workbench.at(tmp_path / "plans")
    policy_for(desk.row.pk, owners={"text": "hub"})
    desk.write("launch.md", PLAN)
    desk.sync()
    desk.edit("launch.md", "Tag the version", "Tag version 1.0")
    desk.sync()
    assert desk.read("launch.md") == PLAN
    assert Entry.objects.filter(action="overruled").count() == 1
    assert desk.conflicts() == []


def test_a_dry_run_tells_of_the_conflict_that_the_sync_would_open(
    launch: Workbench, settings: object
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False  # type: ignore[attr-defined]
    launch.set("Tag the version", text="Tag the release")
    launch.edit("launch.md", "Tag the version", "Tag version 1.0")
    report = launch.sync(dry_run=True)
    assert (report.status, report.opened, report.open) == ("conflicts", 1, 1)
    assert launch.sync().status == "conflicts"
    again = launch.sync(dry_run=True)
    assert (again.status, again.opened, again.open) == ("conflicts", 0, 1)


def test_a_dry_run_of_a_first_import_counts_the_plans_it_would_bring(desk: Workbench) -> None:
    desk.write("launch.md", PLAN)
    report = desk.sync(dry_run=True)
    assert (report.changed, report.tasks.created) == (1, 4)


def test_another_plan_at_the_path_of_a_deleted_one_is_another_plan(launch: Workbench) -> None:
    launch.write("other.md", "# Other\n\n- [ ] one\n")
    launch.sync()
    first = launch.plan("launch.md")
    (launch.folder / "launch.md").unlink()
    launch.sync()
    launch.write("launch.md", "# Garden\n\n- [ ] Sow the peas\n- [ ] Water the beans\n")
    launch.sync()
    assert launch.plan("launch.md").pk != first.pk
    assert launch.texts("launch.md") == ["Sow the peas", "Water the beans"]
    first.refresh_from_db()
    assert first.deleted_at is not None
    launch.assert_in_step()


def test_a_doubtful_pair_is_a_new_task_and_is_reported_with_its_line(desk: Workbench) -> None:
    text = (
        "# List\n\n## All\n\n- [ ] first of the list\n- [ ] {}\n- [ ] {}\n- [ ] {}\n- [ ] last of the list\n"
    )
    desk.write("list.md", text.format("Tag the version", "Ask", "Sell"))
    desk.sync()
    known = desk.task("Tag the version").pk
    desk.write("list.md", text.format("Tag version 1.0", "Foo bar", "Look"))
    desk.sync()
    assert desk.task("Tag version 1.0").pk != known
    (found,) = [each for each in Link.objects.get().findings if each["code"] == "doubtful"]
    assert found["line"] == 6
    assert "'Tag the version'" in found["message"]
    assert desk.read("list.md").splitlines()[found["line"] - 1] == "- [ ] Tag version 1.0"


def test_a_decision_that_was_never_applied_is_not_called_resolved(
    launch: Workbench, settings: object
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False  # type: ignore[attr-defined]
    launch.write("other.md", "# Other\n\n- [ ] one\n")
    launch.sync()
    launch.set("Tag the version", text="Tag the release")
    launch.edit("launch.md", "Tag the version", "Tag version 1.0")
    launch.sync()
    conflict = Conflict.objects.get()
    conflicts.resolve(conflict.pk, take="value", value="Tag it", actor="bob")
    (launch.folder / "launch.md").unlink()
    launch.sync()
    conflicts.resolve(Conflict.objects.get(state="open", field="presence").pk, take="replica", actor="bob")
    launch.sync()
    conflict.refresh_from_db()
    assert conflict.state == "closed"
