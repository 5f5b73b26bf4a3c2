"""A checkbox ticked in a file until it is committed in the hub; a task set in the hub until it is on disk.

The same 100 plans and the same tasks, chosen at random, are edited in a hub that has only them and in a hub
of 10,000 plans (a million tasks). The folders are git work trees, as plans are, and the commit is recorded
each time. File to hub: from the call that a trigger makes for the path (`sync_path`) to its return. Hub to
file: from `plans.services.set_fields` to its return, which includes the sync that follows. Each result is
looked up on the other side outside of the time measured.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import unchanged
from bench.table import Row, median, ms, p95
from bench.workplace import Hub, Missing, Workplace, plans_of

SMALL = 100
MOST_SECONDS = 0.050
MOST_RATIO = 1.3
WAYS = {
    "file_to_hub": "checkbox ticked in a file -> row in the hub",
    "hub_to_file": "task set in the hub -> line in the file",
}
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
ROUNDS = 4


def rows(place: Workplace) -> Iterator[Row]:
    for database in ("sqlite", "postgres"):
        try:
            yield from _rows(place, database)
        except Missing as error:
            yield Row(f"checkbox, {NAMES[database]}", target="p95 under 50 ms", problem=str(error))


def _rows(place: Workplace, database: str) -> Iterator[Row]:
    large = 1_000 if place.quick else 10_000
    source = place.scale(large, large * 100)
    plans = plans_of(source)
    open_plans = [path for path in plans if _has_box(path)]
    chosen = random.Random(2).sample(open_plans, SMALL)
    hubs = []
    for members in (chosen, plans):
        folder = place.copy(members, source)
        hub = place.hub(database)
        seconds = hub.run("bench.unchanged:fill", folder=str(folder))
        hubs.append((hub, folder, seconds, len(members)))
    _, _, seconds, size = hubs[1]
    yield Row(f"first sync, {size:,} plans, {size * 100:,} tasks, {NAMES[database]}", f"{seconds:.0f} s")
    yield unchanged.row(
        *hubs[1][:2], f"sync, nothing changed, {size:,} plans, {NAMES[database]}", most_seconds=2
    )
    edits = _edits(chosen, source)
    taken = _in_turns(hubs, edits)
    for way, what in WAYS.items():
        small, big = taken[0][way], taken[1][way]
        for sample, (_, _, _, plans_held) in ((small, hubs[0]), (big, hubs[1])):
            told = f"{ms(p95(sample))} p95 (median {ms(median(sample))})"
            name = f"{what}, {plans_held:,} plans, {NAMES[database]}"
            yield Row(name, told, target="p95 under 50 ms", met=p95(sample) < MOST_SECONDS)
        ratio = median(big) / median(small)
        yield Row(
            f"... the larger hub against the smaller, {NAMES[database]}",
            *(ms(median(big)), ms(median(small)), f"{ratio:.2f} (p95: {p95(big) / p95(small):.2f})"),
            *("at most 1.3 times", ratio <= MOST_RATIO),
        )


def _in_turns(hubs: list[tuple[Hub, Path, float, int]], edits: list[Any]) -> list[dict[str, list[float]]]:
    """Both hubs take turns, so that a machine that slows down slows both."""
    taken: list[dict[str, list[float]]] = [{way: [] for way in WAYS} for _ in hubs]
    part = -(-len(edits) // ROUNDS)
    for start in range(0, len(edits), part):
        for number, (hub, folder, _, _) in enumerate(hubs):
            chunk = edits[start : start + part]
            found = hub.run("bench.checkbox:measure", folder=str(folder), edits=chunk)
            for way in WAYS:
                taken[number][way] += found[way]
    return taken


BOX = re.compile(rb"^[ \t]*[-*+] (\[ \]) \S", re.MULTILINE)


def _has_box(path: Path) -> bool:
    return BOX.search(path.read_bytes()) is not None


def _edits(plans: list[Path], source: Path) -> list[tuple[str, float]]:
    """(path, which of its open boxes as a share of them): each plan twice, in random order."""
    chance = random.Random(1)
    edits = [(str(plan.relative_to(source)), chance.random()) for plan in plans for _ in range(2)]
    chance.shuffle(edits)
    return edits


def measure(folder: str, edits: list[tuple[str, float]]) -> dict[str, list[float]]:
    """Seconds of each edit, both ways; the first three of each warm up and do not count."""
    from planning_sync.sync import services
    from planning_sync.sync.passes import Options
    from plans import services as plans
    from plans.models import Plan, Task

    root, options = Path(folder), Options(actor="bench")
    row = services.replica_named(folder)
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for path, share in [*edits[:3], *edits]:
        plan = Plan.objects.get(links__path=path, links__replica=row)
        done = plan.done_count
        place = root / path
        data = place.read_bytes()
        boxes = [found.start(1) for found in BOX.finditer(data)]
        if not boxes:
            continue
        at = boxes[int(share * len(boxes))]
        place.write_bytes(data[:at] + b"[x]" + data[at + 3 :])

        started = time.perf_counter()
        report = services.sync_path(row, path, options)
        taken["file_to_hub"].append(time.perf_counter() - started)
        assert not report.errors, report.as_json()
        assert report.tasks.updated == 1, report.as_json()
        plan.refresh_from_db()
        assert plan.done_count == done + 1, path

        ticked = list(Task.objects.filter(plan=plan, deleted_at=None, status="done"))
        task = ticked[int(share * len(ticked))]
        before = place.read_bytes()
        started = time.perf_counter()
        plans.set_fields(task, {"status": "todo"}, actor="bench")
        taken["hub_to_file"].append(time.perf_counter() - started)
        after = place.read_bytes()
        changed = sum(one != two for one, two in zip(before.splitlines(), after.splitlines(), strict=True))
        assert changed == 1, (path, changed)
    return {way: seconds[3:] for way, seconds in taken.items()}
