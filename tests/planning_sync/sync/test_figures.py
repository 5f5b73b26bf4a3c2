"""What an edit costs, as far as it can be counted."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from plans import services as plans
from tests.planning_sync.sync.workbench import Workbench

MOST_QUERIES = 42
"""Those of the edit, of the three transactions of its sync, and on PostgreSQL of the lock of the plan."""


def test_an_edit_in_the_hub_reaches_its_file_with_few_queries(desk: Workbench) -> None:
    desk.write("launch.md", "# Launch\n\n- [ ] Tag the version\n- [ ] Publish it\n")
    desk.sync()
    task = desk.task("Tag the version")
    with CaptureQueriesContext(connection) as asked:
        plans.set_fields(task, {"text": "Tag it"}, actor="alice")
    assert "Tag it" in desk.read("launch.md")
    assert len(asked) <= MOST_QUERIES
