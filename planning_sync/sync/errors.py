"""What a sync can refuse, beside the errors of the replicas themselves (`planning_sync.replicas.errors`).

SyncError
├── UnknownReplica      no replica of that name
├── ReplicaExists       the folder is a replica already
├── StillSwitchedOn     only a replica that is switched off can be removed
├── LinkExists          the replica has the plan already
├── OutsideRoots        the folder lies in none of those where programs may add replicas
├── UnknownService      the address is below none of those of which programs may add replicas
├── InvalidOption       a replica's option has a name or a value that it cannot have
├── Refused             a guard: what was found looks like damage, nothing of it was applied
├── Unsettled           the plan kept changing while it was being synced
├── Busy                another worker has the plan
├── InvalidPairing      two plans, or two items, cannot be called the same
├── PairingStale        a side changed since the pairs were shown
├── UnknownOperation    no operation of that id
├── NotRestorable       it was not there at that time, is not in the bin, or is as it was
├── NotMendable         there is nothing to mend, or hub and file are not in step
└── UndoRefused         the operation cannot be undone as things are; nothing was changed
    ├── AlreadyUndone   it was undone before
    ├── NothingToUndo   it changed nothing that could be taken back
    ├── DependentWork   newer work rests on it
    └── PreviewStale    the world is not the one that the preview showed
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from conflicts.merge.model import Side

if TYPE_CHECKING:
    from planning_sync.sync.undo_model import Dependent


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


class StillSwitchedOn(SyncError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} takes part in syncs. Switch it off first, then remove it.")
        self.name = name


class LinkExists(SyncError):
    def __init__(self, plan: str, replica: str, path: str) -> None:
        super().__init__(
            f"{replica} has the plan {plan!r} already, or had it, as {path}. If the two do not follow each "
            "other, `planning-sync link` has them do so again; a deleted one comes back by `bin restore`."
        )
        self.path = path


class OutsideRoots(SyncError):
    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} lies in no folder where replicas may be added from afar. Whoever runs the server "
            "can name such folders (PLANNING_SYNC_REPLICA_ROOTS), or run `planning-sync add PATH` there."
        )
        self.path = path


class UnknownService(SyncError):
    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is below no address of which replicas may be added from afar. Whoever runs the server "
            "can name such ones (PLANNING_SYNC_REPLICA_SERVICES), or run `planning-sync add ADDRESS` there."
        )
        self.path = path


class InvalidOption(SyncError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The option {name!r} of the replica cannot be used: {reason}.")
        self.name = name
        self.reason = reason


class Refused(SyncError):
    """A guard's refusal; `plan` is the path concerned, "" for the whole replica.

    `rule` names the guard, and `side` the one that would lose items (or plans): `held` of them it has, `left`
    would be left. A decision on it holds as long as the `world` is the same.
    """

    def __init__(
        self,
        plan: str,
        reason: str,
        *,
        rule: str,
        side: Side,
        held: int,
        left: int,
        world: str,
        paths: Iterable[str] = (),
    ) -> None:
        super().__init__(f"{plan or 'The whole replica'}: {reason}")
        self.plan = plan
        self.reason = reason
        self.rule = rule
        self.side = side
        self.held = held
        self.left = left
        self.world = world
        self.paths = tuple(paths)
        """Of the whole replica: the plans that are gone."""


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


class InvalidPairing(SyncError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} was not linked: {reason}. Look at its pairs again.")
        self.path = path
        self.reason = reason


class PairingStale(SyncError):
    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} was not linked: it, or the plan of the hub, changed since its pairs were shown. "
            "Look at them again."
        )
        self.path = path


class UnknownOperation(SyncError):
    def __init__(self, given: str) -> None:
        super().__init__(
            f"There is no operation {given!r}. `planning-sync history PLAN` lists those of a plan."
        )
        self.given = given


class NotRestorable(SyncError):
    def __init__(self, named: str, reason: str) -> None:
        super().__init__(f"{named!r} was not restored: {reason}.")
        self.named = named
        self.reason = reason


class NotMendable(SyncError):
    def __init__(self, named: str, reason: str) -> None:
        super().__init__(f"{named!r} was not mended: {reason}.")
        self.named = named
        self.reason = reason


class UndoRefused(SyncError):
    """`about` is the operation, or a conflict or entry; `refusals` are (plan, reason)."""

    def __init__(self, about: UUID | int, refusals: Sequence[tuple[str, str]], told: str = "") -> None:
        listed = "; ".join(f"{plan}: {reason}" for plan, reason in refusals)
        super().__init__(told or f"Operation {about} was not undone. {listed}.")
        self.about = about
        self.refusals = tuple(refusals)


class AlreadyUndone(UndoRefused):
    """`by` is the operation that undid it."""

    def __init__(self, operation_id: UUID, by: UUID, actor: str) -> None:
        told = (
            f"Operation {operation_id} was already undone by {actor}, in operation {by}. "
            f"`planning-sync undo {by}` brings it back."
        )
        super().__init__(operation_id, (), told)
        self.by = by


class NothingToUndo(UndoRefused):
    def __init__(self, operation_id: UUID) -> None:
        told = f"Operation {operation_id} changed nothing that is still there to be taken back."
        super().__init__(operation_id, (), told)


class DependentWork(UndoRefused):
    """`dependents` are the operations that have to be undone as well."""

    def __init__(self, operation_id: UUID, dependents: Sequence[Dependent]) -> None:
        shown = "".join(
            f"\n  {each.operation.pk}  {each.operation.kind} by {each.operation.actor}, "
            f"{each.operation.started_at:%Y-%m-%d %H:%M:%S}: {each.what} ({each.why})"
            for each in dependents[:20]
        )
        more = f"\n  and {len(dependents) - 20} more" if len(dependents) > 20 else ""
        told = (
            f"Operation {operation_id} was not undone, because other work depends on it:{shown}{more}\n"
            "To undo all of them together, say --with-dependents."
        )
        super().__init__(operation_id, (), told)
        self.dependents = tuple(dependents)


class PreviewStale(UndoRefused):
    def __init__(self, operation_id: UUID) -> None:
        told = (
            f"Operation {operation_id} was not undone: the plans changed since the preview. "
            "Look at the preview again."
        )
        super().__init__(operation_id, (), told)
