"""What the pages take: of the server, over the wire, and in a browser.

A hub of 100,000 tasks in 1,000 plans that was worked on: thousands of edits in its log, plans that wait for
their sync. One server answers the pages and, in turns with them, a bare view of `bench.bare` that runs one
query and dumps it, which tells what the machine was like. A page joins with its line in `PAGES`.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench import large_plan
from bench.serving import serving
from bench.table import Row, median, ms, p95
from bench.workplace import DATABASES, Hub, Missing, Workplace, plans_of

NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
PLANS, TASKS = 1_000, 100_000
TASKS_OF_ONE = 1_000
EDITS, SYNCS = 4_000, 2_000
MOST_SECONDS = 0.1
MOST_BYTES = 150_000
LARGEST_PAINT_SECONDS = 1.0
MOST_SHIFT = 0.01
_SERVER_TARGET = "p95 under 100 ms"
_BROWSER_TARGET = "under 150 kB, largest paint under 1 s, no shift"


class Page(NamedTuple):
    what: str
    path: str
    """With `{plan}` for the id of a plan."""
    first_load: bool = False
    """Whether it is opened in a browser as well."""
    own_text: bool = False
    """Whether it brings the text of a plan, which is told apart from the rest."""


PAGES = (
    Page("Overview", "/", first_load=True),
    Page("Plans", "/plans/", first_load=True),
    Page("Plans by conflicts, page 15", "/plans/?sort=-conflicts&page=15"),
    Page("Plans with tasks of somebody", "/plans/?assignee=alice"),
    Page(f"Plan of {TASKS_OF_ONE:,} tasks", "/plans/{plan}/", first_load=True, own_text=True),
    Page("What changed in it", "/plans/{plan}/?since={entry}"),
    Page("Its document", "/plans/{plan}/document/", first_load=True, own_text=True),
    Page("Its board", "/plans/{plan}/board/", first_load=True, own_text=True),
    Page("Its timeline", "/plans/{plan}/timeline/", first_load=True, own_text=True),
    Page("Its dependencies", "/plans/{plan}/graph/", first_load=True, own_text=True),
    Page("Its validation", "/plans/{plan}/validation/", first_load=True, own_text=True),
    Page("Conflicts", "/conflicts/"),
    Page("Operations", "/operations/", first_load=True),
    Page("Search", "/search/?q=cache", first_load=True),
    Page("Audit", "/audit/", first_load=True),
    Page("Audit of one person", "/audit/?actor=olive"),
    Page("Audit of a day", "/audit/?since=2000-01-01&until=2000-01-02"),
    Page("Performance", "/performance/", first_load=True),
    Page("Settings", "/settings/", first_load=True),
)


def rows(place: Workplace) -> Iterator[Row]:
    for database in DATABASES:
        try:
            yield from _measured(place, database)
        except Missing as error:
            for page in PAGES:
                yield Row(f"{page.what}, {NAMES[database]}", target=_SERVER_TARGET, problem=str(error))
    yield from large_plan.rows(place)


def _measured(place: Workplace, database: str) -> Iterator[Row]:
    times = 20 if place.quick else 60
    source = place.scale(PLANS, TASKS)
    with place.dropping(place.hub(database)) as hub:
        folder = place.copy(plans_of(source), source)
        facts = hub.run("bench.pages:fill", folder=str(folder), edits=EDITS, syncs=SYNCS)
        with serving(_environment(hub), hub.home / "server.log") as port:
            for page in PAGES:
                yield _of_server(port, facts, page, times, NAMES[database])
            if database == "sqlite":  # what a browser does with a page does not differ by database
                yield from _in_browser(port, facts)


def _environment(hub: Hub) -> dict[str, str]:
    return {**hub.environment, "DJANGO_SETTINGS_MODULE": "bench.bare_settings", "PLANNING_SYNC_FOLLOW": "0"}


# ------------------------------------------------------------------------------------- the server


def _of_server(port: int, facts: dict[str, str], page: Page, times: int, name: str) -> Row:
    path = page.path.format(**facts)
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(3):
        _taken(port, facts["cookie"], path)
    for _ in range(times):
        ours.append(_taken(port, facts["cookie"], path))
        bare.append(_taken(port, facts["cookie"], "/bare/plans"))
    told = f"p95 {ms(p95(ours))}, median {ms(median(ours))}"
    ratio = f"{p95(ours) / p95(bare):.1f}"
    return Row(
        f"{page.what}, {name}",
        told,
        f"p95 {ms(p95(bare))} (bare view)",
        ratio,
        _SERVER_TARGET,
        p95(ours) < MOST_SECONDS,
    )


def _taken(port: int, cookie: str, path: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    started = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": cookie, "Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    answer.read()
    taken = time.perf_counter() - started
    connection.close()
    assert answer.status == 200, (path, answer.status)
    return taken


# ------------------------------------------------------------------------------------ the browser

_PAINT = """() => new Promise((done) => {
    const seen = { paint: 0, shift: 0 };
    new PerformanceObserver((list) => { seen.paint = list.getEntries().at(-1).startTime; })
        .observe({ type: "largest-contentful-paint", buffered: true });
    new PerformanceObserver((list) => { for (const each of list.getEntries()) seen.shift += each.value; })
        .observe({ type: "layout-shift", buffered: true });
    setTimeout(() => {
        seen.bytes = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type))
            .reduce((sum, each) => sum + each.transferSize, 0);
        seen.document = performance.getEntriesByType("navigation")[0].transferSize;
        done(seen);
    }, 500);
})"""


def _in_browser(port: int, facts: dict[str, str]) -> Iterator[Row]:
    """Each in a browser that has seen none of it before."""
    from playwright.sync_api import sync_playwright

    from tests.browser import chromium

    pages = [page for page in PAGES if page.first_load]
    executable = chromium.executable()
    if not executable:
        for page in pages:
            yield Row(f"{page.what}, first load", target=_BROWSER_TARGET, problem=chromium.MISSING)
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(chromium.ARGUMENTS))
        for page in pages:
            context = large_plan.signed_in(browser, port, facts["cookie"])
            tab = context.new_page()
            tab.goto(page.path.format(**facts))
            yield judged(page.what, tab.evaluate(_PAINT), own_text=page.own_text)
            context.close()
        browser.close()


def judged(what: str, seen: dict[str, float], *, own_text: bool = False) -> Row:
    """A row from the milliseconds to the largest paint, the score of the shifts, and the bytes.

    `seen["document"]` is how many of the bytes are those of the page itself: of a plan, its text.
    """
    weight = seen["bytes"] - (seen["document"] if own_text else 0)
    met = weight < MOST_BYTES and seen["paint"] / 1000 < LARGEST_PAINT_SECONDS and seen["shift"] < MOST_SHIFT
    text = f" and {seen['document'] / 1000:.0f} kB of the plan" if own_text else ""
    told = f"{weight / 1000:.0f} kB{text}, paint after {seen['paint']:.0f} ms, shift {seen['shift']:.3f}"
    return Row(f"{what}, first load", told, target=_BROWSER_TARGET, met=met)


# ------------------------------------------------------------------------------- in another process


def fill(folder: str, edits: int, syncs: int) -> dict[str, Any]:
    """The hub synced with the folder and worked on; a cookie that lets in, and a plan."""
    from planning_sync.search import records
    from planning_sync.sync import services
    from planning_sync.sync.passes import Options
    from plans.models import Task

    large_plan.written(Path(folder) / "large.md", "The large one", TASKS_OF_ONE, 20)
    report = services.sync_replica(services.add_replica(Path(folder), actor="bench"), Options(actor="bench"))
    assert not report.errors, report.errors
    assert abs(Task.objects.count() - TASKS) < TASKS / 50, Task.objects.count()
    _work(edits, syncs)
    records.follow()  # as the embedder has, which is away here
    return {"cookie": large_plan.cookie_of("olive"), **_large()}


def _large() -> dict[str, str]:
    """The plan with that many tasks, and the entry before the last edit of it."""
    from audit.models import Entry
    from plans import services as plans
    from plans.models import Plan

    plan = Plan.objects.get(title="The large one")
    entry = Entry.objects.filter(plan_id=plan.pk).order_by("-id")[0].pk
    plans.set_fields(plan.tasks.all()[500], {"status": "blocked"}, actor="olive")
    return {"plan": str(plan.pk), "entry": str(entry)}


def _work(edits: int, syncs: int) -> None:
    """Months of it: edits of tasks by people, and syncs that followed, in the log as services write them."""
    from datetime import timedelta

    from django.utils import timezone

    from audit import services as audit
    from audit.models import Entry, Operation
    from audit.services import Note
    from audit.transactions import write_transaction
    from planning_sync.sync.models import Replica
    from plans import services as plans
    from plans.models import Task

    replica = Replica.objects.get()
    tasks = list(Task.objects.order_by("pk").values_list("pk", "plan_id")[:: TASKS // edits])[:edits]
    now = timezone.now()
    with write_transaction():
        for number, (task_id, plan_id) in enumerate(tasks):
            note = Note(Entry.Action.CHANGED, plan_id, "task", task_id, "status", "todo", "done")
            audit.note_done(Operation.Kind.EDIT, [note], actor=("olive", "bo", "tess")[number % 3])
        for number in range(syncs):
            at = now - timedelta(hours=number / 3)
            Operation.objects.create(
                kind=Operation.Kind.SYNC,
                actor="schedule",
                replica_id=replica.pk,
                status=(Operation.Status.DONE, Operation.Status.FAILED)[number % 50 == 0],
                started_at=at,
                finished_at=at + timedelta(milliseconds=50 + number % 200),
            )
    for task in Task.objects.filter(pk__in=[task_id for task_id, _plan in tasks[:100]]):
        plans.set_fields(task, {"assignee": "alice"}, actor="olive")
