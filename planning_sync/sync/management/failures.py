"""Exit codes, and which failure ends a command with which: `Exit`, `code_of`, `message_of`.

The errors of the packages are looked up when one was raised, so that a command which goes well need not load
every package that could fail.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    FINE = 0
    FAILED = 1
    WRONG_USAGE = 2
    REFUSED = 3
    CONFLICTS = 4


class UsageError(Exception):
    """The command was called in a way that cannot work; the message says how to call it."""


class CommandFailed(Exception):
    """What was asked for could not be done; the message says why and what to do next."""


def code_of(error: Exception) -> Exit | None:
    """How a command ends that raised `error`; None for an error that nobody expected."""
    from django.db import DatabaseError

    from conflicts import errors as conflicts
    from planning_sync.replicas import errors as replicas
    from planning_sync.sync import errors as sync
    from plans import errors as plans

    wrong_usage = (
        *(UsageError, plans.NotFound, plans.InvalidValue, plans.InvalidPlace, sync.UnknownReplica),
        *(sync.InvalidOption, sync.UnknownOperation, conflicts.ConflictNotFound, conflicts.InvalidDecision),
    )
    if isinstance(error, wrong_usage):
        return Exit.WRONG_USAGE
    if isinstance(error, sync.Refused | sync.UndoRefused):
        return Exit.REFUSED
    expected = (plans.PlansError, conflicts.ConflictsError, sync.SyncError, replicas.ReplicaError)
    return Exit.FAILED if isinstance(error, (CommandFailed, DatabaseError, *expected)) else None


def message_of(error: Exception) -> str:
    """One line for a person."""
    from django.db import DatabaseError

    if isinstance(error, DatabaseError):
        reason = str(error).partition("\n")[0]
        return f"The database cannot be used ({reason}). `planning-sync doctor` says what is wrong."
    if code_of(error) is not None:
        return str(error)
    told = f"{type(error).__name__}: {error}"
    return f"Internal error ({told}). Repeat the command with --traceback, and report what it prints."
