"""Without an embedder: words alone are compared, and the answer says so."""

from __future__ import annotations

from uuid import UUID

import pytest

from planning_sync.roles import services as roles
from planning_sync.search import records, services
from planning_sync.search.asking import FULL_TEXT, Filters
from plans import services as plans
from tests.api.programs import person
from tests.planning_sync.search.house import ANYBODY, search, texts
from tests.planning_sync.sync.workbench import Workbench


@pytest.fixture(autouse=True)
def _followed(desk: Workbench) -> None:
    records.follow()


def test_words_and_their_beginnings_are_found_whatever_their_accents(desk: Workbench) -> None:
    answer = search("databas")
    assert (answer.engine, answer.degraded) == (FULL_TEXT, True)
    assert "does not answer" in answer.reason
    assert set(texts(answer)) == {"Make a backup of the database", "Migrate the database, as 1.2 is done"}
    assert texts(search("CREER potager")) == ["Créer un potager"]
    assert texts(search("nothing-like-it")) == []
    assert texts(search("!!! ' \" * ( :")) == []


def test_exact_refs_come_first(desk: Workbench) -> None:
    answer = search("database 1.2")
    assert texts(answer)[:2] == ["Make a backup of the database", "Migrate the database, as 1.2 is done"]
    assert [hit.exact for hit in answer.hits[:2]] == [True, True]
    assert answer.hits[0].ref == "1.2"
    assert texts(search("V55")) == ["Launch of v55"]


def test_filters_narrow(desk: Workbench) -> None:
    assert texts(search("database", filters=Filters(statuses=frozenset({"done"})))) == [
        "Make a backup of the database"
    ]
    assert texts(search("version", filters=Filters(tags=frozenset({"release"})))) == ["Tag the version"]
    assert texts(search("version", filters=Filters(tags=frozenset({"other"})))) == []
    assert texts(search("database", filters=Filters(priorities=frozenset({"high"})))) == [
        "Migrate the database, as 1.2 is done"
    ]
    garden = frozenset({str(desk.plan("garden.md").pk)})
    assert texts(search("database", filters=Filters(plans=garden))) == []
    assert texts(search("release", kinds=["phase"])) == ["Release"]
    assert texts(search("fence", filters=Filters(replicas=frozenset({str(UUID(int=1))})))) == []


def test_hits_say_where_they_stand_and_which_words_fit(desk: Workbench) -> None:
    hit = search("manual").hits[0]
    assert (hit.kind, hit.plan_title, hit.phase_title) == ("task", "Launch of v55", "After")
    assert [hit.text[start:end] for start, end in hit.marks] == ["manual"]


def test_who_is_limited_to_other_replicas_finds_nothing(desk: Workbench) -> None:
    other = Workbench.at(desk.folder.with_name("other"))
    rhea = person("rhea", "reader")
    assert services.search("database", user=rhea).hits
    roles.limit(rhea, other.row, by=person("ada", "administrator"), actor="ada")
    rhea = type(rhea).objects.get(pk=rhea.pk)
    assert not services.search("database", user=rhea).hits
    assert not services.search("1.2", user=rhea).hits
    assert not services.search("database", user=ANYBODY, replica_ids=[other.row.pk]).hits


def test_what_is_new_is_read_by_who_searches(desk: Workbench) -> None:
    desk.set("Write the manual", text="Write the handbook of 7.8.9")
    assert texts(search("handbook")) == ["Write the handbook of 7.8.9"]
    desk.set("Water the flowers", text="Water the trees")
    assert search("trees 7.8.9").hits[0].exact
    assert not records.behind().exists()


def test_what_was_deleted_a_moment_ago_is_not_found(desk: Workbench) -> None:
    plans.delete(desk.task("Write the manual"), actor="alice")
    assert texts(search("manual")) == []
