"""Webhooks out: from a commit to the receiver, and what happens when the receiver does not answer."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from audit.models import Entry, Operation
from audit.transactions import write_transaction
from planning_sync.live import log
from planning_sync.live.models import Mark
from planning_sync.roles import services as roles
from planning_sync.sync.models import Replica
from planning_sync.webhooks import delivering, following, services, signing, tasks
from planning_sync.webhooks.errors import InvalidAddress, NotFinished
from planning_sync.webhooks.models import Delivery, Position, Subscription
from tests.planning_sync.live.logbook import changed, conflict, write
from tests.planning_sync.live.server import person
from tests.planning_sync.sync.workbench import Workbench
from tests.planning_sync.webhooks.receiver import Receiver

Status = Delivery.Status


def subscribe(receiver: Receiver, owner: User, **more: Any) -> Subscription:
    return services.subscribe(receiver.url, owner=owner, actor=owner.username, **more).subscription


def told(receiver: Receiver) -> list[dict[str, Any]]:
    """The events that came, in the order of the deliveries."""
    return [event for each in receiver.received for event in json.loads(each.body).get("events", [])]


def work() -> list[str]:
    """What the workers have to do now: read on, and send."""
    return [delivering.deliver(str(row.pk)) for row in following.follow()]


def ripen(**changes: Any) -> None:
    """Let the time of all that waits come."""
    Delivery.objects.filter(status=Status.WAITING).update(next_at=timezone.now(), **changes)


# ------------------------------------------------------------------------------------- what is sent


def test_an_edit_is_sent_once_signed_and_as_the_sockets_tell_it(receiver: Receiver, alice: User) -> None:
    row = subscribe(receiver, alice)
    plan = uuid4()
    operation = write([changed(plan), changed(plan)])
    assert work() == ["delivered"]
    assert work() == []
    (came,) = receiver.received
    body = json.loads(came.body)
    assert list(log.between(body["cursor"], log.position(), limit=1)) == [], "a socket would go on from there"
    (event,) = body["events"]
    assert (event["type"], event["plan"], event["operation"]) == (
        "plan.modified",
        str(plan),
        str(operation.pk),
    )
    ident = signing.check(signing.secret_of(row.salt), came.headers, came.body, now=time.time())
    assert ident == str(Delivery.objects.get().pk)


def test_only_what_happens_from_now_on_is_told(receiver: Receiver, alice: User) -> None:
    first = subscribe(receiver, alice)
    write([changed(uuid4())])
    time.sleep(0.002)
    second = subscribe(receiver, alice)
    time.sleep(0.002)
    write([changed(uuid4())])
    following.follow()
    counts = {row.subscription_id: row.count for row in Delivery.objects.all()}
    assert counts == {first.pk: 2, second.pk: 1}


def test_a_subscription_is_told_of_the_events_that_it_names(receiver: Receiver, alice: User) -> None:
    subscribe(receiver, alice, events=["conflict.detected"])
    write([changed(uuid4()), conflict(Entry.Action.OPENED, uuid4(), "open")])
    work()
    assert [event["type"] for event in told(receiver)] == ["conflict.detected"]


def test_a_subscription_is_told_of_no_more_than_its_owner_may_see(
    receiver: Receiver, transactional_db: None
) -> None:
    subscribe(receiver, person("bob", "view_plan"))
    subscribe(receiver, person("charlie"))
    write([changed(uuid4()), conflict(Entry.Action.OPENED, uuid4(), "open")], kind=Operation.Kind.SYNC)
    work()
    assert [event["type"] for event in told(receiver)] == ["plan.modified"]


def test_an_owner_who_was_switched_off_is_told_nothing(receiver: Receiver, alice: User) -> None:
    subscribe(receiver, alice)
    User.objects.update(is_active=False)
    write([changed(uuid4())])
    assert work() == []


@pytest.fixture
def two(tmp_path: Path, transactional_db: None) -> tuple[Workbench, Workbench]:
    """Two replicas with a plan each."""
    desks = []
    for name in ("notes", "roadmap"):
        desk = Workbench.at(tmp_path / name, include=["*.md"], pairing="off")
        desk.write(f"{name}.md", f"# {name.title()}\n\n- [ ] Do it\n")
        desk.sync(direction="pull")
        desks.append(desk)
    return desks[0], desks[1]


def edit(desk: Workbench, path: str) -> None:
    with write_transaction():
        write([changed(desk.plan(path).pk)])


def test_a_subscription_is_told_of_the_replicas_that_it_names(
    receiver: Receiver, alice: User, two: tuple[Workbench, Workbench]
) -> None:
    notes, roadmap = two
    subscribe(receiver, alice, replicas=[notes.row])
    edit(notes, "notes.md")
    edit(roadmap, "roadmap.md")
    work()
    assert [event["plan"] for event in told(receiver)] == [str(notes.plan("notes.md").pk)]


def test_a_replica_that_is_gone_does_not_widen_the_subscription(
    receiver: Receiver, alice: User, two: tuple[Workbench, Workbench]
) -> None:
    notes, roadmap = two
    subscribe(receiver, alice, replicas=[notes.row])
    Replica.objects.filter(pk=notes.row.pk).delete()
    edit(roadmap, "roadmap.md")
    assert work() == []


def test_an_owner_who_becomes_limited_is_told_less(
    receiver: Receiver, alice: User, two: tuple[Workbench, Workbench]
) -> None:
    notes, roadmap = two
    subscribe(receiver, alice)
    roles.limit(alice, notes.row, by=person("dora"), actor="dora")
    edit(notes, "notes.md")
    edit(roadmap, "roadmap.md")
    work()
    assert [event["plan"] for event in told(receiver)] == [str(notes.plan("notes.md").pk)]


def test_many_events_are_several_deliveries(
    receiver: Receiver, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "EVENTS_EACH", 4)
    subscribe(receiver, alice)
    write([changed(uuid4()) for _ in range(10)])
    work()
    assert [len(json.loads(each.body)["events"]) for each in receiver.received] == [4, 4, 2]


def test_too_much_at_once_is_told_as_a_reset(
    receiver: Receiver, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MOST_GAINS", 4)
    subscribe(receiver, alice)
    write([changed(uuid4()) for _ in range(10)])
    work()
    assert [json.loads(each.body)["reset"] for each in receiver.received] == [True]


def test_what_is_too_long_ago_is_told_as_a_reset(receiver: Receiver, alice: User) -> None:
    subscribe(receiver, alice)
    for _ in range(3):
        write([changed(uuid4())])
    Mark.objects.filter(pk__lt=Mark.objects.order_by("-pk")[0].pk).update(
        at=timezone.now() - timedelta(days=9)
    )
    assert log.prune(timezone.now()) > 0
    work()
    assert [json.loads(each.body).get("reset") for each in receiver.received] == [True]


# --------------------------------------------------------------------------------- who does the work


def queued() -> list[str]:
    return [row.func() for row in OrmQ.objects.order_by("pk")]


def test_a_commit_queues_one_task_and_sends_nothing_itself(receiver: Receiver, alice: User) -> None:
    subscribe(receiver, alice)
    OrmQ.objects.all().delete()
    following.follow()
    write([changed(uuid4())])
    write([changed(uuid4())])
    assert queued() == [following.FOLLOW]
    assert receiver.received == []
    following.follow()
    write([changed(uuid4())])
    assert queued() == [following.FOLLOW] * 2


def test_without_subscriptions_nothing_is_queued(transactional_db: None) -> None:
    write([changed(uuid4())])
    assert queued() == []


def test_the_end_of_a_sync_is_told_though_no_signal_tells_it(
    receiver: Receiver, alice: User, two: tuple[Workbench, Workbench]
) -> None:
    subscribe(receiver, alice, events=["sync.completed"])
    two[0].edit("notes.md", "- [ ]", "- [x]")
    OrmQ.objects.all().delete()
    following.follow()
    two[0].sync()
    assert following.FOLLOW in queued()
    work()
    assert [event["type"] for event in told(receiver)] == ["sync.completed"]


def test_a_task_that_was_lost_is_made_up_for(receiver: Receiver, alice: User) -> None:
    subscribe(receiver, alice)
    write([changed(uuid4())])
    OrmQ.objects.all().delete()  # the worker died
    write([changed(uuid4())])
    assert queued() == []
    assert tasks.run_due() == 1
    assert len(queued()) == 1
    Position.objects.update(queued_at=timezone.now() - following.LOST * 2)
    write([changed(uuid4())])
    assert queued()[-1] == following.FOLLOW


def test_the_first_subscription_brings_the_schedule_once(receiver: Receiver, alice: User) -> None:
    subscribe(receiver, alice)
    subscribe(receiver, alice)
    assert Schedule.objects.filter(name=services.SCHEDULE).count() == 1


def test_every_task_named_in_the_queue_is_one_that_there_is(receiver: Receiver, alice: User) -> None:
    from django.utils.module_loading import import_string

    subscribe(receiver, alice)
    write([changed(uuid4())])
    tasks.follow()
    names = {*queued(), *Schedule.objects.values_list("func", flat=True)}
    assert len(names) >= 3
    assert all(callable(import_string(name)) for name in names)


# -------------------------------------------------------------------------------- where it goes wrong


def test_a_delivery_that_fails_waits_longer_each_time_and_arrives_in_the_end(
    receiver: Receiver, alice: User
) -> None:
    row = subscribe(receiver, alice)
    receiver.statuses = [500, 503]
    write([changed(uuid4())])
    before = timezone.now()
    assert work() == ["waiting"]
    delivery = Delivery.objects.get()
    assert delivery.next_at >= before + delivering.PAUSES[0]
    assert delivering.deliver(str(delivery.pk)) == "nothing to do", "its time has not come"
    assert delivering.due() == []
    ripen()
    assert delivering.due() == [delivery.pk]
    assert delivering.deliver(str(delivery.pk)) == "waiting"
    ripen()
    assert delivering.deliver(str(delivery.pk)) == "delivered"
    delivery.refresh_from_db()
    row.refresh_from_db()
    assert (delivery.attempts, delivery.answer, delivery.problem, row.failures) == (3, 200, "", 0)
    assert len({each.body for each in receiver.received}) == 1
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1


def test_while_one_delivery_waits_for_its_next_attempt_the_others_wait_too(
    receiver: Receiver, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "EVENTS_EACH", 1)
    subscribe(receiver, alice)
    receiver.status = 500
    write([changed(uuid4()) for _ in range(5)])
    assert work() == ["waiting", *["nothing to do"] * 4]
    assert len(receiver.received) == 1


def exhaust(delivery: Delivery) -> None:
    for _ in delivering.PAUSES:
        assert delivering.deliver(str(delivery.pk)) == "waiting"
        ripen()
    assert delivering.deliver(str(delivery.pk)) == "failed"


def test_a_receiver_that_never_answers_is_switched_off_with_an_alert(receiver: Receiver, alice: User) -> None:
    row = subscribe(receiver, alice)
    receiver.status = 500
    write([changed(uuid4())])
    (delivery,) = following.follow()
    exhaust(delivery)
    row.refresh_from_db()
    assert (row.active, row.problem) == (False, "it answered 500")
    alert = Entry.objects.get(item_id=row.pk, field="active")
    assert (alert.operation.status, alert.operation.kind, (alert.after or {})["why"]) == (
        "failed",
        "admin",
        "it answered 500",
    )
    assert "from=here" not in json.dumps(alert.after), "the path of an address may be a secret"
    write([changed(uuid4())])
    assert work() == []


def test_a_receiver_that_answers_other_deliveries_stays_on(receiver: Receiver, alice: User) -> None:
    row = subscribe(receiver, alice)
    write([changed(uuid4())])
    (delivery,) = following.follow()
    receiver.status = 500
    delivering.deliver(str(delivery.pk))
    receiver.status = 200
    write([changed(uuid4())])
    assert work() == ["delivered"]
    receiver.status = 500
    Delivery.objects.filter(pk=delivery.pk).update(attempts=len(delivering.PAUSES))
    ripen()
    assert delivering.deliver(str(delivery.pk)) == "failed"
    row.refresh_from_db()
    assert row.active


def test_gone_switches_off_at_once(receiver: Receiver, alice: User) -> None:
    row = subscribe(receiver, alice)
    receiver.status = 410
    write([changed(uuid4())])
    assert work() == ["failed"]
    row.refresh_from_db()
    assert not row.active


def test_switched_on_again_it_is_told_first_that_it_missed_something(receiver: Receiver, alice: User) -> None:
    row = subscribe(receiver, alice)
    services.switch_off(row, actor="alice")
    write([changed(uuid4())])
    services.switch_on(row, actor="alice")
    assert row.active
    write([changed(uuid4())])
    for pk in [*delivering.due(), *(made.pk for made in following.follow())]:
        delivering.deliver(str(pk))
    assert [json.loads(each.body).get("reset", False) for each in receiver.received] == [True, False]
    assert len(told(receiver)) == 1


def test_what_a_dead_worker_was_sending_is_sent_again(receiver: Receiver, alice: User) -> None:
    subscribe(receiver, alice)
    write([changed(uuid4())])
    (delivery,) = following.follow()
    past = timezone.now() - timedelta(seconds=1)
    Delivery.objects.filter(pk=delivery.pk).update(status=Status.SENDING, next_at=past)
    assert delivering.due() == [delivery.pk]
    assert delivering.deliver(str(delivery.pk)) == "delivered"


def test_an_address_that_turns_out_to_be_private_is_not_asked(
    receiver: Receiver, alice: User, settings: Any
) -> None:
    subscribe(receiver, alice)
    write([changed(uuid4())])
    settings.PLANNING_SYNC_WEBHOOKS_PRIVATE = False
    assert work() == ["waiting"]
    assert receiver.received == []
    assert "Nothing is sent to that address" in Delivery.objects.get().problem
    with pytest.raises(InvalidAddress):
        services.subscribe(receiver.url, owner=alice, actor="alice")


# ------------------------------------------------------------------------------------ by a person


def test_a_delivery_is_sent_again_under_the_same_id(receiver: Receiver, alice: User) -> None:
    subscribe(receiver, alice)
    write([changed(uuid4())])
    work()
    delivery = Delivery.objects.get()
    services.resend(delivery, actor="alice")
    assert delivering.deliver(str(delivery.pk)) == "delivered"
    first, second = receiver.received
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


def test_a_delivery_on_its_way_is_not_sent_twice(receiver: Receiver, alice: User) -> None:
    subscribe(receiver, alice)
    write([changed(uuid4())])
    (delivery,) = following.follow()
    with pytest.raises(NotFinished):
        services.resend(delivery, actor="alice")


def test_a_new_secret_takes_the_place_of_the_old_one(receiver: Receiver, alice: User) -> None:
    row = subscribe(receiver, alice)
    old = signing.secret_of(row.salt)
    new = services.renew(row, actor="alice").secret
    write([changed(uuid4())])
    work()
    (came,) = receiver.received
    assert new != old
    signing.check(new, came.headers, came.body, now=time.time())
    assert old not in str(list(Entry.objects.values())) + str(list(Subscription.objects.values()))
    assert new not in str(list(Entry.objects.values())) + str(list(Subscription.objects.values()))


def test_what_people_do_to_webhooks_is_in_the_log(receiver: Receiver, alice: User) -> None:
    row = subscribe(receiver, alice)
    services.change(row, {"events": ["plan.modified"]}, actor="bob", on_behalf_of="alice")
    services.switch_off(row, actor="bob")
    services.unsubscribe(row, actor="charlie")
    rows = Entry.objects.filter(item_kind="webhook").order_by("pk")
    assert [(each.action, each.operation.actor) for each in rows] == [
        *(("created", "alice"), ("changed", "bob"), ("changed", "bob"), ("deleted", "charlie"))
    ]


def test_old_deliveries_are_forgotten(receiver: Receiver, alice: User) -> None:
    subscribe(receiver, alice)
    write([changed(uuid4())])
    work()
    Delivery.objects.update(finished_at=timezone.now() - tasks.DELIVERIES_KEPT * 2)
    tasks.run_due()
    assert not Delivery.objects.exists()
