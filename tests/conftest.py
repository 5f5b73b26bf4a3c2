"""What all tests share."""

from __future__ import annotations

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests import emptying


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The database as migrations leave it, which every test that commits leaves behind it again."""
    with django_db_blocker.unblock():
        emptying.remember()
