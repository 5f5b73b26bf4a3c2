"""What is asked and what is answered: `Filters`, `Hit`, `Answer`. Values, which know no database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self
from uuid import UUID

FULL_TEXT = "full-text"
"""The engine of last resort: the database's own."""


@dataclass(frozen=True)
class Filters:
    """A hit has one of the values of each field that has some; of `tags`, all.

    `sight` are the replicas that whoever asks may see, None for all.
    """

    kinds: frozenset[str] = frozenset()
    plans: frozenset[str] = frozenset()
    phases: frozenset[str] = frozenset()
    replicas: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    sight: frozenset[str] | None = None

    def as_json(self) -> dict[str, Any]:
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.sight is None:
            del told["sight"]
        return {name: sorted(values) for name, values in told.items() if values or name == "sight"}

    @classmethod
    def of_json(cls, told: Mapping[str, Iterable[str]]) -> Self:
        return cls(**{name: frozenset(values) for name, values in told.items()})


@dataclass(frozen=True)
class Hit:
    kind: str
    id: UUID
    plan: UUID
    plan_title: str
    phase: UUID | None
    phase_title: str
    ref: str
    text: str
    status: str
    priority: str
    tags: tuple[str, ...]
    score: float
    """Between 0 and 1; of use to compare hits of one answer."""
    exact: bool
    """It has the ref that was asked for, or is called by it."""
    marks: tuple[tuple[int, int], ...]
    """Where in `text` the words that were asked for stand: (start, end)."""

    def as_json(self) -> dict[str, Any]:
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        phase = str(self.phase) if self.phase else None
        return {
            **told,
            "id": str(self.id),
            "plan": str(self.plan),
            "phase": phase,
            "tags": list(self.tags),
            "score": round(self.score, 4),
            "marks": [list(mark) for mark in self.marks],
        }


@dataclass(frozen=True)
class Answer:
    hits: tuple[Hit, ...]
    engine: str
    """`qdrant-edge`, `qdrant` or `full-text`."""
    degraded: bool
    """Whether meanings were not compared, only words."""
    reason: str
    """Why it is degraded."""
    took_ms: float

    def as_json(self) -> dict[str, Any]:
        return {
            "results": [hit.as_json() for hit in self.hits],
            "engine": self.engine,
            "degraded": self.degraded,
            "reason": self.reason,
            "took_ms": round(self.took_ms, 1),
        }
