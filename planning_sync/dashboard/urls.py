"""The addresses of the pages."""

from __future__ import annotations

from django.urls import path

from planning_sync.dashboard import views

app_name = "dashboard"

urlpatterns = [
    path("", views.plans, name="plans"),
    path("plans/<uuid:plan_id>/", views.plan, name="plan"),
    path("plans/<uuid:plan_id>/tick/", views.tick, name="tick"),
    path("plans/<uuid:plan_id>/tasks/<uuid:task_id>/", views.task, name="task"),
]
