"""Two addresses beside the API: the page `docs` that shows it, and `metrics` for Prometheus."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from planning_sync.api import principals, problems
from planning_sync.api.authentication import BearerAuthentication
from planning_sync.api.errors import ApiError

METRICS_NEED = "sync.view_replica"

# Everything from this server, nothing inline; Swagger UI draws its icons from data: addresses.
_POLICY = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:"),
        *("connect-src 'self'", "font-src 'self'", "base-uri 'none'", "form-action 'self'"),
        "frame-ancestors 'none'",
    )
)


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The schema as a page on which requests can be tried."""
    response = render(request, "api/docs.html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For who may see replicas, or for everybody where PLANNING_SYNC_METRICS_OPEN says so."""
    if not settings.PLANNING_SYNC_METRICS_OPEN:
        asking = Request(request, authenticators=[BearerAuthentication(), SessionAuthentication()])
        try:
            if not asking.user.is_authenticated:
                told = "Send an API key: `Authorization: Bearer KEY`."
                return problems.answer("unauthenticated", told, headers={"WWW-Authenticate": "Bearer"})
            if not principals.of(asking).may(METRICS_NEED):
                return problems.answer("forbidden", f"It takes the permission {METRICS_NEED}.")
        except ApiError as error:
            return problems.answer("unauthenticated", str(error), headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
