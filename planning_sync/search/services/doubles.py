"""Tasks that say the same in several places, and what was decided on them: `duplicates`, `decide`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.search import formulas, wire
from planning_sync.search.asking import Filters, Hit
from planning_sync.search.errors import SearchError
from planning_sync.search.models import Kind, Record, Verdict
from planning_sync.search.services import searching
from plans import services as plans
from plans.models import Status, Task

TIMEOUT_SECONDS = 5.0
SHORTEST = 20
EACH = 3
"""So many pairs of two plans are shown until they are decided on."""
_AT_ONCE = 200
Item = TypeVar("Item")


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
    open_pairs = (
        pair
        for pair in _candidates(rows, near)
        if pair.first != pair.second and tuple(sorted((pair.first.id, pair.second.id))) not in decided
    )
    return Duplicates(_told(list(islice(_varied(open_pairs), limit)), rows), bool(reason), reason)


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


class _Place(NamedTuple):
    id: UUID
    plan: UUID


class _Pair(NamedTuple):
    first: _Place
    second: _Place
    score: float


def _candidates(rows: QuerySet[Record], near: Sequence[tuple[str, str, float]]) -> Iterator[_Pair]:
    """Those with the same words, then those that are near."""
    for sums in _batches(_repeated(rows)):
        for places in _places(rows, sums).values():
            yield from (_Pair(places[0], other, 1.0) for other in places[1:])
    for some in _batches(near):
        found = _places(rows, [checksum for one, other, _ in some for checksum in (one, other)])
        for one, other, score in some:
            if found[one] and found[other]:
                yield _Pair(found[one][0], found[other][0], score)


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _places(rows: QuerySet[Record], checksums: Sequence[str]) -> dict[str, list[_Place]]:
    """Where the texts stand, of what the user may see; in the order of the checksums."""
    found: dict[str, list[_Place]] = {checksum: [] for checksum in checksums}
    standing = rows.filter(sha256__in=checksums).order_by("item_id")
    for checksum, *place in standing.values_list("sha256", "item_id", "plan_id"):
        found[checksum].append(_Place(*place))
    return found


def _varied(pairs: Iterable[_Pair]) -> Iterator[_Pair]:
    """Of any two plans only a few: where one is a copy of the other, these would be all that is seen."""
    counted: Counter[frozenset[UUID]] = Counter()
    for pair in pairs:
        plans_of = frozenset({pair.first.plan, pair.second.plan})
        counted[plans_of] += 1
        if counted[plans_of] <= EACH:
            yield pair


def _repeated(rows: QuerySet[Record]) -> list[str]:
    """The checksums of texts that stand in several places and are work: first those that say most."""
    counted = rows.values_list("sha256", "text").annotate(number=Count("pk")).filter(number__gt=1)
    same = list(counted.order_by())
    common = formulas.common(text for _, text, number in same for _ in range(number))
    work = [
        (number, -len(text), checksum)
        for checksum, text, number in same
        if len(text) >= SHORTEST and formulas.shape(text) not in common
    ]
    return [checksum for _, _, checksum in sorted(work)]


def _told(found: list[_Pair], rows: QuerySet[Record]) -> tuple[Duplicate, ...]:
    ids = [place.id for pair in found for place in (pair.first, pair.second)]
    hits = {hit.id: hit for hit in searching.hits("", ids, dict.fromkeys(ids, 1.0), (), rows)}
    above = dict(Task.objects.filter(pk__in=ids).values_list("pk", "parent_id"))
    return tuple(
        Duplicate(hits[first.id], hits[second.id], score, *_proposal(hits[first.id], hits[second.id], above))
        for first, second, score in found
        if first.id in hits and second.id in hits
    )


def _proposal(first: Hit, second: Hit, above: Mapping[UUID, UUID | None]) -> tuple[str, str]:
    """The choice, and why; `above` are the tasks that they are steps of."""
    if first.plan == second.plan:
        if (first.phase, above[first.id]) != (second.phase, above[second.id]):
            return Verdict.Choice.IGNORE, "They stand in two places of one plan, where a step may recur."
        return Verdict.Choice.MERGE, "They stand side by side in one plan."
    if Status.DONE in (first.status, second.status) and first.status != second.status:
        return Verdict.Choice.LINK, "One is done: what was made there may be what the other one needs."
    return Verdict.Choice.LINK, "Two plans mean to do the same."
