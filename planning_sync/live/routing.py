"""What WebSocket connections go to: `websockets`."""

from __future__ import annotations

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from django.urls import path, re_path

from planning_sync.live.bearers import Admit
from planning_sync.live.consumer import EventsConsumer
from planning_sync.live.origins import SameOrigin


def websockets(admit: Admit) -> SameOrigin:
    """Sockets for who is signed in, and for the holders of the tokens and keys that `admit` knows."""
    # Django's functions for views do just as well for these applications.
    events: Any = EventsConsumer.as_asgi(admit=admit)
    nothing: Any = WebsocketDenier.as_asgi()
    # Without the last one, a wrong address would be an error with a traceback.
    routes: Any = AuthMiddlewareStack(URLRouter([path("ws/events/", events), re_path("", nothing)]))
    return SameOrigin(routes)
