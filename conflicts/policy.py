"""Which strategies may settle which clash: `ArbitrationPolicy`, and `arbitrate`, the merge under one. Pure.

Public: `ArbitrationPolicy`, `Rule`, `DEFAULT_ARBITRATION`, `MANUAL_ONLY`, `FILE_NAME`, `from_toml`,
`from_mapping`, `settle`, `Settled`, `arbitrate`, `Arbitrated`.

    [[rule]]
    field = "assignee"                       # one or a list; without it, every field
    kind = "metadata_mismatch"               # one or a list; without it, every kind of clash
    severity = "medium"                      # at most; without it "high", so that critical ones are named
    strategies = ["auto_merge", "hub_wins"]  # tried in this order
    min_kept = 0.5                           # of the words, for auto_merge

The first rule that matches a clash decides alone: what its strategies leave, a person gets. What no rule
matches goes by the default rules, which drop no value: texts, tags and dependencies are merged, all else is
for a person. `strategies = ["manual"]` turns them off.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from conflicts.errors import InvalidPolicy
from conflicts.merge import Choice, Clash, ClashKind, Decision, Decisions, Severity
from conflicts.merge.model import CLASSES, Spot
from conflicts.strategies import STRATEGIES, Context
from conflicts.strategies.base import MIN_KEPT

FILE_NAME = "conflict-policy.toml"
"""Where a policy stands beside the plans."""

_LEVELS = tuple(Severity)


@dataclass(frozen=True)
class Rule:
    """Clashes of these kinds on these fields (none named: all), up to this severity."""

    strategies: tuple[str, ...]
    kinds: frozenset[ClashKind] = frozenset()
    fields: frozenset[str] = frozenset()
    severity: Severity = Severity.HIGH
    min_kept: float = MIN_KEPT

    def matches(self, field: str) -> bool:
        kind, severity = CLASSES[field]
        return (
            (not self.fields or field in self.fields)
            and (not self.kinds or kind in self.kinds)
            and _LEVELS.index(severity) <= _LEVELS.index(self.severity)
        )


DEFAULT_RULES = (Rule(("auto_merge",), fields=frozenset({"text", "tags", "depends_on"})),)


@dataclass(frozen=True)
class ArbitrationPolicy:
    rules: tuple[Rule, ...] = ()
    """In order; after them come the default rules."""

    def rule_for(self, field: str) -> Rule | None:
        return next((rule for rule in (*self.rules, *DEFAULT_RULES) if rule.matches(field)), None)

    @property
    def needs_times(self) -> bool:
        """Whether some strategy asks when each side changed."""
        return any(STRATEGIES[name].needs_times for rule in self.rules for name in rule.strategies)


DEFAULT_ARBITRATION = ArbitrationPolicy()
MANUAL_ONLY = ArbitrationPolicy((Rule(("manual",), severity=Severity.CRITICAL),))


# ------------------------------------------------------------------------------------ settling


class Settled(NamedTuple):
    """A clash, what was chosen for it, and the name of the strategy that chose."""

    clash: Clash
    choice: Choice
    strategy: str

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
    context = replace(context, min_kept=rule.min_kept)
    for name in rule.strategies:
        strategy = STRATEGIES[name]
        choice = strategy.resolve(clash, context) if strategy.can_resolve(clash, context) else None
        if choice is not None:
            return Settled(clash, choice, name)
    return None


def arbitrate(
    decide: Callable[[Decisions], Decision],
    decided: Decisions,
    contexts: Callable[[Decision, Sequence[Clash]], Contexts],
    policy: ArbitrationPolicy,
) -> Arbitrated:
    """`decide` with what people `decided` and with what strategies choose for the clashes that are left.

    What a choice brings to light is settled in turn. A clash that a person decided, on values that moved on
    since, goes back to a person.
    """
    decision = decide(decided)
    settled: dict[Spot, Settled] = {}
    while True:
        # Each spot is tried once, so that this ends.
        left = [
            clash
            for clash in decision.clashes
            if (clash.key, clash.field) not in decided and (clash.key, clash.field) not in settled
        ]
        found = settle(left, contexts(decision, left), policy) if left else ()
        if not found:
            break
        settled |= {each.spot: each for each in found}
        decision = decide({**decided, **{spot: each.choice for spot, each in settled.items()}})
    stale = set(decision.stale)
    return Arbitrated(decision, tuple(each for spot, each in settled.items() if spot not in stale))


# ------------------------------------------------------------------------------------- reading


def from_toml(text: str, source: str = FILE_NAME) -> ArbitrationPolicy:
    """The policy that the text of a TOML file says; raises `InvalidPolicy`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidPolicy(source, "", f"it is not TOML: {error}") from error
    return from_mapping(content, source)


def from_mapping(content: Mapping[str, Any], source: str) -> ArbitrationPolicy:
    """The policy that tables of TOML or JSON say; `source` is named in errors. Raises `InvalidPolicy`."""
    if not isinstance(content, Mapping):
        raise InvalidPolicy(source, "", "give a table with a list `rule`")
    _check_keys(content, ("rule",), source, "")
    rules = content.get("rule", [])
    if not isinstance(rules, list):
        raise InvalidPolicy(source, "rule", "give a list of tables, in TOML [[rule]]")
    return ArbitrationPolicy(tuple(_rule(each, source, f"rule {n}") for n, each in enumerate(rules, 1)))


def _rule(table: Any, source: str, where: str) -> Rule:
    if not isinstance(table, Mapping):
        raise InvalidPolicy(source, where, "give a table")
    _check_keys(table, ("kind", "field", "severity", "strategies", "min_kept"), source, where)
    if "strategies" not in table:
        raise InvalidPolicy(source, where, "strategies is missing; name at least one, such as manual")
    strategies = _names(table["strategies"], tuple(STRATEGIES), source, f"{where}, strategies")
    if "manual" in strategies[:-1]:
        raise InvalidPolicy(source, f"{where}, strategies", "nothing can come after manual")
    kinds = _names(table["kind"], tuple(ClashKind), source, f"{where}, kind") if "kind" in table else ()
    fields = _names(table["field"], tuple(CLASSES), source, f"{where}, field") if "field" in table else ()
    level = table.get("severity", Severity.HIGH)
    (severity,) = _names([level], _LEVELS, source, f"{where}, severity")
    rule = Rule(
        strategies,
        kinds=frozenset(map(ClashKind, kinds)),
        fields=frozenset(fields),
        severity=Severity(severity),
        min_kept=_share(table.get("min_kept", MIN_KEPT), source, f"{where}, min_kept"),
    )
    _check_use(rule, source, where)
    return rule


def _check_keys(table: Mapping[str, Any], known: Sequence[str], source: str, where: str) -> None:
    for key in table:
        if key not in known:
            raise InvalidPolicy(source, where, f"{key!r} is not one of {', '.join(known)}")


def _names(given: Any, known: Sequence[str], source: str, where: str) -> tuple[str, ...]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not listed:
        raise InvalidPolicy(source, where, "give a name or a list of names")
    for name in listed:
        if not isinstance(name, str) or name not in known:
            raise InvalidPolicy(source, where, f"{name!r} is not one of {', '.join(known)}")
    return tuple(listed)


def _share(given: Any, source: str, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise InvalidPolicy(source, where, f"{given!r} is not a number from 0 to 1")
    return float(given)


def _check_use(rule: Rule, source: str, where: str) -> None:
    """Refuse a field that the rest of its rule excludes: it would wait for a person, and nobody knew why."""
    for name in sorted(rule.fields):
        if not rule.matches(name):
            kind, severity = CLASSES[name]
            reason = f"it can never match {name}, which is a {kind} of severity {severity}"
            raise InvalidPolicy(source, where, reason)
    if not any(map(rule.matches, CLASSES)):
        raise InvalidPolicy(source, where, "no field is of that kind and of such low severity")
