"""The first sync of 84 plans with 107,450 tasks, against inserting the same rows by the shortest road.

Ours is everything: reading and parsing the files, every row of plans, phases and tasks, the log, a snapshot
of each file, the links with what was seen, a transaction for each plan. The reference is one transaction that
inserts 13 columns of the task rows, taken from the hub just filled and kept ready in memory, into an empty
table with the primary key and the three other indexes of the task table: `executemany` into SQLite with the
product's PRAGMAs, `COPY` into PostgreSQL.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.table import Row, median
from bench.workplace import DATABASES, Missing, Workplace, plans_of

PLANS, TASKS = 84, 107_450
MOST = {"sqlite": 8, "postgres": 10}
MOST_SECONDS = 10
TARGETS = {
    "sqlite": f"at most {MOST['sqlite']} times, under {MOST_SECONDS} s",
    "postgres": f"at most {MOST['postgres']} times",
}
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
REFERENCES = {"sqlite": "executemany", "postgres": "COPY"}

COLUMNS = (
    *("id", "plan_id", "phase_id", "parent_id", "position", "ref", "text", "status", "priority"),
    *("assignee", "due_date", "tags", "modified_at"),
)
INDEXES = (("plan_id", "position"), ("phase_id", "status"), ("parent_id",))


def rows(place: Workplace) -> Iterator[Row]:
    for database in DATABASES:
        what = f"first sync, {PLANS} plans, {TASKS:,} tasks, {NAMES[database]}"
        try:
            yield _row(place, database, what)
        except Missing as error:
            yield Row(what, target=TARGETS[database], problem=str(error))


def _row(place: Workplace, database: str, what: str) -> Row:
    source = place.scale(PLANS, TASKS)
    folder = place.copy(plans_of(source), source)
    warm = place.copy(plans_of(source)[:2], source)
    found = []
    for _ in range(1 if place.quick else 3):
        with place.dropping(place.hub(database)) as hub:
            found.append(hub.run("bench.importing:measure", folder=str(folder), warm=str(warm)))
    ours = median([each["ours"] for each in found])
    reference = median([each["reference"] for each in found])
    ratio = ours / reference
    return Row(
        what,
        f"{ours:.2f} s",
        f"{reference:.2f} s ({REFERENCES[database]})",
        f"{ratio:.1f}",
        TARGETS[database],
        ratio <= MOST[database] and (database != "sqlite" or ours < MOST_SECONDS),
    )


def measure(folder: str, warm: str) -> dict[str, float]:
    """Seconds of the sync, and of the reference right after it (the median of three)."""
    from django.db import connection

    from planning_sync.sync import services
    from planning_sync.sync.passes import Options
    from plans.models import Task

    options = Options(actor="bench")
    services.sync_replica(services.add_replica(Path(warm), actor="bench"), options)
    warmed = Task.objects.count()
    row = services.add_replica(Path(folder), actor="bench")
    started = time.perf_counter()
    report = services.sync_replica(row, options)
    ours = time.perf_counter() - started
    assert not report.errors, report.errors
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(COLUMNS)} FROM plans_task WHERE plan_id IN "
            "(SELECT plan_id FROM sync_link WHERE replica_id = %s)",
            [row.pk if connection.vendor == "postgresql" else row.pk.hex],
        )
        tasks = cursor.fetchall()
    assert len(tasks) == report.tasks.created == Task.objects.count() - warmed, (len(tasks), report.as_json())
    reference = _copy if connection.vendor == "postgresql" else _executemany
    gc.collect()
    return {"ours": ours, "reference": median([reference(tasks) for _ in range(3)])}


def _executemany(tasks: list[tuple[Any, ...]]) -> float:
    from django.conf import settings

    path = settings.PLANNING_SYNC_HOME / "reference.sqlite3"
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript(settings.DATABASES["default"]["OPTIONS"]["init_command"])
        connection.executescript(_table("text", "bigint"))
        marks = ", ".join("?" * len(COLUMNS))
        started = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO reference VALUES ({marks})", tasks)
        connection.execute("COMMIT")
        return time.perf_counter() - started
    finally:
        connection.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)


def _copy(tasks: list[tuple[Any, ...]]) -> float:
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS reference")
        connection.execute(_table("uuid", "bigint"))  # type: ignore[arg-type, unused-ignore]  # psycopg wants literals
        started = time.perf_counter()
        with (
            connection.transaction(),
            connection.cursor() as cursor,
            cursor.copy("COPY reference FROM STDIN") as copy,
        ):
            for task in tasks:
                copy.write_row(task)
        taken = time.perf_counter() - started
        connection.execute("DROP TABLE reference")
    return taken


def _table(of_ids: str, of_numbers: str) -> str:
    types = {name: of_ids if name.endswith("id") else "text" for name in COLUMNS} | {"position": of_numbers}
    if of_ids == "uuid":
        types |= {"due_date": "date", "tags": "jsonb", "modified_at": "timestamptz"}
    columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
    indexes = "".join(
        f"CREATE INDEX reference_{number} ON reference ({', '.join(names)});"
        for number, names in enumerate(INDEXES)
    )
    return f"CREATE TABLE reference ({columns}, PRIMARY KEY (id));{indexes}"
