"""What git knows of a folder of plans, and committing what a sync wrote.

Public: `GitTree`, `Committed`, `Incoming`.

Commits are made beside the person's own work, through an index of their own:

    HEAD --read-tree--> private index --update-index (our paths)--> tree --commit-tree--> commit
    update-ref HEAD, only if HEAD is still the same --> our paths refreshed in the person's index

So what the person has staged stays staged, and nothing else is committed. A path in which the person has
staged something themselves is left out: to commit it would commit their work. Hooks do not run, commits are
not signed, ignored files are not added. Nothing is committed during a merge, rebase, cherry-pick, revert or
bisect, with unmerged paths, or with a detached HEAD, where the commit would be on no branch.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from planning_sync.replicas import names
from planning_sync.replicas.errors import GitBusy, GitFailed, NotPulled

_TIMEOUT_SECONDS = 30.0
_CHUNK = 200
"""Paths a command, so that no command line gets too long."""
_QUIET = (
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.quotePath=false"),
    *("-c", "i18n.commitEncoding=utf-8"),
    *("-c", "log.showSignature=false"),
    *("-c", "color.ui=false"),
    *("-c", "color.diff=false"),
)
_ANOTHER_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_EXTERNAL_DIFF",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_WORK_TREE",
        *(f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL", "DATE")),
    }
)
"""What git sets for its hooks and aliases. If one of them runs us, that is about its repository, not ours."""
_BUSY: Mapping[str, str] = {
    "MERGE_HEAD": "a merge is in progress",
    "rebase-merge": "a rebase is in progress",
    "rebase-apply": "a rebase or `git am` is in progress",
    "CHERRY_PICK_HEAD": "a cherry-pick is in progress",
    "REVERT_HEAD": "a revert is in progress",
    "BISECT_LOG": "a bisect is in progress",
}
_NO_QUESTIONS = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true"}
_NO_WORK_TREE = (b"not a git repository", b"must be run in a work tree")
_INDEX_LOCKED = b"index.lock"
_INDEX_ATTEMPTS = 20
_INDEX_PAUSE_SECONDS = 0.1
_AUTHOR = re.compile(r"\s*([^<>\n]+?)\s*<([^<>\n]+)>\s*")


class Committed(NamedTuple):
    commit: str
    """Its id; "" when there was nothing to commit."""
    paths: tuple[str, ...] = ()
    """The paths that differ from the commit before."""
    left_out: Mapping[str, str] = {}
    """Paths that were not committed, and why."""
    index_refreshed: bool = True
    """Whether `git status` is clean for the paths; not so when another git held or changed the index."""


class Incoming(NamedTuple):
    """What a branch is behind."""

    commit: str
    paths: tuple[str, ...]
    """What it changes below the replica's root."""


class _Entry(NamedTuple):
    """A file in a tree or in the index."""

    mode: bytes
    blob: bytes


@dataclass(frozen=True)
class GitTree:
    """The git work tree that a replica's root lies in. Paths are below the replica's root, as everywhere."""

    root: str
    top: str
    """The work tree's own folder."""
    git_folder: str
    prefix: str
    """Where the root is below `top`: "" or ends with "/". For the operating system, as are the others."""

    @classmethod
    def find(cls, root: str | os.PathLike[str]) -> GitTree | None:
        """The work tree around `root`; None where there is none, or no git on this machine.

        :raises GitFailed: when git is there and refuses, for example a folder of another owner.
        """
        folder = os.path.realpath(root)
        asked = ("rev-parse", "--is-inside-work-tree", "--show-toplevel")
        try:
            done = _run(folder, asked)
            if any(said in done.stderr for said in _NO_WORK_TREE):
                return None
            if done.returncode != 0:
                raise _failed(asked, done)
            git_folder = _run(folder, ("rev-parse", "--absolute-git-dir")).stdout
        except (FileNotFoundError, NotADirectoryError):
            return None
        top = os.fsdecode(done.stdout.removeprefix(b"true\n").removesuffix(b"\n"))
        prefix = os.path.relpath(folder, os.path.realpath(top))
        prefix = "" if prefix == "." else prefix + "/"
        return cls(folder, top, os.fsdecode(git_folder.removesuffix(b"\n")), prefix)

    def head(self) -> str:
        """Id of the commit checked out; "" before the first commit."""
        done = self._try("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return done.stdout.decode().strip() if done.returncode == 0 else ""

    @staticmethod
    def head_around(root: str | os.PathLike[str]) -> str | None:
        """`find(root).head()` in one process; None where there is no work tree, or no git on this machine.

        :raises GitFailed: as `find` does.
        """
        asked = ("rev-parse", "--is-inside-work-tree", "--revs-only", "HEAD^{commit}")
        try:
            done = _run(os.path.realpath(root), asked)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if any(said in done.stderr for said in _NO_WORK_TREE):
            return None
        if done.returncode != 0:
            raise _failed(asked, done)
        inside, _, commit = done.stdout.decode().partition("\n")
        return commit.strip() if inside == "true" else None

    def blob(self, path: str, *, at: str = "HEAD") -> str:
        """Id of the object that the plan is in commit `at`; "" where it has none."""
        found = self._tree_entries(at, [self._place(path)]) if self._has(at) else {}
        return "".join(entry.blob.decode() for entry in found.values())

    def content(self, path: str, *, at: str = "HEAD") -> bytes | None:
        """The plan's bytes as commit `at` stores them, without filters; None where it has none."""
        blob = self.blob(path, at=at)
        return self._git("cat-file", "blob", blob).stdout if blob else None

    def author(self, path: str) -> str:
        """Who made the last commit of the plan; "" where that is not what stands in the folder now."""
        place = self._place(path)
        if not self.head() or self._try("diff", "--quiet", "HEAD", "--", place).returncode != 0:
            return ""
        return self._git("log", "-1", "--format=%an", "--", place).stdout.decode(errors="replace").strip()

    def renames(self, old_commit: str, paths: Iterable[str]) -> dict[str, str]:
        """Where those of `paths`, plans in `old_commit`, are now that git sees renamed since: {old: new}.

        Follows renames from commit to commit, then staged ones. Plans that left the root are not in it.
        """
        wanted = {self._place(path): path for path in paths}
        if not wanted or not self._has(old_commit) or not self.head():
            return {}
        now = self._renamed_step_by_step(old_commit, wanted)
        staged = _rename_pairs(self._git(*_DIFF, "--cached", "HEAD").stdout)
        now = {old: staged.get(new, new) for old, new in now.items()}
        direct = _rename_pairs(self._git(*_DIFF, "--cached", old_commit).stdout)
        index = self._index_entries([])
        found: dict[str, str] = {}
        for old, path in wanted.items():
            new = now[old] if now[old] != old and now[old] in index else direct.get(old, old)
            if new != old and new.startswith(self.prefix):
                found[path] = names.from_os(new[len(self.prefix) :])
        return found

    def _renamed_step_by_step(self, old_commit: str, wanted: Iterable[str]) -> dict[str, str]:
        now = {place: place for place in wanted}
        log = self._git(
            *("log", "--reverse", "--format=", "-z", "--name-status", "--diff-filter=R", "-M", "-l1000"),
            f"{old_commit}..HEAD",
        )
        steps = _rename_list(log.stdout)
        for before, after in steps:
            for old, place in now.items():
                if place == before:
                    now[old] = after
        return now

    # --------------------------------------------------------------------------------- commit

    def commit(self, paths: Iterable[str], message: str, author: str) -> Committed:
        """Commits the plans at `paths` as they are on disk now, deletions too, and nothing else.

        `author` is `Name <address>`, and is the committer as well.

        :raises GitBusy: when the work tree is in no state for a commit. Nothing was changed.
        :raises GitFailed: when git refuses. HEAD is as it was.
        """
        identity = _identity(author)
        self._refuse_busy()
        places = {self._committed_place(path): path for path in paths}
        head = self.head()
        before = self._tree_entries(head, list(places)) if head else {}
        left_out = self._left_out(places, before)
        ours = [place for place in places if place not in left_out]
        reasons = {places[place]: reason for place, reason in left_out.items()}
        with tempfile.TemporaryDirectory(prefix="planning-sync-git-") as folder:
            tree, changed = self._tree_with(ours, before, head, os.path.join(folder, "index"))
        if not changed:
            return Committed("", (), reasons)
        parent = ("-p", head) if head else ()
        commit = self._git("commit-tree", *parent, "-F", "-", tree, given=message.encode(), extra=identity)
        made = commit.stdout.decode().strip()
        reason = f"planning-sync: {message.splitlines()[0] if message.strip() else 'commit'}"
        self._git("update-ref", "-m", reason, "HEAD", made, head, extra=identity)
        refreshed = self._refresh(made, changed, before)
        return Committed(made, tuple(places[place] for place in changed), reasons, refreshed)

    def _refuse_busy(self) -> None:
        for name, state in _BUSY.items():
            if os.path.exists(os.path.join(self.git_folder, name)):
                raise GitBusy(self.top, state)
        if self._git("ls-files", "--unmerged", "-z").stdout:
            raise GitBusy(self.top, "there are unmerged paths")
        if self._try("symbolic-ref", "--quiet", "HEAD").returncode != 0:
            raise GitBusy(self.top, "HEAD is detached, so the commit would be on no branch")

    def _left_out(self, places: Iterable[str], before: Mapping[str, _Entry]) -> dict[str, str]:
        """Places that must not be committed, and why."""
        ordered = list(places)
        staged = self._index_entries(ordered)
        found = {
            place: "something is staged for this file, commit or unstage it first"
            for place in ordered
            if staged.get(place) != before.get(place)
        }
        for place in self._ignored(ordered):
            found.setdefault(place, "git ignores this file")
        return found

    def _ignored(self, places: Sequence[str]) -> list[str]:
        """Those of `places` that git ignores and does not have.

        This command refuses literal pathspecs, so a `./` keeps names such as `:(top)` from meaning more.
        """
        given = b"".join(b"./" + os.fsencode(place) + b"\0" for place in places)
        done = self._try("check-ignore", "-z", "--stdin", given=given, extra={"GIT_LITERAL_PATHSPECS": "0"})
        if done.returncode > 1:
            raise _failed(("check-ignore",), done)
        return [name.removeprefix("./") for name in _names(done.stdout)]

    def _tree_with(
        self, places: Sequence[str], before: Mapping[str, _Entry], head: str, index: str
    ) -> tuple[str, list[str]]:
        """A tree that is HEAD's but for `places`, which are as on disk; and which of them it changes."""
        own = {"GIT_INDEX_FILE": index}
        self._git("read-tree", head or "--empty", extra=own)
        given = b"".join(os.fsencode(place) + b"\0" for place in places)
        self._git("update-index", "--add", "--remove", "-z", "--stdin", given=given, extra=own)
        after = self._index_entries(places, extra=own)
        changed = [place for place in places if after.get(place) != before.get(place)]
        return self._git("write-tree", extra=own).stdout.decode().strip(), changed

    def _refresh(self, commit: str, changed: Sequence[str], before: Mapping[str, _Entry]) -> bool:
        """Brings the person's index up to the new commit where it is as `before`; whether that was all."""
        staged = self._index_entries(changed)
        places = [place for place in changed if staged.get(place) == before.get(place)]
        entries = self._tree_entries(commit, places)
        removed = _Entry(b"0", b"0" * len(commit))
        found = ((entries.get(place, removed), os.fsencode(place)) for place in places)
        given = b"".join(b"%s %s\t%s\0" % (entry.mode, entry.blob, place) for entry, place in found)
        for _ in range(_INDEX_ATTEMPTS):
            done = self._try("update-index", "-z", "--index-info", given=given)
            if done.returncode == 0:
                self._try("update-index", "-q", "--refresh")
                return len(places) == len(changed)
            if _INDEX_LOCKED not in done.stderr:
                raise _failed(("update-index", "--index-info"), done)
            time.sleep(_INDEX_PAUSE_SECONDS)
        return False

    # --------------------------------------------------------------------------------- upstream

    def fetch(self) -> Incoming | None:
        """What the branch is behind the one that it follows; None where it is not. Changes no file.

        :raises NotPulled: when the branch follows none, or has commits of its own that the other has not.
        :raises GitFailed: when the other cannot be reached.
        """
        if self._try("rev-parse", "--verify", "--quiet", "@{upstream}").returncode != 0:
            raise NotPulled(self.top, "the branch that is checked out follows none")
        self._git("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", extra=_NO_QUESTIONS)
        commit = self._git("rev-parse", "@{upstream}^{commit}").stdout.decode().strip()
        if self._is_ancestor(commit, "HEAD"):
            return None
        if not self._is_ancestor("HEAD", commit):
            raise NotPulled(self.top, "the branch has commits that the one it follows has not")
        changed = _names(self._git("diff", "--name-only", "--no-renames", "-z", "HEAD", commit).stdout)
        below = [place[len(self.prefix) :] for place in changed if place.startswith(self.prefix)]
        return Incoming(commit, tuple(sorted(map(names.from_os, below))))

    def fast_forward(self, commit: str) -> None:
        """Moves the branch and its files on to that commit; all of it or, with something in the way, nothing.

        :raises NotPulled: when a file that it changes has edits or is not in git, or work is under way.
        """
        try:
            self._refuse_busy()
        except GitBusy as error:
            raise NotPulled(self.top, error.state) from error
        done = self._try("merge", "--ff-only", "--no-autostash", "--no-overwrite-ignore", "--quiet", commit)
        if done.returncode != 0:
            raise NotPulled(self.top, done.stderr.decode(errors="replace").strip().rstrip("."))

    def _is_ancestor(self, old: str, new: str) -> bool:
        return self._try("merge-base", "--is-ancestor", old, new).returncode == 0

    # --------------------------------------------------------------------------------- places

    def _place(self, path: str) -> str:
        """The path below the work tree's top, for the operating system."""
        return self.prefix + "/".join(names.parts(path))

    def _committed_place(self, path: str) -> str:
        """Where git has the plan: behind symbolic links, which it does not look through."""
        place = os.path.join(self.top, self._place(path))
        real = os.path.join(os.path.realpath(os.path.dirname(place)), os.path.basename(place))
        target = os.path.realpath(real)
        if os.path.islink(real) and os.path.isfile(target):
            real = target
        return os.path.relpath(real, os.path.realpath(self.top))

    def _has(self, commit: str) -> bool:
        if commit.startswith("-"):
            return False
        return self._try("cat-file", "-e", f"{commit}^{{commit}}").returncode == 0

    def _tree_entries(self, commit: str, places: Sequence[str]) -> dict[str, _Entry]:
        found: dict[str, _Entry] = {}
        for chunk in _chunks(places):
            listed = self._git("ls-tree", "-r", "-z", "--full-tree", commit, "--", *chunk).stdout
            for record in listed.split(b"\0")[:-1]:
                about, _, name = record.partition(b"\t")
                mode, _, blob = about.split(b" ")
                found[os.fsdecode(name)] = _Entry(mode, blob)
        return found

    def _index_entries(self, places: Sequence[str], *, extra: Mapping[str, str] = {}) -> dict[str, _Entry]:
        """What the index holds at `places`; everything if there are none."""
        found: dict[str, _Entry] = {}
        for chunk in _chunks(places) if places else [()]:
            listed = self._git("ls-files", "--stage", "-z", "--", *chunk, extra=extra).stdout
            for record in listed.split(b"\0")[:-1]:
                about, _, name = record.partition(b"\t")
                mode, blob, _ = about.split(b" ")
                found[os.fsdecode(name)] = _Entry(mode, blob)
        return found

    # --------------------------------------------------------------------------------- running git

    def _git(
        self, *arguments: str, given: bytes = b"", extra: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[bytes]:
        done = self._try(*arguments, given=given, extra=extra)
        if done.returncode != 0:
            raise _failed(arguments, done)
        return done

    def _try(
        self, *arguments: str, given: bytes = b"", extra: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return _run(self.top, arguments, given, extra)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise GitFailed(
                _command(arguments), f"git or the folder {self.top} is not there any more"
            ) from error


_DIFF = ("diff", "--no-ext-diff", "-z", "--name-status", "--diff-filter=R", "-M", "-l1000")


def _run(
    folder: str, arguments: Sequence[str], given: bytes = b"", extra: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[bytes]:
    """Runs git in `folder` without a terminal, prompts, hooks or what belongs to another repository.

    :raises FileNotFoundError: when there is no git, or no such folder (`NotADirectoryError`: it is a file).
    """
    kept = {name: value for name, value in os.environ.items() if name not in _ANOTHER_REPOSITORY}
    quiet = {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_PAGER": "cat",
    }
    try:
        return subprocess.run(
            ["git", *_QUIET, *arguments],
            cwd=folder,
            env={**kept, **quiet, **extra},
            input=given,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise GitFailed(_command(arguments), f"it took longer than {_TIMEOUT_SECONDS:.0f} s") from error


def _failed(arguments: Sequence[str], done: subprocess.CompletedProcess[bytes]) -> GitFailed:
    said = done.stderr.decode(errors="replace").strip()
    return GitFailed(_command(arguments), said or f"exit status {done.returncode}")


def _command(arguments: Sequence[str]) -> str:
    return " ".join(["git", *arguments[:6]])


def _identity(author: str) -> dict[str, str]:
    found = _AUTHOR.fullmatch(author)
    assert found is not None, f"an author is written 'Name <address>', not {author!r}"
    name, address = found[1], found[2].strip()
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": address,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": address,
    }


def _chunks(places: Sequence[str]) -> Iterable[Sequence[str]]:
    return (places[start : start + _CHUNK] for start in range(0, len(places), _CHUNK))


def _names(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0")[:-1]]


def _rename_list(output: bytes) -> list[tuple[str, str]]:
    """(old, new) of each rename, in order, from `--name-status -z`."""
    fields = iter(output.split(b"\0"))
    return [
        (os.fsdecode(next(fields)), os.fsdecode(next(fields)))
        for status in fields
        if status.lstrip(b"\n").startswith(b"R")
    ]


def _rename_pairs(output: bytes) -> dict[str, str]:
    return dict(_rename_list(output))
