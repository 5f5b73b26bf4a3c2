from __future__ import annotations

import itertools
import random
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

from audit import services as audit
from audit.models import Operation
from audit.transactions import write_transaction
from plans import services, storage
from plans.models import Phase, Plan, Task
from plans.outline import ROOT, Item, Kind, Outline
from tests.outlines import outline, walked

pytestmark = pytest.mark.django_db


def keys() -> itertools.chain[str]:
    return itertools.chain(UUID(int=number, version=4).hex for number in range(1, 1_000_000))


def admitted(said: Outline) -> Plan:
    with write_transaction():
        return services.admit(said, operation=audit.begin(Operation.Kind.IMPORT, actor="alice"))


def saved(plan: Plan, after: Outline) -> Outline:
    with write_transaction():
        storage.save(plan, storage.load(plan), after, at=timezone.now())
    plan.refresh_from_db()
    return storage.load(plan).outline


EMPTY = Outline(Item(ROOT, Kind.PLAN, ROOT, "Plan"))


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_saved_is_loaded_again(seed: int) -> None:
    chance, names = random.Random(seed), keys()
    current = walked(EMPTY, chance, names, 30)
    plan = admitted(current)
    assert storage.load(plan).outline == current
    for _ in range(6):
        current = walked(current, chance, names, chance.choice((1, 2, 20)))
        assert saved(plan, current) == current


@pytest.mark.parametrize("progress", ["", "0", "0.1", "7.25", "33.33", "50", "99.99", "100"])
def test_every_field_is_loaded_as_it_was_saved(progress: str) -> None:
    names = keys()
    phase, task, below = next(names), next(names), next(names)
    said = Outline(
        Item(ROOT, Kind.PLAN, ROOT, "Plan", "", "done", progress, version="1.2", date="May 2026"),
        (
            Item(phase, Kind.PHASE, ROOT, "Phase", "1", "blocked", progress),
            Item(
                *(task, Kind.TASK, phase, 'Täsk "quoted"', "1.1", "in_progress", "", "high", "bob"),
                *("2026-05-31", ("ops", "é", '"'), "3d", ("1.0", "task-004")),
            ),
            Item(below, Kind.TASK, task, "plain", status="todo"),
        ),
    )
    plan = Plan.objects.get(pk=admitted(said).pk)
    assert storage.load(plan).outline == said


def test_an_insertion_changes_no_other_row() -> None:
    names = keys()
    first, second, new = next(names), next(names), next(names)
    plan = admitted(outline(f"{first}: - one\n{second}: - two"))
    before = dict(Task.objects.values_list("pk", "position"))
    saved(plan, outline(f"{first}: - one\n{new}: - between\n{second}: - two"))
    after = dict(Task.objects.values_list("pk", "position"))
    assert {pk: after[pk] for pk in before} == before


def test_many_insertions_at_one_place_find_room_again() -> None:
    names = keys()
    listed = [next(names), next(names)]
    plan = admitted(outline("\n".join(f"{name}: - {name}" for name in listed)))
    for _ in range(25):
        listed.insert(1, next(names))
        wanted = outline("\n".join(f"{name}: - {name}" for name in listed))
        assert saved(plan, wanted) == wanted


def test_a_removed_item_is_in_the_bin_and_comes_back_as_the_same_row() -> None:
    names = keys()
    kept, removed = next(names), next(names)
    both = outline(f"{kept}: - kept\n{removed}: - removed")
    plan = admitted(both)
    saved(plan, outline(f"{kept}: - kept"))
    assert Task.objects.get(pk=UUID(removed)).deleted_at is not None
    assert saved(plan, both) == both
    assert Task.objects.get(pk=UUID(removed)).deleted_at is None


def test_progress_counts_every_task_below_and_leaves_cancelled_ones_out() -> None:
    names = keys()
    phase, one, two, three = (next(names) for _ in range(4))
    said = outline(f"{phase}: # phase\n  {one}: - one\n    {two}: - two\n  {three}: - three")
    status = {one: "done", two: "todo", three: "cancelled"}
    items = tuple(item._replace(status=status.get(item.key, "")) for item in said.items)
    plan = admitted(Outline(said.plan, items))
    assert plan.progress == Decimal(50)
    assert Phase.objects.get().progress == Decimal(50)
    assert (plan.task_count, plan.phase_count, plan.done_count) == (3, 1, 1)


def test_completion_is_dated_when_a_task_is_done_and_cleared_when_it_is_not() -> None:
    names = keys()
    one = next(names)
    said = outline(f"{one}: - one")
    plan = admitted(said)
    done = Outline(said.plan, (said.items[0]._replace(status="done"),))
    saved(plan, done)
    assert Task.objects.get().completed_at is not None
    saved(plan, said)
    assert Task.objects.get().completed_at is None


def test_a_task_knows_the_phase_it_stands_in_at_any_depth() -> None:
    names = keys()
    phase, one, two = (next(names) for _ in range(3))
    admitted(outline(f"{phase}: # phase\n  {one}: - one\n    {two}: - two"))
    deep = Task.objects.get(pk=UUID(two))
    assert (deep.phase_id, deep.parent_id) == (UUID(phase), UUID(one))
