"""One plan in Markdown, in the hub, in a table and in a service that misbehaves: everything arrives.

The quick test always runs the same history. The soak runs seeded ones: SOAK_SEED and SOAK_CAMPAIGNS say
which, and a failure names its seed.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from conflicts.models import Conflict
from planning_sync.replicas import http
from planning_sync.sync import services
from planning_sync.sync.models import Intent, Replica
from planning_sync.sync.passes import Options
from plans import services as plans
from plans.models import Plan, Task
from tests.planning_sync.replicas.service_double import Fault, ServiceDouble
from tests.planning_sync.sync import survival

pytestmark = pytest.mark.usefixtures("transactional_db")

ROUNDS = 6
FAULTS = ("drop", "lose", "truncate", "repeat", "429", "503", "500", "delay")
MAPPING = {"key": "nr", "fields": {"text": "what", "status": "state"}}


class Campaign:
    """`said`: every task that there has to be in the end, and whether it is done."""

    def __init__(self, folder: Path, double: ServiceDouble, seed: int) -> None:
        self.random = random.Random(seed)
        self.double = double
        self.notes = folder / "notes" / "plan.md"
        self.table = folder / "table" / "plan.csv"
        self.said = {f"Write chapter {number}": False for number in range(6)}
        self.next = len(self.said)
        self.touched: list[str] = []
        for place in (self.notes, self.table):
            place.parent.mkdir(parents=True)
        self.notes.write_text("# Plan\n\n" + "".join(f"- [ ] {text}\n" for text in self.said))
        self.rows = [services.add_replica(self.notes.parent, actor="alice")]
        self.sync()
        self.rows += [
            services.add_replica(
                *(double.url,), actor="alice", name="service", kind="roadmap", timeout_seconds=1.0
            ),
            services.add_replica(
                self.table.parent, actor="alice", kind="list", include=["*.csv"], mapping=MAPPING
            ),
        ]
        for row in self.rows[1:]:
            assert services.send_plan(self.plan, row, actor="alice").status == "in_step"
        (self.ident,) = double.plans
        (self.table,) = self.table.parent.iterdir()

    @property
    def plan(self) -> Plan:
        return Plan.objects.get()

    def sync(self) -> None:
        for row in self.random.sample(self.rows, len(self.rows)):
            services.sync_replica(Replica.objects.get(pk=row.pk), Options(actor="alice", settle_seconds=0.0))

    # --------------------------------------------------------------------------------- one round

    def round(self, number: int) -> None:
        if self.random.random() < 0.7:
            chosen = self.random.choices(
                FAULTS, weights=(4, 4, 4, 4, 2, 2, 2, 1), k=self.random.randint(1, 4)
            )
            self.double.faults = [Fault(what, seconds=1.2) for what in chosen]
        for _ in range(self.random.randint(1, 2)):
            act = self.random.choice((self.tick, self.tick, self.add, self.remove))
            act(self.random.choice(("hub", "notes", "service", "table")))
        self.sync()
        if number % 3 == 2:
            self.settle()

    def settle(self) -> None:
        self.double.faults = []
        self.sync()
        self.sync()
        self.touched = []
        found = {task.text: task.status == "done" for task in Task.objects.live()}
        assert found == self.said, "what the hub says once all is synced"

    def free(self) -> str:
        """A task that was not edited since all sides were in step: edits of one value would clash."""
        free = [text for text in self.said if text not in self.touched]
        text = self.random.choice(free) if free else ""
        self.touched.append(text)
        return text

    def tick(self, side: str) -> None:
        text = self.free()
        if not text:
            return
        self.said[text] = not self.said[text]
        done = self.said[text]
        if side == "hub":
            task = Task.objects.live().get(text=text)
            plans.set_fields(task, {"status": "done" if done else "todo"}, actor="bob")
        elif side == "notes":
            box, other = ("[x]", "[ ]") if done else ("[ ]", "[x]")
            self.notes.write_text(self.notes.read_text().replace(f"{other} {text}\n", f"{box} {text}\n"))
        elif side == "service":
            self.in_service(lambda items: [_ticked(item, text, done) for item in items])
        else:
            self.in_table(
                lambda row: {**row, "state": "done" if done else "todo"} if row["what"] == text else row
            )

    def add(self, side: str) -> None:
        text = f"Write chapter {self.next}"
        self.next += 1
        self.said[text] = False
        self.touched.append(text)
        if side == "hub":
            plans.add_task(self.plan, text, actor="bob")
        elif side == "notes":
            self.notes.write_text(self.notes.read_text() + f"- [ ] {text}\n")
        elif side == "service":
            self.in_service(lambda items: [*items, {"id": f"new-{self.next}", "title": text}])
        else:
            with self.table.open("a") as table:
                table.write(f"n{self.next},{text},todo\n")

    def remove(self, side: str) -> None:
        text = self.free()
        if not text or len(self.said) < 4:
            return
        del self.said[text]
        if side == "hub":
            plans.delete(Task.objects.live().get(text=text), actor="bob")
        elif side == "notes":
            lines = self.notes.read_text().splitlines(keepends=True)
            self.notes.write_text("".join(line for line in lines if not line.endswith(f"] {text}\n")))
        elif side == "service":
            self.in_service(lambda items: [item for item in items if item["title"] != text])
        else:
            self.in_table(lambda row: None if row["what"] == text else row)

    def in_service(self, edit) -> None:  # type: ignore[no-untyped-def]
        document = json.loads(self.double.plans[self.ident])
        self.double.plans[self.ident] = json.dumps({**document, "items": edit(document["items"])}).encode()

    def in_table(self, edit) -> None:  # type: ignore[no-untyped-def]
        reader = csv.DictReader(io.StringIO(self.table.read_text()))
        out = io.StringIO()
        writer = csv.DictWriter(out, reader.fieldnames or (), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for row in map(edit, reader) if row is not None)
        self.table.write_text(out.getvalue())

    # --------------------------------------------------------------------------------- in the end

    def check(self) -> None:
        self.settle()
        assert not Conflict.objects.filter(state="open").exists()
        assert not Intent.objects.exists()
        hub = {task.text: task.status == "done" for task in Task.objects.live()}
        notes = {line[6:]: line[3] == "x" for line in self.notes.read_text().splitlines()[2:] if line}
        items = json.loads(self.double.plans[self.ident])["items"]
        service = {item["title"]: item.get("status") == "completed" for item in items}
        rows = list(csv.DictReader(io.StringIO(self.table.read_text())))
        table = {row["what"]: row["state"] == "done" for row in rows}
        assert (hub, notes, service, table) == (self.said,) * 4
        assert len(items) == len(rows) == len(self.said), "nothing is there twice"
        before = dict(self.double.plans), self.notes.read_bytes(), self.table.read_bytes()
        self.sync()
        assert (dict(self.double.plans), self.notes.read_bytes(), self.table.read_bytes()) == before


def _ticked(item: dict[str, object], text: str, done: bool) -> dict[str, object]:
    return {**item, "status": "completed" if done else "planned"} if item["title"] == text else item


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceDouble]:
    monkeypatch.setattr(http, "FIRST_WAIT_SECONDS", 0.005)
    with ServiceDouble() as running:
        yield running
        http.close_all()


def run(folder: Path, double: ServiceDouble, seed: int, rounds: int) -> None:
    campaign = Campaign(folder, double, seed)
    try:
        for number in range(rounds):
            campaign.round(number)
        campaign.check()
    except Exception as failure:
        raise AssertionError(f"campaign with SOAK_SEED={seed} failed") from failure


def test_whatever_happens_all_sides_come_to_say_the_same(tmp_path: Path, double: ServiceDouble) -> None:
    run(tmp_path, double, 7, ROUNDS)


@pytest.mark.soak
def test_soak_whatever_happens_all_sides_come_to_say_the_same(tmp_path: Path, double: ServiceDouble) -> None:
    first = int(os.environ.get("SOAK_SEED", "0"))
    for seed in range(first, first + int(os.environ.get("SOAK_CAMPAIGNS", "10"))):
        survival.forget_everything()
        double.plans.clear()
        run(tmp_path / str(seed), double, seed, 60)
