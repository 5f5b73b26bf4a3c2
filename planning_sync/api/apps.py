from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "planning_sync.api"
    label = "api"
    verbose_name = "API"

    def ready(self) -> None:
        from planning_sync.api import describing, metrics

        describing.register()
        metrics.register()
