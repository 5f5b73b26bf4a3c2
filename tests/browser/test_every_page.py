"""Every page there is, over a hub with all in it: nobody is kept out, in either theme, on any screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from conflicts.models import Conflict
from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_arbitration import overflows, violations
from tests.showcase import hub, people
from tests.showcase import pages as showcase
from tests.showcase.pages import Who

WIDTHS = (360, 768, 1280, 2560)
DAYS = 2
NOT_OURS = {"api"}
"""Drawn by a library."""

UNREACHED = """() => {
    const within = document.querySelector("dialog[open], #content-main") ?? document.body;
    const found = [];
    for (const each of within.querySelectorAll("a[href], button, input, select, textarea, summary")) {
        if (!each.checkVisibility({ visibilityProperty: true }) || each.disabled) continue;
        each.focus();
        const style = getComputedStyle(each);
        const told = each.outerHTML.slice(0, 80);
        if (document.activeElement !== each || each.tabIndex < 0) found.push(`not reached: ${told}`);
        else if (style.outlineStyle === "none") found.push(`focus not seen: ${told}`);
    }
    return found;
}"""

pytestmark = pytest.mark.once


@pytest.fixture
def harbour(transactional_db: None, tmp_path: Path, settings: Any) -> hub.Hub:
    settings.PLANNING_SYNC_FOLLOW = False
    settings.PLANNING_SYNC_SEARCH = True
    settings.PLANNING_SYNC_REPLICA_ROOTS = [tmp_path]
    found = hub.build(tmp_path, days=DAYS)
    suggestion = {"take": "hub", "confidence": 0.9, "reason": "as before", "decisions": []}
    Conflict.objects.filter(field="text").update(suggestion=suggestion)
    return found


@pytest.fixture
def tabs(chrome: Browser, harbour: hub.Hub, live_server: Any) -> Iterator[dict[Who, Page]]:
    """An empty page in front of each of the people."""
    contexts = {}
    for who, cookies in people.sign_in(harbour).items():
        context = contexts[who] = chrome.new_context(base_url=live_server.url, locale="en-GB")
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies(
            [{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()]
        )
    yield {who: context.new_page() for who, context in contexts.items()}
    for context in contexts.values():
        context.close()


def test_every_page_is_for_everybody_in_both_themes_and_at_every_width(
    harbour: hub.Hub, tabs: dict[Who, Page]
) -> None:
    found: list[str] = []
    for name, page in showcase.pages(harbour).items():
        if name not in NOT_OURS:
            found += flaws(tabs[page.who], name, page)
    found += flaws_of_the_menu(tabs[Who.OWNER])
    assert not found, "\n".join(found)


def flaws_of_the_menu(tab: Page) -> list[str]:
    """On a phone it hides behind a button."""
    tab.set_viewport_size({"width": 360, "height": 700})
    tab.goto("/")
    tab.get_by_role("button", name="Menu").click()
    expect(tab.get_by_role("navigation", name="Pages")).to_be_visible()
    return violations(tab, "menu")


def flaws(tab: Page, name: str, page: showcase.Page) -> list[str]:
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.emulate_media(color_scheme="light")
    tab.goto(page.address)
    if page.first is not None:
        page.first(tab)
    found = violations(tab, name)
    tab.emulate_media(color_scheme="dark")
    found += violations(tab, f"{name} in the dark", ("color-contrast",))
    tab.keyboard.press("Tab")
    found += [f"{name}: {each}" for each in tab.evaluate(UNREACHED)]
    if "/admin/" not in page.address:
        found += [f"{name}: wider than {width}" for width in WIDTHS if overflows(tab, width)]
    return found
