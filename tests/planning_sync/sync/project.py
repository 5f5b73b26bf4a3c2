"""A Task Master project and the hub, side by side, as tests handle them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planning_sync.sync import services
from planning_sync.sync.models import Replica
from planning_sync.sync.passes import Options
from planning_sync.sync.report import Report
from plans import services as plans
from plans import storage
from plans.models import Plan, Task
from plans.outline import Outline
from tests.planning_sync.replicas.taskmaster_world import file_of, tag

FILE = Path(".taskmaster", "tasks", "tasks.json")


@dataclass
class Project:
    folder: Path
    row: Replica

    @classmethod
    def at(cls, folder: Path, *tasks: dict[str, Any], **options: Any) -> Project:
        file = folder / FILE
        file.parent.mkdir(parents=True)
        file.write_text(file_of({"master": tag(*tasks)}), encoding="utf-8")
        return cls(folder, services.add_replica(folder, actor="alice", kind="taskmaster", **options))

    # ------------------------------------------------------------------------------- the file side

    @property
    def file(self) -> Path:
        return self.folder / FILE

    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    def tags(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text())
        return found

    def all_tasks(self, name: str = "master") -> Iterator[dict[str, Any]]:
        for task in self.tags()[name]["tasks"]:
            yield task
            yield from task.get("subtasks") or ()

    def task(self, title: str, name: str = "master") -> dict[str, Any]:
        (found,) = [task for task in self.all_tasks(name) if task["title"] == title]
        return found

    def task_of(self, token: str, name: str = "master") -> dict[str, Any]:
        """The task whose title begins with the word."""
        (found,) = [task for task in self.all_tasks(name) if task["title"].split()[0] == token]
        return found

    def change(self, act: Callable[[dict[str, Any]], object]) -> None:
        """What the tool does: read it all, change it, write it all."""
        tags = self.tags()
        act(tags)
        self.file.write_text(json.dumps(tags, indent=2, ensure_ascii=False), encoding="utf-8")

    def set_raw(self, title: str, /, **fields: Any) -> None:
        def act(tags: dict[str, Any]) -> None:
            for each in tags.values():
                for task in each["tasks"]:
                    for one in (task, *(task.get("subtasks") or ())):
                        if one["title"] == title:
                            one.update(fields)

        self.change(act)

    # -------------------------------------------------------------------------------- the hub side

    def plan(self, path: str = "master") -> Plan:
        return Plan.objects.get(links__path=path, links__replica=self.row)

    def outline(self, path: str = "master") -> Outline:
        return storage.load(self.plan(path)).outline

    def hub(self, text: str) -> Task:
        return Task.objects.live().get(text=text)

    def set(self, text: str, /, **fields: Any) -> None:
        plans.set_fields(self.hub(text), fields, actor="alice")

    def sync(self, **options: Any) -> Report:
        report = self.try_sync(**options)
        assert not report.errors, report.errors
        assert not report.refused, report.refused
        return report

    def try_sync(self, **options: Any) -> Report:
        self.row.refresh_from_db()
        return services.sync_replica(
            self.row, Options(**{"actor": "alice", "settle_seconds": 0.0, **options})
        )

    def assert_in_step(self) -> None:
        before = self.file.read_bytes()
        report = self.sync()
        assert (report.changed, report.files_written) == (0, [])
        assert self.file.read_bytes() == before
