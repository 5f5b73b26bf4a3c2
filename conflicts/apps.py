from django.apps import AppConfig


class ConflictsConfig(AppConfig):
    name = "conflicts"
    label = "conflicts"
    verbose_name = "Conflicts"
