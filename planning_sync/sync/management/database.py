"""Getting the database ready: `ready`, `migrate`, `unapplied`."""

from __future__ import annotations

import io

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from filelock import FileLock

from planning_sync.sync.models import Replica


def ready() -> bool:
    """Whether the hub's tables are there at all; says nothing of their version."""
    return Replica._meta.db_table in connection.introspection.table_names()


def migrate() -> bool:
    """Bring the tables up to date, one process at a time; whether there was something to do."""
    with FileLock(settings.PLANNING_SYNC_HOME / "migrate.lock"):
        if not unapplied():
            return False
        call_command("migrate", interactive=False, verbosity=0, stdout=io.StringIO())
        return True


def unapplied() -> list[str]:
    """The migrations that are still to be applied, as `app.name`."""
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
