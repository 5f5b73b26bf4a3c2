"""A new user's path, from an empty hub to the first plan in step, through the wizard alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect

from planning_sync.sync.models import Replica
from plans.models import Plan
from tests.browser.conftest import PATIENCE_MS

pytestmark = pytest.mark.once

PLAN = "# Launch\n\n- [ ] Tag the version\n- [?] Ask the lawyers\n"
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """A folder of one plan, where replicas may be added."""
    folder = tmp_path / "plans"
    folder.mkdir()
    (folder / "launch.md").write_text(PLAN)
    settings.PLANNING_SYNC_REPLICA_ROOTS = [tmp_path]
    return folder


@pytest.fixture
def administrator(transactional_db: None, live_server: Any) -> list[dict[str, str]]:
    """The cookies of somebody who may do everything."""
    user = User.objects.create_user("ada")
    user.groups.add(Group.objects.get(name="administrator"))
    client = Client()
    client.force_login(user)
    return [
        {"name": name, "value": each.value, "url": live_server.url} for name, each in client.cookies.items()
    ]


def look(page: Page) -> None:
    """Nothing on the page keeps somebody out, and it fits."""
    page.wait_for_load_state()
    found = Axe().run(page, options=AXE).response["violations"]
    assert not found, [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_new_user_gets_from_an_empty_hub_to_a_plan_in_step(
    chrome: Browser, live_server: Any, administrator: list[Any], folder: Path, scripts: bool
) -> None:
    """At 360 pixels in the dark with scripts, and at full width without."""
    looks: dict[str, Any] = (
        {"viewport": {"width": 360, "height": 800}, "color_scheme": "dark"} if scripts else {}
    )
    context: BrowserContext = chrome.new_context(
        base_url=live_server.url, java_script_enabled=scripts, locale="en-GB", **looks
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies(administrator)
    try:
        _walk(context.new_page(), folder, looks_closely=scripts)
    finally:
        context.close()
    plan = Plan.objects.get()
    assert (plan.title, plan.task_count) == ("Launch", 1)
    assert Replica.objects.get().enabled
    assert (folder / "launch.md").read_text() == PLAN


def _walk(page: Page, folder: Path, *, looks_closely: bool) -> None:
    page.goto("/plans/")
    page.get_by_role("link", name="Add a folder of plans").click()
    _step(page, "Place", looks_closely)
    page.get_by_label("Place", exact=True).fill(str(folder / "nothing"))
    page.get_by_role("button", name="Prove a round trip").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be used")
    page.get_by_label("Place", exact=True).fill(str(folder))
    page.get_by_role("button", name="Prove a round trip").click()
    expect(page.get_by_text("Not a byte would change.")).to_be_visible()
    _step(page, "Proof", looks_closely)
    page.get_by_role("button", name="Go on").click()
    _step(page, "Options", looks_closely)
    page.get_by_role("button", name="Add the replica").click()
    _step(page, "First sync", looks_closely)
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("1 plan is linked.")).to_be_visible()
    page.get_by_role("link", name="To the plans").click()
    expect(page.get_by_role("link", name="Launch", exact=True)).to_be_visible()


def _step(page: Page, name: str, looks_closely: bool) -> None:
    expect(page.locator(".steps [aria-current]")).to_have_text(re.compile(name))
    if looks_closely:
        look(page)
