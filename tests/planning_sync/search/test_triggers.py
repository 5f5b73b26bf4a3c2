"""The full text of SQLite follows the records again after a migration that lost its triggers."""

from __future__ import annotations

import pytest
from django.db import connection

from audit import sqlite_triggers
from planning_sync.search import triggers

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def test_triggers_that_a_rebuilt_table_lost_come_back_with_the_next_migration() -> None:
    with connection.cursor() as cursor:
        assert sqlite_triggers.differing(cursor, triggers.SQLITE) == []
        cursor.execute("DROP TRIGGER search_words_update")
        assert sqlite_triggers.differing(cursor, triggers.SQLITE) == ["search_words_update"]
        triggers.install(using="default")
        assert sqlite_triggers.differing(cursor, triggers.SQLITE) == []
