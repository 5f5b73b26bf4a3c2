"""Makes the pictures of the documentation from the sample plans, in a state folder of its own.

    .venv/bin/python deploy/screenshots.py [NAME...]     # writes docs/images/*.png

Needs Chromium or Chrome: `chromium`, `chromium-browser` or `google-chrome` on PATH, or TEST_CHROMIUM=/path.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, make_server

from playwright.sync_api import Browser, Error, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import chromium  # noqa: E402

IMAGES = ROOT / "docs" / "images"
ATTEMPTS = 5
THEMES = ("light", "dark")

Cookies = dict[str, str]


class Shot(NamedTuple):
    """A picture: where it is, how high, what is done there first, and in which themes."""

    path: str
    height: int
    first: Callable[[Page], None] | None = None
    themes: tuple[str, ...] = ("light",)
    width: int = 1200


class Sample(NamedTuple):
    """The ids of what the pictures show."""

    plan: str
    text: str
    guard: str
    edit: str
    """An operation on which newer work depends."""
    sync: str


def main() -> None:
    browser = chromium.executable()
    if not browser:
        sys.exit(chromium.MISSING)
    with tempfile.TemporaryDirectory() as folder:
        shots = pictures(prepare(Path(folder)))
        chosen = {name: shots[name] for name in sys.argv[1:] or shots}
        with_server(lambda url, cookies: take(browser, url, cookies, chosen))


def pictures(sample: Sample) -> dict[str, Shot]:
    """By the name of the file, to which the theme is added where there are several."""
    admin = "/admin/conflicts/conflict/"
    return {
        "overview": Shot("/", 1120, themes=THEMES),
        "overview-phone": Shot("/", 800, width=390),
        "plans": Shot("/plans/", 640, themes=THEMES),
        "search": Shot("/search/?q=harbour", 760, themes=THEMES),
        "audit": Shot("/audit/?kind=edit", 760, themes=THEMES),
        "performance": Shot("/performance/", 860, themes=THEMES),
        "settings": Shot("/settings/", 900, themes=THEMES),
        "keys": Shot("/settings/keys/", 640, themes=THEMES),
        "plan": Shot(f"/plans/{sample.plan}/", 920),
        "conflicts": Shot("/conflicts/", 940, themes=THEMES),
        "conflict": Shot(f"/conflicts/{sample.text}/", 1180, themes=THEMES),
        "conflict-guard": Shot(f"/conflicts/{sample.guard}/", 820, themes=THEMES),
        "conflicts-preview": Shot("/conflicts/", 900, preview, themes=THEMES),
        "operations": Shot("/operations/", 800, themes=THEMES),
        "operation": Shot(f"/operations/{sample.sync}/", 1000, themes=THEMES),
        "undo": Shot(f"/operations/{sample.sync}/undo/", 1150, themes=THEMES),
        "undo-dependents": Shot(f"/operations/{sample.edit}/undo/", 520, themes=THEMES),
        "history": Shot(f"/plans/{sample.plan}/history/", 640, themes=THEMES),
        "history-difference": Shot(
            f"/plans/{sample.plan}/history/difference/?operation={sample.sync}", 960, themes=THEMES
        ),
        "bin": Shot("/bin/", 520, themes=THEMES),
        "automatic": Shot("/conflicts/automatic/", 520, themes=THEMES),
        "admin-conflicts": Shot(admin, 760, themes=THEMES, width=1440),
        "admin-conflict": Shot(f"{admin}{sample.text}/change/", 1150, themes=THEMES, width=1440),
    }


def preview(page: Page) -> None:
    for box in page.locator("[name=chosen]").all():
        box.check()
    page.select_option("#act", "take_replica")
    page.get_by_role("button", name="Preview").click()


def prepare(folder: Path) -> Sample:
    """Import a copy of the sample plans, with conflicts among them."""
    os.environ.update(
        PLANNING_SYNC_HOME=str(folder / "state"),
        DJANGO_SETTINGS_MODULE="planning_sync.settings",
        PLANNING_SYNC_LOG_LEVEL="ERROR",
        PLANNING_SYNC_FOLLOW="0",
        # Playwright runs a loop in this thread, in which Django would rather not work.
        DJANGO_ALLOW_ASYNC_UNSAFE="1",
    )
    for name in ("DATABASE_URL", "DATABASE_URL_FILE"):
        os.environ.pop(name, None)
    import django

    django.setup()
    from django.core.management import call_command

    from audit.models import Entry
    from conflicts.models import Conflict
    from planning_sync.search import records
    from planning_sync.sync import services as sync
    from planning_sync.sync.passes import Options

    call_command("migrate", verbosity=0)
    copy = folder / "plans"
    shutil.copytree(ROOT / "samples" / "plans", copy)
    row = sync.add_replica(copy, actor="setup", name="tidewatch")
    sync.sync_replica(row, Options(actor="setup"))
    edit_hub()
    edit_files(copy)
    sync.sync_replica(row, Options(actor="setup"))
    edit = work_on()
    sync.sync_replica(row, Options(actor="setup"))
    weeks_before(row)
    records.follow()
    return Sample(
        plan=str(Conflict.objects.get(field="assignee").plan_id),
        text=str(Conflict.objects.get(field="text").pk),
        guard=str(Conflict.objects.get(field="guard").pk),
        edit=edit,
        sync=str(Entry.objects.get(action=Entry.Action.DECIDED).operation_id),
    )


HUB_EDITS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Show the page on the screen at the harbour office", {"assignee": "design"}),
    ("Send a warning two hours before low water", {"text": "Send a warning one hour before low water"}),
    ("Buy a second gauge for the test bench", {"status": "done"}),
    ("A map of all of them", {"priority": "high"}),
    ("By e-mail", {"due": "2026-05-15"}),
    (
        "Compare a year of forecasts with what really came",
        {"text": "Compare a whole year of forecasts with what really came"},
    ),
)
FILE_EDITS = (
    ("office #assigned:frontend", "office #assigned:backend"),
    ("Send a warning two hours before low water", "Send a warning three hours before low water, once"),
    ("- [!] **2.1.3**", "- [-] **2.1.3**"),
    ("#priority:low #tags:map", "#priority:medium #tags:map"),
    ("#due:2026-04-30", "#due:2026-06-01"),
    ("with what really came", "with what really came, gauge by gauge"),
)


def edit_hub() -> None:
    from plans import services as plans
    from plans.models import Task

    for text, fields in HUB_EDITS:
        plans.set_fields(Task.objects.get(text=text), fields, actor="olive")


def work_on() -> str:
    """Something for the bin, and one edit on another, whose id comes back."""
    from audit.models import Operation
    from plans import services as plans
    from plans.models import Task

    def page() -> Task:
        return Task.objects.get(text="One page for each harbour")

    plans.delete(Task.objects.get(text="An application for phones"), actor="olive")
    plans.set_fields(page(), {"status": "in_progress"}, actor="olive")
    first = Operation.objects.latest("started_at")
    plans.set_fields(page(), {"status": "done"}, actor="admin")
    return str(first.pk)


def weeks_before(row: Any) -> None:
    """What charts show of the time before: the tasks done little by little, and syncs that followed."""
    from datetime import timedelta

    from django.utils import timezone

    from audit.models import Operation
    from planning_sync.dashboard.models import ProgressDay
    from plans.models import Plan

    now = timezone.now()
    for plan in Plan.objects.live():
        ProgressDay.objects.filter(plan_id=plan.pk).delete()
        first = now.date() - timedelta(days=24)
        days = [ProgressDay(plan_id=plan.pk, date=first, tasks=plan.task_count, done=0)]
        days += [
            ProgressDay(plan_id=plan.pk, date=first + timedelta(days=3 * number + 2), tasks=0, done=1)
            for number in range(plan.done_count)
        ]
        ProgressDay.objects.bulk_create(days)
    ends = (Operation.Status.DONE, Operation.Status.DONE, Operation.Status.CONFLICTS, Operation.Status.DONE)
    for number in range(90):
        at = now - timedelta(hours=6 * number + 7 * (number % 5), minutes=11)
        Operation.objects.create(
            kind=Operation.Kind.SYNC,
            actor="schedule",
            replica_id=row.pk,
            status=Operation.Status.FAILED if number % 31 == 30 else ends[number % 4],
            started_at=at,
            finished_at=at + timedelta(milliseconds=40 + number * 37 % 160),
        )


def edit_files(folder: Path) -> None:
    file = folder / "roadmap.md"
    text = file.read_text(encoding="utf-8")
    for old, new in FILE_EDITS:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    (folder / "release-1.2.md").write_text("", encoding="utf-8")
    # A file that was just written is believed only a little later.
    for each in (file, folder / "release-1.2.md"):
        found = each.stat()
        os.utime(each, ns=(found.st_atime_ns, found.st_mtime_ns - 60 * 10**9))


def with_server(act: Callable[[str, Cookies], None]) -> None:
    """Serve the pages while `act` runs, which gets their address and the cookies of an administrator."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from planning_sync.wsgi import application

    client = Client()
    client.force_login(get_user_model().objects.create_superuser("admin"))
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    with make_server("127.0.0.1", 0, application, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            act(f"http://127.0.0.1:{server.server_port}", cookies)
        finally:
            server.shutdown()
            thread.join()


class Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named so by its base
        """Say nothing: the pictures are the answer."""


def take(executable: str, url: str, cookies: Cookies, shots: dict[str, Shot]) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(chromium.ARGUMENTS))
        for name, shot in shots.items():
            for theme in shot.themes:
                file = IMAGES / f"{name}{'-dark' if theme == 'dark' else ''}.png"
                picture(browser, url, cookies, shot, theme, file)
                print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1024} kB")
        browser.close()


def picture(browser: Browser, url: str, cookies: Cookies, shot: Shot, theme: str, file: Path) -> None:
    size = {"width": shot.width, "height": shot.height}
    context = browser.new_context(viewport=size, color_scheme=theme, locale="en-GB")  # type: ignore[arg-type]
    context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
    page = context.new_page()
    page.goto(url + shot.path)
    if shot.first is not None:
        shot.first(page)
    capture(page, file)
    context.close()


def capture(page: Page, file: Path) -> None:
    """Chromium now and then cannot capture a page on a busy machine, and can a moment later."""
    for _ in range(ATTEMPTS - 1):
        try:
            page.screenshot(path=file)
            return
        except Error:
            page.wait_for_timeout(500)
    page.screenshot(path=file)


if __name__ == "__main__":
    main()
