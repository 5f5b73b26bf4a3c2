"""What can be refused when the hub is changed.

PlansError
├── NotFound          the plan, phase or task is not there (any more)
├── InvalidValue      a field was given what it cannot hold
├── InvalidPlace      an item cannot stand where it was put
├── OutOfDate         the plan changed since the caller looked
├── ChangedMeanwhile  a field holds something else than the caller saw in it
├── NotRenderable     a document is too large or too deep to be shown as HTML
├── BrokenHistory     the log does not lead back to what the plan was
└── BeyondHistory     the log does not reach back so far
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from plans.outline import Value


class PlansError(Exception):
    """Base of all refusals of this package; the message is fit for a person."""


class NotFound(PlansError):
    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"There is no {kind} {key!r}. List what there is with `planning-sync {kind}s`.")
        self.kind = kind
        self.key = key


class InvalidValue(PlansError):
    def __init__(self, field: str, given: object, expected: str) -> None:
        super().__init__(f"{field} cannot be {given!r}: give {expected}.")
        self.field = field
        self.given = given
        self.expected = expected


class InvalidPlace(PlansError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The item cannot stand there: {reason}.")
        self.reason = reason


class OutOfDate(PlansError):
    def __init__(self, expected: int, present: int) -> None:
        super().__init__(
            f"The plan changed meanwhile (revision {present}, not {expected}). "
            "Load it again and repeat the edit."
        )
        self.expected = expected
        self.present = present


class ChangedMeanwhile(PlansError):
    """`present` is what the item holds now in the fields in question."""

    def __init__(self, present: Mapping[str, Value]) -> None:
        told = "; ".join(f"{field} is now {_told(value)}" for field, value in present.items())
        super().__init__(f"It changed since you looked: {told}. Repeat the edit if it still fits.")
        self.present = present


def _told(value: Value) -> str:
    text = value if isinstance(value, str) else ", ".join(value)
    return repr(text) if text else "empty"


class NotRenderable(PlansError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The document {reason}, so it is not shown as HTML. Look at its source instead.")


class BrokenHistory(PlansError):
    def __init__(self, title: str, operation_id: UUID) -> None:
        super().__init__(
            f"What the plan {title!r} said before operation {operation_id} cannot be told: its rows are not "
            "what the log says they became. Restore single items from the bin, or the file from its versions "
            "(`planning-sync history`)."
        )
        self.title = title
        self.operation_id = operation_id


class BeyondHistory(PlansError):
    def __init__(self, title: str) -> None:
        super().__init__(
            f"What the plan {title!r} said by then cannot be told: the log does not reach back so far. "
            "Choose a later time (`planning-sync history`)."
        )
        self.title = title
