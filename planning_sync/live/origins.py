"""Which pages may open a socket: `SameOrigin`.

A browser sends the cookies of a site along with a socket that any page opens, and says in Origin which page
that is. So the rule is that of the forms: a page of this very address, or of `CSRF_TRUSTED_ORIGINS`. What
Channels has compares host names alone, and lets in a page that another program serves on another port.

A program that is no browser sends no Origin. It is let in where it shows a token or key, since then no cookie
counts (see `bearers`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from planning_sync.live.bearers import bearer_of

App = Callable[[Any, Any, Any], Awaitable[None]]

_PORTS = {"http": "80", "https": "443"}


class SameOrigin:
    """Refuses the handshake (403) of whatever else; so too who sends neither Origin nor token."""

    def __init__(self, application: App) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        allowed = is_same(origin, host) or origin in settings.CSRF_TRUSTED_ORIGINS
        allowed = allowed or (b"origin" not in headers and bearer_of(scope) is not None)
        application: Any = self._application if allowed else WebsocketDenier()
        await application(scope, receive, send)


def is_same(origin: str, host: str) -> bool:
    """Whether the page at `origin` came from the server that it calls `host`, one of `ALLOWED_HOSTS`."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    domain, port = split_domain_port(host)
    if parts.scheme not in _PORTS or not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    default = _PORTS[parts.scheme]
    their_domain, their_port = split_domain_port(parts.netloc)
    return (their_domain, their_port or default) == (domain, port or default)
