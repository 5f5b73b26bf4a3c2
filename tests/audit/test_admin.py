"""The log in the admin: lists that can be filtered, links between them, and no way to change a thing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from audit import seals
from audit.models import Entry, Operation
from tests.audit.log import fill

pytestmark = pytest.mark.django_db

MODELS = ("operation", "entry", "seal", "snapshot")
ENTRIES = "/admin/audit/entry/"
OPERATIONS = "/admin/audit/operation/"


@pytest.fixture
def browser() -> Client:
    fill(2)
    fill(3, actor="bob")
    seals.seal()
    client = Client()
    client.force_login(User.objects.create_superuser("olive"))
    return client


def shown(browser: Client, url: str) -> int:
    answer = browser.get(url)
    assert answer.status_code == 200, url
    return int(answer.context["cl"].result_count)


@pytest.mark.parametrize("model", MODELS)
def test_even_a_superuser_can_only_look(browser: Client, model: str) -> None:
    assert browser.get(f"/admin/audit/{model}/").status_code == 200
    assert browser.get(f"/admin/audit/{model}/add/").status_code == 403
    name = {"operation": Operation, "entry": Entry}.get(model)
    if name is None:
        return
    row = name._default_manager.order_by("pk")[0]
    assert browser.get(reverse(f"admin:audit_{model}_change", args=[row.pk])).status_code == 200
    assert browser.post(reverse(f"admin:audit_{model}_change", args=[row.pk]), {}).status_code == 403
    assert (
        browser.post(reverse(f"admin:audit_{model}_delete", args=[row.pk]), {"post": "yes"}).status_code
        == 403
    )
    browser.post(
        f"/admin/audit/{model}/",
        {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"},
    )
    assert name._default_manager.filter(pk=row.pk).exists()


def test_entries_are_filtered_by_kind_actor_plan_and_time(browser: Client) -> None:
    plan = Entry.objects.filter(operation__actor="bob")[0].plan_id
    assert shown(browser, f"{ENTRIES}?operation__kind__exact=edit") == 5
    assert shown(browser, f"{ENTRIES}?actor=bob") == 3
    assert shown(browser, f"{ENTRIES}?plan={plan}") == 3
    assert shown(browser, f"{ENTRIES}?plan=nonsense") == 0
    assert shown(browser, f"{ENTRIES}?action__exact=created&operation__kind__exact=edit") == 0
    assert shown(browser, f"{OPERATIONS}?actor=bob&kind__exact=edit") == 1
    assert shown(browser, f"{OPERATIONS}?actor=nobody") == 0


def test_an_operation_leads_to_its_entries_and_back(browser: Client) -> None:
    operation = Operation.objects.get(actor="bob")
    page = browser.get(OPERATIONS).content.decode()
    link = f"{ENTRIES}?operation__id__exact={operation.pk}"
    assert f'href="{link}"' in page
    assert shown(browser, link) == 3
    entries = browser.get(link).content.decode()
    assert f'href="{reverse("admin:audit_operation_change", args=[operation.pk])}"' in entries
    item = Entry.objects.filter(operation=operation)[0].item_id
    assert f'href="{ENTRIES}?item_id__exact={item}"' in entries
    assert shown(browser, f"{ENTRIES}?item_id__exact={item}") == 1


def test_values_are_told_in_few_words(browser: Client) -> None:
    page = browser.get(f"{ENTRIES}?actor=bob").content.decode()
    assert "a: [0, None], b: 0" in page


def test_lists_ask_the_same_number_of_questions_however_long_they_are(
    browser: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        browser.get(ENTRIES)
    fill(60)
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        browser.get(ENTRIES)
