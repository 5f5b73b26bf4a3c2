"""One pass over a replica: `Options`, `Pass`, and `survey`, which finds what there is to do."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils.functional import cached_property

from audit import services as audit
from audit.models import Operation
from conflicts.merge import Severity
from conflicts.models import Conflict
from conflicts.policy import ArbitrationPolicy, Rule
from planning_sync.replicas.base import Reading, Scan
from planning_sync.replicas.base import Replica as Side
from planning_sync.replicas.errors import GitError, ReplicaError, ReplicaMissing
from planning_sync.replicas.git import GitTree
from planning_sync.sync import guards, sides, state, validity
from planning_sync.sync.exchange import Direction
from planning_sync.sync.models import Intent, Link, Replica, Unpaired
from planning_sync.sync.report import Report
from planning_sync.sync.twins import Twin, Twins
from planning_sync.sync.validity import Rulebook
from plans import identity
from plans.models import Plan
from plans.outline import Change, Outline

logger = logging.getLogger(__name__)

SAME_PLAN = 0.5
"""How alike a vanished plan and a new file must be to count as one that was renamed; and how alike a new plan
and one of the hub, for a person to be asked whether they are the same."""


@dataclass(frozen=True)
class Options:
    """How a pass is to be made."""

    actor: str
    direction: Direction = "both"
    dry_run: bool = False
    allow_mass_delete: bool = False
    settle_seconds: float = 0.5
    """A deletion found in a file that was just written waits: an editor may be in the middle of a save."""
    paths: frozenset[str] = frozenset()
    """Only the plans at these paths; where none is named, all of them."""
    validate_first: bool = False
    """Refuse files that break the rules for plans, whatever the replica's option says."""
    strategy: str = ""
    """Tried on every clash, instead of what the policies say of it."""
    operation_id: UUID | None = None
    """A running operation that was begun for this pass, and that it ends."""


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
    lost: ReplicaMissing | None = None
    """What tells that the replica is not there; the rest of the pass is left for when it is back."""
    _kept: bool = False
    """Whether the transaction that made the operation was committed."""

    def begin(self) -> Operation:
        """The operation that the pass's entries belong to; made once there is something to record."""
        if self.operation is None and self.options.operation_id is not None:
            self._take_up(self.options.operation_id)
        if self.operation is None or not self._is_there(self.operation):
            self.operation = audit.begin(
                Operation.Kind.SYNC, actor=self.options.actor, replica_id=self.row.pk
            )
            self.report.operation = str(self.operation.pk)
            transaction.on_commit(self._keep)
        return self.operation

    def _take_up(self, operation_id: UUID) -> None:
        """The operation begun for this pass; not for those over other replicas that follow from it."""
        running = Operation.objects.filter(status=Operation.Status.RUNNING, replica_id=self.row.pk)
        self.operation = running.filter(pk=operation_id).first()
        if self.operation is not None:
            self._kept = True
            self.report.operation = str(operation_id)

    def _is_there(self, operation: Operation) -> bool:
        """Not so where the transaction that made it was rolled back."""
        return self._kept or Operation.objects.filter(pk=operation.pk).exists()

    def _keep(self) -> None:
        self._kept = True

    @cached_property
    def arbitration(self) -> ArbitrationPolicy:
        """What strategies may settle; where the policy cannot be read, nothing, and the report says so."""
        found = sides.arbitration_of(self.row, self.side)
        if found.problem:
            logger.warning("Conflict policy at %s: %s", self.row.name, found.problem)
            self.report.errors.append({"plan": "", "error": found.problem})
        if not self.options.strategy:
            return found.policy
        rule = Rule((self.options.strategy,), severity=Severity.CRITICAL)
        return replace(found.policy, rules=(rule, *found.policy.rules))

    @cached_property
    def rulebook(self) -> Rulebook | None:
        """The rules that a file has to keep to be taken in; None where they refuse nothing."""
        refuses = self.options.validate_first or self.row.options.get("validation") == "refuse"
        if not refuses or self.row.kind != Replica.Kind.MARKDOWN:
            return None
        found = validity.rulebook_of(self.side)
        if found.problem:
            logger.warning("Rules at %s: %s", self.row.name, found.problem)
            self.report.errors.append({"plan": "", "error": found.problem})
        return found

    def check_rules(self, reading: Reading, world: str = "") -> None:
        """Raise `Refused` where the file breaks rules that it has to keep to be taken in."""
        if self.rulebook is not None and self.options.direction != "push":
            validity.check(self.rulebook, reading, world=world)

    def twin_of(self, reading: Reading) -> Twin | None:
        """The plan of the hub that a plan new to the hub may be, so that a person is asked; None for none."""
        if self.row.options.get("pairing") == "off":
            return None
        known = Unpaired.objects.filter(replica=self.row)
        if known.filter(path=reading.path, as_new=True).exists():
            return None
        alike = self._twins.alike(reading.document.outline, reading.path, at_least=SAME_PLAN)
        claimed = set(known.exclude(path=reading.path).values_list("plan_id", flat=True)) if alike else ()
        return next((twin for twin in alike if twin.plan_id not in claimed), next(iter(alike), None))

    @cached_property
    def _twins(self) -> Twins:
        return Twins(self.row.pk)

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
    released: bool


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


def survey(this: Pass, *, guarded: bool = True) -> Survey:
    """Compare stamps and revisions; reads no plan but those that may have been renamed.

    Raises `Refused` where the replica as a whole looks damaged, and the replica's errors.
    """
    scan = this.side.scan()
    known = [_known(row) for row in Link.objects.filter(replica=this.row).values_list(*_COLUMNS).iterator()]
    paths = {link.path for link in known}
    known = [link for link in known if not link.released]
    unpaired = Unpaired.objects.filter(replica=this.row, as_new=False, plan__deleted_at=None)
    paths.update(unpaired.values_list("path", flat=True))
    fresh = [path for path in scan.stamps if path not in paths]
    vanished = [link for link in known if not link.gone and not link.plan_deleted and scan.gone(link.path)]
    # A path where a plan stood that went to the bin since may be where another one is now.
    vacant = {link.path: link.link_id for link in known if link.gone and link.path in scan.stamps}
    renamed = _renamed(this, vanished, fresh, vacant) if vanished and (fresh or vacant) else {}
    if guarded and not this.options.allow_mass_delete:
        there = [link.path for link in known if not link.gone]
        guards.check_folder(
            scan.stamps, there, [link.path for link in vanished if link.link_id not in renamed]
        )
    marked = _marked(this.row)
    wanted = this.options.paths
    if wanted:
        # A plan that was renamed is wanted by both its names: without the new one it would seem deleted.
        known = [link for link in known if link.path in wanted or renamed.get(link.link_id) in wanted]
        renamed = {link.link_id: renamed[link.link_id] for link in known if link.link_id in renamed}
        fresh = [path for path in fresh if path in wanted]
    return Survey(
        scan=scan,
        fresh=tuple(path for path in fresh if path not in renamed.values()),
        links=tuple(
            link.link_id
            for link in known
            if link.link_id not in renamed and (link.link_id in marked or _moved(link, scan))
            if not (link.gone and link.path in renamed.values())
        )
        + _unfinished(this.row),
        renamed=renamed,
        unlinked=() if wanted else tuple(unlinked(this.row)),
    )


_COLUMNS = (
    *("pk", "path", "stamp", "revision", "gone_at", "plan_id", "plan__revision", "plan__deleted_at"),
    "released_at",
)


def _known(row: tuple[object, ...]) -> Known:
    link_id, path, stamp, revision, gone_at, plan_id, plan_revision, deleted_at, released_at = row
    return Known(
        *(link_id, path, stamp, revision, gone_at is not None),  # type: ignore[arg-type]  # as _COLUMNS says
        *(plan_id, plan_revision, deleted_at is not None, released_at is not None),  # type: ignore[arg-type]  # the same
    )


def _moved(link: Known, scan: Scan) -> bool:
    """Whether a side of the link is not as it was left."""
    stamp = scan.stamps.get(link.path)
    if stamp is not None:
        return link.gone or link.plan_deleted or stamp != link.stamp or link.revision != link.plan_revision
    return scan.gone(link.path) and not (link.gone and link.plan_deleted)


def _unfinished(row: Replica) -> tuple[int, ...]:
    """Released links with an unfinished write."""
    intents = Intent.objects.filter(link__replica=row).exclude(link__released_at=None)
    return tuple(intents.values_list("link_id", flat=True))


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


def _renamed(
    this: Pass, vanished: Collection[Known], fresh: Collection[str], vacant: Mapping[str, int]
) -> dict[int, str]:
    """Which vanished plan stands at which new path, best pairs first: the same bytes, what git saw renamed
    since the link's commit, else the most alike.

    `vacant` are paths of plans in the bin, with their links: such a plan may also be back at its own path.
    """
    wanted = [*(known.link_id for known in vanished), *vacant.values()]
    links = {link.pk: link for link in Link.objects.filter(pk__in=wanted)}
    readings = {}
    for path in (*fresh, *vacant):
        try:
            readings[path] = this.side.read(path)
        except ReplicaError:
            continue  # reported when the file is to be imported
    moved = _moved_in_git(this.row, links.values())
    pairs = []
    for link in links.values():
        seen = state.unpack(link.seen)
        for path, reading in readings.items():
            if link.pk in vacant.values() and vacant.get(path) != link.pk:
                continue
            same = reading.checksum == link.checksum
            score = 2.0 if same else 1.5 if moved.get(link.path) == path else 0.0
            score = score or identity.similarity(seen, reading.document.outline)
            if score >= SAME_PLAN:
                pairs.append((score, -_distance(link.path, path), link.pk, path))
    renamed: dict[int, str] = {}
    for _, _, link_id, path in sorted(pairs, reverse=True):
        if link_id not in renamed and path not in renamed.values():
            renamed[link_id] = path
    return {link_id: path for link_id, path in renamed.items() if vacant.get(path) != link_id}


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
