"""The in-memory twin keeps the contract, and fails when it is told to."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from planning_sync.replicas.errors import PlanChanged, PlanUnreadable, Unreadable
from planning_sync.replicas.memory import MemoryFolder
from tests.planning_sync.replicas.contract import OTHER, PLAN, ReplicaContract, tick


class MemoryWorld:
    def __init__(self) -> None:
        self.replica = MemoryFolder()
        self.put: Callable[[str, bytes], None] = self.replica.put
        self.discard: Callable[[str], None] = self.replica.discard
        self.contents: Callable[[], dict[str, bytes]] = self.replica.contents

    def hide(self, path: str) -> None:
        self.replica.partial = frozenset([path])

    def lose(self) -> None:
        self.replica.missing = True

    def fail_next_write(self) -> None:
        self.replica.write_error = OSError(errno.ENOSPC, "No space left on device")


class TestMemoryFolder(ReplicaContract):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld()


def test_an_edit_can_be_put_between_read_and_commit() -> None:
    replica = MemoryFolder({"a.md": PLAN})
    write = tick(replica, "a.md")
    replica.before_commit = lambda: replica.put("a.md", OTHER)
    with pytest.raises(PlanChanged):
        replica.commit(write)
    assert replica.contents() == {"a.md": OTHER}


def test_a_plan_can_be_made_unreadable() -> None:
    replica = MemoryFolder({"a.md": PLAN})
    replica.unreadable["a.md"] = Unreadable.FORBIDDEN
    with pytest.raises(PlanUnreadable):
        replica.read("a.md")
