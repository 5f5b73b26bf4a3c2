"""What can be wrong with what a client asks for.

LiveError
├── InvalidRequest    a message that is not one of ours
├── InvalidTopic      a topic that there is not
└── InvalidCursor     a cursor that this database never gave
"""

from __future__ import annotations


class LiveError(Exception):
    """Base of all errors of this package."""


class InvalidRequest(LiveError):
    def __str__(self) -> str:
        return (
            'The message was not understood. Send {"subscribe": ["conflicts", "plan:<id>"]}, '
            "and with it the last cursor, if there is one."
        )


class InvalidTopic(LiveError):
    def __init__(self, topic: object) -> None:
        super().__init__(topic)
        self.topic = topic

    def __str__(self) -> str:
        return f"There is no topic {self.topic!r}: subscribe to all, conflicts, operations or plan:<id>."


class InvalidCursor(LiveError):
    def __init__(self, cursor: object) -> None:
        super().__init__(cursor)
        self.cursor = cursor

    def __str__(self) -> str:
        return f"{self.cursor!r} is no cursor: send one that a message carried, or none."
