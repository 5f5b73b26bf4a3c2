"""Who may open a socket for live updates with a token or a key: `admit`, which `asgi` hands to `live`."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from audit import context
from audit.addresses import client_address
from audit.models import Operation
from planning_sync.api.authentication import BearerAuthentication
from planning_sync.api.errors import InvalidToken
from planning_sync.api.models import ApiKey
from planning_sync.api.principals import Principal
from planning_sync.live import topics
from planning_sync.live.bearers import Bearer
from planning_sync.live.topics import May


def admit(bearer: Bearer) -> May | None:
    """What the holder may be told of now; None where the secret is unknown, expired or revoked."""
    address = client_address(bearer.peer, bearer.forwarded_for, settings.PLANNING_SYNC_TRUSTED_PROXIES)
    with context.origin(via=Operation.Via.TOKEN, address=address):
        who = _holder(bearer.authorization)
        return None if who is None else _may(who)


def _holder(authorization: str) -> Principal | None:
    """As the API finds it, with what it writes down about that."""
    http = HttpRequest()
    http.META["HTTP_AUTHORIZATION"] = authorization
    try:
        found = BearerAuthentication().authenticate(Request(http))
    except InvalidToken:
        return None
    if found is None:
        return None
    user, shown = found
    return Principal(user, shown if isinstance(shown, ApiKey) else None)


def _may(who: Principal) -> May:
    families = frozenset(family for family, needed in topics.PERMISSIONS.items() if who.may(needed))
    ids = who.replica_ids
    return May(families, None if ids is None else frozenset(ids))
