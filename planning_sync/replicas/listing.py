"""Any list of tasks in a JSON or CSV file, or in a service that keeps JSON documents: `KIND`, `ListFolder`.

Each file is a plan, and each record of its list a task. How to read them is in the option `mapping`, or in
a file beside them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, ClassVar, NamedTuple, Self

from planning_sync.replicas import http_plans, tree
from planning_sync.replicas.base import Replica
from planning_sync.replicas.errors import OptionRefused
from planning_sync.replicas.folder import DEFAULT_EXCLUDE, DEFAULT_LIMIT_BYTES, PlanFolder
from planning_sync.replicas.http_plans import PlanService
from planning_sync.replicas.kinds import Kind
from planning_sync.replicas.listing_format import (
    Empty,
    ListFormat,
    Open,
    empty_csv,
    empty_json,
    open_csv,
    open_json,
)
from planning_sync.replicas.mapping import WORDS, Column, Table
from planning_sync.replicas.mapping import Mapping as ListMapping
from planning_sync.replicas.mapping_file import read, read_toml

MAPPING_FILE = "planning-sync-list.toml"
"""Beside the lists, where the replica's options hold no mapping."""
OPTIONS = ("include", "exclude", "mapping", "limit_bytes")
"""Those of lists in files."""


class ListFolder(PlanFolder):
    """A folder of lists. Their mapping is read with them: it may be mended while the product runs."""

    kind: ClassVar[str] = "list"

    @classmethod
    def of(
        cls, path: str, options: Mapping[str, Any], plan_format: ListFormat, include: tuple[str, ...]
    ) -> Self:
        """The replica at `path`, which is a file, or a folder of those that the options choose."""
        files = files_at(path, options, include)
        limit_bytes = int(options.get("limit_bytes") or DEFAULT_LIMIT_BYTES)
        return cls(
            files.root, plan_format, include=files.include, exclude=files.exclude, limit_bytes=limit_bytes
        )


class ListService(PlanService):
    kind: ClassVar[str] = "list"


class Files(NamedTuple):
    root: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]


def files_at(path: str, options: Mapping[str, Any], usual: tuple[str, ...]) -> Files:
    """Which files are plans: the one at `path`, or those of a folder that the options choose."""
    place = PurePath(path)
    if place.suffix.lower() in _OPENERS:
        return Files(str(place.parent), (re.sub(r"([*?\[])", r"[\1]", place.name),), (tree.FOLDERS,))
    include = tuple(options.get("include") or usual)
    return Files(path, include, DEFAULT_EXCLUDE + tuple(options.get("exclude") or ()))


def mapping_of(path: str, options: Mapping[str, Any], start: ListMapping) -> ListMapping:
    """What the option `mapping` says, else the mapping file beside the lists; raises `OptionRefused`."""
    told = options.get("mapping")
    if told is not None:
        if not isinstance(told, dict):
            raise OptionRefused("mapping", "it should be a table of names, as in a mapping file")
        return read(told, "the option mapping", start)
    if http_plans.is_address(path):
        return read({}, "the option mapping", start)
    place = Path(files_at(path, options, ()).root) / MAPPING_FILE
    try:
        return read_toml(place.read_text(encoding="utf-8"), str(place), start)
    except FileNotFoundError:
        return read({}, f"there is no {place}, nor an option mapping", start)
    except (OSError, UnicodeDecodeError) as error:
        raise OptionRefused("mapping", f"{place} cannot be read ({error})") from error


_OPENERS: Mapping[str, tuple[Open, Empty]] = {
    ".json": (open_json, empty_json),
    **dict.fromkeys((".csv", ".tsv"), (open_csv, empty_csv)),
}
"""How to read files of that suffix, and how to make one."""

USUAL = ListMapping(
    tables=(
        Table(
            columns={
                name: Column(name, name, WORDS.get(name, {}))
                for name in ("status", "priority", "assignee", "due", "tags")
            }
        ),
    )
)
"""What a mapping file need not say; it has to say which field is the text."""


def _connect(path: str, options: Mapping[str, Any]) -> Replica:
    def mapping() -> ListMapping:
        return mapping_of(path, options, USUAL)

    if http_plans.is_address(path):
        service = http_plans.service_at(path, options)
        plan_format = ListFormat(mapping, open_json, empty_json, suffix="")
        return ListService(service, plan_format, patches=options.get("patch") is True)
    suffixes = {PurePath(glob).suffix.lower() for glob in files_at(path, options, ()).include}
    if len(suffixes) != 1 or not suffixes <= _OPENERS.keys():
        told = f"name a file, or globs such as **/tasks.json that all end in one of {', '.join(_OPENERS)}"
        raise OptionRefused("include", told)
    suffix = suffixes.pop()
    opener, empty = _OPENERS[suffix]
    return ListFolder.of(path, options, ListFormat(mapping, opener, empty, suffix=suffix), ())


KIND = Kind(_connect, (*OPTIONS, *http_plans.OPTIONS), http_plans.locate)
