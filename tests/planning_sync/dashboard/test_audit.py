"""The log entry by entry: its filters, its pages, its exports, and who sees what of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from planning_sync.dashboard import audit
from plans import services
from plans.models import Plan
from tests.planning_sync.dashboard.people import page, signed_in, text_of
from tests.planning_sync.sync.test_undo import TAG
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db

NOON = datetime(2036, 5, 4, 12, tzinfo=UTC)  # after whatever the fixtures write


def entries_of(shown: str) -> list[int]:
    return [int(pk) for pk in re.findall(r"<small>(\d+)</small></td>", shown)]


def wrote(monkeypatch: pytest.MonkeyPatch, at: datetime, **fields: Any) -> int:
    """The entry of an edit that was made then."""
    monkeypatch.setattr("audit.services.timezone.now", lambda: at)
    services.create_plan(fields.pop("title", "Any"), actor=fields.pop("actor", "alice"))
    monkeypatch.undo()
    return Entry.objects.order_by("-pk").values_list("pk", flat=True)[0]


@pytest.fixture
def olive() -> Client:
    return signed_in("olive", "administrator")


def test_an_edit_is_told_with_what_was_before_and_after(launch: Workbench, olive: Client) -> None:
    services.set_fields(launch.task(TAG), {"text": "Tag the version"}, actor="alice")
    shown = page(olive, "/audit/?actor=alice&action=changed")
    assert "<del>and publish the packages</del>" in re.sub(r"<del>\s+", "<del>", shown)
    assert "task changed" in shown


def test_what_is_about_people_tells_its_values(olive: Client) -> None:
    shown = text_of(page(olive, "/audit/?kind=admin"))
    assert "olive" in shown
    assert "administrator" in shown


def test_every_filter_keeps_what_it_names(olive: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = wrote(monkeypatch, NOON, title="First thing")
    second = wrote(monkeypatch, NOON + timedelta(days=1), actor="bob")
    third = wrote(monkeypatch, NOON + timedelta(days=2))
    plan = Plan.objects.get(title="First thing")
    wanted = {
        "kind=edit": [third, second, first],
        "kind=sync": [],
        "kind=edit&action=created": [third, second, first],
        "kind=edit&action=deleted": [],
        "kind=edit&actor=bob": [second],
        "kind=edit&actor=bo": [],
        f"plan={plan.pk}": [first],
        "plan=first": [first],
        "kind=edit&since=2036-05-05": [third, second],
        "kind=edit&until=2036-05-05": [second, first],
        "since=2036-05-05&until=2036-05-05": [second],
        "since=nonsense": [],
        "until=2036-02-31": [],
        f"kind=edit&before={second}": [first],
        "kind=edit&before=nonsense": [third, second, first],
        "kind=edit&before=99999999999999999999": [third, second, first],
    }
    assert {query: entries_of(page(olive, f"/audit/?{query}")) for query in wanted} == wanted


def test_the_export_holds_what_is_shown(olive: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    wrote(monkeypatch, NOON)
    wanted = wrote(monkeypatch, NOON + timedelta(days=1), actor="bob")
    shown = page(olive, "/audit/?kind=edit&actor=bob&since=2036-05-05&until=2036-05-05")
    assert entries_of(shown) == [wanted]
    (address,) = re.findall(r'href="([^"]+export\.csv[^"]*)"', shown)
    lines = b"".join(olive.get(address.replace("&amp;", "&")).streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert [line.split(",")[0] for line in lines[1:]] == [str(wanted)]


def test_no_export_is_offered_for_what_exports_do_not_know(olive: Client) -> None:
    assert "export.csv" not in page(olive, "/audit/?action=changed")
    assert "export.csv" not in page(olive, "/audit/?plan=words")


def test_the_limited_see_entries_of_their_plans_and_no_export(launch: Workbench) -> None:
    services.create_plan("Zebrafish", actor="alice")
    shown = page(signed_in("tess", "reader", only=launch.row), "/audit/")
    assert "Launch" in shown
    assert "Zebrafish" not in shown
    assert "export.csv" not in shown


def test_older_pages_follow_without_a_gap(olive: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        services.create_plan(f"Plan {number}", actor="alice")
    monkeypatch.setattr(audit, "PER_PAGE", 2)
    address, seen = "?kind=edit", []
    while address:
        shown = page(olive, f"/audit/{address}")
        seen += entries_of(shown)
        older = re.search(r'rel="next" href="([^"]+)"', shown)
        address = older[1].replace("&amp;", "&") if older else ""
    assert seen == list(
        Entry.objects.filter(operation__kind="edit").order_by("-pk").values_list("pk", flat=True)
    )


def test_a_moment_is_found_in_the_log_by_halving(monkeypatch: pytest.MonkeyPatch) -> None:
    assert audit.entry_at(NOON) <= 1
    written = [wrote(monkeypatch, NOON + timedelta(hours=number)) for number in range(7)]
    for number, entry in enumerate(written):
        assert audit.entry_at(NOON + timedelta(hours=number)) == entry
        assert audit.entry_at(NOON + timedelta(hours=number, minutes=-1)) == entry
    assert audit.entry_at(NOON + timedelta(days=1)) == written[-1] + 1
