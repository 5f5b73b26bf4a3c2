from django.apps import AppConfig


class SyncConfig(AppConfig):
    name = "planning_sync.sync"
    label = "sync"
    verbose_name = "Sync"

    def ready(self) -> None:
        from planning_sync.sync import follow

        follow.connect()
