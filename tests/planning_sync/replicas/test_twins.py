"""The folder on disk and its in-memory twin answer alike, whatever is done to them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from planning_sync.replicas import names
from planning_sync.replicas.base import ABSENT, Replica, Write, checksum
from planning_sync.replicas.errors import PlanUnreadable, ReplicaError
from planning_sync.replicas.markdown import MarkdownFolder
from planning_sync.replicas.memory import MemoryFolder
from plans.outline import Status
from tests.planning_sync.replicas.contract import known, outline, with_status

PATHS = st.sampled_from(["roof.md", "Roof-2.md", "sub/a.md", "sub/deep/b.md", "caf%xE9.md"])
LINES = st.sampled_from(
    [b"# Roof\n", b"- [ ] Tile\n", b"- [x] Beam\r\n", b"* [ ] \xe9t\xe9\n", b"text", b"\n", b"## 1. Up\n"]
)
BYTES = st.lists(LINES, max_size=6).map(b"".join)
TITLES = st.sampled_from(["Roof", "ROOF 2", "Été", "計画"])


class Twins(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.disk = MarkdownFolder(self.root, settle_seconds=0.0)
        self.memory = MemoryFolder()
        self.expected: dict[str, bytes] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    def both(self) -> tuple[Replica, Replica]:
        return self.disk, self.memory

    def commit(self, write: Write) -> None:
        """Commits on both; the outcomes must be alike, and so must what is then expected to be there."""
        outcomes = [outcome(replica, write) for replica in self.both()]
        assert outcomes[0] == outcomes[1]
        if outcomes[0] == "done":
            if write.data is None:
                self.expected.pop(write.path, None)
            else:
                self.expected[write.path] = write.data

    @rule(path=PATHS, data=BYTES)
    def someone_saves(self, path: str, data: bytes) -> None:
        place = self.root / names.to_os(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        self.memory.put(path, data)
        self.expected[path] = data

    @rule(path=PATHS)
    def someone_deletes(self, path: str) -> None:
        if path in self.expected:
            (self.root / names.to_os(path)).unlink()
            self.memory.discard(path)
            del self.expected[path]

    @rule(path=PATHS, before=st.none() | BYTES, data=st.none() | BYTES, current=st.booleans())
    def we_write(self, path: str, before: bytes | None, data: bytes | None, current: bool) -> None:
        found = self.expected.get(path) if current else before
        old = ABSENT if found is None else checksum(found)
        self.commit(Write(path, old, ABSENT if data is None else checksum(data), data, None))

    @rule(path=PATHS)
    def we_tick_everything(self, path: str) -> None:
        if path not in self.expected:
            return
        writes = []
        for replica in self.both():
            reading = known(replica.read(path))
            target = reading.document.outline
            for task in list(target.tasks()):
                target = with_status(target, task.text, Status.DONE)
            writes.append(replica.prepare(reading, target))
        assert writes[0] == writes[1]
        self.commit(writes[0])

    @rule(title=TITLES)
    def we_make_a_plan(self, title: str) -> None:
        writes = [replica.prepare_new(outline(title, "Tile", "Beam")) for replica in self.both()]
        assert writes[0] == writes[1]
        assert writes[0].path not in self.expected
        self.commit(writes[0])

    @rule(path=PATHS)
    def we_look(self, path: str) -> None:
        data = self.expected.get(path)
        for replica in self.both():
            assert replica.probe(path).checksum == (ABSENT if data is None else checksum(data))
            try:
                assert replica.read(path).data == data
            except PlanUnreadable:
                assert data is None

    @invariant()
    def both_hold_what_is_expected(self) -> None:
        for replica in self.both():
            scan = replica.scan()
            assert list(scan.stamps) == sorted(self.expected)
            assert (scan.problems, scan.complete) == ((), True)
        assert self.memory.contents() == dict(sorted(self.expected.items()))
        on_disk = {
            names.from_os(str(found.relative_to(self.root))): found.read_bytes()
            for found in self.root.rglob("*")
            if found.is_file()
        }
        assert on_disk == self.expected


def outcome(replica: Replica, write: Write) -> str:
    try:
        replica.commit(write)
    except ReplicaError as error:
        return type(error).__name__
    return "done"


TestTwins = Twins.TestCase
TestTwins.settings = settings(deadline=None, max_examples=25, stateful_step_count=20)
