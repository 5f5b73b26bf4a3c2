"""Who comes and goes, from where, and what becomes of people and their rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import Group, Permission, User
from django.http import HttpRequest
from django.test import AsyncClient, Client

from audit import context, services
from audit.addresses import client_address, network_of
from audit.models import Entry, Operation
from audit.tally import MOST_SOURCES, WINDOW_SECONDS, Tally
from tests import loops
from tests.audit.log import after

pytestmark = pytest.mark.django_db

Action = Entry.Action


@pytest.fixture(autouse=True)
def nobody_came_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_visits", Tally())
    monkeypatch.setattr(services, "_refusals", Tally(limit=1000))


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", password="correct horse")


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def told(action: str) -> list[Entry]:
    return list(Entry.objects.filter(action=action).select_related("operation").order_by("id"))


def only(action: str) -> Entry:
    (entry,) = told(action)
    return entry


# --------------------------------------------------------------------------- coming and going


def test_signing_in_and_out_is_in_the_log(alice: User) -> None:
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.post("/login/", {"username": "alice", "password": "correct horse"})
    client.post("/logout/")
    for action in (Action.LOGGED_IN, Action.LOGGED_OUT):
        operation = only(action).operation
        assert (operation.kind, operation.actor) == ("access", "alice")
        assert (operation.via, operation.address, operation.status) == ("person", "192.0.2.7", "done")


def test_a_refused_sign_in_is_in_the_log_without_what_was_typed(alice: User) -> None:
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.post("/login/", {"username": "alice", "password": "wrong password"})
    client.post("/login/", {"username": "correct horse", "password": ""})
    client.post("/login/", {"username": "correct horse", "password": "correct horse"})
    entries = told(Action.REFUSED)
    assert [after(entry)["user"] for entry in entries] == ["alice", None]
    assert {(entry.operation.actor, entry.operation.status) for entry in entries} == {
        ("anonymous", "refused")
    }
    assert "horse" not in str([entry.after for entry in entries])


def test_a_forbidden_page_is_in_the_log(browser: Client, settings: Any) -> None:
    forgetful = Client(enforce_csrf_checks=True)
    assert forgetful.post("/login/?next=/secret", {"username": "alice"}).status_code == 403
    entry = only(Action.FORBIDDEN)
    assert entry.after == {"method": "POST", "path": "/login/", "count": 1}
    assert entry.operation.actor == "anonymous"


def test_a_forbidden_page_is_that_of_who_is_signed_in(alice: User) -> None:
    client = Client(enforce_csrf_checks=True, REMOTE_ADDR="2001:db8::1")
    client.force_login(alice)
    assert client.post("/logout/").status_code == 403
    operation = only(Action.FORBIDDEN).operation
    assert (operation.actor, operation.address) == ("alice", "2001:db8::1")


@pytest.mark.django_db(transaction=True)
def test_the_log_knows_the_same_of_requests_that_are_answered_asynchronously() -> None:
    async def visit() -> int:
        client = AsyncClient(enforce_csrf_checks=True, headers={"x-forwarded-for": "198.51.100.1"})
        answer = await client.post("/login/", {"username": "alice"})
        return int(answer.status_code)

    assert loops.run(visit()) == 403
    operation = only(Action.FORBIDDEN).operation
    assert (operation.via, operation.address) == ("person", "127.0.0.1")


def test_an_edit_in_the_browser_says_from_where() -> None:
    seen: list[context.Origin] = []

    def view(request: HttpRequest) -> Any:
        from django.http import HttpResponse

        seen.append(context.current())
        services.note_done("edit", [], actor="alice")
        return HttpResponse()

    from audit.middleware import trace_origin

    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "192.0.2.7"}
    trace_origin(view)(request)
    operation = Operation.objects.get(kind="edit")
    assert (operation.via, operation.address) == ("person", "192.0.2.7")
    assert context.current() == context.Origin()


def test_what_becomes_known_in_the_middle_of_a_request_ends_with_it() -> None:
    with context.origin(via="person", address="192.0.2.7"):
        context.refine(via="key", name=lambda: "key:build")
        assert (context.current().via, context.current().address) == ("key", "192.0.2.7")
        assert context.actor() == "key:build"
    assert context.actor() == "system"


# --------------------------------------------------------------------------- people and rights


def test_a_new_person_and_what_becomes_of_their_rights_is_in_the_log(browser: Client) -> None:
    with context.origin(via="person", address="192.0.2.7", name=lambda: "olive"):
        bob = User.objects.create_user("bob")
        bob.is_staff = True
        bob.set_password("another horse")
        bob.save()
        bob.delete()
    entries = Entry.objects.filter(operation__kind="admin", operation__actor="olive").order_by("id")
    assert [(entry.action, entry.field) for entry in entries] == [
        ("created", ""),
        ("changed", "is_staff"),
        ("changed", "password"),
        ("deleted", ""),
    ]
    assert entries[1].before == {"is_staff": False}
    assert entries[1].after == {"user": "bob", "is_staff": True}
    assert "horse" not in str(list(entries.values_list("before", "after")))
    assert {entry.operation.address for entry in entries} == {"192.0.2.7"}


def test_a_role_given_and_taken_is_in_the_log_from_either_side(alice: User) -> None:
    arbiter = Group.objects.get(name="arbiter")
    alice.groups.add(arbiter)
    assert only(Action.GRANTED).after == {"user": "alice", "groups": ["arbiter"]}
    arbiter.user_set.remove(alice)
    assert only(Action.REVOKED).after == {"user": "alice", "groups": ["arbiter"]}
    alice.groups.set([arbiter])
    alice.groups.clear()
    alice.groups.clear()
    assert [entry.after for entry in told(Action.REVOKED)] == [{"user": "alice", "groups": ["arbiter"]}] * 2


def test_a_changed_role_is_in_the_log() -> None:
    permission = Permission.objects.get(codename="view_seal")
    group = Group.objects.get(name="reader")
    group.permissions.add(permission)
    entry = only(Action.GRANTED)
    assert (entry.item_kind, entry.after) == (
        "group",
        {"group": "reader", "permissions": ["audit.view_seal"]},
    )


def test_a_visit_that_is_noted_by_django_changes_no_person(alice: User) -> None:
    before = Operation.objects.filter(kind="admin").count()
    request = HttpRequest()
    from django.contrib.sessions.backends.db import SessionStore

    request.session = SessionStore()
    login(request, alice)  # writes the time of the last one
    logout(request)
    assert Operation.objects.filter(kind="admin").count() == before


# --------------------------------------------------------------------------- floods


def test_brute_force_leaves_dozens_of_entries_not_thousands(alice: User) -> None:
    with context.origin(via="person", address="192.0.2.7"):
        for number in range(1000):
            authenticate(username=f"name {number}", password="wrong")
    counts = [after(entry)["count"] for entry in told(Action.REFUSED)]
    assert counts == [*range(1, 11), 20, 40, 80, 160, 320, 640]


def test_a_key_that_is_used_all_the_time_is_told_when_its_number_doubles() -> None:
    for _ in range(20):
        services.note_access(Action.USED, actor="key:build")
    services.note_access(Action.USED, actor="key:other")
    assert [(entry.operation.actor, after(entry)["count"]) for entry in told(Action.USED)] == [
        *(("key:build", count) for count in (1, 2, 4, 8, 16)),
        ("key:other", 1),
    ]


def test_a_flood_from_everywhere_is_bounded_too() -> None:
    tally = Tally(limit=1000)
    said = sum(bool(tally.count(("refused", number), first=10, now=0.0)) for number in range(100_000))
    assert 1000 <= said < 1020
    assert len(tally._counts) <= MOST_SOURCES


def test_a_flood_of_refusals_hides_nobody_who_was_let_in() -> None:
    for number in range(3000):
        with context.origin(via="person", address=f"10.0.{number // 250}.{number % 250}"):
            services.note_access(Action.REFUSED, actor="anonymous")
    with context.origin(via="person", address="192.0.2.7"):
        services.note_access(Action.LOGGED_IN, actor="alice")
    assert only(Action.LOGGED_IN).operation.address == "192.0.2.7"
    assert 1000 <= len(told(Action.REFUSED)) < 1020


def test_the_next_hour_counts_anew() -> None:
    tally = Tally()
    assert [tally.count("a", first=1, now=1.0) for _ in range(3)] == [1, 2, 0]
    assert tally.count("a", first=1, now=1.0 + WINDOW_SECONDS) == 1


# --------------------------------------------------------------------------- from where


def networks(*words: str) -> list[Any]:
    from ipaddress import ip_network

    return [ip_network(word) for word in words]


@pytest.mark.parametrize(
    ("peer", "header", "trusted", "found"),
    [
        ("192.0.2.7", "", (), "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", (), "192.0.2.7"),
        ("10.0.0.1", "198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", ("10.0.0.0/8",), "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1, nonsense", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", ("10.0.0.0/8",), "198.51.100.1"),
        ("::1", "[2001:db8::1]:80", ("::1/128",), "2001:db8::1"),
        ("::ffff:10.0.0.1", "198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("fe80::1%eth0", "", (), "fe80::1"),
        ("", "198.51.100.1", ("10.0.0.0/8",), ""),
        ("testclient", "", (), ""),
        ("10.0.0.1", ", ,", ("10.0.0.0/8",), "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_say_where_a_request_comes_from(
    peer: str, header: str, trusted: tuple[str, ...], found: str
) -> None:
    assert client_address(peer, header, networks(*trusted)) == found


def test_a_client_of_ipv6_is_its_network() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert network_of("192.0.2.7") == "192.0.2.7"
    assert network_of("") == ""


def test_a_proxy_is_believed_where_the_setting_names_it(alice: User, settings: Any) -> None:
    settings.PLANNING_SYNC_TRUSTED_PROXIES = networks("10.0.0.0/8")
    client = Client(REMOTE_ADDR="10.0.0.1", headers={"x-forwarded-for": "203.0.113.9, 198.51.100.1"})
    client.post("/login/", {"username": "alice", "password": "correct horse"})
    assert only(Action.LOGGED_IN).operation.address == "198.51.100.1"


@pytest.fixture(autouse=True)
def _no_origin_is_left_behind() -> Iterator[None]:
    yield
    assert context.current() == context.Origin()
