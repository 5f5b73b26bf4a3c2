"""Tokens and keys in place of a session: `Bearer`, `bearer_of`, and `Admit`, which somebody above supplies.

A secret comes in the header Authorization, or, from pages, which cannot send one, among the subprotocols. It
never comes in the address, which proxies write down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from planning_sync.live.topics import May

SUBPROTOCOL = "planning-sync"
"""What a page offers beside its token, and what it is answered with: an answer may be written down."""
_MARK = "bearer."
_SCHEMES = frozenset({"bearer", "api-key"})


class Bearer(NamedTuple):
    authorization: str
    """As in the header of that name."""
    peer: str
    forwarded_for: str

    def __repr__(self) -> str:
        return f"Bearer(peer={self.peer!r})"


Admit = Callable[[Bearer], May | None]
"""What the holder may be told of now, None where the secret lets nobody in; asks the database."""


def nobody(bearer: Bearer) -> May | None:
    """Where no tokens are known."""
    return None


def bearer_of(scope: Any) -> Bearer | None:
    """None where the client shows neither token nor key; then its session counts.

    So it does beside a password that a proxy in front asked the browser for.
    """
    headers = _headers(scope)
    shown = headers.get(b"authorization", "")
    if shown.partition(" ")[0].lower() not in _SCHEMES:
        shown = _offered(scope)
    if not shown:
        return None
    client = scope.get("client") or ("",)
    return Bearer(shown, str(client[0]), headers.get(b"x-forwarded-for", ""))


def answer_to(scope: Any) -> str | None:
    """The subprotocol that the client is answered with."""
    return SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", ()) else None


def _headers(scope: Any) -> dict[bytes, str]:
    """Where one comes several times, as one."""
    found: dict[bytes, str] = {}
    for name, value in scope.get("headers", ()):
        text = value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _offered(scope: Any) -> str:
    named = (name.removeprefix(_MARK) for name in scope.get("subprotocols", ()) if name.startswith(_MARK))
    secret = next(named, None)
    return "" if secret is None else f"Bearer {secret}"
