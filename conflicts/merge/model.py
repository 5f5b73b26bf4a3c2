"""What a merge is told and what it answers. See the package for the public names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, NamedTuple

from plans.outline import FIELDS, Outline, Value

Spot = tuple[str, str]
"""(item key, field): what a clash, a decision or a held value is about."""

Held = Mapping[Spot, Value]
"""The hub's values that the replica has no words for: while neither side changes, the two count as agreed."""

Side = Literal["hub", "replica"]
SIDES: tuple[Side, Side] = ("hub", "replica")

PRESENCE = "presence"
PARENT = "parent"
ORDER = "order"
STRUCTURAL = frozenset({PRESENCE, PARENT, ORDER})
"""The "fields" of a clash about where items stand rather than about what they say."""


class ClashKind(StrEnum):
    CONTENT = "content_divergence"
    STRUCTURE = "structure_change"
    METADATA = "metadata_mismatch"
    PROGRESS = "progress_inconsistency"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


CLASSES: Mapping[str, tuple[ClashKind, Severity]] = MappingProxyType(
    {
        PRESENCE: (ClashKind.STRUCTURE, Severity.CRITICAL),
        PARENT: (ClashKind.STRUCTURE, Severity.HIGH),
        ORDER: (ClashKind.STRUCTURE, Severity.LOW),
        "text": (ClashKind.CONTENT, Severity.HIGH),
        "ref": (ClashKind.METADATA, Severity.MEDIUM),
        "status": (ClashKind.PROGRESS, Severity.HIGH),
        "progress": (ClashKind.PROGRESS, Severity.MEDIUM),
        "priority": (ClashKind.METADATA, Severity.MEDIUM),
        "assignee": (ClashKind.METADATA, Severity.MEDIUM),
        "due": (ClashKind.METADATA, Severity.MEDIUM),
        "depends_on": (ClashKind.METADATA, Severity.MEDIUM),
        "tags": (ClashKind.METADATA, Severity.LOW),
        "estimate": (ClashKind.METADATA, Severity.LOW),
        "version": (ClashKind.METADATA, Severity.LOW),
        "date": (ClashKind.METADATA, Severity.LOW),
    }
)
"""Kind and severity of a clash on each field."""


class Clash(NamedTuple):
    """One thing on which both sides left the base and differ; each keeps its own until it is decided.

    `base` is None where the two never agreed on anything: the item was not there, or the value was empty.
    A "presence" value tells the item and what waits below it, one line each; None is the side without it.
    A "parent" value is a key, an "order" value the keys of the siblings in order (`key` is their parent).
    """

    key: str
    field: str
    base: Value | None
    hub: Value | None
    replica: Value | None


def kind_of(clash: Clash) -> ClashKind:
    return CLASSES[clash.field][0]


def severity_of(clash: Clash) -> Severity:
    return CLASSES[clash.field][1]


class Choice(NamedTuple):
    """What a person decided for a clash that had exactly these two values."""

    hub_value: Value | None
    replica_value: Value | None
    take: Literal["hub", "replica", "value"]
    value: Value | None = None
    """Where `take` is "value": what both sides get. A clash on "presence" cannot be settled so."""

    def mirrored(self) -> Choice:
        """The same choice with the two sides called by each other's name."""
        take = _OTHER.get(self.take, self.take)
        return Choice(self.replica_value, self.hub_value, take, self.value)


Decisions = Mapping[Spot, Choice]

NOTHING_HELD: Held = MappingProxyType({})
NO_DECISIONS: Decisions = MappingProxyType({})

Owner = Literal["hub", "replica", "both"]
_OTHER: Mapping[str, Literal["hub", "replica"]] = MappingProxyType({"hub": "replica", "replica": "hub"})
_OWNABLE = frozenset(name for names in FIELDS.values() for name in names)


@dataclass(frozen=True)
class Policy:
    """Who owns which field: it never clashes, the owner's value returns, the other's edit is overruled."""

    owners: Mapping[str, Owner] = field(default_factory=lambda: MappingProxyType({}))
    """By field name; a field that is not named belongs to both."""

    def __post_init__(self) -> None:
        for name, owner in self.owners.items():
            if name not in _OWNABLE or owner not in ("hub", "replica", "both"):
                known = ", ".join(sorted(_OWNABLE))
                raise ValueError(
                    f"No owner {owner!r} for {name!r}: give hub, replica or both to one of {known}."
                )

    def owner(self, name: str) -> Owner:
        return self.owners.get(name, "both")

    @property
    def is_neutral(self) -> bool:
        return all(owner == "both" for owner in self.owners.values())

    def mirrored(self) -> Policy:
        """The same policy with the two sides called by each other's name."""
        return Policy({name: _OTHER.get(owner, owner) for name, owner in self.owners.items()})


DEFAULT_POLICY = Policy()


class Overruled(NamedTuple):
    """An edit that is lost because the other side owns the field."""

    key: str
    field: str
    side: Side
    value: Value


@dataclass(frozen=True)
class Decision:
    """What a merge comes to. `hub`, `replica`, `base` and `agreed` go by the hub's keys (see `joined`)."""

    hub: Outline
    """What the hub must become."""
    replica: Outline
    """What the replica must become."""
    base: Outline
    """What will be agreed once both have acted; whatever clashes or waits keeps what the old base had."""
    agreed: Outline
    """What is agreed once only the hub has acted: `decide(agreed, hub, <replica as it was>)` owes the replica
    the same writes and finds the same clashes; as it was, that is, but for its keys, renamed by `joined`.
    Two decisions have to be taken again if the replica is not written: one that brings back an item below
    which something else still clashes, and one between moves in a circle with an item that still clashes."""
    held: dict[Spot, Value] = field(default_factory=dict)
    """The held values that still stand."""
    clashes: tuple[Clash, ...] = ()
    overruled: tuple[Overruled, ...] = ()
    joined: dict[str, str] = field(default_factory=dict)
    """Replica key -> hub key, of new items that both sides brought and that are one item from now on."""
    stale: tuple[Spot, ...] = ()
    """Decisions that settled nothing: the clash has other values by now, is gone, or cannot be settled so."""
