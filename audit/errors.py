"""What can go wrong with the log.

AuditError
└── AppendOnly     a row of the log was to be changed or deleted
"""

from __future__ import annotations


class AuditError(Exception):
    """The base of them all; its text is fit for a person."""


class AppendOnly(AuditError):
    def __init__(self, what: str) -> None:
        super().__init__(
            f"The audit log only grows: {what} can be neither changed nor deleted. "
            "Record a new entry instead; old ones go by retention alone (PLANNING_SYNC_AUDIT_DAYS)."
        )
        self.what = what
