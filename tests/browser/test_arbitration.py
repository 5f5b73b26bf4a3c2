"""Arbitration as an arbiter does it: in the pages and in the admin, by mouse, by keys, without JavaScript."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from conflicts import services
from conflicts.models import Conflict
from tests.browser.conftest import PLAN, Site, showing

QUEUE = "/conflicts/"
ADMIN = "/admin/conflicts/conflict/"
ROWS = "[data-open-row]"
HIGHEST = "Tell the press one day before"
"""The first of the queue; then come "Tag the version" and "Choose a date"."""

pytestmark = pytest.mark.once


def over(field: str) -> Conflict:
    return Conflict.objects.get(field=field)


def address_of(field: str) -> str:
    return f"{QUEUE}{over(field).pk}/"


def choose_all(page: Page, number: int) -> None:
    """Tick every row of the queue, once this page has replaced the one before it."""
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(number)
    for box in boxes.all():
        box.check()


# ------------------------------------------------------------------------------ by mouse


def test_one_click_changes_the_file_and_the_next_conflict_comes_up(site: Site) -> None:
    page = site.person("olive", "arbiter")
    page.goto(QUEUE)
    expect(page).to_have_title(re.compile(r"^\(3\) Conflicts"))
    page.get_by_role("link", name=HIGHEST).click()
    expect(page.locator(".side-replica ins")).to_have_text("three")
    page.get_by_role("button", name="Take the hub's value").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tag the version")
    expect(page.get_by_role("status")).to_contain_text("Both sides have it.")
    assert "Tell the press one day before" in site.desk.read("launch.md")
    expect(page.locator("#waiting")).to_have_text("2")


def test_the_toast_takes_the_decision_back(site: Site) -> None:
    page = site.person("olive", "arbiter")
    before = site.desk.read("launch.md")
    page.goto(address_of("text"))
    page.get_by_role("button", name="Take the hub's value").click()
    page.locator(".message").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HIGHEST)
    expect(page.get_by_text("Undone: 1 conflict is open again.")).to_be_visible()
    expect(page.get_by_role("button", name="Take the hub's value")).to_be_visible()
    assert site.desk.read("launch.md") == before


def test_a_value_is_typed_after_one_that_does_not_fit(site: Site) -> None:
    page = site.person("olive", "arbiter")
    page.goto(address_of("text"))
    page.get_by_label("Or another value").fill("   ")
    page.get_by_role("button", name="Take this value").click()
    expect(page.get_by_role("alert")).to_contain_text("text cannot be")
    page.get_by_label("Or another value").fill("Tell everybody <at once>")
    page.get_by_role("button", name="Take this value").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tag the version")
    assert "- [ ] Tell everybody <at once>" in site.desk.read("launch.md")
    assert "Tell everybody <at once>" in site.desk.texts("launch.md")


def test_many_are_decided_after_a_preview_and_taken_back_as_one(site: Site) -> None:
    page = site.person("olive", "arbiter")
    before = site.desk.read("launch.md")
    page.goto(f"{QUEUE}?kind=metadata_mismatch")
    choose_all(page, 2)
    page.get_by_label("With the chosen ones").select_option("Take the hub's value")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("2 conflicts change.")).to_be_visible()
    expect(page.get_by_text("In line 5 of launch.md, “medium” becomes “high”.")).to_be_visible()
    assert site.desk.read("launch.md") == before
    page.get_by_role("button", name="Take the hub's value").click()
    expect(page.get_by_text("2 conflicts changed.")).to_be_visible()
    assert page.url.endswith("?kind=metadata_mismatch")
    assert "#priority:high" in site.desk.read("launch.md")
    page.locator(".message").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone: 2 conflicts are open again.")).to_be_visible()
    assert site.desk.read("launch.md") == before


# ------------------------------------------------------------------------------ by keys


def test_a_whole_queue_is_settled_without_the_mouse(site: Site) -> None:
    page = site.person("olive", "arbiter")
    page.goto(QUEUE)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.get_by_role("link", name=HIGHEST)).to_be_focused()
    page.keyboard.press("Enter")
    showing(page, HIGHEST)
    page.keyboard.press("j")
    showing(page, "Tag the version")
    page.keyboard.press("k")
    showing(page, HIGHEST)
    page.keyboard.press("1")
    showing(page, "Tag the version")
    page.keyboard.press("u")
    showing(page, HIGHEST)
    page.keyboard.press("2")
    showing(page, "Tag the version")
    page.keyboard.press("v")
    expect(page.get_by_label("Or another value")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    showing(page, "Choose a date")
    page.keyboard.press("2")
    expect(page.get_by_text("Nothing waits for a person")).to_be_visible()
    said = site.desk.read("launch.md")
    assert "Tell the press one day before" in said
    assert "#priority:medium" in said
    assert "#due:2026-06-01" in said


def test_keys_assign_and_put_off_and_show_themselves(site: Site) -> None:
    page = site.person("olive", "arbiter")
    page.goto(address_of("text"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert over("text").state == "open"
    page.keyboard.press("a")
    expect(page.get_by_text("assigned to olive")).to_be_visible()
    showing(page, HIGHEST)
    page.keyboard.press("p")
    showing(page, "Tag the version")
    page.goto(QUEUE)
    expect(page.locator(ROWS)).to_have_text(["Tag the version", "Choose a date"])
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_role("checkbox").first).to_be_checked()
    page.keyboard.press("a")
    showing(page, "Preview: Assign to me")


def test_letters_that_are_typed_are_no_commands(site: Site) -> None:
    page = site.person("olive", "arbiter")
    page.goto(address_of("text"))
    page.get_by_label("Or another value").fill("")
    page.keyboard.type("1 j up?")
    expect(page.get_by_label("Or another value")).to_have_value("1 j up?")
    assert over("text").state == "open"


def test_a_critical_decision_takes_two_keys(site: Site) -> None:
    Conflict.objects.filter(field="text").update(severity="critical")
    page = site.person("olive", "arbiter")
    page.goto(address_of("text"))
    page.keyboard.press("1")
    expect(page.get_by_role("button", name="Take the file's value")).to_be_focused()
    assert over("text").state == "open"
    page.keyboard.press("Enter")
    showing(page, "Tag the version")


# ------------------------------------------------------------------------------ two people


def test_what_one_settles_disappears_at_the_other(site: Site) -> None:
    olive, bob = site.person("olive", "arbiter"), site.person("bob", "arbiter")
    bob.goto(QUEUE)
    bob.get_by_label("Choose a date").check()
    olive.goto(address_of("text"))
    olive.get_by_role("button", name="Take the file's value").click()
    expect(bob.get_by_role("link", name=HIGHEST)).to_have_count(0)
    expect(bob.get_by_label("Choose a date")).to_be_checked()
    expect(bob).to_have_title(re.compile(r"^\(2\) Conflicts"))


def test_an_open_screen_says_who_settled_it_and_takes_no_decision_any_more(site: Site) -> None:
    olive, bob = site.person("olive", "arbiter"), site.person("bob", "arbiter")
    bob.goto(address_of("text"))
    olive.goto(address_of("text"))
    olive.get_by_role("button", name="Take the file's value").click()
    expect(olive.get_by_role("heading", level=1)).to_have_text("Tag the version")
    tell(bob, "event", {"type": "conflict.resolved"})
    expect(bob.get_by_role("status")).to_contain_text("Settled by olive: take the file's value.")
    expect(bob.get_by_role("button", name="Take the hub's value")).to_have_count(0)


def test_an_event_of_the_server_is_followed_at_once(site: Site) -> None:
    page = site.person("olive", "arbiter")
    page.goto(QUEUE)
    tell(page, "connection", {"state": "online"})
    services.resolve(over("text").pk, take="hub", actor="bob")
    tell(page, "event", {"type": "conflict.resolved"})
    expect(page.get_by_role("link", name=HIGHEST)).to_have_count(0)


def tell(page: Page, name: str, detail: dict[str, str]) -> None:
    """What the connection to the server tells the page."""
    told = "([name, detail]) => document.dispatchEvent(new CustomEvent('planning-sync:' + name, {detail}))"
    page.evaluate(told, [name, detail])


def test_what_is_being_typed_stays_when_values_move(site: Site) -> None:
    page = site.person("olive", "arbiter")
    page.goto(address_of("text"))
    page.get_by_label("Or another value").fill("Half a sen")
    site.desk.edit("launch.md", "three days before", "four days before")
    site.desk.sync()
    tell(page, "event", {"type": "conflict.detected"})
    expect(page.locator(".side-replica ins")).to_have_text("four")
    expect(page.get_by_label("Or another value")).to_have_value("Half a sen")
    page.get_by_role("button", name="Take this value").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tag the version")
    assert "Half a sen" in site.desk.read("launch.md")


def test_who_was_slower_is_told_and_nothing_is_applied(site: Site) -> None:
    page = site.person("olive", "arbiter", java_script_enabled=False)
    page.goto(address_of("text"))
    services.resolve(over("text").pk, take="hub", actor="bob")
    page.get_by_role("button", name="Take the file's value").click()
    expect(page.get_by_text("Someone was faster")).to_be_visible()
    expect(page.get_by_text("Settled by bob: take the hub's value.")).to_be_visible()
    assert "Tell the press one day before" in site.desk.read("launch.md")


# ------------------------------------------------------------------------------ who may, and with what


def test_a_reader_sees_everything_but_the_buttons(site: Site) -> None:
    page = site.person("tess", "reader")
    page.goto(QUEUE)
    expect(page.locator(ROWS)).to_have_count(3)
    expect(page.get_by_role("checkbox")).to_have_count(0)
    page.get_by_role("link", name=HIGHEST).click()
    expect(page.get_by_role("heading", name="In the hub")).to_be_visible()
    expect(page.get_by_text("Only people with the arbiter role decide.")).to_be_visible()
    expect(page.locator("main button:visible")).to_have_text(["? Keys"])
    page.keyboard.press("1")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert over("text").state == "open"


def test_everything_works_without_javascript(site: Site) -> None:
    page = site.person("olive", "arbiter", java_script_enabled=False)
    page.goto(QUEUE)
    page.get_by_label("Severity").select_option("medium")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Tag the version").click()
    page.get_by_role("button", name="Take the file's value").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose a date")
    page.locator(".message").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tag the version")
    page.get_by_role("button", name="Postpone by a day").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose a date")
    page.get_by_role("link", name="Queue").click()
    choose_all(page, 2)
    page.get_by_label("With the chosen ones").select_option("Take the file's value")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Take the file's value").click()
    expect(page.get_by_text("2 conflicts changed.")).to_be_visible()
    assert "three days before" in site.desk.texts("launch.md")[2]


# ------------------------------------------------------------------------------ the admin


def test_an_arbiter_goes_through_the_admin(site: Site) -> None:
    page = site.person("olive", "arbiter", staff=True)
    page.goto(ADMIN)
    page.get_by_role("link", name=re.compile(HIGHEST)).click()
    page.get_by_role("button", name="Take the hub's value").click()
    expect(page.get_by_role("heading", level=1, name="Tag the version")).to_be_visible()
    assert "Tell the press one day before" in site.desk.read("launch.md")
    page.get_by_role("link", name="Undo").click()
    page.locator("main").get_by_role("button", name="Undo").first.click()
    expect(page.get_by_text("Undone: 1 conflict is open again.")).to_be_visible()
    assert site.desk.read("launch.md").count("three days before") == 1


def test_many_are_decided_in_the_admin_after_a_preview(site: Site) -> None:
    page = site.person("olive", "arbiter", staff=True)
    page.goto(f"{ADMIN}?kind=metadata_mismatch")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("Take the file's value")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("2 conflicts change.")).to_be_visible()
    page.get_by_role("button", name="Take the file's value").click()
    expect(page.get_by_text("2 conflicts changed.")).to_be_visible()
    assert site.desk.task("Tag the version").priority == "medium"


def test_keys_decide_in_the_admin_too(site: Site) -> None:
    page = site.person("olive", "arbiter", staff=True)
    page.goto(f"{ADMIN}{over('text').pk}/change/")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", level=1, name="Tag the version")).to_be_visible()
    assert over("text").state == "resolved"


def test_a_reader_of_the_admin_sees_no_buttons(site: Site) -> None:
    page = site.person("tess", "reader", staff=True)
    page.goto(f"{ADMIN}{over('text').pk}/change/")
    expect(page.get_by_role("heading", name="In the hub")).to_be_visible()
    expect(page.locator("[name=take], [name=act]")).to_have_count(0)


# ------------------------------------------------------------------------------ for everybody


WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


def violations(page: Page, name: str, rules: tuple[str, ...] = WCAG) -> list[str]:
    """What axe finds against those rules, by default of WCAG A and AA. Of the admin, within what is ours."""
    page.wait_for_load_state()
    ours = "#content-main" if "/admin/" in page.url else "body"
    page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")  # of colours, say
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # What it would load besides is for rules that are not asked for.
    asked = {"runOnly": list(rules), "resultTypes": ["violations"], "preload": False}
    results = page.evaluate(
        "([within, asked]) => axe.run(within, asked).then((told) => told.violations)", [ours, asked]
    )
    return [
        f"{name}: {each['id']} at {node['target']}: {node['failureSummary']}"
        for each in results
        for node in each["nodes"]
    ]


def overflows(page: Page, width: int) -> bool:
    page.set_viewport_size({"width": width, "height": 900})
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_the_plan_is_as_it_was_where_nobody_decided(site: Site) -> None:
    page = site.person("olive", "arbiter")
    for address in (QUEUE, address_of("text"), address_of("due")):
        page.goto(address)
    changed = [
        new
        for old, new in zip(PLAN.splitlines(), site.desk.read("launch.md").splitlines(), strict=True)
        if old != new
    ]
    assert changed == [
        "- [ ] Tag the version #priority:medium",
        "- [ ] Choose a date #due:2026-07-01",
        "- [ ] Tell the press three days before",
    ]
