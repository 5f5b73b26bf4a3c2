"""Where webhooks may go: `check` looks at an address as it is written, `resolve` at where it leads now.

Whoever may subscribe could else have this server ask what only it can reach: itself, its network, the
metadata service of a cloud. So a name is looked up at each delivery, every address that it has must be
public, and the connection is made to an address that was looked at, not to the name.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from planning_sync.webhooks.errors import InvalidAddress, Unreachable

Address = IPv4Address | IPv6Address

_LONGEST = 2000
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_PORTS = {"https": 443, "http": 80}


class Target(NamedTuple):
    """An address taken apart."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query."""

    @property
    def name(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def check(url: str) -> Target:
    """Raises `InvalidAddress`. Looks nothing up."""
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise InvalidAddress(f"it has to be at most {_LONGEST} printable ASCII characters without blanks")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidAddress("it is not well formed") from None
    if parts.scheme not in _PORTS or not host:
        raise InvalidAddress("it has to begin with https:// and a host")
    if parts.scheme == "http" and not settings.PLANNING_SYNC_WEBHOOKS_PRIVATE:
        raise InvalidAddress("it has to begin with https://")
    if parts.username is not None or parts.password is not None or "#" in url:
        raise InvalidAddress("it may have no name, no password and no fragment")
    query = f"?{parts.query}" if parts.query else ""
    target = Target(parts.scheme, host, port or _PORTS[parts.scheme], (parts.path or "/") + query)
    literal = _literal(host)
    if literal is not None:
        _refuse_private(literal)
    return target


def resolve(target: Target) -> str:
    """An address of the target to connect to; raises `InvalidAddress` where any of them is private."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"the name {target.host} cannot be looked up") from error
    addresses = [str(place[4][0]).partition("%")[0] for place in found]
    for address in addresses:
        _refuse_private(ip_address(address))
    if not addresses:
        raise Unreachable(f"the name {target.host} has no address")
    return addresses[0]


def is_public(address: Address) -> bool:
    """Whether anyone may be there; an IPv4 address inside of an IPv6 one counts as well."""
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: IPv6Address) -> IPv4Address | None:
    if any(address in network for network in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if int(address) >> 32 == 0:  # ::a.b.c.d, which some systems still take for IPv4
        return IPv4Address(int(address))
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _refuse_private(address: Address) -> None:
    if not settings.PLANNING_SYNC_WEBHOOKS_PRIVATE and not is_public(address):
        raise InvalidAddress(
            "it leads to this machine or to a private network, "
            "which PLANNING_SYNC_WEBHOOKS_PRIVATE would allow"
        )


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
