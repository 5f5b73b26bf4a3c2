"""A web server of its own process on the database of the tests, and clients of its sockets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client as Browser
from websockets.sync.client import ClientConnection, connect

from tests.waiting import PATIENCE_SECONDS, free_port, until

ROOT = Path(__file__).resolve().parents[3]
EVERYTHING = ("view_plan", "view_conflict", "view_operation")


def database_url() -> str:
    """The URL of the database that the tests run on."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    told = connection.settings_dict
    host = told["OPTIONS"].get("host") or told["HOST"]
    user, password = quote(told["USER"], safe=""), quote(told["PASSWORD"], safe="")
    port = told["PORT"] or "5432"
    if host.startswith("/"):
        return f"postgres://{user}:{password}@/{name}?host={quote(host, safe='')}"
    return f"postgres://{user}:{password}@{host}:{port}/{name}"


def environment(**more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PLANNING_SYNC_HOME": str(settings.PLANNING_SYNC_HOME),
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "planning_sync.settings",
        "PLANNING_SYNC_LOG_LEVEL": "WARNING",
        **more,
    }


class Server:
    """A running uvicorn, as `planning-sync up` starts it."""

    def __init__(self, said: Path, **more: str) -> None:
        self.port = free_port()
        self._said = said
        words = ["--port", str(self.port), "--lifespan", "off", "--log-level", "warning", "--no-access-log"]
        with said.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "planning_sync.asgi:application", *words],
                env=environment(**more),
                cwd=ROOT,
                stdout=out,
                stderr=out,
            )
        try:
            until(self._answers, told=self.said)
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.said()
        address = f"http://127.0.0.1:{self.port}/health/live"
        try:
            urllib.request.urlopen(address, timeout=PATIENCE_SECONDS).close()
        except OSError:
            return False
        return True

    def said(self) -> str:
        return self._said.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(PATIENCE_SECONDS)

    def connect(self, user: User | None, **options: Any) -> ClientConnection:
        """An open socket of that person's browser, or of nobody's."""
        headers = {} if user is None else {"Cookie": cookie_of(user)}
        origin = options.pop("origin", f"http://127.0.0.1:{self.port}")
        path = options.pop("path", "/ws/events/")
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            origin=origin,
            additional_headers=headers,
            open_timeout=PATIENCE_SECONDS,
            max_size=None,
            **options,
        )


def cookie_of(user: User) -> str:
    browser = Browser()
    browser.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


def person(name: str, *permissions: str) -> User:
    user = User.objects.create_user(name)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


class Listener:
    """One subscribed client that keeps what it was told."""

    def __init__(
        self, socket: ClientConnection, *topics: str, cursor: str | None = None, told_in_full: bool = True
    ) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.messages = 0
        self.resets = 0
        self.cursor = cursor
        asked: dict[str, Any] = {"subscribe": list(topics)}
        if cursor is not None:
            asked["cursor"] = cursor
        socket.send(json.dumps(asked))
        self.answer = self.receive()

    def receive(self, timeout: float = PATIENCE_SECONDS) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(timeout=timeout))
        self.messages += 1
        self.events += message.get("events", [])
        self.resets += bool(message.get("reset"))
        self.cursor = message.get("cursor", self.cursor)
        return message

    def until(self, count: int) -> list[dict[str, Any]]:
        """The events so far, once there are so many."""
        while len(self.events) < count:
            self.receive()
        return self.events

    def hears_nothing_more(self, seconds: float = 0.3) -> bool:
        """No event and no reset; a cursor is told now and then however little happens."""
        known = len(self.events), self.resets
        try:
            while known == (len(self.events), self.resets):
                self.receive(seconds)
        except TimeoutError:
            return True
        return False

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
