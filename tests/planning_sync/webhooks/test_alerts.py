"""People are told by e-mail of what they chose and may see: once, together, and again where it failed."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import timezone

from audit.models import Entry
from planning_sync.roles import groups
from planning_sync.roles import services as roles
from planning_sync.sync import services as syncs
from planning_sync.sync.models import Replica
from planning_sync.webhooks import alerting, alerts, following
from planning_sync.webhooks.errors import UnknownAlert
from planning_sync.webhooks.models import AlertMail
from tests.api.programs import person
from tests.planning_sync.sync.workbench import Workbench

TASKS = [f"Paint wall {'ab' * number}" for number in range(1, 31)]


@pytest.fixture
def desk(tmp_path: Any, transactional_db: None, settings: Any) -> Workbench:
    settings.EMAIL_HOST, settings.PLANNING_SYNC_FOLLOW = "mail.example.org", False
    groups.ensure()
    desk = Workbench.at(tmp_path / "plans")
    desk.write("launch.md", "# Launch\n\n" + "".join(f"- [ ] {text}\n" for text in TASKS))
    desk.sync()
    return desk


@pytest.fixture
def alice(desk: Workbench) -> User:
    user = person("alice", "arbiter")
    user.email = "alice@example.org"
    user.save()
    return user


def clash(desk: Workbench) -> None:
    """A conflict over each of the tasks."""
    for text in TASKS:
        desk.set(text, status="done")
    desk.write("launch.md", desk.read("launch.md").replace("[ ]", "[~]"))
    desk.sync()


def look_and_send() -> list[str]:
    """What the task does that runs every minute; what became of each e-mail."""
    alerting.follow()
    return [alerting.deliver(pk) for pk in alerting.due()]


def test_many_conflicts_are_one_mail_that_comes_once(desk: Workbench, alice: User) -> None:
    alerts.choose(alice, ["conflict.detected", "sync.failed"], actor="alice")
    clash(desk)
    assert look_and_send() == ["delivered"]
    assert look_and_send() == []
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["alice@example.org"], "[Planning Sync] 30 alerts")
    assert sent.body == "A conflict waits for a decision: 30\n  Launch, plans: 30\n"


def test_who_chose_nothing_more_or_something_else_is_not_told(desk: Workbench, alice: User) -> None:
    bob = person("bob", "arbiter")
    User.objects.filter(pk=bob.pk).update(email="bob@example.org")
    alerts.choose(alice, ["conflict.detected"], actor="alice")
    alerts.choose(alice, [], actor="alice")
    alerts.choose(bob, ["replica.offline"], actor="ada")
    clash(desk)
    assert look_and_send() == []
    assert (set(alerts.choices(alice)), set(alerts.choices(bob))) == (set(), {"replica.offline"})
    told = Entry.objects.filter(item_kind="alerts").order_by("-pk").first()
    assert told is not None
    assert (told.operation.actor, told.after) == ("ada", {"user": "bob", "kinds": ["replica.offline"]})
    with pytest.raises(UnknownAlert):
        alerts.choose(alice, ["plan.modified"], actor="alice")


def test_nobody_is_told_of_what_they_may_not_see(desk: Workbench, alice: User, tmp_path: Any) -> None:
    other = tmp_path / "other"
    other.mkdir()
    syncs.add_replica(other, actor="ada")
    roles.limit(alice, Replica.objects.get(name="other"), by=person("ada", "administrator"), actor="ada")
    alerts.choose(alice, ["conflict.detected"], actor="alice")
    clash(desk)
    assert look_and_send() == []


def test_without_a_mail_server_nothing_waits_and_nothing_comes_later(
    desk: Workbench, alice: User, settings: Any
) -> None:
    settings.EMAIL_HOST = ""
    alerts.choose(alice, ["conflict.detected"], actor="alice")
    clash(desk)
    assert look_and_send() == []
    settings.EMAIL_HOST = "mail.example.org"
    assert look_and_send() == []


def test_a_mail_that_cannot_be_sent_is_tried_again_and_given_up_at_last(
    desk: Workbench, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: EmailMessage) -> int:
        raise smtplib.SMTPServerDisconnected("no answer")

    alerts.choose(alice, ["conflict.detected"], actor="alice")
    clash(desk)
    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", refuse)
        assert look_and_send() == ["waiting"]
    assert look_and_send() == [], "its time has not come"
    AlertMail.objects.update(next_at=timezone.now())
    assert look_and_send() == ["delivered"]
    assert len(mail.outbox) == 1
    AlertMail.objects.update(status="waiting", attempts=len(alerting.PAUSES), next_at=timezone.now())
    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", refuse)
        assert look_and_send() == ["failed"]
    assert AlertMail.objects.get().problem == "no answer"


def test_a_worker_that_died_while_sending_leaves_it_to_another(desk: Workbench, alice: User) -> None:
    alerts.choose(alice, ["conflict.detected"], actor="alice")
    clash(desk)
    alerting.follow()
    lost = timezone.now() - timedelta(seconds=1)
    AlertMail.objects.update(status="sending", attempts=1, next_at=lost)
    assert look_and_send() == ["delivered"]


def test_too_much_to_be_told_is_told_as_that(
    desk: Workbench, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts.choose(alice, ["conflict.detected"], actor="alice")
    monkeypatch.setattr(following, "MOST_GAINS", 3)
    clash(desk)
    assert look_and_send() == ["delivered"]
    assert mail.outbox[0].subject == "[Planning Sync] Much has happened"


def test_every_kind_is_an_event_that_there_is() -> None:
    assert set(alerts.KINDS) <= set(following.EVENTS)
