"""The addresses of the pages."""

from __future__ import annotations

from django.urls import path

from planning_sync.dashboard import automatic, conflicts, history, operations, views
from planning_sync.dashboard import bin as binned

app_name = "dashboard"

urlpatterns = [
    path("", views.plans, name="plans"),
    path("plans/<uuid:plan_id>/", views.plan, name="plan"),
    path("plans/<uuid:plan_id>/tick/", views.tick, name="tick"),
    path("plans/<uuid:plan_id>/tasks/<uuid:task_id>/", views.task, name="task"),
    path("plans/<uuid:plan_id>/history/", history.listed, name="history"),
    path("plans/<uuid:plan_id>/history/difference/", history.difference, name="history_difference"),
    path("plans/<uuid:plan_id>/history/restore/", history.restore, name="history_restore"),
    path("plans/<uuid:plan_id>/tasks/<uuid:task_id>/history/", history.task, name="task_history"),
    path("plans/<uuid:plan_id>/tasks/<uuid:task_id>/restore/", history.restore_task, name="task_restore"),
    path("operations/", operations.listed, name="operations"),
    path("operations/<uuid:operation_id>/", operations.one, name="operation"),
    path("operations/<uuid:operation_id>/undo/", operations.undo, name="operation_undo"),
    path("bin/", binned.listed, name="bin"),
    path("bin/<uuid:row_id>/", binned.restore, name="bin_restore"),
    path("conflicts/automatic/", automatic.listed, name="automatic"),
    path("conflicts/automatic/<int:entry_id>/", automatic.ask, name="automatic_ask"),
    path("conflicts/", conflicts.listed, name="conflicts"),
    path("conflicts/bulk/", conflicts.bulk, name="conflicts_bulk"),
    path("conflicts/undo/", conflicts.undo, name="conflicts_undo"),
    path("conflicts/news/", conflicts.news, name="conflicts_news"),
    path("conflicts/<uuid:conflict_id>/", conflicts.one, name="conflict"),
]
