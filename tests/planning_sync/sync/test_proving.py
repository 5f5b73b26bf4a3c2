"""The proof of a round trip: what it finds, that it writes nothing, and that it does find what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from planning_sync.replicas.base import Reading, Write, checksum
from planning_sync.replicas.errors import ReplicaMissing
from planning_sync.replicas.markdown import MarkdownFolder
from planning_sync.replicas.memory import MemoryFolder
from planning_sync.sync.proving import Proof, prove
from plans.outline import Outline
from tests.corpus import require_corpus

PLAN = b"# Launch\n\n- [ ] Tag the version\n- [X] Write to the press\n- [?] Ask the lawyers\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "launch.md").write_bytes(PLAN)
    (tmp_path / "site.md").write_bytes(PLAN.replace(b"\n", b"\r\n"))
    return tmp_path


def test_the_proof_counts_and_lists_what_is_not_understood(folder: Path) -> None:
    proof = prove(MarkdownFolder(folder))
    assert (proof.total, proof.plans, proof.tasks, proof.sampled) == (2, 2, 4, 4)
    assert (proof.unrecognised, proof.doubtful, proof.respelled) == (2, 0, 2)
    assert [(each.path, each.line) for each in proof.remarks] == [("launch.md", 5), ("site.md", 5)]
    assert proof.holds
    assert proof.complete


def test_a_proof_changes_nothing(folder: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    prove(MarkdownFolder(folder))
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_a_file_that_cannot_be_read_is_listed_with_its_reason(folder: Path) -> None:
    proof = prove(MarkdownFolder(folder, limit_bytes=len(PLAN)))
    ((path, message),) = proof.unreadable
    assert path == "site.md"
    assert "bytes" in message
    assert (proof.plans, proof.complete) == (1, True)


def test_a_place_that_is_not_there_has_no_proof(tmp_path: Path) -> None:
    with pytest.raises(ReplicaMissing):
        prove(MarkdownFolder(tmp_path / "nothing"))


def test_a_proof_in_pieces_is_the_proof_as_a_whole(folder: Path) -> None:
    side, told = MarkdownFolder(folder), []
    half = prove(side, seconds=0, progress=lambda done, total: told.append((done, total)))
    assert not half.complete
    kept = Proof.from_json(half.as_json())
    whole = prove(side, so_far=kept, seconds=0, progress=lambda done, total: told.append((done, total)))
    assert whole == prove(side)
    assert told == [(1, 2), (2, 2)]


class Careless(MemoryFolder):
    """A replica that also touches the first line of whatever it writes."""

    def prepare(self, reading: Reading, target: Outline) -> Write:
        write = super().prepare(reading, target)
        data = (write.data or reading.data).replace(b"# ", b"#  ", 1)
        return replace(write, data=data, after=checksum(data))


def test_a_replica_that_changes_other_bytes_is_found_out() -> None:
    side = Careless()
    side.put("launch.md", PLAN)
    proof = prove(side)
    assert not proof.holds
    assert {each.code for each in proof.differing} == {"bytes", "lines"}


@pytest.mark.parametrize("most", [40, pytest.param(None, marks=pytest.mark.soak)])
def test_the_round_trip_of_real_plans_changes_no_byte(most: int | None) -> None:
    root = require_corpus() / "dev" / "plans"
    names = sorted(path.name for path in root.glob("*.md"))[:most]
    proof = prove(MarkdownFolder(root, include=names))
    assert proof.holds, proof.differing
    assert proof.plans == len(names)
    assert proof.sampled > proof.plans
