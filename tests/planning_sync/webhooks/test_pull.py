"""A push to the origin of a clone is brought in, unless something of one's own is in the way."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from planning_sync.webhooks import services, tasks
from planning_sync.webhooks.models import Hook
from tests.planning_sync.replicas.test_git import Repository
from tests.planning_sync.sync.workbench import Workbench

PLAN = "# Launch\n\n- [ ] Tag the version\n- [ ] Publish it\n"


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    origin = Repository(tmp_path / "origin")
    origin.committed(launch=PLAN)
    return origin


@pytest.fixture
def desk(origin: Repository, tmp_path: Path, transactional_db: None) -> Workbench:
    """A clone of the origin, in step with the hub."""
    subprocess.run(["git", "clone", "-q", origin.top, tmp_path / "clone"], check=True)
    desk = Workbench.at(tmp_path / "clone", pull=True)
    desk.sync()
    return desk


@pytest.fixture
def hook(desk: Workbench) -> Hook:
    return services.add_hook(desk.row, "generic", actor="alice").hook


def pushed(hook: Hook) -> str:
    """What the task that follows a push leaves as the hook's problem."""
    tasks.sync(str(hook.pk))
    hook.refresh_from_db()
    return hook.problem


def head(folder: Path) -> str:
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_what_was_pushed_is_in_the_hub(origin: Repository, desk: Workbench, hook: Hook) -> None:
    commit = origin.committed(launch=PLAN.replace("[ ] Tag", "[x] Tag"), other="# Other\n\n- [ ] Paint it\n")
    assert pushed(hook) == ""
    assert head(desk.folder) == commit
    assert desk.task("Tag the version").status == "done"
    assert desk.task("Paint it").status == "todo"
    assert pushed(hook) == "", "there is nothing more to bring in"


@pytest.mark.parametrize("path", ["launch.md", "ideas.md", "drafts.md"])
def test_edits_of_ones_own_are_never_overwritten_and_the_reason_is_told(
    origin: Repository, desk: Workbench, hook: Hook, path: str
) -> None:
    """In a file that git has, in one that it has not, and in one that it is to ignore."""
    before = head(desk.folder)
    ticked = PLAN.replace("[ ] Tag", "[x] Tag")
    commit = origin.committed(launch=ticked, ideas="# Ideas\n", drafts="# Drafts\n")
    (desk.folder / ".git" / "info" / "exclude").write_text("drafts.md\n")
    desk.write(path, PLAN.replace("[ ] Publish", "[x] Publish"))
    kept = desk.read(path)
    assert "was not brought up to date" in pushed(hook)
    assert (head(desk.folder), desk.read(path)) == (before, kept)
    desk.write(path, PLAN) if path == "launch.md" else (desk.folder / path).unlink()
    assert pushed(hook) == ""
    assert head(desk.folder) == commit


def test_branches_that_went_apart_are_left_to_people(origin: Repository, desk: Workbench, hook: Hook) -> None:
    origin.committed(launch=PLAN.replace("[ ] Tag", "[x] Tag"))
    clone = Repository(desk.folder)
    clone.committed(mine="# Mine\n\n- [ ] Stay\n")
    before = head(desk.folder)
    assert "has commits that the one it follows has not" in pushed(hook)
    assert (head(desk.folder), desk.read("launch.md")) == (before, PLAN)
    clone.git("checkout", "-q", "--detach")
    assert "follows none" in pushed(hook)


def test_without_the_option_nothing_is_fetched(origin: Repository, desk: Workbench, hook: Hook) -> None:
    desk.row.options = {}
    desk.row.save()
    before = head(desk.folder)
    origin.committed(launch=PLAN.replace("[ ] Tag", "[x] Tag"))
    assert (pushed(hook), head(desk.folder)) == ("", before)
