"""One pass over a replica: `Options`, `Pass`, and `survey`, which finds what there is to do."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from audit import services as audit
from audit.models import Operation
from conflicts.models import Conflict
from conflicts.policy import MANUAL_ONLY, ArbitrationPolicy
from planning_sync.replicas.base import Replica as Side
from planning_sync.replicas.base import Scan
from planning_sync.replicas.errors import GitError, ReplicaError
from planning_sync.replicas.git import GitTree
from planning_sync.sync import guards, sides, state
from planning_sync.sync.errors import InvalidOption
from planning_sync.sync.exchange import Direction
from planning_sync.sync.models import Intent, Link, Replica
from planning_sync.sync.report import Report
from plans import identity
from plans.models import Plan
from plans.outline import Change, Outline

logger = logging.getLogger(__name__)

SAME_PLAN = 0.5
"""How alike a vanished plan and a new file must be to count as one that was renamed."""


@dataclass(frozen=True)
class Options:
    """How a pass is to be made."""

    actor: str
    direction: Direction = "both"
    dry_run: bool = False
    allow_mass_delete: bool = False
    settle_seconds: float = 0.5
    """A deletion found in a file that was just written waits: an editor may be in the middle of a save."""


@dataclass
class Pass:
    """One pass over one replica: what its steps share."""

    row: Replica
    side: Side
    options: Options
    report: Report
    operation: Operation | None = None
    touched: set[UUID] = field(default_factory=set)
    """Plans that changed in the hub, for the other replicas to follow."""
    _kept: bool = False
    """Whether the transaction that made the operation was committed."""

    def begin(self) -> Operation:
        """The operation that the pass's entries belong to; made once there is something to record."""
        if self.operation is None or not self._is_there(self.operation):
            self.operation = audit.begin(
                Operation.Kind.SYNC, actor=self.options.actor, replica_id=self.row.pk
            )
            self.report.operation = str(self.operation.pk)
            transaction.on_commit(self._keep)
        return self.operation

    def _is_there(self, operation: Operation) -> bool:
        """Not so where the transaction that made it was rolled back."""
        return self._kept or Operation.objects.filter(pk=operation.pk).exists()

    def _keep(self) -> None:
        self._kept = True

    @cached_property
    def arbitration(self) -> ArbitrationPolicy:
        """What strategies may settle; where the policy cannot be read, nothing, and the report says so."""
        try:
            return sides.arbitration_of(self.row, self.side)
        except (InvalidOption, ReplicaError) as error:
            logger.warning("Conflict policy at %s: %s", self.row.name, error)
            self.report.errors.append({"plan": "", "error": str(error)})
            return MANUAL_ONLY

    @property
    def recorded(self) -> Operation | None:
        """The operation, if there is one in the log."""
        return self.operation if self._kept else None

    def count(self, plan_id: UUID, changes: Collection[Change], outline: Outline) -> None:
        """Take into the report what was changed on the way to `outline`."""
        self.touched.add(plan_id)
        self.report.count(changes, outline)

    def wrote(self, path: str) -> None:
        self.report.files_written.append(path)


class Known(NamedTuple):
    """What a survey needs of a link."""

    link_id: int
    path: str
    stamp: str
    revision: int
    gone: bool
    plan_id: UUID
    plan_revision: int
    plan_deleted: bool


@dataclass(frozen=True)
class Survey:
    """What there is to do, each plan once."""

    scan: Scan
    fresh: tuple[str, ...] = ()
    """Paths of files that no link knows."""
    links: tuple[int, ...] = ()
    """Links of which a side moved, or that a dead worker or a decision left something to do for."""
    renamed: Mapping[int, str] = field(default_factory=dict)
    """Links whose file goes by another path now."""
    unlinked: tuple[UUID, ...] = ()
    """Plans of the hub that the replica is to get."""

    @property
    def size(self) -> int:
        return len(self.fresh) + len(self.links) + len(self.renamed) + len(self.unlinked)


def survey(this: Pass) -> Survey:
    """Compare stamps and revisions; reads no plan but those that may have been renamed.

    Raises `Refused` where the replica as a whole looks damaged, and the replica's errors.
    """
    scan = this.side.scan()
    known = [_known(row) for row in Link.objects.filter(replica=this.row).values_list(*_COLUMNS).iterator()]
    paths = {link.path for link in known}
    fresh = [path for path in scan.stamps if path not in paths]
    vanished = [link for link in known if not link.gone and not link.plan_deleted and scan.gone(link.path)]
    renamed = _renamed(this, vanished, fresh) if vanished and fresh else {}
    if not this.options.allow_mass_delete:
        there = [link.path for link in known if not link.gone]
        guards.check_folder(
            scan.stamps, there, [link.path for link in vanished if link.link_id not in renamed]
        )
    marked = _marked(this.row)
    return Survey(
        scan=scan,
        fresh=tuple(path for path in fresh if path not in renamed.values()),
        links=tuple(
            link.link_id
            for link in known
            if link.link_id not in renamed and (link.link_id in marked or _moved(link, scan))
        ),
        renamed=renamed,
        unlinked=tuple(unlinked(this.row)),
    )


_COLUMNS = ("pk", "path", "stamp", "revision", "gone_at", "plan_id", "plan__revision", "plan__deleted_at")


def _known(row: tuple[object, ...]) -> Known:
    link_id, path, stamp, revision, gone_at, plan_id, plan_revision, deleted_at = row
    return Known(
        *(link_id, path, stamp, revision, gone_at is not None),  # type: ignore[arg-type]  # as _COLUMNS says
        *(plan_id, plan_revision, deleted_at is not None),  # type: ignore[arg-type]
    )


def _moved(link: Known, scan: Scan) -> bool:
    """Whether a side of the link is not as it was left."""
    stamp = scan.stamps.get(link.path)
    if stamp is not None:
        return link.gone or link.plan_deleted or stamp != link.stamp or link.revision != link.plan_revision
    return scan.gone(link.path) and not (link.gone and link.plan_deleted)


def _marked(row: Replica) -> set[int]:
    """Links with an unfinished write, or with a decision to apply."""
    intents = Intent.objects.filter(link__replica=row).values_list("link_id", flat=True)
    decided = Conflict.objects.filter(replica_id=row.pk, state=Conflict.State.DECIDED).values("plan_id")
    waiting = Link.objects.filter(replica=row, plan_id__in=decided).values_list("pk", flat=True)
    return {*intents, *waiting}


def unlinked(row: Replica) -> list[UUID]:
    """Live plans that were made in the hub and that no replica has yet; they go to the oldest one."""
    first = Replica.objects.filter(enabled=True).order_by("created_at", "pk").first()
    if first is None or first.pk != row.pk:
        return []
    return list(Plan.objects.live().filter(links=None).order_by("created_at").values_list("pk", flat=True))


def _renamed(this: Pass, vanished: Collection[Known], fresh: Collection[str]) -> dict[int, str]:
    """Which vanished plan stands at which new path, best pairs first: the same bytes, what git saw renamed
    since the link's commit, else the most alike.
    """
    links = {link.pk: link for link in Link.objects.filter(pk__in=[known.link_id for known in vanished])}
    readings = {}
    for path in fresh:
        try:
            readings[path] = this.side.read(path)
        except ReplicaError:
            continue  # reported when the file is to be imported
    moved = _moved_in_git(this.row, links.values())
    pairs = []
    for link in links.values():
        seen = state.unpack(link.seen)
        for path, reading in readings.items():
            same = reading.checksum == link.checksum
            score = 2.0 if same else 1.5 if moved.get(link.path) == path else 0.0
            score = score or identity.similarity(seen, reading.document.outline)
            if score >= SAME_PLAN:
                pairs.append((score, -_distance(link.path, path), link.pk, path))
    renamed: dict[int, str] = {}
    for _, _, link_id, path in sorted(pairs, reverse=True):
        if link_id not in renamed and path not in renamed.values():
            renamed[link_id] = path
    return renamed


def _moved_in_git(row: Replica, links: Iterable[Link]) -> dict[str, str]:
    """Old path -> new path, as git sees them; nothing where the folder is no work tree."""
    since: dict[str, list[str]] = {}
    for link in links:
        if link.commit:
            since.setdefault(link.commit, []).append(link.path)
    moved: dict[str, str] = {}
    try:
        tree = GitTree.find(row.path) if since else None
        for commit, paths in since.items():
            moved |= tree.renames(commit, paths) if tree else {}
    except GitError as error:
        logger.warning("Git at %s cannot tell what was renamed: %s", row.name, error)
    return moved


def _distance(old: str, new: str) -> int:
    """0 where the file kept its name (it moved), 1 where it kept its folder, else 2."""
    if old.rpartition("/")[2] == new.rpartition("/")[2]:
        return 0
    return 1 if old.rpartition("/")[0] == new.rpartition("/")[0] else 2
