"""What is remembered: decisions, the last model, how its guesses fared. Reads, never writes.

Public: `status`, `Status`, `State`; `knowledge`; `decisions`, `is_learnable`, `facts_of`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from django.db.models import QuerySet

from conflicts.learning.features import Facts
from conflicts.learning.knowledge import Knowledge
from conflicts.merge.model import CLASSES, SIDES
from conflicts.models import Conflict, Hit, LearnedModel
from conflicts.strategies.learned import Learned

LEARNED = Learned.name
REOPENED = "reopened"
"""The rule of a conflict over what a strategy had settled and a person took back."""

MEASURED_OVER = 50
"""The last guesses that count."""
MEASURED_ENOUGH = 20
ACTS_FROM = 0.9
SHOWN_FROM = 0.6


class State(StrEnum):
    LEARNING = "learning"
    """Too few decisions for a model."""
    QUIET = "quiet"
    """Guesses failed too often to be shown; they are still measured."""
    SUGGESTING = "suggesting"
    ACTING = "acting"
    """Where a rule of a policy names the strategy, it decides."""


class Status(NamedTuple):
    state: State
    hit_rate: float | None
    """Of the last guesses, the share that people agreed with; None where there was none yet."""
    measured: int
    """How many these are."""
    decisions: int
    """What the model rests on."""
    training_hit_rate: float | None
    trained_at: datetime | None

    @property
    def is_shown(self) -> bool:
        return self.state in (State.SUGGESTING, State.ACTING)

    @property
    def is_healthy(self) -> bool:
        """Whether nothing had to be switched off."""
        return self.measured < MEASURED_ENOUGH or self.state == State.ACTING


def status() -> Status:
    """How learning stands. Two queries."""
    row = LearnedModel.objects.defer("content").order_by("-pk").first()
    hits = list(Hit.objects.order_by("-at", "-pk").values_list("is_hit", flat=True)[:MEASURED_OVER])
    rate = sum(hits) / len(hits) if hits else None
    state = State.LEARNING if row is None else _state(rate, len(hits))
    decided = (0, None, None) if row is None else (row.decisions, row.hit_rate, row.trained_at)
    return Status(state, rate, len(hits), *decided)


def _state(rate: float | None, measured: int) -> State:
    if rate is None or measured < MEASURED_ENOUGH:
        return State.SUGGESTING
    if rate < SHOWN_FROM:
        return State.QUIET
    return State.ACTING if rate >= ACTS_FROM else State.SUGGESTING


def knowledge() -> Knowledge | None:
    """What the last training taught; one query, and one more after each training."""
    last = LearnedModel.objects.order_by("-pk").values_list("pk", "trained_at").first()
    return None if last is None else _knowledge(*last)


# The time is part of the key because SQLite gives the number of a row that was rolled back once more.
@lru_cache(maxsize=1)
def _knowledge(pk: int, trained_at: datetime) -> Knowledge | None:
    content = LearnedModel.objects.filter(pk=pk).values_list("content", flat=True).first()
    return None if content is None else Knowledge.from_json(content)


def decisions() -> QuerySet[Conflict]:
    """Decisions of people for one side or the other, newest first."""
    rows = Conflict.objects.filter(
        taken__in=SIDES,
        state__in=(Conflict.State.DECIDED, Conflict.State.RESOLVED),
        field__in=CLASSES,
        rule__in=("", REOPENED),
    )
    return rows.order_by("-decided_at", "-pk")


def is_learnable(conflict: Conflict) -> bool:
    """Whether it is a plain clash; what a guard or a watching rule asks is for a person to think about."""
    return conflict.field in CLASSES and conflict.rule in ("", REOPENED)


def facts_of(conflict: Conflict) -> Facts:
    return Facts(
        field=conflict.field,
        kind=conflict.kind,
        severity=conflict.severity,
        item_kind=conflict.item_kind,
        replica_id=conflict.replica_id.hex,
        base=conflict.base_value,
        hub=conflict.hub_value,
        replica=conflict.replica_value,
        hub_at=conflict.hub_changed_at,
        hub_by=conflict.hub_changed_by,
        replica_at=conflict.replica_changed_at,
        replica_by=conflict.replica_changed_by,
    )
