from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ValidationConfig(AppConfig):
    name = "planning_sync.validation"
    label = "validation"
    verbose_name = _("Validation")

    def ready(self) -> None:
        from planning_sync.validation import tasks

        tasks.connect()
