"""Undo, history, the bin and automatic decisions as people go through them, with scripts and without."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from audit.models import Operation
from plans import services as plans
from plans.models import Task
from tests.browser.conftest import Site, showing

AFTER = "Tell the press two days before"

pytestmark = pytest.mark.once


@pytest.fixture
def busy(site: Site, settings: Any) -> Site:
    """Besides the conflicts: a text that was merged by itself, and a task with a history, in the bin."""
    settings.PLANNING_SYNC_FOLLOW = False
    desk = site.desk
    desk.write("notes.md", "# Notes\n\n## Ideas\n\n- [ ] Write a longer text about the launch\n- [ ] Rest\n")
    desk.sync()
    desk.set("Write a longer text about the launch", text="Write a much longer text about the launch")
    desk.edit("notes.md", "about the launch", "about the launch itself")
    desk.sync()
    desk.set("Rest", status="in_progress")
    settings.PLANNING_SYNC_FOLLOW = True
    desk.set("Rest", status="done")
    plans.delete(desk.task("Rest"), actor="alice")
    return site


def latest(kind: str) -> Operation:
    return Operation.objects.filter(kind=kind).latest("started_at")


def test_an_edit_is_undone_and_done_again_by_mouse(site: Site) -> None:
    page = site.person("olive", "editor")
    site.desk.set("Tag the version", assignee="bob")
    before = site.desk.read("launch.md")
    assert "bob" in before
    page.goto("/")
    page.get_by_role("link", name="Operations", exact=True).click()
    page.get_by_label("Kind").select_option("edit")
    page.get_by_role("button", name="Filter").click()
    edits = Operation.objects.filter(kind="edit").count()
    expect(page.locator("[data-open-row]")).to_have_text(["Edit"] * edits)
    page.locator("[data-open-row]").first.click()
    page.get_by_role("link", name="Undo, after a preview").click()
    expect(page.locator(".diff .out")).to_contain_text("bob")
    assert site.desk.read("launch.md") == before
    page.get_by_role("button", name="Undo it").click()
    expect(page.get_by_text("Undone.")).to_be_visible()
    assert "bob" not in site.desk.read("launch.md")
    page.get_by_role("link", name="Undo, after a preview").click()
    page.get_by_role("button", name="Undo it").click()
    expect(page.get_by_text("Undone.")).to_be_visible()
    assert site.desk.read("launch.md") == before


def test_an_undo_goes_by_keys_alone(site: Site) -> None:
    page = site.person("olive", "arbiter")
    site.desk.set("Tag the version", assignee="bob")
    page.goto("/operations/?kind=edit")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    showing(page, "Edit by alice")
    page.keyboard.press("u")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Undo the edit by alice")
    button = page.get_by_role("button", name="Undo it")
    for _ in range(30):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_text("Undone.")).to_be_visible()
    assert "bob" not in site.desk.read("launch.md")


def test_newer_work_is_undone_as_well_where_that_is_wanted(site: Site) -> None:
    page = site.person("olive", "editor", java_script_enabled=False)
    site.desk.set("Tag the version", assignee="bob")
    first = Operation.objects.filter(kind="edit").latest("started_at")
    site.desk.set("Tag the version", assignee="carol")
    page.goto(f"/operations/{first.pk}/undo/")
    expect(page.get_by_role("button", name="Undo it")).to_have_count(0)
    page.get_by_role("link", name="Look at the undo").click()
    page.get_by_role("button", name="Undo all of them").click()
    expect(page.get_by_text("Undone.")).to_be_visible()
    assert "assigned" not in site.desk.read("launch.md")


def test_two_versions_are_compared_and_the_older_one_restored(busy: Site) -> None:
    page = busy.person("olive", "editor", java_script_enabled=False)
    whole = busy.desk.read("notes.md")
    page.goto(f"/plans/{busy.desk.plan('notes.md').pk}/")
    page.get_by_role("link", name="History", exact=True).click()
    page.wait_for_url("**/history/")
    page.get_by_label("from 2").last.check()
    page.get_by_label("to 2").first.check()
    page.get_by_role("button", name="Compare the two").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("From 2")
    expect(page.locator(".diff .in")).to_contain_text(["much longer"])
    page.go_back()
    page.wait_for_url("**/history/")
    page.get_by_role("link", name="Restore").last.click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("is as it was.")).to_be_visible()
    assert "- [ ] Rest" in busy.desk.read("notes.md")
    page.locator(".message").get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Undo it").click()
    expect(page.get_by_text("Undone.")).to_be_visible()
    assert busy.desk.read("notes.md") == whole


def test_a_task_is_taken_out_of_the_bin_and_put_as_it_was(busy: Site) -> None:
    page = busy.person("olive", "editor")
    page.goto("/")
    page.get_by_role("link", name="Bin").click()
    page.get_by_role("button", name="Restore Rest").click()
    expect(page.get_by_text("“Rest” is back in Notes, below “Ideas”.")).to_be_visible()
    assert "- [x] Rest" in busy.desk.read("notes.md")
    rest = Task.objects.get(text="Rest")
    page.goto(f"/plans/{rest.plan_id}/tasks/{rest.pk}/")
    page.get_by_role("link", name="History of this task").click()
    page.wait_for_url("**/history/")
    page.get_by_role("link", name="As it was on").last.click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("is as it was.")).to_be_visible()
    assert busy.desk.task("Rest").status == "in_progress"


def test_an_arbiter_is_asked_about_what_a_rule_settled(busy: Site) -> None:
    page = busy.person("olive", "arbiter")
    page.goto("/conflicts/")
    page.get_by_role("link", name="What was settled without a person").click()
    page.get_by_role("button", name="Ask me instead").click()
    expect(page.get_by_text("A decision on this was undone, so it waits for a person again.")).to_be_visible()
    page.get_by_role("button", name="Take the file's value").click()
    expect(page.locator(".message")).to_contain_text("Both sides have it.")
    assert "- [ ] Write a longer text about the launch itself" in busy.desk.read("notes.md")
