"""What a guard refuses is a critical conflict, with decisions of its own: go on, restore, unlink."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audit.models import Entry
from conflicts import services as conflicts
from conflicts.errors import InvalidDecision
from conflicts.models import Conflict
from planning_sync.sync import services
from planning_sync.sync.models import Link
from plans import services as plans
from plans.models import Plan
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db(transaction=True)

HOUSE = "# Moving house\n\nCall the movers first.\n\n" + "".join(
    f"- [ ] Carry the furniture of room number {number}\n" for number in range(30)
)
BOOK = "# Publishing a book\n\n" + "".join(
    f"- [ ] Write down what happens in chapter {number}\n" for number in range(30)
)


@pytest.fixture
def bench(tmp_path: Path, settings: Any) -> Workbench:
    settings.PLANNING_SYNC_FOLLOW = True
    bench = Workbench.at(tmp_path / "plans")
    bench.write("house.md", HOUSE)
    bench.sync()
    return bench


def asked() -> Conflict:
    return Conflict.objects.get(field="guard", state="open")


def decide(take: str) -> Conflict:
    conflict = conflicts.resolve(asked().pk, take=take, actor="bob")
    conflict.refresh_from_db()
    return conflict


@pytest.mark.parametrize(("content", "rule"), [("", "emptied"), (BOOK, "plan_replaced")])
def test_a_refusal_is_one_critical_conflict_however_often_it_is_met(
    bench: Workbench, content: str, rule: str
) -> None:
    bench.write("house.md", content)
    for _ in range(3):
        assert bench.try_sync().status == "refused"
    conflict = asked()
    assert (conflict.rule, conflict.severity, conflict.base_value) == (rule, "critical", {"items": 30})
    assert conflict.replica_value is not None
    assert conflict.replica_value["items"] == 0
    assert "30 items" in conflict.replica_value["reason"]
    assert conflict.path == "house.md"
    assert conflict.replica_changed_at is not None
    assert Entry.objects.filter(action="opened").count() == 1


def test_go_on_does_what_was_refused(bench: Workbench) -> None:
    bench.write("house.md", BOOK)
    bench.try_sync()
    conflict = decide("go_on")
    assert conflict.state == "resolved"
    assert bench.plan("house.md").title == "Publishing a book"
    bench.assert_in_step()


def test_go_on_holds_for_what_was_refused_and_for_nothing_else(bench: Workbench, settings: Any) -> None:
    bench.write("house.md", BOOK)
    bench.try_sync()
    settings.PLANNING_SYNC_FOLLOW = False
    decide("go_on")
    bench.write("house.md", "")
    assert bench.try_sync().status == "refused"
    conflict = asked()
    assert (conflict.rule, conflict.taken, conflict.decided_by) == ("emptied", "", "")
    assert len(bench.texts("house.md")) == 30


def test_restore_gives_the_file_its_last_content_back_byte_for_byte(bench: Workbench) -> None:
    bench.write("house.md", "")
    bench.try_sync()
    assert decide("restore").state == "resolved"
    assert bench.read("house.md") == HOUSE
    bench.assert_in_step()


def test_restore_keeps_what_was_edited_in_the_hub_meanwhile(bench: Workbench, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    bench.write("house.md", "")
    bench.set("Carry the furniture of room number 7", status="done")
    bench.try_sync()
    settings.PLANNING_SYNC_FOLLOW = True
    decide("restore")
    assert bench.read("house.md") == HOUSE.replace(
        "[ ] Carry the furniture of room number 7", "[x] Carry the furniture of room number 7"
    )
    bench.assert_in_step()


def test_restore_of_the_hub_brings_back_what_was_deleted_there(bench: Workbench, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    for number in range(28):
        plans.delete(bench.task(f"Carry the furniture of room number {number}"), actor="alice")
    bench.set("Carry the furniture of room number 29", status="done")
    assert bench.try_sync().status == "refused"
    assert asked().rule == "mass_delete"
    settings.PLANNING_SYNC_FOLLOW = True
    decide("restore")
    assert len(bench.texts("house.md")) == 30
    assert bench.task("Carry the furniture of room number 29").status == "done"
    bench.assert_in_step()


def test_go_on_with_a_mass_deletion_in_the_hub_takes_the_lines_out_of_the_file(
    bench: Workbench, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    for number in range(28):
        plans.delete(bench.task(f"Carry the furniture of room number {number}"), actor="alice")
    bench.try_sync()
    settings.PLANNING_SYNC_FOLLOW = True
    decide("go_on")
    assert bench.read("house.md").count("- [ ]") == 2
    bench.assert_in_step()


def test_unlink_leaves_both_sides_as_they_are_until_they_are_linked_again(bench: Workbench) -> None:
    bench.write("house.md", BOOK)
    bench.try_sync()
    assert decide("unlink").state == "resolved"
    bench.set("Carry the furniture of room number 7", status="done")
    bench.sync()
    assert bench.read("house.md") == BOOK
    assert bench.plan("house.md").title == "Moving house"
    assert Plan.objects.count() == 1
    link = Link.objects.get()
    assert link.released_at is not None
    services.attach(link, actor="bob")
    assert bench.try_sync().status == "refused"


def test_a_refusal_that_passes_closes_its_conflict_by_itself(bench: Workbench) -> None:
    bench.write("house.md", "")
    bench.try_sync()
    conflict = asked()
    bench.write("house.md", HOUSE)
    bench.sync()
    conflict.refresh_from_db()
    assert conflict.state == "closed"
    bench.assert_in_step()


def test_a_guards_refusal_takes_no_side_and_no_value(bench: Workbench) -> None:
    bench.write("house.md", "")
    bench.try_sync()
    for take in ("hub", "replica", "both", "value"):
        with pytest.raises(InvalidDecision):
            conflicts.resolve(asked().pk, take=take, value="x", actor="bob")


# ------------------------------------------------------------------------------------ whole folders


@pytest.fixture
def emptied(bench: Workbench) -> Workbench:
    for number in range(4):
        bench.write(f"{number}.md", f"# Plan {number}\n\n- [ ] Task of plan {number}\n")
    bench.sync()
    for place in bench.folder.glob("*.md"):
        place.unlink()
    assert bench.try_sync().status == "refused"
    assert bench.try_sync().status == "refused"
    assert asked().plan is None
    assert asked().base_value == {"items": 5}
    return bench


def test_go_on_with_an_emptied_folder_puts_its_plans_into_the_bin(emptied: Workbench) -> None:
    assert decide("go_on").state == "resolved"
    assert not Plan.objects.live().exists()


def test_restore_of_an_emptied_folder_brings_every_file_back(emptied: Workbench) -> None:
    assert decide("restore").state == "resolved"
    assert emptied.read("house.md") == HOUSE
    assert len(list(emptied.folder.glob("*.md"))) == 5
    emptied.assert_in_step()


def test_unlink_of_an_emptied_folder_keeps_the_plans_in_the_hub(emptied: Workbench) -> None:
    assert decide("unlink").state == "resolved"
    emptied.sync()
    assert Plan.objects.live().count() == 5
    assert not list(emptied.folder.glob("*.md"))


def test_a_dry_run_of_a_refused_folder_changes_nothing(emptied: Workbench, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    decide("restore")
    emptied.try_sync(dry_run=True)
    assert not list(emptied.folder.glob("*.md"))


def test_a_replaced_plan_is_one_question_even_where_the_hub_edited_its_tasks(
    bench: Workbench, settings: Any
) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    for number in range(20):
        bench.set(f"Carry the furniture of room number {number}", status="done")
    bench.write("house.md", BOOK)
    assert bench.try_sync().status == "refused"
    assert asked().rule == "plan_replaced"
    assert Conflict.objects.count() == 1
    settings.PLANNING_SYNC_FOLLOW = True
    decide("go_on")
    assert Conflict.objects.filter(state="open", field="presence").count() == 20
    assert bench.sync().status == "conflicts"
