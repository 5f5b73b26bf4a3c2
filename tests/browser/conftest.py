"""A real browser on a real server over real plans; on SQLite only, since no page differs by database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser import chromium
from tests.planning_sync.live.server import Server
from tests.planning_sync.sync.workbench import Workbench
from tests.waiting import PATIENCE_SECONDS, until

PATIENCE_MS = PATIENCE_SECONDS * 1000

PLAN = """# Launch

## Release

- [ ] Tag the version #priority:low
- [ ] Choose a date #due:2026-05-01
- [ ] Tell the press two days before
"""


@pytest.fixture(scope="session")
def chrome(pytestconfig: pytest.Config) -> Iterator[Browser]:
    executable = chromium.executable()
    if not executable:
        if os.environ.get("CI"):
            pytest.fail(chromium.MISSING)
        pytest.skip(chromium.MISSING)
    if pytestconfig.getoption("postgres"):
        pytest.skip("the browser tests run on SQLite: pages do not differ by database")
    # Playwright runs a loop in this thread, and Django would refuse to work beside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    expect.set_options(timeout=PATIENCE_MS)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=list(chromium.ARGUMENTS))
            yield browser
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Site:
    """The server with its plans, and people in front of their browsers."""

    url: str
    desk: Workbench
    chrome: Browser
    contexts: list[BrowserContext]

    def person(self, name: str, role: str, *, staff: bool = False, **options: Any) -> Page:
        """The empty page of somebody who is signed in."""
        user = User.objects.create_user(name, is_staff=staff)
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        context = self.chrome.new_context(base_url=self.url, locale="en-GB", **options)
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies(
            [
                {"name": name, "value": morsel.value, "url": self.url}
                for name, morsel in client.cookies.items()
            ]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def __post_init__(self) -> None:
        self.errors: list[str] = []

    def wait_for(self, text: str) -> None:
        """Until the file says so: the server that people run writes it after its answer."""
        until(lambda: text in self.desk.read("launch.md"), told=lambda: self.desk.read("launch.md"))


def with_conflicts(folder: Path, settings: Any) -> Workbench:
    """Three conflicts in launch.md: a priority, a date and a text. Decisions are synced at once."""
    settings.PLANNING_SYNC_FOLLOW = False
    desk = Workbench.at(folder)
    desk.write("launch.md", PLAN)
    desk.sync()
    desk.set("Tag the version", priority="high")
    desk.set("Choose a date", due="2026-06-01")
    desk.set("Tell the press two days before", text="Tell the press one day before")
    desk.edit("launch.md", "#priority:low", "#priority:medium")
    desk.edit("launch.md", "2026-05-01", "2026-07-01")
    desk.edit("launch.md", "two days before", "three days before")
    desk.sync()
    assert [row[0] for row in desk.conflicts()] == ["due", "priority", "text"]
    settings.PLANNING_SYNC_FOLLOW = True
    return desk


def showing(page: Page, heading: str) -> Page:
    """The page, once it has that heading and its scripts listen: a key before that is lost."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    page.wait_for_load_state()
    return page


def left(site: Site) -> None:
    for context in site.contexts:
        context.close()
    assert not site.errors, "a script of the page failed"


@pytest.fixture
def site(chrome: Browser, live_server: Any, tmp_path: Path, settings: Any) -> Iterator[Site]:
    """The pages without sockets: what is new is asked for now and then."""
    site = Site(live_server.url, with_conflicts(tmp_path / "plans", settings), chrome, [])
    yield site
    left(site)


@pytest.fixture
def live_site(chrome: Browser, transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[Site]:
    """The server that people run, sockets and all, in a process of its own."""
    server = Server(tmp_path / "said")
    try:
        url = f"http://127.0.0.1:{server.port}"
        site = Site(url, with_conflicts(tmp_path / "plans", settings), chrome, [])
        yield site
        left(site)
    finally:
        server.stop()
