"""The audit log and the log of the process, over the API."""

from __future__ import annotations

import csv
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from audit.models import Entry
from planning_sync.api import recent, services
from planning_sync.api.resources import audit as exports
from tests import loops
from tests.api.programs import Program, person
from tests.planning_sync.sync.workbench import Workbench

# ---------------------------------------------------------------------------------- entries of the log


def streamed(program: Program, path: str) -> str:
    answer: Any = program("GET", path)
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


def test_entries_are_listed_newest_first_and_found_by_their_filters(desk: Workbench, reader: Program) -> None:
    desk.set("Rest", status="done")
    task, plan = desk.task("Rest").pk, desk.plan("launch.md").pk
    (entry,) = reader.get(f"audit?item={task}&action=changed&kind=edit")["results"]
    assert (entry["field"], entry["before"], entry["after"]) == ("status", "todo", "done")
    assert (entry["actor"], entry["plan"]) == ("alice", str(plan))
    ids = [each["id"] for each in reader.get("audit?limit=500")["results"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == Entry.objects.count()
    assert reader.get("audit?actor=nobody")["results"] == []
    assert reader.get("audit?until=2001-01-01T00:00:00Z")["results"] == []


def test_pages_of_the_log_have_every_entry_once(desk: Workbench, reader: Program) -> None:
    found: list[int] = []
    address = "audit?limit=3"
    while address:
        page = reader.get(address)
        found += [each["id"] for each in page["results"]]
        address = page["next"]
    assert found == list(Entry.objects.order_by("-id").values_list("id", flat=True))


def test_the_log_is_exported_as_json_lines_and_as_csv_and_that_is_in_the_log(
    desk: Workbench, reader: Program
) -> None:
    desk.set("Rest", status="done")
    number = Entry.objects.count()
    lines = [json.loads(each) for each in streamed(reader, "audit/export.jsonl").splitlines()]
    assert len(lines) == number
    rows = list(csv.DictReader(streamed(reader, "audit/export.csv?kind=edit").splitlines()))
    assert {row["kind"] for row in rows} == {"edit"}
    assert len(rows) == len([each for each in lines if each["kind"] == "edit"])
    notes = Entry.objects.filter(action="exported").order_by("id")
    assert [(note.operation.actor, (note.after or {})["format"]) for note in notes] == [
        ("rhea", "jsonl"),
        ("rhea", "csv"),
    ]


def test_a_long_export_comes_in_pieces(
    desk: Workbench, reader: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PIECES", 2)
    answer: Any = reader("GET", "audit/export.jsonl")
    pieces = list(answer.streaming_content)
    assert len(pieces) > 1
    assert all(piece.count(b"\n") <= 2 for piece in pieces)


def test_an_event_loop_is_served_the_same_export(desk: Workbench) -> None:
    secret = services.issue(person("rhea", "reader")).access

    async def fetch() -> str:
        headers = {"Authorization": f"Bearer {secret}"}
        answer: Any = await AsyncClient().get("/api/v1/audit/export.jsonl", headers=headers)
        text = b"".join([piece async for piece in answer.streaming_content]).decode()
        await sync_to_async(connections.close_all)()
        return text

    assert len(loops.run(fetch()).splitlines()) == Entry.objects.exclude(action="exported").count()


def test_an_export_with_a_filter_that_is_none_is_refused(desk: Workbench, reader: Program) -> None:
    reader.get("audit/export.csv?kind=holiday", status=400)
    reader.get("audit/export.csv?action=changed", status=400)
    assert not Entry.objects.filter(action="exported").exists()


# ------------------------------------------------------------------------------ records of the host


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where log records are kept in this test, and no others."""
    settings.PLANNING_SYNC_LOGS = tmp_path / "logs"
    return tmp_path / "logs"


@pytest.fixture
def kept(folder: Path) -> Iterator[logging.Logger]:
    """A logger whose records are kept, and those alone."""
    handler, logger = recent.RecentHandler(folder), logging.getLogger("planning_sync.tests.kept")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.removeHandler(handler)
    logger.propagate = True


def test_operators_read_what_was_logged_lately_newest_first(
    kept: logging.Logger, desk: Workbench, operator: Program
) -> None:
    kept.info("Synced %s", "notes")
    try:
        raise ZeroDivisionError("no plan")
    except ZeroDivisionError:
        kept.exception("Failed")
    told = operator.get("logs?logger=planning_sync.tests")
    assert [(each["level"], each["message"]) for each in told["results"]] == [
        ("ERROR", "Failed"),
        ("INFO", "Synced notes"),
    ]
    assert told["results"][0]["traceback"].endswith("ZeroDivisionError: no plan")
    assert told["results"][0]["process"] == os.getpid()
    for query, number in (("level=ERROR", 1), ("q=synced", 1), ("limit=1", 1), ("q=nothing", 0)):
        assert len(operator.get(f"logs?logger=planning_sync.tests.kept&{query}")["results"]) == number, query


def test_a_logger_is_not_taken_for_another_that_begins_alike(
    kept: logging.Logger, desk: Workbench, operator: Program
) -> None:
    kept.info("Hello")
    assert operator.get("logs?logger=planning_sync.test")["results"] == []


LOGS = """
import logging, pathlib, sys
from planning_sync.api import recent
recent.MOST_BYTES = 20_000
logger = logging.getLogger("many")
logger.addHandler(recent.RecentHandler(pathlib.Path(sys.argv[1])))
for number in range(400):
    logger.warning("%s of %s", number, sys.argv[2])
"""


def test_several_processes_write_whole_records_to_one_place_that_stays_small(folder: Path) -> None:
    command = [sys.executable, "-c", LOGS, str(folder)]
    writers = [subprocess.Popen([*command, name]) for name in ("one", "two")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    lines = b"".join(path.read_bytes() for path in folder.iterdir()).splitlines()
    found = [each["message"] for each in recent.records(folder)]
    assert len(found) == len(lines)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2 * 20_000 + 1_000
    for name in ("one", "two"):
        numbers = [int(each.split()[0]) for each in found if each.endswith(name)]
        assert numbers == sorted(numbers, reverse=True)
    assert {"399 of one", "399 of two"} & set(found[:2])


def test_a_long_message_is_cut_and_any_text_can_be_kept(kept: logging.Logger, folder: Path) -> None:
    (handler,) = (each for each in kept.handlers if isinstance(each, recent.RecentHandler))
    for message in ("x" * 100_000, "name \udcff"):  # past pytest, which cannot pass such a text on
        handler.emit(kept.makeRecord(kept.name, logging.INFO, __file__, 0, message, (), None))
    strange, long = recent.records(folder)
    assert (strange["message"], len(long["message"]) < 10_000) == ("name ?", True)


def test_a_message_that_cannot_be_told_does_not_stop_the_work(
    kept: logging.Logger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    kept.info("%d plans", "many")
    assert list(recent.records(folder)) == []


def test_the_log_of_the_process_is_for_operators(
    desk: Workbench, reader: Program, editor: Program, admin: Program
) -> None:
    for program in (reader, editor):
        program.get("logs", status=403)
    admin.get("logs")
