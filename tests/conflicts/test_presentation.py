"""What the screens say of a conflict: differences that are true, words that tell what a decision does."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from conflicts import desk, presentation, queue
from conflicts.errors import InvalidDecision
from conflicts.models import Conflict
from conflicts.presentation import differences, wording
from conflicts.presentation.differences import Segment
from conflicts.queue import Filters
from plans import services as plans
from plans.models import Plan

NOW = datetime(2026, 5, 6, 10, 0, tzinfo=UTC)  # a Wednesday

# ------------------------------------------------------------------------------ differences

TEXTS = st.lists(st.sampled_from(["tag", "the", "old", "new", "version", ",", "é"]), max_size=9).map(" ".join)
LISTS = st.lists(st.sampled_from("abcdefgh"), max_size=30)


@given(TEXTS | st.text(max_size=30), TEXTS | st.text(max_size=30))
def test_words_that_stay_and_go_are_the_old_text_and_those_that_stay_and_come_the_new(
    old: str, new: str
) -> None:
    line = differences.words(old, new)
    assert "".join(part.text for part in line if part.change != "added") == old
    assert "".join(part.text for part in line if part.change != "removed") == new


@given(TEXTS)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert all(part.change == "same" for part in differences.words(text, text))


@given(LISTS, LISTS)
def test_the_entries_of_a_list_are_all_there_or_counted(old: list[str], new: list[str]) -> None:
    lines = [part for line in differences.entries(old, new) for part in line]

    def length(without: str) -> int:
        return sum(
            int(part.text) if part.change == "skipped" else 1 for part in lines if part.change != without
        )

    assert length("added") == len(old)
    assert length("removed") == len(new)
    assert [part.text for part in lines if part.change == "added"] == [
        part.text for part in lines if part.change == "added" and part.text in new
    ]


def test_a_changed_word_is_marked_and_nothing_else() -> None:
    assert differences.words("two hours before", "three hours before") == (
        Segment("removed", "two"),
        Segment("added", "three"),
        Segment("same", " hours before"),
    )


def test_texts_with_nothing_in_common_are_not_made_a_patchwork() -> None:
    assert [part.change for part in differences.words("Feed the cat", "Buy 3 gauges, now")] == [
        "removed",
        "added",
    ]


def test_long_lists_show_what_changed_and_a_little_around_it() -> None:
    old = [f"step {number}" for number in range(40)]
    lines = differences.entries(old, [*old[:20], "new", *old[20:]])
    assert [part.text for line in lines for part in line] == [
        "18",
        "step 18",
        "step 19",
        "new",
        "step 20",
        "step 21",
        "18",
    ]


# ------------------------------------------------------------------------------ one conflict


def conflict(field: str = "status", **values: Any) -> Conflict:
    """One that is in no database, over a task in line 12 of launch.md."""
    given = {"base_value": "todo", "replica_value": "done", "hub_value": "cancelled", **values}
    row = Conflict(
        replica_id=uuid.uuid4(),
        item_kind="task",
        item_key=given.pop("item_key", ""),
        item_label="Tag the version",
        field=field,
        kind=Conflict.Kind.METADATA,
        severity=Conflict.Severity.HIGH,
        opened_at=NOW,
        changed_at=NOW,
        path="launch.md",
        line=12,
        excerpt=[[11, "## Release"], [12, "- [x] Tag the version"]],
    )
    for name, value in given.items():
        setattr(row, name, value)
    return row


NAMES = wording.Names({"a" * 32: "Alpha", "b" * 32: "Beta"}, {})


def said(row: Conflict, take: str) -> list[str]:
    """Everything that the screen says about the decision."""
    (choice,) = [each for each in presentation.screen.choices_of(row, NAMES) if each.take == take]
    return [*choice.consequences, *choice.losses]


def test_taking_a_side_says_what_becomes_of_the_other_and_what_is_lost() -> None:
    assert said(conflict(), "hub") == [
        "The hub stays as it is.",
        "In line 12 of launch.md, “done” becomes “cancelled”.",
        "Neither side says “done” any more; the history keeps it.",
    ]
    assert said(conflict(), "replica") == [
        "In the hub, “cancelled” becomes “done”.",
        "The file stays as it is.",
        "Neither side says “cancelled” any more; the history keeps it.",
    ]


def test_keys_are_given_as_the_screen_stands_file_first() -> None:
    row = conflict("text", base_value="a b", replica_value="a c", hub_value="a d")
    chosen = presentation.screen.choices_of(row, NAMES)
    assert [(choice.key, choice.take) for choice in chosen] == [("1", "replica"), ("2", "hub"), ("3", "both")]


def test_of_tags_only_what_really_goes_is_called_lost() -> None:
    row = conflict("tags", base_value=["api"], replica_value=["api", "web"], hub_value=["api", "docs"])
    assert said(row, "hub")[-1] == "Neither side says “web” any more; the history keeps it."
    assert not [line for line in said(row, "both") if "Neither" in line]


def test_places_are_told_by_what_stands_there() -> None:
    row = conflict("parent", base_value="", replica_value="a" * 32, hub_value="b" * 32, item_key="c" * 32)
    assert said(row, "hub") == ["The hub stays as it is.", "In launch.md it moves below “Beta”."]


def test_an_item_that_is_gone_by_now_is_said_to_be_gone() -> None:
    row = conflict("parent", base_value="", replica_value="d" * 32, hub_value="b" * 32, item_key="c" * 32)
    assert "In the hub it moves below “an item that is gone”." in said(row, "replica")


def test_deleting_says_how_much_goes_and_keeping_that_it_comes_back() -> None:
    row = conflict("presence", base_value=["Old"], replica_value=None, hub_value=["New", "one", "two"])
    labels = {choice.take: choice.label for choice in presentation.screen.choices_of(row, NAMES)}
    assert labels == {"replica": "Delete it, as in the file", "hub": "Keep it, as in the hub"}
    assert said(row, "replica") == [
        "It is deleted in the hub, and goes to the bin.",
        "The file stays as it is.",
        "“New” and 2 more below it are in neither side any more; the bin and the history keep them.",
    ]
    assert said(row, "hub")[0] == "It is written back to launch.md."


@pytest.mark.parametrize(
    ("side", "goes"),
    [("hub", "14 items go to the bin of the hub."), ("replica", "14 items are taken out of launch.md.")],
)
def test_a_guard_says_what_going_on_would_take_away_and_where(side: str, goes: str) -> None:
    row = conflict("guard", rule="emptied", base_value={"items": 14}, hub_value=None, item_key="")
    row.plan_id = uuid.uuid4()
    row.replica_value = {"items": 0, "reason": "", "world": f"{side} abc"}
    chosen = presentation.screen.choices_of(row, NAMES)
    assert [choice.take for choice in chosen] == ["restore", "go_on", "unlink"]
    assert said(row, "go_on") == [goes]


def test_two_new_items_under_one_number_may_both_stay() -> None:
    row = conflict("text", base_value=None, replica_value="Pay", hub_value="Read", item_key="c" * 32)
    assert wording.explanation(row).startswith("Both sides brought something new under the same number.")
    assert said(row, "both") == [
        "They are two items: each side keeps its own and gets the other one as well."
    ]


@pytest.mark.parametrize("rule", wording.RULES)
def test_every_rule_that_asks_a_person_says_why(rule: str) -> None:
    assert wording.explanation(conflict(rule=rule)) == str(wording.RULES[rule])


def test_every_field_that_can_clash_has_a_name() -> None:
    from conflicts.merge.model import CLASSES

    assert {*CLASSES, "guard"} == wording.FIELDS.keys()


@pytest.mark.parametrize(
    ("field", "value", "kind", "shown"),
    [
        ("status", "done", "select", "done"),
        ("priority", "high", "select", "high"),
        ("due", "2026-05-31", "date", "2026-05-31"),
        ("progress", "40", "number", "40"),
        ("tags", ["api", "web"], "text", "api, web"),
        ("text", "Tag <it>", "text", "Tag <it>"),
    ],
)
def test_the_field_for_a_value_fits_what_it_holds(field: str, value: Any, kind: str, shown: str) -> None:
    typed = presentation.screen._typed(conflict(field, replica_value=value))
    assert typed is not None
    assert (typed.kind, typed.value) == (kind, shown)


@pytest.mark.parametrize("field", ["parent", "order", "presence", "guard"])
def test_no_value_is_typed_for_where_things_stand(field: str) -> None:
    assert presentation.screen._typed(conflict(field)) is None


def test_what_was_learned_is_never_called_certain() -> None:
    row = conflict(suggestion={"take": "hub", "confidence": 0.9999, "reason": "", "decisions": []})
    (brief,) = presentation.briefs([row])
    assert (brief.suggested, brief.percent) == ("Take the hub's value", 99)


# ------------------------------------------------------------------------------ the queue


@pytest.fixture
def plan(db: None) -> Plan:
    return plans.create_plan("Launch", actor="olive")


def kept(plan: Plan | None, number: int, **values: Any) -> Conflict:
    row = conflict(item_key=f"{number:032x}")
    row.plan = plan
    row.opened_at = NOW - timedelta(minutes=number)
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row


SEVERITIES = ("low", "critical", "medium", "high", "critical", "low")


def test_the_most_severe_come_first_and_of_those_the_oldest(plan: Plan) -> None:
    for number, severity in enumerate(SEVERITIES):
        kept(plan, number, severity=severity)
    found = queue.page_of(Conflict.objects.all(), 0, 10)
    assert [row.severity for row in found] == ["critical", "critical", "high", "medium", "low", "low"]
    assert found[0].opened_at < found[1].opened_at


def test_each_conflict_knows_its_neighbours_also_once_it_has_left_the_queue(plan: Plan, db: None) -> None:
    user = User.objects.create_user("olive")
    rows = [kept(plan, number, severity=severity) for number, severity in enumerate(SEVERITIES)]
    order = [row.pk for row in queue.page_of(Conflict.objects.all(), 0, 10)]
    for gone in (False, True):
        for row in rows:
            Conflict.objects.update(state="open")
            if gone:
                Conflict.objects.filter(pk=row.pk).update(state="resolved")
            at = order.index(row.pk)
            beside = queue.around(row, Filters().choose(user))
            assert beside.before == at
            assert beside.previous == (order[at - 1] if at else None)
            assert beside.following == (order[at + 1] if at + 1 < len(order) else None)
    assert queue.next_after(rows[order.index(order[-1])], Filters().choose(user)) in order


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        ({}, {0, 1, 2, 3, 4}),
        ({"state": "all"}, {0, 1, 2, 3, 4, 5, 6}),
        ({"state": "postponed"}, {5}),
        ({"state": "settled"}, {6}),
        ({"severity": "critical"}, {1}),
        ({"field": "due"}, {2}),
        ({"assigned": "me"}, {3}),
        ({"assigned": "nobody"}, {0, 1, 2, 4}),
        ({"suggestion": "yes"}, {4}),
        ({"suggestion": "no"}, {0, 1, 2, 3}),
        ({"age": "today"}, {0, 2, 3, 4}),
        ({"age": "week"}, {0, 2, 3, 4}),
        ({"age": "older"}, {1}),
        ({"q": "VERSION"}, {0, 1, 3, 4}),
        ({"plan": "nonsense"}, set()),
        ({"assigned": "nonsense"}, set()),
        ({"age": "nonsense"}, set()),
        ({"unknown": "1"}, {0, 1, 2, 3, 4}),
    ],
)
def test_each_filter_leaves_in_what_it_says(plan: Plan, given: dict[str, str], numbers: set[int]) -> None:
    user = User.objects.create_user("olive")
    kept(plan, 0)
    kept(plan, 1, severity="critical", opened_at=NOW - timedelta(days=9))
    kept(plan, 2, field="due", item_label="Else")
    kept(plan, 3, assigned_to=user)
    kept(plan, 4, suggestion={"take": "hub", "confidence": 0.8})
    kept(plan, 5, postponed_until=NOW + timedelta(hours=1))
    kept(plan, 6, state="resolved")
    found = Filters.of(given).choose(user, now=NOW)
    assert {int(row.item_key, 16) for row in found} == numbers


def test_a_postponed_conflict_comes_back_by_itself(plan: Plan) -> None:
    user = User.objects.create_user("olive")
    kept(plan, 0, postponed_until=NOW)
    assert Filters().choose(user, now=NOW).count() == 1


def test_a_list_asks_no_more_for_more_rows(plan: Plan, django_assert_num_queries: Callable[..., Any]) -> None:
    tasks = [plans.add_task(plan, f"Task {number}", actor="olive") for number in range(6)]
    for number, task in enumerate(tasks):
        values = {"base_value": "", "replica_value": task.pk.hex, "hub_value": tasks[0].pk.hex}
        kept(plan, number, field="parent", **values)
    rows = queue.page_of(Conflict.objects.all(), 0, 50)
    with django_assert_num_queries(2):
        briefs = presentation.briefs(rows)
    assert {brief.replica for brief in briefs} == {f"Task {number}" for number in range(6)}


# ------------------------------------------------------------------------------ the desk


def test_more_than_anybody_looks_through_is_not_previewed() -> None:
    with pytest.raises(desk.TooMany, match="choose at most"):
        desk.prepare("take_hub", [uuid.uuid4() for _ in range(desk.MOST + 1)])


def test_what_is_nothing_to_do_is_refused(plan: Plan) -> None:
    user = User.objects.create_user("olive")
    row = kept(plan, 0)
    for name in ("nonsense", "take_hub", ""):
        with pytest.raises(InvalidDecision):
            desk.act(name, [row.pk], user=user)
    row.refresh_from_db()
    assert row.state == "open"


def test_only_somebody_who_may_decide_is_given_a_conflict(plan: Plan) -> None:
    boss = User.objects.create_superuser("olive")
    stranger = User.objects.create_user("sam")
    row = kept(plan, 0)
    with pytest.raises(InvalidDecision, match="may not decide"):
        desk.act("assign", [row.pk], user=boss, to=str(stranger.pk))
    assert desk.act("assign", [row.pk], user=boss, to=str(boss.pk)) == 1
