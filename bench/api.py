"""What reading over the API costs beside a bare view, and what a load of reads and writes leaves behind.

A hub of 100,000 tasks in 1,000 plans, one of them with 1,000 tasks. The queries of each answer are counted in
a process of their own, the first request of a key among them; its use is written down beside it, as a web
server does. Then one server answers the API's addresses
and the bare views of `bench.bare` in turns, asked from this process over connections that stay open.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench import load
from bench.serving import serving
from bench.table import Row, median
from bench.wire import Wire, wire
from bench.workplace import DATABASES, Hub, Missing, Workplace, plans_of

NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
PLANS, TASKS = 1_000, 100_000
TASKS_OF_ONE = 1_000
LARGE = "The large one"
LEAST_SHARE = 1 / 3
CONNECTIONS = 4
ASKED_TIMES = 11
UNLIMITED = {"PLANNING_SYNC_RATE_LIMIT": "1000000000"}


class Asked(NamedTuple):
    what: str
    path: str
    most_queries: int

    @property
    def target(self) -> str:
        return f"at most {self.most_queries} queries, at least 1/3 of the throughput"


ASKED = (
    Asked("GET /plans", "plans", 8),
    Asked("GET /plans/{id}", "plans/{plan}", 12),
    Asked(f"GET /plans/{{id}}/tree, {TASKS_OF_ONE:,} tasks", "plans/{plan}/tree", 12),
)


def rows(place: Workplace) -> Iterator[Row]:
    for database in DATABASES:
        try:
            yield from _reading(place, database)
        except Missing as error:
            for each in ASKED:
                yield Row(f"{each.what}, {NAMES[database]}", target=each.target, problem=str(error))
        yield load.row(place, database, NAMES[database], UNLIMITED)


def _reading(place: Workplace, database: str) -> Iterator[Row]:
    rounds, seconds = (3, 1.0) if place.quick else (7, 2.0)
    with place.dropping(place.hub(database)) as hub:
        facts = hub.run("bench.api:fill", folder=str(_folder(place)))
        queries = hub.run("bench.api:queries", **facts)
        environment = {**_environment(hub), **UNLIMITED}
        with serving(environment, hub.home / "server.log") as port:
            for each in ASKED:
                path = each.path.format(plan=facts["plan"])
                ours, bare = asyncio.run(_in_turns(port, facts["secret"], path, rounds, seconds))
                yield judged(f"{each.what}, {NAMES[database]}", each, queries[each.path], ours, bare)


def judged(what: str, asked: Asked, queries: Sequence[int], ours: float, bare: float) -> Row:
    """A row from the queries of several requests, the most of which count, and the requests a second."""
    share = ours / bare
    met = max(queries) <= asked.most_queries and share >= LEAST_SHARE
    told = f"{median(queries):.0f} queries (at most {max(queries)}), {ours:,.0f}/s"
    return Row(what, told, f"{bare:,.0f}/s (bare view)", f"{share:.2f}", asked.target, met)


def _environment(hub: Hub) -> dict[str, str]:
    return {**hub.environment, "DJANGO_SETTINGS_MODULE": "bench.bare_settings"}


def _folder(place: Workplace) -> Path:
    """Plans at scale, and one made here that has exactly so many tasks."""
    source = place.scale(PLANS - 1, TASKS - TASKS_OF_ONE)
    folder = place.copy(plans_of(source), source)
    lines = [f"# {LARGE}", ""]
    for number in range(TASKS_OF_ONE):
        if number % 50 == 0:
            lines += ["", f"## Part {number // 50 + 1}", ""]
        lines.append(f"- [{'x' if number % 3 == 0 else ' '}] Step number {number} of the large plan")
    plan = folder / "large.md"
    plan.write_text("\n".join([*lines, ""]), encoding="utf-8")
    long_ago = time.time() - 3600
    os.utime(plan, (long_ago, long_ago))
    return folder


# ------------------------------------------------------------------------------------- throughput


async def _in_turns(port: int, secret: str, path: str, rounds: int, seconds: float) -> tuple[float, float]:
    """The medians of requests a second: of the API, and of the bare view."""
    ours, bare = f"/api/v1/{path}", f"/bare/{path}"
    for each in (ours, bare):
        await _throughput(port, secret, each, 0.5)
    taken: dict[str, list[float]] = {ours: [], bare: []}
    for _ in range(rounds):
        for each in (ours, bare):
            taken[each].append(await _throughput(port, secret, each, seconds))
    return median(taken[ours]), median(taken[bare])


async def _throughput(port: int, secret: str, path: str, seconds: float) -> float:
    started = time.perf_counter()
    counts = await asyncio.gather(*(_repeat(port, secret, path, seconds) for _ in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - started)


async def _repeat(port: int, secret: str, path: str, seconds: float) -> int:
    async with wire(port, secret) as connection:
        return await _repeat_on(connection, path, time.perf_counter() + seconds)


async def _repeat_on(connection: Wire, path: str, until: float) -> int:
    count = 0
    while time.perf_counter() < until:
        answer = await connection.get(path)
        assert answer.status == 200, (path, answer)
        count += 1
    return count


# ------------------------------------------------------------------------------- in the other processes


def fill(folder: str) -> dict[str, str]:
    """The hub synced with the folder: a key that may read, and the plan with so many tasks."""
    from django.contrib.auth.models import Group, User

    from planning_sync.api import services as keys
    from planning_sync.sync import services
    from planning_sync.sync.passes import Options
    from plans.models import Plan, Task

    report = services.sync_replica(services.add_replica(Path(folder), actor="bench"), Options(actor="bench"))
    assert not report.errors, report.errors
    found = (Plan.objects.count(), Task.objects.count())
    assert found[0] == PLANS, found
    assert abs(found[1] - TASKS) < TASKS / 100, found
    plan = Plan.objects.get(title=LARGE)
    assert plan.task_count == TASKS_OF_ONE, plan.task_count
    person = User.objects.create_user("olive")
    person.groups.add(Group.objects.get(name="editor"))
    return {"plan": str(plan.pk), "secret": keys.make_key("bench", owner=person, actor="bench").secret}


def queries(plan: str, secret: str) -> dict[str, list[int]]:
    """By path, the queries that each request needed; checks that the bare view runs one of them."""
    from django.conf import settings

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.ROOT_URLCONF = "bench.bare"
    found = {}
    for each in ASKED:
        path = each.path.format(plan=plan)
        asked = [_queries_of(f"/api/v1/{path}", secret) for _ in range(ASKED_TIMES)]
        (main,) = _queries_of(f"/bare/{path}", secret)
        assert main in asked[0], f"bench/bare.py does not run what the API runs for {each.path}: {main}"
        found[each.path] = [len(each) for each in asked]
    return found


def _queries_of(path: str, secret: str) -> list[str]:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from planning_sync.sync import background

    headers: dict[str, Any] = {"Authorization": f"Bearer {secret}"}
    with background.allowed(), CaptureQueriesContext(connection) as captured:
        answer = Client().get(path, headers=headers)
    assert answer.status_code == 200, (path, answer.status_code, answer.content[:500])
    return [query["sql"] for query in captured.captured_queries]
