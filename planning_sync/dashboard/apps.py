from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "planning_sync.dashboard"
    label = "dashboard"
    verbose_name = "Dashboard"

    def ready(self) -> None:
        from planning_sync.dashboard import checks

        checks.register()
