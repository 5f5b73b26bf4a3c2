"""How a project of Task Master is found and connected: `KIND`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planning_sync.replicas import http_plans
from planning_sync.replicas.base import Replica
from planning_sync.replicas.errors import OptionRefused
from planning_sync.replicas.http_credentials import is_name
from planning_sync.replicas.kinds import Kind, Place
from planning_sync.replicas.taskmaster.commanded import CommandedFile
from planning_sync.replicas.taskmaster.replica import DEFAULT_LIMIT_BYTES, TaskMasterFile
from planning_sync.replicas.taskmaster.service import TaskMasterService
from planning_sync.replicas.taskmaster.tool import DEFAULT_TIMEOUT_SECONDS

PLACES = (Path(".taskmaster", "tasks", "tasks.json"), Path("tasks", "tasks.json"))
"""Where a project has its file: today, and in older versions of the tool."""
OPTIONS = (*http_plans.OPTIONS, "binary")


def _locate(given: str) -> Place:
    """The address of a service, the file itself, or that of the project whose folder is named."""
    if http_plans.is_address(given):
        return http_plans.locate(given)
    path = Path(given).expanduser().resolve()
    if path.is_dir():
        found = (path / place for place in PLACES if (path / place).is_file())
        fallback = path / PLACES[0] if (path / PLACES[0]).parent.is_dir() else None
        file = next(found, fallback)
        if file is None:
            raise OptionRefused("path", f"there is no {PLACES[0]} in {path}; run `task-master init` there")
        return Place(str(file), path.name)
    folders = [each for each in path.parents if each.name not in ("tasks", ".taskmaster")]
    return Place(str(path), folders[0].name)


def _connect(path: str, options: Mapping[str, Any]) -> Replica:
    if http_plans.is_address(path):
        if "binary" in options:
            raise OptionRefused("binary", "a service has no command; name the folder of a project instead")
        service = http_plans.service_at(path, options)
        return TaskMasterService(service, patches=options.get("patch") is True)
    limit_bytes = int(options.get("limit_bytes") or DEFAULT_LIMIT_BYTES)
    if "binary" not in options:
        return TaskMasterFile(path, limit_bytes=limit_bytes)
    if not (isinstance(options["binary"], str) and is_name(options["binary"])):
        told = "name the variable that holds its path, such as env:PLANNING_SYNC_REPLICA_TASK_MASTER"
        raise OptionRefused("binary", told)
    if Path(path).parts[-3:] != PLACES[0].parts:
        raise OptionRefused("binary", f"the command itself works on {PLACES[0]} of a project only")
    seconds = http_plans.positive(options, "timeout_seconds", DEFAULT_TIMEOUT_SECONDS)
    return CommandedFile(path, options["binary"], limit_bytes=limit_bytes, timeout_seconds=seconds)


KIND = Kind(_connect, OPTIONS, _locate)
