"""What was learned from decisions, and what it says of a clash: `Knowledge`, `Case`, `Guess`. Pure.

The weights are those of a logistic regression: their sum over the features of a clash tells how likely people
take the file's value. The cases are counts of the decisions on clashes that have something in common; a guess
that most of them speak against is not made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from typing import Any, NamedTuple

from conflicts.learning.features import Facts, Features, features, likeness
from conflicts.merge.model import Side

SUGGEST_FROM = 0.6
"""Of less than this one is not sure enough to say it."""
ENOUGH_ALIKE = 5
"""Decisions that a reason is drawn from; less are no pattern."""


class Case(NamedTuple):
    """The decisions on clashes that are alike in one respect."""

    hub: int = 0
    replica: int = 0
    hub_ids: tuple[str, ...] = ()
    """Of the last ones that took the hub's value, newest first."""
    replica_ids: tuple[str, ...] = ()

    def taking(self, side: Side) -> int:
        return self.hub if side == "hub" else self.replica

    def ids(self, side: Side) -> tuple[str, ...]:
        return self.hub_ids if side == "hub" else self.replica_ids


class Guess(NamedTuple):
    take: Side
    confidence: float
    agreeing: int
    """Of the `alike` decisions, those that took this side."""
    alike: int
    decisions: tuple[str, ...]

    @property
    def reason(self) -> str:
        whose = "file's" if self.take == "replica" else "hub's"
        return f"in {self.agreeing} of {self.alike} similar conflicts the {whose} value was taken"

    def as_json(self) -> dict[str, Any]:
        """As `Conflict.suggestion` holds it."""
        told: dict[str, Any] = {"take": self.take, "confidence": round(self.confidence, 3)}
        told |= {"reason": self.reason, "agreeing": self.agreeing, "alike": self.alike}
        return told | {"decisions": list(self.decisions)}


@dataclass(frozen=True)
class Knowledge:
    intercept: float
    weights: Mapping[str, float]
    cases: Mapping[str, Case]

    def guess(self, facts: Facts) -> Guess | None:
        """The side that people would take; None where past decisions do not tell."""
        chance = self.chance_of_replica(features(facts))
        take: Side = "replica" if chance >= 0.5 else "hub"
        confidence = max(chance, 1 - chance)
        case = self._most_alike(facts)
        if case is None or confidence < SUGGEST_FROM:
            return None
        alike = case.hub + case.replica
        if 2 * case.taking(take) <= alike:
            return None
        return Guess(take, confidence, case.taking(take), alike, case.ids(take))

    def chance_of_replica(self, found: Features) -> float:
        total = self.intercept
        for name, value in found.items():
            if isinstance(value, str):
                total += self.weights.get(f"{name}={value}", 0.0)
            else:
                total += self.weights.get(name, 0.0) * value
        return 1 / (1 + exp(-max(-500.0, min(500.0, total))))

    def _most_alike(self, facts: Facts) -> Case | None:
        found = (self.cases.get(common, Case()) for common in likeness(facts))
        return next((case for case in found if case.hub + case.replica >= ENOUGH_ALIKE), None)

    def as_json(self) -> dict[str, Any]:
        return {"intercept": self.intercept, "weights": dict(self.weights), "cases": dict(self.cases)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Knowledge:
        cases = {
            common: Case(hub, replica, tuple(hub_ids), tuple(replica_ids))
            for common, (hub, replica, hub_ids, replica_ids) in content["cases"].items()
        }
        return cls(content["intercept"], content["weights"], cases)
