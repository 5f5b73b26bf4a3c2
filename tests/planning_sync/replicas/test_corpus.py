"""Every real plan is read through a folder, and a sync that has nothing to say touches none of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from planning_sync.replicas.base import Write
from planning_sync.replicas.markdown import MarkdownFolder
from tests.corpus import CORPUS, corpus_root
from tests.planning_sync.replicas.contract import known


@pytest.fixture
def copied(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    root = corpus_root()
    if root is None:
        missing = f"NOT RUN: the corpus of real plans is not at {CORPUS}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    copy = tmp_path / "corpus"
    shutil.copytree(root / request.param, copy)
    return copy


@pytest.mark.parametrize("copied", ["dev", "dev-large/plans"], indirect=True)
def test_every_real_plan_is_read_and_a_write_without_changes_touches_none(copied: Path) -> None:
    replica = MarkdownFolder(copied, exclude=())
    before = {found: found.read_bytes() for found in copied.rglob("*") if found.is_file()}
    scan = replica.scan()
    assert (scan.problems, scan.complete) == ((), True)
    assert len(scan.stamps) == sum(found.suffix == ".md" for found in before)
    for path in scan.stamps:
        reading = known(replica.read(path))
        assert reading.data == before[copied / path]
        write = replica.prepare(reading, reading.document.outline)
        assert write == Write(path, reading.checksum, reading.checksum, reading.data, reading.document)
        replica.commit(write)
    assert replica.scan() == scan
    assert {found: found.read_bytes() for found in copied.rglob("*") if found.is_file()} == before
