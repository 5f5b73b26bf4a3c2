"""The log as JSON: the shapes of operations and entries, and how rows are told.

The addresses are further up, where it is known who may see what.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework import serializers

from audit.models import Entry, Operation


class LogOperationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(Operation.Kind.choices)
    actor = serializers.CharField()
    on_behalf_of = serializers.CharField(allow_blank=True)
    via = serializers.ChoiceField(Operation.Via.choices, allow_blank=True, help_text="By which way it came.")
    address = serializers.CharField(allow_blank=True, help_text="From where.")
    replica = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(Operation.Status.choices)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    summary = serializers.DictField(help_text="What it came to; its shape goes by the kind.")


class LogEntrySerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(help_text="Grows with the log.")
    at = serializers.DateTimeField()
    operation = serializers.UUIDField()
    operation_kind = serializers.ChoiceField(Operation.Kind.choices)
    actor = serializers.CharField()
    on_behalf_of = serializers.CharField(allow_blank=True)
    plan = serializers.UUIDField(allow_null=True)
    item_kind = serializers.CharField(allow_blank=True)
    item = serializers.UUIDField(allow_null=True)
    action = serializers.ChoiceField(Entry.Action.choices)
    field = serializers.CharField(allow_blank=True)
    before = serializers.JSONField()
    after = serializers.JSONField()


OPERATION_COLUMNS = (
    *("id", "kind", "actor", "on_behalf_of", "via", "address", "replica_id", "status"),
    *("started_at", "finished_at", "summary"),
)
ENTRY_COLUMNS = (
    *("id", "at", "operation_id", "operation__kind", "operation__actor", "operation__on_behalf_of"),
    *("plan_id", "item_kind", "item_id", "action", "field", "before", "after"),
)
_ENTRY_NAMES = {
    "operation_id": "operation",
    "operation__kind": "operation_kind",
    "operation__actor": "actor",
    "operation__on_behalf_of": "on_behalf_of",
    "plan_id": "plan",
    "item_id": "item",
}


def operation_json(row: Mapping[str, Any], replicas: Mapping[UUID, str]) -> dict[str, Any]:
    """An operation from its `OPERATION_COLUMNS`; the replica by its name, if it is one of `replicas`."""
    told = {name: row[name] for name in OPERATION_COLUMNS if name != "replica_id"}
    return {**told, "replica": replicas.get(row["replica_id"])}


def entry_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """An entry from its `ENTRY_COLUMNS`."""
    return {_ENTRY_NAMES.get(name, name): row[name] for name in ENTRY_COLUMNS}
