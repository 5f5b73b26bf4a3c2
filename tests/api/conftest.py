from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache

from planning_sync.roles import groups
from tests.api.programs import Program, person
from tests.planning_sync.sync.workbench import Workbench

LAUNCH = """\
# Launch

## 1. Release

- [ ] Tag the version
  - [ ] Sign it
- [x] Publish it

## 2. After

- [ ] Rest
"""


@pytest.fixture(autouse=True)
def _no_request_was_counted_yet() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def desk(tmp_path: Path, transactional_db: None) -> Workbench:
    """A folder with the plan `launch.md`, in step with the hub."""
    groups.ensure()
    desk = Workbench.at(tmp_path / "plans")
    desk.write("launch.md", LAUNCH)
    desk.sync()
    return desk


@pytest.fixture
def olive(desk: Workbench) -> User:
    """An editor."""
    return person("olive", "editor")


@pytest.fixture
def editor(olive: User) -> Program:
    return Program.of(olive)


@pytest.fixture
def reader(desk: Workbench) -> Program:
    return Program.of(person("rhea", "reader"))


@pytest.fixture
def operator(desk: Workbench) -> Program:
    return Program.of(person("otto", "operator"))


@pytest.fixture
def admin(desk: Workbench) -> Program:
    return Program.of(User.objects.create_superuser("ada", password="a long password"))
