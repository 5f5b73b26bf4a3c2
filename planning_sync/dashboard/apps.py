from django.apps import AppConfig
from django.contrib import admin
from django.db.models.signals import post_migrate


class DashboardConfig(AppConfig):
    name = "planning_sync.dashboard"
    label = "dashboard"
    verbose_name = "Dashboard"

    def ready(self) -> None:
        from planning_sync.dashboard import checks, triggers

        admin.site.site_header = admin.site.site_title = "Planning Sync"
        post_migrate.connect(triggers.install, sender=self)
        checks.register()
