"""The page of a plan of 5,000 tasks in a browser: its longest task of the main thread while it is used.

Beside it, in the same browser, a bare page of the same rows as plain <details> and lists, without any script
or style of ours, which is used in the same way: it tells what the machine was like. Both by the clock and by
the time of the processor, from a trace of the browser; what drives the browser is not counted. Then the time
from an edit in the file of a usual plan, with a watcher in another process, until the open page shows it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.serving import serving
from bench.table import Row, median, ms, p95
from bench.workplace import REPOSITORY, Hub, Workplace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

TASKS = 5_000
USUAL = "usual"
TASKS_OF_USUAL = 1_000
SHAPES = {"in 250 phases": 20, "in one list": TASKS}
LONGEST_SECONDS = 0.050
SEEN_SECONDS = 1.0
EDITS = 30
WHEEL_PX = 800
PATIENCE_MS = 120_000
_TARGET = "no task over 50 ms"
_SEEN_TARGET = "p95 under 1 s"
_TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(scrollY))))"
_MIDDLE = """() => {
    const all = document.querySelectorAll("#tree .box, li > input");
    return all[all.length >> 1];
}"""


def rows(place: Workplace) -> Iterator[Row]:
    from tests.browser import chromium

    executable = chromium.executable()
    if not executable:
        yield Row(f"a plan of {TASKS:,} tasks in a browser", target=_TARGET, problem=chromium.MISSING)
        return
    from playwright.sync_api import sync_playwright

    folder = place.fresh_folder("large")
    for name, phase in SHAPES.items():
        written(folder / f"{phase}.md", name, TASKS, phase)
    written(folder / f"{USUAL}.md", USUAL, TASKS_OF_USUAL, 20)
    with place.dropping(place.hub("sqlite")) as hub:
        facts = hub.run("bench.large_plan:fill", folder=str(folder))
        with (
            serving(hub.environment, hub.home / "server.log") as port,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=executable, args=list(chromium.ARGUMENTS))
            context = signed_in(browser, port, facts["cookie"])
            for name, phase in SHAPES.items():
                yield from _used(browser, context, name, phase, facts[name])
            with _watching(hub):
                yield _seen(context, facts[USUAL], folder / f"{USUAL}.md")
            browser.close()


def written(path: Path, title: str, tasks: int, phase: int) -> None:
    """A plan of so many tasks, so many in a phase: fields, dependencies and dates here and there."""
    lines = [f"# {title}", ""]
    for number in range(tasks):
        part, rank = divmod(number, phase)
        if not rank:
            lines += ["", f"## {part + 1}. Part {part + 1}", ""]
        more = f" #depends:{part + 1}.{rank} #due:2026-{1 + number % 12:02}-15" * (rank % 5 == 4)
        box = f"{'  ' * (rank % 3 == 2)}- [{' x~'[number % 3]}]"
        lines.append(f"{box} **{part + 1}.{rank + 1}** Do thing {number}{more} #duration:3d")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def signed_in(browser: Browser, port: int, cookie: str) -> BrowserContext:
    """One that has seen nothing before."""
    context = browser.new_context(base_url=f"http://127.0.0.1:{port}")
    context.set_default_timeout(PATIENCE_MS)
    name, _, value = cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{port}"}])
    return context


# -------------------------------------------------------------------------------------- long tasks


class Longest(NamedTuple):
    """In seconds, of all tasks of the main thread."""

    clock: float
    processor: float

    def told(self) -> str:
        return f"{ms(self.clock)} ({ms(self.processor)} of CPU)"


def _used(browser: Browser, context: BrowserContext, name: str, phase: int, plan: str) -> Iterator[Row]:
    ours, bare = context.new_page(), context.new_page()
    ours.goto(f"/plans/{plan}/")
    bare.set_content(_bare(phase))
    acts = OURS if phase < TASKS else {what: OURS[what] for what in ("scroll", "tick")}
    for what, act in acts.items():
        found = _longest(browser, ours, act)
        reference = _longest(browser, bare, BARE.get(what, act))
        yield judged(f"{what}, {TASKS:,} tasks {name}", found, reference)
    for page in (ours, bare):
        page.close()


def judged(what: str, found: Longest, reference: Longest) -> Row:
    ratio = f"{found.processor / reference.processor:.1f}" if reference.processor else "-"
    met = found.clock < LONGEST_SECONDS
    return Row(what, found.told(), f"{reference.told()} (bare page)", ratio, _TARGET, met)


def _longest(browser: Browser, page: Page, act: Callable[[Page], None]) -> Longest:
    page.bring_to_front()
    page.evaluate("scrollTo(0, 0)")
    _rest(page)
    browser.start_tracing(page=page, categories=["toplevel"])
    act(page)
    _rest(page)
    return longest_of(json.loads(browser.stop_tracing())["traceEvents"])


def longest_of(events: list[dict[str, Any]]) -> Longest:
    """Of the busiest page in the trace, without the tasks in which Playwright asks something of it."""
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    spans = [event for event in events if event.get("ph") == "X" and (event["pid"], event["tid"]) in mains]
    tasks = [event for event in spans if event["name"] == "ThreadControllerImpl::RunTask"]
    asked = [(event["pid"], event["ts"]) for event in spans if _is_asked(event)]
    busy: dict[int, int] = {}
    for task in tasks:
        busy[task["pid"]] = busy.get(task["pid"], 0) + task.get("tdur", 0)
    page = max(busy, key=lambda pid: busy[pid])
    own = [
        task
        for task in tasks
        if task["pid"] == page
        and not any(pid == page and task["ts"] <= at <= task["ts"] + task["dur"] for pid, at in asked)
    ]
    return Longest(*(max(task.get(name, 0) for task in own) / 1e6 for name in ("dur", "tdur")))


def _is_asked(event: Mapping[str, Any]) -> bool:
    told = event.get("args", {}).get("chrome_mojo_event_info", {})
    return bool(told.get("mojo_interface_tag") == "blink.mojom.DevToolsSession")


def _rest(page: Page) -> None:
    """Until what was begun is painted."""
    page.evaluate("new Promise((done) => setTimeout(done, 500))")
    page.evaluate(_TWO_FRAMES)


def _press(selector: str) -> Callable[[Page], None]:
    def press(page: Page) -> None:
        place = page.locator(selector).first.bounding_box()
        assert place is not None, selector
        page.mouse.click(place["x"] + min(300, place["width"] / 2), place["y"] + 12)

    return press


def _unfold_all(page: Page) -> None:
    _press("[data-fold=none]")(page)
    page.locator("#tree .lazy").first.wait_for(state="detached")
    while page.locator("#tree .lazy").count():
        page.locator("#tree .lazy").first.wait_for(state="detached")


def _scroll(page: Page) -> None:
    page.mouse.move(400, 400)
    at, before = 0.0, -1.0
    while at != before:
        page.mouse.wheel(0, WHEEL_PX)
        before, at = at, page.evaluate(_TWO_FRAMES)


def _tick(page: Page) -> None:
    """A box in the middle, brought into view from the top."""
    element = page.evaluate_handle(_MIDDLE).as_element()
    assert element is not None
    element.evaluate("(box) => box.scrollIntoView({ block: 'center' })")
    _rest(page)
    place = element.bounding_box()
    assert place is not None
    page.mouse.click(place["x"] + 5, place["y"] + 5)
    _rest(page)


OURS: Mapping[str, Callable[[Page], None]] = {
    "fold a phase": _press("summary"),
    "unfold it": _press("summary"),
    "unfold all": _unfold_all,
    "scroll": _scroll,
    "tick": _tick,
    "fold all": _press("[data-fold=all]"),
    "unfold all again": _unfold_all,
}
BARE: Mapping[str, Callable[[Page], None]] = {
    "unfold all": _press("#open"),
    "fold all": _press("#close"),
    "unfold all again": _press("#open"),
}


def _bare(phase: int) -> str:
    """The same rows; its buttons fold and unfold all of them at once."""
    parts = ["<!doctype html>", _all("close", "false"), _all("open", "true")]
    for start in range(0, TASKS, phase):
        rows = (f"<li><input type=checkbox> Do thing {start + rank}" for rank in range(phase))
        title = f"<summary>Part {start // phase + 1}</summary>"
        parts.append(f"<details open>{title}<ul>{''.join(rows)}</ul></details>")
    return "".join(parts)


def _all(name: str, value: str) -> str:
    each = f"for (const each of document.querySelectorAll('details')) each.open = {value}"
    return f'<button id="{name}" onclick="{each}">{name}</button>'


# ----------------------------------------------------------------------------- an edit in the file

_AWAIT = """(words) => { window.seenAt = new Promise((done) => {
    new MutationObserver((_, observer) => { observer.disconnect(); done(Date.now() / 1000); })
        .observe(words.closest("li"), { subtree: true, childList: true, characterData: true });
}); }"""


def _seen(context: BrowserContext, plan: str, path: Path) -> Row:
    """From before the file is replaced until the page that shows it has changed."""
    page = context.new_page()
    page.goto(f"/plans/{plan}/")
    page.locator("html[data-connection=online]").wait_for()
    taken = []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    undone = [number for number, line in enumerate(lines) if line.startswith("- [ ] ")]
    for number in undone[: EDITS + 3]:
        title = lines[number].split("**")[2].split(" #")[0]
        page.locator("#tree .words", has_text=re.compile(f"{title}$")).evaluate(_AWAIT)
        lines[number] = lines[number].replace("- [ ] ", "- [x] ")
        begun = time.time()
        path.write_text("".join(lines), encoding="utf-8")
        taken.append(page.evaluate("window.seenAt") - begun)
        time.sleep(0.2 + number % 7 / 20)
    page.close()
    taken = taken[3:]
    told = f"p95 {ms(p95(taken))}, median {ms(median(taken))}"
    what = f"an edit in the file of {TASKS_OF_USUAL:,} tasks -> seen in the open page"
    return Row(what, told, target=_SEEN_TARGET, met=p95(taken) < SEEN_SECONDS)


@contextmanager
def _watching(hub: Hub) -> Iterator[None]:
    words = [sys.executable, "manage.py", "watch", "--json"]
    with subprocess.Popen(
        words, env=hub.environment, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as watcher:
        try:
            assert watcher.stdout is not None
            watcher.stdout.readline()
            time.sleep(2.0)
            yield
        finally:
            watcher.terminate()
            watcher.wait(20)


# ------------------------------------------------------------------------------- in another process


def fill(folder: str) -> dict[str, str]:
    """The hub synced with the folder: the ids of the plans by their titles, and a cookie that lets in."""
    from planning_sync.sync import services
    from planning_sync.sync.passes import Options
    from plans.models import Plan

    report = services.sync_replica(services.add_replica(Path(folder), actor="bench"), Options(actor="bench"))
    assert not report.errors, report.errors
    return {"cookie": cookie_of("olive"), **{plan.title: str(plan.pk) for plan in Plan.objects.all()}}


def cookie_of(name: str) -> str:
    """That of a new administrator who is signed in."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.create_superuser(name))
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
