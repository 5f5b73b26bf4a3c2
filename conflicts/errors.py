"""What can be refused when a conflict is decided, or when it is said how to decide them.

ConflictsError
├── ConflictNotFound      there is no such conflict
├── AlreadySettled        someone was faster, or the two sides agree by now
├── ValuesMoved           the values are not those that the decision was about
├── PreviewOutdated       the conflicts are not as they were when the bulk decision was previewed
├── InvalidDecision       the decision does not fit the conflict
│   └── NoSuchChoice      it is settled in other ways than the one that was named
├── InvalidPolicy         a conflict policy names what there is not, or can never match
└── PolicyExists          the replica, or all of them together, have a policy already
"""

from __future__ import annotations

from typing import Any


class ConflictsError(Exception):
    """Base of all refusals of this package; the message is fit for a person."""


class ConflictNotFound(ConflictsError):
    def __init__(self, conflict_id: object) -> None:
        super().__init__(
            f"There is no conflict {conflict_id}. `planning-sync conflicts` lists the open ones."
        )
        self.conflict_id = conflict_id


class AlreadySettled(ConflictsError):
    def __init__(self, conflict_id: object, state: str, decided_by: str) -> None:
        by = f" by {decided_by}" if decided_by else ""
        super().__init__(f"Conflict {conflict_id} is {state}{by} already; nothing was changed.")
        self.conflict_id = conflict_id
        self.state = state
        self.decided_by = decided_by


class ValuesMoved(ConflictsError):
    def __init__(self, conflict_id: object, replica: object, hub: object) -> None:
        super().__init__(
            f"The values of conflict {conflict_id} changed meanwhile: the replica says {replica!r}, "
            f"the hub says {hub!r}. Look at them and decide again."
        )
        self.conflict_id = conflict_id
        self.replica = replica
        self.hub = hub


class PreviewOutdated(ConflictsError):
    """`preview` is what the same decision would do now."""

    def __init__(self, preview: Any) -> None:
        super().__init__(
            "The conflicts changed since the preview; nothing was decided. "
            f"Now {len(preview.effects)} would be decided, {preview.dropped} values dropped "
            f"and {len(preview.refused)} left: look again, and confirm."
        )
        self.preview = preview


class InvalidDecision(ConflictsError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"This decision does not fit the conflict: {reason}.")
        self.reason = reason


class NoSuchChoice(InvalidDecision):
    def __init__(self, take: str, known: str) -> None:
        super().__init__(f"take {take!r} is not one of {known}")


class InvalidPolicy(ConflictsError):
    def __init__(self, source: str, where: str, reason: str) -> None:
        super().__init__(": ".join(filter(None, (", ".join(filter(None, (source, where))), reason))))
        self.source = source
        self.where = where
        self.reason = reason


class PolicyExists(ConflictsError):
    def __init__(self) -> None:
        super().__init__("There is such a policy already: change that one.")
