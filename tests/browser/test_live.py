"""What others do shows at once, over the sockets of the server that people run."""

from __future__ import annotations

import re

import pytest
from django.test import override_settings
from playwright.sync_api import Page, expect

from conflicts.models import Conflict
from tests.browser.conftest import Site

pytestmark = pytest.mark.once

HIGHEST = "Tell the press one day before"


def open_connected(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("html")).to_have_attribute("data-connection", "online")


def test_what_one_settles_disappears_at_the_other_at_once(live_site: Site) -> None:
    olive, bob = live_site.person("olive", "arbiter"), live_site.person("bob", "arbiter")
    carol = live_site.person("carol", "reader")
    address = f"/conflicts/{Conflict.objects.get(field='text').pk}/"
    open_connected(bob, "/conflicts/")
    open_connected(carol, address)
    olive.goto(address)
    olive.get_by_role("button", name="Take the file's value").click()
    expect(bob.get_by_role("link", name=HIGHEST)).to_have_count(0)
    expect(carol.get_by_role("status")).to_contain_text("Settled by olive")
    expect(carol).to_have_title(re.compile(r"^\(2\)"))


def test_a_new_conflict_comes_up_by_itself(live_site: Site) -> None:
    page = live_site.person("olive", "arbiter")
    open_connected(page, "/conflicts/?field=status")
    expect(page.get_by_text("No conflict fits these filters.")).to_be_visible()
    live_site.desk.edit("launch.md", "- [ ] Tag", "- [-] Tag")
    with override_settings(PLANNING_SYNC_FOLLOW=False):
        live_site.desk.set("Tag the version", status="done")
    live_site.desk.sync()
    expect(page.get_by_role("link", name="Tag the version")).to_be_visible()
