"""The chain of seals: what is sealed stays provable, and whatever was done to it is found and named."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random
from threading import Event, Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import bulk, seals
from audit.models import Entry, Operation, Seal
from audit.seals import Broken
from tests.audit.log import fill, tamper

pytestmark = pytest.mark.django_db

POSTGRES = "needs rows that are committed out of order, which only PostgreSQL has: run with --postgres"


COPIED = "operation_id, at, item_kind, action, field"


def copy_of(pk: int, number: int | None = None) -> str:
    own = "" if number is None else f"{number}, "
    return f"SELECT {own}{COPIED} FROM audit_entry WHERE id = {pk}"


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "BATCH", 4)


def broken() -> Broken:
    found = seals.verify().broken
    assert found is not None, "it was not found"
    return found


# ------------------------------------------------------------------------------------------ sealing


def test_everything_is_sealed_once_and_each_number_is_covered(small_batches: None) -> None:
    ids = fill(10)
    assert seals.seal() == 10
    assert seals.seal() == 0
    rows = list(Seal.objects.order_by("number"))
    assert [row.count for row in rows] == [4, 4, 2]
    assert [row.first_id for row in rows] == [1, rows[0].last_id + 1, rows[1].last_id + 1]
    assert rows[-1].last_id == ids[-1]
    verdict = seals.verify()
    assert (verdict.seals, verdict.entries, verdict.unsealed, verdict.broken) == (3, 10, 0, None)
    assert verdict.head == f"3:{rows[-1].digest}"


def test_an_empty_log_is_whole() -> None:
    assert seals.seal() == 0
    verdict = seals.verify()
    assert (verdict.seals, verdict.head, verdict.broken) == (0, "", None)


def test_an_operation_that_ends_after_it_was_sealed_breaks_nothing() -> None:
    fill()
    seals.seal()
    Operation.objects.update(status="failed", summary={"error": "late"})
    assert seals.verify().broken is None


def test_of_two_that_seal_at_once_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    theirs = seals._rows

    def overtaken(*arguments: Any) -> Any:
        monkeypatch.setattr(seals, "_rows", theirs)
        rows = theirs(*arguments)
        assert seals.seal() == 3
        return rows

    monkeypatch.setattr(seals, "_rows", overtaken)
    assert seals.seal() == 0
    assert Seal.objects.count() == 1
    assert seals.verify().broken is None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abé"), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(json_values, min_size=1, max_size=5))
def test_whatever_an_entry_says_is_read_again_as_it_was_sealed(values: list[Any]) -> None:
    (pk,) = fill(1)
    operation = Entry.objects.get(pk=pk).operation
    rows = [
        Entry(operation=operation, at=operation.started_at, action="changed", after=each) for each in values
    ]
    Entry.objects.bulk_create(rows)
    assert seals.seal() >= len(values)
    assert seals.verify().broken is None


def test_the_digest_of_an_entry_is_the_same_on_every_database() -> None:
    """So that a hub that moves to another one keeps its chain."""
    names = (
        *("id", "kind", "actor", "on_behalf_of", "via", "address", "replica_id", "status"),
        *("started_at", "summary"),
    )
    one, at = UUID(int=1), datetime(2026, 1, 31, 12, tzinfo=UTC)
    bulk.insert(Operation, names, [(one, "edit", "alice", "bob", "key", "192.0.2.1", one, "done", at, {})])
    Entry.objects.bulk_create(
        [
            Entry(
                id=7,
                operation_id=one,
                at=at.replace(microsecond=5),
                plan_id=one,
                item_kind="task",
                item_id=UUID(int=2),
                action="changed",
                field="tags",
                before=None,
                after={"b": 1.5, "a": ["é", None]},
            )
        ]
    )
    (row,) = seals._rows(0, 7)
    assert seals._digest_of(row).hex() == ("35cc608eca6639ac95eead027b86dca0fc7b6c750a31c0332293b59c19658705")


# ------------------------------------------------------------------------------------------ tampering


TAMPERED = {
    "a changed value": (
        "UPDATE audit_entry SET after = '\"x\"' WHERE id = {second}",
        "{second}",
        "was changed",
    ),
    "a changed time": (
        "UPDATE audit_entry SET at = '2020-01-01 00:00:00+00:00' WHERE id = {second}",
        "{second}",
        "was changed",
    ),
    "a changed plan": ("UPDATE audit_entry SET plan_id = item_id WHERE id = {last}", "{last}", "was changed"),
    "another actor": ("UPDATE audit_operation SET actor = 'bob'", "{first}", "or its operation, was changed"),
    "another address": ("UPDATE audit_operation SET address = '192.0.2.1'", "{first}", "was changed"),
    "the first entry gone": (
        "DELETE FROM audit_entry WHERE id = {first}",
        None,
        "1 of its entries are missing",
    ),
    "an entry gone": ("DELETE FROM audit_entry WHERE id = {second}", None, "the first after {first}"),
    "the last entry gone": ("DELETE FROM audit_entry WHERE id = {last}", None, "missing"),
    "all entries gone": ("DELETE FROM audit_entry", None, "missing"),
    "a digest changed": ("UPDATE audit_seal SET digest = content WHERE number = 2", None, "was changed"),
    "a first digest changed": (
        "UPDATE audit_seal SET digest = content WHERE number = 1",
        None,
        "was changed",
    ),
    "a last digest changed": ("UPDATE audit_seal SET digest = content WHERE number = 3", None, "was changed"),
    "a number of entries changed": ("UPDATE audit_seal SET count = 3 WHERE number = 2", None, "was changed"),
    "a time of a seal changed": (
        "UPDATE audit_seal SET sealed_at = '2020-01-01 00:00:00+00:00' WHERE number = 2",
        None,
        "was changed",
    ),
    "marks changed": (
        "UPDATE audit_seal SET marks = {empty} WHERE number = 2",
        None,
        "its marks were changed",
    ),
    "a seal gone": ("DELETE FROM audit_seal WHERE number = 2", None, "it is missing"),
    "the first seal gone": ("DELETE FROM audit_seal WHERE number = 1", None, "it is missing"),
    "a seal called pruned": (
        "UPDATE audit_seal SET pruned_at = '2026-01-01 00:00:00+00:00' WHERE number = 2",
        None,
        "which retention never does",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_tampering_is_found_and_named(what: str, small_batches: None) -> None:
    statement, entry, told = TAMPERED[what]
    ids = fill(10)
    assert seals.seal() == 10
    empty = "''::bytea" if connection.vendor == "postgresql" else "x''"
    words = {"first": ids[0], "second": ids[1], "last": ids[-1], "empty": empty}
    assert tamper(statement.format(**words))
    found = broken()
    assert told.format(**words) in found.what
    assert (found.entry and str(found.entry)) == (entry and entry.format(**words))


def test_an_entry_slipped_into_a_gap_is_found(small_batches: None) -> None:
    """Numbers are left out where a transaction is rolled back."""
    ids = fill(3)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT nextval(pg_get_serial_sequence('audit_entry', 'id'))")
        else:
            cursor.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'audit_entry'")
    fill(3)
    seals.seal()
    gap = ids[-1] + 1
    names = "operation_id, at, item_kind, action, field"
    tamper(
        f"INSERT INTO audit_entry (id, {names}) SELECT {gap}, {names} FROM audit_entry WHERE id = {gap + 1}"
    )
    found = broken()
    assert (found.entry, found.what) == (gap, "it was put in after the seal was made.")


def test_only_who_kept_a_witness_sees_that_the_end_was_cut_off(small_batches: None) -> None:
    ids = fill(8)
    seals.seal()
    witness = seals.head()
    assert seals.verify(witness=witness).broken is None
    tamper("DELETE FROM audit_seal WHERE number = 2")
    tamper("DELETE FROM audit_entry WHERE id > %s", [ids[3]])
    assert seals.verify().broken is None
    found = seals.verify(witness=witness).broken
    assert found is not None
    assert "the log was cut off or made anew" in found.what
    assert seals.verify(witness="nonsense").broken is not None


# ------------------------------------------------------------------------------- many writers


@pytest.fixture
def other(transactional_db: None) -> Iterator[Any]:
    """A connection of somebody else."""
    made = connections.create_connection("default")
    yield made
    made.close()


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_is_committed_late_waits_for_its_seal(other: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip(POSTGRES)
    (first, *_) = fill(1)
    with other.cursor() as cursor:
        other.set_autocommit(False)
        cursor.execute(f"INSERT INTO audit_entry ({COPIED}) {copy_of(first)} RETURNING id")
        (late,) = cursor.fetchone()
        (newer,) = fill(1)
        assert late < newer
        assert seals.seal(patience_seconds=0.1) == 0
        other.commit()
    assert seals.seal() == 3
    assert seals.verify().broken is None


@pytest.mark.django_db(transaction=True)
def test_a_number_that_is_taken_but_not_written_yet_holds_the_seal_back(other: Any) -> None:
    """Such a transaction may have no id so far, so that no snapshot knows of it; its lock tells."""
    if connection.vendor != "postgresql":
        pytest.skip(POSTGRES)
    (first,) = fill(1)
    with other.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('audit_entry', 'id'))")
        (taken,) = cursor.fetchone()
        other.set_autocommit(False)
        cursor.execute("LOCK TABLE audit_entry IN ROW EXCLUSIVE MODE")  # what INSERT begins with
        cursor.execute("SELECT pg_current_xact_id_if_assigned()")
        assert cursor.fetchone() == (None,)
        (newer,) = fill(1)
        assert first < taken < newer
        assert seals.seal(patience_seconds=0.1) == 0
        cursor.execute(f"INSERT INTO audit_entry (id, {COPIED}) {copy_of(first, taken)}")
        other.commit()
    assert seals.seal() == 3
    assert seals.verify().broken is None


@pytest.mark.django_db(transaction=True)
def test_a_seal_waits_no_longer_than_for_those_who_write_already(other: Any) -> None:
    """A busy log is sealed all the same: who begins to write later is not waited for."""
    if connection.vendor != "postgresql":
        pytest.skip(POSTGRES)
    (first, _) = fill(2)
    writers = iter([{"1/1"}, {"1/2"}])  # the first has ended when it is asked again, another has begun
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seals, "_writers", lambda: next(writers))
        assert seals.seal(patience_seconds=1.0) == 2
    with other.cursor() as cursor:
        other.set_autocommit(False)
        cursor.execute(f"INSERT INTO audit_entry ({COPIED}) {copy_of(first)}")
        assert len(seals._writers()) == 1
        other.rollback()
    assert seals._writers() == set()


@pytest.mark.django_db(transaction=True)
def test_writers_go_on_while_others_seal_and_the_chain_holds() -> None:
    """Some of the writers roll back, some take their time; they go on until there are some seals."""
    stop = Event()
    sealer = Thread(target=_keep_sealing, args=(stop,))
    sealer.start()
    try:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(_write_for_a_while, range(3)))
    finally:
        stop.set()
        sealer.join()
    while seals.seal():
        pass
    verdict = seals.verify()
    assert verdict.broken is None
    assert (verdict.entries, verdict.unsealed) == (Entry.objects.count(), 0)
    assert verdict.seals > 3


def _keep_sealing(stop: Event) -> None:
    while not stop.is_set():
        seals.seal(patience_seconds=0.5)
    connections.close_all()


def _write_for_a_while(seed: int) -> None:
    random = Random(seed)
    written = 0
    while written < 25 or Seal.objects.count() <= 3:
        written += 1
        try:
            with transaction.atomic():
                fill(random.randint(1, 5))
                time.sleep(random.random() * 0.01)
                if random.random() < 0.2:
                    raise _ChangedTheirMind
        except _ChangedTheirMind:
            continue
    connections.close_all()


class _ChangedTheirMind(Exception):
    pass
