"""A plan with three conflicts, over a priority, a date and a text: `three_conflicts`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.planning_sync.sync.workbench import Workbench

PLAN = """# Launch

## Release

- [ ] Tag the version #priority:low
- [ ] Choose a date #due:2026-05-01
- [ ] Tell <the press> about it
"""


def three_conflicts(folder: Path, settings: Any) -> Workbench:
    """The text is the most severe, then the priority. From here on, decisions are synced at once."""
    settings.PLANNING_SYNC_FOLLOW = False
    desk = Workbench.at(folder)
    desk.write("launch.md", PLAN)
    desk.sync()
    desk.set("Tag the version", priority="high")
    desk.set("Choose a date", due="2026-06-01")
    desk.set("Tell <the press> about it", text="Tell the radio about it")
    desk.edit("launch.md", "#priority:low", "#priority:medium")
    desk.edit("launch.md", "2026-05-01", "2026-07-01")
    desk.edit("launch.md", "Tell <the press> about it", "Tell <b>the papers</b> about it")
    desk.sync()
    assert [row[0] for row in desk.conflicts()] == ["due", "priority", "text"]
    settings.PLANNING_SYNC_FOLLOW = True
    return desk
