"""`prove` and `pair`, and what `sync` says of plans that wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from planning_sync.sync.models import Link, Replica, Unpaired
from plans.models import Plan
from tests.planning_sync.sync.console import ask, run
from tests.planning_sync.sync.test_pairing import LAUNCH
from tests.planning_sync.sync.workbench import Workbench

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def theirs(tmp_path: Path, settings: Any) -> Workbench:
    """A second folder with the hub's only plan, in which a task is ticked and another one reworded."""
    settings.PLANNING_SYNC_FOLLOW = False
    ours = Workbench.at(tmp_path / "ours")
    ours.write("launch.md", LAUNCH)
    ours.sync()
    theirs = Workbench.at(tmp_path / "theirs")
    edited = LAUNCH.replace("- [ ] Tag", "- [x] Tag").replace("Look at what people report", "Read reports")
    theirs.write("launch.md", edited)
    theirs.sync()
    return theirs


def test_prove_tells_what_adding_a_folder_would_mean_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "launch.md").write_text(LAUNCH + "- [?] Ask the lawyers\n")
    told = ask("prove", str(tmp_path))
    assert (told["plans"], told["tasks"], told["unrecognised"], told["holds"]) == (1, 5, 1, True)
    answer = run("prove", str(tmp_path))
    assert "not a byte of them changes" in answer.out
    assert "launch.md:13: unrecognised" in answer.out
    assert not Replica.objects.exists()
    assert run("prove", str(tmp_path / "nothing")).code == 2


def test_sync_and_pair_say_what_waits(theirs: Workbench) -> None:
    assert "planning-sync pair theirs" in run("sync", "theirs").err
    assert ask("sync", "theirs")["unpaired"] == 1
    (waiting,) = ask("pair")
    assert (waiting["replica"], waiting["path"], waiting["title"]) == ("theirs", "launch.md", "Launch")
    assert "launch.md" in run("pair", "theirs").out


def test_pair_shows_who_is_who_and_links_nothing(theirs: Workbench) -> None:
    (shown,) = ask("pair", "theirs", "launch.md")
    assert len(shown["pairs"]) == 6
    assert [(each["field"], each["hub"], each["replica"]) for each in shown["differences"]] == [
        ("status", "todo", "done")
    ]
    assert [each["text"] for each in shown["new_in_hub"]] == ["Read reports"]
    assert [each["text"] for each in shown["new_in_replica"]] == ["Look at what people report"]
    told = run("pair", "theirs", "launch.md").out
    assert "status here 'done', hub 'todo'" in told
    assert "Nothing was linked" in told
    assert not Link.objects.filter(replica=theirs.row).exists()


def test_pair_links_as_it_is_told(theirs: Workbench) -> None:
    (shown,) = ask("pair", "theirs", "launch.md")
    number, hub = shown["new_in_hub"][0]["number"], shown["new_in_replica"][0]["id"]
    told = ask("pair", "theirs", "launch.md", "--item", f"{number}={hub}", "--take", "replica", "--link")
    assert (told["linked"], told["failed"]) == (["launch.md"], [])
    assert theirs.texts("launch.md")[-2:] == ["Read reports", "Write down what went wrong"]
    assert theirs.task("Tag the version in the repository").status == "done"
    assert ask("pair") == []


def test_linking_with_conflicts_ends_as_a_sync_with_conflicts_does(theirs: Workbench) -> None:
    assert run("pair", "theirs", "--link").code == 4
    assert [row[0] for row in theirs.conflicts()] == ["status"]


def test_pair_imports_what_is_another_plan(theirs: Workbench) -> None:
    assert run("pair", "theirs", "--as-new").code == 0
    assert Plan.objects.count() == 2
    assert not Unpaired.objects.exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["theirs", "nothing.md"], 2),
        (["theirs", "--with", "Launch"], 2),
        (["theirs", "launch.md", "--item", "2"], 2),
        (["theirs", "launch.md", "--item", "2=nobody", "--link"], 1),
        (["theirs", "launch.md", "--with", "Garden"], 2),
    ],
)
def test_pair_refuses_what_cannot_be(theirs: Workbench, words: list[str], code: int) -> None:
    assert run("pair", *words).code == code
    assert not Link.objects.filter(replica=theirs.row).exists()
