"""What each role was given, so that a permission of a later version can be told from one that was taken away."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

ROLES = ("reader", "editor", "arbiter", "operator", "administrator")


def note(apps: Any, editor: Any) -> None:
    """Groups that are there had their chance of every permission that there is by now."""
    given = apps.get_model("roles", "GivenPermission")
    rows = apps.get_model("auth", "Permission").objects.values_list("content_type__app_label", "codename")
    names = [f"{app}.{codename}" for app, codename in rows]
    roles = apps.get_model("auth", "Group").objects.filter(name__in=ROLES).values_list("name", flat=True)
    given.objects.bulk_create([given(role=role, permission=name) for role in roles for name in names])


class Migration(migrations.Migration):
    dependencies = [("roles", "0001_replica_access"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        migrations.CreateModel(
            name="GivenPermission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("role", models.CharField(max_length=150)),
                ("permission", models.CharField(max_length=200)),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=["role", "permission"], name="given_once")],
            },
        ),
        migrations.RunPython(note, migrations.RunPython.noop),
    ]
