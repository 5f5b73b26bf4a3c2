"""Policies in the admin: as in the file, with mistakes told at their field, and what they come to."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Entry
from conflicts import policy as policies
from conflicts import signals
from conflicts.merge.model import CLASSES
from conflicts.models import Hit, LearnedModel, Policy
from planning_sync.sync.models import Replica

ADD = "admin:conflicts_policy_add"
CHANGE = "admin:conflicts_policy_change"


@pytest.fixture
def replica(db: None) -> Replica:
    return Replica.objects.create(name="shop", kind="markdown", path="/plans", created_at=timezone.now())


@pytest.fixture
def browser(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


def form(*rules: dict[str, Any], policy: Policy | None = None, **fields: Any) -> dict[str, Any]:
    """What the browser sends, as the page was and with these rules and fields filled in."""
    sent: dict[str, Any] = {"replica_id": "", "enabled": "on", "reads_file": "on"}
    sent |= {f"owner_{name}": "" for name in CLASSES}
    sent |= {"open_tasks_removed": "", "declared_progress": "", **fields}
    sent |= {"rules-TOTAL_FORMS": len(rules), "rules-INITIAL_FORMS": 0}
    for at, rule in enumerate(rules):
        said = {"severity": "high", "min_kept": 0.5, "confidence": 0.95, "position": "", "note": "", **rule}
        for place, name in enumerate(said.pop("strategies", [])):
            said[f"strategies_{place}"] = name
        sent |= {f"rules-{at}-{name}": value for name, value in said.items()}
    return sent


def test_a_policy_made_in_the_admin_says_what_the_file_would_say(browser: Client, replica: Replica) -> None:
    sent = form(
        {"field_names": ["due", "assignee"], "strategies": ["latest_wins", "hub_wins"], "position": 2},
        {"kinds": ["content_divergence"], "strategies": ["manual"], "position": 1, "severity": "critical"},
        {"strategies": ["learned"], "confidence": 0.9, "note": "what is left"},
        replica_id=str(replica.pk),
        owner_text="replica",
        owner_presence="hub",
        open_tasks_removed=3,
        evidence=["link", "note"],
        declared_progress="2.5",
    )
    answer = browser.post(reverse(ADD), sent)
    assert answer.status_code == 302, unescape(answer.content.decode())
    (policy,) = Policy.objects.all()
    assert (policy.replica_id, str(policy)) == (replica.pk, "policy of shop")
    found = policies.from_mapping(policy.as_mapping(), "")
    assert found == policies.from_toml(
        """
        [owners]
        text = "replica"
        presence = "hub"

        [watch]
        open_tasks_removed = 3
        evidence = ["link", "note"]
        declared_progress = 2.5

        [[rule]]
        kind = "content_divergence"
        severity = "critical"
        strategies = "manual"

        [[rule]]
        field = ["due", "assignee"]
        strategies = ["latest_wins", "hub_wins"]

        [[rule]]
        strategies = ["learned"]
        confidence = 0.9
        """
    )


@pytest.mark.parametrize(
    ("rule", "name", "message"),
    [
        ({"strategies": ["manual", "hub_wins"]}, "strategies", "nothing can come after manual"),
        ({"strategies": [], "note": "for the press"}, "strategies", "This field is required."),
        ({"strategies": ["hub_wins"], "min_kept": 2}, "min_kept", "2.0 is not a number from 0 to 1"),
        ({"strategies": ["learned"], "confidence": -1}, "confidence", "-1.0 is not a number from 0 to 1"),
        (
            {"strategies": ["hub_wins"], "field_names": ["presence"]},
            "__all__",
            "it can never match presence, which is a structure_change of severity critical",
        ),
    ],
)
def test_a_mistake_in_a_rule_is_told_at_its_field(
    browser: Client, rule: dict[str, Any], name: str, message: str
) -> None:
    answer = browser.post(reverse(ADD), form({"strategies": ["hub_wins"]}, rule))
    assert answer.status_code == 200
    (formset,) = [each.formset for each in answer.context["inline_admin_formsets"]]
    assert formset.forms[0].errors == {}
    assert formset.forms[1].errors == {name: [message]}
    assert not Policy.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"), [("owner_text", "me"), ("open_tasks_removed", -1), ("declared_progress", 101)]
)
def test_a_mistake_in_owners_and_watch_is_told_at_its_field(browser: Client, field: str, value: Any) -> None:
    answer = browser.post(reverse(ADD), form(**{field: value}))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]


def test_a_replica_has_one_policy_and_so_have_all_of_them(browser: Client, replica: Replica) -> None:
    for replica_id in ("", str(replica.pk)):
        assert browser.post(reverse(ADD), form(replica_id=replica_id)).status_code == 302
        again = browser.post(reverse(ADD), form(replica_id=replica_id))
        assert again.status_code == 200
        assert "There is such a policy already" in again.content.decode()
    assert Policy.objects.count() == 2


def test_the_page_of_a_policy_shows_what_is_set_and_keeps_it(browser: Client, replica: Replica) -> None:
    browser.post(
        reverse(ADD),
        form({"strategies": ["hub_wins"], "field_names": ["due"]}, owner_text="hub", evidence=["link"]),
    )
    policy = Policy.objects.get()
    before = policy.as_mapping()
    page = browser.get(reverse(CHANGE, args=[policy.pk]))
    shown = page.context["adminform"].form
    assert (shown["owner_text"].value(), shown["evidence"].value()) == ("hub", ["link"])
    (formset,) = [each.formset for each in page.context["inline_admin_formsets"]]
    sent = form(owner_text="hub", evidence=["link"])
    rule = formset.forms[0]
    sent |= {"rules-TOTAL_FORMS": 1, "rules-INITIAL_FORMS": 1}
    sent |= {
        f"rules-0-{name}": rule[name].value()
        for name in ("field_names", "severity", "position", "min_kept", "confidence", "note")
    }
    sent |= {"rules-0-id": rule.instance.pk, "rules-0-policy": policy.pk, "rules-0-strategies_0": "hub_wins"}
    assert browser.post(reverse(CHANGE, args=[policy.pk]), sent).status_code == 302
    assert Policy.objects.get().as_mapping() == before


def rows(page: str) -> dict[str, tuple[str, str]]:
    """(settled by, what may be lost) for each field in the table of a policy's page."""
    found = re.findall(
        r'<th scope="row">(\w+)</th>\s*<td>.*?</td>\s*<td>(.*?)</td>\s*<td>(.*?)</td>', page, re.DOTALL
    )
    return {
        field: (re.sub(r"<.*?>", "", unescape(settled)), unescape(lost).strip())
        for field, settled, lost in found
    }


def test_the_page_says_what_the_policy_comes_to_with_the_general_one_after_it(
    browser: Client, replica: Replica
) -> None:
    browser.post(reverse(ADD), form({"strategies": ["hub_wins"]}, owner_assignee="hub"))
    browser.post(
        reverse(ADD),
        form({"strategies": ["latest_wins"], "field_names": ["due"]}, replica_id=str(replica.pk)),
    )
    policy = Policy.objects.get(replica_id=replica.pk)
    page = browser.get(reverse(CHANGE, args=[policy.pk])).content.decode()
    table = rows(page)
    assert list(table) == list(CLASSES)
    assert table["due"][0] == "latest_wins, a person"
    assert "It compares two clocks" in table["due"][1]
    assert table["status"] == ("hub_wins, a person", "The replica's value is dropped; the history keeps it.")
    assert table["assignee"][0] == "its owner, the hub"
    assert table["presence"] == ("a person", "nothing")
    assert "the file conflict-policy.toml beside the plans may still say something else" in page


@pytest.mark.parametrize(
    ("hits", "words"),
    [
        (None, "Too few decisions of people to learn from yet."),
        ([], "No suggestion was measured yet."),
        ([True] * 19 + [False], "Suggestions are shown, and act where a rule names learned."),
        ([True] * 15 + [False] * 5, "People took what was suggested in 75 % of the last 20 cases."),
        ([False] * 20, "Suggestions are off: people took something else too often."),
    ],
)
def test_the_page_says_how_well_learning_fares(
    browser: Client, replica: Replica, hits: list[bool] | None, words: str
) -> None:
    policy = Policy.objects.create()
    at = timezone.now()
    if hits is not None:
        LearnedModel.objects.create(trained_at=at, decisions=40, hit_rate=0.95, content={})
        Hit.objects.bulk_create(
            Hit(at=at, suggested="hub", confidence=0.9, taken="hub", is_hit=is_hit) for is_hit in hits
        )
    page = " ".join(browser.get(reverse(CHANGE, args=[policy.pk])).content.decode().split())
    assert words in page
    assert ("In training it hit 95 %." in page) == (hits is not None)


def test_a_policy_that_cannot_be_read_any_more_says_so(browser: Client, replica: Replica) -> None:
    policy = Policy.objects.create(owners={"text": "me"})
    page = browser.get(reverse(CHANGE, args=[policy.pk])).content.decode()
    assert "general policy, owners, text: &#x27;me&#x27; is not one of hub, replica, both" in page


def test_only_who_may_change_policies_changes_them(replica: Replica) -> None:
    policy = Policy.objects.create(replica_id=replica.pk)
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_policy"))
    client = Client()
    client.force_login(bob)
    assert client.get(reverse(CHANGE, args=[policy.pk])).status_code == 200
    assert client.post(reverse(CHANGE, args=[policy.pk]), form()).status_code == 403
    assert client.post(reverse(ADD), form()).status_code == 403


def test_the_policy_of_a_replica_that_is_gone_can_still_be_looked_at(browser: Client) -> None:
    gone = UUID(int=3)
    policy = Policy.objects.create(replica_id=gone)
    assert str(policy) == f"policy of {gone}"
    assert str(gone) in browser.get(reverse(CHANGE, args=[policy.pk])).content.decode()


@pytest.mark.parametrize("act", ["save", "delete", "delete many"])
def test_a_change_is_announced_to_who_has_to_act_on_it(browser: Client, replica: Replica, act: str) -> None:
    policy = Policy.objects.create(replica_id=replica.pk)
    heard: list[UUID | None] = []

    def hear(*, replica_id: UUID | None, **_: Any) -> None:
        heard.append(replica_id)

    signals.policy_changed.connect(hear)
    if act == "save":
        browser.post(reverse(CHANGE, args=[policy.pk]), form(replica_id=str(replica.pk)))
    elif act == "delete":
        browser.post(reverse("admin:conflicts_policy_delete", args=[policy.pk]), {"post": "yes"})
    else:
        sent = {"action": "delete_selected", "_selected_action": [str(policy.pk)], "post": "yes"}
        browser.post(reverse("admin:conflicts_policy_changelist"), sent)
    assert heard == [replica.pk]
    assert Policy.objects.exists() == (act == "save")


def test_what_becomes_of_a_policy_in_the_admin_is_in_the_log_as_the_file_would_say_it(
    browser: Client, replica: Replica
) -> None:
    rule = {"strategies": ["hub_wins"], "note": "what is left"}
    browser.post(reverse(ADD), form(rule, replica_id=str(replica.pk), owner_text="replica"))
    policy = Policy.objects.get()
    sent = form(replica_id=str(replica.pk), owner_text="hub", open_tasks_removed=3)
    inline = policy.rules.get()
    kept = {
        "rules-TOTAL_FORMS": 1,
        "rules-INITIAL_FORMS": 1,
        "rules-0-id": inline.pk,
        "rules-0-policy": str(policy.pk),
        "rules-0-DELETE": "on",
    }
    for _ in range(2):  # the second time there is nothing to change
        browser.post(reverse(CHANGE, args=[policy.pk]), {**sent, **kept})
        kept = {}
    sent = {"action": "delete_selected", "_selected_action": [str(policy.pk)], "post": "yes"}
    browser.post(reverse("admin:conflicts_policy_changelist"), sent)
    made, changed, deleted = Entry.objects.filter(item_kind="policy").order_by("id")
    assert [entry.action for entry in (made, changed, deleted)] == ["created", "changed", "deleted"]
    assert {(entry.item_id, entry.operation.actor) for entry in (made, changed, deleted)} == {
        (policy.pk, "alice")
    }
    assert made.before is None
    says: list[Any] = [made.after, changed.after]
    assert says[0]["policy"] == str(replica.pk)
    assert says[0]["owners"] == {"text": "replica"}
    assert [rule["strategies"] for rule in says[0]["rule"]] == [["hub_wins"]]
    assert changed.before == says[0]
    assert (says[1]["owners"], says[1]["rule"]) == ({"text": "hub"}, [])
    assert (deleted.before, deleted.after) == (says[1], None)
