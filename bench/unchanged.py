"""A pass over a replica in which nothing changed, in a process that is already running.

It lists the folder, asks each file for its size and times, and compares with what the hub remembers: one
query for all plans. No file is read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench.table import Row, median, ms, p95
from bench.workplace import DATABASES, Hub, Missing, Workplace, plans_of

NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def rows(place: Workplace) -> Iterator[Row]:
    for database in DATABASES:
        what = f"sync, nothing changed, 84 plans, 107,450 tasks, {NAMES[database]}"
        try:
            source = place.scale(84, 107_450)
            folder = place.copy(plans_of(source), source)
            with place.dropping(place.hub(database)) as hub:
                hub.run("bench.unchanged:fill", folder=str(folder))
                yield row(hub, folder, what, most_seconds=0.060)
        except Missing as error:
            yield Row(what, target="under 60 ms", problem=str(error))


def row(hub: Hub, folder: Path, what: str, *, most_seconds: float) -> Row:
    found = hub.run("bench.unchanged:measure", folder=str(folder))
    target = f"under {most_seconds:.0f} s" if most_seconds >= 1 else f"under {most_seconds * 1000:.0f} ms"
    middle, worst = median(found), p95(found)
    return Row(what, f"{ms(middle)} (p95 {ms(worst)})", target=target, met=middle < most_seconds)


def fill(folder: str) -> float:
    """Seconds of the first sync of the folder."""
    from planning_sync.sync import services
    from planning_sync.sync.passes import Options

    started = time.perf_counter()
    report = services.sync_replica(services.add_replica(Path(folder), actor="bench"), Options(actor="bench"))
    assert not report.errors, report.errors
    return time.perf_counter() - started


def measure(folder: str) -> list[float]:
    """Seconds of each of thirty passes, after three that warm up."""
    from planning_sync.sync import services
    from planning_sync.sync.passes import Options

    row = services.replica_named(folder)
    taken = []
    for _ in range(33):
        started = time.perf_counter()
        report = services.sync_replica(row, Options(actor="bench"))
        taken.append(time.perf_counter() - started)
        assert report.status == "in_step", report.as_json()
        assert not report.operation, "a pass over nothing new records nothing"
    return taken[3:]
