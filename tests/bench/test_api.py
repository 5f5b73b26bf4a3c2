from __future__ import annotations

from collections import Counter

import pytest

from bench import api, load, wire

READ = api.ASKED[0]


def tally(*, marks: dict[str, str] | None = None, failed: dict[str, int] | None = None) -> load.Tally:
    found = marks if marks is not None else {"a": "w00001w"}
    return load.Tally([0.1], [0.2] * len(found), found, 15.0, Counter(failed or {}))


@pytest.mark.parametrize(
    ("queries", "ours", "met"),
    [([8, 8], 100.0, True), ([6, 9, 6], 100.0, False), ([8], 99.0, False), ([1], 300.0, True)],
)
def test_reading_meets_its_target_by_queries_and_by_throughput(
    queries: list[int], ours: float, met: bool
) -> None:
    assert api.judged("reading", READ, queries, ours, 300.0).met is met


def test_a_load_without_a_loss_meets_its_target() -> None:
    assert load.judged("load", tally(), load.Missed([], [])).met is True


@pytest.mark.parametrize("missed", [load.Missed(["w00001w"], []), load.Missed([], ["w00001w"])])
def test_an_acknowledged_write_that_is_in_one_place_only_is_a_loss(missed: load.Missed) -> None:
    found = load.judged("load", tally(), missed)
    assert found.met is False
    assert "0 in the" in found.ours


@pytest.mark.parametrize("kind", ["500", "503", "429", "ConnectionResetError"])
def test_an_answer_that_was_not_expected_is_told_and_misses_the_target(kind: str) -> None:
    found = load.judged("load", tally(failed={kind: 2}), load.Missed([], []))
    assert found.met is False
    assert f"2 times {kind}" in found.ours


def test_a_load_that_wrote_nothing_shows_nothing() -> None:
    assert load.judged("load", tally(marks={}), load.Missed([], [])).problem


def test_a_mark_has_to_be_at_its_task_and_once_in_the_files() -> None:
    marks = {"a": "w00001w", "b": "w00002w", "c": "w00003w"}
    hub = {"a": "w00001w", "b": "w00003w", "c": "w00003w"}
    missed = load.looked_for(marks, hub, {"w00001w": 1, "w00002w": 2})
    assert missed == load.Missed(["w00002w"], ["w00002w", "w00003w"])


def test_a_request_says_how_long_its_body_is() -> None:
    data = wire.request("PATCH", "/api/v1/tasks/1", "psk_1", b'{"text": "x"}')
    first, *rest = data.split(b"\r\n")
    assert first == b"PATCH /api/v1/tasks/1 HTTP/1.1"
    assert b"Content-Length: 13" in rest
    assert data.endswith(b'\r\n\r\n{"text": "x"}')


def test_the_head_of_an_answer_tells_its_status_and_length() -> None:
    assert wire.head(b"HTTP/1.1 409 Conflict\r\ncontent-LENGTH:  12\r\n\r\n") == (409, 12)


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 200 OK\r\n\r\n", b"\r\n\r\n", b"HTTP/1.1 x\r\nContent-Length: 1\r\n\r\n"]
)
def test_an_answer_whose_end_is_not_known_is_refused(data: bytes) -> None:
    with pytest.raises(wire.BadAnswer):
        wire.head(data)
