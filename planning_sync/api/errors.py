"""What the API itself refuses; what the services refuse has errors of its own (see `problems`).

ApiError
├── InvalidCredentials     the name or the password is wrong, or the person may not sign in
├── InvalidToken           unknown, expired or revoked
├── InvalidHeader          a header does not hold what it has to
├── InvalidCursor          a page that was not offered
├── TooLarge               the body
├── TooDeep                the body's nesting
├── OutOfStep              If-Match names another revision
├── KeyReused              an Idempotency-Key with another request
├── StillRunning           an Idempotency-Key whose first request has no answer yet
├── NoDocument             the plan has no file
└── Limited                a key limited to replicas cannot do this
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """Base of this package's refusals; the message is fit for a person."""


class InvalidCredentials(ApiError):
    def __init__(self) -> None:
        super().__init__(
            "The name and the password do not fit together. Check both, and whether the account is active."
        )


class InvalidToken(ApiError):
    def __init__(self, what: str = "token") -> None:
        super().__init__(
            f"The {what} is unknown, expired or revoked. Get another one with POST /api/v1/auth/token, "
            "or ask an administrator for a key."
        )


class InvalidHeader(ApiError):
    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"The header {name} cannot be used: give {expected}.")
        self.name = name


class InvalidCursor(ApiError):
    def __init__(self) -> None:
        super().__init__("The cursor is none that this list has given out. Start again without it.")


class TooLarge(ApiError):
    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body has more than {limit_bytes:,} bytes. Send it in smaller parts.")
        self.limit_bytes = limit_bytes


class TooDeep(ApiError):
    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is nested more than {limit} levels deep. No request needs that.")


class OutOfStep(ApiError):
    """`present` is what the item says now, `revision` that of its plan."""

    def __init__(self, expected: str, revision: int, present: Any) -> None:
        super().__init__(
            f"The plan changed meanwhile (revision {revision}, not {expected}). "
            "`present` has the values of now: repeat the edit on them, with their ETag."
        )
        self.revision = revision
        self.present = present


class KeyReused(ApiError):
    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key came before with another request. Use a new key for each new request."
        )


class StillRunning(ApiError):
    def __init__(self) -> None:
        super().__init__(
            "The first request with this Idempotency-Key has no answer yet. Ask again in a moment."
        )


class NoDocument(ApiError):
    def __init__(self) -> None:
        super().__init__("The plan has no file in a replica yet. Sync it first: POST /api/v1/sync/now.")


class Limited(ApiError):
    def __init__(self, what: str) -> None:
        super().__init__(
            f"You are, or your key is, limited to some replicas, and {what}. It takes one without that limit."
        )
