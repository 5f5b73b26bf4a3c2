from __future__ import annotations

from pathlib import Path

import pytest

from tests.planning_sync.sync.workbench import Workbench


@pytest.fixture
def desk(tmp_path: Path, transactional_db: None) -> Workbench:
    return Workbench.at(tmp_path / "plans")
