"""First link where both sides hold the same work already: nothing is doubled, nothing decided unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audit.models import Entry
from planning_sync.sync import pairing, pairing_act, sides, undo
from planning_sync.sync.errors import InvalidPairing
from planning_sync.sync.models import Link, Unpaired
from planning_sync.sync.pairing import NEW, Proposal
from planning_sync.sync.pairing_act import Linked, Wanted
from plans.models import Plan, Task
from tests.planning_sync.sync.workbench import Workbench

LAUNCH = """# Launch

## Release

- [ ] Tag the version in the repository
- [x] Write the announcement for the press
- [ ] Tell the people of the helpdesk

## Afterwards

- [ ] Look at what people report
- [ ] Write down what went wrong
"""

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ours(tmp_path: Path, settings: Any) -> Workbench:
    """A folder whose plan the hub has."""
    settings.PLANNING_SYNC_FOLLOW = False
    desk = Workbench.at(tmp_path / "ours")
    desk.write("launch.md", LAUNCH)
    desk.sync()
    return desk


@pytest.fixture
def theirs(ours: Workbench, tmp_path: Path) -> Workbench:
    """A second folder, with a copy of it; empty before the test writes there."""
    return Workbench.at(tmp_path / "theirs")


def proposed(desk: Workbench, path: str = "launch.md", **choices: str) -> Proposal:
    plan = Unpaired.objects.get(replica=desk.row, path=path).plan_id
    return pairing.propose(sides.connect(desk.row), path, plan, choices)


def confirm(desk: Workbench, found: Proposal, **more: Any) -> Linked:
    wanted = Wanted(found.path, found.plan.pk, found.fingerprint, **more)
    return pairing_act.link(desk.row, [wanted], actor="alice")


def linked(desk: Workbench, text: str, **more: Any) -> Linked:
    desk.write("launch.md", text)
    assert desk.sync().unpaired == 1
    outcome = confirm(desk, proposed(desk), **more)
    assert not outcome.failed
    return outcome


# ---------------------------------------------------------------------------------------- waiting


def test_a_copy_of_a_plan_of_the_hub_waits_and_is_not_imported(theirs: Workbench) -> None:
    theirs.write("launch.md", LAUNCH)
    for _ in range(2):
        report = theirs.sync()
        assert (report.unpaired, report.changed) == (1, 0)
    assert Plan.objects.count() == 1
    assert Unpaired.objects.get().score == 1.0
    assert theirs.read("launch.md") == LAUNCH


def test_copies_of_one_plan_are_told_apart_by_their_paths(ours: Workbench, theirs: Workbench) -> None:
    ours.write("launch-2.md", LAUNCH)
    ours.sync()
    for path in ("launch.md", "launch-2.md"):
        theirs.write(path, LAUNCH)
    theirs.sync()
    found = dict(Unpaired.objects.values_list("path", "plan_id"))
    assert found == {path: ours.plan(path).pk for path in ("launch.md", "launch-2.md")}


def test_another_plan_is_imported_at_once(theirs: Workbench) -> None:
    theirs.write("garden.md", "# Garden\n\n- [ ] Cut the hedge\n- [ ] Buy seeds for the beds\n")
    assert theirs.sync().unpaired == 0
    assert Plan.objects.count() == 2


def test_a_copy_in_the_same_folder_is_imported_at_once(ours: Workbench) -> None:
    ours.write("launch copy.md", LAUNCH)
    assert ours.sync().unpaired == 0
    assert Plan.objects.count() == 2


def test_a_replica_that_never_asks_imports_its_copy(ours: Workbench, tmp_path: Path) -> None:
    theirs = Workbench.at(tmp_path / "theirs", pairing="off")
    theirs.write("launch.md", LAUNCH)
    assert theirs.sync().unpaired == 0
    assert Plan.objects.count() == 2


def test_a_waiting_plan_whose_file_goes_waits_no_longer(theirs: Workbench) -> None:
    path = theirs.write("launch.md", LAUNCH)
    theirs.sync()
    path.unlink()
    assert theirs.sync().unpaired == 0
    assert not Unpaired.objects.exists()


def test_a_waiting_plan_is_imported_once_the_one_it_is_like_is_in_the_bin(
    ours: Workbench, theirs: Workbench
) -> None:
    from plans import services

    theirs.write("launch.md", LAUNCH)
    theirs.sync()
    services.delete_plan(ours.plan("launch.md"), actor="alice")
    assert theirs.sync().unpaired == 0
    assert theirs.plan("launch.md").title == "Launch"
    assert not Unpaired.objects.exists()


def test_a_plan_taken_as_new_is_imported_beside_the_other(theirs: Workbench) -> None:
    theirs.write("launch.md", LAUNCH)
    theirs.sync()
    report = pairing_act.take_as_new(theirs.row, ["launch.md"], actor="alice")
    assert report is not None
    assert (report.unpaired, report.changed) == (0, 1)
    assert Plan.objects.count() == 2
    theirs.assert_in_step()


def test_a_dry_run_says_that_a_plan_would_wait(theirs: Workbench) -> None:
    theirs.write("launch.md", LAUNCH)
    (preview,) = theirs.sync(dry_run=True).previews
    assert (preview["action"], preview["like"]) == ("wait to be paired", "Launch")
    assert not Unpaired.objects.exists()


# ---------------------------------------------------------------------------------------- linking


def test_a_linked_copy_makes_no_duplicate_and_changes_no_byte(ours: Workbench, theirs: Workbench) -> None:
    outcome = linked(theirs, LAUNCH)
    assert [report.changed for report in outcome.reports] == [0]
    assert Plan.objects.count() == 1
    assert Task.objects.count() == 5
    assert ours.read("launch.md") == theirs.read("launch.md") == LAUNCH
    theirs.assert_in_step()


def test_an_edit_then_reaches_both_folders(ours: Workbench, theirs: Workbench) -> None:
    linked(theirs, LAUNCH)
    theirs.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    theirs.sync()
    assert "- [x] Tag" in ours.read("launch.md")


def test_what_only_one_side_has_goes_to_the_other(ours: Workbench, theirs: Workbench) -> None:
    linked(theirs, LAUNCH.replace("- [ ] Write down what went wrong\n", "- [ ] Thank everybody for it\n"))
    assert "Write down what went wrong" in theirs.read("launch.md")
    assert "Thank everybody for it" in ours.texts("launch.md")
    theirs.assert_in_step()


def test_fields_that_differ_become_conflicts(theirs: Workbench) -> None:
    linked(theirs, LAUNCH.replace("- [ ] Tag", "- [x] Tag"))
    assert theirs.conflicts() == [("status", None, "done", "todo")]
    assert "- [x] Tag" in theirs.read("launch.md")


@pytest.mark.parametrize(("take", "status"), [("hub", "todo"), ("replica", "done")])
def test_a_person_may_say_at_once_which_side_is_right(theirs: Workbench, take: Any, status: str) -> None:
    linked(theirs, LAUNCH.replace("- [ ] Tag", "- [x] Tag"), take=take)
    assert theirs.conflicts() == []
    assert theirs.task("Tag the version in the repository").status == status
    assert ("- [x] Tag" in theirs.read("launch.md")) == (status == "done")
    theirs.assert_in_step()


def test_a_doubtful_pair_is_two_items_until_a_person_says_that_it_is_one(theirs: Workbench) -> None:
    edited = LAUNCH.replace("Look at what people report", "Read all reports of the people")
    theirs.write("launch.md", edited)
    theirs.sync()
    found = proposed(theirs)
    (item,) = found.new_in_hub
    (hub,) = found.new_in_replica
    assert [pair.hub for pair in found.suggestions()[item.key]] == [hub]
    assert not confirm(theirs, found, choices={item.key: hub.key}).failed
    assert [row[0] for row in theirs.conflicts()] == ["text"]
    assert Task.objects.count() == 5


def test_items_that_a_person_calls_two_stay_two_even_if_they_read_the_same(
    ours: Workbench, theirs: Workbench
) -> None:
    theirs.write("launch.md", LAUNCH)
    theirs.sync()
    found = proposed(theirs)
    (item,) = [pair.item for pair in found.pairs if pair.item.text.startswith("Tag")]
    assert not confirm(theirs, found, choices={item.key: NEW}).failed
    assert [text for text in ours.texts("launch.md") if text.startswith("Tag")] == [item.text] * 2
    assert theirs.read("launch.md").count(item.text) == 2
    theirs.sync()
    theirs.assert_in_step()


def test_a_confirmation_of_pairs_that_changed_meanwhile_is_refused(
    ours: Workbench, theirs: Workbench
) -> None:
    theirs.write("launch.md", LAUNCH)
    theirs.sync()
    found = proposed(theirs)
    ours.set("Tag the version in the repository", status="done")
    ((path, reason),) = confirm(theirs, found).failed
    assert path == "launch.md"
    assert "changed since" in reason
    assert not Link.objects.filter(replica=theirs.row).exists()


def test_choices_that_cannot_be_are_refused(theirs: Workbench) -> None:
    theirs.write("launch.md", LAUNCH)
    theirs.sync()
    found = proposed(theirs)
    hub = found.pairs[1].hub.key
    for choices in ({"1": hub}, {"2": hub, "3": hub}, {"99": hub}, {"2": "nobody"}):
        with pytest.raises(InvalidPairing):
            proposed(theirs, **choices)


def test_a_plan_is_linked_to_one_file_of_a_replica_alone(theirs: Workbench) -> None:
    theirs.write("launch.md", LAUNCH)
    theirs.write("again.md", LAUNCH)
    assert theirs.sync().unpaired == 2
    assert not confirm(theirs, proposed(theirs)).failed
    ((_, reason),) = confirm(theirs, proposed(theirs, "again.md")).failed
    assert "linked to launch.md" in reason


def test_the_undo_of_a_link_unlinks_and_leaves_both_as_they_are(theirs: Workbench) -> None:
    outcome = linked(theirs, LAUNCH)
    assert outcome.operation is not None
    assert Entry.objects.filter(operation=outcome.operation).count() == 1
    undo.undo(outcome.operation.pk, actor="alice")
    assert Link.objects.get(replica=theirs.row).released_at is not None
    theirs.edit("launch.md", "- [ ] Tag", "- [x] Tag")
    assert theirs.sync().changed == 0
    assert theirs.task("Tag the version in the repository").status == "todo"
