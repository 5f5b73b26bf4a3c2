"""Between the embedder and all others: `ask` from there, `Server` in it.

One line of JSON each way on a Unix socket in the state folder, which only this user may enter. A question
has `ask` and its arguments; the answer has `told`, or `error` and its `kind`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import socketserver
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import connection

from planning_sync.search import errors
from planning_sync.search.errors import EmbedderAway, SearchError

logger = logging.getLogger(__name__)

QUICK_SECONDS = 1.0
"""How long a search may wait for the embedder before it goes on without."""
REST_SECONDS = 5.0
"""How long a silent embedder is not asked again."""
_LONGEST_PATH = 100
"""What addresses of Unix sockets have room for on every system."""
_LARGEST = 64 * 1024 * 1024

_resting_until = 0.0


def address() -> Path:
    """Where the embedder of this state folder listens."""
    path = Path(settings.PLANNING_SYNC_HOME) / "embedder.sock"
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:24]
    return Path(tempfile.gettempdir()) / f"planning-sync-{os.getuid()}-{name}.sock"


def ask(question: str, *, timeout_seconds: float = QUICK_SECONDS, **arguments: Any) -> Any:
    """What the embedder says. Raises `EmbedderAway`, or the `SearchError` that it had."""
    global _resting_until  # noqa: PLW0603  # one embedder, one state of it
    if time.monotonic() < _resting_until and timeout_seconds <= QUICK_SECONDS:
        raise EmbedderAway("it did not answer a moment ago")
    try:
        line = _exchange(orjson.dumps({"ask": question, **arguments}) + b"\n", timeout_seconds)
    except TimeoutError as error:
        _resting_until = time.monotonic() + REST_SECONDS
        raise EmbedderAway(f"no answer within {timeout_seconds:g} s") from error
    except OSError as error:
        raise EmbedderAway(error.strerror or str(error)) from error
    if not line:
        raise EmbedderAway("it ended while it was asked")
    answer = orjson.loads(line)
    if "error" in answer:
        raise _error(answer)
    return answer["told"]


def _exchange(line: bytes, timeout_seconds: float) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(timeout_seconds)
        link.connect(str(address()))
        link.sendall(line)
        with link.makefile("rb") as answer:
            return answer.readline(_LARGEST)


def _error(answer: Mapping[str, Any]) -> SearchError:
    """That of the embedder, with its message."""
    kind = getattr(errors, answer["kind"], SearchError)
    error: SearchError = kind.__new__(kind)
    Exception.__init__(error, answer["error"])
    return error


class Server(socketserver.ThreadingUnixStreamServer):
    """Answers each question with `answers[question](**arguments)`, each in a thread of its own."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answers: Mapping[str, Callable[..., Any]]) -> None:
        self.answers = answers
        self._path = address()
        with suppress(FileNotFoundError):
            self._path.unlink()
        before = os.umask(0o177)
        try:
            super().__init__(str(self._path), _Handler)
        finally:
            os.umask(before)

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, args=(0.05,), name="embedder-wire", daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        with suppress(FileNotFoundError):
            self._path.unlink()

    def answer(self, line: bytes) -> dict[str, Any]:
        arguments = orjson.loads(line)
        question = arguments.pop("ask")
        try:
            return {"told": self.answers[question](**arguments)}
        except SearchError as error:
            return {"error": str(error), "kind": type(error).__name__}
        except Exception as error:
            logger.exception("The embedder could not answer %s", question)
            return {"error": f"The embedder failed: {type(error).__name__}: {error}", "kind": "SearchError"}
        finally:
            connection.close()


class _Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        line = self.rfile.readline(_LARGEST)
        if line:
            answer = orjson.dumps(self.server.answer(line), default=list)  # named tuples
            with suppress(BrokenPipeError, ConnectionResetError):  # who asked has gone
                self.wfile.write(answer + b"\n")
