"""What WebSocket connections go to: `websockets`."""

from __future__ import annotations

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from django.urls import path, re_path

from planning_sync.live.consumer import EventsConsumer
from planning_sync.live.origins import SameOrigin

# Django's functions for views do just as well for these applications.
_events: Any = EventsConsumer.as_asgi()
_nothing: Any = WebsocketDenier.as_asgi()
_routes: Any = AuthMiddlewareStack(
    # Without the last one, a wrong address would be an error with a traceback.
    URLRouter([path("ws/events/", _events), re_path("", _nothing)])
)

websockets = SameOrigin(_routes)
