"""Between the embedder and all others: `ask` from there, or `begin` and later `answer`; `Server` in it.

One line of JSON each way on a Unix socket in the state folder, which only this user may enter. A question
has `ask` and its arguments; the answer has `told`, or `error` and its `kind`. Links stay open for the
questions to come, each for one at a time.
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
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
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
    return begin(question, timeout_seconds=timeout_seconds, **arguments).answer()


def begin(question: str, *, timeout_seconds: float = QUICK_SECONDS, **arguments: Any) -> Question:
    """Sends the question. Who asks may do something else, and then take the answer."""
    return Question(orjson.dumps({"ask": question, **arguments}) + b"\n", timeout_seconds)


class Question:
    """One that was sent, if it could be: `answer` tells."""

    def __init__(self, line: bytes, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._sent: _Link | EmbedderAway
        try:
            self._sent = _sent(line, timeout_seconds)
        except EmbedderAway as error:
            self._sent = error

    def answer(self) -> Any:
        """To be taken once. Raises as `ask` does."""
        if isinstance(self._sent, EmbedderAway):
            raise self._sent
        with _reaching(self._timeout_seconds):
            answer = orjson.loads(self._sent.receive())
        _idle.append(self._sent)
        if "error" in answer:
            raise _error(answer)
        return answer["told"]


def _sent(line: bytes, timeout_seconds: float) -> _Link:
    if time.monotonic() < _resting_until and timeout_seconds <= QUICK_SECONDS:
        raise EmbedderAway("it did not answer a moment ago")
    with _reaching(timeout_seconds):
        link = _linked(str(address()))
        link.send(line, timeout_seconds)
    return link


@contextmanager
def _reaching(timeout_seconds: float) -> Iterator[None]:
    global _resting_until  # noqa: PLW0603  # one embedder, one state of it
    try:
        yield
    except TimeoutError as error:
        _resting_until = time.monotonic() + REST_SECONDS
        raise EmbedderAway(f"no answer within {timeout_seconds:g} s") from error
    except OSError as error:
        raise EmbedderAway(error.strerror or str(error)) from error


def _error(answer: Mapping[str, Any]) -> SearchError:
    """That of the embedder, with its message."""
    kind = getattr(errors, answer["kind"], SearchError)
    error: SearchError = kind.__new__(kind)
    Exception.__init__(error, answer["error"])
    return error


# ---------------------------------------------------------------------------------------- links


class _Link:
    """Closes itself where anything fails. Raises `OSError`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._answers = self._socket.makefile("rb")
        with self._or_closed():
            self._socket.settimeout(QUICK_SECONDS)
            self._socket.connect(path)

    def send(self, line: bytes, timeout_seconds: float) -> None:
        with self._or_closed():
            self._socket.settimeout(timeout_seconds)
            self._socket.sendall(line)

    def receive(self) -> bytes:
        with self._or_closed():
            line = self._answers.readline(_LARGEST)
            if not line.endswith(b"\n"):
                raise ConnectionResetError("it ended while it was asked")
        return line

    def is_open(self) -> bool:
        """Whether the other end is still there, and has nothing to say unasked."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    @contextmanager
    def _or_closed(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise


_idle: deque[_Link] = deque()
os.register_at_fork(after_in_child=_idle.clear)  # two processes on one link would get each other's answers


def _linked(path: str) -> _Link:
    """One that waits for a question, else a new one. Raises `OSError`."""
    with suppress(IndexError):
        while True:
            link = _idle.pop()
            if link.path == path and link.is_open():
                return link
            link.close()
    return _Link(path)


# ---------------------------------------------------------------------------------- in the embedder


class Server(socketserver.ThreadingUnixStreamServer):
    """Answers each question with `answers[question](**arguments)`, those of each link in a thread."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answers: Mapping[str, Callable[..., Any]]) -> None:
        self.answers = answers
        self._path = address()
        self._links: set[Any] = set()
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
        for link in list(self._links):
            with suppress(OSError):  # it was closed meanwhile
                link.shutdown(socket.SHUT_RDWR)
        with suppress(FileNotFoundError):
            self._path.unlink()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._links.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._links.discard(request)
        super().shutdown_request(request)

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
        with suppress(BrokenPipeError, ConnectionResetError):  # who asked has gone
            for line in iter(partial(self.rfile.readline, _LARGEST), b""):
                answer = orjson.dumps(self.server.answer(line), default=list)  # named tuples
                self.wfile.write(answer + b"\n")
