"""The watcher: a save in a replica's folder is in the hub a moment later.

Public: `Watcher`. One thread for each enabled replica, and one loop that starts and stops them as replicas
come and go:

    root is there  -- watch armed --> whole pass --> changed paths --> one sync each
         ^                                                  |
         |                                          root gone or replaced
         +---- looked for again and again <-----------------+

The file system says more than what concerns plans: our own temporary files, other files, other folders. What
it says of our own writes leads to one look at the file, which finds it in step.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

from django.db import DatabaseError, connections
from django.utils import timezone

from audit import context
from audit.models import Operation
from planning_sync.replicas import names
from planning_sync.replicas.errors import ReplicaError
from planning_sync.replicas.folder import PlanFolder
from planning_sync.sync import availability, services, sides
from planning_sync.sync.errors import SyncError
from planning_sync.sync.models import Link, Replica
from planning_sync.sync.passes import Options
from planning_sync.sync.report import Report

logger = logging.getLogger(__name__)

STEP_MS = 15
"""A burst of changes is over once this long nothing more came."""
DEBOUNCE_MS = 150
"""A burst that does not end is cut after this long."""
LOOK_MS = 400
"""How often a quiet watch looks whether the root is still the folder it was."""
POLL_SECONDS = 2.0
"""How often a folder is looked through that the system cannot watch, and a file that is a replica."""
VISIT_SECONDS = 30.0
"""How often a service is asked what changed there."""
AWAY_SECONDS = 0.5
"""How often a root that is gone is looked for."""
REFRESH_SECONDS = 1.0
"""How often the list of replicas is read."""
RETRY_SECONDS = 1.0
"""After this long a pass in which something failed is repeated, each time after twice as long."""
LONGEST_RETRY_SECONDS = 60.0
MANY_PATHS = 20
"""From this many changed plans on, one pass over the replica is cheaper than one for each."""


class Unwatchable(Exception):
    """The system will not tell of changes in a folder: too many watches, or a file system that cannot."""


Root = tuple[int, int]
"""Device and inode of a folder: another one at the same path is another root."""
Changes = set[tuple[int, str]]


class Watcher:
    """Follows every enabled replica until `stop`."""

    def __init__(self, *, stop: Event, on_pass: Callable[[Report], None] | None = None) -> None:
        self._stop = stop
        self._on_pass = on_pass
        self._watches: dict[tuple[UUID, str], _Watch] = {}

    def run(self) -> None:
        """Start a watch for each replica, stop those of replicas that are gone; returns when stopped."""
        try:
            while not self._stop.is_set():
                self._try_refresh()
                self._stop.wait(REFRESH_SECONDS)
        finally:
            for watch in self._watches.values():
                watch.stop.set()
            for watch in self._watches.values():
                watch.join()
            connections.close_all()

    def _try_refresh(self) -> None:
        try:
            self._refresh()
        except DatabaseError as error:
            logger.warning("The list of replicas cannot be read now: %s", error)
            connections.close_all()  # a connection that broke is not mended, the next use makes a new one

    def _refresh(self) -> None:
        rows = {(row.pk, f"{row.path}\0{row.options}"): row for row in Replica.objects.filter(enabled=True)}
        for key in [key for key in self._watches if key not in rows]:
            watch = self._watches.pop(key)
            watch.stop.set()
            logger.info("Replica %s is not watched any more", watch.row.name)
        for key, row in rows.items():
            if key not in self._watches:
                self._watches[key] = _Watch(row, self._on_pass)
                self._watches[key].start()


class _Watch(Thread):
    """The watch over one replica."""

    def __init__(self, row: Replica, on_pass: Callable[[Report], None] | None) -> None:
        super().__init__(name=f"watch {row.name}", daemon=True)
        self.row = row
        self.stop = Event()
        self._on_pass = on_pass
        self._retry_at_tick = 0
        self._retry_seconds = RETRY_SECONDS

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                try:
                    with context.origin(via=Operation.Via.WATCHER):
                        self._follow()
                except (ReplicaError, SyncError, OSError) as error:
                    logger.warning("Replica %s cannot be watched now: %s", self.row.name, error)
                    self.stop.wait(5.0)
                except Exception:
                    logger.exception("Unexpected failure while watching %s", self.row.name)
                    connections.close_all()
                    self.stop.wait(5.0)
        finally:
            connections.close_all()

    def _follow(self) -> None:
        """Watch the folder as long as it is the same folder; wait where it is not there."""
        side = sides.connect(self.row)
        if not isinstance(side, PlanFolder):
            self._visit(VISIT_SECONDS if side.remote else POLL_SECONDS)
            return
        root = side.root.real()
        identity = _identity(root)
        if identity is None:
            logger.warning("The folder of replica %s is gone: waiting for %s", self.row.name, root)
            identity = self._awaited(root)
        if identity is None:
            return
        logger.info("Watching %s (%s)", self.row.name, root)
        try:
            self._watch(side, root, identity)
        except Unwatchable as error:
            logger.warning(
                "The system cannot watch the folder of %s (%s): looking at it every %g seconds instead. "
                "On Linux, raising fs.inotify.max_user_watches usually helps",
                *(self.row.name, error, POLL_SECONDS),
            )
            self._poll(root, identity)

    def _awaited(self, root: str) -> Root | None:
        while not self.stop.wait(AWAY_SECONDS):
            identity = _identity(root)
            if identity is not None:
                return identity
        return None

    def _watch(self, side: PlanFolder, root: str, identity: Root) -> None:
        armed = False
        for changes in _changes(root, self.stop, recursive=not side.globs.is_flat):
            if _identity(root) != identity:
                return
            if not armed:
                # Only now, so that no edit falls between the pass and the watch.
                armed = True
                self._pass()
            elif changes:
                self._sync(side, root, changes)
            else:
                self._repeat_failed()

    def _visit(self, every_seconds: float) -> None:
        """Pass after pass at a replica that tells nobody of its changes, less often while it fails."""
        while not self.stop.is_set():
            row = Replica.objects.filter(pk=self.row.pk).first()
            if row is not None and availability.may_try(row, timezone.now()):
                self._pass()
                row = Replica.objects.filter(pk=self.row.pk).first()
            wait = max(every_seconds, self._retry_seconds)
            if row is not None:
                wait = availability.wait_seconds(row, timezone.now(), otherwise=wait)
            self.stop.wait(wait)

    def _poll(self, root: str, identity: Root) -> None:
        """The same without the system's help: pass after pass, which are cheap where nothing changed."""
        while _identity(root) == identity:
            self._pass()
            if self.stop.wait(POLL_SECONDS):
                return

    # ------------------------------------------------------------------------------------- syncing

    def _sync(self, side: PlanFolder, root: str, changes: Changes) -> None:
        paths, whole = _plans_of(self.row, side, root, changes)
        if not paths and not whole:
            return
        known = (
            Link.objects.filter(replica=self.row, path__in=paths, gone_at=None).count() if not whole else 0
        )
        if whole or len(paths) >= MANY_PATHS or known < len(paths):
            self._pass()
            return
        for path in sorted(paths):
            self._done(services.sync_path(self.row, path, _OPTIONS))

    def _pass(self) -> None:
        self._done(services.sync_replica(self.row, _OPTIONS))

    def _done(self, report: Report) -> None:
        if report.changed or report.files_written or report.errors or report.refused:
            logger.info(
                "Synced %s: %s, %d plans changed, %d files written",
                *(report.replica, report.status, report.changed, len(report.files_written)),
            )
        if report.errors:
            self._retry_at_tick = max(1, round(self._retry_seconds * 1000 / LOOK_MS))
            self._retry_seconds = min(self._retry_seconds * 2, LONGEST_RETRY_SECONDS)
        else:
            self._retry_at_tick, self._retry_seconds = 0, RETRY_SECONDS
        if self._on_pass:
            self._on_pass(report)

    def _repeat_failed(self) -> None:
        """Called at each look of a quiet watch: what failed may go well now."""
        if self._retry_at_tick:
            self._retry_at_tick -= 1
            if not self._retry_at_tick:
                self._pass()


_OPTIONS = Options(actor="watcher")


def _changes(root: str, stop: Event, *, recursive: bool) -> Iterator[Changes]:
    """The bursts of changes below `root`; an empty one at each quiet look. The first of any kind says: armed.

    Raises `Unwatchable`.
    """
    from watchfiles import watch
    from watchfiles._rust_notify import WatchfilesRustInternalError

    bursts = watch(
        root,
        watch_filter=None,
        debounce=DEBOUNCE_MS,
        step=STEP_MS,
        stop_event=stop,
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
        ignore_permission_denied=True,
        recursive=recursive,
    )
    while True:
        try:
            found = next(bursts, None)
        except (OSError, WatchfilesRustInternalError) as error:
            raise Unwatchable(str(error)) from error
        if found is None:
            return
        yield {(int(kind), path) for kind, path in found}


def _identity(root: str) -> Root | None:
    try:
        found = Path(root).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _plans_of(
    row: Replica, side: PlanFolder, root: str, changes: Collection[tuple[int, str]]
) -> tuple[set[str], bool]:
    """The plans that changed, and whether so much else did that only a whole pass can tell."""
    paths: set[str] = set()
    for _, place in changes:
        path = names.from_os(os.path.relpath(place, root))
        if path == "." or path.startswith("../"):
            continue
        if not _entered(side, path):
            continue
        if side.globs.takes(path):
            paths.add(path)
        elif side.globs.enters(path) and _is_or_was_folder(row, place, path):
            return paths, True
    return paths, False


def _entered(side: PlanFolder, path: str) -> bool:
    """Whether a scan would look into the folder that holds `path`."""
    steps = path.split("/")[:-1]
    return all(side.globs.enters("/".join(steps[: depth + 1])) for depth in range(len(steps)))


def _is_or_was_folder(row: Replica, place: str, path: str) -> bool:
    """Of a folder that moves, the file system tells its own name alone, not those of its files."""
    if Path(place).is_dir():
        return True
    return (
        not os.path.lexists(place) and Link.objects.filter(replica=row, path__startswith=f"{path}/").exists()
    )
