from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from planning_sync.roles import groups
from planning_sync.search import encoders, wire
from planning_sync.search.encoders import Encoder
from tests.planning_sync.search.house import House
from tests.planning_sync.sync.workbench import Workbench
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The model, loaded once for all tests."""
    return encoders.load(encoders.DEFAULT)


@pytest.fixture
def desk(tmp_path: Path, transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """A state folder of its own, for its index and its wire."""
    home = tmp_path / "home"
    home.mkdir()
    settings.PLANNING_SYNC_HOME = home
    settings.PLANNING_SYNC_SEARCH = True
    monkeypatch.setattr(wire, "_resting_until", 0.0)
    groups.ensure()
    desk = Workbench.at(tmp_path / "plans")
    desk.write("launch.md", LAUNCH)
    desk.write("garden.md", GARDEN)
    desk.sync()
    return desk


@pytest.fixture
def house(desk: Workbench, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """With an embedder that has told the index everything, and is given the time to answer."""
    for ask in (wire.ask, wire.begin):
        monkeypatch.setattr(ask, "__kwdefaults__", {"timeout_seconds": PATIENCE_SECONDS})
    monkeypatch.setattr(encoders, "load", lambda name: encoder)
    house = House(desk)
    house.settle()
    yield house
    house.hang_up()


LAUNCH = """\
# Launch of v55

## 1. Release

- [ ] **1.1** Tag the version #tags:release
- [x] **1.2** Make a backup of the database
- [ ] **1.3** Migrate the database, as 1.2 is done #priority:high
- [ ] Retry with exponential backoff

## 2. After

- [ ] Write the manual
"""
GARDEN = """\
# Garden

- [ ] Water the flowers
- [x] Repair the fence
- [ ] CrÃ©er un potager
"""
