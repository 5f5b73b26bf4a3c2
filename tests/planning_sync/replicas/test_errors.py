"""Every error says what happened, to what, and what to do; and survives a trip to another process."""

from __future__ import annotations

import errno
import pickle

import pytest

from planning_sync.replicas import errors

EXAMPLES = [
    errors.ReplicaMissing("plans", "is not mounted"),
    errors.OutsideRoot("../a.md", "leads out of the replica's folder"),
    *(errors.PlanUnreadable("a.md", reason, "because") for reason in errors.Unreadable),
    errors.PlanChanged("a.md", "was edited"),
    errors.WriteFailed.of("a.md", OSError(errno.ENOSPC, "No space left on device")),
    errors.WriteFailed.of("a.md", OSError("no number")),
    errors.GitFailed("git status", "broken"),
    errors.GitBusy("plans", "a merge is in progress"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=str)
def test_an_error_survives_pickling(error: errors.ReplicaError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("error", EXAMPLES, ids=str)
def test_an_error_names_its_place_and_what_to_do(error: errors.ReplicaError) -> None:
    said = str(error)
    assert any(place in said for place in ("a.md", "plans", "git status"))
    assert said.endswith(".")
    assert said.count(".") - said.count(".md") >= 2 or ". " in said


def test_a_full_disk_and_a_closed_folder_have_advice_of_their_own() -> None:
    full = errors.WriteFailed.of("a.md", OSError(errno.ENOSPC, "No space left on device"))
    closed = errors.WriteFailed.of("a.md", OSError(errno.EROFS, "Read-only file system"))
    assert "space" in full.advice
    assert "right" in closed.advice


def test_a_path_that_would_break_the_line_is_shown_escaped() -> None:
    assert errors.shown("a\nb.md") == "'a\\nb.md'"
    assert errors.shown("é.md") == "'é.md'"
