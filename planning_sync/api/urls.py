"""The addresses below `/api/v1/`, and the page that shows them."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from planning_sync.api import pages
from planning_sync.api.routes import all_routes

app_name = "api"

urlpatterns = [
    *(path(f"api/v1/{route.path}", route.view.as_view(), name=route.name) for route in all_routes()),
    path("docs", pages.docs, name="docs"),
    path("metrics", csrf_exempt(pages.metrics), name="metrics"),
]
