"""What work that is done says of a task to be done: `recommend`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from planning_sync.search import wire
from planning_sync.search.asking import Filters, Hit
from planning_sync.search.errors import EmbedderAway, IndexAway, NotIndexed
from planning_sync.search.models import Kind, Record
from planning_sync.search.services import searching
from plans.models import Status, Task

NEIGHBOURS = 30
NEAR = 0.7
"""A cosine below this is another kind of work."""
_EVIDENCE = 3
_FIELDS: Mapping[str, Callable[[Task], str]] = {
    "priority": lambda task: task.priority,
    "assignee": lambda task: task.assignee,
    "estimate": lambda task: task.estimate,
}


@dataclass(frozen=True)
class Proposal:
    field: str
    value: str
    confidence: float
    """From 0 to 1: how much of the evidence agrees, times how near the nearest of it is."""
    evidence: tuple[UUID, ...]
    """Tasks that say so, the nearest first."""


@dataclass(frozen=True)
class Precedent:
    """A plan that did such a thing before."""

    plan: UUID
    title: str
    score: float
    tasks: int


@dataclass(frozen=True)
class Recommendation:
    proposals: tuple[Proposal, ...]
    dependencies: tuple[Hit, ...]
    """Tasks of the same plan that are like what the neighbours waited for."""
    plans: tuple[Precedent, ...]
    neighbours: tuple[Hit, ...]
    """The done tasks that all this rests on."""
    reason: str = ""
    """Why nothing can be said now: no embedder answers."""


def recommend(task_id: UUID, *, user: Any, replica_ids: Collection[UUID] | None = None) -> Recommendation:
    """From the nearest done tasks that `user` may see. Raises `NotIndexed`."""
    sight = searching.sight(user, replica_ids)
    record = (
        searching.within(Filters(kinds=frozenset({Kind.TASK}), sight=sight)).filter(item_id=task_id).first()
    )
    if record is None:
        raise NotIndexed(task_id)
    filters = Filters(kinds=frozenset({Kind.TASK}), statuses=frozenset({Status.DONE}), sight=sight)
    try:
        return _recommended(record, filters)
    except (EmbedderAway, IndexAway) as error:
        return Recommendation((), (), (), (), reason=str(error))


def _recommended(record: Record, filters: Filters) -> Recommendation:
    hits = _near(record, filters)
    tasks = Task.objects.in_bulk([hit.id for hit in hits])
    known = [(hit, tasks[hit.id]) for hit in hits if hit.id in tasks]
    proposals = (_proposal(field, told, known) for field, told in _FIELDS.items())
    return Recommendation(
        proposals=tuple(proposal for proposal in proposals if proposal is not None),
        dependencies=_dependencies(record, known, replace(filters, statuses=frozenset())),
        plans=_plans(record, hits),
        neighbours=hits,
    )


def _near(record: Record, filters: Filters, limit: int = NEIGHBOURS, text: str = "") -> tuple[Hit, ...]:
    """Near in meaning to the record, or to the text; the score is the cosine."""
    told = wire.ask("near", text=text or record.text, filters=filters.as_json(), limit=limit + 1)
    scores = {UUID(key): cosine for key, cosine in told["hits"] if cosine >= NEAR}
    scores.pop(record.item_id, None)
    rows = searching.within(filters)
    return searching.hits(record.text, list(scores)[:limit], scores, (), rows)


def _proposal(field: str, told: Callable[[Task], str], known: Sequence[tuple[Hit, Task]]) -> Proposal | None:
    saying: dict[tuple[str, str], Hit] = {}
    for hit, task in known:
        if told(task):
            saying.setdefault((told(task), hit.text), hit)  # copies of one plan are one witness
    if not saying:
        return None
    votes: Counter[str] = Counter()
    for (said, _), hit in saying.items():
        votes[said] += hit.score  # type: ignore[assignment]  # weights, not counts
    value = min(votes, key=lambda each: (-votes[each], each))
    agreeing = [hit for (said, _), hit in saying.items() if said == value]
    confidence = votes[value] / sum(votes.values()) * agreeing[0].score * min(1.0, len(agreeing) / _EVIDENCE)
    return Proposal(field, value, round(confidence, 3), tuple(hit.id for hit in agreeing[:_EVIDENCE]))


def _dependencies(record: Record, known: Sequence[tuple[Hit, Task]], filters: Filters) -> tuple[Hit, ...]:
    found: dict[UUID, Hit] = {}
    here = replace(filters, plans=frozenset({str(record.plan_id)}))
    for _, task in known:
        awaited = Task.objects.live().filter(plan_id=task.plan_id, ref__in=task.depends_on).exclude(ref="")
        for text in awaited.values_list("text", flat=True)[:_EVIDENCE]:
            for hit in _near(record, here, limit=1, text=text):
                found.setdefault(hit.id, hit)
    return tuple(found.values())


def _plans(record: Record, hits: Sequence[Hit]) -> tuple[Precedent, ...]:
    by_plan: dict[UUID, list[Hit]] = {}
    for hit in hits:
        if hit.plan != record.plan_id:
            by_plan.setdefault(hit.plan, []).append(hit)
    found = [
        Precedent(plan, some[0].plan_title, max(hit.score for hit in some), len(some))
        for plan, some in by_plan.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.score, each.title)))
