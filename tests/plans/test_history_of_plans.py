"""Every outline there ever was comes back from the log."""

from __future__ import annotations

import random
from contextlib import suppress
from itertools import count
from uuid import UUID

import pytest
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from plans import history, storage
from plans import services as plans
from plans.errors import BeyondHistory, BrokenHistory, PlansError
from plans.history import put_back
from plans.models import Phase, Plan, Task
from plans.outline import ROOT, Item, Kind, Outline
from tests.outlines import walked


def edit(plan: Plan, rng: random.Random, number: int) -> None:
    rows: list[Phase | Task] = [*Phase.objects.live()]
    rows += Task.objects.live()
    row = rng.choice(rows) if rows else None
    match rng.randrange(8):
        case 0:
            plans.add_phase(row if isinstance(row, Phase) else plan, f"Phase {number}", actor="alice")
        case 1 | 2:
            plans.add_task(row or plan, f"Task {number}", actor="alice", first=rng.random() < 0.5)
        case 3 if row:
            plans.set_fields(row, {"text": f"Words {number}"}, actor="alice")
        case 4 if isinstance(row, Task):
            plans.set_fields(
                row, {"tags": "api,docs", "due": "2026-05-31", "priority": "high"}, actor="alice"
            )
        case 5 if row:
            plans.delete(row, actor="alice")
        case 6 if row:
            plans.move(row, parent=rng.choice(rows), after=None, actor="alice")
        case _:
            plans.set_fields(plan, {"text": f"Title {number}", "progress": "7.5"}, actor="alice")


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(15))
def test_the_outline_after_every_operation_comes_back(seed: int) -> None:
    rng = random.Random(seed)
    plan = plans.create_plan("Garden", actor="alice")
    known: dict[UUID, Outline] = {}
    for number in range(40):
        plan.refresh_from_db()
        for pk in set(Operation.objects.values_list("pk", flat=True)) - known.keys():
            known[pk] = storage.load(plan).outline
        with suppress(PlansError):
            edit(plan, rng, number)
    plan.refresh_from_db()
    for pk, outline in known.items():
        moment = history.moment_of(plan, operation_id=pk)
        assert history.outline_at(plan, after_entry=moment) == outline
    steps = history.steps_of(plan, known.keys())
    assert [step.after for step in steps] == [known[step.operation_id] for step in steps]
    assert steps[-1].before is None
    assert history.outline_at(plan, after_entry=0) is None
    assert [version.operation for version in history.versions(plan)][-1] == steps[-1].operation_id


@pytest.mark.django_db
def test_a_log_that_does_not_fit_the_rows_is_told() -> None:
    plan = plans.create_plan("Garden", actor="alice")
    plans.add_task(plan, "Dig", actor="alice")
    operation = audit.begin(Operation.Kind.EDIT, actor="alice")
    stranger = Note(Entry.Action.CHANGED, plan.pk, Kind.TASK, plan.pk, "text", "Sow", "Dig")
    audit.record(operation, [stranger])
    plan.refresh_from_db()
    moment = history.moment_of(plan, operation_id=Operation.objects.earliest("started_at").pk)
    with pytest.raises(BrokenHistory):
        history.outline_at(plan, after_entry=moment)


@pytest.mark.django_db
def test_a_time_before_the_log_begins_is_told() -> None:
    plan = Plan.objects.create(title="Garden", created_at=timezone.now(), modified_at=timezone.now())
    plans.add_task(plan, "Dig", actor="alice")
    plan.refresh_from_db()
    with pytest.raises(BeyondHistory):
        history.outline_at(plan, after_entry=0)


@pytest.mark.parametrize("seed", range(40))
def test_what_was_taken_out_is_put_back_where_it_stood(seed: int) -> None:
    rng = random.Random(seed)
    start = Outline(Item(ROOT, Kind.PLAN, ROOT, "Garden"))
    whole = walked(start, rng, (f"key-{number}" for number in count()), 40)
    for item in whole.items:
        gone = {below.key for below in whole.subtree(item.key)}
        left = Outline(whole.plan, tuple(each for each in whole.items if each.key not in gone))
        assert put_back(left, whole, gone) == whole


def test_an_item_is_put_back_after_the_neighbour_that_is_left() -> None:
    plan = Item(ROOT, Kind.PLAN, ROOT, "Garden")
    dig, sow, water, reap = (Item(text, Kind.TASK, ROOT, text) for text in ("dig", "sow", "water", "reap"))
    before = Outline(plan, (dig, sow, water, reap))
    found = put_back(Outline(plan, (dig, reap)), before, {"water"})
    assert [item.key for item in found.items] == ["dig", "water", "reap"]
