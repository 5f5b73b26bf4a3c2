"""What a client meets.

ClientError
├── Problem          the server refused; `slug` tells the kinds apart
│   └── Stale        it changed since it was read; `present` has the values of now
├── Unreachable      no answer came
└── TimedOut         a job went on for longer than one would wait
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """Base of this package's errors."""


class Problem(ClientError):
    """An answer of 400 or above. `document` is all that the server said (RFC 9457)."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.status = status
        self.document = document
        self.slug = str(document.get("type", "")).rpartition(":")[2]
        self.detail = str(document.get("detail", ""))
        self.errors: Mapping[str, list[str]] = document.get("errors", {})
        """By field, what is wrong with it."""
        fields = "".join(f"\n  {name}: {' '.join(told)}" for name, told in self.errors.items())
        super().__init__(f"{document.get('title', 'The server answered')} ({status}). {self.detail}{fields}")


class Stale(Problem):
    @property
    def present(self) -> Any:
        return self.document.get("present")


class Unreachable(ClientError):
    def __init__(self, url: str, reason: object) -> None:
        super().__init__(f"No answer from {url}: {reason}. Is the address right, and the server up?")
        self.url = url


class TimedOut(ClientError):
    """`job` is as it was when it was last looked at."""

    def __init__(self, job: Mapping[str, Any], seconds: float) -> None:
        super().__init__(
            f"Job {job['id']} is still {job['status']} after {seconds:.0f} seconds. "
            "It goes on; wait for it again, or see whether a worker is running."
        )
        self.job = job


def problem(status: int, document: Mapping[str, Any]) -> Problem:
    """The error that an answer is."""
    stale = str(document.get("type", "")).endswith(":stale")
    return Stale(status, document) if stale else Problem(status, document)
