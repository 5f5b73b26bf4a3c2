"""The places that machines of random edits work on, as the people see them who edit there.

Public: `Place`, `Disk` and `Twin`, which hold Markdown, and `Tags`, which holds the tags of Task Master.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planning_sync.replicas import memory
from planning_sync.replicas.taskmaster.tag import TagFormat
from planning_sync.sync.models import Link, Replica
from plans.outline import Outline
from tests.planning_sync.replicas.taskmaster_world import file_of, tag, task
from tests.planning_sync.sync import survival
from tests.planning_sync.sync.pages import EDITS, Mint, new_plan

Touch = Callable[..., None]
"""Told of each text that an edit concerns; `whole` where what hangs below it may move or go with it."""


@dataclass
class Place(ABC):
    row: Replica

    @abstractmethod
    def contents(self) -> dict[str, bytes]: ...
    @abstractmethod
    def put(self, path: str, data: bytes) -> None: ...
    @abstractmethod
    def remove(self, path: str) -> None: ...
    @abstractmethod
    def rename(self, path: str, name: str) -> None: ...

    def leftovers(self) -> list[Path]:
        return []

    # Markdown, where a place does not say otherwise:

    def fresh(self, mint: Mint, how: int) -> bytes:
        """A new plan."""
        return new_plan(mint, how).encode()

    def edit(self, path: str, number: int, mint: Mint, touch: Touch, where: int, how: int) -> None:
        """One edit of the plan, of the kind of that number."""
        text = self.contents()[path].decode()
        after = EDITS[number % len(EDITS)](text, mint, where, how)
        if after != text:
            self.put(path, after.encode())

    def outline(self, path: str, data: bytes) -> Outline:
        return survival.parsed(data, path).outline

    def foreign_changes(
        self, before: bytes, after: bytes, path: str, touched: Mapping[str, bool]
    ) -> list[str]:
        return survival.foreign_changes(before, after, path, touched)

    def disagreements(self, link: Link, data: bytes) -> tuple[list[str], set[str]]:
        return survival.disagreements(link, data)


@dataclass
class Disk(Place):
    folder: Path

    def contents(self) -> dict[str, bytes]:
        found = sorted(self.folder.rglob("*.md"))
        return {str(place.relative_to(self.folder)): place.read_bytes() for place in found}

    def put(self, path: str, data: bytes) -> None:
        place = self.folder / path
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data)
        os.utime(place, ns=(0, place.stat().st_mtime_ns - 60 * 1_000_000_000))

    def remove(self, path: str) -> None:
        (self.folder / path).unlink()

    def rename(self, path: str, name: str) -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / path).rename(self.folder / name)

    def leftovers(self) -> list[Path]:
        return [place for place in self.folder.rglob(".*") if place.is_file()]


@dataclass
class Twin(Place):
    folder: memory.MemoryFolder

    def contents(self) -> dict[str, bytes]:
        return self.folder.contents()

    def put(self, path: str, data: bytes) -> None:
        self.folder.put(path, data)

    def remove(self, path: str) -> None:
        self.folder.discard(path)

    def rename(self, path: str, name: str) -> None:
        data = self.folder.contents()[path]
        self.folder.discard(path)
        self.folder.put(name, data)


# ------------------------------------------------------------------------------------ Task Master


STATUSES = ("pending", "in-progress", "done", "review", "deferred", "cancelled", "blocked")


@dataclass
class Tags(Place):
    """A `tasks.json`; what is edited there is JSON, and written as the tool writes it."""

    file: Path

    def contents(self) -> dict[str, bytes]:
        return {name: tag(*listed["tasks"]).encode() for name, listed in sorted(self._tags().items())}

    def put(self, path: str, data: bytes) -> None:
        self._save({**self._tags(), path: json.loads(data)})

    def remove(self, path: str) -> None:
        self._save({name: listed for name, listed in self._tags().items() if name != path})

    def rename(self, path: str, name: str) -> None:
        tags = self._tags()
        self._save({**tags, name: tags.pop(path)} if path in tags else tags)

    def leftovers(self) -> list[Path]:
        return [place for place in self.file.parent.iterdir() if place != self.file]

    def fresh(self, mint: Mint, how: int) -> bytes:
        below = [{"id": 1, "title": mint.text("task", how), "status": "done"}]
        first = task(1, mint.text("task", how + 1), subtasks=below)
        return tag(first, task(2, mint.text("task", how), dependencies=[1])).encode()

    def edit(self, path: str, number: int, mint: Mint, touch: Touch, where: int, how: int) -> None:
        tags = self._tags()
        act = TAG_EDITS[number % len(TAG_EDITS)]
        tasks = tags[path]["tasks"]
        spots = [(tasks, each) for each in tasks]
        spots += [(each["subtasks"], below) for each in tasks for below in each.get("subtasks", ())]
        if spots:
            listed, one = spots[where % len(spots)]
            act(tasks, listed, one, mint, touch, how)
            self._save(tags)

    def outline(self, path: str, data: bytes) -> Outline:
        return TagFormat().parse(data, path).outline

    def foreign_changes(
        self, before: bytes, after: bytes, path: str, touched: Mapping[str, bool]
    ) -> list[str]:
        """Nothing: that a write keeps to its own lines is shown by the tests of the splices."""
        return []

    def disagreements(self, link: Link, data: bytes) -> tuple[list[str], set[str]]:
        return survival.recorded_disagreements(link, TagFormat().parse(data, link.path))

    def _tags(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return found

    def _save(self, tags: Mapping[str, Any]) -> None:
        text = file_of({name: tag(*listed["tasks"]) for name, listed in tags.items()})
        self.file.write_text(text, encoding="utf-8")


def _each(one: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield one
    yield from one.get("subtasks") or ()


def _set_status(tasks: Any, listed: Any, one: Any, mint: Mint, touch: Touch, how: int) -> None:
    touch(one["title"])
    one["status"] = STATUSES[how % len(STATUSES)]


def _retitle(tasks: Any, listed: Any, one: Any, mint: Mint, touch: Touch, how: int) -> None:
    touch(one["title"])
    mint.kill(one["title"])
    one["title"] = mint.text("task", how)


def _add(tasks: Any, listed: Any, one: Any, mint: Mint, touch: Touch, how: int) -> None:
    number = max(int(str(each["id"])) for each in listed) + 1
    title = mint.text("task", how)
    if listed is tasks:
        listed.append(task(number, title))
    else:
        listed.append({"id": number, "title": title, "status": "pending", "dependencies": []})


def _add_below(tasks: Any, listed: Any, one: Any, mint: Mint, touch: Touch, how: int) -> None:
    above = tasks[how % len(tasks)]
    touch(above["title"])
    number = max((int(str(each["id"])) for each in above["subtasks"]), default=0) + 1
    above["subtasks"].append({"id": number, "title": mint.text("task", how), "status": "pending"})


def _remove(tasks: Any, listed: Any, one: Any, mint: Mint, touch: Touch, how: int) -> None:
    for each in _each(one):
        touch(each["title"], whole=True)
        mint.kill(each["title"])
    listed.remove(one)
    for each in tasks:
        touch(each["title"])


def _lift(tasks: Any, listed: Any, one: Any, mint: Mint, touch: Touch, how: int) -> None:
    """A subtask becomes a task, as `remove-subtask --convert` has it."""
    if listed is not tasks:
        touch(one["title"], whole=True)
        listed.remove(one)
        number = max(int(str(each["id"])) for each in tasks) + 1
        tasks.append({**task(number, one["title"], one["status"]), "metadata": one.get("metadata")})


def _prioritise(tasks: Any, listed: Any, one: Any, mint: Mint, touch: Touch, how: int) -> None:
    touch(one["title"])
    one["priority"] = ("low", "medium", "high")[how % 3]


def _depend(tasks: Any, listed: Any, one: Any, mint: Mint, touch: Touch, how: int) -> None:
    for each in tasks:  # one without a ref gets one while another depends on it
        touch(each["title"])
    other = str(tasks[how % len(tasks)]["id"])
    if listed is tasks and other != str(one["id"]):
        one["dependencies"] = [other] if how % 2 else []


TAG_EDITS = (
    *(_set_status, _set_status, _set_status, _retitle, _retitle, _add, _add, _add_below, _add_below),
    *(_remove, _lift, _prioritise, _depend),
)
