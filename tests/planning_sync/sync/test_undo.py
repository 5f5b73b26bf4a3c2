"""Undo of every kind of operation, over the hub and the files it reached."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import Entry, Operation
from conflicts import services as conflicts
from conflicts.models import Conflict
from planning_sync.replicas import atomic
from planning_sync.replicas.errors import ReplicaMissing
from planning_sync.sync import reopening, services, undo
from planning_sync.sync.errors import AlreadyUndone, DependentWork, NothingToUndo, PreviewStale
from planning_sync.sync.models import Link
from plans import services as plans
from plans.models import Plan
from tests.planning_sync.sync.workbench import Workbench

LAUNCH = """# Launch

Some words.

## 1. Preparation

- [ ] **1.1** Write the announcement of the launch

  Two paragraphs of prose below it,
  which nobody reads.
  - [ ] Collect the facts and the figures for it
- [x] **1.2** Choose a date that suits everybody

## 2. Release

- [ ] Tag the version and publish the packages
"""
WRITE = "Write the announcement of the launch"
FACTS = "Collect the facts and the figures for it"
DATE = "Choose a date that suits everybody"
TAG = "Tag the version and publish the packages"


@pytest.fixture(autouse=True)
def _nobody_follows(settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False


@pytest.fixture
def launch(desk: Workbench) -> Workbench:
    desk.write("launch.md", LAUNCH)
    desk.sync()
    return desk


def last(kind: str = "") -> UUID:
    rows = Operation.objects.order_by("-started_at")
    newest = rows.filter(kind=kind).first() if kind else rows.first()
    assert newest is not None
    return newest.pk


def state_of(desk: Workbench) -> Any:
    return (desk.read("launch.md"), desk.outline("launch.md"))


def take_back(operation_id: UUID, **options: Any) -> undo.Outcome:
    """Preview and undo, which must agree, with nothing failed."""
    shown = undo.preview(operation_id, with_dependents=options.get("with_dependents", False))
    outcome = undo.undo(operation_id, actor="bob", fingerprint=shown.fingerprint, **options)
    assert not outcome.failed, outcome
    return outcome


def test_an_edit_of_the_hub_is_undone_before_any_sync(launch: Workbench) -> None:
    before = state_of(launch)
    launch.set(TAG, status="done")
    take_back(last())
    assert state_of(launch) == before
    launch.assert_in_step()


def test_an_edit_of_the_hub_is_undone_in_the_file_that_followed_it(launch: Workbench) -> None:
    before = state_of(launch)
    launch.set(TAG, status="done", priority="high")
    edit = last()
    launch.sync()
    take_back(edit)
    assert state_of(launch) == before
    launch.assert_in_step()


def test_a_deletion_in_the_hub_is_undone_with_the_prose_that_went_with_it(launch: Workbench) -> None:
    before = state_of(launch)
    plans.delete(launch.task(WRITE), actor="alice")
    edit = last()
    launch.sync()
    assert "Two paragraphs" not in launch.read("launch.md")
    take_back(edit)
    assert state_of(launch) == before
    launch.assert_in_step()


def test_a_sync_that_took_in_an_edit_of_the_file_is_undone_on_both_sides(launch: Workbench) -> None:
    before = state_of(launch)
    launch.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    launch.edit("launch.md", "Some words.", "Other words.")
    launch.sync()
    after = state_of(launch)
    outcome = take_back(last("sync"))
    assert state_of(launch) == before
    launch.assert_in_step()
    take_back(outcome.operation.pk)
    assert state_of(launch) == after
    launch.assert_in_step()


def test_newer_work_elsewhere_survives_an_undo(launch: Workbench) -> None:
    launch.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    launch.sync()
    first = last("sync")
    launch.set(FACTS, status="done")
    launch.edit("launch.md", "Some words.", "Newer words.")
    launch.sync()
    take_back(first)
    expected = LAUNCH.replace("- [ ] Collect", "- [x] Collect").replace("Some words.", "Newer words.")
    assert launch.read("launch.md") == expected
    launch.assert_in_step()


def test_newer_work_on_the_same_field_is_named_and_nothing_changes(launch: Workbench) -> None:
    launch.set(TAG, text="Tag it")
    first = last()
    launch.set("Tag it", text="Tag them")
    second = last()
    launch.sync()
    before = state_of(launch)
    with pytest.raises(DependentWork) as refusal:
        undo.undo(first, actor="bob")
    assert [each.operation.pk for each in refusal.value.dependents] == [second]
    assert state_of(launch) == before


def test_dependent_work_is_undone_as_well_if_asked_for(launch: Workbench) -> None:
    before = state_of(launch)
    launch.set(TAG, text="Tag it")
    first = last()
    launch.set("Tag it", text="Tag them")
    launch.sync()
    outcome = take_back(first, with_dependents=True)
    assert len(outcome.undoes) == 2
    assert state_of(launch) == before
    launch.assert_in_step()


def test_an_undo_twice_is_refused(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    outcome = take_back(edit)
    with pytest.raises(AlreadyUndone) as refusal:
        undo.undo(edit, actor="bob")
    assert refusal.value.by == outcome.operation.pk


def test_what_an_undo_brought_back_can_be_undone_again(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    launch.sync()
    done = state_of(launch)
    first = take_back(edit)
    second = take_back(first.operation.pk)
    assert state_of(launch) == done
    with pytest.raises(AlreadyUndone):
        undo.undo(first.operation.pk, actor="bob")
    take_back(edit)
    assert launch.read("launch.md") == LAUNCH
    assert second.operation.kind == "undo"


def test_an_import_is_undone_by_unlinking_the_file(launch: Workbench) -> None:
    before = state_of(launch)
    outcome = take_back(last("sync"))
    assert not Plan.objects.live().exists()
    launch.sync()
    assert not Plan.objects.live().exists()
    assert launch.read("launch.md") == LAUNCH
    take_back(outcome.operation.pk)
    assert state_of(launch) == before
    launch.assert_in_step()


def test_an_import_with_newer_work_is_not_undone_alone(launch: Workbench) -> None:
    imported = last("sync")
    launch.set(TAG, status="done")
    with pytest.raises(DependentWork):
        undo.undo(imported, actor="bob")
    take_back(imported, with_dependents=True)
    assert not Plan.objects.live().exists()


def test_an_export_is_undone_by_deleting_the_untouched_file(desk: Workbench) -> None:
    plan = plans.create_plan("Made here", actor="alice")
    plans.add_task(plan, "A first task of it", actor="alice")
    desk.sync()
    written = desk.read("Made here.md") if (desk.folder / "Made here.md").exists() else None
    (path,) = [place.name for place in desk.folder.iterdir() if place.suffix == ".md"]
    written = desk.read(path)
    outcome = take_back(last("sync"))
    assert not (desk.folder / path).exists()
    assert Plan.objects.live().count() == 1
    desk.sync()
    assert not (desk.folder / path).exists()
    take_back(outcome.operation.pk)
    assert desk.read(path) == written
    desk.assert_in_step()


def test_a_plan_that_went_with_its_file_comes_back_byte_for_byte(launch: Workbench) -> None:
    launch.write("other.md", "# Other\n\n- [ ] One thing that has to be done\n")
    launch.sync()
    before = state_of(launch)
    (launch.folder / "launch.md").unlink()
    launch.sync()
    take_back(last("sync"))
    assert state_of(launch) == before
    launch.assert_in_step()


def test_a_plan_deleted_in_the_hub_comes_back_byte_for_byte(launch: Workbench) -> None:
    before = state_of(launch)
    plans.delete_plan(launch.plan("launch.md"), actor="alice")
    edit = last()
    launch.sync()
    assert not (launch.folder / "launch.md").exists()
    take_back(edit)
    assert state_of(launch) == before
    launch.assert_in_step()


def test_a_mere_write_is_not_undone_without_the_edits_it_carried(launch: Workbench) -> None:
    before = state_of(launch)
    launch.set(TAG, status="done")
    edit = last()
    launch.sync()
    with pytest.raises(DependentWork) as refusal:
        undo.undo(last("sync"), actor="bob")
    assert [each.operation.pk for each in refusal.value.dependents] == [edit]
    take_back(last("sync"), with_dependents=True)
    assert state_of(launch) == before
    launch.assert_in_step()


def test_a_repair_is_undone_with_the_sync_that_took_it_in(desk: Workbench) -> None:
    garbled = (
        "# Tâches à faire\n\n- [ ] Créer le plan de la capitainerie\n".encode().decode("cp1252").encode()
    )
    desk.write("launch.md", garbled)
    desk.sync()
    before = state_of(desk)
    services.repair_encoding(Link.objects.get(), actor="alice")
    assert state_of(desk) != before
    take_back(last("repair"))
    assert state_of(desk) == before
    desk.assert_in_step()


def test_a_preview_goes_stale_when_the_plan_moves_on(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    shown = undo.preview(edit)
    launch.set(FACTS, status="done")
    with pytest.raises(PreviewStale):
        undo.undo(edit, actor="bob", fingerprint=shown.fingerprint)


def clash(desk: Workbench) -> Conflict:
    desk.set(TAG, text="Tag the version and publish all packages")
    desk.edit("launch.md", TAG, "Tag the version and announce the packages")
    desk.sync()
    return Conflict.objects.get()


def test_a_decision_that_no_sync_has_applied_is_open_again(launch: Workbench) -> None:
    conflict = clash(launch)
    conflicts.resolve(conflict.pk, take="hub", actor="alice")
    take_back(last("resolve"))
    conflict.refresh_from_db()
    assert (conflict.state, conflict.taken, conflict.decision) == ("open", "", None)


@pytest.mark.parametrize("take", ["hub", "replica"])
def test_an_applied_decision_is_open_again_with_both_values(launch: Workbench, take: str) -> None:
    conflict = clash(launch)
    before = state_of(launch)
    conflicts.resolve(conflict.pk, take=take, actor="alice")
    launch.sync()
    after = state_of(launch)
    conflict.refresh_from_db()
    assert conflict.state == "resolved"
    outcome = take_back(last("resolve"))
    assert state_of(launch) == before
    for _ in range(2):
        assert launch.sync().files_written == []
        assert state_of(launch) == before
        conflict.refresh_from_db()
        assert (conflict.state, conflict.base_value) == ("open", TAG)
        assert Conflict.objects.count() == 1
    take_back(outcome.operation.pk)
    assert state_of(launch) == after
    conflict.refresh_from_db()
    assert conflict.state == "resolved"
    launch.assert_in_step()


@pytest.mark.parametrize("take", ["hub", "replica"])
def test_a_decision_applied_among_other_work_is_open_again_alone(launch: Workbench, take: str) -> None:
    conflict = clash(launch)
    both = (
        launch.task("Tag the version and publish all packages").text,
        "Tag the version and announce the packages",
    )
    conflicts.resolve(conflict.pk, take=take, actor="alice")
    launch.edit("launch.md", "- [ ] Collect", "- [x] Collect")
    launch.sync()
    take_back(last("resolve"))
    assert both[0] in launch.texts("launch.md")
    assert f"- [ ] {both[1]}" in launch.read("launch.md")
    assert "- [x] Collect" in launch.read("launch.md")
    assert launch.task(FACTS).status == "done"
    for _ in range(2):
        assert launch.sync().files_written == []
        conflict.refresh_from_db()
        assert (conflict.state, conflict.base_value) == ("open", TAG)


def test_postponing_and_assigning_are_undone(launch: Workbench, django_user_model: Any) -> None:
    conflict = clash(launch)
    carol = django_user_model.objects.create_user("carol")
    conflicts.assign([conflict.pk], to=carol, actor="alice")
    first = last("resolve")
    conflicts.postpone([conflict.pk], until=timezone.now(), actor="alice")
    conflicts.assign([conflict.pk], to=None, actor="alice")
    outcome = take_back(last("resolve"))
    conflict.refresh_from_db()
    assert conflict.assigned_to == carol
    take_back(outcome.operation.pk)
    conflict.refresh_from_db()
    assert conflict.assigned_to is None
    take_back(first)
    conflict.refresh_from_db()
    assert (conflict.assigned_to, conflict.state) == (None, "open")
    assert conflict.postponed_until is not None


def test_an_operation_that_did_nothing_is_told_so(launch: Workbench) -> None:
    launch.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    launch.sync()
    first = last("sync")
    launch.edit("launch.md", "- [x] Tag", "- [ ] Tag")
    launch.sync()
    with pytest.raises((NothingToUndo, DependentWork)):
        undo.undo(first, actor="bob")


def clash_twice(desk: Workbench) -> list[Conflict]:
    desk.set(TAG, text="Tag the version and publish all packages")
    desk.set(FACTS, text="Collect the facts and all figures for it")
    desk.edit("launch.md", TAG, "Tag the version and announce the packages")
    desk.edit("launch.md", FACTS, "Collect the facts and some figures for it")
    desk.sync()
    return list(Conflict.objects.order_by("item_label"))


def test_one_decision_of_many_is_open_again_and_the_others_stand(launch: Workbench) -> None:
    first, second = clash_twice(launch)
    conflicts.resolve_many([first.pk, second.pk], take="hub", actor="alice")
    launch.sync()
    reopening.reopen(first.pk, actor="bob")
    for _ in range(2):
        assert launch.sync().files_written == []
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.state, first.base_value) == ("open", FACTS)
        assert second.state == "resolved"
    assert "Collect the facts and all figures for it" in launch.texts("launch.md")
    assert "Collect the facts and some figures for it" in launch.read("launch.md")
    assert "Tag the version and publish all packages" in launch.read("launch.md")


def test_a_bulk_decision_is_undone_as_a_whole(launch: Workbench) -> None:
    found = clash_twice(launch)
    before = state_of(launch)
    conflicts.resolve_many([row.pk for row in found], take="replica", actor="alice")
    launch.sync()
    take_back(last("resolve"))
    assert state_of(launch) == before
    assert launch.sync().files_written == []
    assert {row.state for row in Conflict.objects.all()} == {"open"}


def test_a_value_that_moved_on_is_not_reopened(launch: Workbench) -> None:
    first, second = clash_twice(launch)
    conflicts.resolve_many([first.pk, second.pk], take="hub", actor="alice")
    launch.sync()
    launch.set("Collect the facts and all figures for it", text="Collect nothing")
    with pytest.raises(DependentWork):
        reopening.reopen(first.pk, actor="bob")


def test_what_a_strategy_settled_is_put_before_a_person(launch: Workbench) -> None:
    launch.set(FACTS, text="Collect all the facts and the figures for it")
    launch.edit("launch.md", FACTS, "Collect the facts and the figures for it today")
    launch.sync()
    entry = Entry.objects.get(action="decided")
    assert "Collect all the facts and the figures for it today" in launch.texts("launch.md")
    reopening.reinstate(entry.pk, actor="bob")
    for _ in range(2):
        assert launch.sync().files_written == []
        conflict = Conflict.objects.get()
        assert (conflict.state, conflict.rule, conflict.base_value) == ("open", "reopened", FACTS)
    assert "Collect all the facts and the figures for it" in launch.texts("launch.md")
    assert "Collect the facts and the figures for it today\n" in launch.read("launch.md")
    conflicts.resolve(conflict.pk, take="replica", actor="bob")
    launch.sync()
    launch.assert_in_step()


# ------------------------------------------------------------------------------------ other people


def test_a_file_edited_since_its_last_sync_keeps_that_edit(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    launch.sync()
    launch.edit("launch.md", "Some words.", "Other words.")
    take_back_unseen(edit)
    assert launch.read("launch.md") == LAUNCH.replace("Some words.", "Other words.")
    launch.assert_in_step()


def take_back_unseen(operation_id: UUID) -> undo.Outcome:
    outcome = undo.undo(operation_id, actor="bob")
    assert not outcome.failed, outcome
    return outcome


def test_a_file_saved_in_the_middle_of_an_undo_keeps_that_edit(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    launch.sync()

    def meddle(name: str) -> None:
        if name == "decided" and "Other" not in launch.read("launch.md"):
            launch.edit("launch.md", "Some words.", "Other words.")

    with mock.patch.object(atomic, "checkpoint", meddle):
        outcome = take_back_unseen(edit)
    assert "merged by the next sync" in outcome.plans[0].reason
    launch.sync()
    assert launch.read("launch.md") == LAUNCH.replace("Some words.", "Other words.")
    launch.assert_in_step()


def test_an_undo_that_cannot_write_the_file_is_finished_by_the_next_sync(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    launch.sync()

    def fail(name: str) -> None:
        if name == "temp-written":
            raise OSError(errno.ENOSPC, "no space left on device")

    with mock.patch.object(atomic, "checkpoint", fail):
        outcome = take_back_unseen(edit)
    assert "could not be written" in outcome.plans[0].reason
    launch.sync()
    assert launch.read("launch.md") == LAUNCH
    launch.assert_in_step()


def test_two_undos_of_one_operation_at_the_same_instant_do_it_once(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    launch.sync()

    def undo_in_a_thread(_: int) -> str:
        try:
            return undo.undo(edit, actor="bob").operation.kind
        except AlreadyUndone:
            return "already undone"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(undo_in_a_thread, range(2)))
    assert "undo" in told
    assert launch.read("launch.md") == LAUNCH
    entries = Entry.objects.filter(operation__kind="undo", action="changed", field="status")
    assert entries.count() == 1
    launch.assert_in_step()


def test_a_replica_that_is_away_stops_the_undo_before_anything_changed(launch: Workbench) -> None:
    launch.set(TAG, status="done")
    edit = last()
    launch.sync()
    launch.folder.rename(launch.folder.with_name("away"))
    with pytest.raises(ReplicaMissing):
        undo.undo(edit, actor="bob")
    assert launch.task(TAG).status == "done"
    assert not Operation.objects.filter(kind="undo").exists()


def test_a_renamed_file_keeps_its_present_name(launch: Workbench) -> None:
    (launch.folder / "launch.md").rename(launch.folder / "moved.md")
    launch.edit("moved.md", "- [ ] Tag", "- [x] Tag")
    launch.sync()
    shown = undo.preview(last("sync"))
    assert shown.plans[0].remarks == ["The file keeps its present name, moved.md."]
    take_back(last("sync"))
    assert launch.read("moved.md") == LAUNCH
    launch.assert_in_step()


def test_an_undo_reaches_every_plan_of_the_operation(launch: Workbench) -> None:
    launch.write("other.md", "# Other\n\n- [ ] One thing that has to be done\n")
    launch.sync()
    launch.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    launch.edit("other.md", "- [ ] One", "- [x] One")
    launch.sync()
    outcome = take_back(last("sync"))
    assert len(outcome.plans) == 2
    assert launch.read("launch.md") == LAUNCH
    assert "- [ ] One" in launch.read("other.md")
    launch.assert_in_step()


def test_a_followed_edit_is_undone_while_everybody_follows(launch: Workbench, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = True
    plans.delete(launch.task(WRITE), actor="alice")
    edit = last("edit")
    assert "Two paragraphs" not in launch.read("launch.md")
    take_back(edit)
    assert launch.read("launch.md") == LAUNCH
    launch.assert_in_step()
