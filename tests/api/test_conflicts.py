"""Conflicts over the API: what is told of them, decisions one by one and in bulk, and taking them back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Entry, Operation
from conflicts.models import Conflict
from tests.api.programs import Program, person
from tests.planning_sync.sync.policies import policy_for
from tests.planning_sync.sync.workbench import Workbench

TEXTS = ("Tag the version", "Sign it", "Rest")


@pytest.fixture
def arbiter(desk: Workbench) -> Program:
    return Program.of(person("arthur", "arbiter"))


@pytest.fixture
def torn(desk: Workbench, settings: Any) -> Workbench:
    """Three tasks of which the file says one thing and the hub another."""
    settings.PLANNING_SYNC_FOLLOW = False
    for text in TEXTS:
        desk.set(text, status="done")
        desk.edit("launch.md", f"- [ ] {text}\n", f"- [/] {text}\n")
    desk.sync()
    settings.PLANNING_SYNC_FOLLOW = True
    return desk


def listed(program: Program, path: str = "conflicts") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = program.get(path)["results"]
    return rows


def seen(row: dict[str, Any]) -> dict[str, Any]:
    return {side: row["values"][side] for side in ("replica", "hub")}


# ------------------------------------------------------------------------------------------- reading


def test_a_conflict_tells_its_three_values_and_where_it_stands(torn: Workbench, reader: Program) -> None:
    row = next(each for each in listed(reader) if each["item"]["label"] == "Rest")
    assert row["values"] == {"base": "todo", "replica": "in_progress", "hub": "done"}
    assert (row["status"], row["severity"], row["replica"], row["decision"]) == (
        "open",
        "high",
        "plans",
        None,
    )
    assert row["changed"]["hub"]["by"] == "alice"
    assert UUID(row["item"]["id"]) == torn.task("Rest").pk
    whole = reader.get(f"conflicts/{row['id']}")
    assert {name: whole[name] for name in row} == row
    assert any("Rest" in quote["text"] for quote in whole["excerpt"])
    (hub,) = [each for each in whole["options"] if each["take"] == "hub"]
    assert (hub["replica"], hub["drops"], hub["changes_hub"]) == ("done", ["in_progress"], False)
    assert whole["takes_value"]


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("status=open", 3),
        ("status=resolved", 0),
        ("status=resolved&status=open", 3),
        ("severity=high", 3),
        ("severity=low", 0),
        ("kind=progress_inconsistency&field=status", 3),
        ("field=text", 0),
        ("replica=plans", 3),
        ("replica=elsewhere", 0),
        ("q=sign", 1),
        ("assigned=nobody", 3),
        ("assigned=me", 0),
        ("assigned=olive", 0),
        ("rule=reopened", 0),
        ("plan=01936b7e-2f60-7c3a-9d52-0b5a0c4f1e11", 0),
    ],
)
def test_filters_leave_out_what_they_say(torn: Workbench, reader: Program, query: str, number: int) -> None:
    assert len(listed(reader, f"conflicts?{query}")) == number


def test_pages_have_every_conflict_once_the_most_severe_first(torn: Workbench, reader: Program) -> None:
    Conflict.objects.filter(item_label="Sign it").update(severity="critical")
    found, address = [], "conflicts?limit=1"
    while address:
        page = reader.get(address)
        found += [row["item"]["label"] for row in page["results"]]
        address = page["next"]
    assert found[0] == "Sign it"
    assert sorted(found) == sorted(TEXTS)


def test_a_list_of_conflicts_costs_few_queries(torn: Workbench, reader: Program) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        listed(reader)
    assert len(queries) <= 8, [each["sql"] for each in queries]


def test_active_ones_are_those_that_are_not_settled(torn: Workbench, arbiter: Program) -> None:
    row = listed(arbiter)[0]
    arbiter.post(f"conflicts/{row['id']}/resolve", {"take": "hub", "seen": seen(row)}, status=200)
    assert len(listed(arbiter)) == 3
    assert len(listed(arbiter, "conflicts/active")) == 2


# ------------------------------------------------------------------------------------------ deciding


def test_a_decision_reaches_both_sides_before_the_answer(torn: Workbench, arbiter: Program) -> None:
    arbiter.headers["On-Behalf-Of"] = "Pat"
    row = next(each for each in listed(arbiter) if each["item"]["label"] == "Rest")
    done = arbiter.post(f"conflicts/{row['id']}/resolve", {"take": "replica", "seen": seen(row)}, status=200)
    assert done["status"] == "resolved"
    assert (done["decision"]["take"], done["decision"]["by"]) == ("replica", "arthur")
    assert torn.task("Rest").status == "in_progress"
    assert "- [/] Rest" in torn.read("launch.md")
    assert Operation.objects.get(pk=done["decision"]["operation"]).on_behalf_of == "Pat"


def test_a_value_of_ones_own_goes_to_both_sides(torn: Workbench, arbiter: Program) -> None:
    row = next(each for each in listed(arbiter) if each["item"]["label"] == "Rest")
    body = {"take": "value", "value": "blocked", "seen": seen(row)}
    arbiter.post(f"conflicts/{row['id']}/resolve", body, status=200)
    assert torn.task("Rest").status == "blocked"


def test_a_decision_on_other_values_than_those_of_now_is_refused_with_them(
    torn: Workbench, arbiter: Program
) -> None:
    row = listed(arbiter)[0]
    body = {"take": "hub", "seen": {"replica": "todo", "hub": "done"}}
    problem = arbiter.post(f"conflicts/{row['id']}/resolve", body, status=409)
    assert problem["type"] == "urn:planning-sync:problem:stale"
    assert problem["present"] == seen(row)
    assert Conflict.objects.get(pk=row["id"]).state == "open"


def test_a_decision_without_the_values_seen_is_refused(torn: Workbench, arbiter: Program) -> None:
    row = listed(arbiter)[0]
    for body in ({"take": "hub"}, {"take": "hub", "seen": {"hub": "done"}}):
        problem = arbiter.post(f"conflicts/{row['id']}/resolve", body, status=400)
        assert any(name.startswith("seen") for name in problem["errors"])
    assert Conflict.objects.filter(state="open").count() == 3


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({"take": "both"}, "invalid-decision"),
        ({"take": "go_on"}, "invalid-decision"),
        ({"take": "value"}, "invalid-decision"),
        ({"take": "value", "value": "perhaps"}, "invalid-value"),
        ({"take": "value", "value": {"a": 1}}, "invalid-value"),
    ],
)
def test_a_decision_that_does_not_fit_is_refused(
    torn: Workbench, arbiter: Program, body: dict[str, Any], slug: str
) -> None:
    row = listed(arbiter)[0]
    problem = arbiter.post(f"conflicts/{row['id']}/resolve", {**body, "seen": seen(row)}, status=422)
    assert problem["type"].endswith(slug)


def test_what_is_settled_is_not_decided_twice(torn: Workbench, arbiter: Program) -> None:
    row = listed(arbiter)[0]
    arbiter.post(f"conflicts/{row['id']}/resolve", {"take": "hub", "seen": seen(row)}, status=200)
    again = arbiter.post(f"conflicts/{row['id']}/resolve", {"take": "replica", "seen": seen(row)}, status=409)
    assert (again["type"].rpartition(":")[2], again["by"]) == ("settled", "arthur")


def test_a_decision_sent_twice_with_one_key_is_taken_once(torn: Workbench, arbiter: Program) -> None:
    row = listed(arbiter)[0]
    body = {"take": "hub", "seen": seen(row)}
    for _ in range(2):
        told = arbiter.post(f"conflicts/{row['id']}/resolve", body, status=200, Idempotency_Key="one")
        assert told["status"] == "resolved"
    assert Entry.objects.filter(action="decided").count() == 1


# ---------------------------------------------------------------------------------------------- many


def test_many_are_decided_as_the_dry_run_said(torn: Workbench, arbiter: Program) -> None:
    ids = [row["id"] for row in listed(arbiter)]
    shown = arbiter.post("conflicts/bulk", {"ids": ids, "take": "hub", "dry_run": True}, status=200)
    assert (len(shown["decided"]), shown["dropped"], shown["left"]) == (3, 3, [])
    assert Conflict.objects.filter(state="open").count() == 3
    body = {"ids": ids, "take": "hub", "fingerprint": shown["fingerprint"]}
    done = arbiter.post("conflicts/bulk", body, status=200)
    assert (done["dry_run"], done["decided"]) == (False, shown["decided"])
    assert torn.read("launch.md").count("[x]") == 4
    assert Operation.objects.filter(kind="resolve").count() == 1


def test_many_are_not_decided_once_one_moved_on(torn: Workbench, arbiter: Program) -> None:
    rows = listed(arbiter)
    ids = [row["id"] for row in rows]
    shown = arbiter.post("conflicts/bulk", {"ids": ids, "take": "hub", "dry_run": True}, status=200)
    arbiter.post(f"conflicts/{ids[0]}/resolve", {"take": "replica", "seen": seen(rows[0])}, status=200)
    body = {"ids": ids, "take": "hub", "fingerprint": shown["fingerprint"]}
    problem = arbiter.post("conflicts/bulk", body, status=409)
    assert problem["type"].endswith("preview-outdated")
    assert (len(problem["preview"]["decided"]), len(problem["preview"]["left"])) == (2, 1)
    assert Conflict.objects.filter(state="open").count() == 2


def test_many_are_not_decided_without_a_dry_run(torn: Workbench, arbiter: Program) -> None:
    ids = [row["id"] for row in listed(arbiter)]
    problem = arbiter.post("conflicts/bulk", {"ids": ids, "take": "hub"}, status=400)
    assert "fingerprint" in problem["errors"]
    assert Conflict.objects.filter(state="open").count() == 3


def test_an_unknown_conflict_among_many_is_named(torn: Workbench, arbiter: Program) -> None:
    body = {"ids": [str(UUID(int=7))], "take": "hub", "dry_run": True}
    problem = arbiter.post("conflicts/bulk", body, status=400)
    assert str(UUID(int=7)) in problem["errors"]["ids"][0]


# -------------------------------------------------------------------------------------- taking it back


def test_a_decision_is_taken_back_and_both_sides_have_their_own_values_again(
    torn: Workbench, arbiter: Program
) -> None:
    row = next(each for each in listed(arbiter) if each["item"]["label"] == "Rest")
    arbiter.post(f"conflicts/{row['id']}/resolve", {"take": "replica", "seen": seen(row)}, status=200)
    back = arbiter.post(f"conflicts/{row['id']}/reopen", status=200)
    assert (back["status"], back["decision"], back["values"]) == ("open", None, row["values"])
    assert torn.task("Rest").status == "done"
    assert "- [/] Rest" in torn.read("launch.md")


def test_a_decision_on_which_newer_work_stands_is_not_taken_back(torn: Workbench, arbiter: Program) -> None:
    row = next(each for each in listed(arbiter) if each["item"]["label"] == "Rest")
    arbiter.post(f"conflicts/{row['id']}/resolve", {"take": "replica", "seen": seen(row)}, status=200)
    torn.set("Rest", status="blocked")
    problem = arbiter.post(f"conflicts/{row['id']}/reopen", status=409)
    assert problem["type"].endswith("dependent-work")
    assert problem["dependents"][0]["actor"] == "alice"
    assert torn.task("Rest").status == "blocked"


def test_what_a_strategy_settled_is_put_before_a_person(
    desk: Workbench, arbiter: Program, editor: Program, settings: Any
) -> None:
    policy_for(desk.row.pk, {"strategies": "hub_wins", "severity": "critical"})
    settings.PLANNING_SYNC_FOLLOW = False
    desk.set("Rest", status="done")
    desk.edit("launch.md", "- [ ] Rest", "- [~] Rest")
    desk.sync()
    assert "- [x] Rest" in desk.read("launch.md")
    (entry,) = arbiter.get("audit?action=decided")["results"]
    editor.post(f"audit/{entry['id']}/reinstate", status=403)
    outcome = arbiter.post(f"audit/{entry['id']}/reinstate", status=200)
    assert outcome["status"] in ("done", "conflicts")
    (row,) = listed(arbiter)
    assert seen(row) == {"replica": "in_progress", "hub": "done"}
    assert "- [~] Rest" in desk.read("launch.md")
    arbiter.post(f"audit/{entry['id']}/reinstate", status=409)
    arbiter.post("audit/999999/reinstate", status=404)


def test_what_is_open_cannot_be_reopened(torn: Workbench, arbiter: Program) -> None:
    problem = arbiter.post(f"conflicts/{listed(arbiter)[0]['id']}/reopen", status=409)
    assert problem["type"].endswith("undo-refused")


# ---------------------------------------------------------------------------------- handing over, later


def test_a_conflict_is_handed_to_somebody_who_may_decide_and_to_nobody_else(
    torn: Workbench, arbiter: Program, olive: User
) -> None:
    path = f"conflicts/{listed(arbiter)[0]['id']}/assign"
    assert arbiter.post(path, {"to": "arthur"}, status=200)["assigned_to"] == "arthur"
    assert len(listed(arbiter, "conflicts?assigned=me")) == 1
    assert len(listed(arbiter, "conflicts?assigned=arthur")) == 1
    assert "to" in arbiter.post(path, {"to": "olive"}, status=400)["errors"]
    assert arbiter.post(path, {"to": None}, status=200)["assigned_to"] is None
    assert Entry.objects.filter(action="assigned").count() == 2


def test_a_conflict_put_off_is_not_among_the_open_ones(torn: Workbench, arbiter: Program) -> None:
    path = f"conflicts/{listed(arbiter)[0]['id']}/postpone"
    until = (timezone.now() + timedelta(days=1)).isoformat()
    assert arbiter.post(path, {"until": until}, status=200)["status"] == "postponed"
    assert len(listed(arbiter, "conflicts?status=open")) == 2
    assert len(listed(arbiter, "conflicts?status=postponed")) == 1
    assert arbiter.post(path, {"until": None}, status=200)["status"] == "open"


# ---------------------------------------------------------------------------------------- permissions


def test_readers_and_editors_look_and_do_not_decide(
    torn: Workbench, reader: Program, editor: Program
) -> None:
    row = listed(reader)[0]
    for program in (reader, editor):
        bodies: dict[str, Any] = {
            "resolve": {"take": "hub", "seen": seen(row)},
            "reopen": {},
            "assign": {"to": None},
            "postpone": {"until": None},
        }
        for act, body in bodies.items():
            program.post(f"conflicts/{row['id']}/{act}", body, status=403)
        program.post("conflicts/bulk", {"ids": [row["id"]], "take": "hub", "dry_run": True}, status=403)
    assert Conflict.objects.filter(state="open").count() == 3


def test_a_key_limited_to_another_replica_sees_no_conflict(
    torn: Workbench, admin: Program, tmp_path: Path
) -> None:
    other = Workbench.at(tmp_path / "elsewhere", name="elsewhere")
    robot = Program.with_key(User.objects.get(username="ada"), replicas=(other.row,))
    row = listed(admin)[0]
    assert listed(robot) == listed(robot, "conflicts/active") == []
    robot.get(f"conflicts/{row['id']}", status=404)
    robot.post(f"conflicts/{row['id']}/resolve", {"take": "hub", "seen": seen(row)}, status=404)
    for act in ("reopen", "assign", "postpone"):
        robot.post(f"conflicts/{row['id']}/{act}", {"to": None} if act == "assign" else {}, status=404)
    robot.post("conflicts/bulk", {"ids": [row["id"]], "take": "hub", "dry_run": True}, status=400)
    assert Conflict.objects.filter(state="open").count() == 3
