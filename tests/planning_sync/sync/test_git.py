from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from planning_sync.sync.models import Link
from tests.planning_sync.sync.workbench import Workbench

PLAN = "# Launch\n\n- [ ] Tag the version\n- [ ] Publish it\n"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=alice", "-c", "user.email=alice@example.org")
    done = subprocess.run(
        ("git", *identity, *arguments), cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.fixture
def tree(tmp_path: Path, transactional_db: None) -> Workbench:
    folder = tmp_path / "plans"
    folder.mkdir()
    git(folder, "init", "-q")
    desk = Workbench.at(folder, commit=True)
    desk.write("launch.md", PLAN)
    desk.write("other.md", "# Other\n\n- [ ] one\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Add plans")
    desk.sync()
    return desk


def test_the_commit_of_each_sync_is_recorded(tree: Workbench) -> None:
    head = git(tree.folder, "rev-parse", "HEAD").strip()
    assert set(Link.objects.values_list("commit", flat=True)) == {head}


def test_what_a_sync_wrote_is_committed_and_nothing_else(tree: Workbench) -> None:
    (tree.folder / "notes.txt").write_text("mine\n")
    git(tree.folder, "add", "notes.txt")
    tree.set("Tag the version", status="done")
    assert git(tree.folder, "show", "--name-only", "--format=%an: %s").split("\n\n") == [
        "Planning Sync: Sync launch.md",
        "launch.md\n",
    ]
    assert git(tree.folder, "status", "--short") == "A  notes.txt\n"


def test_a_file_edited_by_hand_and_not_written_by_the_sync_is_left_uncommitted(tree: Workbench) -> None:
    before = git(tree.folder, "rev-parse", "HEAD")
    tree.edit("launch.md", "Publish it", "Publish it everywhere")
    tree.sync()
    assert git(tree.folder, "rev-parse", "HEAD") == before
    assert git(tree.folder, "status", "--short") == " M launch.md\n"


def test_another_branch_takes_its_plans_away_and_brings_them_back(tree: Workbench) -> None:
    ids = {task: tree.task(task).pk for task in ("Tag the version", "Publish it")}
    git(tree.folder, "checkout", "-q", "-b", "side")
    git(tree.folder, "rm", "-q", "launch.md")
    git(tree.folder, "commit", "-q", "-m", "Remove a plan")
    tree.sync()
    assert not tree.row.links.filter(path="launch.md", gone_at=None).exists()
    git(tree.folder, "checkout", "-q", "-")
    tree.age("launch.md")
    tree.sync()
    assert {task: tree.task(task).pk for task in ids} == ids
    tree.assert_in_step()


def test_a_plan_that_git_saw_renamed_keeps_its_identity_though_all_its_tasks_are_others(
    tree: Workbench,
) -> None:
    prose = "".join(f"Sentence number {number} of a long introduction.\n" for number in range(60))
    tree.write("guide.md", f"# Guide\n\n{prose}\n- [ ] Sow the peas\n- [ ] Water the beans\n")
    git(tree.folder, "add", ".")
    git(tree.folder, "commit", "-q", "-m", "Add a guide")
    tree.sync()
    plan = tree.plan("guide.md").pk
    (tree.folder / "guide.md").unlink()
    tree.write("handbook.md", f"# Handbook\n\n{prose}\n- [ ] Tar the boat\n- [ ] Mend the nets\n")
    git(tree.folder, "add", ".")
    git(tree.folder, "commit", "-q", "-m", "Rename the guide")
    tree.sync()
    assert tree.plan("handbook.md").pk == plan
    assert tree.texts("handbook.md") == ["Tar the boat", "Mend the nets"]
    tree.assert_in_step()
