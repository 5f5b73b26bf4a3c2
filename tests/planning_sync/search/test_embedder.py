"""The embedder with its real model and engine, on a small hub."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.utils import timezone

from audit.models import Entry
from planning_sync.live import log
from planning_sync.live.events import events_of
from planning_sync.search import embeddings, indexing, records, services, standing, wire
from planning_sync.search.asking import FULL_TEXT, Filters
from planning_sync.search.embedder import Embedder
from planning_sync.search.encoders.base import DEFAULT
from planning_sync.search.engines.edge import EdgeEngine
from planning_sync.search.errors import EmbedderAway, IndexBusy, WrongDimension, WrongModel
from planning_sync.search.models import Collection, Embedding, Kind, Record, Verdict
from planning_sync.search.records import sha256_of
from planning_sync.search.services import vectors
from planning_sync.search.services.vectors import Given
from plans import services as plans
from plans.models import Task
from tests.planning_sync.search.house import ANYBODY, House, search, texts

OLD = "Write the manual of the old version"
PROPOSED = [("priority", "low"), ("assignee", "bob")]


def test_meanings_are_found_by_other_words(house: House) -> None:
    answer = search("guide for users", kinds=[Kind.TASK], limit=3)
    assert (answer.engine, answer.degraded, answer.reason) == ("qdrant-edge", False, "")
    assert "Write the manual" in texts(answer)
    assert texts(search("databse migratoin", limit=1)) == ["Migrate the database, as 1.2 is done"]


def test_exact_refs_come_first_and_filters_hold(house: House) -> None:
    answer = search("something of 1.2", limit=3)
    assert texts(answer)[:2] == ["Make a backup of the database", "Migrate the database, as 1.2 is done"]
    done = search("database", filters=Filters(statuses=frozenset({"done"})))
    assert {hit.status for hit in done.hits} == {"done"}
    garden = search("water", filters=Filters(plans=frozenset({str(house.desk.plan("garden.md").pk)})))
    assert {hit.plan_title for hit in garden.hits} == {"Garden"}


def test_edits_and_deletions_reach_the_index(house: House) -> None:
    house.desk.set("Write the manual", text="Book the concert hall")
    plans.delete(house.desk.task("Water the flowers"), actor="alice")
    house.settle()
    assert "Book the concert hall" in texts(search("music venue", limit=3))
    assert "Water the flowers" not in texts(search("water the flowers"))
    assert wire.ask("status")["points"]["task"] == Record.objects.filter(kind="task").count() == 7


def test_a_text_is_embedded_once_in_its_life(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def blow_up(texts: Any) -> Any:
        raise AssertionError(f"embedded again: {texts}")

    house.desk.write("copy.md", "# Garden\n\n- [ ] Water the flowers\n- [x] Write the manual\n")
    house.desk.sync()
    house.desk.set("Tag the version", status="done")
    monkeypatch.setattr(house.embedder.encoder, "encode", blow_up)
    records.follow()
    house.settle()
    assert not records.due().exists()


def test_what_another_worker_is_at_is_left_to_it_until_it_is_given_up(house: House) -> None:
    encoder = house.embedder.encoder
    texts_by_key = {sha256_of(text): text for text in ("one text", "another text")}
    first, second = sorted(texts_by_key)
    Embedding.objects.create(model=DEFAULT, sha256=first, claimed_at=timezone.now())
    assert set(embeddings.embed(encoder, texts_by_key)) == {second}
    Embedding.objects.filter(sha256=first).update(claimed_at=timezone.now() - embeddings.CLAIM * 2)
    assert set(embeddings.embed(encoder, texts_by_key)) == {first, second}


def test_a_deleted_index_is_built_again_from_the_vectors_that_are_kept(house: House) -> None:
    shutil.rmtree(settings.PLANNING_SYNC_HOME / "index")
    answer = search("guide for users")
    assert (answer.engine, answer.degraded) == (FULL_TEXT, True)
    assert "missing" in answer.reason
    embedded = set(Embedding.objects.values_list("pk", flat=True))
    house.settle()
    assert not search("guide for users").degraded
    assert wire.ask("status")["points"]["task"] == 8
    assert set(Embedding.objects.values_list("pk", flat=True)) == embedded


def test_drift_is_found_told_and_mended(house: House) -> None:
    place = house.embedder.place
    assert place is not None
    victim = Record.objects.get(text="Write the manual")
    stranger = Record.objects.get(text="Repair the fence")
    place.engine.delete(place.generation, "task", [victim.item_id])
    Record.objects.filter(pk=stranger.pk).update(indexed="")
    stranger.delete()
    house.check()
    row = Collection.objects.get()
    assert (row.differing, row.expected - row.found) == (1, 0)
    assert standing.standing().differing == 1
    house.settle()
    house.check()
    assert Collection.objects.get().differing == 0
    assert wire.ask("status")["points"]["task"] == 7


def test_drift_is_told_once_until_it_was_found_mended(house: House) -> None:
    place, cursor = house.embedder.place, log.position()
    assert place is not None

    def drift() -> None:
        place.engine.delete(place.generation, "task", [house.desk.task("Write the manual").pk])
        house.check()
        house.settle()

    def told() -> list[tuple[str, str]]:
        gains = log.between(cursor, log.position(), limit=100)
        return [(event.type, event.actor) for event in events_of(gains)]

    drift()
    drift()
    assert told() == [("search.drifted", "embedder")]
    entry = Entry.objects.get(action=Entry.Action.DRIFTED)
    assert (entry.item_kind, entry.plan_id, (entry.after or {})["differing"]) == ("index", None, 1)
    house.check()
    drift()
    assert told() == [("search.drifted", "embedder")] * 2


def test_another_model_builds_another_index_and_says_so_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "AT_ONCE", 1)
    Collection.objects.update(model="another-model")
    house.restart()
    assert house.turn()
    assert "another-model" in search("database").reason
    house.settle()
    assert (Collection.objects.get().model, Collection.objects.get().generation) == (DEFAULT, 2)
    assert not search("database").degraded


def test_collections_of_another_dimension_are_replaced(house: House) -> None:
    house.embedder.close()
    engine = EdgeEngine(settings.PLANNING_SYNC_HOME / "index")
    engine.swap(7)
    for kind in Kind.values:
        engine.ensure(7, kind, 8)
    engine.close()
    Collection.objects.update(generation=7)
    house.restart(close=False)
    house.settle()
    assert Collection.objects.get().generation == 8
    assert not search("database").degraded


def test_reindexing_goes_on_answering_and_loses_no_edit(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "AT_ONCE", 2)
    services.reindex(actor="alice")
    assert house.turn()
    assert wire.ask("status")["rebuilding"]
    assert not search("guide for users").degraded
    house.desk.set("Write the manual", text="Book the concert hall")
    plans.delete(house.desk.task("Water the flowers"), actor="alice")
    house.settle()
    assert Collection.objects.get().generation == 2
    assert "Book the concert hall" in texts(search("music venue", limit=3))
    house.check()
    assert Collection.objects.get().differing == 0


def test_only_one_embedder_runs_on_a_state_folder(house: House) -> None:
    with pytest.raises(IndexBusy):
        Embedder()


def test_similar_tasks_leave_the_task_itself_out(house: House) -> None:
    task = house.desk.task("Make a backup of the database")
    answer = services.similar(task.pk, user=ANYBODY, limit=2)
    assert texts(answer)[0] == "Migrate the database, as 1.2 is done"
    assert task.pk not in {hit.id for hit in answer.hits}


def test_recommendations_rest_on_done_tasks_and_name_them(house: House) -> None:
    for name in ("old", "copy"):
        house.desk.write(f"{name}.md", f"# Old\n\n- [x] {OLD} #priority:low #assigned:bob\n")
    house.desk.sync()
    house.settle()
    said = set(Task.objects.filter(text=OLD).values_list("pk", flat=True))
    found = services.recommend(house.desk.task("Write the manual").pk, user=ANYBODY)
    assert [(each.field, each.value) for each in found.proposals] == [
        ("priority", "low"),
        ("assignee", "bob"),
    ]
    for each in found.proposals:
        assert len(each.evidence) == 1, "copies of one plan are one witness"
        assert said.issuperset(each.evidence)
        assert 0 < each.confidence < 0.5
    assert [plan.title for plan in found.plans] == ["Old", "Old"]


def test_duplicates_are_proposed_until_somebody_decides(house: House) -> None:
    house.desk.write(
        "copy.md", "# Copy\n\n- [x] Make a backup of the database\n- [ ] Retry with an exponential backoff\n"
    )
    house.desk.sync()
    house.settle()
    found = house.grouped(lambda: services.duplicates(user=ANYBODY))
    assert [(pair.first.text, pair.proposal, pair.score == 1) for pair in found.pairs] == [
        ("Make a backup of the database", "link", True),
        ("Retry with exponential backoff", "link", False),
    ]
    first, second = (Task.objects.get(pk=hit.id) for hit in (found.pairs[0].first, found.pairs[0].second))
    services.decide(first, second, Verdict.Choice.MERGE, actor="alice")
    assert [pair.first.id for pair in services.duplicates(user=ANYBODY).pairs] == [found.pairs[1].first.id]
    second.refresh_from_db()
    assert second.deleted_at is not None


def test_what_recurs_in_one_plan_is_merged_only_where_it_stands_side_by_side(house: House) -> None:
    house.desk.write("twice.md", TWICE)
    house.desk.sync()
    house.settle()
    found = house.grouped(lambda: services.duplicates(user=ANYBODY))
    assert [(pair.first.text, pair.proposal) for pair in found.pairs] == [
        ("Ask the neighbours for their opinion", "merge"),
        ("Sweep the floor of the hall", "ignore"),
    ]


def test_steps_of_a_series_and_formulas_are_no_duplicates(house: House) -> None:
    house.desk.write("steps.md", STEPS)
    house.desk.sync()
    house.settle()
    assert house.grouped(lambda: services.duplicates(user=ANYBODY)).pairs == ()


def test_themes_have_labels_and_count_only_what_is_seen(house: House) -> None:
    found = house.grouped(lambda: services.clusters(user=ANYBODY, kind=Kind.TASK, number=3))
    assert sum(each.size for each in found.groups) == 8
    assert all(each.label and each.examples for each in found.groups)
    assert services.clusters(user=ANYBODY, kind=Kind.TASK, number=3, replica_ids=[]).groups == ()


def test_vectors_from_outside_are_checked_and_found(house: House) -> None:
    far = np.zeros(384)
    far[0] = 3.0
    with pytest.raises(WrongModel):
        vectors.upsert([Given([1.0] * 384, "x")], model="other", actor="alice")
    with pytest.raises(WrongDimension):
        vectors.upsert([Given([1.0, 2.0], "x")], model=DEFAULT, actor="alice")
    task = house.desk.task("Water the flowers")
    taken = vectors.upsert([Given(far.tolist(), item_id=task.pk)], model=DEFAULT, actor="alice")
    assert taken == (1, 0)
    house.settle()
    answer = services.near(far.tolist(), user=ANYBODY, limit=1)
    assert texts(answer) == ["Water the flowers"]
    assert answer.hits[0].score == pytest.approx(1, abs=1e-4)
    with pytest.raises(WrongDimension):
        services.near([1.0], user=ANYBODY)


def test_without_an_embedder_a_search_goes_on_at_once(house: House) -> None:
    house.hang_up()
    answer = search("database")
    assert (answer.engine, answer.degraded) == (FULL_TEXT, True)
    assert texts(answer)
    assert standing.standing().problem
    with pytest.raises(EmbedderAway):
        wire.ask("status")


TWICE = """\
# Twice

- [ ] Ask the neighbours for their opinion
- [ ] Ask the neighbours for their opinion
- [ ] Prepare
  - [ ] Sweep the floor of the hall
- [ ] Clean
  - [ ] Sweep the floor of the hall
"""
STEPS = (
    """\
# Steps

- [ ] Review the chapter number 1
- [ ] Review the chapter number 2
- [ ] Convert assets/fonts/bold.woff to the new format
- [ ] Convert assets/fonts/light.woff to the new format
"""
    + "- [ ] Estimated duration in hours: 1\n- [ ] Estimated duration in hours: 2\n" * 5
)
