"""The themes of all plans: `clusters`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from planning_sync.search import wire
from planning_sync.search.asking import Filters, Hit
from planning_sync.search.errors import SearchError
from planning_sync.search.models import Kind
from planning_sync.search.services import searching

TIMEOUT_SECONDS = 5.0
EXAMPLES = 5


@dataclass(frozen=True)
class Cluster:
    label: str
    """The words that tell it from the others."""
    size: int
    """Of what the user may see."""
    plans: int
    """In so many plans."""
    cohesion: float
    """How near its members are, from 0 to 1."""
    examples: tuple[Hit, ...]


@dataclass(frozen=True)
class Clusters:
    groups: tuple[Cluster, ...]
    degraded: bool
    reason: str


def clusters(
    *,
    user: Any,
    kind: str = Kind.PHASE,
    number: int = 0,
    replica_ids: Collection[UUID] | None = None,
) -> Clusters:
    """The largest first. Without an embedder there are none: themes are found by meaning alone."""
    try:
        told = wire.ask("clusters", kind=kind, number=number, timeout_seconds=TIMEOUT_SECONDS)
    except SearchError as error:
        return Clusters((), degraded=True, reason=str(error))
    filters = Filters(kinds=frozenset({kind}), sight=searching.sight(user, replica_ids))
    rows = searching.within(filters)
    seen = {row.item_id: row for row in rows.values_list("item_id", "plan_id", "sha256", named=True)}
    found = []
    for label, members, cohesion in told:
        visible = [item_id for item_id in map(UUID, members) if item_id in seen]
        if visible:
            few = _various((item_id, seen[item_id].sha256) for item_id in visible)
            examples = searching.hits("", few, dict.fromkeys(few, 1.0), (), rows)
            plans = len({seen[item_id].plan_id for item_id in visible})
            found.append(Cluster(label, len(visible), plans, cohesion, examples))
    found.sort(key=lambda each: (-each.size, each.label))
    return Clusters(tuple(found), degraded=False, reason="")


def _various(items: Iterable[tuple[UUID, str]]) -> list[UUID]:
    """The first few, of each text one."""
    found: dict[str, UUID] = {}
    for item_id, checksum in items:
        found.setdefault(checksum, item_id)
    return list(found.values())[:EXAMPLES]
