"""`build`: the hub, from the sample plans and what stands in `places`, with weeks of work done in it.

All of it is done by the services that people and schedules use, so that every page shows what really came of
it: who ticked what, conflicts, a refusal by a guard, an undo, a laptop that is away.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django_q.models import OrmQ

from audit.models import Entry, Operation
from conflicts import services as conflicts
from conflicts.models import Conflict
from planning_sync.search import records
from planning_sync.sync import pairing_act, registry, undo
from planning_sync.sync import services as sync
from planning_sync.sync.models import Link, Replica
from planning_sync.sync.passes import Options
from planning_sync.validation import services as validation
from plans import services as plans
from plans.models import Plan, Status, Task
from tests.showcase import clock

HERE = Path(__file__).resolve().parent / "places"
SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "plans"
PLACES = ("plans", "buoys", "repairs", "handbook", "laptop")
WEEKS = 4
_DAY_OF_TEXT = re.compile(r"#due:([+-]\d+)|;([+-]\d+)$", re.MULTILINE)

OWNER, TEAMMATE, SCHEDULE = "olive", "bob", "schedule"

HUB_EDITS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Show the page on the screen at the harbour office", {"assignee": "design"}),
    ("Send a warning two hours before low water", {"text": "Send a warning one hour before low water"}),
    ("Buy a second gauge for the test bench", {"status": "done"}),
    ("A map of all of them", {"priority": "high"}),
    ("By e-mail", {"due": "2026-05-15"}),
    (
        "Compare a year of forecasts with what really came",
        {"text": "Compare a whole year of forecasts with what really came"},
    ),
)
FILE_EDITS = (
    ("office #assigned:frontend", "office #assigned:backend"),
    ("Send a warning two hours before low water", "Send a warning three hours before low water, once"),
    ("- [!] **2.1.3**", "- [-] **2.1.3**"),
    ("#priority:low #tags:map", "#priority:medium #tags:map"),
    ("#due:2026-04-30", "#due:2026-06-01"),
    ("with what really came", "with what really came, gauge by gauge"),
)
DONE_IN_THESE_WEEKS = (
    *("second-harbour.md", "website.md", "2026/spring-maintenance.md", "night-watch-training.md"),
    "operations/move-to-new-servers.md",
)


@dataclass(frozen=True)
class Hub:
    folder: Path
    """Where its replicas lie."""
    plans: Replica
    buoys: Replica
    handbook: Replica
    laptop: Replica

    def plan(self, path: str) -> Plan:
        return Plan.objects.get(links__path=path, links__replica=self.plans)

    @property
    def first(self) -> Operation:
        """The import of the first plans."""
        return Operation.objects.filter(replica_id=self.plans.pk).earliest("started_at")

    @property
    def sync(self) -> Operation:
        """The one that found the conflicts."""
        return Entry.objects.filter(action=Entry.Action.DECIDED).latest("pk").operation

    @property
    def depended_on(self) -> Operation:
        """An edit on which newer work depends."""
        page = Task.objects.get(text="One page for each harbour")
        entries = Entry.objects.filter(item_id=page.pk, field="status", after=Status.IN_PROGRESS)
        return entries.latest("pk").operation


def build(folder: Path, *, days: int = 7 * WEEKS) -> Hub:
    """The hub in the database, its replicas in the folder, after so many days of work."""
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    shutil.copytree(SAMPLES, folder / "plans", dirs_exist_ok=True)
    for file in (each for each in folder.rglob("*") if each.suffix in (".md", ".csv")):
        _write(file, _dated(file.read_text(encoding="utf-8")))
    with clock.before_now(timedelta(days=days + 1)):
        hub = _added(folder)
    for passed in range(days, 0, -1):
        with clock.before_now(timedelta(days=passed, hours=passed % 5, minutes=11)):
            _work_for_a_day(hub, passed)
    _bring_conflicts(hub)
    _lose_the_laptop(hub)
    validation.assess_due()
    records.follow()
    OrmQ.objects.all().delete()  # what workers would do is done above
    return hub


def _dated(text: str) -> str:
    """With the days that are counted from today as dates."""

    def told(found: re.Match[str]) -> str:
        number = found[1] or found[2]
        return found[0].removesuffix(number) + (date.today() + timedelta(days=int(number))).isoformat()  # noqa: DTZ011

    return _DAY_OF_TEXT.sub(told, text)


def _write(file: Path, text: str) -> None:
    """Saved a minute ago: what was just written is believed only a little later."""
    file.write_text(text, encoding="utf-8")
    found = file.stat()
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns - 60 * 10**9))


def _added(folder: Path) -> Hub:
    kinds = {"buoys": "taskmaster", "repairs": "list"}
    paths = {"repairs": folder / "repairs" / "repairs.csv"}
    rows = {
        name: sync.add_replica(
            paths.get(name, folder / name), kind=kinds.get(name, "markdown"), name=name, actor=OWNER
        )
        for name in PLACES
    }
    for name in PLACES:
        if name == "handbook":
            pairing_act.look(rows[name])
            registry.switch(rows[name], on=False, actor=OWNER)
        else:
            _sync(rows[name], actor=OWNER)
    return Hub(folder, rows["plans"], rows["buoys"], rows["handbook"], rows["laptop"])


def _sync(row: Replica, *, actor: str = SCHEDULE) -> None:
    row.refresh_from_db()
    sync.sync_replica(row, Options(actor=actor, settle_seconds=0.0))


# -------------------------------------------------------------------------------------- day by day


def _work_for_a_day(hub: Hub, passed: int) -> None:
    """A task is begun, one is finished, one is ticked in its file; the schedule brings it across."""
    path = DONE_IN_THESE_WEEKS[passed % len(DONE_IN_THESE_WEEKS)]
    left = _left(hub.plan(path))
    who = OWNER if passed % 3 else TEAMMATE
    if (begun := next(left, None)) is not None and passed % 2:
        plans.set_fields(begun, {"status": Status.DONE}, actor=who)
    if (begun := next(left, None)) is not None:
        plans.set_fields(begun, {"status": Status.IN_PROGRESS}, actor=who)
    _sync(hub.plans)
    if passed % 4 == 0:
        _tick_in_file(hub.folder / "plans" / "2026" / "spring-maintenance.md")
        _sync(hub.plans)
    if passed % 7 == 0:
        validation.assess_due()


def _left(plan: Plan) -> Iterator[Task]:
    left = Task.objects.live().filter(plan=plan).exclude(status=Status.DONE)
    return iter(left.order_by("position", "pk"))


def _tick_in_file(file: Path) -> None:
    _write(file, file.read_text(encoding="utf-8").replace("- [ ]", "- [x]", 1))


# ------------------------------------------------------------------------------------- the last day


def _bring_conflicts(hub: Hub) -> None:
    """Both sides say something else of the same, a file is emptied, and newer work depends on older."""
    with clock.before_now(timedelta(hours=3)):
        for text, fields in HUB_EDITS:
            plans.set_fields(Task.objects.get(text=text), fields, actor=OWNER)
        roadmap = hub.folder / "plans" / "roadmap.md"
        text = roadmap.read_text(encoding="utf-8")
        for old, new in FILE_EDITS:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        _write(roadmap, text)
        _write(hub.folder / "plans" / "release-1.2.md", "")
        _sync(hub.plans)
        assert Conflict.objects.count() > 4
        owner = User.objects.create_user(OWNER)
        conflicts.assign([Conflict.objects.get(field="due").pk], to=owner, actor=OWNER)
    with clock.before_now(timedelta(hours=1)):
        plans.delete(Task.objects.get(text="An application for phones"), actor=OWNER)
        for status, who in ((Status.IN_PROGRESS, OWNER), (Status.DONE, TEAMMATE)):
            plans.set_fields(
                Task.objects.get(text="One page for each harbour"), {"status": status}, actor=who
            )
        _sync(hub.plans)
    with clock.before_now(timedelta(minutes=40)):
        _regret(hub)
    with clock.before_now(timedelta(minutes=2)):
        plans.set_fields(
            Task.objects.get(text="Tell swinging from drifting"), {"priority": "high"}, actor=TEAMMATE
        )


def _regret(hub: Hub) -> None:
    report = Task.objects.get(text="Send the yearly report to the harbour council")
    plans.set_fields(report, {"status": Status.CANCELLED}, actor=TEAMMATE)
    undo.undo(Operation.objects.latest("started_at").pk, actor=OWNER)
    assert not Link.objects.filter(replica=hub.plans, problem__gt="").exclude(path="release-1.2.md").exists()


def _lose_the_laptop(hub: Hub) -> None:
    hub.laptop.refresh_from_db()
    (hub.folder / "laptop").rename(hub.folder / "laptop that was closed")
    with clock.before_now(timedelta(minutes=25)):
        _sync(hub.laptop)
    idea = Task.objects.get(text="Warn of fog as well")
    with clock.before_now(timedelta(minutes=12)):
        plans.set_fields(idea, {"priority": "medium"}, actor=OWNER)
