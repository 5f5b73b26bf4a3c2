"""What the replica says holds."""

from __future__ import annotations

from typing import ClassVar

from conflicts.merge import Choice, Clash
from conflicts.strategies.base import Context, Strategy, gettext_noop, taking


class ReplicaWins(Strategy):
    name: ClassVar[str] = "replica_wins"
    caveat: ClassVar[str] = gettext_noop("The hub's value is dropped; the history keeps it.")

    def can_resolve(self, clash: Clash, context: Context) -> bool:
        return True

    def resolve(self, clash: Clash, context: Context) -> Choice | None:
        return taking(clash, "replica")
