"""Webhooks in: a push that is signed leads to a sync, once; anything else to nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django_q.models import OrmQ

from audit.models import Operation
from planning_sync.sync.models import Link, Replica
from planning_sync.webhooks import receiving, services, signing, tasks
from planning_sync.webhooks.models import Hook, Receipt
from tests.planning_sync.sync.workbench import Workbench

AFTER = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
PUSH = {"ref": "refs/heads/main", "after": AFTER}
OPTIONS = {"PLANNING_SYNC_FOLLOW": False}


@pytest.fixture
def desk(tmp_path: Path, transactional_db: None) -> Workbench:
    desk = Workbench.at(tmp_path / "plans")
    desk.write("launch.md", "# Launch\n\n- [ ] Tag the version\n")
    desk.sync()
    return desk


def hook(desk: Workbench, kind: str) -> Hook:
    return services.add_hook(desk.row, kind, actor="alice").hook


def send(hook: Hook, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
    address = f"/api/v1/hooks/{hook.pk}"
    answer: Any = Client().post(address, body, content_type="application/json", headers=dict(headers))
    assert isinstance(answer, HttpResponse)
    return answer


def said(told: Any = None) -> bytes:
    return json.dumps(PUSH if told is None else told).encode()


def signed_as(hook: Hook, body: bytes, *, ident: str = "one", event: str = "") -> dict[str, str]:
    """The headers with which a host of the hook's kind sends the body."""
    secret = signing.secret_of(hook.salt)
    if hook.kind == "github":
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        told = {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": ident}
        return {**told, "X-GitHub-Event": event or "push"}
    if hook.kind == "gitlab":
        told = {"X-Gitlab-Token": secret, "X-Gitlab-Event-UUID": ident}
        return {**told, "X-Gitlab-Event": event or "Push Hook"}
    return signing.headers(secret, ident=ident, timestamp=int(time.time()), body=body)


def queued() -> list[str]:
    return [row.func() for row in OrmQ.objects.order_by("pk")]


def status(answer: HttpResponse) -> Any:
    return json.loads(answer.content)["status"]


KINDS = pytest.mark.parametrize("kind", Hook.Kind.values)


@KINDS
def test_a_signed_push_is_answered_at_once_and_its_sync_is_queued(desk: Workbench, kind: str) -> None:
    row = hook(desk, kind)
    answer = send(row, said(), signed_as(row, said()))
    assert (answer.status_code, status(answer)) == (202, "queued")
    assert queued() == [receiving.SYNC]
    row.refresh_from_db()
    assert row.used_at is not None


@KINDS
def test_the_sync_takes_what_was_pushed_into_the_hub(desk: Workbench, kind: str) -> None:
    row = hook(desk, kind)
    desk.edit("launch.md", "- [ ]", "- [x]")
    assert tasks.sync(str(row.pk)) == "in_step"
    assert desk.task("Tag the version").status == "done"
    made = Operation.objects.get(actor=f"webhook:{kind}")
    assert (made.via, made.replica_id) == ("webhook", desk.row.pk)


@KINDS
def test_a_push_that_is_not_signed_is_refused(desk: Workbench, kind: str) -> None:
    row, other = hook(desk, kind), hook(desk, kind)
    for headers in ({}, signed_as(other, said())):
        answer = send(row, said(), headers)
        assert answer.status_code == 403
        assert json.loads(answer.content)["type"] == "urn:planning-sync:problem:forbidden"
    assert queued() == []
    assert not Receipt.objects.exists()


@pytest.mark.parametrize("kind", ["github", "generic"])
def test_a_push_whose_body_was_changed_is_refused(desk: Workbench, kind: str) -> None:
    row = hook(desk, kind)
    assert send(row, said({"after": "0" * 39 + "1"}), signed_as(row, said())).status_code == 403


@KINDS
def test_a_push_is_not_taken_twice(desk: Workbench, kind: str) -> None:
    row = hook(desk, kind)
    headers = signed_as(row, said())
    assert send(row, said(), headers).status_code == 202
    assert send(row, said(), headers).status_code == 409
    assert queued() == [receiving.SYNC]


def test_what_github_does_not_sign_does_not_make_it_another_push(desk: Workbench) -> None:
    row = hook(desk, "github")
    send(row, said(), signed_as(row, said(), ident="one"))
    assert send(row, said(), signed_as(row, said(), ident="two")).status_code == 409


def test_an_old_push_is_refused(desk: Workbench) -> None:
    row = hook(desk, "generic")
    secret = signing.secret_of(row.salt)
    headers = signing.headers(secret, ident="one", timestamp=int(time.time()) - 400, body=said())
    assert send(row, said(), headers).status_code == 403


@KINDS
def test_the_next_push_is_taken(desk: Workbench, kind: str) -> None:
    row = hook(desk, kind)
    send(row, said(), signed_as(row, said()))
    body = said({"after": AFTER[::-1]})
    assert send(row, body, signed_as(row, body, ident="two")).status_code == 202
    assert len(queued()) == 2


def test_our_own_push_leads_to_no_sync(desk: Workbench, tmp_path: Path) -> None:
    """The commit that a sync made is the one that the replica stands at."""
    git(desk.folder, "init", "-q", "-b", "main")
    git(desk.folder, "add", ".")
    git(desk.folder, "commit", "-q", "-m", "Plans")
    Replica.objects.update(options={"commit": True})
    desk.set("Tag the version", status="done")
    desk.sync()
    commit = git(desk.folder, "rev-parse", "HEAD")
    assert Link.objects.get().commit == commit
    assert git(desk.folder, "log", "-1", "--format=%an") == "Planning Sync"
    row = hook(desk, "github")
    body = said({"after": commit})
    OrmQ.objects.all().delete()
    answer = send(row, body, signed_as(row, body))
    assert (answer.status_code, status(answer)) == (202, "known")
    assert queued() == []


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Alice", "-c", "user.email=alice@example.org"]
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("kind", "event", "told"),
    [
        ("github", "ping", {"zen": "Keep it logically awesome."}),
        ("gitlab", "Tag Push Hook", PUSH),
        ("github", "push", {"after": "0" * 40}),
    ],
)
def test_what_is_no_push_is_taken_and_does_nothing(
    desk: Workbench, kind: str, event: str, told: dict[str, str]
) -> None:
    row = hook(desk, kind)
    answer = send(row, said(told), signed_as(row, said(told), event=event))
    assert (answer.status_code, status(answer)) == (202, "ignored")
    assert queued() == []


def test_a_replica_that_is_switched_off_is_not_synced(desk: Workbench) -> None:
    row = hook(desk, "github")
    Replica.objects.update(enabled=False)
    assert status(send(row, said(), signed_as(row, said()))) == "ignored"
    assert tasks.sync(str(row.pk)) == "nothing to do"


@pytest.mark.parametrize("body", [b"", b"payload=%7B%7D", b"[]", b'"text"', b"{", b"\xff"])
def test_a_body_that_is_none_is_refused(desk: Workbench, body: bytes) -> None:
    row = hook(desk, "github")
    answer = send(row, body, signed_as(row, body))
    assert answer.status_code == 400
    assert not Receipt.objects.exists()


def test_a_body_that_is_too_large_is_refused(desk: Workbench) -> None:
    row = hook(desk, "github")
    with override_settings(PLANNING_SYNC_BODY_BYTES=10):
        assert send(row, said(), signed_as(row, said())).status_code == 413


def test_an_unknown_hook_is_not_there(desk: Workbench) -> None:
    row = hook(desk, "github")
    headers = signed_as(row, said())
    Hook.objects.filter(pk=row.pk).delete()
    assert send(row, said(), headers).status_code == 404


def test_refused_pushes_are_in_the_log_under_the_name_of_the_hook(desk: Workbench) -> None:
    row = hook(desk, "github")
    send(row, said(), {})
    refused = Operation.objects.filter(kind=Operation.Kind.ACCESS, actor="webhook:github").get()
    assert refused.via == "webhook"
