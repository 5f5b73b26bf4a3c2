"""Where webhooks may go: not to this machine, not to its network, however that is written."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.webhooks import addresses, sending
from planning_sync.webhooks.errors import InvalidAddress, Unreachable
from tests.planning_sync.webhooks.receiver import Receiver

PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
    *("::1", "::", "fc00::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "::127.0.0.1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_not_everyone_can_reach_is_refused(address: str) -> None:
    assert not addresses.is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(InvalidAddress):
        addresses.check(f"https://{host}/")


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_an_address_of_the_internet_is_taken(address: str) -> None:
    assert addresses.is_public(ip_address(address))


@given(address=st.ip_addresses(v=4))
@settings(deadline=None)
def test_an_address_in_another_dress_is_judged_the_same(address: Any) -> None:
    for dressed in (f"::ffff:{address}", str(ip_address((0x64FF9B << 96) + int(address)))):
        assert addresses.is_public(ip_address(dressed)) == addresses.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("", "plans.example.org", "ftp://plans.example.org/", "http://plans.example.org/", "https://"),
        *("https://alice:secret@plans.example.org/", "https://plans.example.org/#here", "file:///etc/passwd"),
        *("https://plans.example.org:99999/", "https://plans.example.org/a b", "https://[::1/", "https:///x"),
        *("https://plans.example.org\\@127.0.0.1/", "https://plans.example.org/\r\nX: 1", "https://é.org/"),
    ],
)
def test_what_is_no_address_of_ours_is_refused(url: str) -> None:
    with pytest.raises(InvalidAddress):
        addresses.check(url)


def test_an_address_is_taken_apart() -> None:
    target = addresses.check("https://plans.example.org:8443/hooks?a=1")
    assert target == ("https", "plans.example.org", 8443, "/hooks?a=1")
    assert target.name == "plans.example.org:8443"
    assert addresses.check("https://plans.example.org").name == "plans.example.org"


def leads_to(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def test_a_name_is_refused_where_any_of_its_addresses_is_private(monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch, "93.184.216.34", "10.0.0.1")
    with pytest.raises(InvalidAddress, match="private network"):
        addresses.resolve(addresses.check("https://plans.example.org/"))


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch, "93.184.216.34")
    asked: list[Any] = []

    def connect(address: Any, *_: Any, **__: Any) -> Any:
        asked.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Unreachable, match="cannot be reached"):
        sending.post("https://plans.example.org/", b"{}", {})
    assert asked == [("93.184.216.34", 443)]


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost"])
def test_numbers_and_names_of_this_machine_are_refused_at_delivery(host: str) -> None:
    with pytest.raises((InvalidAddress, Unreachable)):
        sending.post(f"https://{host}/", b"{}", {})


def test_nothing_reaches_a_server_of_this_machine_unless_that_is_allowed() -> None:
    with Receiver() as receiver:
        with pytest.raises(InvalidAddress):
            sending.post(receiver.url, b"{}", {})
        assert receiver.received == []
        with override_settings(PLANNING_SYNC_WEBHOOKS_PRIVATE=True):
            assert sending.post(receiver.url, b'{"a": 1}', {"x": "y"}) == 200
    (came,) = receiver.received
    assert (came.path, came.body, came.headers["x"]) == ("/plans?from=here", b'{"a": 1}', "y")
    assert came.headers["content-type"] == "application/json"


@override_settings(PLANNING_SYNC_WEBHOOKS_PRIVATE=True)
def test_a_redirect_is_not_followed() -> None:
    with Receiver() as there, Receiver(status=307, headers={"Location": there.url}) as here:
        with pytest.raises(Unreachable, match="redirects are not followed") as caught:
            sending.post(here.url, b"{}", {})
        assert caught.value.status == 307
        assert len(here.received) == 1
        assert there.received == []


@override_settings(PLANNING_SYNC_WEBHOOKS_PRIVATE=True)
def test_an_answer_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LONGEST_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable):
        sending.post(f"http://127.0.0.1:{silent.getsockname()[1]}/", b"{}", {})


@override_settings(PLANNING_SYNC_WEBHOOKS_PRIVATE=True)
def test_a_server_without_a_certificate_is_told_nothing() -> None:
    with Receiver() as plain:
        with pytest.raises(Unreachable, match=r"encryption|reached|HTTP"):
            sending.post(plain.url.replace("http://", "https://"), b"{}", {})
        assert plain.received == []
