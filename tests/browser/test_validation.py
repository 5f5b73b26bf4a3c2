"""The pages of validation as people go through them: seen, understood, mended by mouse, in both themes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from planning_sync.validation import services
from tests.browser.conftest import Site
from tests.browser.test_arbitration import overflows, violations

POOR = "# Poor\n\nVersion 1.0 - 2026-05-04\n\n- [ ]Order rope\n- [ ] Rest\n"

pytestmark = pytest.mark.once


def test_what_was_found_is_mended_by_mouse_on_pages_for_everybody(site: Site) -> None:
    site.desk.write("poor.md", POOR)
    site.desk.sync()
    services.assess_due()
    page = site.person("olive", "editor")
    page.goto("/validation/?q=poor")
    found = flaws(page, "list")
    page.get_by_role("link", name="Poor", exact=True).click()
    expect(page.get_by_text("A box that makes no task")).to_be_visible()
    found += flaws(page, "plan")
    page.get_by_role("link", name="Mend these").click()
    expect(page.locator(".diff .in")).to_contain_text("- [ ] Order rope")
    found += flaws(page, "preview")
    page.get_by_role("button", name="Mend it").click()
    expect(page.get_by_text("Mended.")).to_be_visible()
    assert site.desk.read("poor.md") == POOR.replace("[ ]Order", "[ ] Order")
    assert not found


def flaws(page: Page, name: str) -> list[str]:
    page.emulate_media(color_scheme="light")
    found = violations(page, name)
    page.emulate_media(color_scheme="dark")
    found += violations(page, f"{name} in the dark", ("color-contrast",))
    found += [f"{name}: wider than {width}" for width in (360, 1280, 2560) if overflows(page, width)]
    page.set_viewport_size({"width": 1280, "height": 900})
    return found
