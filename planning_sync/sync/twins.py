"""Which plans of the hub a plan of a replica may be the same as: `Twins`, `Twin`.

Two replicas may hold the same work from the start. To import the second one would double every plan, so a
plan that is much like one of the hub which the replica has not got yet is asked about (`sync.pairing`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from django.utils.functional import cached_property

from planning_sync.sync.models import Link
from plans import identity, storage
from plans.models import Phase, Plan, Task
from plans.outline import Outline

MOST_HOLDERS = 50
"""A text that stands in more plans than that says nothing of any of them."""
MOST_COMPARED = 8
SAME_PATH = 0.1
"""What the same path adds: folders hold versions and copies of one plan, and edits blur which is which."""


class Twin(NamedTuple):
    plan_id: UUID
    title: str
    score: float
    """How much of the two is the same work, 0 to 1."""
    named: bool
    """Whether the plan stands at the same path in another replica."""


class Twins:
    """The plans of the hub that one replica has not, as they are when they are first asked for."""

    def __init__(self, replica_id: UUID) -> None:
        self._plans = Plan.objects.live().exclude(links__replica=replica_id)

    @cached_property
    def _titles(self) -> dict[UUID, str]:
        return dict(self._plans.values_list("pk", "title"))

    @cached_property
    def _holders(self) -> dict[str, set[UUID]]:
        """By text, the plans with an item that says so."""
        found: defaultdict[str, set[UUID]] = defaultdict(set)
        of_plans = {"plan__in": self._plans, "deleted_at": None}
        tasks = Task.objects.filter(**of_plans).values_list("plan_id", "text")
        phases = Phase.objects.filter(**of_plans).values_list("plan_id", "title")
        for plan_id, text in chain(tasks.iterator(), phases.iterator()):
            found[text].add(plan_id)
        return found

    def alike(self, outline: Outline, path: str, *, at_least: float) -> list[Twin]:
        """Those that much like the outline at `path`, the likeliest first; none for one without items."""
        if not outline.items or not self._titles:
            return []
        twins = [self._scored(plan_id, outline, path) for plan_id in self._worth_comparing(outline)]
        return sorted((twin for twin in twins if twin.score >= at_least), key=_rank)

    def _worth_comparing(self, outline: Outline) -> list[UUID]:
        shared: Counter[UUID] = Counter()
        for text in {item.text for item in outline.items}:
            holders = self._holders.get(text, ())
            if len(holders) <= MOST_HOLDERS:
                shared.update(holders)
        least = len(outline.items) // 20
        return [plan_id for plan_id, number in shared.most_common(MOST_COMPARED) if number > least]

    def _scored(self, plan_id: UUID, outline: Outline, path: str) -> Twin:
        plan = Plan.objects.get(pk=plan_id)
        score = identity.similarity(storage.load(plan).outline, outline)
        named = Link.objects.filter(plan=plan, path=path).exists()
        return Twin(plan_id, plan.title, round(score, 3), named)


def _rank(twin: Twin) -> tuple[float, str, str]:
    return -twin.score - SAME_PATH * twin.named, twin.title, twin.plan_id.hex
