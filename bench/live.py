"""A commit in a worker process until its message is in a client's socket, and 500 sockets on one web process.

Three processes: a worker that changes tasks through the services, a web server as `up` starts it, and this
one, which holds the sockets. Times are from when the worker's commit returned until the message was read; in
the column beside them, from before the worker began to write. With the sockets open, the worker then writes
one task after the other without a pause; each socket has to get the event of each of its operations once.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.serving import PATIENCE_SECONDS, serving
from bench.table import Row, median, ms, p95
from bench.workplace import REPOSITORY, Hub, Missing, Workplace

NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
MOST_SECONDS = {"sqlite": 0.150, "postgres": 0.060}
SOCKETS = 500


class Taken(NamedTuple):
    """Seconds from two moments until the message was there."""

    since_commit: float
    since_begun: float


class Site(NamedTuple):
    """A hub with its web server and a person who may see everything."""

    hub: Hub
    environment: dict[str, str]
    port: int
    cookie: str


def rows(place: Workplace) -> Iterator[Row]:
    writes, burst = (30, 100) if place.quick else (150, 300)
    for database, name in NAMES.items():
        yield from _rows(place, database, name, writes, burst)
    with _redis(place) as redis:
        what = "commit in a worker -> message in a socket, SQLite with Redis"
        if redis is None:
            yield Row(what, problem="there is no redis-server on PATH")
            return
        with _site(place, "sqlite", PLANNING_SYNC_REDIS_URL=redis) as site:
            yield _latency(what, asyncio.run(_one_by_one(site, 1, writes)), None)


def _rows(place: Workplace, database: str, name: str, writes: int, burst: int) -> Iterator[Row]:
    what = f"commit in a worker -> message in a socket, {name}"
    most = MOST_SECONDS[database]
    try:
        with _site(place, database) as site:
            yield _latency(what, asyncio.run(_one_by_one(site, 1, writes)), most)
            told = f"{what}, {SOCKETS} sockets, the last of them"
            yield _latency(told, asyncio.run(_one_by_one(site, SOCKETS, writes // 3)), None)
            yield asyncio.run(_burst(site, f"{SOCKETS} sockets on one web process, {name}", burst))
    except Missing as error:
        yield Row(what, target=f"p95 under {most * 1000:.0f} ms", problem=str(error))


def _latency(what: str, taken: list[Taken], most: float | None) -> Row:
    commit = [each.since_commit for each in taken]
    begun = [each.since_begun for each in taken]
    found = f"{ms(p95(commit))} p95 (median {ms(median(commit))})"
    reference = f"{ms(p95(begun))} p95 with the write"
    if most is None:
        return Row(what, found, reference)
    return Row(what, found, reference, target=f"p95 under {most * 1000:.0f} ms", met=p95(commit) < most)


# ------------------------------------------------------------------------------------- measuring


async def _one_by_one(site: Site, count: int, writes: int) -> list[Taken]:
    """Until the last socket had the message, for each of so many writes, after three that warm up."""
    taken = []
    async with _worker(site) as worker, _sockets(site, count) as sockets:
        for number in range(writes + 3):
            answer, *_ = await asyncio.gather(worker.write(1), *(_next(socket) for socket in sockets))
            if number >= 3:
                now = time.monotonic()
                taken.append(Taken(now - answer["committed"], now - answer["begun"]))
            await asyncio.sleep(0.03 + number % 7 / 100)
    return taken


async def _burst(site: Site, what: str, writes: int) -> Row:
    async with _worker(site) as worker, _sockets(site, SOCKETS) as sockets:
        reading = [asyncio.ensure_future(_collect(socket, writes)) for socket in sockets]
        answer = await worker.write(writes)
        heard = await asyncio.wait_for(asyncio.gather(*reading), PATIENCE_SECONDS)
        seconds = time.monotonic() - answer["begun"]
        # Nothing more may come: what was sent twice would come now.
        extra = await asyncio.gather(*(_extra(socket) for socket in sockets))
    expected = Counter(answer["operations"])
    right = sum(Counter(operations) == expected for operations, _ in heard)
    messages = sum(messages for _, messages in heard)
    events = sum(len(operations) for operations, _ in heard) + sum(extra)
    told = f"{events:,} events, {right} of {SOCKETS} sockets got each of {writes} once; {messages:,} messages"
    exact = right == SOCKETS and sum(extra) == 0 and len(expected) == writes
    return Row(what, f"{told} in {seconds:.1f} s", target="every event once", met=exact)


async def _next(socket: Any) -> None:
    while not json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS)).get("events"):
        pass


async def _collect(socket: Any, count: int) -> tuple[list[str], int]:
    """The operations of so many events at least, and in how many messages they came."""
    operations: list[str] = []
    messages = 0
    while len(operations) < count:
        said = json.loads(await socket.recv())
        assert "reset" not in said, said
        operations += [event["operation"] for event in said["events"]]
        messages += 1
    return operations, messages


async def _extra(socket: Any) -> int:
    try:
        return len(json.loads(await asyncio.wait_for(socket.recv(), 1.0)).get("events", []))
    except TimeoutError:
        return 0


# ------------------------------------------------------------------------------------- processes


@contextmanager
def _site(place: Workplace, database: str, **more: str) -> Iterator[Site]:
    hub = place.hub(database)
    cookie = hub.run("bench.live:prepare")
    environment = {**hub.environment, "PLANNING_SYNC_FOLLOW": "0", **more}
    with serving(environment, hub.home / "server.log") as port:
        yield Site(hub, environment, port, cookie)


class _Worker:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def write(self, count: int) -> Any:
        """Have it change so many tasks: when it began, and its operations."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{count}\n".encode())
        return json.loads(await self._process.stdout.readline())


@asynccontextmanager
async def _worker(site: Site) -> AsyncIterator[_Worker]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.live"),
        env=site.environment,
        cwd=REPOSITORY,
        stdin=pipe,
        stdout=pipe,
        limit=1 << 24,
    )
    worker = _Worker(process)
    await worker.write(0)
    try:
        yield worker
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def _sockets(site: Site, count: int) -> AsyncIterator[list[Any]]:
    from websockets.asyncio.client import connect

    opened: list[Any] = []
    try:
        for _ in range(count):
            socket = await connect(
                f"ws://127.0.0.1:{site.port}/ws/events/",
                origin=f"http://127.0.0.1:{site.port}",  # type: ignore[arg-type]  # a str by another name
                additional_headers={"Cookie": site.cookie},
                max_size=None,
            )
            opened.append(socket)
            await socket.send('{"subscribe": ["all"]}')
            await socket.recv()
        yield opened
    finally:
        await asyncio.gather(*(socket.close() for socket in opened))


@contextmanager
def _redis(place: Workplace) -> Iterator[str | None]:
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    path = Path(place.fresh_folder("redis")) / "socket"
    words = ["--port", "0", "--unixsocket", str(path), "--save", ""]
    with subprocess.Popen([program, *words], stdout=subprocess.DEVNULL, cwd=path.parent) as running:
        try:
            while not path.exists():
                time.sleep(0.05)
            yield f"unix://{path}"
        finally:
            running.terminate()


# ------------------------------------------------------------------------------- in those processes


def prepare() -> str:
    """A plan of fifty tasks, and the cookie of an administrator who is signed in."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    from plans import services

    plan = services.create_plan("Bench", actor="bench")
    for number in range(50):
        services.add_task(plan, f"Task number {number}", actor="bench")
    browser = Client()
    browser.force_login(User.objects.create_superuser("bench"))
    return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


def work() -> None:
    """For each number on standard input: change so many tasks, and answer with a line of JSON."""
    import django

    django.setup()
    from audit import signals
    from plans import services
    from plans.models import Task

    operations: list[str] = []
    committed = 0.0

    def note(*, operation_id: Any, **_: Any) -> None:
        nonlocal committed
        committed = time.monotonic()
        operations.append(str(operation_id))

    signals.recorded.connect(note)  # called right after each commit
    tasks = list(Task.objects.order_by("pk"))
    done = [task.status == "done" for task in tasks]
    number = 0
    for line in sys.stdin:
        operations.clear()
        begun = time.monotonic()
        for _ in range(int(line)):
            number = (number + 1) % len(tasks)
            done[number] = not done[number]
            status = "done" if done[number] else "todo"
            services.set_fields(tasks[number], {"status": status}, actor="bench")
        answer = {"begun": begun, "committed": committed, "operations": operations}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    work()
