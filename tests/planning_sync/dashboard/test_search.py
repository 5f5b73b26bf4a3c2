"""The page of the search. No embedder runs here: things are found by their words, and the page says so."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from planning_sync.search import records
from plans import services
from tests.planning_sync.dashboard.people import page, signed_in, text_of
from tests.planning_sync.sync.test_undo import FACTS, TAG, WRITE
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db


@pytest.fixture
def olive(launch: Workbench) -> Client:
    services.set_fields(launch.task(TAG), {"tags": ["press"], "status": "done"}, actor="alice")
    records.follow()
    return signed_in("olive", "reader")


def hits(shown: str) -> list[str]:
    found = re.findall(r"data-open-row>(.*?)</a>", shown, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", each)).strip() for each in found]


def test_nothing_is_looked_for_before_it_is_asked(olive: Client) -> None:
    shown = text_of(page(olive, "/search/"))
    assert "hit" not in shown
    assert "Nothing fits" not in shown


def test_what_was_asked_for_is_marked_and_leads_to_its_task(olive: Client, launch: Workbench) -> None:
    shown = page(olive, "/search/?q=announcement")
    assert hits(shown)[0] == f"1.1 {WRITE}"
    assert "<mark>announcement</mark>" in shown
    task = launch.task(WRITE)
    assert f'href="/plans/{task.plan_id}/#i-{task.pk.hex}"' in shown
    assert "Launch › Preparation" in text_of(shown)


def test_a_ref_finds_its_item_first(olive: Client) -> None:
    assert hits(page(olive, "/search/?q=1.2"))[0].startswith("1.2 ")


def test_filters_narrow_what_is_found(olive: Client, launch: Workbench) -> None:
    assert hits(page(olive, "/search/?q=the&status=done&kind=task"))[:1] == [TAG]
    assert hits(page(olive, "/search/?q=the&tag=%23press")) == [TAG]
    assert FACTS in hits(page(olive, f"/search/?q=facts&replica={launch.row.pk}"))
    assert hits(page(olive, "/search/?q=preparation&kind=phase")) == ["1 Preparation"]


def test_the_page_says_that_only_words_were_compared(olive: Client) -> None:
    assert "By words alone" in page(olive, "/search/?q=launch")
    assert "Nothing fits." in page(olive, "/search/?q=zzzzzz")


def test_the_limited_find_what_they_see(launch: Workbench, olive: Client) -> None:
    services.create_plan("Zebrafish launch", actor="alice")
    records.follow()
    tess = signed_in("tess", "reader", only=launch.row)
    assert "Zebrafish launch" in hits(page(olive, "/search/?q=zebrafish"))
    assert hits(page(tess, "/search/?q=zebrafish")) == []
    assert "Launch" in hits(page(tess, "/search/?q=launch"))


def test_what_is_asked_for_is_escaped(olive: Client) -> None:
    shown = page(olive, "/search/?q=%3Cscript%3Ealert(1)%3C/script%3E%00")
    assert "<script>alert" not in shown
