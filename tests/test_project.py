"""The ground floor: settings, the state folder, packaging, health, languages, static files."""

from __future__ import annotations

import gzip
import os
import re
import stat
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.templatetags.static import static
from django.test import Client, override_settings

from planning_sync.dashboard import checks
from planning_sync.settings import _static_version

ROOT = Path(__file__).resolve().parent.parent


def start(code: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of its own that runs `code` with nothing set but `environment`."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PLANNING_SYNC_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def setting(name: str, home: Path, **environment: str) -> str:
    done = start(f"from planning_sync import settings; print(settings.{name})", home, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# -------------------------------------------------------------------------------- settings

WRONG = {
    "PLANNING_SYNC_DEBUG": ("maybe", "write 1 or 0"),
    "PLANNING_SYNC_SCHEDULE_MINUTES": ("often", "write a whole number"),
    "PLANNING_SYNC_HTTPS": ("2", "write 1 or 0"),
    "PLANNING_SYNC_LOG_LEVEL": ("LOUD", "write one of DEBUG, INFO"),
    "PLANNING_SYNC_TIME_ZONE": ("Europe/Nowhere", "Europe/Paris"),
    "PLANNING_SYNC_SECRET_KEY_FILE": ("/nowhere/key", "cannot be read"),
    "PLANNING_SYNC_HOME": ("/dev/null/state", "name one that this user may write to"),
    "DATABASE_URL": ("mysql://user:hunter2@host/name", "write postgres://"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_stops_the_start_with_a_message(name: str, tmp_path: Path) -> None:
    value, advice = WRONG[name]
    done = start(
        "import manage, sys; sys.argv = ['planning-sync', 'check']; manage.main()", tmp_path, **{name: value}
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"planning-sync: {name}")
    assert advice in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("sqlite:///:memory:", "name a file"),
        ("sqlite:////nowhere/at/all.sqlite3", "does not exist"),
        ("postgres://user:hunter2@host:port/name", "is its port a number"),
        ("postgres://user:hunter2@host", "end it with /name"),
    ],
)
def test_a_database_url_that_cannot_work_is_refused(url: str, advice: str, tmp_path: Path) -> None:
    done = start("from planning_sync import settings", tmp_path, DATABASE_URL=url)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert advice in last
    assert "hunter2" not in last


def test_a_postgres_url_may_name_a_socket_folder_and_an_escaped_password(tmp_path: Path) -> None:
    url = "postgresql://me:p%40ss@/hub?host=%2Frun%2Fpg"
    found = setting("DATABASES['default']", tmp_path, DATABASE_URL=url)
    for part in ("'PASSWORD': 'p@ss'", "'NAME': 'hub'", "'host': '/run/pg'"):
        assert part in found


def test_with_nothing_set_the_state_is_private_and_the_key_stays_the_same(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "state"
    first = setting("SECRET_KEY", home)
    assert len(first) >= 50
    assert stat.S_IMODE((home / "secret-key").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert setting("SECRET_KEY", home) == first
    assert [path.name for path in home.iterdir()] == ["secret-key"]


def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        keys = set(pool.map(lambda _: setting("SECRET_KEY", tmp_path), range(4)))
    assert len(keys) == 1


def test_secrets_may_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    environment = {"PLANNING_SYNC_SECRET_KEY_FILE": str(tmp_path / "key")}
    assert setting("SECRET_KEY", tmp_path, **environment) == "from a file"
    environment["PLANNING_SYNC_SECRET_KEY"] = "given too"
    assert "both set" in start("from planning_sync import settings", tmp_path, **environment).stderr


def test_sqlite_is_opened_as_measured_to_be_safe(tmp_path: Path) -> None:
    options = setting("DATABASES['default']['OPTIONS']", tmp_path)
    assert "'transaction_mode': 'IMMEDIATE'" in options
    assert "journal_mode=WAL" in options


def test_debug_is_off_and_only_this_machine_is_served_unless_asked_for(tmp_path: Path) -> None:
    assert setting("DEBUG", tmp_path) == "False"
    assert setting("ALLOWED_HOSTS", tmp_path) == "['localhost', '127.0.0.1', '[::1]']"
    assert setting("DEBUG", tmp_path, PLANNING_SYNC_DEBUG="on") == "True"


def test_the_queue_never_takes_a_running_task_for_a_lost_one() -> None:
    from django.conf import settings

    assert settings.Q_CLUSTER["retry"] > settings.Q_CLUSTER["timeout"]


BEHIND_TLS = {"HTTPS": True, "PLANNING_SYNC_TRUSTED_PROXIES": [ip_network("127.0.0.1")]}
PRODUCTION = {
    "PLANNING_SYNC_HTTPS": "1",
    "PLANNING_SYNC_ALLOWED_HOSTS": "plans.example.org",
    "PLANNING_SYNC_TRUSTED_PROXIES": "127.0.0.1",
}
CHECK = """\
import manage, sys
sys.argv = ["planning-sync", "check", "--deploy", "--fail-level", "WARNING"]
manage.main()
"""


def test_the_check_for_deployment_finds_nothing_in_production_and_something_without_https(
    tmp_path: Path,
) -> None:
    home = tmp_path / "state"
    done = start(CHECK, home, **PRODUCTION)
    assert (done.returncode, "no issues" in done.stdout + done.stderr) == (0, True), done.stderr
    open_ = start(CHECK, home, **{**PRODUCTION, "PLANNING_SYNC_HTTPS": "0"})
    assert open_.returncode == 1
    for found in ("security.W004", "security.W008", "security.W012", "security.W016", "planning_sync.W003"):
        assert found in open_.stderr


def test_only_what_would_bind_other_hosts_of_the_domain_is_left_out_of_the_check(tmp_path: Path) -> None:
    assert setting("SILENCED_SYSTEM_CHECKS", tmp_path) == "['security.W005', 'security.W021']"


@pytest.mark.django_db
def test_with_https_every_page_but_the_probes_is_sent_there_and_says_so_to_browsers(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 2592000
    answer = Client().get("/login/", headers={"x-forwarded-proto": "https"})
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://testserver/login/")
    for probe in ("/health", "/health/", "/health/live", "/health/ready"):
        assert Client().get(probe).status_code == 200, probe
    assert Client().get("/metrics").status_code == 401
    page = Client().get("/login/", secure=True)
    assert (page.status_code, page.headers["Strict-Transport-Security"]) == (200, "max-age=2592000")
    assert page.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("changed", "ids"),
    [
        ({}, []),
        ({"ALLOWED_HOSTS": ["plans.example.org"]}, ["planning_sync.W003"]),
        ({"ALLOWED_HOSTS": ["plans.example.org"], **BEHIND_TLS}, []),
        ({"ALLOWED_HOSTS": ["plans.example.org"], "HTTPS": True}, ["planning_sync.W005"]),
        ({"ALLOWED_HOSTS": ["*"], **BEHIND_TLS}, ["planning_sync.W002"]),
        ({"ALLOWED_HOSTS": ["plans.example.org"], **BEHIND_TLS, "DEBUG": True}, ["planning_sync.W001"]),
    ],
)
def test_a_doubtful_setting_is_a_warning(changed: Mapping[str, object], ids: list[str]) -> None:
    with override_settings(**changed):
        assert [found.id for found in checks.doubtful_settings(None)] == ids


def test_a_state_folder_open_to_others_is_a_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with override_settings(PLANNING_SYNC_HOME=tmp_path):
        assert [found.id for found in checks.doubtful_settings(None)] == ["planning_sync.W004"]


# -------------------------------------------------------------------------------- the running site


@pytest.mark.django_db
def test_health_needs_no_login_and_says_that_the_database_answers() -> None:
    response = Client().get("/health/")
    assert response.status_code == 200
    assert response.json()["services"]["database"] == {"status": "ok"}


@pytest.mark.django_db
def test_health_fails_when_the_database_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(connection, "cursor", refuse)
    response = Client().get("/health/")
    assert response.status_code == 503
    assert response.json()["status"] == "down"


def test_static_files_are_served_without_debug_and_kept_by_the_browser() -> None:
    response = Client().get(static("dashboard/style.css"))
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/css")
    assert "immutable" in response.headers["Cache-Control"]
    assert b"color-scheme: light dark" in response.content


def test_static_files_are_compressed_for_those_who_understand_it() -> None:
    plain, packed = (
        Client().get(static("dashboard/style.css"), headers=headers)
        for headers in ({}, {"Accept-Encoding": "gzip"})
    )
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 3
    assert gzip.decompress(packed.content) == plain.content
    head = Client().head(static("dashboard/style.css"), headers={"Accept-Encoding": "gzip"})
    assert head.content == b""
    assert head.headers["Content-Length"] == str(len(plain.content))


def test_static_files_have_another_address_when_one_of_them_changes(tmp_path: Path) -> None:
    (tmp_path / "one.css").write_text("a { }")
    before = _static_version(tmp_path)
    assert _static_version(tmp_path) == before
    (tmp_path / "one.css").write_text("b { }")
    after = _static_version(tmp_path)
    (tmp_path / "one.css").rename(tmp_path / "two.css")
    assert len({before, after, _static_version(tmp_path)}) == 3


def test_the_tests_run_on_the_database_that_was_asked_for(pytestconfig: pytest.Config) -> None:
    assert connection.vendor == ("postgresql" if pytestconfig.getoption("postgres") else "sqlite")


@pytest.mark.django_db
def test_the_database_of_the_tests_can_be_shared_by_threads() -> None:
    if connection.vendor == "sqlite":
        assert Path(connection.settings_dict["NAME"]).is_file()
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# -------------------------------------------------------------------------------- packaging


def test_the_locks_pin_everything_and_name_no_index() -> None:
    for path in ROOT.glob("requirements*.lock"):
        text = path.read_text()
        assert "://" not in text
        for line in text.splitlines():
            if line and not line.startswith(("#", "    --hash=sha256:")):
                assert re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==[^ ]+ ", line), line


def test_every_dependency_is_in_its_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    wanted = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-dev.lock": [*project["project"]["dependencies"], *groups["dev"]],
        "requirements-postgres.lock": groups["postgres"],
    }
    for lock, requirements in wanted.items():
        pinned = set(re.findall(r"^([a-z0-9-]+)", (ROOT / lock).read_text(), re.MULTILINE))
        names = {re.split(r"[\[<>=]", requirement)[0] for requirement in requirements}
        assert names <= pinned, lock


# -------------------------------------------------------------------------------- languages

FRENCH = ROOT / "locale" / "fr" / "LC_MESSAGES" / "django.po"


def test_every_text_has_its_french_and_the_compiled_file_is_up_to_date() -> None:
    sys.path.insert(0, str(ROOT / "deploy"))
    try:
        import messages  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    catalogue = messages.read(FRENCH)
    assert messages.untranslated(catalogue) == []
    assert messages.missing(catalogue) == []
    assert FRENCH.with_suffix(".mo").read_bytes() == messages.compiled(catalogue), "run: make messages"


# -------------------------------------------------------------------------------- migrations


@pytest.mark.django_db
def test_the_system_checks_find_nothing_on_this_database() -> None:
    with warnings.catch_warnings():
        call_command("check", "--database", "default", fail_level="WARNING")


def test_static_files_are_found_once() -> None:
    assert finders.find("dashboard/style.css") == str(ROOT / "static" / "dashboard" / "style.css")
