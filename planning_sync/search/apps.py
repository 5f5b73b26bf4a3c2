from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class SearchConfig(AppConfig):
    name = "planning_sync.search"
    label = "search"
    verbose_name = _("Search")

    def ready(self) -> None:
        from planning_sync.search import triggers

        post_migrate.connect(triggers.install, sender=self)
