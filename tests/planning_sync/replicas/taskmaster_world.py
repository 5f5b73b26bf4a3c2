"""A `tasks.json` as a test sees it, and what others may do to it; sample tags in the tool's own layout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from planning_sync.replicas.jsontext import parse
from planning_sync.replicas.taskmaster import TaskMasterFile
from tests.planning_sync.replicas.disk import DiskWorld


def task(number: int, title: str, status: str = "pending", **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "title": title,
        "description": title,
        "details": "",
        "testStrategy": "",
        "status": status,
        "dependencies": [],
        "priority": "medium",
        "subtasks": [],
        **fields,
    }


def tag(*tasks: Mapping[str, Any]) -> str:
    """The text of a tag as it stands in the file."""
    return json.dumps({"tasks": tasks}, indent=2, ensure_ascii=False).replace("\n", "\n  ")


def file_of(tags: Mapping[str, str]) -> str:
    told = [f"  {json.dumps(name, ensure_ascii=False)}: {text}" for name, text in tags.items()]
    return "{\n" + ",\n".join(told) + "\n}"


class TaskMasterWorld:
    """The tags of one file; what is put there is the text of a tag."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir(parents=True)
        self.file = folder / "tasks.json"
        self.replica = TaskMasterFile(self.file)
        self._disk = DiskWorld(folder, monkeypatch)

    def put(self, path: str, data: bytes) -> None:
        self._write({**self._tags(), path: data.decode()})

    def discard(self, path: str) -> None:
        self._write({name: text for name, text in self._tags().items() if name != path})

    def contents(self) -> dict[str, bytes]:
        return {name: text.encode() for name, text in sorted(self._tags().items())}

    def hide(self, path: str) -> None:
        """A merge left its markers there."""
        text = self.file.read_text(encoding="utf-8")
        self.file.write_text(text.replace("{\n", "{\n<<<<<<< ours\n", 1), encoding="utf-8")

    def lose(self) -> None:
        self._disk.lose()

    def fail_next_write(self) -> None:
        self._disk.fail_next_write()

    def leftovers(self) -> Sequence[str]:
        """Every other file in the folder: locks, temporary ones."""
        return sorted(each.name for each in self.file.parent.iterdir() if each != self.file)

    def _tags(self) -> dict[str, str]:
        if not self.file.exists():
            return {}
        return {name: node.raw for name, node in parse(self.file.read_text(encoding="utf-8")).members.items()}

    def _write(self, tags: Mapping[str, str]) -> None:
        self.file.write_text(file_of(tags), encoding="utf-8", newline="")
