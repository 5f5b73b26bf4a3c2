"""A replica that is no Markdown, synced: first, with nothing changed, and with one edit of the hub."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.table import Row, median, ms
from bench.workplace import DATABASES, Hub, Missing, Workplace

NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
TASKS = 5_000
EDITED = TASKS // 2
"""The number of the task that is edited, which is not begun."""


def title(number: int) -> str:
    return f"Move module {number % 97} to the new store, part {number}"


def rows(place: Workplace, what: str, file: Path, reference: str, **options: Any) -> Iterator[Row]:
    """Of the replica in the file on each database; `options` has its kind. The file gets one edit of each."""
    content = file.read_bytes()
    for database in DATABASES:
        file.write_bytes(content)
        told = f"{what}, {TASKS:,} tasks, {NAMES[database]}"
        try:
            with place.dropping(place.hub(database)) as hub:
                yield from _timed(hub, told, reference, {"file": str(file), **options})
        except Missing as error:
            yield Row(told, problem=str(error))


def _timed(hub: Hub, what: str, reference: str, arguments: Mapping[str, Any]) -> Iterator[Row]:
    found = hub.run("bench.syncing:measure", **arguments)
    first, edit, idle = found["first"], found["edit"], median(found["idle"])
    yield Row(f"{what}: first sync", ms(first), reference, target="under 2 s", met=first < 2)
    yield Row(f"{what}: sync of one edit", ms(edit), reference, target="under 2 s", met=edit < 2)
    yield Row(f"{what}: nothing changed", ms(idle), reference, target="under 100 ms", met=idle < 0.1)


def measure(file: str, **options: Any) -> dict[str, Any]:
    """Seconds of the first sync, of twenty that find nothing, and of one edit in the hub with its write."""
    from planning_sync.sync import services
    from planning_sync.sync.passes import Options
    from plans import services as plans
    from plans.models import Task

    asked = Options(actor="bench", settle_seconds=0.0)
    row = services.add_replica(file, actor="bench", **options)

    def synced() -> float:
        started = time.perf_counter()
        assert services.sync_replica(row, asked).status == "in_step"
        return time.perf_counter() - started

    first = synced()
    assert Task.objects.count() == TASKS
    idle = [synced() for _ in range(20)]
    before = Path(file).read_bytes()
    started = time.perf_counter()
    plans.set_fields(Task.objects.get(text=title(EDITED)), {"status": "in_progress"}, actor="bench")
    synced()
    edit = time.perf_counter() - started
    assert len(set(before.splitlines()) ^ set(Path(file).read_bytes().splitlines())) <= 2
    assert Path(file).read_bytes() != before
    return {"first": first, "idle": idle, "edit": edit}
