"""`planning-sync up [PATH]`: everything in one terminal."""

from __future__ import annotations

import os
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from threading import Event, Lock
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import connections

from planning_sync.replicas.errors import ReplicaMissing
from planning_sync.sync import services, tasks
from planning_sync.sync.management import base, database, first_start, reporting
from planning_sync.sync.management.actor import who
from planning_sync.sync.management.failures import CommandFailed, Exit, UsageError
from planning_sync.sync.management.first_start import Administrator
from planning_sync.sync.management.supervisor import Child, Supervisor
from planning_sync.sync.models import Replica
from planning_sync.sync.passes import Options

START_SECONDS = 60.0
"""How long the web server may take until it answers."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104  # what they are asked at


class Command(base.Command):
    help = "Run everything in one terminal: web pages, worker, watcher. Ctrl-C stops it."
    needs_tables = False  # it makes them, and says so

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "path", nargs="?", metavar="PATH", help="A folder of plans to add, unless it is known."
        )
        parser.add_argument("--host", default="127.0.0.1", help="Address to serve at (default 127.0.0.1).")
        parser.add_argument("--port", type=int, default=8000, help="Port to serve at (default 8000).")
        parser.add_argument(
            "--no-watch", action="store_true", help="Do not follow the folders; sync by schedule only."
        )

    def act(self, options: dict[str, Any]) -> Exit:
        # Before the long part: a Ctrl-C during the first import ends it like any other command.
        _check_port(options["host"], options["port"])
        self._prepare_database()
        administrator = first_start.make_administrator()
        if administrator is not None:
            self._introduce(administrator)
        self._add(options["path"])
        tasks.ensure_schedule(settings.PLANNING_SYNC_SCHEDULE_MINUTES)
        self._import(every=options["no_watch"])
        connections.close_all()
        self._serve(options, administrator)
        return Exit.FINE

    # ------------------------------------------------------------------------------------- preparing

    def _prepare_database(self) -> None:
        if not database.ready():
            self.output.say("Making the database ...")
        database.migrate()

    def _introduce(self, administrator: Administrator) -> None:
        self.output.say()
        self.output.say(f"First administrator: {administrator.username}, password: {administrator.password}")
        self.output.say(
            "Write the password down: it is not shown again (`planning-sync changepassword` sets another)."
        )
        self.output.say()

    def _add(self, path: str | None) -> None:
        if path is None and Replica.objects.exists():
            return
        folder = Path(path) if path else first_start.copy_samples()
        try:
            row, made = first_start.replica_at(folder, actor=who())
        except ReplicaMissing as error:
            raise UsageError(f"The folder {error.root} {error.reason}. Name a folder of plans.") from error
        if made:
            self.output.say(f"Added the folder {row.path} as {row.name}.")

    def _import(self, *, every: bool) -> None:
        """The first pass over each replica that had none; the watcher makes those of the others."""
        for row in Replica.objects.filter(enabled=True).order_by("created_at", "pk"):
            if row.last_sync_at is not None and not every:
                continue
            with self.output.progress(f"Importing {row.name}") as progress:
                report = services.sync_replica(row, Options(actor=who()), progress=progress)
            if self.output.as_json:
                self.output.note(f"{row.name}: {report.status}")
            else:
                reporting.tell(self.output, report)

    # --------------------------------------------------------------------------------------- running

    def _serve(self, options: dict[str, Any], administrator: Administrator | None) -> None:
        stop, hurry = _until_signalled()
        supervisor = Supervisor(
            _children(options), environment=_environment(options["host"]), say=_printer(self)
        )
        supervisor.start()
        try:
            url = _url(options["host"], options["port"])
            if not _answers(url, supervisor, stop):
                if stop.is_set():
                    return
                raise CommandFailed(f"The web server does not answer at {url}; its last lines above say why.")
            self._announce(url, options, administrator)
            supervisor.watch(stop)
            self.output.say("Stopping ...")
        finally:
            supervisor.stop(hurry)
        self.output.say("Stopped.")

    def _announce(self, url: str, options: dict[str, Any], administrator: Administrator | None) -> None:
        rows = Replica.objects.filter(enabled=True).order_by("name")
        names = list(rows.values_list("name", flat=True))
        connections.close_all()
        if self.output.as_json:
            known = administrator._asdict() if administrator else None
            self.output.document({"url": url, "pid": os.getpid(), "replicas": names, "administrator": known})
        watched = f"watching {', '.join(names)}" if names and not options["no_watch"] else "watching nothing"
        self.output.say()
        self.output.say(f"Planning Sync is at {url} ({watched}). Ctrl-C stops it.")
        self.output.say()


def _check_port(host: str, port: int) -> None:
    if not 0 < port < 65536:
        raise UsageError(f"--port {port} is not a port: give a number from 1 to 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[
            0
        ]
    except OSError as error:
        raise UsageError(f"--host {host!r} is no address of this machine ({error.strerror}).") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise CommandFailed(
                f"Port {port} of {host} cannot be used ({error.strerror}): another program, or another `up`, "
                f"has it. Stop that one, or choose another port, for example --port {port + 1}."
            ) from error


def _children(options: dict[str, Any]) -> list[Child]:
    server = [
        "uvicorn",
        "planning_sync.asgi:application",
        "--host",
        options["host"],
        "--port",
        str(options["port"]),
    ]
    server += [
        "--lifespan",
        "off",
        "--log-level",
        "warning",
        "--no-access-log",
        "--timeout-graceful-shutdown",
        "2",
        "--ws-max-size",  # what clients say is short
        "65536",
        "--forwarded-allow-ips",
        ",".join(map(str, settings.PLANNING_SYNC_TRUSTED_PROXIES)),
    ]
    children = [Child("web", server), Child("worker", ["django", "qcluster"])]
    if not options["no_watch"]:
        children.append(Child("watch", ["django", "watch"]))
    if settings.PLANNING_SYNC_SEARCH:
        children.append(Child("embedder", ["django", "embedder"]))
    return children


def _environment(host: str) -> dict[str, str]:
    """That of this process, so that the children find the same sources and settings from any folder.

    Served to this machine alone, the pages may add folders of whoever started it, as the command line may.
    """
    paths = [str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        "PLANNING_SYNC_HOME": str(settings.PLANNING_SYNC_HOME),
        **({"PLANNING_SYNC_REPLICA_ROOTS": str(Path.home())} if _adds_at_home(host) else {}),
    }


def _adds_at_home(host: str) -> bool:
    return host in _LOOPBACK and "PLANNING_SYNC_REPLICA_ROOTS" not in os.environ


def _until_signalled() -> tuple[Event, Event]:
    """Set by the first and by the second signal to stop."""
    stop, hurry = Event(), Event()

    def stopped(number: int, frame: FrameType | None) -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stopped)
    return stop, hurry


def _printer(command: Command) -> Any:
    """Lines of the children, whole; on standard error where the answer is JSON."""
    lock = Lock()

    def say(line: str) -> None:
        with lock:
            command.output.say(line)

    return say


def _url(host: str, port: int) -> str:
    host = _ANYWHERE.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{port}/"


def _answers(url: str, supervisor: Supervisor, stop: Event) -> bool:
    """Whether the server got ready, that is, answers anything at all."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and supervisor.alive("web") and not stop.wait(0.05):
        try:
            urllib.request.urlopen(f"{url}health/", timeout=5.0).close()  # noqa: S310  # our own address
            return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            continue
    return False
