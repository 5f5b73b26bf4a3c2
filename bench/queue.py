"""Ten thousand open conflicts over two hundred plans: the pages of the queue, and a decision on a thousand.

The pages are asked for through the whole stack but the socket, by somebody with the arbiter role, in turns
with several filters and far pages. The decision is the confirmed form of the bulk preview: the preview is
made again, compared with its fingerprint, and all is decided in one operation. Syncs follow in a worker.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from bench.table import Row, median, ms, p95
from bench.workplace import DATABASES, Missing, Workplace

if TYPE_CHECKING:
    from django.test import Client

    from conflicts.models import Conflict

NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
CONFLICTS = 10_000
PLANS = 200
DECIDED = 1_000
MOST_SECONDS = 0.100
MOST_SECONDS_DECIDING = 3.0
ROUNDS = 8

FILTERS = (
    "",
    "?page=150",
    "?severity=high",
    "?field=parent",
    "?field=text&suggestion=yes",
    "?assigned=nobody",
    "?q=step+7",
    "?age=older",
)
ADMIN_FILTERS = tuple(each.replace("page=", "p=") for each in FILTERS)

_PAGES = {"dashboard": ("/conflicts/", FILTERS), "admin": ("/admin/conflicts/conflict/", ADMIN_FILTERS)}


def rows(place: Workplace) -> Iterator[Row]:
    for database in DATABASES:
        name = NAMES[database]
        try:
            with place.dropping(place.hub(database)) as hub:
                hub.run("bench.queue:fill", folder=str(place.fresh_folder("plans")))
                for where in ("dashboard", "admin"):
                    taken = hub.run("bench.queue:pages", where=where)
                    yield _page(f"queue page, {where}, {CONFLICTS:,} open, {name}", taken)
                yield _decision(f"bulk decision on {DECIDED:,}, {name}", hub.run("bench.queue:decide"))
        except Missing as error:
            yield Row(
                f"queue of {CONFLICTS:,} conflicts, {name}", target="p95 under 100 ms", problem=str(error)
            )


def _page(what: str, taken: list[float]) -> Row:
    worst = p95(taken)
    told = f"{ms(median(taken))} (p95 {ms(worst)})"
    return Row(what, told, target="p95 under 100 ms", met=worst < MOST_SECONDS)


def _decision(what: str, seconds: float) -> Row:
    return Row(what, f"{seconds:.2f} s", target="under 3 s", met=seconds < MOST_SECONDS_DECIDING)


# ------------------------------------------------------------------------------ in the measuring process


def fill(folder: str) -> int:
    """Plans with tasks, each task with a conflict; how many."""
    from audit import services as audit
    from audit.ids import new_id
    from audit.models import Operation
    from audit.transactions import write_transaction
    from conflicts.models import Conflict
    from planning_sync.sync import services as sync
    from plans import services as plans
    from plans.outline import ROOT, Item, Kind, Outline

    replica = sync.add_replica(Path(folder), actor="bench")
    each = CONFLICTS // PLANS
    rows: list[Conflict] = []
    with write_transaction():
        operation = audit.begin(Operation.Kind.IMPORT, actor="bench")
        for number in range(PLANS):
            ids = [new_id() for _ in range(each)]
            tasks = tuple(
                Item(pk.hex, Kind.TASK, ROOT, f"step {at} of plan {number}", status="todo")
                for at, pk in enumerate(ids)
            )
            outline = Outline(Item(ROOT, Kind.PLAN, ROOT, f"Plan {number}"), tasks)
            plan = plans.admit(outline, operation=operation)
            rows += [_conflict(plan.pk, replica.pk, ids, at, number) for at in range(each)]
        audit.finish(operation, Operation.Status.DONE)
        Conflict.objects.bulk_create(rows, batch_size=500)
    return len(rows)


def _conflict(plan_id: UUID, replica_id: UUID, ids: list[UUID], at: int, plan: int) -> Conflict:
    from datetime import timedelta

    from django.utils import timezone

    from conflicts.merge.model import CLASSES
    from conflicts.models import Conflict

    kinds = ("text", "status", "priority", "assignee", "due", "parent", "text", "status", "ref", "estimate")
    field = kinds[(at + plan) % len(kinds)]
    values: dict[str, str] = {
        "base_value": f"the words agreed before, {at}",
        "replica_value": f"the words of the file, which are others, {at}",
        "hub_value": f"the words of the hub, others again, {at}",
    }
    if field == "parent":
        values = {"base_value": "", "replica_value": ids[at - 1].hex, "hub_value": ids[at - 2].hex}
    kind, severity = CLASSES[field]
    opened = timezone.now() - timedelta(minutes=7 * at + plan)
    suggestion = {"take": "hub", "confidence": 0.9, "reason": "as before", "decisions": []}
    return Conflict(
        plan_id=plan_id,
        replica_id=replica_id,
        item_kind="task",
        item_key=ids[at].hex,
        item_label=f"step t{at} of plan {plan}",
        field=field,
        kind=str(kind),
        severity=str(severity),
        opened_at=opened,
        changed_at=opened,
        path=f"team/plan-{plan}.md",
        line=at + 5,
        excerpt=[[at + line, f"- [ ] step t{at + line - 5} of plan {plan}"] for line in range(2, 9)],
        suggestion=suggestion if at % 3 else None,
        **values,
    )


def pages(where: str) -> list[float]:
    """Seconds of each page, after a round that warms up."""
    client = _arbiter()
    start, queries = _PAGES[where]
    taken = []
    for turn in range(ROUNDS + 1):
        for query in queries:
            started = time.perf_counter()
            answer = client.get(start + query)
            seconds = time.perf_counter() - started
            assert answer.status_code == 200, (query, answer.status_code)
            if turn:
                taken.append(seconds)
    return taken


def decide() -> float:
    """Seconds from the confirmed form to its answer."""
    from conflicts import desk, queue
    from conflicts.models import Conflict

    client = _arbiter()
    ids = [row.pk for row in queue.page_of(Conflict.objects.exclude(field="parent"), 0, DECIDED)]
    prepared = desk.prepare("take_replica", ids)
    assert len(prepared.planned) == DECIDED, prepared.left[:3]
    form = {
        "act": "take_replica",
        "ids": " ".join(map(str, ids)),
        "fingerprint": prepared.fingerprint,
        "confirm": "yes",
    }
    started = time.perf_counter()
    answer = client.post("/conflicts/bulk/", form)
    seconds = time.perf_counter() - started
    assert answer.status_code == 302, answer.status_code
    assert Conflict.objects.filter(state="decided").count() == DECIDED
    return seconds


def _arbiter() -> Client:
    """A browser of somebody who decides, and may enter the admin."""
    from django.conf import settings
    from django.contrib.auth.models import Group, User
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    person, new = User.objects.get_or_create(username="olive", defaults={"is_staff": True})
    if new:
        person.groups.add(Group.objects.get(name="arbiter"))
    client = Client()
    client.force_login(person)
    return client
