from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class LiveConfig(AppConfig):
    name = "planning_sync.live"
    label = "live"
    verbose_name = _("Live updates")

    def ready(self) -> None:
        from planning_sync.live import triggers, wake

        post_migrate.connect(triggers.install, sender=self)
        wake.connect()
