"""What a policy comes to, field by field: `outlook`. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

from conflicts.merge import ClashKind, Severity
from conflicts.merge.model import CLASSES, Owner
from conflicts.policy.rules import DEFAULT_RULES, ArbitrationPolicy
from conflicts.strategies import STRATEGIES
from conflicts.strategies.owner_wins import OwnerWins

Origin = Literal["owner", "rule", "default", "nothing"]
"""What in the policy says so."""


class Outlook(NamedTuple):
    """What becomes of clashes over one field."""

    field: str
    kind: ClashKind
    severity: Severity
    owner: Owner
    strategies: tuple[str, ...]
    """Tried in this order, then a person."""
    caveats: tuple[str, ...]
    """What may be lost."""
    origin: Origin


def outlook(policy: ArbitrationPolicy) -> tuple[Outlook, ...]:
    """One for each field of a clash, in the order in which they are classed."""
    return tuple(_outlook(name, policy) for name in CLASSES)


def _outlook(name: str, policy: ArbitrationPolicy) -> Outlook:
    owner, rule = policy.owner(name), policy.rule_for(name)
    tried = rule.strategies if rule is not None else ()
    origin: Origin = "nothing" if rule is None else "default" if rule in DEFAULT_RULES else "rule"
    if owner != "both":
        tried, origin = (OwnerWins.name,), "owner"
    strategies = tuple(each for each in tried if STRATEGIES[each].handles(name))
    caveats = tuple(caveat for each in strategies if (caveat := STRATEGIES[each].caveat_for(name)))
    return Outlook(name, *CLASSES[name], owner, strategies, caveats, origin)
