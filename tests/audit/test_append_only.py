"""Rows of the log are neither changed nor deleted: not through the models, not past them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from audit import seals, triggers
from audit.errors import AppendOnly
from audit.models import Entry, Operation, Seal
from tests.audit.log import fill

pytestmark = pytest.mark.django_db


def first() -> Entry:
    return Entry.objects.order_by("id")[0]


WAYS: dict[str, Callable[[], object]] = {
    "save": lambda: first().save(),
    "save of some fields": lambda: first().save(update_fields=["after"]),
    "delete": lambda: first().delete(),
    "update": lambda: Entry.objects.update(after="x"),
    "update of a filter": lambda: Entry.objects.filter(action="changed").update(action="created"),
    "delete of a filter": lambda: Entry.objects.filter(action="changed").delete(),
    "bulk update": lambda: Entry.objects.bulk_update([first()], ["after"]),
    "update or create": lambda: Entry.objects.update_or_create(
        pk=first().pk, defaults={"after": "x", "operation": first().operation, "at": timezone.now()}
    ),
    "upsert": lambda: Entry.objects.bulk_create(
        [first()], update_conflicts=True, unique_fields=["id"], update_fields=["after"]
    ),
    "entries of an operation": lambda: first().operation.entries.update(after="x"),
    "delete of an operation": lambda: Operation.objects.get().delete(),
    "delete of operations": lambda: Operation.objects.all().delete(),
    "another actor": lambda: Operation.objects.update(actor="bob"),
    "save of a seal": lambda: Seal.objects.get().save(),
    "delete of a seal": lambda: Seal.objects.get().delete(),
    "another digest": lambda: Seal.objects.update(digest="0" * 64),
    "delete of seals": lambda: Seal.objects.all().delete(),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_models_refuse_with_a_reason(way: str) -> None:
    fill()
    seals.seal()
    before = list(Entry.objects.values_list()), list(Operation.objects.values_list())
    with pytest.raises(AppendOnly, match="The audit log only grows"):
        WAYS[way]()
    assert (list(Entry.objects.values_list()), list(Operation.objects.values_list())) == before


def test_an_operation_is_protected_by_its_entries_where_django_collects() -> None:
    from django.db.models.deletion import Collector

    fill()
    with pytest.raises(ProtectedError):
        Collector(using="default").collect(list(Operation.objects.all()))


STATEMENTS = {
    "change an entry": "UPDATE audit_entry SET action = 'created'",
    "move an entry": "UPDATE audit_entry SET id = id + 1000",
    "delete an entry": "DELETE FROM audit_entry",
    "change an actor": "UPDATE audit_operation SET actor = 'bob'",
    "change a time": "UPDATE audit_operation SET started_at = '2020-01-01 00:00:00'",
    "change an address": "UPDATE audit_operation SET address = '192.0.2.1'",
    "delete a visit": "DELETE FROM audit_operation WHERE kind = 'access'",
    "change a seal": "UPDATE audit_seal SET digest = ''",
    "delete a seal": "DELETE FROM audit_seal",
    "delete beside retention": "DELETE FROM audit_entry WHERE id > 0",
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_the_database_refuses_what_goes_past_the_models(statement: str) -> None:
    fill()
    Operation.objects.create(kind=Operation.Kind.ACCESS, actor="alice", started_at=timezone.now())
    seals.seal()
    with pytest.raises(IntegrityError, match="The audit log only grows"), transaction.atomic():
        execute(statement)


def test_the_database_refuses_to_replace_or_to_empty() -> None:
    (pk, *_) = fill()
    if connection.vendor == "postgresql":
        execute("SET CONSTRAINTS ALL IMMEDIATE")  # else it is the pending checks that refuse
        statements = [
            f"TRUNCATE {table} CASCADE" for table in ("audit_entry", "audit_operation", "audit_seal")
        ]
    else:
        row = "operation_id, at, item_kind, action, field"
        statements = [
            f"REPLACE INTO audit_entry (id, {row}) SELECT id, {row} FROM audit_entry WHERE id = {pk}"
        ]
    for statement in statements:
        with pytest.raises(IntegrityError, match="The audit log only grows"), transaction.atomic():
            execute(statement)


def test_a_seal_once_pruned_stays_so() -> None:
    fill()
    seals.seal()
    assert Seal.objects.update(pruned_at=timezone.now()) == 1
    with pytest.raises(IntegrityError, match="The audit log only grows"), transaction.atomic():
        Seal.objects.update(pruned_at=None)


def test_an_operation_still_ends() -> None:
    operation = Operation.objects.create(kind="edit", actor="alice", started_at=timezone.now())
    operation.status = Operation.Status.DONE
    operation.save()
    operation.refresh_from_db()
    assert operation.status == "done"
    assert Operation.objects.update(summary={"a": 1}) == 1


def test_what_is_missing_of_the_triggers_is_named_and_comes_back_with_a_migration() -> None:
    assert triggers.missing() == []
    with connection.cursor() as cursor:
        on = " ON audit_entry" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER audit_entry_undeleted{on}")
    assert triggers.missing() == ["audit_entry_undeleted"]
    triggers.install(using="default")
    assert triggers.missing() == []


def test_a_trigger_that_lets_all_pass_counts_as_missing() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE audit_seal DISABLE TRIGGER audit_seal_undeleted")
        else:
            cursor.execute("DROP TRIGGER audit_seal_undeleted")
            cursor.execute(
                "CREATE TRIGGER audit_seal_undeleted BEFORE DELETE ON audit_seal BEGIN SELECT 1; END"
            )
    assert triggers.missing() == ["audit_seal_undeleted"]


@pytest.mark.django_db(transaction=True)
def test_the_migration_has_a_way_back_and_forth() -> None:
    try:
        call_command("migrate", "audit", "0002", verbosity=0)
        with connection.cursor() as cursor:
            assert "audit_seal" not in connection.introspection.table_names(cursor)
            cursor.execute("DELETE FROM audit_entry")
    finally:
        call_command("migrate", verbosity=0)
    assert triggers.missing() == []


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
