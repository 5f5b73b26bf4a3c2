"""Signatures: what one end signs the other believes, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from planning_sync.webhooks import signing
from planning_sync.webhooks.errors import NotSigned

SECRET = signing.secret_of("salt")
NOW = 1_750_000_000
IDENTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def signed(body: bytes = b"{}", *, ident: str = "msg_1", timestamp: int = NOW) -> dict[str, str]:
    return signing.headers(SECRET, ident=ident, timestamp=timestamp, body=body)


def test_the_signature_is_that_of_the_standard_webhooks_specification() -> None:
    """The example of the specification, with its secret, its id, its time and its body."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    told = signing.headers(
        secret, ident="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=b'{"test": 2432232314}'
    )
    assert told["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(ident=IDENTS, body=st.binary(max_size=200))
@settings(deadline=None)
def test_what_was_signed_is_believed(ident: str, body: bytes) -> None:
    assert signing.check(SECRET, signed(body, ident=ident), body, now=NOW) == ident


@given(body=st.binary(max_size=50), other=st.binary(max_size=50), ident=IDENTS, later=st.integers(1, 299))
@settings(deadline=None)
def test_no_part_of_it_can_be_another(body: bytes, other: bytes, ident: str, later: int) -> None:
    told = signed(body)
    changed = [
        ({**told, "webhook-id": ident}, body),
        ({**told, "webhook-timestamp": str(NOW + later)}, body),
        (told, other),
    ]
    for headers, said in changed:
        if (headers, said) == (told, body):
            continue
        with pytest.raises(NotSigned):
            signing.check(SECRET, headers, said, now=NOW)


@pytest.mark.parametrize("away", [301, -301, 10**6])
def test_an_old_message_is_refused_and_one_from_the_future_too(away: int) -> None:
    with pytest.raises(NotSigned, match="seconds away"):
        signing.check(SECRET, signed(), b"{}", now=NOW + away)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_no_header_may_be_missing(missing: str) -> None:
    told = signed()
    del told[missing]
    with pytest.raises(NotSigned):
        signing.check(SECRET, told, b"{}", now=NOW)


def test_any_of_several_signatures_will_do() -> None:
    told = signed()
    told["webhook-signature"] = f"v1,AAAA v2,xyz {told['webhook-signature']}"
    assert signing.check(SECRET, told, b"{}", now=NOW) == "msg_1"


def test_a_secret_belongs_to_its_row_and_to_the_installation() -> None:
    assert signing.secret_of("salt") == SECRET != signing.secret_of("pepper")
    assert len(base64.b64decode(SECRET.removeprefix("whsec_"))) == 32
    with override_settings(SECRET_KEY="another"):
        assert signing.secret_of("salt") != SECRET


def test_github_signs_the_body_with_the_secret_as_it_is_written() -> None:
    good = "sha256=" + hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest()
    signing.check_github(SECRET, {"x-hub-signature-256": good}, b"{}")
    for bad in ({}, {"x-hub-signature-256": good[:-1]}, {"x-hub-signature-256": "é"}):
        with pytest.raises(NotSigned):
            signing.check_github(SECRET, bad, b"{}")
    with pytest.raises(NotSigned):
        signing.check_github(SECRET, {"x-hub-signature-256": good}, b"{ }")


def test_gitlab_sends_the_secret_itself() -> None:
    signing.check_gitlab(SECRET, {"x-gitlab-token": SECRET})
    for bad in ({}, {"x-gitlab-token": ""}, {"x-gitlab-token": SECRET + "x"}):
        with pytest.raises(NotSigned):
            signing.check_gitlab(SECRET, bad)


def test_the_specification_is_kept_by_hand_as_well() -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.digest(key, b"msg_1.%d.{}" % NOW, "sha256")).decode()
    assert signed()["webhook-signature"] == f"v1,{wanted}"
