"""A load of reads and PATCHes on a folder of plans, over 100 connections; then every write is looked for.

Each PATCH gives a task that no other one touches a text with a mark of its own. One that was answered with
200 has to be in the hub, at its task, and, written by the server right after, in the files, once: how long
after the last answer they have it all is told, and nothing else syncs them. What broke, or was answered
otherwise, is counted by what it was.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bench.serving import end_of, serving
from bench.table import Row, median, ms, p95
from bench.wire import BadAnswer, Wire, wire
from bench.workplace import Missing, Workplace, plans_of

PLANS, TASKS = 100, 20_000
CONNECTIONS = 100
WRITES_OF_TEN = 3
TARGET = "no 5xx, no lost write"
PATIENCE_SECONDS = 30.0
MARK = re.compile(r"w\d{5}w")


@dataclass
class Tally:
    """What the connections saw."""

    reads: list[float] = field(default_factory=list)
    """Seconds of each answer of 200."""
    writes: list[float] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    """The mark that each task was given, where the PATCH was answered with 200."""
    seconds: float = 0.0
    """Until the last answer, which is after the last request was sent."""
    failed: Counter[str] = field(default_factory=Counter)
    """Other answers by their status, and connections that broke."""
    behind: float = 0.0
    """Seconds from the last answer until the files had all that was acknowledged."""


class Missed(NamedTuple):
    """Marks that were acknowledged and are not there."""

    hub: list[str]
    files: list[str]


def row(place: Workplace, database: str, name: str, more: Mapping[str, str]) -> Row:
    seconds = 15.0 if place.quick else 60.0
    what = f"load, {CONNECTIONS} connections, {WRITES_OF_TEN * 10} % PATCH, {seconds:.0f} s, {name}"
    try:
        source = place.scale(PLANS, TASKS)
        folder = place.copy(plans_of(source), source)
        with place.dropping(place.hub(database)) as hub:
            facts = hub.run("bench.load:fill", folder=str(folder))
            log = hub.home / "server.log"
            with serving({**hub.environment, **more}, log) as port:
                tally = asyncio.run(_load(port, facts, seconds))
                tally.behind = _until_written(folder, tally.marks)
            missed = looked_for(tally.marks, hub.run("bench.load:texts"), _files(folder))
            found = judged(what, tally, missed)
            if not found.met:
                sys.stderr.write(end_of(log))
            return found
    except Missing as error:
        return Row(what, target=TARGET, problem=str(error))


def looked_for(marks: Mapping[str, str], hub: Mapping[str, str], files: Mapping[str, int]) -> Missed:
    """Given the marks of tasks, the marks of tasks in the hub, and how often each mark is in the files."""
    return Missed(
        [mark for task, mark in marks.items() if hub.get(task) != mark],
        [mark for mark in marks.values() if files.get(mark) != 1],
    )


def judged(what: str, tally: Tally, missed: Missed) -> Row:
    reads, writes = len(tally.reads), len(tally.writes)
    if not reads or not writes:
        return Row(what, target=TARGET, problem=f"nothing was read or nothing written: {dict(tally.failed)}")
    wrong = ", ".join(f"{count} times {kind}" for kind, count in sorted(tally.failed.items()))
    told = (
        f"{writes:,} PATCHes acknowledged: {writes - len(missed.hub):,} in the hub, "
        f"{writes - len(missed.files):,} in the files; {reads:,} reads; other answers: {wrong or 'none'}"
    )
    worst = (
        f"p50 {ms(median(tally.reads))} and p95 {ms(p95(tally.reads))} reading, "
        f"{ms(median(tally.writes))} and {ms(p95(tally.writes))} writing, files {tally.behind:.1f} s behind"
    )
    met = not missed.hub and not missed.files and not tally.failed
    return Row(what, f"{told}; {(reads + writes) / tally.seconds:,.0f}/s, {worst}", target=TARGET, met=met)


# ------------------------------------------------------------------------------------- the load


async def _load(port: int, facts: dict[str, list[str]], seconds: float) -> Tally:
    tally = Tally()
    tasks = facts["tasks"][:]
    random.Random(1).shuffle(tasks)
    unwritten = iter(enumerate(tasks))
    started = time.perf_counter()
    until = started + seconds
    await asyncio.gather(
        *(_connection(port, facts, unwritten, until, number, tally) for number in range(CONNECTIONS))
    )
    tally.seconds = time.perf_counter() - started
    return tally


async def _connection(
    port: int,
    facts: dict[str, Any],
    unwritten: Iterator[tuple[int, str]],
    until: float,
    number: int,
    tally: Tally,
) -> None:
    chance = random.Random(number)
    while time.perf_counter() < until:
        try:
            async with wire(port, facts["secret"]) as connection:
                while time.perf_counter() < until:
                    if chance.randrange(10) >= WRITES_OF_TEN:
                        await _read(connection, chance, facts, tally)
                    elif (todo := next(unwritten, None)) is not None:
                        await _write(connection, *todo, tally)
                    else:
                        tally.failed["no task left to write"] += 1
                        return
        except (OSError, EOFError, BadAnswer) as error:
            tally.failed[type(error).__name__] += 1


async def _write(connection: Wire, number: int, task: str, tally: Tally) -> None:
    mark = f"w{number:05}w"
    started = time.perf_counter()
    answer = await connection.patch(f"/api/v1/tasks/{task}", {"text": f"Write it down as {mark} and go on"})
    if answer.status == 200:
        tally.writes.append(time.perf_counter() - started)
        tally.marks[task] = mark
    else:
        tally.failed[str(answer.status)] += 1


async def _read(connection: Wire, chance: random.Random, facts: dict[str, Any], tally: Tally) -> None:
    plan, task = chance.choice(facts["plans"]), chance.choice(facts["tasks"])
    paths = ("plans", f"plans/{plan}", f"plans/{plan}/tree", f"tasks/{task}")
    started = time.perf_counter()
    answer = await connection.get(f"/api/v1/{chance.choice(paths)}")
    if answer.status == 200:
        tally.reads.append(time.perf_counter() - started)
    else:
        tally.failed[str(answer.status)] += 1


def _until_written(folder: Path, marks: Mapping[str, str]) -> float:
    """Seconds until the files have every mark, or until patience ends."""
    started = time.perf_counter()
    while (waited := time.perf_counter() - started) < PATIENCE_SECONDS:
        if not set(marks.values()) - _files(folder).keys():
            break
        time.sleep(0.05)
    return waited


def _files(folder: Path) -> Counter[str]:
    """How often each mark is in the files."""
    found: Counter[str] = Counter()
    for plan in plans_of(folder):
        found.update(MARK.findall(plan.read_bytes().decode("utf-8", "replace")))
    return found


# ------------------------------------------------------------------------------- in the other processes


def fill(folder: str) -> dict[str, Any]:
    """The hub synced with the folder: a key that may write, the plans and the tasks."""
    from django.contrib.auth.models import Group, User

    from planning_sync.api import services as keys
    from planning_sync.sync import services
    from planning_sync.sync.passes import Options
    from plans.models import Plan, Task

    report = services.sync_replica(services.add_replica(Path(folder), actor="bench"), Options(actor="bench"))
    assert not report.errors, report.errors
    person = User.objects.create_user("olive")
    person.groups.add(Group.objects.get(name="editor"))
    return {
        "secret": keys.make_key("bench", owner=person, actor="bench").secret,
        "plans": [str(pk) for pk in Plan.objects.order_by("pk").values_list("pk", flat=True)],
        "tasks": [str(pk) for pk in Task.objects.order_by("pk").values_list("pk", flat=True)],
    }


def texts() -> dict[str, str]:
    """The mark of each task that has one."""
    from plans.models import Task

    found = {}
    for pk, text in Task.objects.live().values_list("pk", "text"):
        mark = MARK.search(text)
        if mark is not None:
            found[str(pk)] = mark.group()
    return found
