"""What can go wrong at a replica. Each error says what happened, to what, and what to do next.

    ReplicaError
    ├── ReplicaMissing      the replica's root is gone, not mounted, or not a folder
    │   └── ServiceAway     it is a service, and that cannot be used now
    │       └── CredentialsMissing  because the secret it wants is not set here
    ├── OptionRefused       an option of the replica has a name or a value that it cannot have
    ├── OutsideRoot         a path leads out of the root
    ├── PlanUnreadable      one plan cannot be read; `reason` says why
    ├── PlanChanged         the plan is no longer what the write was decided on
    ├── WriteFailed         the disk refused a write; the file is as it was before
    └── GitError
        ├── GitFailed       a git command failed or took too long
        └── GitBusy         the work tree is in a state in which nothing may be committed

Paths are relative to the replica's root. Every error can be pickled.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from enum import StrEnum


class ReplicaError(Exception):
    """Base of all errors of this package."""


class ReplicaMissing(ReplicaError):
    retry_after_seconds = 0.0
    """No sooner than that need it be tried again, as far as it said itself."""

    def __init__(self, root: str, reason: str) -> None:
        super().__init__(root, reason)
        self.root = root
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"The folder {shown(self.root)} {self.reason}. Nothing changed and no plan counts as deleted. "
            "Mount or restore the folder, or correct the replica's path, then sync again."
        )


class ServiceAway(ReplicaMissing):
    def __init__(self, root: str, reason: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(root, reason)
        self.args = (root, reason, retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return (
            f"The service {shown(self.root)} {self.reason}. Nothing changed and no plan counts as deleted. "
            "It is tried again by and by; to try now, sync the replica."
        )


class CredentialsMissing(ServiceAway):
    """`root` is the name of the secret."""

    def __str__(self) -> str:
        return (
            f"The secret {shown(self.root)} {self.reason}. Set that environment variable for every process "
            "of the server, or the same with _FILE to the path of a file that holds it, then sync again."
        )


class OptionRefused(ReplicaError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"The option {self.name!r} of the replica cannot be used: {self.reason}."


class OutsideRoot(ReplicaError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{shown(self.path)} {self.reason}, and files outside the replica's folder are never touched. "
            "Move the file into the folder, or make a replica of the folder where it stands."
        )


class Unreadable(StrEnum):
    """Why a plan cannot be read."""

    BINARY = "binary"
    TOO_LARGE = "too_large"
    FORBIDDEN = "forbidden"
    VANISHED = "vanished"
    CHANGING = "changing"
    NOT_A_FILE = "not_a_file"
    DISK_ERROR = "disk_error"
    MALFORMED = "malformed"


_UNREADABLE: Mapping[Unreadable, str] = {
    Unreadable.BINARY: "is not text ({detail}). A plan must be saved as UTF-8; else rename or exclude it.",
    Unreadable.TOO_LARGE: "is too large ({detail}). Split it, exclude it, or raise the replica's limit.",
    Unreadable.FORBIDDEN: "may not be read ({detail}). Give the user that runs the sync the right to.",
    Unreadable.VANISHED: "is not there any more ({detail}). If that was not meant, bring it back.",
    Unreadable.CHANGING: "is being written to ({detail}). It is read again at the next sync.",
    Unreadable.NOT_A_FILE: "is not a plain file ({detail}). Rename it or exclude it from the replica.",
    Unreadable.MALFORMED: "cannot be understood ({detail}). Mend it there; until then nothing is written.",
    Unreadable.DISK_ERROR: "cannot be read ({detail}). Check the disk, then sync again.",
}


class PlanUnreadable(ReplicaError):
    def __init__(self, path: str, reason: Unreadable, detail: str) -> None:
        super().__init__(path, reason, detail)
        self.path = path
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{shown(self.path)} {_UNREADABLE[self.reason].format(detail=self.detail)}"


class PlanChanged(ReplicaError):
    def __init__(self, path: str, found: str) -> None:
        super().__init__(path, found)
        self.path = path
        self.found = found

    def __str__(self) -> str:
        return (
            f"{shown(self.path)} {self.found} since it was read, so it was not written. "
            "The next sync merges the two edits."
        )


class WriteFailed(ReplicaError):
    def __init__(self, path: str, reason: str, advice: str) -> None:
        super().__init__(path, reason, advice)
        self.path = path
        self.reason = reason
        self.advice = advice

    def __str__(self) -> str:
        return f"{shown(self.path)} could not be written: {self.reason}. {self.advice}"

    @classmethod
    def of(cls, path: str, error: OSError) -> WriteFailed:
        """The failure that `error` of the operating system stands for."""
        reason = error.strerror or str(error)
        return cls(path, reason[:1].lower() + reason[1:], _ADVICE.get(error.errno or 0, _DEFAULT_ADVICE))


_FULL = "Free some space or raise the quota; the edit waits in the hub and the next sync writes it."
_READ_ONLY = (
    "Give the user that runs the sync the right to write the file and its folder; "
    "the edit waits in the hub and the next sync writes it."
)
_DEFAULT_ADVICE = "Check the disk and the folder; the edit waits in the hub and the next sync writes it."
_ADVICE: Mapping[int, str] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
}


class GitError(ReplicaError):
    """Base of what goes wrong with git. A sync without git's part is still a whole sync."""


class GitFailed(GitError):
    def __init__(self, command: str, reason: str) -> None:
        super().__init__(command, reason)
        self.command = command
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"`{self.command}` failed: {self.reason}. The plans themselves are in step; "
            "run the same command in the folder to see more, and mend what it names."
        )


class GitBusy(GitError):
    def __init__(self, top: str, state: str) -> None:
        super().__init__(top, state)
        self.top = top
        self.state = state

    def __str__(self) -> str:
        return (
            f"Nothing was committed in {shown(self.top)}: {self.state}. The plans are written; "
            "finish what is under way, and the next sync that writes them commits again."
        )


class NotPulled(GitError):
    def __init__(self, top: str, reason: str) -> None:
        super().__init__(top, reason)
        self.top = top
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{shown(self.top)} was not brought up to date: {self.reason}. Nothing in it was changed; "
            "see to that by hand, and the next push brings in all that is missing."
        )


def shown(path: str) -> str:
    """The path in quotes on one line, whatever bytes it holds."""
    return f"'{path}'" if path.isprintable() and "'" not in path else ascii(path)
