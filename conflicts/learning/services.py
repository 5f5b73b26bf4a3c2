"""What is written about learning: `suggest`, `note_decisions`, `note_taken_back`, `train`.

decision of a person --> was it as suggested?  --> Hit          --> status: suggest, act, keep quiet
                     --> every so many of them --> LearnedModel --> suggestions of the open conflicts
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from audit.models import Entry
from audit.transactions import write_transaction
from conflicts.learning import memory, training
from conflicts.learning.knowledge import Knowledge
from conflicts.learning.memory import State, Status
from conflicts.learning.training import Decided
from conflicts.merge.model import SIDES
from conflicts.models import Conflict, Hit, LearnedModel

logger = logging.getLogger(__name__)

TRAIN_EVERY = 10
"""Decisions of people."""
LAST_DECISIONS = 5000
"""So many are trained on."""
KEPT_MODELS = 5
BATCH = 500

TASK = "conflicts.learning.tasks.train"


def suggest(conflicts: Sequence[Conflict]) -> None:
    """Set the suggestion of each, unsaved; none where people were not helped by them lately."""
    if not conflicts:
        return
    knowledge = memory.knowledge() if memory.status().is_shown else None
    for conflict in conflicts:
        conflict.suggestion = _suggestion(conflict, knowledge)


def note_decisions(conflicts: Sequence[Conflict]) -> None:
    """Measure the suggestions by what people decided just now. In the transaction of the decision."""
    learnable = [conflict for conflict in conflicts if memory.is_learnable(conflict)]
    if not learnable:
        return
    before = memory.status()
    _measure(learnable)
    _announce(before, memory.status())
    if _is_time_to_train(sum(conflict.taken in SIDES for conflict in learnable)):
        queue_training()


def note_taken_back(entries: Iterable[Entry]) -> None:
    """Count each learned decision among these entries, which people took back, as a miss; once."""
    told = [(entry.pk, entry.after or {}) for entry in entries if entry.action == Entry.Action.DECIDED]
    learned = [(pk, after) for pk, after in told if after.get("strategy") == memory.LEARNED]
    if not learned:
        return
    at = timezone.now()
    rows = [
        Hit(at=at, entry_id=pk, suggested=after["take"], confidence=after["confidence"], is_hit=False)
        for pk, after in learned
    ]
    with write_transaction():
        before = memory.status()
        Hit.objects.bulk_create(rows, ignore_conflicts=True)
        _announce(before, memory.status())


def queue_training() -> None:
    """Have a worker train once this transaction is committed."""
    transaction.on_commit(lambda: async_task(TASK))


def train() -> LearnedModel | None:
    """Learn from all decisions anew, then renew the suggestions of all open conflicts.

    None, and no new model, where there are too few decisions. Imports scikit-learn.
    """
    found = training.trained([_decided(row) for row in memory.decisions()[:LAST_DECISIONS]])
    row = None
    if found is not None:
        with write_transaction():
            row = LearnedModel.objects.create(
                trained_at=timezone.now(),
                decisions=found.decisions,
                hit_rate=found.hit_rate,
                content=found.knowledge.as_json(),
            )
            kept = LearnedModel.objects.order_by("-pk").values_list("pk", flat=True)[:KEPT_MODELS]
            LearnedModel.objects.exclude(pk__in=list(kept)).delete()
        logger.info("Learned from %s decisions; hit rate in training %s", row.decisions, row.hit_rate)
    renew_suggestions()
    return row


def renew_suggestions() -> int:
    """Have every open conflict say what is suggested by now; how many changed."""
    knowledge = memory.knowledge() if memory.status().is_shown else None
    opened = Conflict.objects.filter(state=Conflict.State.OPEN)
    ids = list(opened.values_list("pk", flat=True))
    return sum(
        _renew(opened.filter(pk__in=ids[start : start + BATCH]), knowledge)
        for start in range(0, len(ids), BATCH)
    )


# ----------------------------------------------------------------------------------------- steps


def _renew(rows: QuerySet[Conflict], knowledge: Knowledge | None) -> int:
    """One statement for all that get the very same suggestion, as those that are alike do."""
    changed: dict[bytes, list[UUID]] = {}
    with write_transaction():
        # What is being decided at this moment needs no suggestion, and nobody waits for anybody.
        for row in rows.select_for_update(skip_locked=True):
            said = _suggestion(row, knowledge)
            if said != row.suggestion:
                changed.setdefault(orjson.dumps(said), []).append(row.pk)
        for said_as_json, ids in changed.items():
            Conflict.objects.filter(pk__in=ids).update(suggestion=orjson.loads(said_as_json))
    return sum(map(len, changed.values()))


def _suggestion(conflict: Conflict, knowledge: Knowledge | None) -> dict[str, Any] | None:
    if knowledge is None or not memory.is_learnable(conflict):
        return None
    guess = knowledge.guess(memory.facts_of(conflict))
    return None if guess is None else guess.as_json()


def _measure(conflicts: Sequence[Conflict]) -> None:
    """A decision made again counts once. What is kept quiet is measured too, to be heard again some day."""
    at, knowledge = timezone.now(), memory.knowledge()
    hits = []
    for conflict in conflicts:
        said = conflict.suggestion or _suggestion(conflict, knowledge)
        if said is not None:
            hits.append(
                Hit(
                    at=at,
                    conflict=conflict,
                    suggested=said["take"],
                    confidence=said["confidence"],
                    taken=conflict.taken,
                    is_hit=conflict.taken == said["take"],
                )
            )
    ids = [conflict.pk for conflict in conflicts]
    for start in range(0, len(ids), BATCH):
        Hit.objects.filter(conflict__in=ids[start : start + BATCH]).delete()
    Hit.objects.bulk_create(hits, batch_size=BATCH)


def _is_time_to_train(fresh: int) -> bool:
    """Whether these decisions reach or pass a multiple of `TRAIN_EVERY`."""
    count = memory.decisions().count()
    return fresh > 0 and count // TRAIN_EVERY != (count - fresh) // TRAIN_EVERY


def _announce(before: Status, after: Status) -> None:
    """Say that learned decisions or suggestions are off by now; hide those that stand, or show them again."""
    if before.state == State.ACTING and after.state != State.ACTING:
        logger.warning(
            "Learned decisions are off: people took what was suggested in %.0f %% of the last %s cases; "
            "%.0f %% are needed",
            *(100 * (after.hit_rate or 0), after.measured, 100 * memory.ACTS_FROM),
        )
    if before.is_shown != after.is_shown:
        if not after.is_shown:
            logger.warning(
                "Suggestions are off: people took what was suggested in %.0f %% of the last %s cases",
                *(100 * (after.hit_rate or 0), after.measured),
            )
        queue_training()


def _decided(row: Conflict) -> Decided:
    take: Any = row.taken
    return Decided(str(row.pk), memory.facts_of(row), take)
