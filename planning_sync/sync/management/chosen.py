"""Which conflicts a command is about: `add_filters`, `conflicts`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.db.models import QuerySet

from conflicts.models import Conflict
from planning_sync.sync import services
from planning_sync.sync.management import lookup

_FILTERS = ("plan", "replica", "kind", "severity", "field", "rule")


def add_filters(parser: CommandParser) -> None:
    parser.add_argument("--plan", metavar="PLAN", help="Those over this plan.")
    parser.add_argument("--replica", metavar="REPLICA", help="Those between the hub and this replica.")
    parser.add_argument("--kind", choices=Conflict.Kind.values, help="Those of this kind.")
    parser.add_argument("--severity", choices=Conflict.Severity.values, help="Those of this severity.")
    parser.add_argument("--field", metavar="FIELD", help="Those over this field, such as status.")
    parser.add_argument(
        "--rule", metavar="RULE", help="Those that this guard or rule of the policy asks about."
    )


def any_filter(options: dict[str, Any]) -> bool:
    return any(options[name] for name in _FILTERS)


def conflicts(options: dict[str, Any]) -> QuerySet[Conflict]:
    """The conflicts in any state that pass the filters; raises what `lookup` raises, and `UnknownReplica`."""
    found = Conflict.objects.all()
    if options["plan"]:
        found = found.filter(plan=lookup.plan(options["plan"]))
    if options["replica"]:
        found = found.filter(replica_id=services.replica_named(options["replica"]).pk)
    for name in ("kind", "severity", "field", "rule"):
        if options[name]:
            found = found.filter(**{name: options[name]})
    return found
