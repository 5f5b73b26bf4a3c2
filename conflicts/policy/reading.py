"""Policies read from TOML or JSON, and made one of several: `from_toml`, `from_mapping`, `combined`. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from conflicts.errors import InvalidPolicy
from conflicts.merge import ClashKind, Severity
from conflicts.merge.model import CLASSES, Owner
from conflicts.policy.rules import LEVELS, ArbitrationPolicy, Rule
from conflicts.strategies import STRATEGIES
from conflicts.strategies.base import CONFIDENCE, MIN_KEPT
from conflicts.strategies.owner_wins import OwnerWins
from conflicts.watch import PROOFS, Watch

FILE_NAME = "conflict-policy.toml"
"""Where a policy stands beside the plans."""

OWNERS: tuple[Owner, ...] = ("hub", "replica", "both")


class Layer(NamedTuple):
    """What one place says, as tables of TOML or JSON; `source` is named in errors."""

    content: Mapping[str, Any]
    source: str


def from_toml(text: str, source: str = FILE_NAME) -> ArbitrationPolicy:
    """The policy that the text of a TOML file says; raises `InvalidPolicy`."""
    return combined([read_toml(text, source)])


def from_mapping(content: Mapping[str, Any], source: str) -> ArbitrationPolicy:
    """The policy that tables of TOML or JSON say; raises `InvalidPolicy`."""
    return combined([Layer(content, source)])


def read_toml(text: str, source: str = FILE_NAME) -> Layer:
    """What the text of a TOML file says, not checked yet; raises `InvalidPolicy` where it is not TOML."""
    try:
        return Layer(tomllib.loads(text), source)
    except tomllib.TOMLDecodeError as error:
        raise InvalidPolicy(source, "", f"it is not TOML: {error}") from error


def combined(layers: Sequence[Layer]) -> ArbitrationPolicy:
    """One policy of several, those that go before first: their rules come first, and so do their owners
    and each thing that they watch for. Raises `InvalidPolicy`.
    """
    rules: list[Rule] = []
    owners: dict[str, Owner] = {}
    watch: dict[str, Any] = {}
    for content, source in layers:
        if not isinstance(content, Mapping):
            raise InvalidPolicy(source, "", "give a table with a list `rule`")
        _check_keys(content, ("rule", "owners", "watch"), source, "")
        rules += _rules(content.get("rule", []), source)
        owners = {**_owners(content.get("owners", {}), source), **owners}
        watch = {**_watch(content.get("watch", {}), source), **watch}
    return ArbitrationPolicy(tuple(rules), MappingProxyType(owners), Watch(**watch))


def _rules(listed: Any, source: str) -> list[Rule]:
    if not isinstance(listed, list):
        raise InvalidPolicy(source, "rule", "give a list of tables, in TOML [[rule]]")
    return [_rule(each, source, f"rule {n}") for n, each in enumerate(listed, 1)]


def _owners(table: Any, source: str) -> dict[str, Owner]:
    if not isinstance(table, Mapping):
        raise InvalidPolicy(source, "owners", "give a table, in TOML [owners]")
    _check_keys(table, tuple(CLASSES), source, "owners")
    for name, owner in table.items():
        if owner not in OWNERS:
            raise InvalidPolicy(source, f"owners, {name}", f"{owner!r} is not one of {', '.join(OWNERS)}")
    return dict(table)


def _watch(table: Any, source: str) -> dict[str, Any]:
    """The fields of `Watch` that the table sets; None, which only JSON can say, switches one off."""
    if not isinstance(table, Mapping):
        raise InvalidPolicy(source, "watch", "give a table, in TOML [watch]")
    _check_keys(table, tuple(_WATCHED), source, "watch")
    return {name: _WATCHED[name](given, source, f"watch, {name}") for name, given in table.items()}


def _tasks(given: Any, source: str, where: str) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise InvalidPolicy(source, where, f"{given!r} is not a number of tasks, 0 or more")
    return given


def _evidence(given: Any, source: str, where: str) -> frozenset[str]:
    return frozenset(_names(given, PROOFS, source, where)) if given not in (None, []) else frozenset()


def _points(given: Any, source: str, where: str) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 100:
        raise InvalidPolicy(source, where, f"{given!r} is not a number of points from 0 to 100")
    return float(given)


_WATCHED: Mapping[str, Callable[[Any, str, str], Any]] = MappingProxyType(
    {"open_tasks_removed": _tasks, "evidence": _evidence, "declared_progress": _points}
)


def _rule(table: Any, source: str, where: str) -> Rule:
    if not isinstance(table, Mapping):
        raise InvalidPolicy(source, where, "give a table")
    known = ("kind", "field", "severity", "strategies", "min_kept", "confidence")
    _check_keys(table, known, source, where)
    if "strategies" not in table:
        raise InvalidPolicy(source, where, "strategies is missing; name at least one, such as manual")
    strategies = _names(table["strategies"], tuple(STRATEGIES), source, f"{where}, strategies")
    if "manual" in strategies[:-1]:
        raise InvalidPolicy(source, f"{where}, strategies", "nothing can come after manual")
    if OwnerWins.name in strategies:
        reason = "owner_wins goes before every rule by itself: say in owners whose the field is"
        raise InvalidPolicy(source, f"{where}, strategies", reason)
    kinds = _names(table["kind"], tuple(ClashKind), source, f"{where}, kind") if "kind" in table else ()
    fields = _names(table["field"], tuple(CLASSES), source, f"{where}, field") if "field" in table else ()
    level = table.get("severity", Severity.HIGH)
    (severity,) = _names([level], LEVELS, source, f"{where}, severity")
    rule = Rule(
        strategies,
        kinds=frozenset(map(ClashKind, kinds)),
        fields=frozenset(fields),
        severity=Severity(severity),
        min_kept=_share(table.get("min_kept", MIN_KEPT), source, f"{where}, min_kept"),
        confidence=_share(table.get("confidence", CONFIDENCE), source, f"{where}, confidence"),
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
