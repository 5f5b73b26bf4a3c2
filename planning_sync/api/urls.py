"""The addresses below `/api/v1/`, the page that shows them, and that of one's own keys."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from planning_sync.api import own_keys, pages
from planning_sync.api.routes import all_routes

app_name = "api"

urlpatterns = [
    *(path(f"api/v1/{route.path}", route.view.as_view(), name=route.name) for route in all_routes()),
    path("docs", pages.docs, name="docs"),
    path("settings/keys/", own_keys.own_keys, name="own-keys"),
    path("settings/keys/<uuid:key_id>/", own_keys.revoke, name="own-key-revoke"),
    path("metrics", csrf_exempt(pages.metrics), name="metrics"),
]
