from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class RolesConfig(AppConfig):
    """Stands last in INSTALLED_APPS: the permissions of all the others are made before its turn."""

    name = "planning_sync.roles"
    label = "roles"
    verbose_name = _("Roles")

    def ready(self) -> None:
        from planning_sync.roles import access, groups

        access.connect()
        post_migrate.connect(groups.ensure, sender=self, dispatch_uid="roles.ensure")
