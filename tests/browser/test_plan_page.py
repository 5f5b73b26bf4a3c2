"""The page of a plan as people use it: by mouse, by keys, without a script, and while others edit as well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from playwright.sync_api import Browser, Locator, Page, Route, expect

from planning_sync.sync.models import Intent, Link
from plans import services
from plans.models import Task
from tests.browser.conftest import Site, left
from tests.planning_sync.live.server import Server
from tests.planning_sync.sync.workbench import Workbench
from tests.waiting import until

pytestmark = pytest.mark.once

PLAN = """# Launch

## 1. Release

- [ ] **1.1** Tag the version #due:2026-05-12 #duration:3d
  - [x] Write the notes
- [!] **1.2** Choose a date #depends:1.1
- [ ] **1.3** Tell the press #depends:1.2,1.1

## 2. After

- [~] Answer questions #assignee:bob
- [ ] Thank everybody
- [8] odd box
"""


@pytest.fixture
def desk(tmp_path: Path, transactional_db: None, settings: Any) -> Workbench:
    settings.PLANNING_SYNC_FOLLOW = False
    desk = Workbench.at(tmp_path / "plans")
    desk.write("launch.md", PLAN)
    desk.sync()
    settings.PLANNING_SYNC_FOLLOW = True
    return desk


@pytest.fixture
def plain(chrome: Browser, desk: Workbench, live_server: Any) -> Iterator[Site]:
    """Without sockets."""
    site = Site(live_server.url, desk, chrome, [])
    yield site
    left(site)


@pytest.fixture(scope="module")
def _server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server") / "said")
    yield server
    server.stop()


@pytest.fixture
def live(chrome: Browser, desk: Workbench, _server: Server) -> Iterator[Site]:
    """The server that people run, one for all tests of this module, which writes files after its answers."""
    site = Site(f"http://127.0.0.1:{_server.port}", desk, chrome, [])
    yield site
    left(site)
    until(is_at_rest, told="the server, before the hub is emptied")


def is_at_rest() -> bool:
    return not Link.objects.exclude(revision=F("plan__revision")).exists() and not Intent.objects.exists()


def address(desk: Workbench, view: str = "") -> str:
    return f"/plans/{desk.plan('launch.md').pk}/{view}"


def opened(site: Site, name: str = "olive", view: str = "", role: str = "editor", **options: Any) -> Page:
    page = site.person(name, role, **options)
    page.goto(address(site.desk, view))
    return page


def online(page: Page) -> Page:
    expect(page.locator("html")).to_have_attribute("data-connection", "online")
    return page


WRITTEN = re.compile("^(written)?$")
"""The state of an item whose edit is in the file; it is not told for long."""


def row(page: Page, text: str) -> Locator:
    return page.locator(".row", has_text=text)


def item(desk: Workbench, page: Page, text: str) -> Locator:
    return page.locator(f"#i-{desk.task(text).pk.hex}")


def test_a_tick_shows_at_once_and_changes_one_line_of_the_file(plain: Site) -> None:
    page = opened(plain)
    box = page.get_by_role("checkbox", name="Thank everybody")
    box.click()
    expect(box).to_be_checked()
    expect(item(plain.desk, page, "Thank everybody")).to_have_attribute("data-state", WRITTEN)
    expected = PLAN.replace("- [ ] Thank", "- [x] Thank")
    assert plain.desk.read("launch.md") == expected
    expect(page.locator(".plan-facts")).to_contain_text("2/6 tasks done")


def test_fields_are_edited_in_place_by_keys_alone(plain: Site) -> None:
    page = opened(plain)
    for _ in range(3):
        page.keyboard.press("j")
    expect(page.locator(":focus")).to_contain_text("Write the notes")
    page.keyboard.press("k")
    page.keyboard.press("e")
    page.get_by_label("Text").fill("Tag the last version")
    page.get_by_label("Priority").select_option("high")
    page.get_by_label("Tags").fill("git, web")
    page.get_by_label("Text").press("Enter")
    expect(page.locator(".editor")).to_have_count(0)
    expect(page.locator(":focus")).to_contain_text("Tag the last version")
    line = next(line for line in plain.desk.read("launch.md").splitlines() if "**1.1**" in line)
    assert "Tag the last version" in line
    assert {"high", "git", "web"} <= set(re.split(r"[^a-z]+", line))
    page.keyboard.press("x")
    expect(row(page, "Tag the last version").locator(".box")).to_be_checked()
    expect(item(plain.desk, page, "Tag the last version")).to_have_attribute("data-state", WRITTEN)
    page.keyboard.press("f")
    expect(row(page, "Tag the last version")).to_be_hidden()
    page.reload()
    expect(row(page, "Tag the last version")).to_be_hidden()
    assert "- [x] **1.1**" in plain.desk.read("launch.md")


def test_tasks_are_added_moved_deleted_and_taken_back_by_keys(plain: Site) -> None:
    page = opened(plain)
    row(page, "Answer questions").locator(".words").focus()
    page.keyboard.press("a")
    for text in ("First of two", "Second of two"):
        page.get_by_label("Text").fill(text)
        page.keyboard.press("Enter")
        expect(row(page, text)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(":focus")).to_contain_text("Second of two")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowRight")
    nested = item(plain.desk, page, "Answer questions").locator(".tasks .words")
    expect(nested).to_have_text(["Second of two"])
    after = "- [~] Answer questions #assignee:bob\n  - [ ] Second of two\n- [ ] First of two\n- [ ] Thank"
    assert after in plain.desk.read("launch.md")
    page.keyboard.press("Delete")
    expect(page.get_by_text("In the bin.")).to_be_visible()
    assert "Second of two" not in plain.desk.read("launch.md")
    page.keyboard.press("u")
    expect(nested).to_have_text(["Second of two"])
    # It is shown once it is in the hub, which is before it is in the file.
    until(lambda: after in plain.desk.read("launch.md"), told="the task to be in the file again")


def test_nothing_is_typed_into_a_field_that_is_about_to_be_emptied(plain: Site) -> None:
    page = opened(plain)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile("since="), hold, times=1)
    row(page, "Answer questions").locator(".words").focus()
    page.keyboard.press("a")
    field = page.get_by_label("Text")
    field.fill("First of two")
    with page.expect_request(re.compile("since=")):
        page.keyboard.press("Enter")
    expect(field).not_to_be_editable()
    held[0].continue_()
    expect(row(page, "First of two")).to_be_visible()
    expect(field).to_have_value("")
    field.fill("Second of two")
    page.keyboard.press("Enter")
    expect(row(page, "Second of two")).to_be_visible()


def test_a_task_is_dragged_to_another_phase(plain: Site) -> None:
    page = opened(plain)
    row(page, "Thank everybody").hover()
    grip = page.locator(".grip")
    target = row(page, "Choose a date")
    grip.drag_to(target, target_position={"x": 4, "y": 2})
    expect(item(plain.desk, page, "Thank everybody")).to_have_attribute("data-state", WRITTEN)
    assert "- [ ] Thank everybody\n- [!] **1.2**" in plain.desk.read("launch.md")


def test_the_parts_of_a_long_list_are_one_list(plain: Site) -> None:
    lines = [f"- [ ] Step {number:02}" for number in range(90)]
    plain.desk.write("long.md", "\n".join(["# Long", "", "## All", "", *lines, ""]))
    plain.desk.sync()
    page = plain.person("olive", "editor")
    page.goto(f"/plans/{plain.desk.plan('long.md').pk}/")
    parts = page.locator("ul.part")
    expect(parts).to_have_count(3)
    first = parts.nth(1).locator(".words").first
    expect(first).to_have_text("Step 40")
    first.focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#tree .task", has_text="Step 40")).to_have_attribute("data-state", "written")
    expect(parts.nth(1).locator(".words").first).to_have_text("Step 41")
    row(page, "Step 39").hover()
    page.locator(".grip").drag_to(row(page, "Step 41"), target_position={"x": 4, "y": 2})
    expect(page.locator("#tree .task", has_text="Step 39")).to_have_attribute("data-state", "written")
    row(page, "Step 41").locator(".box").click()
    expect(page.locator("#tree .task", has_text="Step 41")).to_have_attribute("data-state", "written")
    lines = [*lines[:39], lines[40], lines[39], "- [x] Step 41", *lines[42:]]
    expect(page.locator("#tree .words")).to_have_text([line[6:] for line in lines])
    assert plain.desk.read("long.md").splitlines()[4:] == lines


def test_a_task_is_moved_by_a_finger(plain: Site) -> None:
    page = opened(plain, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 1400})
    row(page, "Thank everybody").tap(position={"x": 300, "y": 10})
    expect(page.locator(".grip")).to_be_visible()
    grip, target = page.locator(".grip").bounding_box(), row(page, "Choose a date").bounding_box()
    assert grip is not None
    assert target is not None
    finger = page.context.new_cdp_session(page)
    spot = {"x": grip["x"] + grip["width"] / 2, "y": grip["y"] + grip["height"] / 2}
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [spot]})
    for way in ({**spot, "y": spot["y"] - 20}, {"x": target["x"] + 20, "y": target["y"] + 3}):
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [way]})
    expect(item(plain.desk, page, "Choose a date")).to_have_attribute("data-drop", "before")
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(item(plain.desk, page, "Thank everybody")).to_have_attribute("data-state", "written")
    assert "- [ ] Thank everybody\n- [!] **1.2**" in plain.desk.read("launch.md")


def test_an_edit_on_what_somebody_changed_meanwhile_is_rolled_back_with_the_reason(plain: Site) -> None:
    page = opened(plain)
    plain.desk.set("Thank everybody", status="cancelled")
    plain.desk.set("Tell the press", text="Tell the press tomorrow")
    page.get_by_role("checkbox", name="Thank everybody").click()
    expect(page.locator(".toast.bad")).to_contain_text("It changed since you looked")
    expect(item(plain.desk, page, "Thank everybody")).to_have_class(re.compile("cancelled"))
    assert plain.desk.task("Thank everybody").status == "cancelled"


def test_an_edit_in_the_file_appears_and_leaves_the_editor_and_the_focus_alone(live: Site) -> None:
    page = online(opened(live))
    row(page, "Thank everybody").locator(".words").click()
    page.get_by_label("Assigned to").fill("carol")
    live.desk.edit("launch.md", "[!] **1.2** Choose a date", "[x] **1.2** Choose the date")
    live.desk.edit(
        "launch.md",
        "- [ ] Thank everybody\n",
        "- [ ] Thank everybody #priority:high\n- [ ] New in the file\n",
    )
    live.desk.sync()
    expect(row(page, "Choose the date").locator(".box")).to_be_checked()
    expect(row(page, "New in the file")).to_be_visible()
    expect(page.get_by_label("Assigned to")).to_be_focused()
    expect(page.get_by_label("Assigned to")).to_have_value("carol")
    expect(page.get_by_label("Priority")).to_have_value("high")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".editor")).to_have_count(0)
    live.wait_for("- [ ] Thank everybody #priority:high #assignee:carol")


def test_who_edits_what_another_one_edits_sees_it_and_is_refused_before_overwriting(live: Site) -> None:
    olive = online(opened(live))
    row(olive, "Thank everybody").locator(".words").click()
    olive.get_by_label("Text").fill("Thank them all")
    services.set_fields(live.desk.task("Thank everybody"), {"text": "Thank the press"}, actor="bob")
    expect(olive.locator(".now")).to_contain_text("Thank the press")
    olive.get_by_role("button", name="Save").click()
    expect(olive.get_by_role("alert")).to_contain_text("It changed since you looked")
    expect(row(olive, "Thank the press")).to_be_visible()
    assert live.desk.task("Thank the press").status == "todo"
    olive.get_by_role("button", name="Save").click()
    expect(olive.locator(".editor")).to_have_count(0)
    live.wait_for("- [ ] Thank them all")


def test_cards_go_to_other_columns_by_drag_and_by_keys(live: Site) -> None:
    page = online(opened(live, view="board/"))
    card = page.locator(".board-card", has_text="Thank everybody")
    card.drag_to(page.locator('.column[data-status="blocked"]'))
    expect(page.locator('.column[data-status="blocked"]')).to_contain_text("Thank everybody")
    expect(card).to_have_attribute("data-state", WRITTEN)
    live.wait_for("- [!] Thank everybody")
    card.locator(".words").focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator('.column[data-status="done"]')).to_contain_text("Thank everybody")
    expect(card).to_have_attribute("data-state", WRITTEN)
    live.wait_for("- [x] Thank everybody")
    live.desk.edit("launch.md", "- [~] Answer", "- [x] Answer")
    live.desk.sync()
    expect(page.locator('.column[data-status="done"]')).to_contain_text("Answer questions")


def test_without_a_script_all_of_it_goes_by_forms(plain: Site) -> None:
    page = opened(plain, java_script_enabled=False)
    page.get_by_role("checkbox", name="Thank everybody").click()
    expect(page.get_by_role("checkbox", name="Thank everybody")).to_be_checked()
    page.get_by_role("link", name="Thank everybody").click()
    page.get_by_label("Assigned to").fill("carol")
    page.get_by_role("button", name="Save").click()
    expect(row(page, "Thank everybody")).to_contain_text("carol")
    page.get_by_role("link", name="Thank everybody").click()
    page.get_by_role("button", name="Up").click()
    expect(page.locator("#tree")).to_be_visible()
    page.get_by_role("link", name="Thank everybody").click()
    page.get_by_role("link", name="A task after it").click()
    page.get_by_label("Text").fill("Added by a form")
    page.get_by_role("button", name="Add").click()
    expect(row(page, "Added by a form")).to_be_visible()
    order = ["Thank everybody", "Added by a form", "Answer questions"]
    assert [
        task.text for task in Task.objects.live().filter(phase__title="After").order_by("position")
    ] == order
    page.get_by_role("link", name="Added by a form").click()
    page.get_by_role("button", name="Put into the bin").click()
    expect(page.locator(".message").get_by_role("link", name="Undo")).to_be_visible()
    assert "Added by a form" not in plain.desk.read("launch.md")
    page.locator(".message").get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("button", name="Restore")).to_have_count(0)
    assert "- [ ] Added by a form" in plain.desk.read("launch.md")


def test_the_item_under_the_pointer_is_marked_in_the_source_and_in_what_it_becomes(plain: Site) -> None:
    page = opened(plain, view="document/")
    page.locator(".source li", has_text="Choose a date").hover()
    expect(page.locator(".rendered .here")).to_contain_text("Choose a date")
    page.locator(".rendered li", has_text="Thank everybody").hover()
    expect(page.locator(".source .here")).to_contain_text("- [ ] Thank everybody")
    page.keyboard.press("k")
    expect(page.locator(".source .here")).to_contain_text("Answer questions")
