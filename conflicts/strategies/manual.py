"""A person decides."""

from __future__ import annotations

from typing import ClassVar

from conflicts.merge import Choice, Clash
from conflicts.strategies.base import Context, Strategy


class Manual(Strategy):
    name: ClassVar[str] = "manual"

    def can_resolve(self, clash: Clash, context: Context) -> bool:
        return False

    def resolve(self, clash: Clash, context: Context) -> Choice | None:
        return None
