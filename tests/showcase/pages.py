"""`pages`: every page there is, by name, over the hub that `hub.build` makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlencode

from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from conflicts.models import Conflict
from plans.models import Phase, Task
from tests.showcase.hub import Hub

NOWHERE = "00000000-0000-0000-0000-000000000000"


class Who(Enum):
    """In front of the page."""

    OWNER = "olive"
    """May do everything."""
    READER = "tess"
    NEWCOMER = "newcomer"
    """May do everything, and is limited to a replica of which nothing is in the hub yet."""
    NOBODY = ""


class Page(NamedTuple):
    address: str
    first: Callable[[Tab], None] | None = None
    """What is done there before one looks."""
    who: Who = Who.OWNER


def pages(hub: Hub) -> Mapping[str, Page]:
    return {
        **_of_the_house(hub),
        **_of_one_plan(hub),
        **_of_conflicts(),
        **_of_operations(hub),
        **_of_replicas(hub),
        **_without_anything(hub),
    }


def _of_the_house(hub: Hub) -> dict[str, Page]:
    return {
        "overview": Page("/"),
        "plans": Page("/plans/"),
        "search": Page("/search/?q=harbour"),
        "search-meaning": Page("/search/?q=teach+people+to+react+to+an+alarm"),
        "validation": Page("/validation/"),
        "audit": Page("/audit/?kind=edit"),
        "performance": Page("/performance/"),
        "bin": Page("/bin/"),
        "bin-restore": Page(f"/bin/{Task.objects.get(text='An application for phones').pk}/"),
        "settings": Page("/settings/"),
        "keys": Page("/settings/keys/"),
        "keys-shortcuts": Page("/plans/", _see_keys),
        "api": Page("/docs", _see_api),
        "sign-in": Page("/login/", who=Who.NOBODY),
        "admin": Page("/admin/"),
    }


def _of_one_plan(hub: Hub) -> dict[str, Page]:
    roadmap, second = hub.plan("roadmap.md"), hub.plan("second-harbour.md")
    flawed, website = hub.plan("rescue-boat.md"), hub.plan("website.md")
    task = Task.objects.get(text="Show the page on the screen at the harbour office")
    buoy = Task.objects.get(text="Notice a buoy that drifts")
    phase = Phase.objects.get(plan=roadmap, title="More harbours")
    at = f"/plans/{roadmap.pk}/"
    return {
        "plan": Page(at),
        "plan-editing": Page(at, _edit_in_place),
        "plan-similar": Page(at, _see_similar),
        "plan-document": Page(f"{at}document/"),
        "plan-board": Page(f"/plans/{website.pk}/board/"),
        "plan-timeline": Page(f"/plans/{second.pk}/timeline/"),
        "plan-graph": Page(f"/plans/{second.pk}/graph/"),
        "plan-validation": Page(f"/plans/{flawed.pk}/validation/"),
        "plan-fix": Page(f"/plans/{flawed.pk}/validation/fix/?unsafe=1"),
        "plan-edit": Page(f"{at}edit/"),
        "task": Page(f"{at}tasks/{task.pk}/"),
        "task-more": Page(f"/plans/{buoy.plan_id}/tasks/{buoy.pk}/"),
        "task-read": Page(f"{at}tasks/{task.pk}/", who=Who.READER),
        "task-history": Page(f"{at}tasks/{task.pk}/history/"),
        "task-restore": Page(f"{at}tasks/{task.pk}/restore/?operation={hub.sync.pk}"),
        "task-add": Page(f"{at}add/?parent={phase.pk.hex}"),
        "phase": Page(f"{at}phases/{phase.pk}/"),
        "history": Page(f"{at}history/"),
        "history-difference": Page(f"{at}history/difference/?operation={hub.sync.pk}"),
        "history-restore": Page(f"{at}history/restore/?operation={hub.first.pk}"),
    }


def _of_conflicts() -> dict[str, Page]:
    text, guard = (Conflict.objects.get(field=field).pk for field in ("text", "guard"))
    admin = "/admin/conflicts/conflict/"
    return {
        "conflicts": Page("/conflicts/"),
        "conflict": Page(f"/conflicts/{text}/"),
        "conflict-guard": Page(f"/conflicts/{guard}/"),
        "conflict-read": Page(f"/conflicts/{text}/", who=Who.READER),
        "conflicts-preview": Page("/conflicts/", _preview),
        "conflicts-none": Page("/conflicts/?severity=low"),
        "automatic": Page("/conflicts/automatic/"),
        "admin-conflicts": Page(admin),
        "admin-conflict": Page(f"{admin}{text}/change/"),
        "admin-policy": Page("/admin/conflicts/policy/add/"),
    }


def _of_operations(hub: Hub) -> dict[str, Page]:
    at = "/operations/"
    return {
        "operations": Page(at),
        "operation": Page(f"{at}{hub.sync.pk}/"),
        "undo": Page(f"{at}{hub.sync.pk}/undo/"),
        "undo-dependents": Page(f"{at}{hub.depended_on.pk}/undo/"),
    }


def _of_replicas(hub: Hub) -> dict[str, Page]:
    at, new = "/replicas/", urlencode({"kind": "markdown", "path": hub.folder / "council"})
    handbook = f"{at}{hub.handbook.pk}/"
    return {
        "replicas": Page(at),
        "replica": Page(f"{at}{hub.plans.pk}/"),
        "replica-away": Page(f"{at}{hub.laptop.pk}/"),
        "replica-preview": Page(f"{at}{hub.buoys.pk}/preview/"),
        "replica-add": Page(f"{at}add/"),
        "replica-refused": Page(f"{at}add/?kind=markdown&path=/nowhere"),
        "replica-proof": Page(f"{at}add/proof/?{new}"),
        "replica-options": Page(f"{at}add/options/?{new}"),
        "replica-unpaired": Page(f"{handbook}unpaired/"),
        "replica-pairs": Page(f"{handbook}pairs/?path=moving.md"),
        "replica-first": Page(f"{handbook}first/"),
        "replica-remove": Page(f"{handbook}remove/"),
    }


def _without_anything(hub: Hub) -> dict[str, Page]:
    empty = {
        name: Page(f"/{name}/", who=Who.NEWCOMER)
        for name in ("plans", "conflicts", "operations", "validation", "audit", "performance", "bin")
    }
    return {
        "empty-overview": Page("/", who=Who.NEWCOMER),
        **{f"empty-{name}": page for name, page in empty.items()},
        "empty-search": Page("/search/?q=submarine", who=Who.NEWCOMER),
        "not-allowed": Page("/replicas/add/", who=Who.READER),
        "not-found": Page(f"/plans/{NOWHERE}/"),
    }


# ---------------------------------------------------------------------------- what is done there first


def _preview(tab: Tab) -> None:
    boxes = tab.get_by_role("checkbox")
    expect(boxes.first).to_be_visible()
    for box in boxes.all():
        box.check()
    tab.locator("#act").select_option("take_replica")
    tab.locator("#act ~ button").click()
    expect(tab.locator(".bulk")).to_be_visible()


def _see_keys(tab: Tab) -> None:
    expect(tab.locator("html[data-connection]")).to_be_attached()
    tab.keyboard.press("?")
    expect(tab.get_by_role("dialog")).to_be_visible()


def _see_api(tab: Tab) -> None:
    tab.locator("#operations-tag-plans").click()
    expect(tab.locator(".opblock").first).to_be_visible()


def _edit_in_place(tab: Tab) -> None:
    expect(tab.locator("html[data-connection]")).to_be_attached()
    tab.locator("a.words", has_text="Describe a gauge in a file").click()
    expect(tab.locator(".editor [name=text]")).to_be_focused()


def _see_similar(tab: Tab) -> None:
    _edit_in_place(tab)
    tab.locator("[data-similar]").click()
    expect(tab.locator(".editor .similar li").first).to_be_visible()
