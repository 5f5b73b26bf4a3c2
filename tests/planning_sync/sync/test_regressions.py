"""What the survival tests found, each as small as it could be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audit.models import Operation
from conflicts import services as conflicts
from conflicts.models import Conflict
from planning_sync.sync import acting, exchange
from planning_sync.sync.models import Intent, Link
from plans import services as plans
from plans.models import Plan, Task
from tests.planning_sync.sync.workbench import Workbench

PLAN = """# Garden

## Beds

- [ ] Dig over the bed by the wall
- [ ] Sow the beans in two rows

## Trees

- [ ] Prune the apple tree in the corner
"""


@pytest.fixture
def garden(desk: Workbench, settings: Any) -> Workbench:
    settings.PLANNING_SYNC_FOLLOW = False
    desk.write("garden.md", PLAN)
    desk.write("other.md", "# Other\n\n- [ ] Something else\n")
    desk.sync()
    return desk


def delete_file_and_edit_hub(desk: Workbench) -> None:
    desk.set("Sow the beans in two rows", status="done")
    (desk.folder / "garden.md").unlink()
    desk.sync()
    assert [field for field, *_ in desk.conflicts()] == ["presence"]


def test_an_open_conflict_over_a_whole_plan_is_not_recorded_anew_by_each_pass(garden: Workbench) -> None:
    delete_file_and_edit_hub(garden)
    before = Operation.objects.count()
    garden.sync()
    garden.sync()
    assert Operation.objects.count() == before


def test_a_conflict_over_a_whole_plan_closes_itself_when_the_file_is_back(garden: Workbench) -> None:
    delete_file_and_edit_hub(garden)
    garden.write("garden.md", PLAN)
    garden.sync()
    assert garden.conflicts() == []
    assert "- [x] Sow the beans" in garden.read("garden.md")
    garden.assert_in_step()


def test_a_conflict_over_a_whole_plan_closes_itself_when_both_sides_let_it_go(garden: Workbench) -> None:
    delete_file_and_edit_hub(garden)
    plans.delete_plan(Plan.objects.get(title="Garden"), actor="bob")
    garden.sync()
    assert garden.conflicts() == []
    assert Plan.objects.live().count() == 1


def test_what_the_file_cannot_say_does_not_make_its_deletion_a_conflict(garden: Workbench) -> None:
    garden.write("garden.md", "# Garden\n\n1. [ ] Dig\n")
    garden.sync()
    task = garden.task("Dig")
    plans.set_fields(task, {"status": "blocked", "text": "Dig  `twice` #due:2026-01-01 [x]"}, actor="bob")
    garden.sync()
    garden.sync()
    held = Link.objects.get(path="garden.md").held is not None
    (garden.folder / "garden.md").unlink()
    garden.sync()
    assert garden.conflicts() == []
    assert not Plan.objects.live().filter(title="Garden").exists(), held


@pytest.mark.parametrize("direction", ["push", "pull"])
@pytest.mark.parametrize(
    ("take", "value", "expected"),
    [
        ("hub", None, "Sow the peas in two rows"),
        ("replica", None, "Sow the onions in two rows"),
        ("value", "Sow nothing at all this year", "Sow nothing at all this year"),
    ],
)
def test_a_decision_applied_in_one_direction_first_never_comes_back_as_a_conflict(
    garden: Workbench, direction: str, take: str, value: str | None, expected: str
) -> None:
    garden.set("Sow the beans in two rows", text="Sow the peas in two rows")
    garden.edit("garden.md", "beans in two rows", "onions in two rows")
    garden.sync()
    conflicts.resolve(Conflict.objects.get().pk, take=take, value=value, actor="bob")
    garden.sync(direction=direction)
    garden.sync()
    assert garden.conflicts() == []
    assert f"- [ ] {expected}\n" in garden.read("garden.md")
    assert garden.task(expected).text
    garden.assert_in_step()


def test_a_plan_deleted_in_the_hub_does_not_take_edits_with_it_that_only_a_push_has_seen(
    garden: Workbench,
) -> None:
    garden.edit("garden.md", "Dig over the bed", "Dig over the long bed")
    garden.sync(direction="push")
    plans.delete_plan(garden.plan("garden.md"), actor="bob")
    garden.sync()
    assert "Dig over the long bed" in garden.read("garden.md")
    assert [field for field, *_ in garden.conflicts()] == ["presence"]
    conflicts.resolve(Conflict.objects.get().pk, take="replica", actor="bob")
    garden.sync()
    assert garden.task("Dig over the long bed by the wall").text
    garden.assert_in_step()


SWALLOWED = PLAN.replace("- [ ] Sow", "```\n- [ ] Sow")


def test_a_phase_deleted_in_the_hub_does_not_take_swallowed_lines_of_other_phases_with_it(
    garden: Workbench,
) -> None:
    garden.write("garden.md", SWALLOWED)
    garden.sync()
    plans.delete(garden.phase("Beds"), actor="bob")
    garden.sync()
    garden.sync()
    assert "Prune the apple tree in the corner" in garden.read("garden.md")
    assert garden.task("Prune the apple tree in the corner").unreachable
    garden.edit("garden.md", "```\n", "")
    garden.sync()
    assert garden.read("garden.md") == "# Garden\n\n## Trees\n\n- [ ] Prune the apple tree in the corner\n"
    garden.assert_in_step()


def test_a_swallowed_task_that_was_deleted_with_its_lines_can_be_written_anew(garden: Workbench) -> None:
    garden.write("garden.md", SWALLOWED)
    garden.sync()
    for title in ("Beds", "Trees"):
        plans.delete(garden.phase(title), actor="bob")
    garden.sync()
    assert "Prune" not in garden.read("garden.md")
    garden.write("garden.md", garden.read("garden.md") + "\n- [ ] Prune the apple tree in the corner\n")
    garden.sync()
    assert garden.task("Prune the apple tree in the corner").text
    assert "Prune the apple tree" in garden.read("garden.md")
    garden.assert_in_step()


def test_a_new_plans_file_that_someone_else_made_meanwhile_is_left_to_them(
    garden: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker that was to write it died before, and its file's name was taken when the next one tried."""
    plan = plans.create_plan("Pond", actor="bob")
    plans.add_task(plan, "Dig the pond behind the house", actor="bob")

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(acting, "carry_out", die)
        with pytest.raises(Killed):
            garden.try_sync()
    path = Intent.objects.get().link.path
    garden.write(path, "# Someone's pond\n\n- [ ] Buy three fish\n")
    garden.sync()
    garden.sync()
    assert garden.read(path) == "# Someone's pond\n\n- [ ] Buy three fish\n"
    assert garden.task("Buy three fish").plan.title == "Someone's pond"
    assert Link.objects.get(plan=plan).path != path
    garden.assert_in_step()
    assert Task.objects.live().filter(text="Dig the pond behind the house").count() == 1


def test_a_push_leaves_a_plan_in_the_bin_whose_file_is_back(garden: Workbench) -> None:
    (garden.folder / "garden.md").unlink()
    garden.sync()
    garden.write("garden.md", PLAN)
    garden.sync(direction="push")
    assert not Plan.objects.live().filter(title="Garden").exists()
    assert garden.read("garden.md") == PLAN
    garden.sync()
    assert Plan.objects.live().filter(title="Garden").exists()
    garden.assert_in_step()


def test_a_one_way_pull_remembers_what_it_owes_the_file(garden: Workbench) -> None:
    """Nothing moved in the hub, so that its revision alone does not tell."""
    garden.set("Sow the beans in two rows", text="Sow the peas in two rows")
    garden.edit("garden.md", "beans in two rows", "onions in two rows")
    garden.sync()
    conflicts.resolve(Conflict.objects.get().pk, take="hub", actor="bob")
    garden.sync(direction="pull")
    assert "onions" in garden.read("garden.md")
    garden.sync()
    assert "peas" in garden.read("garden.md")


def test_a_plan_deleted_in_the_hub_while_it_is_synced_is_looked_at_again(
    garden: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    garden.edit("garden.md", "- [ ] Dig", "- [x] Dig")
    judge, plan = exchange.judge, garden.plan("garden.md")

    def meddle(*world: Any, **options: Any) -> Any:
        verdict = judge(*world, **options)
        if Plan.objects.live().filter(pk=plan.pk).exists():
            plans.delete_plan(plan, actor="bob")
        return verdict

    monkeypatch.setattr(exchange, "judge", meddle)
    garden.sync()
    assert [field for field, *_ in garden.conflicts()] == ["presence"]
    assert "- [x] Dig" in garden.read("garden.md")


@pytest.mark.django_db(transaction=True)
def test_a_plan_renamed_to_where_a_similar_one_was_deleted_is_the_renamed_one(
    tmp_path: Path, settings: Any
) -> None:
    """Found by the state machine: the one in the bin came back, and the renamed one went there."""
    settings.PLANNING_SYNC_FOLLOW = False
    bench = Workbench.at(tmp_path / "plans")
    bench.write("old.md", "# Move\n\n- [ ] Pack the boxes\n- [ ] Call the movers\n- [ ] Clean the flat\n")
    bench.sync()
    (bench.folder / "old.md").unlink()
    bench.sync(allow_mass_delete=True)
    bench.write("new.md", "# Move\n\n- [ ] Pack the boxes\n- [ ] Call the movers\n- [ ] Hand over the keys\n")
    bench.sync()
    plan = bench.plan("new.md")
    plans.set_fields(plan, {"text": "Our move"}, actor="alice")
    bench.edit("new.md", "# Move", "# The move")
    bench.sync()
    conflict = Conflict.objects.get(state="open")
    conflicts.resolve(conflict.pk, take="value", value="The great move", actor="alice")
    (bench.folder / "new.md").rename(bench.folder / "old.md")
    bench.sync()
    assert bench.plan("old.md") == plan
    assert bench.read("old.md").startswith("# The great move\n")
    conflict.refresh_from_db()
    assert conflict.state == "resolved"
    bench.assert_in_step()


@pytest.mark.django_db(transaction=True)
def test_a_plan_from_the_bin_that_is_back_as_it_was_is_that_plan(tmp_path: Path, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    bench = Workbench.at(tmp_path / "plans")
    old = "# Move\n\n- [ ] Pack the boxes\n- [ ] Call the movers\n- [ ] Clean the flat\n"
    bench.write("old.md", old)
    bench.sync()
    plan = bench.plan("old.md")
    (bench.folder / "old.md").unlink()
    bench.sync(allow_mass_delete=True)
    bench.write("new.md", old.replace("Clean the flat", "Hand over the keys"))
    bench.sync()
    (bench.folder / "new.md").unlink()
    bench.write("old.md", old)
    bench.sync(allow_mass_delete=True)
    assert bench.plan("old.md") == plan
    assert plan.__class__.objects.get(pk=plan.pk).deleted_at is None


@pytest.mark.django_db(transaction=True)
def test_a_decision_waits_while_its_plan_is_in_conflict_as_a_whole(tmp_path: Path, settings: Any) -> None:
    settings.PLANNING_SYNC_FOLLOW = False
    bench = Workbench.at(tmp_path / "plans")
    text = "# Move\n\n- [ ] Pack the boxes\n- [ ] Call the movers\n"
    bench.write("plan.md", text)
    bench.sync()
    bench.set("Pack the boxes", status="done")
    bench.edit("plan.md", "- [ ] Pack", "- [~] Pack")
    bench.sync()
    conflict = Conflict.objects.get(state="open")
    conflicts.resolve(conflict.pk, take="value", value="blocked", actor="alice")
    bench.set("Call the movers", status="done")
    (bench.folder / "plan.md").unlink()
    bench.sync(allow_mass_delete=True)
    assert Conflict.objects.get(state="open").field == "presence"
    conflict.refresh_from_db()
    assert conflict.state == "decided"
    bench.write("plan.md", text.replace("[ ] Pack", "[~] Pack"))
    bench.sync()
    conflict.refresh_from_db()
    assert conflict.state == "resolved"
    assert bench.task("Pack the boxes").status == "blocked"
    bench.assert_in_step()
