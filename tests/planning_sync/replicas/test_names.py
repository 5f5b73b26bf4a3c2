"""Paths can be stored anywhere and lead back to the very bytes of the name."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning_sync.replicas import names
from planning_sync.replicas.errors import OutsideRoot

BYTES_OF_NAMES = st.one_of(
    st.binary(min_size=1, max_size=30),
    st.lists(
        st.sampled_from([b"%", b"x", b"%x", b"E9", b"41", b"25", b"\xe9", b"\xc3\xa9", b"a", b"\n"]),
        min_size=1,
    ).map(b"".join),
).filter(lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b".."))


@given(BYTES_OF_NAMES)
def test_a_path_leads_back_to_the_very_bytes(raw: bytes) -> None:
    path = names.from_os(os.fsdecode(raw))
    assert os.fsencode(names.to_os(path)) == raw
    assert names.parts(path) == [os.fsdecode(raw)]


@given(BYTES_OF_NAMES)
def test_a_path_can_be_stored_as_utf8(raw: bytes) -> None:
    assert names.from_os(os.fsdecode(raw)).encode()


@given(BYTES_OF_NAMES, BYTES_OF_NAMES)
def test_two_names_never_share_a_path(one: bytes, other: bytes) -> None:
    same = names.from_os(os.fsdecode(one)) == names.from_os(os.fsdecode(other))
    assert same == (one == other)


@given(st.text(st.characters(exclude_characters="\0")))
def test_one_file_has_one_path_only(path: str) -> None:
    try:
        steps = names.parts(path)
    except OutsideRoot:
        return
    assert names.from_os("/".join(steps)) == path


@pytest.mark.parametrize("name", ["plan.md", "100%25.md", "Été.md", "50%x.md", "%xyz.md", "a\nb.md"])
def test_a_name_that_can_be_stored_is_written_as_it_is(name: str) -> None:
    assert names.from_os(name) == name


def test_bytes_that_are_not_utf8_are_escaped() -> None:
    assert names.from_os(os.fsdecode(b"caf\xe9.md")) == "caf%xE9.md"
    assert names.from_os("caf%xE9.md") == "caf%x25xE9.md"


@pytest.mark.parametrize("path", ["a%x2F..%x2Fb.md", "%x2E%x2E/b.md", "%xC3%xA9.md", "%x41.md"])
def test_an_escape_that_no_name_needs_is_refused(path: str) -> None:
    with pytest.raises(OutsideRoot):
        names.parts(path)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        (
            "Plan de développement v42 - Gestionnaire d'erreurs",
            "plan-de-developpement-v42-gestionnaire-d-erreurs.md",
        ),
        ("📋 RAPPORT / final", "rapport-final.md"),
        ("../../etc/passwd", "etc-passwd.md"),
        ("計画", "計画.md"),
        ("🎯", "plan.md"),
        ("CON", "plan-con.md"),
        (".hidden", "hidden.md"),
        ("one_two\nthree", "one-two-three.md"),
    ],
)
def test_a_new_plan_is_named_after_its_title(title: str, name: str) -> None:
    assert names.file_name(title) == name


@given(st.text(), st.integers(1, 99))
def test_a_name_made_from_any_title_is_a_plain_one(title: str, number: int) -> None:
    name = names.file_name(title, number)
    assert names.parts(name) == [name]
    assert not name.startswith(".")
    assert name.endswith(".md")
    assert len(name.encode()) < 100
    assert (number > 1) == (names.file_name(title) != name)
