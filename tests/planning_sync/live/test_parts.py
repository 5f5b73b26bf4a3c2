"""The parts without a network: origins, events, mailboxes, and a socket whose person's rights change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as ours
from django.contrib.auth.models import User
from django.template import Context, Template
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.models import Entry, Operation
from planning_sync.asgi import application as site
from planning_sync.live import consumer, log, mailbox, topics
from planning_sync.live.events import Event, Gain, events_of
from planning_sync.live.mailbox import Batch, Mailbox
from planning_sync.live.origins import is_same
from tests import loops
from tests.planning_sync.live.logbook import changed, write
from tests.planning_sync.live.server import cookie_of, person
from tests.waiting import PATIENCE_SECONDS

AT = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = topics.view_of(["all"], topics.May(frozenset(topics.PERMISSIONS)))


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("https://localhost", "localhost", True),
        ("https://localhost", "localhost:443", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://localhost:8000", "localhost:8001", False),
        ("http://localhost", "localhost:443", False),
        ("http://127.0.0.1:8000", "localhost:8000", False),
        ("http://evil.example", "evil.example", False),
        ("http://localhost.evil.example", "localhost", False),
        ("http://user@localhost", "localhost", False),
        ("file://localhost", "localhost", False),
        ("http://[", "localhost", False),
        ("null", "localhost", False),
        ("", "localhost", False),
        ("http://localhost", "", False),
    ],
)
def test_an_origin_is_ours_or_not(origin: str, host: str, same: bool) -> None:
    assert is_same(origin, host) is same


# ------------------------------------------------------------------------------------------- events

IDS = [UUID(int=number) for number in range(3)]
GAINS = st.builds(
    Gain,
    phase=st.sampled_from(["started", "recorded", "recorded", "recorded", "progress", "finished"]),
    status=st.sampled_from(["", "running", "nonsense", *Operation.Status.values]),
    at=st.just(AT),
    operation_id=st.sampled_from(IDS),
    kind=st.sampled_from(Operation.Kind.values),
    actor=st.just("bob"),
    on_behalf_of=st.just(""),
    replica_id=st.none(),
    action=st.sampled_from([None, *Entry.Action.values]),
    plan_id=st.sampled_from([None, *IDS]),
    item_id=st.sampled_from([None, *IDS]),
    field=st.sampled_from([None, "", "text", "status"]),
    told=st.sampled_from([None, [], "text", {}, {"conflict": "c", "state": "resolved"}, {"strategy": "s"}]),
    news=st.sampled_from(["", "replica.offline", "replica.online"]),
    progress=st.sampled_from([None, {"done": 1, "total": 30}]),
)


@given(gains=st.lists(GAINS, max_size=30))
@settings(deadline=None)
def test_whatever_the_log_says_each_plan_is_told_once_an_operation_and_each_conflict_every_time(
    gains: list[Gain],
) -> None:
    events = events_of(gains)
    modified = [(event.operation, event.plan) for event in events if event.type == "plan.modified"]
    assert len(modified) == len(set(modified))
    recorded = [gain for gain in gains if gain.phase == "recorded"]
    about = [isinstance(gain.told, dict) and "conflict" in gain.told for gain in recorded]
    conflicts = [
        gain
        for gain, yes in zip(recorded, about, strict=True)
        if yes and (gain.action or "") in ("opened", "decided", "reopened", "closed", "assigned", "postponed")
    ]
    assert len([event for event in events if event.type.startswith("conflict.")]) == len(conflicts)
    of_plans = [gain for gain in recorded if gain not in conflicts and gain.plan_id]
    fallen = [gain for gain in of_plans if gain.action == "fell"]
    assert [event.plan for event in events if event.type == "validation.failed"] == [
        gain.plan_id for gain in fallen
    ]
    assert set(modified) == {(gain.operation_id, gain.plan_id) for gain in of_plans if gain not in fallen}
    assert all(event.conflict == "c" for event in events if event.type.startswith("conflict."))


def test_an_item_is_named_where_one_item_was_changed_alone() -> None:
    one, other = uuid4(), uuid4()

    def told(*spots: tuple[UUID, str]) -> tuple[UUID | None, str | None]:
        gain = Gain("recorded", "", AT, IDS[0], "edit", "bob", "", None, "changed", IDS[1], None, None, None)
        (event,) = events_of(gain._replace(item_id=item, field=field) for item, field in spots)
        return event.item, event.field

    assert told((one, "text")) == (one, "text")
    assert told((one, "text"), (one, "status")) == (one, None)
    assert told((one, "text"), (other, "text"), (one, "text")) == (None, None)


# ---------------------------------------------------------------------------------------- mailboxes


def batch(number: int, count: int = 1) -> Batch:
    event = Event("plan.modified", AT, IDS[0], "bob", "", plan=IDS[1])
    return Batch((event,) * count, str(number))


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    loops.run(test())


def test_what_waits_is_one_message_with_the_last_cursor() -> None:
    async def test() -> None:
        box = Mailbox(EVERYTHING)
        for number in range(5):
            box.offer(batch(number))
        said = json.loads(box.take() or "")
        assert (len(said["events"]), said["cursor"]) == (5, "4")
        assert box.take() is None

    in_a_loop(test)


@pytest.mark.parametrize("count", [1, 1000])
def test_a_mailbox_is_bounded_in_messages_and_in_events(count: int) -> None:
    async def test() -> None:
        box = Mailbox(EVERYTHING)
        bound = min(mailbox.MOST_MESSAGES, mailbox.MOST_EVENTS // count)
        for number in range(bound):
            box.offer(batch(number, count))
        assert not box.dropped.done()
        box.offer(batch(bound, count))
        assert box.dropped.result() == mailbox.TOO_SLOW
        box.offer(batch(bound + 1))
        assert box.take() is None

    in_a_loop(test)


def test_a_single_large_batch_is_no_sign_of_a_slow_client() -> None:
    async def test() -> None:
        box = Mailbox(EVERYTHING)
        box.offer(batch(1, mailbox.MOST_EVENTS + 1))
        assert not box.dropped.done()

    in_a_loop(test)


def test_who_is_told_nothing_for_long_learns_the_cursor_all_the_same() -> None:
    async def test() -> None:
        box = Mailbox(topics.view_of(["conflicts"], topics.May(frozenset(topics.PERMISSIONS))))
        box.offer(batch(7))
        assert box.take() is None
        assert box.take_unsaid() == "7"
        assert box.take_unsaid() is None

    in_a_loop(test)


# --------------------------------------------------------------------------- a socket in this process


class Socket:
    """The other end of a socket, without a network."""

    def __init__(self, user: User) -> None:
        headers = [
            (b"origin", b"http://localhost"),
            (b"host", b"localhost"),
            (b"cookie", cookie_of(user).encode()),
        ]
        scope = {"type": "websocket", "path": "/ws/events/", "headers": headers, "query_string": b""}
        self._other: Any = ApplicationCommunicator(site, scope)  # type: ignore[no-untyped-call]

    async def subscribe(self) -> None:
        await self._other.send_input({"type": "websocket.connect"})
        assert (await self.output())["type"] == "websocket.accept"
        await self._other.send_input(
            {"type": "websocket.receive", "text": json.dumps({"subscribe": ["all"]})}
        )
        assert (await self.message())["events"] == []

    async def output(self) -> dict[str, Any]:
        return dict(await self._other.receive_output(timeout=PATIENCE_SECONDS))

    async def message(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((await self.output())["text"])
        return said

    async def types(self, *, until: str) -> list[str]:
        """Of the events up to one of that type."""
        types = list[str]()
        while until not in types:
            types += [event["type"] for event in (await self.message()).get("events", [])]
        return types

    async def leave(self) -> None:
        await self._other.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._other.wait(timeout=PATIENCE_SECONDS)


def with_a_socket(
    user: User, test: Callable[[Socket], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Play the test on a subscribed socket that checks its person ten times a second."""
    monkeypatch.setattr(consumer, "CHECK_SECONDS", 0.1)
    socket = Socket(user)

    async def play() -> None:
        await socket.subscribe()
        await test(socket)
        await socket.leave()

    loops.run(play(), seconds=4 * PATIENCE_SECONDS)


@pytest.mark.usefixtures("transactional_db")
def test_who_signs_out_is_closed_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.sessions.models import Session

    async def test(socket: Socket) -> None:
        await sync_to_async(Session.objects.all().delete)()
        closing = await socket.output()
        assert (closing["type"], closing["code"]) == ("websocket.close", consumer.SIGNED_OUT)

    with_a_socket(person("alice", "view_plan"), test, monkeypatch)


@pytest.mark.usefixtures("transactional_db")
def test_who_may_no_longer_see_something_is_no_longer_told(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = person("alice", "view_plan", "view_operation")
    seeing_plans = alice.user_permissions.get(codename="view_plan")

    async def test(socket: Socket) -> None:
        await sync_to_async(alice.user_permissions.remove)(seeing_plans)
        types = ["plan.modified"]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "plan.modified" in types:
                await sync_to_async(write)([changed(uuid4())], kind=Operation.Kind.SYNC)
                types = await socket.types(until="sync.completed")
        assert types == ["sync.started", "sync.completed"]

    with_a_socket(alice, test, monkeypatch)


@pytest.mark.usefixtures("transactional_db")
def test_a_follower_that_fails_closes_its_sockets_and_a_new_one_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alice = person("alice", "view_plan")

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a bug")

    async def test(socket: Socket) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(log, "between", fail)
            await sync_to_async(write)([changed(uuid4())])
            closing = await socket.output()
            assert (closing["type"], closing["code"]) == ("websocket.close", mailbox.FAILED)

    with_a_socket(alice, test, monkeypatch)
    with_a_socket(alice, told_of_a_plan, monkeypatch)


async def told_of_a_plan(socket: Socket) -> None:
    await sync_to_async(write)([changed(uuid4())])
    told = await socket.message()
    assert [event["type"] for event in told["events"]] == ["plan.modified"]


@pytest.mark.usefixtures("transactional_db")
def test_a_page_says_how_far_the_log_was_when_it_was_made() -> None:
    cursor = Template("{% load live %}{% live_cursor %}").render(Context())
    assert log.check(cursor, log.position())
    write([changed(uuid4())])
    assert len(list(log.between(cursor, log.position(), limit=10))) == 3
    assert ours.CHANNEL_LAYERS == {}, "none of this needs Redis"
