"""People decide: one conflict or many, at the same instant or with old values in front of them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from audit import services as audit
from audit.models import Entry, Operation
from conflicts import choices, services
from conflicts.errors import (
    AlreadySettled,
    ConflictNotFound,
    ConflictsError,
    InvalidDecision,
    PreviewOutdated,
    ValuesMoved,
)
from conflicts.models import Conflict
from planning_sync.sync.passes import Pass
from plans.errors import InvalidValue
from tests.planning_sync.sync.workbench import Workbench
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

PLAN = "# Plan\n\n" + "".join(f"- [ ] Task number {number}\n" for number in range(6))


@pytest.fixture
def bench(tmp_path: Path, settings: Any) -> Workbench:
    """Six tasks, each in conflict over its status: done in the hub, in progress in the file."""
    settings.PLANNING_SYNC_FOLLOW = False
    bench = Workbench.at(tmp_path / "plans")
    bench.write("plan.md", PLAN)
    bench.sync()
    for number in range(6):
        bench.set(f"Task number {number}", status="done")
    bench.write("plan.md", PLAN.replace("[ ]", "[~]"))
    bench.sync()
    assert Conflict.objects.filter(state="open").count() == 6
    settings.PLANNING_SYNC_FOLLOW = True
    return bench


def ids() -> list[UUID]:
    return list(Conflict.objects.order_by("item_label").values_list("pk", flat=True))


# ------------------------------------------------------------------------------------------ one


def test_a_decision_reaches_both_sides_at_once(bench: Workbench) -> None:
    services.resolve(ids()[0], take="replica", actor="bob")
    conflict = Conflict.objects.get(pk=ids()[0])
    assert (conflict.state, conflict.decided_by) == ("resolved", "bob")
    assert conflict.decision is not None
    assert conflict.decision.kind == "resolve"
    assert conflict.applied_by is not None
    assert conflict.applied_by.kind == "sync"
    assert bench.task("Task number 0").status == "in_progress"
    bench.sync()
    assert Conflict.objects.filter(state="open").count() == 5, "it never comes back"


def test_a_decision_on_values_that_moved_on_is_refused_with_the_present_ones(bench: Workbench) -> None:
    with pytest.raises(ValuesMoved, match="the hub says 'done'"):
        services.resolve(ids()[0], take="hub", seen=("in_progress", "blocked"), actor="bob")
    assert Conflict.objects.get(pk=ids()[0]).state == "open"


def test_what_is_decided_cannot_be_decided_again(bench: Workbench) -> None:
    services.resolve(ids()[0], take="hub", actor="bob")
    with pytest.raises(AlreadySettled, match="resolved by bob"):
        services.resolve(ids()[0], take="replica", actor="alice")


def test_a_value_has_to_fit_the_field(bench: Workbench) -> None:
    with pytest.raises(InvalidValue, match="status cannot be 'perhaps'"):
        services.resolve(ids()[0], take="value", value="perhaps", actor="bob")
    with pytest.raises(InvalidDecision, match="not one of hub, replica, value"):
        services.resolve(ids()[0], take="both", actor="bob")
    with pytest.raises(ConflictNotFound):
        services.resolve(UUID(int=1), take="hub", actor="bob")
    assert services.resolve(ids()[0], take="value", value="blocked", actor="bob").taken_value == "blocked"
    assert bench.task("Task number 0").status == "blocked"


def test_two_people_deciding_at_the_same_instant_exactly_one_wins(bench: Workbench) -> None:
    conflict_id = ids()[0]
    start = threading.Barrier(2)
    told: dict[str, str] = {}

    def decide(actor: str, take: str) -> None:
        start.wait()
        try:
            services.resolve(conflict_id, take=take, actor=actor)
            told[actor] = "decided"
        except ConflictsError as error:
            told[actor] = str(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=decide, args=("alice", "hub")),
        threading.Thread(target=decide, args=("bob", "replica")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    (winner,) = [actor for actor, said in told.items() if said == "decided"]
    (loser,) = set(told) - {winner}
    assert f"by {winner} already; nothing was changed" in told[loser]
    assert Conflict.objects.get(pk=conflict_id).decided_by == winner
    assert bench.task("Task number 0").status == {"alice": "done", "bob": "in_progress"}[winner]
    assert Entry.objects.filter(action="decided").count() == 1


# ------------------------------------------------------------------------------------------ many


def test_many_are_decided_in_one_operation_as_the_preview_said(bench: Workbench) -> None:
    chosen = ids()[:4]
    preview = services.preview(chosen, take="hub")
    assert [effect.option.dropped for effect in preview.effects] == [("in_progress",)] * 4
    assert all(effect.option.changes_replica and not effect.option.changes_hub for effect in preview.effects)
    assert preview.dropped == 4
    services.resolve_many(chosen, take="hub", actor="bob", fingerprint=preview.fingerprint)
    assert bench.read("plan.md").count("[x]") == 4
    assert Operation.objects.filter(kind="resolve").count() == 1
    assert Conflict.objects.filter(state="resolved", taken="hub").count() == 4


def test_a_preview_changes_nothing(bench: Workbench) -> None:
    services.preview(ids(), take="hub")
    assert Conflict.objects.filter(state="open").count() == 6
    assert not Operation.objects.filter(kind="resolve").exists()


def test_a_bulk_decision_whose_conflicts_moved_on_decides_nothing(bench: Workbench) -> None:
    preview = services.preview(ids(), take="hub")
    services.resolve(ids()[5], take="replica", actor="alice")
    with pytest.raises(PreviewOutdated, match="5 would be decided, 5 values dropped and 1 left") as caught:
        services.resolve_many(ids(), take="hub", actor="bob", fingerprint=preview.fingerprint)
    assert Conflict.objects.filter(state="open").count() == 5
    again = caught.value.preview
    services.resolve_many(ids(), take="hub", actor="bob", fingerprint=again.fingerprint)
    assert not Conflict.objects.filter(state="open").exists()


def test_what_cannot_be_decided_so_is_left_and_named(bench: Workbench) -> None:
    Conflict.objects.filter(pk=ids()[0]).update(suggestion={"take": "replica", "confidence": 0.9})
    preview = services.preview(ids(), take="suggestion")
    assert [effect.conflict.pk for effect in preview.effects] == ids()[:1]
    assert len(preview.refused) == 5
    services.resolve_many(ids(), take="suggestion", actor="bob")
    assert bench.task("Task number 0").status == "in_progress"
    assert Conflict.objects.filter(state="open").count() == 5


def test_a_bulk_decision_that_dies_decides_nothing(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(audit, "finish", dies)
    with pytest.raises(KeyboardInterrupt):
        services.resolve_many(ids(), take="hub", actor="bob")
    assert Conflict.objects.filter(state="open").count() == 6
    assert not Operation.objects.filter(kind="resolve").exists()


def test_a_sync_that_dies_between_decision_and_file_leaves_it_to_the_next_one(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Pass, "wrote", lambda *_: 1 / 0)
        services.resolve_many(ids(), take="hub", actor="bob")
    bench.sync()
    assert bench.read("plan.md").count("[x]") == 6
    bench.assert_in_step()


# ------------------------------------------------------------------------------- hand over, put off


def test_conflicts_can_be_handed_to_a_person_and_put_off(bench: Workbench) -> None:
    bob = get_user_model().objects.create_user("bob")
    later = datetime(2030, 1, 1, tzinfo=UTC)
    assert services.assign(ids()[:2], to=bob, actor="alice") == 2
    assert services.assign(ids()[:3], to=bob, actor="alice") == 1
    assert services.postpone(ids()[:1], until=later, actor="alice") == 1
    conflict = Conflict.objects.get(pk=ids()[0])
    assert (conflict.assigned_to, conflict.postponed_until) == (bob, later)
    assert services.assign(ids()[:1], to=None, actor="alice") == 1
    told = Entry.objects.filter(action__in=("assigned", "postponed")).order_by("pk")
    assert [(entry.after or {})["after"] for entry in told] == ["bob", "bob", "bob", later.isoformat(), None]


def test_the_options_say_what_they_change_and_what_they_drop(bench: Workbench) -> None:
    hub, replica = choices.options(Conflict.objects.get(pk=ids()[0]))
    assert (hub.take, hub.changes_hub, hub.changes_replica, hub.dropped) == (
        "hub",
        False,
        True,
        ("in_progress",),
    )
    assert (replica.take, replica.changes_hub, replica.changes_replica) == ("replica", True, False)
    assert replica.dropped == ("done",)
