"""Which files of a folder are plans: globs, links, and whatever else stands in people's folders."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from planning_sync.replicas import tree
from planning_sync.replicas.base import ABSENT
from planning_sync.replicas.errors import OutsideRoot, PlanUnreadable, ReplicaMissing, Unreadable
from planning_sync.replicas.folder import DEFAULT_EXCLUDE
from planning_sync.replicas.markdown import DEFAULT_INCLUDE, MarkdownFolder
from tests.planning_sync.replicas.contract import PLAN, TICKED, tick
from tests.planning_sync.replicas.disk import NOBODY, DiskWorld, nobody


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskWorld:
    root = tmp_path / "plans"
    root.mkdir()
    return DiskWorld(root, monkeypatch)


@pytest.fixture
def open_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[DiskWorld]:
    """A world that belongs to nobody, so that rights count even where the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="plans-") as folder:
        Path(folder).chmod(0o755)
        root = Path(folder, "plans")
        root.mkdir()
        if os.geteuid() == 0:
            os.chown(root, NOBODY, NOBODY)
        yield DiskWorld(root, monkeypatch)


@pytest.mark.parametrize(
    ("glob", "takes", "refuses"),
    [
        ("**/*.md", ["a.md", "b/a.md", "b/c/a.md", "two\nlines.md"], ["a.txt", "a.md.bak", "a.MD"]),
        ("*.md", ["a.md"], ["b/a.md"]),
        ("docs/**/*.md", ["docs/a.md", "docs/b/c/a.md"], ["a.md", "xdocs/a.md", "docs.md"]),
        ("**/templates/**", ["templates/a.md", "b/templates/c/a.md"], ["templates.md", "mytemplates/a.md"]),
        ("plan-?.md", ["plan-1.md"], ["plan-12.md", "plan-/.md"]),
        ("plan-[0-9a].md", ["plan-3.md", "plan-a.md"], ["plan-b.md"]),
        ("plan-[!0-9].md", ["plan-b.md"], ["plan-3.md", "plan-/.md"]),
        ("a+(b).md", ["a+(b).md"], ["aab.md"]),
        ("[.md", ["[.md"], ["m"]),
    ],
)
def test_a_glob_means_what_it_means_elsewhere(glob: str, takes: list[str], refuses: list[str]) -> None:
    globs = tree.Globs([glob], [])
    assert [path for path in takes + refuses if globs.takes(path)] == takes


def test_by_default_samples_archives_and_hidden_files_are_left_out(world: DiskWorld) -> None:
    for path in (
        "plan.md",
        "deep/er/plan.md",
        "templates/plan.md",
        "deep/archived/2024/plan.md",
        ".obsidian/plan.md",
        ".draft.md",
        "node_modules/lib/README.md",
        "notes.txt",
        ".planning-sync-0123456789abcdef.tmp",
    ):
        world.put(path, PLAN)
    (world.root / ".#plan.md").symlink_to("someone@host.1234")
    scan = world.replica.scan()
    assert list(scan.stamps) == ["deep/er/plan.md", "plan.md"]
    assert (scan.problems, scan.complete) == ((), True)


def test_folders_that_are_left_out_are_not_even_listed(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("node_modules/lib/a.md", PLAN)
    world.put("plans/a.md", PLAN)
    listed: list[str] = []
    really = tree._listed

    def note(folder: str, wanted: Callable[[str], bool]) -> tree._Folder:
        listed.append(folder)
        return really(folder, wanted)

    monkeypatch.setattr(tree, "_listed", note)
    world.replica.scan()
    assert listed == [str(world.root), str(world.root / "plans")]


def test_a_folder_may_be_called_like_a_plan(world: DiskWorld) -> None:
    world.put("plan.md/inner.md", PLAN)
    assert list(world.replica.scan().stamps) == ["plan.md/inner.md"]
    with pytest.raises(PlanUnreadable) as caught:
        world.replica.read("plan.md")
    assert caught.value.reason is Unreadable.NOT_A_FILE


def test_folders_may_be_five_hundred_deep(world: DiskWorld) -> None:
    descriptor = os.open(world.root, os.O_RDONLY)
    for _ in range(500):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("a.md", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
    path = "d/" * 500 + "a.md"
    assert list(world.replica.scan().stamps) == [path]
    assert world.replica.read(path).data == b""


# ------------------------------------------------------------------------------------- links


def test_a_link_to_a_file_outside_is_a_problem_and_never_read(world: DiskWorld) -> None:
    outside = world.root.parent / "secret.md"
    outside.write_bytes(PLAN)
    world.put("own.md", PLAN)
    (world.root / "link.md").symlink_to(outside)
    scan = world.replica.scan()
    assert list(scan.stamps) == ["own.md"]
    assert [problem.path for problem in scan.problems] == ["link.md"]
    assert "out of the replica's folder" in scan.problems[0].message
    assert not scan.gone("link.md")
    with pytest.raises(OutsideRoot):
        world.replica.read("link.md")


def test_a_link_to_a_folder_outside_is_a_problem_and_nothing_below_it_is_gone(world: DiskWorld) -> None:
    elsewhere = world.root.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "plan.md").write_bytes(PLAN)
    (world.root / "team").symlink_to(elsewhere)
    scan = world.replica.scan()
    assert dict(scan.stamps) == {}
    assert [problem.path for problem in scan.problems] == ["team"]
    assert not scan.gone("team/plan.md")
    assert scan.gone("teams/plan.md")
    with pytest.raises(OutsideRoot):
        world.replica.commit(world.replica.prepare_restore("team/new.md", ABSENT, PLAN))
    assert [found.name for found in elsewhere.iterdir()] == ["plan.md"]


def test_a_link_to_a_listed_plan_is_no_second_plan(world: DiskWorld) -> None:
    world.put("b.md", PLAN)
    world.put("sub/c.md", PLAN)
    (world.root / "a.md").symlink_to("b.md")
    (world.root / "again").symlink_to("sub")
    (world.root / "sub" / "up").symlink_to("..")
    (world.root / "sub" / "here").symlink_to(".")
    scan = world.replica.scan()
    assert list(scan.stamps) == ["b.md", "sub/c.md"]
    assert scan.problems == ()


def test_a_link_may_lead_to_a_place_that_is_left_out_otherwise(world: DiskWorld) -> None:
    world.put("archived/v55.md", PLAN)
    world.put("templates/kit/one.md", PLAN)
    (world.root / "current.md").symlink_to("archived/v55.md")
    (world.root / "other.md").symlink_to("archived/v55.md")
    (world.root / "kit").symlink_to("templates/kit")
    scan = world.replica.scan()
    assert list(scan.stamps) == ["current.md", "kit/one.md"]
    assert world.replica.read("kit/one.md").data == PLAN


def test_writing_through_a_link_keeps_the_link(world: DiskWorld) -> None:
    world.put("archived/v55.md", PLAN)
    (world.root / "current.md").symlink_to("archived/v55.md")
    stamp = world.replica.commit(tick(world.replica, "current.md"))
    assert (world.root / "current.md").is_symlink()
    assert (world.root / "archived/v55.md").read_bytes() == TICKED
    assert stamp.startswith(world.replica.scan().stamps["current.md"])


def test_deleting_a_plan_that_is_a_link_removes_the_link_alone(world: DiskWorld) -> None:
    world.put("archived/v55.md", PLAN)
    (world.root / "current.md").symlink_to("archived/v55.md")
    world.replica.commit(world.replica.prepare_delete(world.replica.read("current.md")))
    assert world.contents() == {"archived/v55.md": PLAN}
    assert not (world.root / "current.md").is_symlink()


def test_links_that_lead_nowhere_or_in_circles_are_problems(world: DiskWorld) -> None:
    (world.root / "broken.md").symlink_to("nothing.md")
    (world.root / "one.md").symlink_to("two.md")
    (world.root / "two.md").symlink_to("one.md")
    (world.root / "folder-to-nowhere").symlink_to("nothing")
    scan = world.replica.scan()
    assert [problem.path for problem in scan.problems] == ["broken.md", "one.md", "two.md"]
    assert scan.complete


def test_the_root_may_be_a_link(world: DiskWorld, tmp_path: Path) -> None:
    world.put("a.md", PLAN)
    link = tmp_path / "link"
    link.symlink_to(world.root)
    replica = MarkdownFolder(link)
    assert list(replica.scan().stamps) == ["a.md"]
    replica.commit(tick(replica, "a.md"))
    assert world.contents() == {"a.md": TICKED}


def test_a_folder_swapped_for_a_link_during_an_access_is_no_way_out(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = world.root.parent / "outside"
    outside.mkdir()
    (outside / "a.md").write_bytes(PLAN)
    world.put("sub/a.md", TICKED)
    realpath = os.path.realpath

    def swap(path: str) -> str:
        real = realpath(path)
        if real.endswith("sub/a.md"):
            (world.root / "sub").rename(world.root / "moved")
            (world.root / "sub").symlink_to(outside)
        return real

    monkeypatch.setattr(os.path, "realpath", swap)
    with pytest.raises(PlanUnreadable):
        world.replica.read("sub/a.md")


# ------------------------------------------------------------------------------------- strange folders


def test_what_is_not_a_plain_file_is_a_problem_and_nothing_waits_for_it(world: DiskWorld) -> None:
    os.mkfifo(world.root / "pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(world.root)  # the name of a socket may not be long
        try:
            server.bind("socket.md")
        finally:
            os.chdir(here)
        scan = world.replica.scan()
        assert dict(scan.stamps) == {}
        assert [problem.path for problem in scan.problems] == ["pipe.md", "socket.md"]
        for path in ("pipe.md", "socket.md"):
            with pytest.raises(PlanUnreadable) as caught:
                world.replica.read(path)
            assert caught.value.reason is Unreadable.NOT_A_FILE


def test_a_root_that_is_a_file_or_missing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(PLAN)
    for root in (tmp_path / "file", tmp_path / "nothing"):
        with pytest.raises(ReplicaMissing, match="no plan counts as deleted"):
            MarkdownFolder(root).scan()


def test_a_root_replaced_during_a_scan_is_an_error(world: DiskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("a.md", PLAN)
    really = tree._listed

    def replaced(folder: str, wanted: Callable[[str], bool]) -> tree._Folder:
        world.root.rename(world.root.with_name("elsewhere"))
        world.root.mkdir()
        return really(folder, wanted)

    monkeypatch.setattr(tree, "_listed", replaced)
    with pytest.raises(ReplicaMissing, match="was replaced"):
        world.replica.scan()


def test_a_file_that_vanishes_during_a_scan_is_not_gone(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor that saves by moving the old file away leaves a moment without any."""
    world.put("a.md", PLAN)
    really = tree._listed_once

    def vanishing(descriptor: int, wanted: Callable[[str], bool]) -> tree._Folder:
        def look(name: str) -> bool:
            if (world.root / "a.md").exists():
                world.discard("a.md")
            return True

        return really(descriptor, look)

    monkeypatch.setattr(tree, "_LISTINGS", 1)
    monkeypatch.setattr(tree, "_listed_once", vanishing)
    scan = world.replica.scan()
    assert "a.md" not in scan.stamps
    assert not scan.gone("a.md")


def test_a_folder_that_changes_while_it_is_listed_is_listed_again(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("a.md", PLAN)
    os.utime(world.root, ns=(0, 0))
    really = tree._listed_once
    looks = 0

    def listing(descriptor: int, wanted: Callable[[str], bool]) -> tree._Folder:
        nonlocal looks
        listed = really(descriptor, wanted)
        looks += 1
        if looks == 1:
            world.put("late.md", PLAN)
        return listed

    monkeypatch.setattr(tree, "_listed_once", listing)
    assert list(world.replica.scan().stamps) == ["a.md", "late.md"]
    assert looks == 2


def test_a_folder_without_rights_makes_the_scan_incomplete(open_world: DiskWorld) -> None:
    with nobody():
        open_world.put("closed/a.md", PLAN)
        open_world.put("b.md", PLAN)
        (open_world.root / "closed").chmod(0)
        scan = open_world.replica.scan()
        (open_world.root / "closed").chmod(0o700)
    assert list(scan.stamps) == ["b.md"]
    assert not scan.complete
    assert [problem.path for problem in scan.problems] == ["closed"]
    assert not scan.gone("closed/a.md")


def test_a_root_without_rights_is_missing_and_not_empty(open_world: DiskWorld) -> None:
    with nobody():
        open_world.root.chmod(0)
        with pytest.raises(ReplicaMissing):
            open_world.replica.scan()
        open_world.root.chmod(0o700)


def test_hard_links_are_two_plans_that_part_at_the_first_write(world: DiskWorld) -> None:
    world.put("a.md", PLAN)
    os.link(world.root / "a.md", world.root / "b.md")
    assert list(world.replica.scan().stamps) == ["a.md", "b.md"]
    world.replica.commit(tick(world.replica, "a.md"))
    assert world.contents() == {"a.md": TICKED, "b.md": PLAN}


def test_the_default_globs_are_the_documented_ones() -> None:
    assert DEFAULT_INCLUDE == ("**/*.md",)
    assert {"**/templates/**", "**/archived/**", "**/node_modules/**", "**/.*/**"} <= set(DEFAULT_EXCLUDE)
