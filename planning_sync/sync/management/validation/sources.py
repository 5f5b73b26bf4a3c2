"""The plans that a command is asked about, and the file of rules for each.

Public: `gather`, `Source`, `Found`, `RulesFiles`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from planning_sync.replicas.base import Reading
from planning_sync.replicas.errors import ReplicaMissing
from planning_sync.replicas.markdown import MarkdownFolder
from planning_sync.sync.management.failures import UsageError
from plans.rules import FILE_NAME, RulesFile, read_rules


@dataclass(frozen=True)
class Source:
    """A plan."""

    folder: MarkdownFolder
    path: str
    """Relative to the folder."""
    shown: str
    """Relative to the current folder where it is below that: what editors and services look for."""
    answer: str
    """What programs are told: relative to the folder that was asked for, or as it was asked for."""

    @classmethod
    def unsaved(cls, name: str) -> Source:
        """A plan that comes over standard input, and would be saved there."""
        place = Path(name)
        return cls(MarkdownFolder(place.parent), place.name, name, name)

    @property
    def place(self) -> Path:
        return Path(self.folder.root.real()) / self.path

    def read(self) -> Reading:
        """Raises `ReplicaError`."""
        return self.folder.read(self.path)

    def write(self, reading: Reading, data: bytes) -> None:
        """Puts `data` where `reading` is still. Raises `ReplicaError`."""
        self.folder.commit(self.folder.prepare_restore(self.path, reading.checksum, data))


@dataclass(frozen=True)
class Found:
    sources: list[Source] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def gather(paths: Sequence[str]) -> Found:
    """The plans at the paths: files as they are, folders as a replica of Markdown takes them."""
    found = Found()
    for given in paths:
        path = Path(given)
        if path.is_dir():
            _take_folder(path, found, relative=len(paths) == 1)
        elif path.exists():
            real = Path(os.path.realpath(path))
            found.sources.append(Source(MarkdownFolder(real.parent), real.name, _shown(path), given))
        else:
            raise UsageError(f"There is no {given}. Name plans or folders of plans.")
    return Found(list({source.place: source for source in found.sources}.values()), found.problems)


def _take_folder(path: Path, found: Found, *, relative: bool) -> None:
    folder = MarkdownFolder(path)
    try:
        scan = folder.scan()
    except ReplicaMissing as error:
        raise UsageError(f"The folder {error.root} {error.reason}.") from error
    for name in scan.stamps:
        shown = _shown(path / name)
        found.sources.append(Source(folder, name, shown, name if relative else shown))
    found.problems.extend(f"{_shown(path / problem.path)}: {problem.message}" for problem in scan.problems)


def _shown(path: Path) -> str:
    """The path relative to the current folder, where it is below that."""
    here = Path.cwd()
    whole = Path(os.path.normpath(here / path))
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else str(path)


class RulesFiles:
    """The file of rules that holds for a plan: the one that was named, else the nearest above it."""

    def __init__(self, named: str | None) -> None:
        self._by_folder: dict[Path, tuple[RulesFile, Path]] = {}
        self._named: tuple[RulesFile, Path] | None = None
        if named is not None:
            path = Path(named)
            if not path.is_file():
                raise UsageError(f"There is no file of rules {named}.")
            self._named = _read(path), Path(os.path.realpath(path)).parent

    def of(self, source: Source) -> tuple[RulesFile, str]:
        """The rules for the plan, and its path as they see it. Raises `InvalidRules`."""
        file, folder = self._named or self._nearest(source.place.parent)
        place = source.place
        return file, place.relative_to(folder).as_posix() if place.is_relative_to(folder) else source.path

    def _nearest(self, folder: Path) -> tuple[RulesFile, Path]:
        """Looked for up to the root of the git work tree, or of the file system."""
        if folder not in self._by_folder:
            path = folder / FILE_NAME
            if path.is_file():
                self._by_folder[folder] = _read(path), folder
            elif folder.parent == folder or (folder / ".git").exists():
                self._by_folder[folder] = RulesFile(), folder
            else:
                self._by_folder[folder] = self._nearest(folder.parent)
        return self._by_folder[folder]


def _read(path: Path) -> RulesFile:
    try:
        return read_rules(path.read_bytes(), _shown(path))
    except OSError as error:
        raise UsageError(f"The file of rules {path} cannot be read ({error.strerror}).") from error
