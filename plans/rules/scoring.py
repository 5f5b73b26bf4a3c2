"""The score of a plan: `costs`, `score`, and `explain`, which says what cost points.

A plan begins with 100 points. Each finding costs it `POINTS` by severity, and one rule no more than `MOST`.
In a plan of more than `USUAL_SIZE` phases and tasks, findings that do not concern the plan as a whole cost
less: in one four times as long, half as much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import sqrt
from types import MappingProxyType

from plans.rules.model import Cost, Finding, Severity, ValidationResult
from plans.rules.settings import Settings

POINTS: Mapping[Severity, float] = MappingProxyType(
    {Severity.ERROR: 10.0, Severity.WARNING: 3.0, Severity.INFO: 0.5}
)
MOST: Mapping[Severity, float] = MappingProxyType(
    {Severity.ERROR: 40.0, Severity.WARNING: 15.0, Severity.INFO: 3.0}
)
USUAL_SIZE = 25


def costs(findings: Iterable[Finding], settings: Settings, *, size: int) -> tuple[Cost, ...]:
    """What each rule costs, the most expensive first. `size`: how many phases and tasks the plan has."""
    counts = Counter(finding.rule for finding in findings)
    shrunk = max(1.0, sqrt(size / USUAL_SIZE))
    found: list[Cost] = []
    for rule_id, count in counts.items():
        rule, severity, _ = settings.by_id[rule_id]
        points = count * POINTS[severity] / (1.0 if rule.whole else shrunk)
        most = MOST[severity]
        found.append(Cost(rule_id, severity, count, round(min(points, most), 2), points > most))
    return tuple(sorted(found, key=lambda cost: (-cost.points, cost.rule)))


def score(found: Iterable[Cost]) -> float:
    """What is left of 100 points, one decimal; 100 only where nothing cost anything."""
    lost = sum(cost.points for cost in found)
    return max(0.0, min(99.9, round(100 - lost, 1))) if lost else 100.0


def explain(result: ValidationResult) -> tuple[str, ...]:
    """A line for each rule that cost points, the most expensive first; none where the score is 100."""
    return tuple(
        f"-{cost.points:g} {cost.rule}: {cost.findings} × {cost.severity}{', at most' if cost.capped else ''}"
        for cost in result.costs
    )
