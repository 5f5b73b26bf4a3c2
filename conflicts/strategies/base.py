"""What a strategy is: it looks at one clash and settles it, or leaves it. Pure.

Public: `Strategy`, `Context`, `Touch`, `taking`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, NamedTuple

from conflicts.merge import Choice, Clash
from plans.outline import Item, Kind, Value

MIN_KEPT = 0.5


class Touch(NamedTuple):
    """The last change of a value on one side, as far as that side knows."""

    at: datetime
    by: str = ""


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

    @abstractmethod
    def can_resolve(self, clash: Clash, context: Context) -> bool:
        """Whether clashes like this one are its business; cheap, and not yet a promise."""

    @abstractmethod
    def resolve(self, clash: Clash, context: Context) -> Choice | None:
        """What both sides get; None where it had better be left to a person."""


def taking(clash: Clash, take: Literal["hub", "replica", "value"], value: Value | None = None) -> Choice:
    """The choice for exactly the values of `clash`."""
    return Choice(clash.hub, clash.replica, take, value)
