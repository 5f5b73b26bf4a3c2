"""Pushes that others tell us of: `receive` checks one, and has a worker sync the replica.

A push is known again by what its sender signs: the id of a Standard Webhooks message, the whole body of
GitHub's. GitLab signs nothing, so there its event id is believed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

import orjson
from django.db import IntegrityError
from django.utils import timezone
from django_q.tasks import async_task

from audit.transactions import write_transaction
from planning_sync.sync.models import Link
from planning_sync.webhooks import signing
from planning_sync.webhooks.errors import NotUnderstood, Replayed
from planning_sync.webhooks.models import Hook, Receipt

Outcome = Literal["queued", "known", "ignored"]
"""A sync waits for a worker; the commit is one that we have, such as our own; it is not about a push."""

SYNC = "planning_sync.webhooks.tasks.sync"
_NO_COMMIT = "0" * 40


def receive(hook: Hook, headers: Mapping[str, str], body: bytes, *, now: float) -> Outcome:
    """What is made of the push. `headers` by their names in small letters.

    Raises `NotSigned`, `Replayed`, `NotUnderstood`.
    """
    marks = _CHECKS[hook.kind](signing.secret_of(hook.salt), headers, body, now)
    told = _understood(body)
    outcome = _outcome(hook, headers, told)
    _take(hook, marks, queue=outcome == "queued")
    return outcome


def _outcome(hook: Hook, headers: Mapping[str, str], told: Mapping[str, Any]) -> Outcome:
    if not hook.replica.enabled or not _is_push(hook, headers, told):
        return "ignored"
    return "known" if _is_known(hook, told) else "queued"


def _check_github(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> list[str]:
    signing.check_github(secret, headers, body)
    return [headers.get("x-github-delivery", ""), hashlib.sha256(body).hexdigest()]


def _check_gitlab(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> list[str]:
    signing.check_gitlab(secret, headers)
    return [headers.get("x-gitlab-event-uuid", "") or hashlib.sha256(body).hexdigest()]


def _check_generic(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> list[str]:
    return [signing.check(secret, headers, body, now=now)]


_CHECKS: Mapping[str, Callable[[str, Mapping[str, str], bytes, float], list[str]]] = {
    Hook.Kind.GITHUB: _check_github,
    Hook.Kind.GITLAB: _check_gitlab,
    Hook.Kind.GENERIC: _check_generic,
}
"""By kind: raises `NotSigned`, or gives what the push is known by."""


def _understood(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NotUnderstood("it is not JSON") from None
    if not isinstance(found, dict):
        raise NotUnderstood("it is no JSON object")
    return found


def _take(hook: Hook, marks: list[str], *, queue: bool) -> None:
    """Remember the push, and queue what it leads to, in one transaction; raises `Replayed`."""
    now = timezone.now()
    hashes = {hashlib.sha256(mark.encode("utf-8", "surrogatepass")).hexdigest() for mark in marks if mark}
    try:
        with write_transaction():
            for mark in sorted(hashes):
                Receipt.objects.create(hook=hook, mark=mark, at=now)
            Hook.objects.filter(pk=hook.pk).update(used_at=now)
            if queue:
                async_task(SYNC, str(hook.pk))
    except IntegrityError:
        raise Replayed from None


def _is_push(hook: Hook, headers: Mapping[str, str], told: Mapping[str, Any]) -> bool:
    """Other events are taken and do nothing, such as the ping that GitHub begins with."""
    if told.get("after") == _NO_COMMIT:  # a branch was deleted
        return False
    if hook.kind == Hook.Kind.GITHUB:
        return headers.get("x-github-event") == "push"
    if hook.kind == Hook.Kind.GITLAB:
        return headers.get("x-gitlab-event") == "Push Hook"
    return True


def _is_known(hook: Hook, told: Mapping[str, Any]) -> bool:
    """Whether the replica stood at that commit when it was synced: so it did, where the push is our own."""
    commit = told.get("after")
    if not isinstance(commit, str) or not commit:
        return False
    return Link.objects.filter(replica=hook.replica_id, commit=commit).exists()
