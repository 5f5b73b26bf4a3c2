"""What the tests run in: a state folder of their own, and SQLite, or PostgreSQL with `pytest --postgres`.

Loaded by pytest before Django reads its settings (`-p` in pyproject.toml). TEST_DATABASE_URL, or a
DATABASE_URL of PostgreSQL, names a server to use; without them one is started and stopped again.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from tests.postgres import PostgresMissing, Server

_POSTGRES = ("postgres://", "postgresql://")
_DATABASE = "PLANNING_SYNC_TESTED_DATABASE"
"""How the process that starts the workers of pytest-xdist tells them what it has set up."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="run the tests on PostgreSQL instead of SQLite")
    parser.addoption(
        "--everything",
        action="store_true",
        help="with --postgres: also the tests that no database can make a difference to",
    )


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ["DATABASE_URL"] = os.environ.get(_DATABASE, "")
    else:
        _prepare(early_config)
    home = Path(os.environ["PLANNING_SYNC_HOME"]).parent / os.environ.get("PYTEST_XDIST_WORKER", "main")
    os.environ["PLANNING_SYNC_HOME"] = str(home)
    yield
    _hash_cheaply()
    _judge_only_when_asked()
    _empty_the_database_quickly()


def _empty_the_database_quickly() -> None:
    from django.test import TransactionTestCase

    from tests import emptying

    TransactionTestCase._fixture_teardown = lambda case: emptying.restore()  # type: ignore[attr-defined]


def _hash_cheaply() -> None:
    """Hashing passwords is slow on purpose, which no test needs."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def _judge_only_when_asked() -> None:
    """Else each operation of each test would put work into the queue that nobody does."""
    from django.conf import settings

    settings.PLANNING_SYNC_VALIDATION = False


def _prepare(config: pytest.Config) -> None:
    """Clear the environment of the person's own settings, and set that of the tests."""
    given = os.environ.get("TEST_DATABASE_URL", "") or os.environ.get("DATABASE_URL", "")
    for name in list(os.environ):
        if name.startswith(("PLANNING_SYNC_", "DATABASE_URL")) or name == "DJANGO_SETTINGS_MODULE":
            del os.environ[name]
    folder = tempfile.mkdtemp(prefix="planning-sync-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["PLANNING_SYNC_HOME"] = str(Path(folder) / "main")
    os.environ["PLANNING_SYNC_SEARCH"] = "0"  # tests of it start their own embedder
    if not config.known_args_namespace.postgres:
        return
    if not given.startswith(_POSTGRES):
        given = _started()
    os.environ["DATABASE_URL"] = os.environ[_DATABASE] = given


def _started() -> str:
    try:
        server = Server()
    except PostgresMissing as error:
        raise pytest.UsageError(str(error)) from error
    atexit.register(server.stop)
    return server.url


_DATABASE_FIXTURES = frozenset({"db", "transactional_db", "live_server", "django_db_setup"})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What touches no database, or is marked `once`, has run on SQLite: it is left out on PostgreSQL."""
    if not config.getoption("postgres") or config.getoption("everything"):
        return
    without = [item for item in items if not _depends_on_database(item)]
    config.hook.pytest_deselected(items=without)
    left_out = set(without)
    items[:] = [item for item in items if item not in left_out]


def _depends_on_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("once") is not None:
        return False
    fixtures: Sequence[str] = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or not _DATABASE_FIXTURES.isdisjoint(fixtures)


def pytest_report_header(config: pytest.Config) -> str:
    return f"database: {'PostgreSQL' if config.getoption('postgres') else 'SQLite'}"
