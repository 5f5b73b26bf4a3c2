"""What a clash looks like to one who learns from decisions: `Facts`, `features`, `likeness`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from math import log
from types import MappingProxyType
from typing import Any, NamedTuple

from plans.document.inline import PRIORITIES

Features = dict[str, str | float]

MANY_WORDS = 200
"""Of longer texts only the beginning is compared."""


class Facts(NamedTuple):
    """What is known about a clash when it is found. Values are as JSON holds them."""

    field: str
    kind: str
    severity: str
    item_kind: str
    replica_id: str
    base: Any
    hub: Any
    replica: Any
    hub_at: datetime | None = None
    hub_by: str = ""
    replica_at: datetime | None = None
    replica_by: str = ""

    @property
    def newer(self) -> str:
        """The side that changed last; "" where nobody knows."""
        if self.hub_at is None or self.replica_at is None or self.hub_at == self.replica_at:
            return ""
        return "hub" if self.hub_at > self.replica_at else "replica"


def features(facts: Facts) -> Features:
    """Names to words and numbers. Each tells the two sides apart, alone or for this very field."""
    shape, field = _shape(facts), facts.field
    return {
        "field": field,
        "kind": facts.kind,
        "severity": facts.severity,
        "item kind": facts.item_kind,
        "replica": facts.replica_id,
        "newer": facts.newer,
        "shape": shape,
        "hub by": facts.hub_by,
        "replica by": facts.replica_by,
        "base empty": float(not facts.base),
        "longer": _longer(facts.hub, facts.replica),
        "overlap": _overlap(facts.hub, facts.replica),
        "nearer": _overlap(facts.base, facts.replica) - _overlap(facts.base, facts.hub),
        "field, newer": f"{field}, {facts.newer}",
        "field, shape": f"{field}, {shape}",
        "field, values": f"{field}, {_word(field, facts.hub)}, {_word(field, facts.replica)}",
        "field, hub by": f"{field}, {facts.hub_by}",
        "field, replica by": f"{field}, {facts.replica_by}",
    }


def likeness(facts: Facts) -> tuple[str, ...]:
    """What clashes that are alike have in common, from the most alike to the least."""
    values = f"{_word(facts.field, facts.hub)}>{_word(facts.field, facts.replica)}"
    compared = (facts.field, _shape(facts))
    here = (*compared, facts.replica_id)
    common = (
        (*here, facts.item_kind, values, facts.newer, facts.hub_by, facts.replica_by),
        (*here, facts.item_kind, values, facts.newer),
        (*here, values),
        here,
        compared,
        (facts.field,),
    )
    return tuple("|".join(parts) for parts in common)


# ----------------------------------------------------------------------------- comparing two values


def _shape(facts: Facts) -> str:
    """How the replica's value compares with the hub's, in a word."""
    hub, replica = facts.hub, facts.replica
    if hub is None or replica is None:
        return "not in the hub" if hub is None else "not in the file"
    if not hub or not replica:
        return "empty in the hub" if not hub else "empty in the file"
    if isinstance(hub, list) or isinstance(replica, list):
        return _nested(set(hub), set(replica))
    if facts.field in _RANKS:
        return _further(facts.field, str(hub), str(replica))
    return _nested(set(_words(hub)), set(_words(replica)))


def _nested(hub: set[str], replica: set[str]) -> str:
    if hub < replica:
        return "more in the file"
    return "more in the hub" if replica < hub else "different"


def _further(field: str, hub: str, replica: str) -> str:
    here, there = _RANKS[field](hub), _RANKS[field](replica)
    if here is None or there is None or here == there:
        return "different"
    return "further in the hub" if here > there else "further in the file"


def _longer(hub: Any, replica: Any) -> float:
    """Above 0 where the replica says more, 1 for about three times as much."""
    return max(-2.0, min(2.0, log(1 + len(_words(replica))) - log(1 + len(_words(hub)))))


def _overlap(one: Any, other: Any) -> float:
    """The share of their words that two values have in common."""
    first, second = set(_words(one)), set(_words(other))
    union = first | second
    return len(first & second) / len(union) if union else 1.0


def _words(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [str(each) for each in value][:MANY_WORDS]
    return str(value).split()[:MANY_WORDS]


def _word(field: str, value: Any) -> str:
    """The value itself where the field has few."""
    return str(value) if field in ("status", "priority") else ""


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _date(value: str) -> float | None:
    return _number(value.replace("-", ""))


_STEPS = {"todo": 0.0, "blocked": 1.0, "in_progress": 1.0, "done": 2.0, "cancelled": 2.0}
_URGENCY = {name: float(-rank) for rank, name in enumerate(PRIORITIES)}

_RANKS: Mapping[str, Callable[[str], float | None]] = MappingProxyType(
    {
        "status": _STEPS.get,
        "priority": _URGENCY.get,
        "progress": _number,
        "due": _date,
        "date": _date,
    }
)
"""How far a value is, in fields whose values have an order."""
