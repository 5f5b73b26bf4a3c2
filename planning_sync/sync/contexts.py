"""What the two sides know about clashes, for the strategies. Reads, never writes.

Public: `contexts_of`; `suggesting`, for policies with the strategy `learned`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from audit.models import Entry
from conflicts.learning import acting as learned
from conflicts.learning.features import Facts
from conflicts.merge import Clash, Decision, kind_of, severity_of
from conflicts.merge.model import Spot
from conflicts.services import Evidence
from conflicts.strategies import Context, Suggestion, Touch
from plans import outline as outlines
from plans import storage
from plans.outline import FIELDS, ROOT, Item, Outline

SavedAt = Callable[[], datetime | None]
"""When the replica's plan was last saved."""

Suggest = Callable[[Clash, Item], Suggestion | None]
"""What people would probably take."""


def contexts_of(
    clashes: Iterable[Clash],
    decision: Decision,
    *,
    plan_id: UUID,
    seen: Outline,
    saved_at: SavedAt | None,
    suggest: Suggest | None = None,
) -> dict[Spot, Context]:
    """A context for each of the clashes. `saved_at` is None where no strategy asks for times.

    One query per clash then. The replica's time is known only of what this very save changed: of an older
    edit nobody knows, as any later save, our own included, moves the file's time on.
    """
    clashes = list(clashes)
    computed = _computed(decision) if any(clash.field == "progress" for clash in clashes) else {}
    found = {}
    for clash in clashes:
        item = decision.hub.by_key.get(clash.key) or decision.replica.by_key[clash.key]
        hub = replica = None
        if saved_at is not None:
            hub = _changed_in_hub(plan_id, clash)
            replica = _changed_in_replica(item, clash, seen, saved_at)
        found[clash.key, clash.field] = Context(
            *(item, hub, replica, computed.get(clash.key, "")),
            suggestion=suggest(clash, item) if suggest is not None else None,
        )
    return found


def suggesting(replica_id: UUID, evidence: Callable[[Clash], Evidence]) -> Suggest | None:
    """What the strategy `learned` goes by, from the facts that a conflict has; None where it may not act."""
    found = learned.suggester()
    if found is None:
        return None

    def suggest(clash: Clash, item: Item) -> Suggestion | None:
        return found(_facts(clash, item, replica_id, evidence(clash)))

    return suggest


def _facts(clash: Clash, item: Item, replica_id: UUID, evidence: Evidence) -> Facts:
    base, hub, replica = (
        list(said) if isinstance(said, tuple) else said for said in (clash.base, clash.hub, clash.replica)
    )
    return Facts(
        *(clash.field, kind_of(clash), severity_of(clash), item.kind, replica_id.hex),
        *(base, hub, replica),
        hub_at=evidence.hub_at,
        hub_by=evidence.hub_by,
        replica_at=evidence.replica_at,
        replica_by=evidence.replica_by,
    )


def _computed(decision: Decision) -> dict[str, str]:
    """The percentages that the tasks come to, where they do on both sides."""
    hub, replica = storage.count(decision.hub), storage.count(decision.replica)
    return {
        key: storage.percent_text(counts.percent)
        for key, counts in hub.items()
        if key in replica and replica[key].percent == counts.percent
    }


def _changed_in_hub(plan_id: UUID, clash: Clash) -> Touch | None:
    item_id = UUID(clash.key) if clash.key != ROOT else plan_id
    entries = Entry.objects.filter(
        plan_id=plan_id, item_id=item_id, field=clash.field, action=Entry.Action.CHANGED
    )
    last = entries.select_related("operation").order_by("-id").first()
    return None if last is None else Touch(last.at, last.operation.actor)


def _changed_in_replica(item: Item, clash: Clash, seen: Outline, saved_at: SavedAt) -> Touch | None:
    before = seen.by_key.get(clash.key)
    if before is None or clash.field not in FIELDS[item.kind]:
        return None
    if outlines.value(before, clash.field) == clash.replica:
        return None
    at = saved_at()
    return None if at is None else Touch(at)
