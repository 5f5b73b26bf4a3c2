"""The side that owns the place of an item settles it. What an item says, the merge itself gives its owner."""

from __future__ import annotations

from typing import ClassVar

from conflicts.merge import Choice, Clash
from conflicts.strategies.base import Context, Strategy, gettext_noop, taking


class OwnerWins(Strategy):
    name: ClassVar[str] = "owner_wins"
    caveat: ClassVar[str] = gettext_noop(
        "What the side that does not own the field says is dropped; the history keeps it."
    )

    def can_resolve(self, clash: Clash, context: Context) -> bool:
        return context.owner != "both"

    def resolve(self, clash: Clash, context: Context) -> Choice | None:
        return None if context.owner == "both" else taking(clash, context.owner)
