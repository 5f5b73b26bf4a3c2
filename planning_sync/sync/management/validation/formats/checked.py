"""A plan that was checked, as formats look at it: `Checked`."""

from __future__ import annotations

from typing import NamedTuple

from plans.document import text
from plans.rules import ValidationResult


class Checked(NamedTuple):
    shown: str
    """Its path for people, editors and services."""
    answer: str
    """Its path for programs."""
    data: bytes
    """What was checked; empty where nothing was found."""
    result: ValidationResult
    fixed: int = 0
    """How many findings were mended, or would be."""

    def lines(self) -> list[str]:
        """Without line ends, as they can be shown."""
        return [text.display(line) for line in text.split(text.decode(self.data)[1])[1]] if self.data else []
