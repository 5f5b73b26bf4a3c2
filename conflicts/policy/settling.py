"""The merge under a policy: `arbitrate`, which has its strategies `settle` clashes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from conflicts.merge import Choice, Clash, Decision, Decisions
from conflicts.merge.model import Spot
from conflicts.policy.rules import ArbitrationPolicy
from conflicts.strategies import STRATEGIES, Context
from conflicts.strategies.base import NOTHING_TOLD


class Settled(NamedTuple):
    """A clash, what was chosen for it, and the name of the strategy that chose."""

    clash: Clash
    choice: Choice
    strategy: str
    grounds: Mapping[str, Any] = NOTHING_TOLD
    """What the strategy rested on, for the history."""

    @property
    def spot(self) -> Spot:
        return (self.clash.key, self.clash.field)


class Arbitrated(NamedTuple):
    decision: Decision
    settled: tuple[Settled, ...]
    """What strategies settled, and `decision` has applied."""


Contexts = Mapping[Spot, Context]


def settle(clashes: Iterable[Clash], contexts: Contexts, policy: ArbitrationPolicy) -> tuple[Settled, ...]:
    """What the strategies of `policy` make of the clashes; those that are for a person are left out."""
    found = (_settled(clash, contexts[clash.key, clash.field], policy) for clash in clashes)
    return tuple(settled for settled in found if settled is not None)


def _settled(clash: Clash, context: Context, policy: ArbitrationPolicy) -> Settled | None:
    rule = policy.rule_for(clash.field)
    if rule is None:
        return None
    context = replace(
        context, min_kept=rule.min_kept, confidence=rule.confidence, owner=policy.owner(clash.field)
    )
    for name in rule.strategies:
        strategy = STRATEGIES[name]
        choice = strategy.resolve(clash, context) if strategy.can_resolve(clash, context) else None
        if choice is not None:
            return Settled(clash, choice, name, strategy.grounds(context))
    return None


def arbitrate(
    decide: Callable[[Decisions], Decision],
    decided: Decisions,
    contexts: Callable[[Decision, Sequence[Clash]], Contexts],
    policy: ArbitrationPolicy,
    manual: Container[Spot] = (),
) -> Arbitrated:
    """`decide` with what people `decided` and with what strategies choose for the clashes that are left.

    What a choice brings to light is settled in turn. A clash that a person decided, on values that moved on
    since, goes back to a person; so does every one at the spots `manual`.
    """
    decision = decide(decided)
    settled: dict[Spot, Settled] = {}
    while True:
        # Each spot is tried once, so that this ends.
        left = [
            clash
            for clash in decision.clashes
            if not any((clash.key, clash.field) in known for known in (decided, settled, manual))
        ]
        found = settle(left, contexts(decision, left), policy) if left else ()
        if not found:
            break
        settled |= {each.spot: each for each in found}
        decision = decide({**decided, **{spot: each.choice for spot, each in settled.items()}})
    stale = set(decision.stale)
    return Arbitrated(decision, tuple(each for spot, each in settled.items() if spot not in stale))
