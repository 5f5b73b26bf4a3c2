"""What git knows of the plans, and commits beside the person's own work."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from planning_sync.replicas import git, names
from planning_sync.replicas.errors import GitBusy, GitFailed
from planning_sync.replicas.git import GitTree

AUTHOR = "Planning Sync <planning-sync@localhost>"
ONE = "# One\n\n- [ ] first\n- [ ] second\n- [ ] third\n- [ ] fourth\n- [ ] fifth\n"
TWO = "# Two\n\nAnother plan altogether.\n\n- [ ] Buy paint\n"


class Repository:
    """A person's own repository and their own git."""

    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Alice")
        self.git("config", "user.email", "alice@example.org")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.top, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode(errors="surrogateescape")

    def write(self, path: str, text: str) -> None:
        place = self.top / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())

    def committed(self, **files: str) -> str:
        for name, text in files.items():
            self.write(f"{name}.md", text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "by hand")
        return self.git("rev-parse", "HEAD").strip()

    def status(self) -> list[str]:
        return [line for line in self.git("status", "--porcelain", "-z").split("\0") if line]

    def files_of(self, commit: str) -> list[str]:
        listed = self.git("show", "--format=", "--name-status", "-z", "--no-renames", commit)
        fields = listed.strip("\0").split("\0")
        return [" ".join(pair) for pair in zip(fields[::2], fields[1::2], strict=True)]

    def tree(self) -> GitTree:
        found = GitTree.find(self.top)
        assert found is not None
        return found


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


# ------------------------------------------------------------------------------------- looking


def test_a_folder_outside_any_work_tree_has_none(tmp_path: Path) -> None:
    assert GitTree.find(tmp_path) is None
    assert GitTree.find(tmp_path / "nothing") is None


def test_a_bare_repository_is_no_work_tree(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "bare"], check=True)
    assert GitTree.find(tmp_path / "bare") is None


def test_a_machine_without_git_has_no_work_tree(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = repository.tree()
    monkeypatch.setenv("PATH", str(repository.top))
    assert GitTree.find(repository.top) is None
    with pytest.raises(GitFailed, match="not there any more"):
        tree.head()


def test_a_work_tree_is_found_from_a_folder_in_it(repository: Repository) -> None:
    repository.committed(**{"docs/plans/one": ONE, "two": TWO})
    tree = GitTree.find(repository.top / "docs" / "plans")
    assert tree is not None
    assert (tree.top, tree.prefix) == (str(repository.top), "docs/plans/")
    assert tree.content("one.md") == ONE.encode()
    assert tree.blob("two.md") == ""


def test_the_commit_around_a_folder_is_that_of_the_work_tree_found_there(
    repository: Repository, tmp_path: Path
) -> None:
    folder = repository.top / "docs" / "plans"
    folder.mkdir(parents=True)
    assert GitTree.head_around(folder) == repository.tree().head() == ""
    head = repository.committed(**{"docs/plans/one": ONE})
    assert GitTree.head_around(folder) == repository.tree().head() == head
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "bare"], check=True)
    for elsewhere in (tmp_path, tmp_path / "nothing", tmp_path / "bare", repository.top / ".git"):
        assert GitTree.head_around(elsewhere) is None
    (repository.top / ".git" / "config").write_text("[core\n")
    with pytest.raises(GitFailed, match="bad config"):
        GitTree.head_around(folder)


def test_variables_of_a_hook_that_runs_us_do_not_lead_elsewhere(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = repository.committed(one=ONE)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert repository.tree().head() == head


def test_settings_given_by_variables_are_kept(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This is how containers say which owners of a folder they trust."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(GitFailed, match="dubious ownership"):
        GitTree.find(repository.top)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    assert GitTree.find(repository.top) is not None


def test_a_repository_that_git_refuses_is_an_error_with_its_reason(repository: Repository) -> None:
    (repository.top / ".git" / "config").write_text("[core\n")
    with pytest.raises(GitFailed, match="bad config"):
        GitTree.find(repository.top)


def test_before_the_first_commit_there_is_nothing_to_see(repository: Repository) -> None:
    tree = repository.tree()
    assert (tree.head(), tree.blob("one.md")) == ("", "")
    assert tree.content("one.md") is None
    assert tree.renames("0" * 40, ["one.md"]) == {}


def test_git_knows_the_state_of_a_plan(repository: Repository) -> None:
    first = repository.committed(one=ONE)
    second = repository.committed(two=TWO)
    tree = repository.tree()
    assert tree.head() == second
    assert tree.blob("one.md") == repository.git("rev-parse", "HEAD:one.md").strip()
    assert tree.content("two.md", at=first) is None
    assert tree.blob("one.md", at="--help") == ""


def test_a_command_that_hangs_is_given_up(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = repository.top / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 20\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=os.pathsep)
    monkeypatch.setattr(git, "_TIMEOUT_SECONDS", 0.1)
    with pytest.raises(GitFailed, match="took longer"):
        repository.tree()


# ------------------------------------------------------------------------------------- renames


def test_a_plan_renamed_twice_and_edited_is_followed(repository: Repository) -> None:
    old = repository.committed(one=ONE, two=TWO)
    repository.git("mv", "one.md", "uno.md")
    repository.committed(uno=ONE.replace("[ ] first", "[x] first"))
    (repository.top / "done").mkdir()
    repository.git("mv", "uno.md", "done/eins.md")
    repository.committed(three=TWO)
    assert repository.tree().renames(old, ["one.md", "two.md", "never.md"]) == {"one.md": "done/eins.md"}


def test_a_rename_that_is_only_staged_is_followed(repository: Repository) -> None:
    old = repository.committed(one=ONE, two=TWO)
    repository.git("mv", "one.md", "uno.md")
    assert repository.tree().renames(old, ["one.md"]) == {"one.md": "uno.md"}


def test_two_plans_that_swap_their_names_are_followed(repository: Repository) -> None:
    old = repository.committed(one=ONE, two=TWO)
    for before, after in (("one", "swap"), ("two", "one"), ("swap", "two")):
        repository.git("mv", f"{before}.md", f"{after}.md")
        repository.git("commit", "-q", "-m", "swap")
    assert repository.tree().renames(old, ["one.md", "two.md"]) == {"one.md": "two.md", "two.md": "one.md"}


def test_a_rename_with_odd_names_is_followed(repository: Repository) -> None:
    old = repository.committed(**{"two\nlines": ONE})
    repository.git("mv", "two\nlines.md", '"quoted" é\t.md')
    repository.git("commit", "-q", "-m", "odd")
    assert repository.tree().renames(old, ["two\nlines.md"]) == {"two\nlines.md": '"quoted" é\t.md'}


def test_a_plan_moved_out_of_the_root_is_not_said_to_be_renamed(repository: Repository) -> None:
    old = repository.committed(**{"plans/one": ONE, "plans/two": TWO})
    repository.git("mv", "plans/one.md", "one.md")
    repository.git("mv", "plans/two.md", "plans/zwei.md")
    repository.git("commit", "-q", "-m", "move")
    tree = GitTree.find(repository.top / "plans")
    assert tree is not None
    assert tree.renames(old, ["one.md", "two.md"]) == {"two.md": "zwei.md"}


def test_a_commit_that_is_not_there_any_more_gives_no_renames(repository: Repository) -> None:
    repository.committed(one=ONE)
    assert repository.tree().renames("1" * 40, ["one.md"]) == {}


# ------------------------------------------------------------------------------------- commit


def test_a_commit_holds_exactly_the_paths_asked_for(repository: Repository) -> None:
    head = repository.committed(one=ONE, two=TWO, three=ONE, four=TWO)
    repository.write("one.md", ONE.replace("[ ]", "[x]"))
    repository.write("new/plan.md", TWO)
    repository.write("four.md", "not asked for\n")
    (repository.top / "two.md").unlink()
    made = repository.tree().commit(
        ["one.md", "two.md", "three.md", "new/plan.md"], "Sync\n\nBody é\n", AUTHOR
    )
    assert repository.files_of(made.commit) == ["A new/plan.md", "M one.md", "D two.md"]
    assert made.paths == ("one.md", "two.md", "new/plan.md")
    assert dict(made.left_out) == {}
    assert repository.status() == [" M four.md"]
    assert repository.git("log", "-1", "--format=%P|%an|%ae|%cn|%s|%b").strip() == (
        f"{head}|Planning Sync|planning-sync@localhost|Planning Sync|Sync|Body é"
    )
    assert repository.git("symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert repository.tree().head() == made.commit
    assert repository.git("fsck", "--strict") == ""


def test_what_the_person_has_staged_stays_staged(repository: Repository) -> None:
    repository.committed(one=ONE, two=TWO)
    repository.write("two.md", "staged by hand\n")
    repository.write("three.md", "new by hand\n")
    repository.git("add", "two.md", "three.md")
    repository.write("two.md", "and edited again\n")
    staged = repository.git("diff", "--cached")
    repository.write("one.md", ONE.replace("[ ]", "[x]"))
    made = repository.tree().commit(["one.md"], "Sync", AUTHOR)
    assert repository.files_of(made.commit) == ["M one.md"]
    assert repository.git("diff", "--cached") == staged
    assert repository.status() == ["A  three.md", "MM two.md"]


@pytest.mark.parametrize("also_on_disk", [True, False])
def test_a_plan_with_something_staged_is_left_to_the_person(
    repository: Repository, also_on_disk: bool
) -> None:
    head = repository.committed(one=ONE, two=TWO)
    repository.write("one.md", ONE + "- [ ] staged by hand\n")
    repository.git("add", "one.md")
    if not also_on_disk:
        repository.write("one.md", ONE + "- [ ] staged by hand\n- [ ] from the hub\n")
    staged = repository.git("diff", "--cached")
    repository.write("two.md", TWO + "- [ ] from the hub\n")
    made = repository.tree().commit(["one.md", "two.md"], "Sync", AUTHOR)
    assert list(made.left_out) == ["one.md"]
    assert "staged" in made.left_out["one.md"]
    assert repository.files_of(made.commit) == ["M two.md"]
    assert repository.git("diff", "--cached") == staged
    assert repository.git("show", "HEAD:one.md") == repository.git("show", f"{head}:one.md")


def test_a_staged_deletion_and_a_staged_addition_are_left_to_the_person(repository: Repository) -> None:
    head = repository.committed(one=ONE)
    repository.git("rm", "-q", "--cached", "one.md")
    repository.write("two.md", TWO)
    repository.git("add", "two.md")
    before = repository.status()
    made = repository.tree().commit(["one.md", "two.md"], "Sync", AUTHOR)
    assert (made.commit, sorted(made.left_out)) == ("", ["one.md", "two.md"])
    assert (repository.status(), repository.tree().head()) == (before, head)


def test_nothing_to_commit_makes_no_commit(repository: Repository) -> None:
    head = repository.committed(one=ONE)
    made = repository.tree().commit(["one.md", "never-there.md"], "Sync", AUTHOR)
    assert (made.commit, made.paths, dict(made.left_out)) == ("", (), {})
    assert repository.tree().head() == head
    assert repository.tree().commit([], "Sync", AUTHOR).commit == ""


def test_the_first_commit_of_all_can_be_ours(repository: Repository) -> None:
    repository.write("one.md", ONE)
    repository.write("two.md", TWO)
    repository.git("add", "two.md")
    made = repository.tree().commit(["one.md"], "Sync", AUTHOR)
    assert repository.git("log", "--format=%H %P").strip() == made.commit
    assert repository.status() == ["A  two.md"]
    assert repository.git("ls-tree", "--name-only", "HEAD").split() == ["one.md"]


def test_nothing_is_committed_with_a_detached_head(repository: Repository) -> None:
    head = repository.committed(one=ONE)
    repository.git("checkout", "-q", "--detach")
    repository.write("one.md", TWO)
    with pytest.raises(GitBusy, match="detached"):
        repository.tree().commit(["one.md"], "Sync", AUTHOR)
    assert (repository.tree().head(), repository.status()) == (head, [" M one.md"])


@pytest.mark.parametrize("state", ["merge", "cherry-pick", "revert", "rebase", "bisect"])
def test_nothing_is_committed_while_the_person_is_in_the_middle_of_something(
    repository: Repository, state: str
) -> None:
    first = repository.committed(one=ONE)
    repository.git("checkout", "-q", "-b", "side")
    side = repository.committed(one=ONE.replace("first", "side"))
    repository.git("checkout", "-q", "main")
    repository.committed(one=ONE.replace("first", "main"), two=TWO)
    commands = {
        "merge": ["merge", "side"],
        "cherry-pick": ["cherry-pick", side],
        "revert": ["revert", "--no-edit", first],
        "rebase": ["rebase", "side"],
        "bisect": ["bisect", "start"],
    }
    subprocess.run(["git", *commands[state]], cwd=repository.top, capture_output=True, check=False)
    head = repository.tree().head()
    before = repository.status()
    repository.write("two.md", TWO + "- [ ] more\n")
    with pytest.raises(GitBusy, match=r"in progress"):
        repository.tree().commit(["two.md"], "Sync", AUTHOR)
    repository.write("two.md", TWO)
    assert (repository.tree().head(), repository.status()) == (head, before)


def test_hooks_do_not_run(repository: Repository) -> None:
    repository.committed(one=ONE)
    for name in ("pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-index-change"):
        hook = repository.top / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch '{repository.top}/ran-{name}'\nexit 1\n")
        hook.chmod(0o755)
    repository.write("one.md", TWO)
    made = repository.tree().commit(["one.md"], "Sync", AUTHOR)
    assert repository.tree().head() == made.commit != ""
    assert list(repository.top.glob("ran-*")) == []


def test_ignored_plans_are_not_committed(repository: Repository) -> None:
    repository.write(".gitignore", "private/\n")
    repository.committed(one=ONE)
    repository.write("private/plan.md", TWO)
    made = repository.tree().commit(["private/plan.md"], "Sync", AUTHOR)
    assert (made.commit, dict(made.left_out)) == ("", {"private/plan.md": "git ignores this file"})


def test_line_ends_are_stored_as_the_repository_wants_them(repository: Repository) -> None:
    repository.write(".gitattributes", "*.md text eol=crlf\n")
    repository.write("one.md", ONE.replace("\n", "\r\n"))
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "by hand")
    repository.write("one.md", ONE.replace("\n", "\r\n").replace("[ ]", "[x]"))
    tree = repository.tree()
    made = tree.commit(["one.md"], "Sync", AUTHOR)
    assert tree.content("one.md", at=made.commit) == ONE.replace("[ ]", "[x]").encode()
    assert repository.status() == []


@pytest.mark.parametrize(
    "path", ["two\nlines.md", 'it\'s "quoted".md', "*.md", ":(top)odd.md", "-n.md", "b%xE9d.md"]
)
def test_odd_names_are_committed_and_nothing_that_they_might_mean(repository: Repository, path: str) -> None:
    repository.committed(one=ONE)
    repository.write("one.md", TWO)
    (repository.top / names.to_os(path)).write_text(TWO)
    tree = repository.tree()
    made = tree.commit([path], "Sync", AUTHOR)
    assert made.paths == (path,)
    assert repository.status() == [" M one.md"]
    assert (tree.head(), tree.content(path)) == (made.commit, TWO.encode())


def test_a_plan_behind_a_link_is_committed_where_it_stands(repository: Repository) -> None:
    repository.write("archived/v55.md", ONE)
    (repository.top / "current.md").symlink_to("archived/v55.md")
    repository.committed()
    repository.write("archived/v55.md", TWO)
    made = repository.tree().commit(["current.md"], "Sync", AUTHOR)
    assert repository.files_of(made.commit) == ["M archived/v55.md"]
    assert made.paths == ("current.md",)
    assert repository.status() == []


def test_a_second_work_tree_has_its_own_branch_and_index(repository: Repository, tmp_path: Path) -> None:
    head = repository.committed(one=ONE)
    repository.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "second"))
    (tmp_path / "second" / "one.md").write_text(TWO)
    tree = GitTree.find(tmp_path / "second")
    assert tree is not None
    made = tree.commit(["one.md"], "Sync", AUTHOR)
    assert repository.git("rev-parse", "other").strip() == made.commit
    assert repository.git("rev-parse", "main").strip() == head
    assert repository.status() == []


def test_a_commit_made_by_someone_else_meanwhile_is_not_undone(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.committed(one=ONE, two=TWO)
    repository.write("one.md", TWO)
    tree = repository.tree()
    run = git._run

    def interfere(
        folder: str, arguments: Sequence[str], given: bytes, extra: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        if arguments[0] == "commit-tree":
            repository.write("two.md", ONE)
            repository.git("commit", "-q", "-m", "by hand, meanwhile", "two.md")
        return run(folder, arguments, given, extra)

    monkeypatch.setattr(git, "_run", interfere)
    with pytest.raises(GitFailed, match="update-ref"):
        tree.commit(["one.md"], "Sync", AUTHOR)
    assert repository.git("log", "-1", "--format=%s").strip() == "by hand, meanwhile"
    assert repository.status() == [" M one.md"]


def test_an_index_that_another_git_holds_is_said_not_to_be_refreshed(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.committed(one=ONE)
    repository.write("one.md", TWO)
    monkeypatch.setattr(git, "_INDEX_ATTEMPTS", 2)
    lock = repository.top / ".git" / "index.lock"
    lock.touch()
    made = repository.tree().commit(["one.md"], "Sync", AUTHOR)
    lock.unlink()
    assert not made.index_refreshed
    assert repository.tree().head() == made.commit
    repository.git("reset", "-q")
    assert repository.status() == []


def test_what_the_person_stages_during_a_commit_stays_staged(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.committed(one=ONE)
    repository.write("one.md", TWO)
    tree = repository.tree()
    run = git._run

    def interfere(
        folder: str, arguments: Sequence[str], given: bytes, extra: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        if arguments[0] == "commit-tree":
            repository.write("one.md", ONE + "- [ ] by hand\n")
            repository.git("add", "one.md")
        return run(folder, arguments, given, extra)

    monkeypatch.setattr(git, "_run", interfere)
    made = tree.commit(["one.md"], "Sync", AUTHOR)
    assert not made.index_refreshed
    assert repository.git("show", ":one.md") == ONE + "- [ ] by hand\n"
    assert repository.git("show", "HEAD:one.md") == TWO


def test_a_person_who_wants_colours_everywhere_does_not_confuse_us(repository: Repository) -> None:
    old = repository.committed(one=ONE)
    for setting in ("color.ui", "color.diff", "color.status"):
        repository.git("config", setting, "always")
    repository.git("mv", "one.md", "uno.md")
    repository.git("commit", "-q", "-m", "rename")
    assert repository.tree().renames(old, ["one.md"]) == {"one.md": "uno.md"}


def test_many_plans_are_committed_at_once(repository: Repository) -> None:
    repository.committed(one=ONE)
    paths = [f"folder/{number:04}.md" for number in range(1000)]
    for path in paths:
        repository.write(path, f"# {path}\n")
    made = repository.tree().commit(paths, "Sync", AUTHOR)
    assert made.paths == tuple(paths)
    assert repository.status() == []


def test_an_object_store_with_longer_ids_works_as_well(tmp_path: Path) -> None:
    (tmp_path / "long").mkdir()
    subprocess.run(
        ["git", "init", "-q", "-b", "main", "--object-format=sha256"], cwd=tmp_path / "long", check=True
    )
    repository = Repository(tmp_path / "long")
    repository.committed(one=ONE, two=TWO)
    (repository.top / "two.md").unlink()
    repository.write("one.md", TWO)
    made = repository.tree().commit(["one.md", "two.md"], "Sync", AUTHOR)
    assert len(made.commit) == 64
    assert repository.status() == []


def test_an_author_without_an_address_is_a_bug_of_the_caller(repository: Repository) -> None:
    with pytest.raises(AssertionError, match="Name <address>"):
        repository.tree().commit([], "Sync", "somebody")
