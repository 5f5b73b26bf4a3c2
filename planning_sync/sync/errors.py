"""What a sync can refuse, beside the errors of the replicas themselves (`planning_sync.replicas.errors`).

SyncError
├── UnknownReplica      no replica of that name
├── ReplicaExists       the folder is a replica already
├── InvalidOption       a replica's option has a name or a value that it cannot have
├── Refused             a guard: what was found looks like damage, nothing of it was applied
├── Unsettled           the plan kept changing while it was being synced
└── Busy                another worker has the plan
"""

from __future__ import annotations


class SyncError(Exception):
    """Base of this package's refusals; the message is fit for a person."""


class UnknownReplica(SyncError):
    def __init__(self, name: str, known: list[str]) -> None:
        listed = ", ".join(known) or "none yet; add one with `planning-sync add PATH`"
        super().__init__(f"There is no replica {name!r}. Known: {listed}.")
        self.name = name


class ReplicaExists(SyncError):
    def __init__(self, path: str, name: str) -> None:
        super().__init__(
            f"{path} is a replica already, named {name!r}. Sync it with `planning-sync sync {name}`."
        )
        self.path = path
        self.name = name


class InvalidOption(SyncError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The option {name!r} of the replica cannot be used: {reason}.")
        self.name = name
        self.reason = reason


class Refused(SyncError):
    """A guard's refusal; `plan` is the path concerned, "" for the whole replica."""

    def __init__(self, plan: str, reason: str) -> None:
        super().__init__(f"{plan or 'The whole replica'}: {reason}")
        self.plan = plan
        self.reason = reason


class Unsettled(SyncError):
    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path}: it changed each time while it was being synced. It will be synced by the next pass."
        )
        self.path = path


class Busy(SyncError):
    def __init__(self, path: str, waited_seconds: float) -> None:
        super().__init__(
            f"{path}: another worker has been syncing this plan for {waited_seconds:.0f} seconds. "
            "It will be synced by the next pass."
        )
        self.path = path
