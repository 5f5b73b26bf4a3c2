"""Refusals in the reader's language: each has its words, which say nothing that the error does not know."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import pytest
from django.utils.translation import override

from conflicts import errors as conflicts
from conflicts.presentation import refusals
from planning_sync.dashboard import refusals as of_pages
from planning_sync.sync import errors as sync
from plans import errors as plans
from plans.errors import InvalidPlace, InvalidValue

OTHERWISE = {
    *(plans.PlansError, conflicts.ConflictsError, sync.SyncError),
    conflicts.InvalidPolicy,  # of a form, which has words of its own
    *(sync.UndoRefused, sync.DependentWork),  # told by what stands in the way
    *(sync.Refused, sync.UnknownReplica),  # of commands and reports
}


def errors() -> Iterator[type[Exception]]:
    for module in (plans, conflicts, sync):
        for _name, each in inspect.getmembers(module, inspect.isclass):
            if issubclass(each, Exception) and each.__module__ == module.__name__:
                yield each


def test_every_refusal_has_words_for_the_reader() -> None:
    assert {each for each in errors() if each not in of_pages.WORDS} == OTHERWISE


@pytest.mark.parametrize("kind", of_pages.WORDS, ids=lambda kind: kind.__name__)
def test_the_words_name_nothing_that_the_error_does_not_carry(kind: type[Exception]) -> None:
    named = set(re.findall(r"%\((\w+)\)s", str(of_pages.WORDS[kind])))
    assert named <= set(inspect.signature(kind.__init__).parameters)


def test_data_is_filled_in_and_the_error_keeps_its_own_words() -> None:
    error = InvalidValue("text", "", "at least one character")
    assert refusals.told(error) == "text cannot be “”: give at least one character."
    with override("fr"):
        assert str(error) == "text cannot be '': give at least one character."


def test_an_error_without_words_speaks_for_itself() -> None:
    assert refusals.told(ValueError("Nothing of ours.")) == "Nothing of ours."
    assert refusals.told(InvalidPlace("it is full")) == "It cannot stand there: it is full."
