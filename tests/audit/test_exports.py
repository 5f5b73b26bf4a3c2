"""The log as JSON Lines and CSV, from the services and the command line."""

from __future__ import annotations

import csv
import io
import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from audit import exports, ids, seals, services
from audit.exports import Filters
from audit.models import Entry, Operation
from audit.services import Note
from planning_sync.sync.management import checkup
from tests.audit.log import after, fill, tamper

pytestmark = pytest.mark.django_db


def exported(fmt: str, **filters: Any) -> str:
    return "".join(services.export(fmt, Filters(**filters), actor="alice"))


def test_json_lines_have_all_of_an_entry_and_of_its_operation() -> None:
    (pk,) = fill(1)
    entry = Entry.objects.select_related("operation").get(pk=pk)
    assert json.loads(exported("jsonl")) == {
        "id": pk,
        "at": entry.at.isoformat(),
        "operation": str(entry.operation_id),
        "kind": "edit",
        "actor": "alice",
        "on_behalf_of": "",
        "via": "",
        "address": "",
        "replica": None,
        "plan": str(entry.plan_id),
        "item_kind": "task",
        "item": str(entry.item_id),
        "action": "changed",
        "field": "text",
        "before": "old é 0",
        "after": {"b": 0, "a": [0, None]},
    }


def test_csv_has_the_same_in_columns() -> None:
    fill(3)
    (first, *_), lines = list(csv.DictReader(io.StringIO(exported("csv")))), exported("jsonl").splitlines()
    line = json.loads(lines[0])
    assert tuple(first) == exports.COLUMNS
    assert first["before"] == '"old é 0"'
    assert json.loads(first["after"]) == line["after"]
    assert all(first[name] == str(line[name] or "") for name in exports.COLUMNS[:14] if name != "replica")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(start: str) -> None:
    evil = start + "cmd|' /C calc'!A0"
    operation = services.begin("edit", actor=evil, on_behalf_of=evil)
    services.record(operation, [Note("changed", field=evil[:20], before=evil, after=-5)])
    (row,) = csv.DictReader(io.StringIO(exported("csv"), newline=""))
    assert row["actor"] == row["on_behalf_of"] == "'" + evil
    assert row["after"] == "'-5"
    assert not [cell for cell in row.values() if cell.startswith(exports._FORMULAS)]


def test_filters_choose() -> None:
    fill(2)
    fill(3, actor="bob")
    bobs = Entry.objects.filter(operation__actor="bob")
    some = bobs[0]
    assert len(exported("jsonl", actor="bob").splitlines()) == 3
    assert len(exported("jsonl", plan_id=some.plan_id).splitlines()) == 3
    assert len(exported("jsonl", since=some.at, kind="edit").splitlines()) == 3
    assert len(exported("jsonl", until=some.at).splitlines()) == 2
    assert exported("jsonl", since=timezone.now() + timedelta(hours=1)) == ""


def test_an_export_is_in_the_log_before_its_first_line_is_read() -> None:
    fill(1)
    plan = ids.new_id()
    unread = services.export("jsonl", Filters(plan_id=plan, actor="bob"), actor="alice")
    operation = Operation.objects.get(kind="export")
    assert (operation.actor, operation.status) == ("alice", "done")
    assert operation.entries.get().after == {"format": "jsonl", "plan_id": str(plan), "actor": "bob"}
    assert list(unread) == []


def test_a_long_log_comes_in_pieces_and_ends_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 4)
    expected = fill(10)
    pieces = services.export("jsonl", actor="alice")
    first = next(pieces)
    fill(5)
    assert [json.loads(piece)["id"] for piece in (first, *pieces)] == expected


def test_what_json_has_no_small_word_for_is_exported_all_the_same() -> None:
    operation = services.begin("edit", actor="alice")
    services.record(operation, [Note("changed", after=2**70)])
    assert json.loads(exported("jsonl"))["after"] == 2**70
    assert str(2**70) in exported("csv", kind="edit")


# ------------------------------------------------------------------------------ the command line


def test_the_command_shows_the_log_to_people(capsys: pytest.CaptureFixture[str]) -> None:
    operation = services.begin("edit", actor="mall\x1b[31mory")
    services.record(operation, [Note("changed", field="text", before="a", after="b")])
    call_command("audit")
    out = capsys.readouterr().out
    assert "edit by mall\\x1b[31mory: changed text: a -> b" in out


def test_the_command_writes_a_new_file_and_never_over_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(2)
    file = tmp_path / "log.csv"
    call_command("audit", "--format", "csv", "--output", str(file))
    assert len(list(csv.reader(io.StringIO(file.read_text())))) == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(SystemExit) as stopped:
        call_command("audit", "--output", str(file))
    assert stopped.value.code == 2
    assert "name a new file" in capsys.readouterr().err


def test_the_command_answers_with_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    expected = fill(2)
    plan = str(Entry.objects.all()[0].plan_id)
    call_command("audit", "--json", "--plan", plan, "--since", "2020-01-01", "--until", "2100-01-01T12:00")
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == expected
    operation = Operation.objects.get(kind="export")
    assert (operation.via, after(operation.entries.get())["format"]) == ("command", "json")


@pytest.mark.parametrize("given", ["yesterday", "2026-13-01", "2026-02-30"])
def test_the_command_says_what_a_time_looks_like(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        call_command("audit", "--since", given)
    assert stopped.value.code == 2
    assert "write 2026-01-31 or 2026-01-31T12:00" in capsys.readouterr().err


def doctor(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, str]]]:
    """With nothing else to look at, so that the exit code is that of the log."""
    code: Any = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkup, "checks", lambda: iter(()))
        try:
            call_command("doctor", "--json", "--audit", *arguments)
        except SystemExit as stopped:
            code = stopped.code
    checks = json.loads(capsys.readouterr().out)["checks"]
    return code, [each for each in checks if each["check"] == "audit log"]


def test_doctor_verifies_the_chain(capsys: pytest.CaptureFixture[str]) -> None:
    fill(3)
    seals.seal()
    fill(1)
    code, (found,) = doctor(capsys=capsys)
    assert (code, found["state"]) == (0, "ok")
    assert "3 entries under 1 seals are as they were, 1 are not sealed yet" in found["message"]
    assert seals.head() in found["message"]


def test_doctor_names_what_was_tampered_with_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    (pk, *_) = fill(3)
    seals.seal()
    tamper("UPDATE audit_entry SET action = 'created' WHERE id = %s", [pk])
    code, (found,) = doctor(capsys=capsys)
    assert (code, found["state"]) == (1, "problem")
    assert f"Entry {pk} (seal 1)" in found["message"]


def test_doctor_compares_with_a_witness(capsys: pytest.CaptureFixture[str]) -> None:
    fill(3)
    seals.seal()
    code, _ = doctor("--witness", seals.head(), capsys=capsys)
    assert code == 0
    code, (found,) = doctor("--witness", "1:" + "0" * 64, capsys=capsys)
    assert code == 1
    assert "the log was cut off or made anew" in found["message"]


def test_doctor_sees_that_triggers_are_gone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit import triggers

    monkeypatch.setattr(triggers, "missing", lambda: ["audit_entry_undeleted"])
    code, (found, _) = doctor(capsys=capsys)
    assert code == 1
    assert "audit_entry_undeleted missing" in found["message"]
