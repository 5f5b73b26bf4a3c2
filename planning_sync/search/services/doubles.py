"""Tasks that say the same in several places, and what was decided on them: `duplicates`, `decide`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.search import wire
from planning_sync.search.asking import Filters, Hit
from planning_sync.search.errors import SearchError
from planning_sync.search.models import Kind, Verdict
from planning_sync.search.services import searching
from plans import services as plans
from plans.models import Status, Task

TIMEOUT_SECONDS = 5.0
SHORTEST = 20
COMMON = 8
"""A text that stands in more places than this is a formula, not work that was planned twice."""


@dataclass(frozen=True)
class Duplicate:
    first: Hit
    second: Hit
    score: float
    """1 for the same words, else how near the two are in meaning."""
    proposal: str
    """One of `Verdict.Choice`."""
    why: str


@dataclass(frozen=True)
class Duplicates:
    pairs: tuple[Duplicate, ...]
    degraded: bool
    """Whether only the same words were looked for."""
    reason: str


def duplicates(
    *, user: Any, limit: int = searching.LIMIT, replica_ids: Collection[UUID] | None = None
) -> Duplicates:
    """Pairs that nobody has decided on, the nearest first."""
    filters = Filters(kinds=frozenset({Kind.TASK}), sight=searching.sight(user, replica_ids))
    rows = searching.within(filters)
    reason = ""
    try:
        near = wire.ask("pairs", timeout_seconds=TIMEOUT_SECONDS)
    except SearchError as error:
        near, reason = [], str(error)
    decided = set(Verdict.objects.values_list("first", "second"))
    found: list[tuple[UUID, UUID, float]] = []
    for first, second, score in _candidates(rows, near):
        if first != second and tuple(sorted((first, second))) not in decided:
            found.append((first, second, score))
            if len(found) == limit:
                break
    return Duplicates(_told(found, rows), bool(reason), reason)


def decide(first: Task, second: Task, choice: str, *, actor: str, on_behalf_of: str = "") -> Verdict:
    """Remember the decision. Of `merge`, the second task goes into the bin, with all below it."""
    low, high = sorted((first.pk, second.pk))
    told = {"tasks": [str(first.pk), str(second.pk)], "choice": choice}
    note = Note(Entry.Action.CHANGED, first.plan_id, "duplicate", first.pk, after=told)
    with write_transaction():
        verdict, _ = Verdict.objects.update_or_create(
            first=low,
            second=high,
            defaults={"choice": choice, "decided_by": actor, "decided_at": timezone.now()},
        )
        audit.note_done(Operation.Kind.ADMIN, [note], actor=actor, on_behalf_of=on_behalf_of)
        if choice == Verdict.Choice.MERGE:
            plans.delete(second, actor=actor, on_behalf_of=on_behalf_of)
    return verdict


def _candidates(rows: Any, near: Iterable[tuple[str, str, float]]) -> Iterator[tuple[UUID, UUID, float]]:
    """Those with the same words, then those that are near."""
    same = rows.values("sha256").annotate(number=Count("pk")).filter(number__gt=1, number__lte=COMMON)
    for checksum in same.order_by("sha256").values_list("sha256", flat=True):
        listed = rows.filter(sha256=checksum).order_by("item_id")
        ids = [row.item_id for row in listed if len(row.text) >= SHORTEST]
        yield from ((ids[0], other, 1.0) for other in ids[1:])
    for first, second, score in near:
        places = [
            rows.filter(sha256=checksum).order_by("item_id").values_list("item_id", flat=True).first()
            for checksum in (first, second)
        ]
        if places[0] is not None and places[1] is not None:
            yield places[0], places[1], score


def _told(found: list[tuple[UUID, UUID, float]], rows: Any) -> tuple[Duplicate, ...]:
    ids = [item_id for first, second, _ in found for item_id in (first, second)]
    hits = {hit.id: hit for hit in searching.hits("", ids, dict.fromkeys(ids, 1.0), (), rows)}
    return tuple(
        Duplicate(hits[first], hits[second], score, *_proposal(hits[first], hits[second]))
        for first, second, score in found
        if first in hits and second in hits
    )


def _proposal(first: Hit, second: Hit) -> tuple[str, str]:
    if first.plan == second.plan:
        if first.phase != second.phase:
            return Verdict.Choice.IGNORE, "They stand in two phases of one plan, where a step may recur."
        return Verdict.Choice.MERGE, "They stand in one phase of one plan."
    if Status.DONE in (first.status, second.status) and first.status != second.status:
        return Verdict.Choice.LINK, "One is done: what was made there may be what the other one needs."
    return Verdict.Choice.LINK, "Two plans mean to do the same."
