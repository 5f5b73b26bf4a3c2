"""Where a request comes from: `client_address`, which believes nobody but the trusted proxies."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The nearest address that is no trusted proxy's, in its usual form; "" where there is none.

    `forwarded_for` is the header X-Forwarded-For, to which each proxy adds whom it was asked by. What stands
    left of the first address that is not ours was written by a stranger.
    """
    found = _address(peer)
    hops = [hop for hop in forwarded_for.split(",") if hop.strip()]
    while found is not None and hops and _within(found, trusted):
        nearer = _address(hops.pop())
        if nearer is None:
            break
        found = nearer
    return "" if found is None else str(found)


def network_of(address: str) -> str:
    """What one client can call its own: the address, or the /64 around it in IPv6."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return address


def _address(text: str) -> Address | None:
    """Also from `192.0.2.1:80`, `[2001:db8::1]:80`, and IPv4 written as IPv6."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
