"""What a policy says: `ArbitrationPolicy` and its `Rule`s, and what holds without one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from conflicts import merge
from conflicts.merge import STRUCTURAL, ClashKind, Severity
from conflicts.merge.model import CLASSES, Owner
from conflicts.strategies import STRATEGIES
from conflicts.strategies.base import CONFIDENCE, MIN_KEPT
from conflicts.strategies.learned import Learned
from conflicts.strategies.owner_wins import OwnerWins
from conflicts.watch import Watch

LEVELS = tuple(Severity)
"""From the least to the most severe."""


@dataclass(frozen=True)
class Rule:
    """Clashes of these kinds on these fields (none named: all), up to this severity."""

    strategies: tuple[str, ...]
    kinds: frozenset[ClashKind] = frozenset()
    fields: frozenset[str] = frozenset()
    severity: Severity = Severity.HIGH
    min_kept: float = MIN_KEPT
    confidence: float = CONFIDENCE

    def matches(self, name: str) -> bool:
        kind, severity = CLASSES[name]
        return (
            (not self.fields or name in self.fields)
            and (not self.kinds or kind in self.kinds)
            and LEVELS.index(severity) <= LEVELS.index(self.severity)
        )


DEFAULT_RULES = (Rule(("auto_merge",), fields=frozenset({"text", "tags", "depends_on", "order"})),)

OWNER_RULE = Rule((OwnerWins.name,), fields=STRUCTURAL, severity=Severity.CRITICAL)
"""Goes before all others where the clash is about a place that has an owner."""


@dataclass(frozen=True)
class ArbitrationPolicy:
    rules: tuple[Rule, ...] = ()
    """In order; after them come the default rules."""
    owners: Mapping[str, Owner] = field(default_factory=lambda: MappingProxyType({}))
    """By field; a field that is not named belongs to both."""
    watch: Watch = field(default_factory=Watch)

    def owner(self, name: str) -> Owner:
        return self.owners.get(name, "both")

    @cached_property
    def ownership(self) -> merge.Policy:
        """The owners of what items say, which the merge itself minds."""
        return merge.Policy({name: owner for name, owner in self.owners.items() if name not in STRUCTURAL})

    def rule_for(self, name: str) -> Rule | None:
        if name in STRUCTURAL and self.owner(name) != "both":
            return OWNER_RULE
        return next((rule for rule in (*self.rules, *DEFAULT_RULES) if rule.matches(name)), None)

    @property
    def needs_times(self) -> bool:
        """Whether some strategy asks when each side changed."""
        return any(STRATEGIES[name].needs_times for rule in self.rules for name in rule.strategies)

    @property
    def learns(self) -> bool:
        """Whether some rule lets suggestions act."""
        return any(Learned.name in rule.strategies for rule in self.rules)

    @property
    def without_rules(self) -> ArbitrationPolicy:
        """The same owners and watch; every clash is for a person."""
        return replace(MANUAL_ONLY, owners=self.owners, watch=self.watch)


DEFAULT_ARBITRATION = ArbitrationPolicy()
MANUAL_ONLY = ArbitrationPolicy((Rule(("manual",), severity=Severity.CRITICAL),))
