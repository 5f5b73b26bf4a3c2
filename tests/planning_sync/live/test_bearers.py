"""Sockets opened with a token or a key, on a real server; and their end when that is not good any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from audit.models import Entry, Operation
from planning_sync.api import services as tokens
from planning_sync.api.models import ApiKey, Token
from planning_sync.asgi import application as site
from planning_sync.live import consumer
from planning_sync.live.bearers import Bearer, answer_to, bearer_of
from planning_sync.sync.models import Replica
from tests import loops
from tests.planning_sync.live.logbook import changed, conflict, write
from tests.planning_sync.live.server import Listener, Server, cookie_of, person
from tests.planning_sync.live.test_sockets import closed_with
from tests.planning_sync.sync.workbench import Workbench
from tests.waiting import PATIENCE_SECONDS

Kind = Operation.Kind

pytestmark = pytest.mark.once


def by_header(server: Server, authorization: str, **options: Any) -> ClientConnection:
    """As a program that is no browser connects."""
    headers = {"Authorization": authorization, **options.pop("headers", {})}
    return opened(server, additional_headers=headers, **options)


def by_subprotocol(server: Server, secret: str, **options: Any) -> ClientConnection:
    """As a page connects."""
    return opened(server, subprotocols=["planning-sync", f"bearer.{secret}"], **options)


def opened(server: Server, *, query: str = "", **options: Any) -> ClientConnection:
    address = f"ws://127.0.0.1:{server.port}/ws/events/{query}"
    return connect(address, open_timeout=PATIENCE_SECONDS, **options)


def token_of(user: User) -> str:
    user.set_password("correct horse")
    user.save()
    return tokens.issue(user).access


def key_of(user: User, **limits: Any) -> str:
    return tokens.make_key("robot", owner=user, actor="alice", **limits).secret


# --------------------------------------------------------------------------------------- being let in


@pytest.mark.parametrize("shape", ["Bearer {}", "bearer {}"])
def test_a_token_in_the_header_opens_a_socket(shape: str, server: Server, alice: User) -> None:
    with Listener(by_header(server, shape.format(token_of(alice))), "all") as listener:
        write([changed(uuid4())])
        listener.until(1)
    assert listener.types() == ["plan.modified"]


@pytest.mark.parametrize("shape", ["Bearer {}", "Api-Key {}"])
def test_a_key_in_the_header_opens_a_socket(shape: str, server: Server, alice: User) -> None:
    with Listener(by_header(server, shape.format(key_of(alice))), "all") as listener:
        write([changed(uuid4())])
        listener.until(1)
    assert listener.types() == ["plan.modified"]


@pytest.mark.parametrize("make", [token_of, key_of])
def test_a_page_offers_it_as_a_subprotocol_which_is_not_echoed(
    make: Callable[[User], str], server: Server, alice: User
) -> None:
    secret = make(alice)
    socket = by_subprotocol(server, secret, origin=f"http://127.0.0.1:{server.port}")
    assert socket.subprotocol == "planning-sync"
    assert socket.response is not None
    assert secret not in str(socket.response.headers)
    with Listener(socket, "all") as listener:
        write([changed(uuid4())])
        listener.until(1)
    assert listener.types() == ["plan.modified"]
    assert secret not in server.said()


# ------------------------------------------------------------------------------------ being kept out


@pytest.mark.parametrize(
    "authorization", ["Bearer pst_nonsense", "Bearer psk_12345678_nonsense", "Api-Key nonsense", "Bearer"]
)
def test_what_is_no_good_lets_nobody_in(authorization: str, server: Server) -> None:
    headers = {"authorization": authorization}
    assert closed_with(by_header(server, **headers)) == 4401


@pytest.mark.parametrize("authorization", ["Basic YTpi", "\u00ff", "Bearers pst_nonsense", ""])
def test_another_header_is_no_token_and_leaves_the_session_to_count(
    authorization: str, server: Server, alice: User
) -> None:
    with pytest.raises(InvalidStatus):
        by_header(server, authorization)
    ours = f"http://127.0.0.1:{server.port}"
    socket = by_header(server, authorization, headers={"Cookie": cookie_of(alice)}, origin=ours)
    with Listener(socket, "all") as listener:
        assert listener.answer["refused"] == []


def test_a_refresh_token_opens_nothing(server: Server, alice: User) -> None:
    assert closed_with(by_header(server, f"Bearer {tokens.issue(alice).refresh}")) == 4401


def test_a_wrong_token_is_not_made_good_by_a_session(server: Server, alice: User) -> None:
    headers = {"Cookie": cookie_of(alice)}
    socket = by_header(
        server, "Bearer pst_nonsense", headers=headers, origin=f"http://127.0.0.1:{server.port}"
    )
    assert closed_with(socket) == 4401


def test_a_token_in_the_address_does_not_count(server: Server, alice: User) -> None:
    token = token_of(alice)
    with pytest.raises(InvalidStatus) as refused:
        opened(server, query=f"?token={token}&access_token={token}")
    assert refused.value.response.status_code == 403
    ours = f"http://127.0.0.1:{server.port}"
    assert closed_with(opened(server, query=f"?token={token}", origin=ours)) == 4401


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_a_page_from_elsewhere_gets_no_socket_with_a_token_either(
    origin: str, server: Server, alice: User
) -> None:
    token = token_of(alice)
    ways: list[Callable[[], ClientConnection]] = [
        lambda: by_subprotocol(server, token, origin=origin),
        lambda: by_header(server, f"Bearer {token}", origin=origin),
    ]
    for way in ways:
        with pytest.raises(InvalidStatus) as refused:
            way()
        assert refused.value.response.status_code == 403


# ------------------------------------------------------------------------------------- being limited


def test_a_key_limited_to_roles_hears_what_they_may_see_alone(server: Server, alice: User) -> None:
    role = Group.objects.create(name="watcher of conflicts")
    role.permissions.set(Permission.objects.filter(codename="view_conflict"))
    with (
        Listener(server.connect(alice), "all") as everything,
        Listener(by_header(server, f"Bearer {key_of(alice, roles=[role])}"), "all", "operations") as listener,
    ):
        assert listener.answer["refused"] == ["operations"]
        write([changed(uuid4()), conflict(Entry.Action.OPENED, uuid4(), "open")], kind=Kind.SYNC)
        everything.until(4)
        listener.until(1)
        assert listener.hears_nothing_more()
    assert listener.types() == ["conflict.detected"]


def test_a_key_with_roles_gives_no_more_than_its_owner_may_see(server: Server) -> None:
    role = Group.objects.create(name="watcher of everything")
    role.permissions.set(Permission.objects.filter(codename__startswith="view_"))
    secret = key_of(person("bob", "view_plan"), roles=[role])
    with Listener(by_header(server, f"Bearer {secret}"), "all", "conflicts", "operations") as listener:
        assert listener.answer["refused"] == ["conflicts", "operations"]


def test_a_key_limited_to_a_replica_hears_of_its_plans_alone(
    server: Server, alice: User, tmp_path: Path
) -> None:
    plans = []
    for name in ("notes", "roadmap"):
        desk = Workbench.at(tmp_path / name, include=[f"{name}.md"], pairing="off")
        desk.write(f"{name}.md", f"# {name}\n\n- [ ] Do it\n")
        desk.sync(direction="pull")
        plans.append(desk.plan(f"{name}.md").pk)
    secret = key_of(alice, replicas=[Replica.objects.get(name="notes")])
    with (
        Listener(server.connect(alice), "all") as everything,
        Listener(by_header(server, f"Bearer {secret}"), "all") as limited,
    ):
        start = limited.cursor
        for plan in reversed(plans):
            write([changed(plan)])
        everything.until(2)
        assert [event["plan"] for event in limited.until(1)] == [str(plans[0])]
        assert limited.hears_nothing_more()
    with Listener(by_header(server, f"Bearer {secret}"), "all", cursor=start) as again:
        assert [event["plan"] for event in again.until(1)] == [str(plans[0])]
        assert again.hears_nothing_more()


# ----------------------------------------------------------------------------- no good any more, later


def expire_tokens() -> None:
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def revoke_tokens() -> None:
    Token.objects.update(revoked_at=timezone.now())


def expire_keys() -> None:
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def revoke_keys() -> None:
    tokens.revoke_key(ApiKey.objects.get(), actor="alice")


def switch_off() -> None:
    User.objects.update(is_active=False)


@pytest.mark.parametrize(
    ("make", "end"),
    [
        (token_of, expire_tokens),
        (token_of, revoke_tokens),
        (token_of, switch_off),
        (key_of, expire_keys),
        (key_of, revoke_keys),
        (key_of, switch_off),
    ],
)
def test_a_socket_is_closed_soon_after_its_token_or_key_has_ended(
    make: Callable[[User], str], end: Callable[[], None], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "CHECK_SECONDS", 0.1)
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {make(alice)}".encode())]
    scope = {"type": "websocket", "path": "/ws/events/", "headers": headers, "query_string": b""}
    client: Any = ApplicationCommunicator(site, scope)  # type: ignore[no-untyped-call]

    async def play() -> None:
        await client.send_input({"type": "websocket.connect"})
        assert (await client.receive_output(timeout=PATIENCE_SECONDS))["type"] == "websocket.accept"
        await client.send_input({"type": "websocket.receive", "text": json.dumps({"subscribe": ["all"]})})
        assert json.loads((await client.receive_output(timeout=PATIENCE_SECONDS))["text"])["subscribed"] == [
            "all"
        ]
        await asyncio.sleep(0.35)
        assert await client.receive_nothing(), "while it is good nothing happens"
        await sync_to_async(end)()
        closing = await client.receive_output(timeout=PATIENCE_SECONDS)
        assert (closing["type"], closing["code"]) == ("websocket.close", consumer.SIGNED_OUT)
        await client.send_input({"type": "websocket.disconnect", "code": 4401})
        await client.wait(timeout=PATIENCE_SECONDS)

    loops.run(play(), seconds=4 * PATIENCE_SECONDS)


# ------------------------------------------------------------------------------------- the pure parts


def test_the_header_goes_before_the_subprotocol_and_nothing_shown_is_nothing() -> None:
    scope: dict[str, Any] = {"headers": [], "client": ("192.0.2.1", 4711), "subprotocols": ["chat"]}
    assert (bearer_of(scope), answer_to(scope)) == (None, None)
    scope["subprotocols"] = ["planning-sync", "bearer.abc"]
    assert bearer_of(scope) == Bearer("Bearer abc", "192.0.2.1", "")
    assert answer_to(scope) == "planning-sync"
    scope["headers"] = [(b"authorization", b"Api-Key k"), (b"x-forwarded-for", b"198.51.100.7")]
    assert bearer_of(scope) == Bearer("Api-Key k", "192.0.2.1", "198.51.100.7")


def test_an_empty_offer_is_a_wrong_token_and_not_a_session() -> None:
    assert bearer_of({"headers": [], "subprotocols": ["bearer."]}) == Bearer("Bearer ", "", "")


def test_a_secret_does_not_show_where_a_bearer_is_printed() -> None:
    assert "abc" not in f"{Bearer('Bearer abc', '', '')!r} {Bearer('Bearer abc', '', '')}"
