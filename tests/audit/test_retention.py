"""Retention removes old entries and keeps their seals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit import seals
from audit import services as audit
from audit.models import Entry, Operation, Seal
from tests.audit.log import after, fill, tamper

pytestmark = pytest.mark.django_db

Age = Callable[[int], None]


@pytest.fixture(autouse=True)
def kept_for_a_hundred_days(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PLANNING_SYNC_AUDIT_DAYS = 100
    monkeypatch.setattr(seals, "BATCH", 4)


@pytest.fixture
def age(monkeypatch: pytest.MonkeyPatch) -> Age:
    """Lets so many days pass."""

    def pass_by(days: int) -> None:
        later = timezone.now() + timedelta(days=days)
        monkeypatch.setattr(timezone, "now", lambda: later)

    return pass_by


def test_what_is_old_goes_and_the_chain_still_holds(age: Age) -> None:
    fill(10)
    seals.seal()
    age(101)
    kept = fill(2)
    seals.seal()
    assert seals.prune(now=timezone.now()) == 10
    assert list(Entry.objects.exclude(action="pruned").values_list("pk", flat=True)) == kept
    assert seals.prune(now=timezone.now()) == 0
    verdict = seals.verify()
    assert (verdict.broken, verdict.pruned, verdict.entries) == (None, 10, 2)


def test_what_was_pruned_is_written_down(age: Age) -> None:
    fill(5)
    seals.seal()
    age(101)
    seals.prune(now=timezone.now())
    operation = Operation.objects.get(kind="prune")
    assert (operation.status, operation.summary) == ("done", {"entries": 5})
    assert [after(entry)["through"] for entry in operation.entries.order_by("id")] == [1, 2]


def test_the_chain_goes_on_after_several_rounds(age: Age) -> None:
    for _ in range(3):
        fill(5)
        seals.seal()
        age(101)
        assert seals.prune(now=timezone.now()) > 0
        assert seals.verify().broken is None


def test_the_default_keeps_everything(settings: Any, age: Age) -> None:
    settings.PLANNING_SYNC_AUDIT_DAYS = 0
    fill(5)
    seals.seal()
    age(5000)
    assert seals.prune(now=timezone.now()) == 0
    assert Entry.objects.count() == 5


@pytest.mark.parametrize(("bin_days", "kept_for"), [(7, 30), (60, 60)])
def test_what_undo_and_the_bin_may_need_stays(settings: Any, bin_days: int, kept_for: int, age: Age) -> None:
    settings.PLANNING_SYNC_AUDIT_DAYS = 1
    settings.PLANNING_SYNC_BIN_DAYS = bin_days
    fill(3)
    seals.seal()
    age(kept_for - 1)
    assert seals.prune(now=timezone.now()) == 0
    age(1)
    assert seals.prune(now=timezone.now()) == 3


def test_what_is_not_sealed_never_goes() -> None:
    fill(4)
    assert seals.prune(now=timezone.now() + timedelta(days=1000)) == 0


def test_visits_go_with_their_addresses_and_other_operations_stay_as_headings(age: Age) -> None:
    audit.note_access(Entry.Action.LOGGED_OUT, actor="retention tester")
    fill(3)
    seals.seal()
    age(101)
    recent = audit.note_access(Entry.Action.LOGGED_OUT, actor="another retention tester")
    assert seals.prune(now=timezone.now()) == 4
    assert recent is not None
    assert list(Operation.objects.filter(kind="access")) == [recent]
    assert Operation.objects.filter(kind="edit").count() == 1


def test_an_entry_put_where_all_were_pruned_is_found(age: Age) -> None:
    ids = fill(4)
    seals.seal()
    age(101)
    seals.prune(now=timezone.now())
    copied = "operation_id, at, item_kind, action, field"
    tamper(f"INSERT INTO audit_entry (id, {copied}) SELECT {ids[1]}, {copied} FROM audit_entry")
    broken = seals.verify().broken
    assert broken is not None
    assert (broken.entry, broken.what) == (ids[1], "it was put into a stretch that retention has emptied.")


def test_a_seal_that_retention_did_not_prune_is_not_taken_for_pruned() -> None:
    """The triggers let entries go whose seal is marked, so that somebody could mark one and delete them."""
    fill(4)
    seals.seal()
    Seal.objects.update(pruned_at=timezone.now())
    assert tamper("DELETE FROM audit_entry") == 4
    broken = seals.verify().broken
    assert broken is not None
    assert "the log does not say that it was" in broken.what
