"""The bin: what is in it, how it comes back, when it goes for good, and which contents go with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation, Snapshot
from planning_sync.sync import bin as binned
from planning_sync.sync import pruning, restoring, tasks, undo
from planning_sync.sync.errors import NotRestorable
from planning_sync.sync.models import Link
from planning_sync.sync.pruning import Keeping
from plans import services as plans
from plans.models import Phase, Plan, Task
from tests.planning_sync.sync.console import ask, run
from tests.planning_sync.sync.test_undo import DATE, FACTS, LAUNCH, TAG, WRITE, last, state_of
from tests.planning_sync.sync.workbench import Workbench

SHORT = Keeping(bin_days=30, snapshot_days=30, most=5, least=2)


@pytest.fixture(autouse=True)
def _nobody_follows(settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False


@pytest.fixture
def launch(desk: Workbench) -> Workbench:
    desk.write("launch.md", LAUNCH)
    desk.sync()
    return desk


def test_the_bin_lists_the_top_of_what_was_deleted(launch: Workbench) -> None:
    plans.delete(launch.task(FACTS), actor="alice")
    plans.delete(launch.phase("Preparation"), actor="bob")
    found = [(each.text, each.deleted_by, each.below) for each in binned.contents()]
    assert found == [("1 Preparation", "bob", 2), (FACTS, "alice", 0)]


@pytest.mark.parametrize("synced", [True, False])
def test_an_item_comes_back_where_it_stood_with_what_went_with_it(launch: Workbench, synced: bool) -> None:
    before = state_of(launch)
    task = launch.task(WRITE)
    plans.delete(task, actor="alice")
    if synced:
        launch.sync()
    outcome = restoring.restore_from_bin(task.pk, actor="bob")
    assert state_of(launch) == before
    launch.assert_in_step()
    undo.undo(outcome.operation.pk, actor="bob")
    assert not Task.objects.live().filter(text=WRITE).exists()


def test_an_item_comes_back_beside_the_neighbours_that_are_left(launch: Workbench) -> None:
    task = launch.task(DATE)
    plans.delete(task, actor="alice")
    plans.delete(launch.task(WRITE), actor="alice")
    plans.add_task(launch.phase("Preparation"), "A newer task of the phase", actor="alice")
    restoring.restore_from_bin(task.pk, actor="bob")
    assert launch.texts("launch.md") == [DATE, "A newer task of the phase", TAG]


def test_an_item_whose_parent_is_gone_comes_back_above_it(launch: Workbench) -> None:
    facts = launch.task(FACTS)
    plans.delete(facts, actor="alice")
    plans.delete(launch.task(WRITE), actor="alice")
    restoring.restore_from_bin(facts.pk, actor="bob")
    facts.refresh_from_db()
    assert (facts.parent, facts.phase) == (None, launch.phase("Preparation"))
    launch.sync()
    launch.assert_in_step()


def test_a_plan_comes_back_with_its_file(launch: Workbench) -> None:
    before = state_of(launch)
    plan = launch.plan("launch.md")
    plans.delete_plan(plan, actor="alice")
    launch.sync()
    restoring.restore_from_bin(plan.pk, actor="bob")
    assert state_of(launch) == before
    launch.assert_in_step()


def test_what_is_not_in_the_bin_is_told(launch: Workbench) -> None:
    with pytest.raises(NotRestorable):
        restoring.restore_from_bin(launch.task(TAG).pk, actor="bob")
    task = launch.task(TAG)
    plans.delete(task, actor="alice")
    plans.delete_plan(launch.plan("launch.md"), actor="alice")
    with pytest.raises(NotRestorable) as refusal:
        restoring.restore_from_bin(task.pk, actor="bob")
    assert "restore it first" in str(refusal.value)


def test_the_command_lists_the_bin_and_restores(launch: Workbench) -> None:
    assert "empty" in run("bin").out
    task = launch.task(TAG)
    plans.delete(task, actor="alice")
    (listed,) = ask("bin")
    assert (listed["text"], listed["deleted_by"], listed["plan_title"]) == (TAG, "alice", "Launch")
    assert TAG in run("bin", "launch.md").out
    assert ask("restore", listed["id"], "--dry-run")["rows"][0]["change"] == "create"
    ask("restore", listed["id"])
    assert launch.task(TAG).pk == task.pk


# ------------------------------------------------------------------------------------------- pruning


def in_days(days: int) -> Any:
    return timezone.now() + timedelta(days=days)


def test_items_go_for_good_after_the_grace_period_and_not_before(launch: Workbench) -> None:
    plans.delete(launch.phase("Preparation"), actor="alice")
    assert pruning.prune(keeping=SHORT, now=in_days(29)).items == 0
    assert pruning.prune(keeping=SHORT, now=in_days(31)).items == 4
    assert [row.title for row in Phase.objects.all()] == ["Release"]


def test_what_went_later_keeps_what_it_stood_in(launch: Workbench) -> None:
    plans.delete(launch.task(WRITE), actor="alice")
    Task.objects.filter(text=FACTS).update(deleted_at=in_days(20))
    assert pruning.prune(keeping=SHORT, now=in_days(31)).items == 0
    assert pruning.prune(keeping=SHORT, now=in_days(60)).items == 2


def test_an_item_that_went_for_good_comes_back_by_undo_all_the_same(launch: Workbench) -> None:
    before = state_of(launch)
    plans.delete(launch.task(WRITE), actor="alice")
    edit = last()
    launch.sync()
    pruning.prune(keeping=SHORT, now=in_days(31))
    undo.undo(edit, actor="bob")
    assert state_of(launch) == before


def test_plans_go_for_good_unless_a_file_was_unlinked_from_them(launch: Workbench) -> None:
    launch.write("other.md", "# Other\n\n- [ ] One thing that has to be done\n")
    launch.sync()
    undo.undo(last("sync"), actor="bob")
    plans.delete_plan(launch.plan("launch.md"), actor="alice")
    launch.sync()
    assert pruning.prune(keeping=SHORT, now=in_days(31)).plans == 1
    assert [plan.title for plan in Plan.objects.all()] == ["Other"]
    launch.sync()
    assert not Plan.objects.live().exists()


def _edited(desk: Workbench, times: int) -> list[str]:
    """Checksums of the versions of the file, each of its own words."""
    checksums = []
    for number in range(times):
        text = desk.read("launch.md")
        words = next(line for line in text.splitlines() if line.endswith("words."))
        desk.edit("launch.md", words, f"{number} words.")
        desk.sync()
        checksums.append(Link.objects.get().checksum)
    return checksums


def test_contents_are_pruned_by_age_with_the_latest_ones_kept(launch: Workbench) -> None:
    checksums = _edited(launch, 6)
    pruning.prune(keeping=SHORT, now=in_days(31))
    kept = set(Snapshot.objects.values_list("pk", flat=True))
    assert set(checksums[-2:]) <= kept
    assert not set(checksums[:3]) & kept


def test_contents_are_pruned_by_number_even_if_they_are_young(launch: Workbench) -> None:
    checksums = _edited(launch, 8)
    Snapshot.objects.update(created_at=timezone.now() - timedelta(days=2))
    pruning.prune(keeping=SHORT)
    kept = set(Snapshot.objects.values_list("pk", flat=True))
    assert set(checksums[-5:]) <= kept
    assert not set(checksums[:2]) & kept


def test_what_an_undo_needs_is_kept_as_long_as_the_operation_is_young(launch: Workbench) -> None:
    launch.set(TAG, text="Tag the version and publish all packages")
    launch.edit("launch.md", TAG, "Tag the version and announce the packages")
    launch.sync()
    launch.edit("launch.md", "Some words.", "Other words.")
    launch.sync()
    told: dict[str, str | None] = Entry.objects.filter(field="agreement").latest("pk").before or {}
    Snapshot.objects.update(created_at=timezone.now() - timedelta(days=2))
    pruning.prune(keeping=SHORT)
    for checksum in filter(None, told.values()):
        assert audit.snapshot(checksum)
    undo.undo(last("sync"), actor="bob")
    assert "Some words." in launch.read("launch.md")


def test_a_content_kept_again_is_not_pruned_at_the_same_moment(launch: Workbench) -> None:
    checksum = audit.keep_snapshot(b"an old content")
    Snapshot.objects.filter(pk=checksum).update(created_at=timezone.now() - timedelta(days=90))
    audit.keep_snapshot(b"an old content")
    pruning.prune(keeping=SHORT)
    assert audit.snapshot(checksum) == b"an old content"


def test_an_undo_without_the_kept_content_follows_by_lines(launch: Workbench) -> None:
    plans.delete(launch.task(FACTS), actor="alice")
    edit = last()
    launch.sync()
    Snapshot.objects.exclude(pk=Link.objects.get().checksum).delete()
    undo.undo(edit, actor="bob")
    launch.assert_in_step()
    assert FACTS in launch.texts("launch.md")


def test_the_daily_task_prunes(launch: Workbench) -> None:
    assert tasks.prune() == {"plans": 0, "items": 0, "snapshots": 0}
    assert Operation.objects.count() == 1
