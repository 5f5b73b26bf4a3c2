"""What is learned from decisions, how a guess comes about, and how it fares."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ, Schedule
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from conflicts import services as conflicts
from conflicts.learning import memory, services, tasks, training
from conflicts.learning.acting import suggester
from conflicts.learning.features import Facts, features, likeness
from conflicts.learning.knowledge import ENOUGH_ALIKE, SUGGEST_FROM, Case, Knowledge
from conflicts.learning.memory import State
from conflicts.learning.training import MIN_DECISIONS, Decided, trained
from conflicts.merge.model import CLASSES, Side
from conflicts.models import Conflict, Hit, LearnedModel
from conflicts.strategies import Suggestion
from plans.models import Plan

CASES = settings(deadline=None, max_examples=100)

ROOT = Path(__file__).resolve().parents[2]
REPLICA = UUID(int=7)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

WORDS = st.sampled_from(["", "Tag the version", "Tag the new version", "50", "2026-03-01", "done", "high"])
TIMES = st.sampled_from([None, NOON, NOON + timedelta(hours=1)])
PEOPLE = st.sampled_from(["", "alice", "bob"])


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    field = draw(st.sampled_from(sorted(CLASSES)))
    values = st.one_of(WORDS, st.none(), st.lists(WORDS, max_size=3))
    kind, severity = CLASSES[field]
    return Facts(
        *(field, kind, severity, draw(st.sampled_from(["task", "phase"])), "r1"),
        *(draw(values), draw(values), draw(values)),
        hub_at=draw(TIMES),
        hub_by=draw(PEOPLE),
        replica_at=draw(TIMES),
        replica_by=draw(PEOPLE),
    )


def status_facts(hub: str, replica: str, **more: Any) -> Facts:
    kind, severity = CLASSES["status"]
    return Facts("status", kind, severity, "task", REPLICA.hex, "todo", hub, replica, **more)


def habit(number: int) -> list[Decided]:
    """Decisions of people who always take what is done, and now and then something else."""
    pairs = [("in_progress", "done"), ("done", "in_progress"), ("blocked", "done"), ("done", "blocked")]
    found = []
    for at in range(number):
        hub, replica = pairs[at % len(pairs)]
        take: Side = "replica" if replica == "done" else "hub"
        found.append(Decided(str(at), status_facts(hub, replica), take))
    return found


# ------------------------------------------------------------------------------------------ features


@CASES
@given(facts())
def test_the_features_of_any_clash_are_words_and_numbers(found: Facts) -> None:
    for name, value in features(found).items():
        assert isinstance(value, str | float), name


@CASES
@given(facts())
def test_with_the_sides_exchanged_whatever_compares_them_turns_round(found: Facts) -> None:
    turned = found._replace(
        hub=found.replica,
        replica=found.hub,
        hub_at=found.replica_at,
        replica_at=found.hub_at,
        hub_by=found.replica_by,
        replica_by=found.hub_by,
    )
    one, two = features(found), features(turned)
    for name in ("longer", "nearer"):
        assert one[name] == -float(two[name])
    other = {"hub": "replica", "replica": "hub", "": ""}
    assert one["newer"] == other[str(two["newer"])]
    assert {one["hub by"], two["hub by"]} == {found.hub_by, found.replica_by}


@pytest.mark.parametrize(
    ("field", "hub", "replica", "shape"),
    [
        ("status", "todo", "done", "further in the file"),
        ("status", "done", "in_progress", "further in the hub"),
        ("status", "done", "cancelled", "different"),
        ("priority", "low", "critical", "further in the file"),
        ("progress", "50", "7.5", "further in the hub"),
        ("due", "2026-03-01", "2026-04-01", "further in the file"),
        ("due", "2026-03-01", "soon", "different"),
        ("due", "", "2026-04-01", "empty in the hub"),
        ("tags", ["a"], ["a", "b"], "more in the file"),
        ("tags", ["a", "c"], ["a", "b"], "different"),
        ("text", "Tag the version", "Tag", "more in the hub"),
        ("presence", ["Tag"], None, "not in the file"),
    ],
)
def test_two_values_are_compared_as_their_field_asks(field: str, hub: Any, replica: Any, shape: str) -> None:
    found = Facts(field, *CLASSES[field], "task", "r1", None, hub, replica)
    assert features(found)["shape"] == shape


@CASES
@given(facts(), facts())
def test_clashes_that_are_alike_in_much_are_alike_in_less(one: Facts, two: Facts) -> None:
    same = [first == second for first, second in zip(likeness(one), likeness(two), strict=True)]
    assert same == sorted(same)
    assert same[-1] == (one.field == two.field)


# ------------------------------------------------------------------------------------------ training


@pytest.mark.parametrize(
    "decided",
    [
        habit(MIN_DECISIONS - 1),
        [each._replace(take="hub") for each in habit(40)],
        [each._replace(take="replica" if at < 2 else "hub") for at, each in enumerate(habit(40))],
    ],
    ids=["too few", "one side alone", "nearly one side alone"],
)
def test_nothing_is_learned_from_too_few_decisions_of_either_kind(decided: Sequence[Decided]) -> None:
    assert trained(decided) is None


def test_a_habit_is_learned_with_the_decisions_that_show_it() -> None:
    found = trained(habit(40))
    assert found is not None
    assert found.decisions == 40
    assert found.hit_rate == 1.0
    guess = found.knowledge.guess(status_facts("blocked", "done"))
    assert guess is not None
    assert (guess.take, guess.agreeing, guess.alike) == ("replica", 10, 10)
    assert guess.decisions == ("2", "6", "10", "14", "18")
    assert guess.reason == "in 10 of 10 similar conflicts the file's value was taken"
    assert guess.confidence > 0.9
    other = found.knowledge.guess(status_facts("done", "blocked"))
    assert other is not None
    assert other.take == "hub"


def test_what_people_decide_either_way_is_not_guessed() -> None:
    decided = [each._replace(facts=status_facts("blocked", "done")) for each in habit(40)]
    found = trained(decided)
    assert found is not None
    assert found.knowledge.guess(status_facts("blocked", "done")) is None


def test_a_clash_over_a_field_that_nobody_decided_on_is_not_guessed() -> None:
    found = trained(habit(40))
    assert found is not None
    assert found.knowledge.guess(Facts("due", *CLASSES["due"], "task", "r1", "", "2026-01-01", "")) is None


@settings(deadline=None, max_examples=10)
@given(st.lists(st.tuples(facts(), st.booleans()), min_size=20, max_size=40))
def test_guessing_in_plain_python_says_what_scikit_learn_says(drawn: list[tuple[Facts, bool]]) -> None:
    samples = [features(found) for found, _ in drawn]
    labels = [0, 1, *(int(taken) for _, taken in drawn[2:])]
    knowledge = Knowledge(*training._fitted(samples, labels), {})
    said = training._pipeline().fit(samples, labels).predict_proba(samples)[:, 1].tolist()
    for sample, chance in zip(samples, said, strict=True):
        assert knowledge.chance_of_replica(sample) == pytest.approx(chance, abs=1e-4)


@CASES
@given(facts(), st.integers(0, 9), st.integers(0, 9), st.floats(-3, 3))
def test_a_guess_is_sure_enough_and_most_of_what_is_alike_speaks_for_it(
    found: Facts, hub: int, replica: int, intercept: float
) -> None:
    knowledge = Knowledge(intercept, {}, {likeness(found)[2]: Case(hub, replica)})
    guess = knowledge.guess(found)
    if guess is None:
        return
    assert guess.alike == hub + replica >= ENOUGH_ALIKE
    assert 2 * guess.agreeing > guess.alike
    assert SUGGEST_FROM <= guess.confidence <= 1
    assert guess.take == ("replica" if intercept >= 0 else "hub")


def test_knowledge_survives_the_database() -> None:
    found = trained(habit(40))
    assert found is not None
    again = Knowledge.from_json(json.loads(json.dumps(found.knowledge.as_json())))
    for each in habit(4):
        assert again.guess(each.facts) == found.knowledge.guess(each.facts)


# -------------------------------------------------------------------------------- people and the hub


def opened(
    number: int = 1, *, hub: str = "in_progress", replica: str = "done", **more: Any
) -> list[Conflict]:
    """Open conflicts over the status of a task, with what is suggested by now."""
    at, known, plan = timezone.now(), Conflict.objects.count(), plan_of_all()
    columns = {"field": "status", "kind": CLASSES["status"][0], "severity": "high", **more}
    rows = [
        Conflict(
            plan=plan,
            replica_id=REPLICA,
            item_kind="task",
            item_key=UUID(int=known + each + 1).hex,
            base_value="todo",
            hub_value=hub,
            replica_value=replica,
            opened_at=at,
            changed_at=at,
            **columns,
        )
        for each in range(number)
    ]
    services.suggest(rows)
    return Conflict.objects.bulk_create(rows)


def plan_of_all() -> Plan:
    return Plan.objects.first() or Plan.objects.create(title="Launch", created_at=NOON, modified_at=NOON)


def decide(rows: Sequence[Conflict], take: str) -> None:
    for row in rows:
        conflicts.resolve(row.pk, take=take, actor="alice")


def taught() -> LearnedModel:
    """Twenty-four decisions of a habit, and what was learned from them."""
    decide(opened(12), "replica")
    decide(opened(12, hub="done", replica="in_progress"), "hub")
    row = services.train()
    assert row is not None
    return row


@pytest.mark.django_db
def test_before_there_are_decisions_nothing_is_suggested_and_nothing_measured() -> None:
    assert memory.status().state == State.LEARNING
    (row,) = opened()
    assert row.suggestion is None
    decide([row], "hub")
    assert services.train() is None
    assert memory.status().measured == 0


@pytest.mark.django_db
def test_after_a_training_open_and_new_conflicts_say_what_is_suggested_and_why() -> None:
    (waiting,) = opened()
    assert waiting.suggestion is None
    taught()
    waiting.refresh_from_db()
    (new,) = opened()
    for row in (waiting, new):
        assert row.suggestion is not None
        assert row.suggestion["take"] == "replica"
        assert row.suggestion["confidence"] > SUGGEST_FROM
        assert row.suggestion["reason"] == "in 12 of 12 similar conflicts the file's value was taken"
        rests_on = Conflict.objects.filter(pk__in=row.suggestion["decisions"])
        assert {each.taken for each in rests_on} == {"replica"}
        assert len(rests_on) == len(row.suggestion["decisions"]) > 0


@pytest.mark.django_db
@pytest.mark.parametrize("more", [{"rule": "evidence"}, {"field": "guard", "rule": "mass_delete"}])
def test_what_a_guard_or_a_watching_rule_asks_is_neither_suggested_nor_learned(more: dict[str, Any]) -> None:
    taught()
    (row,) = opened(**more)
    assert row.suggestion is None
    Conflict.objects.filter(pk=row.pk).update(state="decided", taken="replica", decided_by="alice")
    assert row not in memory.decisions()


@pytest.mark.django_db
def test_each_decision_on_a_suggestion_is_a_hit_or_a_miss_and_counts_once() -> None:
    taught()
    first, second, third = opened(3)
    decide([first], "replica")
    decide([second], "hub")
    conflicts.resolve(third.pk, take="value", value="blocked", actor="alice")
    assert list(Hit.objects.order_by("pk").values_list("taken", "is_hit")) == [
        *(("replica", True), ("hub", False)),
        ("value", False),
    ]
    Conflict.objects.filter(pk=second.pk).update(state="open")
    decide([second], "replica")
    assert Hit.objects.get(conflict=second).is_hit
    assert memory.status().hit_rate == pytest.approx(2 / 3)


@pytest.mark.django_db
def test_a_bulk_decision_is_measured_with_a_fixed_number_of_queries(
    django_assert_max_num_queries: Any,
) -> None:
    taught()
    rows = opened(60)
    with django_assert_max_num_queries(30):
        conflicts.resolve_many([row.pk for row in rows], take="suggestion", actor="alice")
    assert Hit.objects.filter(is_hit=True).count() == 60


@pytest.mark.django_db
def test_only_the_last_fifty_guesses_count() -> None:
    taught()
    decide(opened(10), "hub")
    assert memory.status().hit_rate == 0
    conflicts.resolve_many([row.pk for row in opened(50)], take="replica", actor="alice")
    assert (memory.status().hit_rate, memory.status().measured) == (1, 50)


@pytest.mark.django_db
def test_guesses_act_only_once_twenty_were_measured_and_nine_in_ten_were_right() -> None:
    taught()
    decide(opened(19), "replica")
    assert memory.status().state == State.SUGGESTING
    assert suggester() is None
    decide(opened(1), "replica")
    assert memory.status().state == State.ACTING
    suggest = suggester()
    assert suggest is not None
    found = suggest(status_facts("in_progress", "done"))
    assert isinstance(found, Suggestion)
    assert (found.take, found.decisions != ()) == ("replica", True)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.django_db
def test_learned_decisions_switch_themselves_off_when_people_take_something_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taught()
    decide(opened(20), "replica")
    assert memory.status().is_healthy
    with caplog.at_level(logging.WARNING, logger="conflicts.learning.services"):
        decide(opened(2), "hub")
        assert memory.status().state == State.ACTING
        assert not warnings(caplog)
        decide(opened(1), "hub")
    assert memory.status().state == State.SUGGESTING
    assert not memory.status().is_healthy
    (said,) = warnings(caplog)
    assert said.startswith("Learned decisions are off: people took what was suggested in 87 % of the last 23")


@pytest.mark.django_db
def test_suggestions_that_fail_too_often_are_hidden_and_measured_on_until_they_are_good_again(
    caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    caplog.set_level(logging.WARNING)
    taught()
    waiting = opened(1)[0]
    with django_capture_on_commit_callbacks() as callbacks:
        decide(opened(20), "hub")
    assert memory.status().state == State.QUIET
    assert "Suggestions are off" in caplog.text
    assert callbacks, "a training is to come, which hides those that stand"
    services.renew_suggestions()
    assert waiting in Conflict.objects.filter(suggestion__isnull=True)
    new = opened(41)
    assert {row.suggestion for row in new} == {None}
    decide(new, "replica")
    assert memory.status().hit_rate == pytest.approx(41 / 50)
    assert memory.status().is_shown


@pytest.mark.django_db
def test_a_learned_decision_that_is_taken_back_is_a_miss_once() -> None:
    taught()
    operation = audit.begin(Operation.Kind.SYNC, actor="schedule")
    after = {"strategy": "learned", "take": "replica", "value": None, "confidence": 0.97}
    notes = [
        Note(Entry.Action.DECIDED, field="status", after=after),
        Note(Entry.Action.DECIDED, field="status", after={**after, "strategy": "hub_wins"}),
        Note(Entry.Action.CHANGED, field="status", after="done"),
    ]
    audit.record(operation, notes)
    for _ in range(2):
        services.note_taken_back(operation.entries.all())
    (hit,) = Hit.objects.all()
    assert (hit.is_hit, hit.suggested, hit.confidence) == (False, "replica", 0.97)


@pytest.mark.django_db
def test_every_tenth_decision_has_a_worker_train_again(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        decide(opened(9), "replica")
    assert not OrmQ.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        decide(opened(1, hub="done", replica="in_progress"), "hub")
    (queued,) = OrmQ.objects.all()
    assert import_string(queued.task["func"]) is tasks.train
    assert tasks.train() == "too few decisions"
    with django_capture_on_commit_callbacks(execute=True):
        for rows, take in ((opened(7), "replica"), (opened(8, hub="done", replica="in_progress"), "hub")):
            conflicts.resolve_many([row.pk for row in rows], take=take, actor="alice")
    assert OrmQ.objects.count() == 2
    assert tasks.train() == "learned from 25 decisions"


@pytest.mark.django_db
def test_the_daily_training_is_scheduled_once() -> None:
    for _ in range(2):
        tasks.ensure_schedule()
    row = Schedule.objects.get()
    assert (row.schedule_type, import_string(row.func)) == (Schedule.DAILY, tasks.train)


@pytest.mark.django_db
def test_only_the_last_models_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "KEPT_MODELS", 2)
    taught()
    for _ in range(services.KEPT_MODELS + 2):
        services.train()
    assert LearnedModel.objects.count() == services.KEPT_MODELS


@pytest.mark.django_db
def test_a_model_that_was_rolled_back_is_not_remembered() -> None:
    row = taught()
    first = memory.knowledge()
    content = {**row.content, "intercept": 3.0}
    LearnedModel.objects.filter(pk=row.pk).update(content=content, trained_at=NOON)
    second = memory.knowledge()
    assert first is not None
    assert second == replace(first, intercept=3.0)


def test_web_processes_never_import_scikit_learn() -> None:
    script = (
        "import sys, django; django.setup()\n"
        "from django.test import Client\n"
        "from django.urls import get_resolver\n"
        "import planning_sync.asgi, conflicts.learning.tasks\n"
        "assert get_resolver().url_patterns\n"
        "assert Client(headers={'host': 'localhost'}).get('/login/').status_code == 200\n"
        "heavy = {'sklearn', 'scipy', 'numpy'} & {name.partition('.')[0] for name in sys.modules}\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
