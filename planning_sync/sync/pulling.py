"""Bringing in what others pushed, for a replica that is a clone: `pull`. Never a merge, never over edits."""

from __future__ import annotations

import logging
from contextlib import ExitStack

from planning_sync.replicas.errors import NotPulled
from planning_sync.replicas.git import GitTree
from planning_sync.sync import locks
from planning_sync.sync.models import Replica

logger = logging.getLogger(__name__)


def pull(row: Replica) -> bool:
    """Whether there was something to bring in. Raises `NotPulled`, `GitFailed`, `Busy`, with nothing changed.

    Meanwhile nobody syncs the plans that change: git looks at a file before it writes it, not while it does.
    """
    tree = GitTree.find(row.path)
    if tree is None:
        raise NotPulled(row.path, "it is no git work tree")
    incoming = tree.fetch()
    if incoming is None:
        return False
    with ExitStack() as held:
        for path in incoming.paths:
            held.enter_context(locks.hold(row.pk, path))
        tree.fast_forward(incoming.commit)
    logger.info("Replica %s was brought to commit %s", row.name, incoming.commit)
    return True
