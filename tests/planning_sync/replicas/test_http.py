"""The client of services: patient where that is safe, and never longer than it may be."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import pickle
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from planning_sync.replicas import http
from planning_sync.replicas.errors import CredentialsMissing, PlanUnreadable, ServiceAway, WriteFailed
from planning_sync.replicas.http import Limits, Service
from planning_sync.replicas.http_credentials import SCHEMES, signer
from tests.planning_sync.replicas.service_double import Fault, ServiceDouble, Told, etag
from tests.waiting import PATIENCE_SECONDS, until

SECRET = "env:PLANNING_SYNC_REPLICA_TEST"
PATIENT = Limits(
    connect_seconds=PATIENCE_SECONDS,
    answer_seconds=PATIENCE_SECONDS,
    patience_seconds=PATIENCE_SECONDS,
    per_minute=100_000,
)
HASTY = replace(PATIENT, answer_seconds=0.3)


@pytest.fixture
def double() -> Iterator[ServiceDouble]:
    with ServiceDouble({"a": b'{"a": 1}'}) as running:
        yield running
        http.close_all()


class Waits:
    """Takes note of the waits and is over with them at once."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def service(double: ServiceDouble, scheme: str = "none", limits: Limits = PATIENT) -> Service:
    return Service(double.url, signer(scheme, SECRET), limits, pause=Waits())


def put(told: Service, data: bytes, before: bytes | None = b'{"a": 1}') -> int:
    condition = {"If-Match": etag(before)} if before is not None else {}
    return told.ask("PUT", "plans/a", body=data, headers=condition).status


# ------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("what", ["drop", "lose", "truncate", "429", "502", "503", "504"])
def test_a_request_that_reads_is_repeated_until_it_goes_well(double: ServiceDouble, what: str) -> None:
    double.faults = [Fault(what), Fault(what)]
    assert service(double).ask("GET", "plans/a").data == b'{"a": 1}'
    assert len(double.received) == 3


def test_an_answer_that_takes_too_long_is_asked_for_again(double: ServiceDouble) -> None:
    double.faults = [Fault("delay", seconds=PATIENCE_SECONDS)]
    hasty = replace(PATIENT, answer_seconds=1.0, tries=10)
    assert service(double, limits=hasty).ask("GET", "plans/a").status == 200


def test_an_answer_that_drips_in_is_not_waited_for(double: ServiceDouble) -> None:
    double.plans["a"] = b"x" * 100
    double.faults = [Fault("drip", seconds=0.02)] * HASTY.tries
    with pytest.raises(ServiceAway, match="did not answer in time"):
        service(double, limits=HASTY).ask("GET", "plans/a")


def test_what_never_goes_well_is_given_up_after_as_many_tries_as_told(double: ServiceDouble) -> None:
    double.faults = [Fault("503")] * 9
    asked = service(double)
    with pytest.raises(ServiceAway, match="answered 503"):
        asked.ask("GET", "plans/a")
    assert len(double.received) == PATIENT.tries


def test_the_waits_between_tries_grow_and_are_not_all_the_same(double: ServiceDouble) -> None:
    waits = Waits()
    asked = Service(double.url, signer("none", ""), Limits(tries=6, per_minute=100_000), pause=waits)
    double.faults = [Fault("503")] * 9
    with pytest.raises(ServiceAway):
        asked.ask("GET", "plans/a")
    first = http.FIRST_WAIT_SECONDS
    for number, seconds in enumerate(waits.seconds):
        assert 0.5 * first * 2**number <= seconds <= 1.5 * first * 2**number
    assert len({round(seconds / 2**number, 9) for number, seconds in enumerate(waits.seconds)}) > 1


def test_a_conditional_write_whose_answer_is_lost_is_repeated_and_done_once(double: ServiceDouble) -> None:
    double.faults = [Fault("lose")]
    assert put(service(double), b"new") == 412  # the second one comes upon the first one's work
    assert double.plans["a"] == b"new"
    first, second = double.received
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


def test_a_write_without_a_condition_is_not_repeated_once_it_may_have_been_done(
    double: ServiceDouble,
) -> None:
    double.faults = [Fault("lose")]
    with pytest.raises(ServiceAway, match="broke off"):
        put(service(double), b"new", before=None)
    assert len(double.received) == 1


def test_a_write_without_a_condition_is_repeated_where_it_surely_was_not_done(double: ServiceDouble) -> None:
    double.faults = [Fault("429")]
    assert put(service(double), b"new", before=None) == 200


def test_a_write_that_arrives_late_and_twice_overwrites_nothing(double: ServiceDouble) -> None:
    double.faults = [Fault("reorder", "PUT")]
    late = service(double, limits=replace(HASTY, tries=1))
    results: list[object] = []

    def write() -> None:
        with pytest.raises(ServiceAway) as caught:
            put(late, b"late")
        results.append(caught.value)

    writer = threading.Thread(target=write)
    writer.start()
    until(lambda: double.received, told="the late one")
    assert put(service(double), b"first") == 200
    writer.join()
    until(lambda: double.finished == 2, told="the late one, done after the first one")
    assert double.plans["a"] == b"first"
    assert results


def test_each_write_has_a_key_of_its_own(double: ServiceDouble) -> None:
    put(service(double), b"one")
    put(service(double), b"two", before=b"one")
    assert len({told.headers["idempotency-key"] for told in double.received}) == 2


def test_a_service_that_says_when_to_come_back_is_asked_no_sooner(double: ServiceDouble) -> None:
    double.faults = [Fault("429", headers={"Retry-After": "2"})]
    waits = Waits()
    Service(double.url, signer("none", ""), PATIENT, pause=waits).ask("GET", "plans/a")
    assert waits.seconds == [2.0]


@pytest.mark.parametrize("told", ["3600", "Sat, 21 Nov 2099 10:00:00 GMT"])
def test_a_wait_longer_than_our_patience_is_left_to_whoever_asks_again(
    double: ServiceDouble, told: str
) -> None:
    double.faults = [Fault("503", headers={"Retry-After": told})]
    with pytest.raises(ServiceAway) as caught:
        service(double).ask("GET", "plans/a")
    assert caught.value.retry_after_seconds >= 3600
    assert len(double.received) == 1


@pytest.mark.parametrize("told", ["", "soon", "-5", "9" * 40, "²"])
def test_a_retry_after_that_makes_no_sense_is_none(told: str) -> None:
    assert http._retry_after_seconds(told) == 0


def test_nobody_there_is_said_so(double: ServiceDouble) -> None:
    away = Service("http://127.0.0.1:9", signer("none", ""), PATIENT, pause=Waits())
    with pytest.raises(ServiceAway, match="cannot be reached"):
        away.ask("GET", "plans")


def test_a_redirect_is_not_followed_wherever_it_leads(double: ServiceDouble) -> None:
    double.faults = [Fault("302", headers={"Location": f"{double.url}/plans/a"})]
    with pytest.raises(ServiceAway, match="redirect to http://127"):
        service(double).ask("GET", "plans/b")
    assert len(double.received) == 1


def test_an_answer_over_the_limit_is_refused_while_it_comes(double: ServiceDouble) -> None:
    double.plans["a"] = b"x" * 2_000_000
    with pytest.raises(PlanUnreadable, match="more than 10,000 bytes"):
        service(double, limits=Limits(bytes=10_000)).ask("GET", "plans/a")


def test_a_body_over_the_limit_is_not_sent(double: ServiceDouble) -> None:
    with pytest.raises(WriteFailed, match="the limit is 10"):
        service(double, limits=Limits(bytes=10)).ask("PUT", "plans/a", body=b"x" * 11)
    assert double.received == []


def test_requests_keep_the_pace_once_the_first_ones_are_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    waits = Waits()
    pace = http.Pace(per_minute=60)
    for _ in range(5):
        pace.wait(waits)
    assert len(waits.seconds) >= 3
    assert waits.seconds == sorted(waits.seconds)
    assert waits.seconds[-1] == pytest.approx(len(waits.seconds))


# ------------------------------------------------------------------------------------- credentials


def test_a_key_or_a_token_goes_with_each_request(
    double: ServiceDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNING_SYNC_REPLICA_TEST", "s3cret")
    service(double, "key").ask("GET", "plans/a")
    service(double, "bearer").ask("GET", "plans/a")
    key, bearer = double.received
    assert (key.headers["x-api-key"], bearer.headers["authorization"]) == ("s3cret", "Bearer s3cret")


def test_a_minted_token_is_signed_and_soon_over(
    double: ServiceDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNING_SYNC_REPLICA_TEST", "s3cret")
    service(double, "jwt").ask("GET", "plans/a")
    head, claims, signature = double.received[0].headers["authorization"].removeprefix("Bearer ").split(".")
    wanted = hmac.digest(b"s3cret", f"{head}.{claims}".encode(), hashlib.sha256)
    assert _decoded(signature) == wanted
    assert json.loads(_decoded(head)) == {"alg": "HS256", "typ": "JWT"}
    said = json.loads(_decoded(claims))
    assert said["iat"] <= time.time() < said["exp"] <= time.time() + 600


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_signature_is_of_the_very_request(double: ServiceDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNING_SYNC_REPLICA_TEST", "s3cret")

    def accept(told: Told) -> bool:
        request, headers = told.request, told.headers
        body = hashlib.sha256(request.body).hexdigest()
        signed = "\n".join((headers["x-signature-timestamp"], request.method, request.target, body))
        wanted = hmac.new(b"s3cret", signed.encode(), hashlib.sha256).hexdigest()
        return headers["x-signature"] == wanted

    double.accept = accept
    assert put(service(double, "hmac"), b"new") == 200
    monkeypatch.setenv("PLANNING_SYNC_REPLICA_TEST", "another")
    with pytest.raises(ServiceAway, match="does not accept the credentials"):
        put(service(double, "hmac"), b"newer", before=b"new")


def test_a_secret_may_come_from_a_file(
    double: ServiceDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.setenv("PLANNING_SYNC_REPLICA_TEST_FILE", str(tmp_path / "secret"))
    service(double, "key").ask("GET", "plans/a")
    assert double.received[0].headers["x-api-key"] == "s3cret"


@pytest.mark.parametrize(
    "named", ["env:PATH", "env:PLANNING_SYNC_SECRET_KEY", "file:/etc/passwd", "s3cret", ""]
)
def test_only_secrets_meant_for_replicas_can_be_named(double: ServiceDouble, named: str) -> None:
    asked = Service(double.url, signer("key", named), PATIENT)
    with pytest.raises(CredentialsMissing, match="is not env:PLANNING_SYNC_REPLICA_ and a name"):
        asked.ask("GET", "plans/a")
    assert double.received == []


def test_a_secret_that_is_not_set_sends_nothing_and_says_what_to_do(double: ServiceDouble) -> None:
    with pytest.raises(CredentialsMissing, match="Set that environment variable"):
        service(double, "key").ask("GET", "plans/a")
    assert double.received == []


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_no_secret_is_logged_or_in_an_error(
    double: ServiceDouble, scheme: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLANNING_SYNC_REPLICA_TEST", "s3cret")
    double.faults = [Fault("401")]
    with caplog.at_level(logging.DEBUG, "httpx"), pytest.raises(ServiceAway) as caught:
        service(double, scheme).ask("GET", "plans/a")
    assert "s3cret" not in caplog.text + str(caught.value) + repr(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("url", "plain", "fine"),
    [
        ("https://plans.example.org/api/v1", False, True),
        ("http://localhost:8000/api", False, True),
        ("http://plans.example.org", False, False),
        ("http://plans.example.org", True, True),
        ("https://alice:pw@plans.example.org", False, False),
        ("ftp://plans.example.org", True, False),
        ("/srv/plans", True, False),
        ("https://plans.example.org/?key=1", False, False),
    ],
)
def test_an_address_is_https_and_holds_no_secret(url: str, plain: bool, fine: bool) -> None:
    assert (http.address_problem(url, plain=plain) == "") is fine
