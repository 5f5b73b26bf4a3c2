"""Bytes, lines and storable texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plans.document import text

LINES = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
RAW_TEXTS = st.text(st.sampled_from("ab\\x09eé\0\ud800\udc80\udce9\udcff ☐"), max_size=30)


@given(st.binary())
@example(b"\xff\xfea\x00\r\x00")
@example(b"\xff\xfe\x00\xd8")
@example(b"\xff\xfea")
@example(b"\xfe\xff\x00a\xdc\x00")
@example(b"\xef\xbb\xbf\xef\xbb\xbf# t\xe9")
@settings(deadline=None)
def test_any_bytes_come_back(data: bytes) -> None:
    encoding, decoded = text.decode(data)
    assert text.encode(decoded, encoding) == data


@given(st.text(st.sampled_from("ab\n\r\v\f\x1c\x85\u2028é"), max_size=20))
@settings(deadline=None)
def test_lines_are_split_with_and_without_their_ends(whole: str) -> None:
    lines, bodies = text.split(whole)
    assert lines == text.split_lines(whole)
    assert bodies == [line.rstrip("\r\n") for line in lines]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_by_its_mark(codec: str) -> None:
    assert text.decode("\ufeffé\n".encode(codec)) == (codec, "\ufeffé\n")


def test_utf_16_of_odd_length_is_kept_as_bytes() -> None:
    encoding, decoded = text.decode(b"\xff\xfea\x00b")
    assert encoding == "utf-8"
    assert text.encode(decoded, encoding) == b"\xff\xfea\x00b"


@given(st.text(st.sampled_from("a\r\n\f\v\x85\u2028\x1c\ufeff\udc80"), max_size=40))
@settings(deadline=None)
def test_lines_end_at_lf_crlf_and_cr_only(content: str) -> None:
    lines = text.split_lines(content)
    assert lines == LINES.findall(content)
    assert "".join(lines) == content
    assert all(line.endswith(text.line_end(line)) for line in lines)
    assert not any(text.line_end(line) == "" for line in lines[:-1])


@given(RAW_TEXTS)
@settings(deadline=None)
def test_what_is_shown_can_be_stored(raw: str) -> None:
    shown = text.display(raw)
    assert "\0" not in shown
    assert shown.encode("utf-8").decode("utf-8") == shown


def test_undecodable_bytes_and_nul_are_shown_as_escapes() -> None:
    assert text.display(b"caf\xe9\x00".decode("utf-8", "surrogateescape")) == r"caf\xe9\x00"


@given(RAW_TEXTS)
@settings(deadline=None)
def test_a_shown_text_left_alone_goes_back_as_it_was(raw: str) -> None:
    assert text.undisplay(text.display(raw), raw) == raw


@given(RAW_TEXTS, RAW_TEXTS)
@settings(deadline=None)
def test_whatever_is_asked_for_is_what_will_be_shown(raw: str, wanted: str) -> None:
    shown = text.display(wanted)
    assert text.display(text.undisplay(shown, raw)) == shown


def test_an_edit_keeps_the_undecodable_bytes_around_it() -> None:
    assert text.undisplay(r"the caf\xe9 is closed", "caf\udce9 is open") == "the caf\udce9 is closed"
