from __future__ import annotations

from planning_sync.search import records
from planning_sync.search.models import Record
from plans import services as plans
from tests.planning_sync.sync.workbench import Workbench


def known() -> set[str]:
    return set(Record.objects.exclude(digest="").values_list("text", flat=True))


def test_the_records_follow_the_hub(desk: Workbench) -> None:
    assert records.follow() == 2
    assert {"Launch of v55", "Release", "Make a backup of the database", "Créer un potager"} <= known()
    assert records.follow() == 0
    desk.set("Write the manual", text="Write the handbook")
    plans.delete(desk.task("Water the flowers"), actor="alice")
    assert records.behind().count() == 2
    assert records.follow() == 2
    assert "Write the handbook" in known()
    assert not {"Write the manual", "Water the flowers"} & known()


def test_only_what_changed_is_written(desk: Workbench) -> None:
    records.follow()
    Record.objects.update(words="untouched")
    desk.set("Write the manual", status="done")
    records.follow()
    assert list(Record.objects.exclude(words="untouched").values_list("text", "status")) == [
        ("Write the manual", "done")
    ]


def test_what_leaves_the_hub_is_kept_until_the_index_was_told(desk: Workbench) -> None:
    records.follow()
    Record.objects.filter(text="Water the flowers").update(indexed="told")
    plans.delete_plan(desk.plan("garden.md"), actor="alice")
    records.follow()
    assert list(Record.objects.filter(digest="").values_list("text", flat=True)) == ["Water the flowers"]
    plans.restore_plan(desk.plan("garden.md"), actor="alice")
    records.follow()
    assert {"Garden", "Water the flowers"} <= known()


def test_a_plan_that_joins_another_replica_is_read_again(desk: Workbench) -> None:
    records.follow()
    before = set(Record.objects.values_list("digest", flat=True))
    other = Workbench.at(desk.folder.with_name("other"))
    link = desk.plan("garden.md").links.get()
    link.pk, link.replica = None, other.row
    link.save(force_insert=True)
    assert [plan.title for plan in records.behind()] == ["Garden"]
    records.follow()
    assert len(before - set(Record.objects.values_list("digest", flat=True))) == 4


def test_a_follower_that_was_slow_does_not_win(desk: Workbench) -> None:
    stale = list(records.behind())
    desk.set("Write the manual", text="Write the handbook")
    records.follow()
    records._read(stale)
    assert records.behind().count() == 1
    records.follow()
    assert "Write the handbook" in known()
