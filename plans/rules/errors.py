"""What can be wrong with a file of rules.

PlansError
└── InvalidRules      the file cannot be read as rules: where, why, and what to write instead
"""

from __future__ import annotations

from plans.errors import PlansError


class InvalidRules(PlansError):
    def __init__(self, name: str, line: int, column: int, reason: str, advice: str) -> None:
        super().__init__(f"{name}:{line}:{column}: {reason}. {advice}")
        self.name = name
        self.line = line
        """1-based, as `column`."""
        self.column = column
        self.reason = reason
        self.advice = advice
