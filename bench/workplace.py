"""Where the measurements run: `Workplace` has plans at scale, fresh databases, and processes to measure in.

This module and those of the measurements import neither Django nor the product at their top: the process that
prints the table stays small, for a child's peak memory begins at that of its parent.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

REPOSITORY = Path(__file__).resolve().parent.parent
CORPUS = REPOSITORY.parent / "shared" / "corpus"
DATABASES = ("sqlite", "postgres")
TIMEOUT_SECONDS = 1800


class Missing(Exception):
    """Something that a measurement needs is not on this machine; the message names it."""


class ChildFailed(Exception):
    """A measuring process ended badly; the message has the end of what it said."""


@dataclass(frozen=True)
class Hub:
    """A database and a state folder, for as many processes as like to use them."""

    home: Path
    database_url: str

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PLANNING_SYNC_")}
        return {
            **kept,
            "PLANNING_SYNC_HOME": str(self.home),
            "DATABASE_URL": self.database_url,
            "DJANGO_SETTINGS_MODULE": "planning_sync.settings",
            "PLANNING_SYNC_LOG_LEVEL": "WARNING",
        }

    def run(self, function: str, /, **arguments: Any) -> Any:
        """The answer of `module:function`, called with the arguments in a fresh process on this hub."""
        done = subprocess.run(
            [sys.executable, "-m", "bench.child", function],
            input=json.dumps(arguments),
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=REPOSITORY,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise ChildFailed(f"{function} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        return json.loads(done.stdout.splitlines()[-1])


class Workplace:
    """A temporary folder for one run of the bench, removed at its end."""

    def __init__(self, *, quick: bool, data: Path | None = None) -> None:
        self.quick = quick
        self.folder = Path(tempfile.mkdtemp(prefix="planning-sync-bench-"))
        self._data = data.absolute() if data else self.folder / "data"
        self._server: Any = None
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ------------------------------------------------------------------------------------- plans

    def scale(self, plans: int, tasks: int) -> Path:
        """A folder with so many plans and tasks, made once. Raises `Missing`."""
        program = CORPUS / "make_scale.py"
        if not program.exists():
            raise Missing(f"the generator of plans at scale is not at {program}")
        folder = self._data / f"{plans}-{tasks}"
        if not folder.exists():
            making = folder.with_name(folder.name + ".part")
            shutil.rmtree(making, ignore_errors=True)
            making.parent.mkdir(parents=True, exist_ok=True)
            counts = ["--plans", str(plans), "--tasks", str(tasks), "--seed", "1"]
            subprocess.run(
                [sys.executable, program, *counts, "--out", making], check=True, stdout=subprocess.DEVNULL
            )
            making.rename(folder)
        return folder

    def copy(self, plans: list[Path], source: Path) -> Path:
        """A folder of our own with those plans of `source`, in git as plans are; its files are not new."""
        target = self.fresh_folder("plans")
        long_ago = time.time() - 3600
        for plan in plans:
            place = target / plan.relative_to(source)
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(plan, place)
            os.utime(place, (long_ago, long_ago))
        for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "Plans")):
            subprocess.run(["git", *_COMMITTER, *command], cwd=target, check=True)
        # A file is believed to be at rest two seconds after anything happened to it.
        time.sleep(2.1)
        return target

    def fresh_folder(self, name: str) -> Path:
        self._number += 1
        folder = self.folder / f"{name}-{self._number}"
        folder.mkdir()
        return folder

    # ------------------------------------------------------------------------------------- hubs

    def hub(self, database: str) -> Hub:
        """A fresh hub without plans. Raises `Missing`."""
        home = self.fresh_folder("home")
        hub = Hub(home, f"sqlite:///{home / 'hub.sqlite3'}")
        if database == "postgres":
            import psycopg

            with psycopg.connect(self._postgres(), autocommit=True) as connection:
                name = f"bench_{self._number}"
                connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload, unused-ignore]  # psycopg wants literals
            hub = Hub(home, self._postgres().replace("/postgres?", f"/{name}?"))
        hub.run("bench.child:migrate")
        return hub

    def _postgres(self) -> str:
        if self._server is None:
            from tests.postgres import PostgresMissing, Server

            try:
                self._server = Server(durable=True)
            except PostgresMissing as error:
                raise Missing(str(error)) from error
        url: str = self._server.url
        return url

    def postgres_version(self) -> str:
        import psycopg

        try:
            with psycopg.connect(self._postgres()) as connection:
                found = connection.execute(
                    "SELECT current_setting('server_version'), current_setting('fsync')"
                ).fetchone()
        except Missing as error:
            return f"no PostgreSQL ({error})"
        assert found is not None, "a server has settings"
        return f"PostgreSQL {found[0]} (fsync {found[1]})"

    @contextmanager
    def dropping(self, hub: Hub) -> Iterator[Hub]:
        """The hub, whose state is thrown away afterwards, to keep the disk free."""
        try:
            yield hub
        finally:
            shutil.rmtree(hub.home, ignore_errors=True)


_COMMITTER = ("-c", "user.name=Bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0")


def plans_of(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.md"))
