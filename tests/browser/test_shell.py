"""The frame of the pages and the pages of the house, in a real browser: keys, themes, live, no JavaScript."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import override_settings
from playwright.sync_api import Page, WebSocketRoute, expect

from audit import services as audit
from audit.models import Operation
from tests.browser.conftest import Site, showing
from tests.browser.test_arbitration import violations

MOST_BYTES = 150_000
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.once


def test_places_rows_and_the_search_are_reached_by_keys(site: Site) -> None:
    page = site.person("olive", "arbiter")
    page.clock.set_fixed_time(NOW)  # the second key has to follow the first one soon
    page.goto("/conflicts/")
    press(page, "g", "p")
    showing(page, "Plans")
    page.keyboard.press("/")
    expect(page.get_by_label("Title or path")).to_be_focused()
    page.keyboard.type("launch")
    expect(page).to_have_url(re.compile(r"q=launch$"))
    expect(page.locator("[data-open-row]")).to_have_text(["Launch"])
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    showing(page, "Launch")
    press(page, "g", "o")
    showing(page, "Overview")
    page.keyboard.press("/")
    page.keyboard.type("tag")
    page.keyboard.press("Enter")
    showing(page, "Search")
    expect(page).to_have_url(re.compile(r"/search/\?q=tag"))
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Performance")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_the_table_follows_what_is_typed_and_keeps_the_focus(site: Site) -> None:
    site.desk.write("other.md", "# Other\n\n- [ ] One\n")
    site.desk.try_sync()
    page = site.person("olive", "arbiter")
    page.goto("/plans/")
    expect(page.locator("[data-open-row]")).to_have_text(["Launch", "Other"])
    page.get_by_label("Title or path").press_sequentially("oth")
    expect(page.locator("[data-open-row]")).to_have_text(["Other"])
    expect(page.get_by_label("Title or path")).to_be_focused()
    page.reload()
    expect(page.locator("[data-open-row]")).to_have_text(["Other"])


def test_the_theme_changes_at_once_and_is_there_after_a_reload(site: Site) -> None:
    page = site.person("olive", "arbiter", color_scheme="light")
    page.goto("/plans/")
    light = background(page)
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = background(page)
    assert dark != light
    page.reload()
    assert background(page) == dark
    page.get_by_role("button", name="As the system").click()
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")
    assert background(page) == light


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_the_core_paths_work_without_javascript(site: Site) -> None:
    page = site.person("olive", "arbiter", java_script_enabled=False, viewport={"width": 400, "height": 800})
    page.goto("/")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Plans", exact=True).click()
    page.get_by_label("Title or path").fill("launch")
    page.get_by_label("Sync").select_option("with open conflicts")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile(r"q=launch.*state=conflicts"))
    page.get_by_role("link", name="3 open conflicts in Launch").click()
    expect(page.locator("[data-open-row]")).to_have_count(3)
    page.goto("/audit/")
    page.get_by_label("What").select_option("conflict opened")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("[data-open-row]")).to_have_count(3)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page).to_have_url(re.compile(r"/audit/\?"))
    page.goto("/settings/")
    page.get_by_label("First name").fill("Olive")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()


# ------------------------------------------------------------------------------------------- live


class Line:
    """What the sockets of a page go over: it can be cut, and mended."""

    def __init__(self, page: Page) -> None:
        self.is_cut = False
        self._open: list[WebSocketRoute] = []
        page.route_web_socket(re.compile("/ws/events/"), self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        if self.is_cut:
            socket.close(code=1001)
            return
        socket.connect_to_server()
        self._open.append(socket)

    def cut(self) -> None:
        self.is_cut = True
        while self._open:
            self._open.pop().close(code=1001)


def test_the_overview_is_live_and_misses_nothing_over_a_lost_connection(live_site: Site) -> None:
    page = live_site.person("olive", "arbiter")
    line = Line(page)
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("data-connection", "online")
    assert shifts(page) < 0.01
    assert transferred(page) < MOST_BYTES

    with override_settings(PLANNING_SYNC_FOLLOW=False):
        live_site.desk.set("Choose a date", assignee="Bo")
        expect(page.locator("#activity")).to_contain_text("assigned to: empty → Bo")
        expect(page.locator("#replicas")).to_contain_text("1 plan behind")

    operation = audit.begin(Operation.Kind.SYNC, actor="schedule")
    expect(page.get_by_text("Running now")).to_be_visible()
    Operation.objects.filter(pk=operation.pk).update(summary={"progress": {"done": 3, "total": 12}})
    expect(page.locator(f"progress[data-operation='{operation.pk}']")).to_have_js_property("value", 3)
    expect(page.get_by_text("3 / 12")).to_be_visible()
    audit.finish(operation, Operation.Status.DONE)
    expect(page.get_by_text("Running now")).to_be_hidden()

    with override_settings(PLANNING_SYNC_FOLLOW=False):
        line.cut()
        expect(page.get_by_text("Connection lost.")).to_be_visible()
        assert not violations(page, "without a connection")
        live_site.desk.set("Tag the version", status="done")
        live_site.desk.edit("launch.md", "- [ ] Tag", "- [-] Tag")
    live_site.desk.sync()
    expect(page.locator("#activity")).not_to_contain_text("status: to do → done")
    line.is_cut = False
    page.evaluate("dispatchEvent(new Event('online'))")
    # It is said for a few seconds; the pause before the next attempt may be half a minute.
    expect(page.get_by_text("Connected again")).to_be_visible()
    expect(page.locator(".toast")).to_contain_text("A new conflict waits")
    expect(page.locator("#activity")).to_contain_text("to do → done")
    expect(page).to_have_title(re.compile(r"^\(4\) Overview"))
    expect(page.locator("#waiting")).to_have_text("4")
    assert len(loads) == 1, "the page was loaded again"


def shifts(page: Page) -> float:
    """How far things moved while the page was built up, as browsers score it."""
    script = """() => new Promise((done) => {
        new PerformanceObserver((list) => done(list.getEntries().reduce((sum, each) => sum + each.value, 0)))
            .observe({ type: "layout-shift", buffered: true });
        setTimeout(() => done(0), 200);
    })"""
    return float(page.evaluate(script))


def transferred(page: Page) -> int:
    """Bytes of the page and of all that belongs to it."""
    script = """() => ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type))
        .reduce((sum, each) => sum + each.transferSize, 0)"""
    return int(page.evaluate(script))
