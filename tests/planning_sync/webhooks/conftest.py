from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from tests.planning_sync.live.server import EVERYTHING, person
from tests.planning_sync.webhooks.receiver import Receiver


@pytest.fixture
def alice(transactional_db: None) -> User:
    return person("alice", *EVERYTHING)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with override_settings(PLANNING_SYNC_WEBHOOKS_PRIVATE=True), Receiver() as receiver:
        yield receiver
