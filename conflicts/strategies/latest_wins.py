"""The value that was changed last holds. Only for those who ask for it, see its caveat."""

from __future__ import annotations

from typing import ClassVar

from conflicts.merge import STRUCTURAL, Choice, Clash
from conflicts.merge.model import CLASSES
from conflicts.strategies.base import Context, Strategy, gettext_noop, taking


class LatestWins(Strategy):
    name: ClassVar[str] = "latest_wins"
    caveat: ClassVar[str] = gettext_noop(
        "The earlier value is dropped; the history keeps it. It compares two clocks: the hub's, and that of "
        "the machine which saved the file, whose time is that of its last save, not of this very edit. "
        "A wrong clock, or a late save of an old edit, lets the wrong side win."
    )
    needs_times: ClassVar[bool] = True
    fields: ClassVar[frozenset[str]] = frozenset(CLASSES) - STRUCTURAL

    def can_resolve(self, clash: Clash, context: Context) -> bool:
        known = context.hub is not None and context.replica is not None
        return known and self.handles(clash.field)

    def resolve(self, clash: Clash, context: Context) -> Choice | None:
        if context.hub is None or context.replica is None or context.hub.at == context.replica.at:
            return None
        return taking(clash, "hub" if context.hub.at > context.replica.at else "replica")
