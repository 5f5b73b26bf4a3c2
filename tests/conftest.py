"""What all tests share."""

from __future__ import annotations

import hypothesis
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests import emptying

# How long an example takes, or is made, says how busy the machine is.
hypothesis.settings.register_profile(
    "tests",
    hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tests")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The database as migrations leave it, which every test that commits leaves behind it again."""
    with django_db_blocker.unblock():
        emptying.remember()
