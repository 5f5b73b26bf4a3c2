"""What a strategy is: it looks at one clash and settles it, or leaves it. Pure.

Public: `Strategy`, `Context`, `Touch`, `Suggestion`, `taking`, `gettext_noop`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple

from conflicts.merge import Choice, Clash
from conflicts.merge.model import Owner, Side
from plans.outline import Item, Kind, Value

MIN_KEPT = 0.5
CONFIDENCE = 0.95

NOTHING_TOLD: Mapping[str, Any] = MappingProxyType({})


def gettext_noop(text: str) -> str:
    """The text, marked to be translated where it is shown."""
    return text


class Touch(NamedTuple):
    """The last change of a value on one side, as far as that side knows."""

    at: datetime
    by: str = ""


class Suggestion(NamedTuple):
    """The side that people would probably take, going by what they took before."""

    take: Side
    confidence: float
    decisions: tuple[str, ...] = ()
    """Ids of the decided conflicts that are most like this clash."""


@dataclass(frozen=True)
class Context:
    """What is known about a clash beyond its three values."""

    item: Item
    """The item, as the hub has it where the hub has it."""
    hub: Touch | None = None
    """None where nobody knows, or where no strategy of the policy asks for times."""
    replica: Touch | None = None
    computed_progress: str = ""
    """The percentage that the merged plan comes to; "" where the two sides would count differently."""
    min_kept: float = MIN_KEPT
    """From the policy: the share of the base's words that each side must have kept."""
    owner: Owner = "both"
    """From the policy: whose the field is."""
    confidence: float = CONFIDENCE
    """From the policy: how sure a suggestion must be to act."""
    suggestion: Suggestion | None = None
    """None where there is none that may act, or where no strategy of the policy asks for suggestions."""

    @property
    def kind(self) -> Kind:
        return self.item.kind


class Strategy(ABC):
    """One way to settle clashes. It has no state: one object serves all."""

    name: ClassVar[str]
    """As policies and the history call it."""
    caveat: ClassVar[str] = ""
    """What may be lost by it, for the person who chooses it and in the entry of each of its decisions."""
    needs_times: ClassVar[bool] = False
    """Whether it reads `Context.hub` and `Context.replica`, which cost a look at each side."""
    fields: ClassVar[frozenset[str]] = frozenset()
    """The only fields it can ever settle; empty for all."""

    def handles(self, name: str) -> bool:
        """Whether it can settle any clash over this field."""
        return not self.fields or name in self.fields

    def caveat_for(self, name: str) -> str:
        """What may be lost by it in clashes over this field."""
        return self.caveat

    def grounds(self, context: Context) -> Mapping[str, Any]:
        """What its decision rests on beyond the three values, for the history."""
        return NOTHING_TOLD

    @abstractmethod
    def can_resolve(self, clash: Clash, context: Context) -> bool:
        """Whether clashes like this one are its business; cheap, and not yet a promise."""

    @abstractmethod
    def resolve(self, clash: Clash, context: Context) -> Choice | None:
        """What both sides get; None where it had better be left to a person."""


def taking(clash: Clash, take: Literal["hub", "replica", "value"], value: Value | None = None) -> Choice:
    """The choice for exactly the values of `clash`."""
    return Choice(clash.hub, clash.replica, take, value)
