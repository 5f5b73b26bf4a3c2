"""A name that the place gives an item outweighs what it says; without one, what it says decides."""

from __future__ import annotations

from dataclasses import replace

from planning_sync.sync.recognition import recognise
from plans.document import parse
from plans.document.model import Document, Name
from tests.outlines import outline

SEEN = outline("a: - Paint the door in red\nb: - Sand the floor of the hall\nc: - Order the boards for it")


def read(text: str, *names: Name) -> Document:
    return replace(parse(text.encode()), names=names)


def test_an_item_is_known_by_its_number_whatever_it_says() -> None:
    document = read("- [ ] Wholly other words\n- [ ] Paint the door in red\n", Name("2"), Name("1"))
    assert recognise(document, SEEN, {"1": "a", "2": "b"}).keys == {"1": "b", "2": "a"}


def test_our_link_outweighs_a_number() -> None:
    document = read("- [ ] One\n- [ ] Two\n", Name("1", link="b"), Name("2"))
    assert recognise(document, SEEN, {"1": "a", "2": "b"}).keys == {"1": "b"}


def test_a_link_that_stands_twice_says_nothing() -> None:
    document = read("- [ ] One\n- [ ] Two\n", Name("1", link="b"), Name("2", link="b"))
    assert recognise(document, SEEN, {"1": "a", "2": "b"}).keys == {"1": "a", "2": "b"}


def test_a_link_to_an_item_of_another_plan_says_nothing() -> None:
    document = read("- [ ] One\n", Name("1", link="stranger"))
    assert recognise(document, SEEN, {"1": "a"}).keys == {"1": "a"}


def test_a_link_finds_an_item_that_was_never_seen_there() -> None:
    document = read("- [ ] One\n", Name("9", link="new"))
    assert recognise(document, SEEN, {}, {"new"}).keys == {"1": "new"}


def test_what_has_no_known_name_is_matched_by_its_words_between_what_is_sure() -> None:
    document = read(
        "- [ ] Wholly other words\n- [ ] Sand the floor of the hall\n- [ ] Something new\n",
        *(Name("1"), Name("7"), Name("8")),
    )
    assert recognise(document, SEEN, {"1": "a", "2": "b", "3": "c"}).keys == {"1": "a", "2": "b"}


def test_words_alone_decide_where_there_are_no_names() -> None:
    document = read("- [ ] Order the boards for it\n- [x] Paint the door in red\n")
    assert recognise(document, SEEN, {}).keys == {"1": "c", "2": "a"}
