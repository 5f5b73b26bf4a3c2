"""A service that keeps plans as documents, as a replica: `PlanService`, `service_at`, `is_address`.

What is spoken, below the base address; each id is one step of the path, percent-encoded:

    GET    /plans       200 {"plans": [{"id": "beta", "etag": "..."}, ...], "next": "...", "complete": true}
    GET    /plans/beta  200 the document, with its ETag; 404
    PUT    /plans/beta  If-Match or If-None-Match: *   200, 201, 204 with the new ETag; 412
    DELETE /plans/beta  If-Match                       204, 200; 404, 412

    PATCH  /plans/beta  If-Match, a JSON Patch     as PUT; asked only where the option `patch` says so

`next` and `complete` may be left out. `next` is sent back as `?cursor=`; where `complete` is false, a plan
that is not listed does not count as deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from planning_sync.replicas import names, writing
from planning_sync.replicas.base import ABSENT, RULES, Probe, Problem, Reading, Replica, Scan, Write, checksum
from planning_sync.replicas.errors import (
    OptionRefused,
    PlanChanged,
    PlanUnreadable,
    ServiceAway,
    Unreadable,
    WriteFailed,
)
from planning_sync.replicas.formats import Format
from planning_sync.replicas.http import Answer, Limits, Service, address_problem
from planning_sync.replicas.http_credentials import SCHEMES, is_name, signer
from planning_sync.replicas.json_patch import patch
from planning_sync.replicas.kinds import Place, folder
from plans.outline import Outline

OPTIONS = ("scheme", "secret", "plain", "patch", "timeout_seconds", "per_minute", "limit_bytes")
"""Those of any service."""
_MOST_PAGES = 1000
_MOVED_ON = frozenset({404, 409, 410, 412})
_NOT_OFFERED = frozenset({405, 415, 501})
"""Answers to a PATCH of services that do not know it."""


class Kept(NamedTuple):
    """A plan as the service has it."""

    etag: str
    data: bytes


class PlanService(Replica):
    remote = True

    def __init__(self, service: Service, plan_format: Format, *, patches: bool = False) -> None:
        """`patches`: an edit is sent as what it changes rather than as the whole plan."""
        self.format = plan_format
        self._service = service
        self._patches = patches

    def scan(self) -> Scan:
        stamps: dict[str, str] = {}
        complete = True
        for page in self._pages():
            complete = complete and page.get("complete", True) is True
            for listed in page["plans"]:
                stamps[listed["id"]] = self._stamp(listed["etag"])
        problems = (
            () if complete else (Problem("", "The service says that it does not list every plan now."),)
        )
        return Scan(dict(sorted(stamps.items())), problems, complete)

    def _pages(self) -> Iterator[dict[str, Any]]:
        cursor = ""
        for _ in range(_MOST_PAGES):
            query = f"?cursor={quote(cursor, safe='')}" if cursor else ""
            page = self._page(self._service.ask("GET", f"plans{query}"))
            yield page
            cursor = page.get("next") or ""
            if not cursor:
                return
        raise ServiceAway(self._service.base_url, f"lists more than {_MOST_PAGES} pages of plans")

    def _page(self, answer: Answer) -> dict[str, Any]:
        if answer.status == 200:
            try:
                page = json.loads(answer.data)
                if all(type(each["id"]) is str and type(each["etag"]) is str for each in page["plans"]):
                    return dict(page)
            except (ValueError, KeyError, TypeError):
                pass  # told below
        told = f"answered {answer.status} with what is no list of plans"
        raise ServiceAway(self._service.base_url, told)

    def probe(self, path: str) -> Probe:
        kept = self._kept(path)
        return Probe(ABSENT, ABSENT) if kept is None else Probe(self._stamp(kept.etag), checksum(kept.data))

    def read(self, path: str) -> Reading:
        kept = self._kept(path)
        if kept is None:
            raise PlanUnreadable(path, Unreadable.VANISHED, "the service has no such plan")
        document = self.format.parse(kept.data, path)
        return Reading(path, self._stamp(kept.etag), checksum(kept.data), kept.data, document)

    def _stamp(self, etag: str) -> str:
        return etag + RULES + self.format.rules

    def _kept(self, path: str) -> Kept | None:
        answer = self._service.ask("GET", _place(path))
        if answer.status in (404, 410):
            return None
        etag = answer.headers.get("ETag", "")
        if answer.status != 200 or not etag:
            told = f"answered {answer.status} {'without an ETag ' if not etag else ''}for the plan {path}"
            raise ServiceAway(self._service.base_url, told)
        return Kept(etag, answer.data)

    # --------------------------------------------------------------------------------- writing

    def prepare(self, reading: Reading, target: Outline) -> Write:
        return self.format.rewritten(reading, target)

    def prepare_new(self, target: Outline) -> Write:
        taken = {names.comparable(path) for path in self.scan().stamps}
        numbered = (names.file_name(target.plan.text, number, suffix="") for number in count(1))
        path = next(name for name in numbered if names.comparable(name) not in taken)
        return self.format.created(path, target)

    def prepare_delete(self, reading: Reading) -> Write:
        return writing.deleted(reading)

    def prepare_restore(self, path: str, before: str, data: bytes) -> Write:
        return Write(path, before, checksum(data), data, self.format.parse(data, path))

    def commit(self, write: Write) -> str:
        kept = self._kept(write.path)
        if (ABSENT if kept is None else checksum(kept.data)) != write.before:
            raise PlanChanged(write.path, "was edited" if kept is not None else "was deleted")
        if write.changes_nothing:
            return ABSENT if kept is None else self._stamp(kept.etag)
        condition = {"If-None-Match": "*"} if kept is None else {"If-Match": kept.etag}
        if write.data is None:
            return self._delete(write, condition)
        if kept is not None and self._patches:
            answer = self._patch(write.path, kept.data, write.data, condition)
            if answer.status not in _NOT_OFFERED:
                return self._told(write, answer)
        headers = {"Content-Type": "application/json", **condition}
        return self._told(
            write, self._service.ask("PUT", _place(write.path), body=write.data, headers=headers)
        )

    def _patch(self, path: str, before: bytes, after: bytes, condition: Mapping[str, str]) -> Answer:
        body = json.dumps([*patch(json.loads(before), json.loads(after))]).encode()
        headers = {"Content-Type": "application/json-patch+json", **condition}
        return self._service.ask("PATCH", _place(path), body=body, headers=headers)

    def _told(self, write: Write, answer: Answer) -> str:
        """The stamp that the answer to the write gives."""
        if answer.status in (200, 201, 204) and answer.headers.get("ETag"):
            return self._stamp(answer.headers["ETag"])
        if answer.status < 300 or answer.status in _MOVED_ON:
            # Refused as a second time, where the answer to the first one was lost on the way.
            kept = self._kept(write.path)
            if kept is not None and checksum(kept.data) == write.after:
                return self._stamp(kept.etag)
            raise PlanChanged(write.path, "was deleted" if kept is None else "was edited")
        raise _failure(write, answer)

    def _delete(self, write: Write, condition: Mapping[str, str]) -> str:
        answer = self._service.ask("DELETE", _place(write.path), headers=condition)
        if answer.status in (200, 204):
            return ABSENT
        if answer.status in _MOVED_ON:
            if self._kept(write.path) is None:
                return ABSENT
            raise PlanChanged(write.path, "was edited")
        raise _failure(write, answer)


def _failure(write: Write, answer: Answer) -> WriteFailed:
    said = answer.data.decode("utf-8", "replace").strip().partition("\n")[0][:200]
    told = f"the service answered {answer.status}{f': {said}' if said.isprintable() and said else ''}"
    return WriteFailed(
        write.path, told, "See what it wants; the edit waits in the hub and the next sync writes it."
    )


def _place(path: str) -> str:
    names.parts(path)
    return f"plans/{quote(path, safe='')}"


# ------------------------------------------------------------------------------------- connecting


def is_address(path: str) -> bool:
    return path.startswith(("http://", "https://"))


def locate(given: str) -> Place:
    """The place of a service by its address, or of a folder or file."""
    if not is_address(given):
        return folder(given)
    problem = address_problem(given, plain=True)
    if problem:
        raise OptionRefused("path", problem)
    return Place(given.rstrip("/"), urlsplit(given).hostname or given)


def service_at(path: str, options: Mapping[str, Any]) -> Service:
    """The service at the address; asks it nothing yet. Raises `OptionRefused`."""
    scheme, secret = options.get("scheme", "none"), options.get("secret", "")
    problem = address_problem(path, plain=options.get("plain") is True)
    if problem:
        raise OptionRefused("path", problem)
    if scheme not in SCHEMES:
        raise OptionRefused("scheme", f"give one of {', '.join(SCHEMES)}")
    if scheme != "none" and not (isinstance(secret, str) and is_name(secret)):
        raise OptionRefused("secret", "name it, such as env:PLANNING_SYNC_REPLICA_ROADMAP; never give it")
    return Service(path, signer(scheme, secret), _limits(options))


def _limits(options: Mapping[str, Any]) -> Limits:
    usual = Limits()
    return Limits(
        answer_seconds=positive(options, "timeout_seconds", usual.answer_seconds),
        per_minute=int(positive(options, "per_minute", usual.per_minute)) or 1,
        bytes=int(positive(options, "limit_bytes", usual.bytes)),
    )


def positive(options: Mapping[str, Any], name: str, usual: float) -> float:
    """The number above 0 that an option says; raises `OptionRefused`."""
    number = options.get(name, usual)
    if isinstance(number, bool) or not isinstance(number, int | float) or number <= 0:
        raise OptionRefused(name, "give a number above 0")
    return float(number)
