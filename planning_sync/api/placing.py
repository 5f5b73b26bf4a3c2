"""Where plans stand: the filters `Placed`, and the links that answers tell of, `places_of`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, QuerySet
from rest_framework import serializers

from planning_sync.api.principals import Principal, visible_links
from planning_sync.sync.models import Link
from plans.api import Strict, line

Row = TypeVar("Row", bound=Model)


class Placed(Strict):
    replica = line(200, help_text="The name of a replica that has the plan.")
    path = line(2000, help_text="How the plan's path at a replica begins.")


class PlaceSerializer(serializers.Serializer[Any]):
    """The plan at one replica."""

    replica = serializers.CharField()
    path = serializers.CharField(help_text="Relative to the replica.")
    in_step = serializers.BooleanField(help_text="Whether it has been told of the plan's present revision.")
    gone = serializers.BooleanField(help_text="Whether its file is not there any more.")
    released = serializers.BooleanField(help_text="Whether neither side follows the other.")
    problem = serializers.CharField(allow_blank=True, help_text="Why its last sync failed.")
    synced_at = serializers.DateTimeField()


def placed(rows: QuerySet[Row], asked: Mapping[str, Any], plan: str) -> QuerySet[Row]:
    """Those whose plan, named by the column `plan`, stands where the filters say."""
    links = Link.objects.filter(plan=OuterRef(plan))
    if asked.get("replica"):
        links = links.filter(replica__name=asked["replica"])
    if asked.get("path"):
        links = links.filter(path__startswith=asked["path"], gone_at=None)
    return rows.filter(Exists(links)) if asked.get("replica") or asked.get("path") else rows


def places_of(who: Principal, plans: Iterable[Mapping[str, Any]]) -> dict[UUID, list[dict[str, Any]]]:
    """By the plan's id, its links that one may see, oldest replica first. One query."""
    revisions = {plan["id"]: plan["revision"] for plan in plans}
    rows = visible_links(who).filter(plan__in=list(revisions))
    columns = (
        "plan_id",
        "path",
        "revision",
        "gone_at",
        "released_at",
        "problem",
        "synced_at",
        "replica__name",
    )
    found: dict[UUID, list[dict[str, Any]]] = {plan_id: [] for plan_id in revisions}
    for row in rows.order_by("replica__created_at", "replica_id").values(*columns):
        found[row["plan_id"]].append(
            {
                "replica": row["replica__name"],
                "path": row["path"],
                "in_step": row["revision"] == revisions[row["plan_id"]],
                "gone": row["gone_at"] is not None,
                "released": row["released_at"] is not None,
                "problem": row["problem"],
                "synced_at": row["synced_at"],
            }
        )
    return found
