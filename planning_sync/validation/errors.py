"""What validation can refuse.

ValidationError
└── NoFile      the plan has no Markdown file that it could be judged by
"""

from __future__ import annotations

from uuid import UUID


class ValidationError(Exception):
    """Base of this package's refusals; the message is fit for a person."""


class NoFile(ValidationError):
    def __init__(self, plan_id: UUID) -> None:
        super().__init__(
            f"The plan {plan_id} has no Markdown file, which is what the rules look at: link it to one, "
            "or choose another plan."
        )
        self.plan_id = plan_id
