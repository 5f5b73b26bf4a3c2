from django.apps import AppConfig


class SyncConfig(AppConfig):
    name = "planning_sync.sync"
    label = "sync"
    verbose_name = "Sync"

    def ready(self) -> None:
        from conflicts import replicas
        from planning_sync.sync import follow
        from planning_sync.sync.models import Replica

        follow.connect()
        replicas.register(Replica.names)
