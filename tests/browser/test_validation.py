"""The pages of validation as people go through them: seen, understood, mended by mouse."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from planning_sync.validation import services
from tests.browser.conftest import Site

POOR = "# Poor\n\nVersion 1.0 - 2026-05-04\n\n- [ ]Order rope\n- [ ] Rest\n"

pytestmark = pytest.mark.once


def test_what_was_found_is_mended_by_mouse(site: Site) -> None:
    site.desk.write("poor.md", POOR)
    site.desk.sync()
    services.assess_due()
    page = site.person("olive", "editor")
    page.goto("/validation/?q=poor")
    page.get_by_role("link", name="Poor", exact=True).click()
    expect(page.get_by_text("A box that makes no task")).to_be_visible()
    page.get_by_role("link", name="Mend these").click()
    expect(page.locator(".diff .in")).to_contain_text("- [ ] Order rope")
    page.get_by_role("button", name="Mend it").click()
    expect(page.get_by_text("Mended.")).to_be_visible()
    assert site.desk.read("poor.md") == POOR.replace("[ ]Order", "[ ] Order")
