"""The files of a folder that are plans.

Public: `Globs`, `walk`, `Tree`, `stamp_of`, `is_leftover`.

A glob is matched against the whole path below the root: `*` and `?` stay within one name, `**/` is any
number of folders, `[...]` one of some characters, and a last `/**` everything below. Letters match in
their own case only.

Symbolic links are looked at last: one that leads out of the root, or nowhere, is a problem; one to a file
that is listed by its own path is passed over, so that no file has two paths; one to a place inside the root
that the globs leave out is listed under the link's path. Hard links cannot be told from plain files: each
name is a plan of its own, and the first write to one of them parts it from the others.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from planning_sync.replicas import names
from planning_sync.replicas.base import Problem
from planning_sync.replicas.errors import ReplicaMissing

TEMPORARY_PREFIX = ".planning-sync-"
TEMPORARY_SUFFIX = ".tmp"
_LISTINGS = 3
"""How often a folder that changes while it is listed is listed again."""


def is_leftover(name: str) -> bool:
    """Whether a file name is one of those that writes use until they are done."""
    return name.startswith(TEMPORARY_PREFIX) and name.endswith(TEMPORARY_SUFFIX)


def stamp_of(found: os.stat_result) -> str:
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_ino}"


FOLDERS = "*/**"
"""Excludes whatever is not in the root itself."""


class Globs:
    """Which paths are plans: those that match one of `include` and none of `exclude`."""

    def __init__(self, include: Iterable[str], exclude: Iterable[str]) -> None:
        self.include = tuple(include)
        self.exclude = tuple(exclude)
        self._included = _any_of(self.include)
        self._excluded = _any_of(self.exclude)
        self._closed = _any_of(glob.removesuffix("/**") for glob in self.exclude if glob.endswith("/**"))

    def takes(self, path: str) -> bool:
        return self._included.fullmatch(path) is not None and self._excluded.fullmatch(path) is None

    def enters(self, folder: str) -> bool:
        """Whether anything below `folder` can be a plan, as far as `exclude` says."""
        return self._closed.fullmatch(folder) is None

    @property
    def is_flat(self) -> bool:
        """Whether plans are looked for in the root itself alone."""
        return FOLDERS in self.exclude

    def new_plan_folders(self) -> tuple[str, ...]:
        """The folders, as prefixes of paths, in which each of `include` begins: `""` is the root."""
        return tuple(dict.fromkeys(_literal_folder(glob) for glob in self.include))


def _literal_folder(glob: str) -> str:
    steps = glob.split("/")[:-1]
    magic = next((at for at, step in enumerate(steps) if set(step) & set("*?[")), len(steps))
    return "".join(step + "/" for step in steps[:magic])


def _any_of(globs: Iterable[str]) -> re.Pattern[str]:
    patterns = [_translated(glob) for glob in globs]
    return re.compile("|".join(patterns) if patterns else r"(?!)", re.DOTALL)


_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\]|.", re.DOTALL)
_MAGIC = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _translated(glob: str) -> str:
    return "".join(_translated_token(found[0]) for found in _TOKEN.finditer(glob))


def _translated_token(token: str) -> str:
    if token in _MAGIC:
        return _MAGIC[token]
    if len(token) > 1:
        negated = token.startswith("[!")
        characters = re.sub(r"([\\\[\]^&~|])", r"\\\1", token[2 if negated else 1 : -1])
        return f"(?!/)[{'^' if negated else ''}{characters}]"
    return re.escape(token)


# ------------------------------------------------------------------------------------- walking


@dataclass
class Tree:
    """What a walk found. Paths in `leftovers` are below the real root, for the operating system."""

    stamps: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    complete: bool = True
    leftovers: list[str] = field(default_factory=list)


@dataclass
class _Folder:
    """One listing: what stands in one folder, of the files only those that are wanted."""

    files: list[tuple[str, os.stat_result]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)


def walk(root: str, globs: Globs) -> Tree:
    """Every plan below `root`, which must be a real path.

    :raises ReplicaMissing: when the root is not a folder, or is not the same folder any more at the end.
    """
    before = _identity(root)
    walker = _Walker(root, globs)
    walker.below("", "")
    walker.follow_links()
    if _identity(root) != before:
        raise ReplicaMissing(root, "was replaced while it was being listed")
    tree = walker.tree
    tree.stamps = dict(sorted(tree.stamps.items()))
    return tree


def _identity(root: str) -> tuple[int, int]:
    try:
        found = os.stat(root)
    except OSError as error:
        raise ReplicaMissing(root, f"cannot be opened ({error.strerror})") from error
    if not stat.S_ISDIR(found.st_mode):
        raise ReplicaMissing(root, "is not a folder")
    return found.st_dev, found.st_ino


class _Walker:
    def __init__(self, root: str, globs: Globs) -> None:
        self.root = root
        self.globs = globs
        self.tree = Tree()
        self._walked: set[str] = set()
        self._links: list[tuple[str, str]] = []
        """(path, the same below the real root for the operating system)"""
        self._linked: set[str] = set()
        """Real places of files that were listed under the path of a link."""

    def below(self, path: str, place: str) -> None:
        """Lists what is below the folder. `path` says how plans are called, `place` where they really are.

        Both are "" or end with "/"; they differ below a symbolic link. No recursion: folders may be deep.
        """
        pending = [(path, place)]
        while pending:
            path, place = pending.pop()
            if place in self._walked:
                continue
            self._walked.add(place)
            listed = self._list(path, place)
            if listed is None:
                continue
            self._take_files(path, place, listed)
            for name in listed.folders:
                below = path + names.from_os(name)
                if self.globs.enters(below):
                    pending.append((below + "/", f"{place}{name}/"))
            self._links += [(path + names.from_os(name), place + name) for name in listed.links]
            self.tree.leftovers += [place + name for name in listed.leftovers]

    def _list(self, path: str, place: str) -> _Folder | None:
        def wanted(name: str) -> bool:
            return self.globs.takes(path + names.from_os(name))

        try:
            return _listed(os.path.join(self.root, place.rstrip("/")) if place else self.root, wanted)
        except OSError as error:
            if not place:
                raise ReplicaMissing(self.root, f"cannot be listed ({error.strerror})") from error
            self.tree.complete = False
            self._problem(
                path.rstrip("/"),
                f"The folder cannot be listed ({error.strerror}): what is in it counts neither as there "
                "nor as deleted. Check its rights, then sync again.",
            )
            return None

    def _take_files(self, path: str, place: str, listed: _Folder) -> None:
        plain = path == names.from_os(place)
        for name, found in listed.files:
            called = path + names.from_os(name)
            if not stat.S_ISREG(found.st_mode):
                self._problem(called, "This is not a plain file, so it is not read. Rename or exclude it.")
            elif plain or self._is_new(place + name):
                self.tree.stamps[called] = stamp_of(found)
        for name in listed.vanished:
            self._problem(
                path + names.from_os(name),
                "The file vanished while the folder was listed. The next sync looks again.",
            )

    def _is_new(self, place: str) -> bool:
        """Whether the file really at `place` is not listed yet; from now on it is."""
        if names.from_os(place) in self.tree.stamps or place in self._linked:
            return False
        self._linked.add(place)
        return True

    def follow_links(self) -> None:
        while self._links:
            links, self._links = sorted(self._links), []
            for path, place in links:
                self._follow(path, place)

    def _follow(self, path: str, place: str) -> None:
        target = os.path.realpath(os.path.join(self.root, place))
        try:
            found = os.stat(target)
        except OSError as error:
            if self.globs.takes(path):
                self._problem(path, f"The link leads nowhere ({error.strerror}). Mend or remove it.")
            return
        folder = stat.S_ISDIR(found.st_mode)
        if not (self.globs.enters(path) if folder else self.globs.takes(path)):
            return
        inside = below_root(self.root, target)
        if inside is None:
            self._problem(
                path,
                "The link leads out of the replica's folder, so it is not followed. "
                "Move what it points to into the folder, or exclude the link.",
            )
        elif folder:
            self.below(path + "/", inside + "/" if inside else "")
        elif self._is_new(inside):
            self.tree.stamps[path] = stamp_of(found)

    def _problem(self, path: str, message: str) -> None:
        self.tree.problems.append(Problem(path, message))


def below_root(root: str, real: str) -> str | None:
    """The place of the real path `real` below the real path `root`; None if it is not below."""
    if real == root:
        return ""
    prefix = root.rstrip("/") + "/"
    return real[len(prefix) :] if real.startswith(prefix) else None


def _listed(folder: str, wanted: Callable[[str], bool]) -> _Folder:
    """What is in the folder. Reading a folder is not atomic: a file that is renamed meanwhile may be missed.

    So a folder whose own time changed meanwhile is listed again.
    """
    for _ in range(_LISTINGS):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            before = os.fstat(descriptor).st_mtime_ns
            listed = _listed_once(descriptor, wanted)
            if os.fstat(descriptor).st_mtime_ns == before:
                break
        finally:
            os.close(descriptor)
    return listed


def _listed_once(descriptor: int, wanted: Callable[[str], bool]) -> _Folder:
    listed = _Folder()
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = entry.name
            if entry.is_symlink():
                listed.links.append(name)
            elif entry.is_dir(follow_symlinks=False):
                listed.folders.append(name)
            elif is_leftover(name):
                listed.leftovers.append(name)
            elif wanted(name):
                try:
                    listed.files.append((name, entry.stat(follow_symlinks=False)))
                except FileNotFoundError:
                    listed.vanished.append(name)
    return listed
