from __future__ import annotations

import pytest
from django.utils import timezone

from audit import bulk, ids
from audit import services as audit
from audit.models import Entry, Operation, Snapshot
from audit.services import Note
from audit.transactions import write_transaction

pytestmark = pytest.mark.django_db


def test_the_same_content_is_kept_once_and_comes_back_as_it_was() -> None:
    data = bytes(range(256)) * 100
    first = audit.keep_snapshot(data)
    assert audit.keep_snapshot(data) == first == audit.checksum_of(data)
    assert Snapshot.objects.count() == 1
    assert audit.snapshot(first) == data
    assert len(bytes(Snapshot.objects.get().data)) < len(data)


def test_an_unknown_snapshot_is_an_error_not_an_empty_file() -> None:
    with pytest.raises(Snapshot.DoesNotExist):
        audit.snapshot("0" * 64)


def test_entries_keep_their_order_and_their_values() -> None:
    operation = audit.begin(Operation.Kind.EDIT, actor="alice", on_behalf_of="bob")
    plan = ids.new_id()
    audit.record(
        operation,
        [Note(Entry.Action.CHANGED, plan, "task", plan, "text", f"before {n}", ["a", n]) for n in range(600)],
    )
    rows = list(Entry.objects.order_by("id").values_list("before", "after"))
    assert rows == [(f"before {n}", ["a", n]) for n in range(600)]


def test_an_operation_whose_process_died_does_not_run_for_ever() -> None:
    abandoned = audit.begin(Operation.Kind.SYNC, actor="alice")
    now = timezone.now()
    running = audit.begin(Operation.Kind.SYNC, actor="alice")
    assert audit.close_abandoned(started_before=now) == 1
    abandoned.refresh_from_db()
    running.refresh_from_db()
    assert (abandoned.status, running.status) == ("failed", "running")


def test_ids_made_later_sort_later_and_never_repeat() -> None:
    made = [ids.new_id() for _ in range(5000)]
    assert len(set(made)) == len(made)
    assert all(one.version == 7 for one in made)
    milliseconds = [one.int >> 80 for one in made]
    assert milliseconds == sorted(milliseconds)


def test_rows_written_in_bulk_are_those_that_a_model_would_write() -> None:
    at = timezone.now()
    names = (
        "id",
        "kind",
        "actor",
        "on_behalf_of",
        "replica_id",
        "status",
        "started_at",
        "finished_at",
        "summary",
    )
    one, other = ids.new_id(), ids.new_id()
    summary = {"a": [1, "é", None]}
    bulk.insert(
        Operation,
        names,
        [
            (one, "edit", "alice", "", None, "done", at, None, summary),
            (other.hex, "sync", 'tab\t quote" back\\slash \\N', "", one, "done", at, at, {}),
        ],
    )
    found = Operation.objects.in_bulk()
    assert found[one].summary == summary
    assert (found[one].started_at, found[one].finished_at, found[one].replica_id) == (at, None, None)
    assert found[other].actor == 'tab\t quote" back\\slash \\N'
    assert found[other].replica_id == one


@pytest.mark.django_db(transaction=True)
def test_nested_writes_are_one_transaction() -> None:
    def fail_halfway() -> None:
        with write_transaction():
            audit.begin(Operation.Kind.EDIT, actor="alice")
            with write_transaction():
                audit.begin(Operation.Kind.EDIT, actor="bob")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert not Operation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_follower_may_write_when_it_hears_of_a_commit() -> None:
    from django.db import transaction

    with write_transaction():
        audit.begin(Operation.Kind.EDIT, actor="alice")
        transaction.on_commit(_write_another)
    assert Operation.objects.count() == 2


def _write_another() -> None:
    with write_transaction():
        audit.begin(Operation.Kind.EDIT, actor="bob")
