"""One request and its answer: `Transport`. Signing in, trying again, and making errors of problems."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import httpx

from planning_sync_client.errors import Problem, Unreachable, problem

PREFIX = "/api/v1/"
ATTEMPTS = 4
_LONGEST_WAIT_SECONDS = 60.0
_AGAIN = frozenset({429, 503})


class Transport:
    """Speaks JSON with the server. Each POST has an Idempotency-Key, so that it can be sent again."""

    def __init__(
        self,
        base_url: str,
        *,
        secret: str = "",
        on_behalf_of: str = "",
        timeout_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Accept": "application/json"}
        if on_behalf_of:
            headers["On-Behalf-Of"] = on_behalf_of
        self._http = httpx.Client(
            base_url=base_url, headers=headers, timeout=timeout_seconds, transport=transport
        )
        self._sleep = sleep
        self._secret = secret
        self._refresh = ""

    def close(self) -> None:
        self._http.close()

    def sign_in(self, username: str, password: str) -> None:
        """Get tokens, and new ones when they run out. Raises `Problem`."""
        told = self.json("POST", "auth/token", body={"username": username, "password": password})
        self._secret, self._refresh = told["access"], told["refresh"]

    def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """What the server answers; None for an empty answer. Raises `Problem`, `Unreachable`."""
        answer = self.send(method, path, query=query, body=body, headers=headers)
        return answer.json() if answer.content else None

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        told = dict(headers or {})
        if method == "POST":
            told.setdefault("Idempotency-Key", str(uuid4()))
        url = path if path.startswith("/") else PREFIX + path
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        answer = self._answer(method, url, wanted, body, told)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._refresh and not path.startswith("auth/"):
            self._renew()
            answer = self._answer(method, url, wanted, body, told)
        if answer.is_error:
            raise _problem(answer)
        return answer

    def _renew(self) -> None:
        refresh, self._refresh = self._refresh, ""
        told = self.json("POST", "auth/refresh", body={"refresh": refresh})
        self._secret, self._refresh = told["access"], told["refresh"]

    def _answer(
        self, method: str, url: str, query: Mapping[str, Any], body: Any, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Tried again where nothing can have been done yet, or doing it again changes nothing."""
        told = {"Authorization": f"Bearer {self._secret}"} if self._secret else {}
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._http.request(
                    method, url, params=query or None, json=body, headers={**headers, **told}
                )
            except httpx.TransportError as error:
                if attempt == ATTEMPTS or method not in ("GET", "POST"):
                    raise Unreachable(str(self._http.base_url), error) from error
                self._sleep(0.5 * 2**attempt)
                continue
            if answer.status_code not in _AGAIN or attempt == ATTEMPTS:
                return answer
            self._sleep(min(float(answer.headers.get("Retry-After") or 1), _LONGEST_WAIT_SECONDS))
        raise AssertionError("the last attempt answers or raises")


def _problem(answer: httpx.Response) -> Problem:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):  # a proxy in between, say
        document = {"title": answer.reason_phrase, "detail": answer.text[:500]}
    return problem(answer.status_code, document)
