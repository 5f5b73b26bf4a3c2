"""A folder with one plan beside the hub; nothing is synced unless the test says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.planning_sync.sync.test_undo import LAUNCH
from tests.planning_sync.sync.workbench import Workbench


@pytest.fixture
def launch(tmp_path: Path, transactional_db: None, settings: Any) -> Workbench:
    settings.PLANNING_SYNC_FOLLOW = False
    desk = Workbench.at(tmp_path / "plans")
    desk.write("launch.md", LAUNCH)
    desk.sync()
    return desk
