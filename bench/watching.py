"""A save in an editor until it is committed in the hub, by `planning-sync watch` in a process of its own.

From before the save to the moment at which another process reads the new count of done tasks from the
database, asked every 2 ms. Half of the saves write the file in place, half write a new one and rename it, as
editors do.
"""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.checkbox import BOX
from bench.table import Row, median, ms, p95
from bench.workplace import REPOSITORY, Hub, Missing, Workplace, plans_of

PLANS, TASKS = 100, 10_000
MOST_SECONDS = 0.400
TARGET = "p95 under 400 ms"
PATIENCE_SECONDS = 10.0


def rows(place: Workplace) -> Iterator[Row]:
    what = f"save in an editor -> committed in the hub, {PLANS} plans, SQLite"
    try:
        source = place.scale(PLANS, TASKS)
    except Missing as error:
        yield Row(what, target=TARGET, problem=str(error))
        return
    folder = place.copy(plans_of(source), source)
    hub = place.hub("sqlite")
    hub.run("bench.unchanged:fill", folder=str(folder))
    saves = 20 if place.quick else 60
    with subprocess.Popen(
        [sys.executable, "manage.py", "watch", "--json"],
        env=hub.environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    ) as watcher:
        try:
            assert watcher.stdout is not None
            json.loads(watcher.stdout.readline())
            time.sleep(2.0)
            taken = list(_saves(hub, folder, saves))
        finally:
            watcher.send_signal(signal.SIGTERM)
            watcher.wait(20)
    told = f"{ms(p95(taken))} p95 (median {ms(median(taken))})"
    yield Row(what, told, target=TARGET, met=p95(taken) < MOST_SECONDS)


def _saves(hub: Hub, folder: Path, saves: int) -> Iterator[float]:
    chance = random.Random(1)
    plans = [plan for plan in plans_of(folder) if BOX.search(plan.read_bytes())]
    database = sqlite3.connect(f"file:{hub.home / 'hub.sqlite3'}?mode=ro", uri=True)
    query = "SELECT p.done_count FROM plans_plan p JOIN sync_link l ON l.plan_id = p.id WHERE l.path = ?"
    for number in range(saves + 3):
        plan = chance.choice(plans)
        path = str(plan.relative_to(folder))
        data = plan.read_bytes()
        found = BOX.search(data)
        if found is None:
            continue
        at = found.start(1)
        (done,) = database.execute(query, [path]).fetchone()
        started = time.perf_counter()
        _save(plan, data[:at] + b"[x]" + data[at + 3 :], in_place=number % 2 == 0)
        while database.execute(query, [path]).fetchone() == (done,):
            time.sleep(0.002)
            assert time.perf_counter() - started < PATIENCE_SECONDS, f"the watcher did not see {path}"
        if number >= 3:
            yield time.perf_counter() - started
        time.sleep(0.3 + chance.random() / 2)


def _save(plan: Path, data: bytes, *, in_place: bool) -> None:
    if in_place:
        plan.write_bytes(data)
        return
    beside = plan.with_name(f".{plan.name}.swp")
    beside.write_bytes(data)
    beside.replace(plan)
