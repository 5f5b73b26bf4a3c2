"""A browser's socket on a real server: what it is told, and who is told nothing."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from audit.models import Entry, Operation
from planning_sync.roles import services as roles
from planning_sync.sync.models import Replica
from tests.planning_sync.live.logbook import changed, conflict, write
from tests.planning_sync.live.server import EVERYTHING, Listener, Server, person
from tests.planning_sync.sync.workbench import Workbench
from tests.waiting import PATIENCE_SECONDS

Action, Kind, Status = Entry.Action, Operation.Kind, Operation.Status


def test_an_edit_of_a_plan_is_told_at_once(server: Server, alice: User) -> None:
    plan, task = uuid4(), uuid4()
    with Listener(server.connect(alice), "all") as listener:
        assert listener.answer["subscribed"] == ["all"]
        assert listener.answer["events"] == listener.answer["refused"] == []
        operation = write([changed(plan, item_id=task)])
        (event,) = listener.until(1)
        assert listener.hears_nothing_more()
    assert event | {"at": "", "cursor": ""} == {
        "cursor": "",
        "type": "plan.modified",
        "at": "",
        "plan": str(plan),
        "conflict": None,
        "operation": str(operation.pk),
        "actor": "bob",
        "on_behalf_of": "",
        "item": str(task),
        "field": "status",
        "replica": None,
        "status": None,
    }


def test_a_burst_is_one_message_in_which_each_plan_stands_once(server: Server, alice: User) -> None:
    plans = [uuid4() for _ in range(20)]
    with Listener(server.connect(alice), "all") as listener:
        write([changed(plan) for _ in range(15) for plan in plans])
        listener.until(20)
        assert listener.hears_nothing_more()
    assert [event["plan"] for event in listener.events] == [str(plan) for plan in plans]
    assert {(event["item"], event["field"]) for event in listener.events} == {(None, None)}
    assert listener.messages == 2, "the answer to the subscription, and the burst"


def test_conflicts_are_told_with_what_became_of_them(server: Server, alice: User) -> None:
    conflict_id = uuid4()
    story = [
        (Action.OPENED, "open", "conflict.detected"),
        (Action.ASSIGNED, "open", "conflict.assigned"),
        (Action.POSTPONED, "open", "conflict.postponed"),
        (Action.DECIDED, "decided", "conflict.decided"),
        (Action.REOPENED, "open", "conflict.reopened"),
        (Action.CLOSED, "resolved", "conflict.resolved"),
        (Action.CLOSED, "closed", "conflict.closed"),
    ]
    with Listener(server.connect(alice), "conflicts") as listener:
        write([conflict(action, conflict_id, state) for action, state, _ in story], kind=Kind.RESOLVE)
        listener.until(len(story))
        assert listener.hears_nothing_more()
    assert listener.types() == [name for _, _, name in story]
    assert [event["status"] for event in listener.events] == [state for _, state, _ in story]
    assert {event["conflict"] for event in listener.events} == {str(conflict_id)}


def test_what_a_strategy_settled_is_no_conflict_event(server: Server, alice: User) -> None:
    settled = conflict(Action.DECIDED, uuid4(), "")._replace(after={"strategy": "auto-merge"})
    with Listener(server.connect(alice), "all") as listener:
        write([settled], kind=Kind.SYNC)
        listener.until(3)
        assert listener.hears_nothing_more()
    assert listener.types() == ["sync.started", "plan.modified", "sync.completed"]


@pytest.mark.parametrize(
    ("kind", "status", "types"),
    [
        (Kind.SYNC, Status.DONE, ["sync.started", "sync.completed"]),
        (Kind.IMPORT, Status.CONFLICTS, ["sync.started", "sync.completed"]),
        (Kind.SYNC, Status.FAILED, ["sync.started", "sync.failed"]),
        (Kind.SYNC, Status.REFUSED, ["sync.started", "sync.failed"]),
        (Kind.UNDO, Status.DONE, ["operation.undone"]),
        (Kind.UNDO, Status.REFUSED, []),
        (Kind.EDIT, Status.DONE, []),
    ],
)
def test_operations_are_told_when_they_start_and_end(
    kind: str, status: str, types: list[str], server: Server, alice: User
) -> None:
    with Listener(server.connect(alice), "operations") as listener:
        operation = write([changed(uuid4())], kind=kind, status=status)
        listener.until(len(types))
        assert listener.hears_nothing_more()
    assert listener.types() == types
    assert {event["operation"] for event in listener.events} <= {str(operation.pk)}


def test_a_plan_s_topic_has_that_plan_and_its_conflicts_alone(server: Server, alice: User) -> None:
    plan = uuid4()
    with Listener(server.connect(alice), f"plan:{plan}") as listener:
        write([changed(uuid4()), changed(plan), conflict(Action.OPENED, uuid4(), "open")], kind=Kind.SYNC)
        write([conflict(Action.OPENED, uuid4(), "open", plan)])
        listener.until(2)
        assert listener.hears_nothing_more()
    assert listener.types() == ["plan.modified", "conflict.detected"]
    assert {event["plan"] for event in listener.events} == {str(plan)}


# ------------------------------------------------------------------------------------- who is told what


def closed_with(listener: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as raised:
        until_the_end(listener)
    assert raised.value.rcvd is not None
    return raised.value.rcvd.code


def until_the_end(client: ClientConnection) -> None:
    """Read on until the socket is closed, which raises."""
    while True:
        client.recv(timeout=PATIENCE_SECONDS)


def test_nobody_is_closed_with_a_code(server: Server) -> None:
    assert closed_with(server.connect(None)) == 4401


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9", "null", None])
def test_a_page_from_elsewhere_gets_no_socket(origin: str | None, server: Server, alice: User) -> None:
    with pytest.raises(InvalidStatus) as refused:
        server.connect(alice, origin=origin)
    assert refused.value.response.status_code == 403


def test_a_page_of_another_host_name_gets_no_socket_by_calling_the_server_so(
    server: Server, alice: User
) -> None:
    """As after DNS rebinding: Origin and Host agree, and are not ours."""
    with socket.create_connection(("127.0.0.1", server.port)) as raw, pytest.raises(InvalidStatus) as refused:
        server.connect(alice, origin="http://evil.example", sock=raw, host="evil.example")
    assert refused.value.response.status_code == 403


def test_a_trusted_origin_gets_a_socket(start: Callable[..., Server], alice: User) -> None:
    server = start(PLANNING_SYNC_TRUSTED_ORIGINS="https://plans.example.org")
    with Listener(server.connect(alice, origin="https://plans.example.org"), "all") as listener:
        assert listener.answer["events"] == []


def test_another_address_is_refused_without_a_traceback(server: Server, alice: User) -> None:
    with pytest.raises(InvalidStatus):
        server.connect(alice, path="/ws/nothing/")


@pytest.mark.parametrize(
    ("permission", "types", "refused"),
    [
        ("view_plan", ["plan.modified"], ["conflicts", "operations"]),
        ("view_conflict", ["conflict.detected"], ["operations"]),
        ("view_operation", ["sync.started", "sync.completed"], ["plan", "conflicts"]),
        (None, [], ["all", "plan", "conflicts", "operations"]),
    ],
)
def test_a_person_is_told_what_that_person_may_see(
    permission: str | None, types: list[str], refused: list[str], server: Server, alice: User
) -> None:
    plan = uuid4()
    bob = person("bob", *([permission] if permission else []))
    topics = ["all", f"plan:{plan}", "conflicts", "operations"]
    with (
        Listener(server.connect(alice), "all") as everything,
        Listener(server.connect(bob), *topics) as listener,
    ):
        assert [topic.partition(":")[0] for topic in listener.answer["refused"]] == refused
        write([changed(plan), conflict(Action.OPENED, uuid4(), "open")], kind=Kind.SYNC)
        everything.until(4)
        listener.until(len(types))
        assert listener.hears_nothing_more()
        again = Listener(server.connect(bob), *topics, cursor=listener.answer["cursor"])
    assert listener.types() == types
    assert again.types() == types, "what was missed is filtered alike"
    again.socket.close()


# ------------------------------------------------------------------------------------------ bad clients


@pytest.mark.parametrize(
    "said",
    [
        "nonsense",
        "[]",
        "{}",
        '{"subscribe": "all"}',
        '{"subscribe": ["plan:1"]}',
        '{"subscribe": [["all"]]}',
        '{"subscribe": ["all"], "cursor": "x"}',
        '{"subscribe": ["all"], "cursor": {"a": 1}}',
        '{"subscribe": ["all"], "cursor": "9:3:5,4"}',
        json.dumps({"subscribe": ["all"] * 101}),
    ],
)
def test_a_message_that_is_not_understood_is_answered_and_ends_the_socket(
    said: str, server: Server, alice: User
) -> None:
    client = server.connect(alice)
    client.send(said)
    assert json.loads(client.recv(timeout=PATIENCE_SECONDS))["error"]
    assert closed_with(client) == 4400


def keep_all(client: ClientConnection, received: list[str]) -> None:
    while True:
        received.append(str(client.recv(timeout=PATIENCE_SECONDS)))


def test_a_client_that_does_not_read_is_dropped_and_nobody_waits_for_it(server: Server, alice: User) -> None:
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", server.port))
    # With a queue of one message, the client stops reading from the network.
    slow = server.connect(alice, sock=narrow, max_queue=1, compression=None, ping_interval=None)
    slow.send(json.dumps({"subscribe": ["all"]}))
    slow.recv(timeout=PATIENCE_SECONDS)
    rounds, plans = 80, 300
    with Listener(server.connect(alice), "all") as listener:
        for number in range(rounds):
            write([changed(uuid4()) for _ in range(plans)])
            listener.until((number + 1) * plans)
    received: list[str] = []
    with pytest.raises(ConnectionClosed):
        keep_all(slow, received)
    assert sum(len(json.loads(text).get("events", [])) for text in received) < rounds * plans


def test_the_server_stops_though_sockets_are_open(start: Callable[..., Server], alice: User) -> None:
    server = start()
    listeners = [Listener(server.connect(alice), "all") for _ in range(5)]
    server.stop(signal.SIGINT)
    assert [closed_with(listener.socket) for listener in listeners] == [1012] * 5


def test_a_second_subscription_takes_the_place_of_the_first(server: Server, alice: User) -> None:
    first, second = uuid4(), uuid4()
    with Listener(server.connect(alice), f"plan:{first}") as listener:
        listener.socket.send(json.dumps({"subscribe": [f"plan:{second}"]}))
        assert listener.receive()["subscribed"] == [f"plan:{second}"]
        write([changed(first), changed(second)])
        listener.until(1)
        assert listener.hears_nothing_more()
    assert [UUID(event["plan"]) for event in listener.events] == [second]


def test_who_is_limited_to_a_replica_hears_of_its_plans_alone(server: Server, tmp_path: Path) -> None:
    plans = []
    for name in ("notes", "roadmap"):
        desk = Workbench.at(tmp_path / name, include=[f"{name}.md"], pairing="off")
        desk.write(f"{name}.md", f"# {name}\n\n- [ ] Do it\n")
        desk.sync(direction="pull")
        plans.append(desk.plan(f"{name}.md").pk)
    bob, dora = person("bob", *EVERYTHING), person("dora", *EVERYTHING)
    roles.limit(bob, Replica.objects.get(name="notes"), by=dora, actor="dora")
    with Listener(server.connect(bob), "all") as limited, Listener(server.connect(dora), "all") as other:
        start = limited.cursor
        for plan in reversed(plans):
            write([changed(plan)])
        assert [event["plan"] for event in other.until(2)] == [str(plans[1]), str(plans[0])]
        assert [event["plan"] for event in limited.until(1)] == [str(plans[0])]
        assert limited.hears_nothing_more()
    with Listener(server.connect(bob), "all", cursor=start) as again:
        assert [event["plan"] for event in again.until(1)] == [str(plans[0])]
        assert again.hears_nothing_more()
