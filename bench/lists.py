"""A roadmap and a table of 5,000 tasks: the first sync, one in which nothing changed, and one edit.

Beside them the standard library, which reads the same file and writes it anew.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import syncing
from bench.syncing import TASKS, title
from bench.table import Row, median, ms
from bench.workplace import Workplace

STATUSES = ("planned", "in_progress", "completed")
FIELDS = ("id", "what", "state", "until")
MAPPING = {"fields": {"text": "what", "status": "state", "due": "until"}}


def rows(place: Workplace) -> Iterator[Row]:
    roadmap = _roadmap(place.folder / "apollo" / "roadmap.json")
    yield from syncing.rows(place, "Roadmap", roadmap, _bare(roadmap, _rewrite_json), kind="roadmap")
    table = _table(place.folder / "chores" / "chores.csv")
    yield from syncing.rows(place, "Table", table, _bare(table, _rewrite_csv), kind="list", mapping=MAPPING)


def _status(number: int) -> str:
    return STATUSES[number % 5 % 3]


def _roadmap(file: Path) -> Path:
    items = [
        {"id": f"i{number}", "title": title(number), "status": _status(number), "votes": number % 13}
        for number in range(1, TASKS + 1)
    ]
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"title": "Apollo", "items": items}, indent=2), encoding="utf-8")
    return file


def _table(file: Path) -> Path:
    file.parent.mkdir(parents=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(FIELDS)
        writer.writerows((number, title(number), _status(number), "") for number in range(1, TASKS + 1))
    return file


def _bare(file: Path, rewrite: Callable[[Path, Path], None]) -> str:
    copy = file.with_suffix(".copy")
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        rewrite(file, copy)
        taken.append(time.perf_counter() - started)
    copy.unlink()
    return f"read and written bare: {ms(median(taken))}"


def _rewrite_json(file: Path, copy: Path) -> None:
    copy.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")), indent=2), encoding="utf-8")


def _rewrite_csv(file: Path, copy: Path) -> None:
    with file.open(encoding="utf-8", newline="") as source, copy.open("w", encoding="utf-8") as target:
        csv.writer(target).writerows(csv.reader(source))
