"""A folder of Markdown files keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from planning_sync.replicas.errors import WriteFailed
from planning_sync.replicas.markdown import MarkdownFolder
from tests.planning_sync.replicas.contract import PLAN, ReplicaContract, outline, tick
from tests.planning_sync.replicas.disk import DiskWorld


class TestMarkdownFolder(ReplicaContract):
    @pytest.fixture
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskWorld:
        root = tmp_path / "plans"
        root.mkdir()
        return DiskWorld(root, monkeypatch)

    def test_no_write_leaves_a_temporary_file(self, world: DiskWorld) -> None:
        world.put("a.md", PLAN)
        world.replica.commit(tick(world.replica, "a.md"))
        world.replica.commit(world.replica.prepare_new(outline("Roof", "Count the tiles")))
        world.replica.commit(world.replica.prepare_delete(world.replica.read("a.md")))
        assert world.leftovers() == []

    def test_a_new_plan_goes_where_the_globs_look(self, world: DiskWorld) -> None:
        replica = MarkdownFolder(world.root, include=("docs/plans/**/*.md",))
        world.put("docs/plans/roof.md", PLAN)
        write = replica.prepare_new(outline("Roof", "Count the tiles"))
        assert write.path == "docs/plans/roof-2.md"
        replica.commit(write)
        assert list(replica.scan().stamps) == ["docs/plans/roof-2.md", "docs/plans/roof.md"]

    def test_a_new_plan_that_no_glob_would_find_is_refused(self, world: DiskWorld) -> None:
        replica = MarkdownFolder(world.root, include=("plan-*.md",))
        with pytest.raises(WriteFailed, match="include"):
            replica.prepare_new(outline("Roof", "Count the tiles"))
