"""A service that keeps plans, in this process, on a network that can be told to misbehave.

It speaks what `planning_sync.replicas.http_plans` says, and is a real server: what it does to a connection
is done to a socket.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from planning_sync.replicas.http_credentials import Request
from tests.waiting import PATIENCE_SECONDS

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


@dataclass(frozen=True)
class Fault:
    """What happens to the next request, or to the next one of `method`."""

    what: str
    """`delay`, `drop` (before it is done), `lose` (after it is done, the answer), `truncate`, `repeat` (it
    is done twice, and the second answer told), `reorder` (it is done once the next one is), `drip`, or the
    status of an answer in its place."""
    method: str = ""
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Told:
    request: Request
    headers: dict[str, str]


@dataclass
class ServiceDouble:
    """Plans by id, and the faults that are still to come."""

    plans: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    received: list[Told] = field(default_factory=list)
    finished: int = 0
    """Requests that nothing is done for any more."""
    partial: frozenset[str] = frozenset()
    """Left out of listings, which then say that they are not complete."""
    page_size: int = 1000
    before_put: Callable[[], None] | None = None
    """Called once, when the next plan is about to be put: the moment for someone else's edit."""
    accept: Callable[[Told], bool] = lambda told: True
    patches: bool = True

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self.next_done = threading.Event()
        methods = dict.fromkeys(("do_GET", "do_PUT", "do_PATCH", "do_DELETE"), _Handler.serve)
        handler = type("Bound", (_Handler,), {"owner": self, **methods})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/api/v1"

    def fault_for(self, method: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.method in ("", method):
                    self.faults.remove(fault)
                    return fault
        return None

    def done(self, method: str, ident: str, body: bytes, told: dict[str, str], cursor: str) -> Answer:
        """What the service itself does: each request at once and alone."""
        writes = method in ("PUT", "PATCH")
        act, self.before_put = (self.before_put, None) if writes else (None, self.before_put)
        if act is not None:
            act()
        with self._lock:
            if not ident:
                return 200, {}, self._listing(cursor)
            present = self.plans.get(ident)
            tag = "" if present is None else etag(present)
            if told.get("if-match", tag) != tag or (told.get("if-none-match") == "*" and present is not None):
                return 412, {}, b""
            if method == "PATCH" and not self.patches:
                return 405, {}, b""
            if present is None and method != "PUT":
                return 404, {}, b""
            if method == "PATCH":
                assert present is not None
                document = patched(json.loads(present), json.loads(body))
                self.plans[ident] = json.dumps(document, indent=1).encode()
                return 200, {"ETag": etag(self.plans[ident])}, b""
            if method == "PUT":
                self.plans[ident] = body
                return 200 if present is not None else 201, {"ETag": etag(body)}, b""
            if method == "DELETE":
                del self.plans[ident]
                return 204, {}, b""
            assert present is not None
            return 200, {"ETag": tag}, present

    def _listing(self, cursor: str) -> bytes:
        """From the cursor on, which is the id of the last plan of the page before."""
        listed = [
            {"id": ident, "etag": etag(data)}
            for ident, data in sorted(self.plans.items())
            if ident not in self.partial and ident > cursor
        ]
        page = listed[: self.page_size]
        following = {"next": page[-1]["id"]} if len(page) < len(listed) else {}
        return json.dumps({"plans": page, "complete": not self.partial, **following}).encode()


def etag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:20]}"'


def patched(document: Any, operations: Iterable[Mapping[str, Any]]) -> Any:
    """The document after those operations of RFC 6902 that there are."""
    whole = {"": document}
    for each in operations:
        steps: list[str] = ["", *each["path"].split("/")[1:]]
        last = steps.pop()
        place: Any = whole
        for step in steps:
            place = place[_key(place, step)]
        key = _key(place, last)
        if each["op"] == "remove":
            del place[key]
        elif each["op"] == "add" and isinstance(place, list):
            place.insert(key, each["value"])
        else:
            assert each["op"] == "add" or key in place or isinstance(place, list)
            place[key] = each["value"]
    return whole[""]


def _key(place: Any, step: str) -> Any:
    return int(step) if isinstance(place, list) else step.replace("~1", "/").replace("~0", "~")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: ServiceDouble

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {key.lower(): value for key, value in self.headers.items()}
        told = Told(Request(self.command, self.path, body), headers)
        fault = self.owner.fault_for(self.command) or Fault("")
        if fault.what == "reorder":
            self.owner.next_done.clear()
        self.owner.received.append(told)
        try:
            self._serve(told, fault)
        finally:
            self.owner.finished += 1

    def _serve(self, told: Told, fault: Fault) -> None:
        if fault.what == "delay":
            time.sleep(fault.seconds)
        if fault.what == "drop":
            self.close_connection = True
        elif fault.what.isdecimal():
            self._answer((int(fault.what), fault.headers, b""), fault)
        elif not self.owner.accept(told):
            self._answer((401, {}, b""), fault)
        else:
            self._serve_for_real(told, fault)

    def _serve_for_real(self, told: Told, fault: Fault) -> None:
        if fault.what == "reorder":
            self.owner.next_done.wait(PATIENCE_SECONDS)
        for _ in range(2 if fault.what == "repeat" else 1):
            answer = self._done(told)
        if fault.what in ("lose", "reorder"):
            self.close_connection = True
            return
        self.owner.next_done.set()
        self._answer(answer, fault)

    def _done(self, told: Told) -> Answer:
        target = urlsplit(told.request.target)
        ident = unquote(target.path.removeprefix("/api/v1/plans").lstrip("/"))
        cursor = unquote(target.query.removeprefix("cursor="))
        return self.owner.done(self.command, ident, told.request.body, told.headers, cursor)

    def _answer(self, answer: Answer, fault: Fault) -> None:
        status, headers, body = answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault.what == "truncate":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif fault.what == "drip":
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(fault.seconds)
        else:
            self.wfile.write(body)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the client has hung up, as some tests have it do
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass
