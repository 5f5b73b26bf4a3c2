from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "audit"
    label = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        from audit import people, triggers

        post_migrate.connect(triggers.install, sender=self, dispatch_uid="audit.triggers")
        people.connect()
