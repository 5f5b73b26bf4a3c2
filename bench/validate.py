"""Checking plans against all rules that are on, beside reading and parsing the same files, in one process.

The target is of the specification: 100 plans with 100,000 tasks in under 3 seconds and 150 MB, and at most
2.5 times as long as reading and parsing alone. What the command takes as a whole, with its start, is measured
apart.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.table import Row, median
from bench.workplace import REPOSITORY, Missing, Workplace, plans_of

PLANS, TASKS = 100, 100_000
MOST_SECONDS, MOST_MEGABYTES, MOST_TIMES = 3.0, 150.0, 2.5
MOST_START_SECONDS = 0.4


def rows(place: Workplace) -> Iterator[Row]:
    what = f"validate {PLANS} plans, {TASKS:,} tasks"
    target = f"under {MOST_SECONDS:g} s, at most {MOST_TIMES} times"
    try:
        folder = place.scale(PLANS, TASKS)
    except Missing as error:
        yield Row(what, target=target, problem=str(error))
        return
    found = place.hub("sqlite").run(
        "bench.validate:measure", folder=str(folder), rounds=2 if place.quick else 5
    )
    ours, reference = median(found["ours"]), median(found["reference"])
    met = ours < MOST_SECONDS and ours / reference <= MOST_TIMES
    told = f"{ours:.2f} s", f"{reference:.2f} s (read and parse)", f"{ours / reference:.1f} times as long"
    yield Row(what, *told, target, met)
    peak = _measured(_PEAK, "validate", str(folder), "--format", "json")
    few = _measured(_PEAK, "validate", "--help")
    memory_target = f"under {MOST_MEGABYTES:g} MB"
    yield Row(
        f"{what}: peak memory",
        f"{peak:.0f} MB",
        f"{few:.0f} MB (--help)",
        "-",
        memory_target,
        peak < MOST_MEGABYTES,
    )
    yield _start(place, folder)


def _start(place: Workplace, folder: Path) -> Row:
    smallest = min(plans_of(folder), key=lambda path: path.stat().st_size)
    taken, bare = [], []
    for _ in range(3 if place.quick else 9):
        taken.append(_seconds([sys.executable, "manage.py", "validate", str(smallest)]))
        bare.append(_seconds([sys.executable, "-c", "pass"]))
    ours, reference = median(taken), median(bare)
    told = f"{ours:.2f} s", f"{reference:.2f} s (bare Python)", f"{ours / reference:.1f} times as long"
    return Row(
        "validate one small plan, with start",
        *told,
        f"under {MOST_START_SECONDS} s",
        ours < MOST_START_SECONDS,
    )


def measure(folder: str, rounds: int) -> dict[str, Any]:
    """Seconds for all files, of both, in turns; the first round of each warms up and does not count."""
    from plans.document import parse
    from plans.rules import check

    files = plans_of(Path(folder))

    def ours() -> None:
        for path in files:
            check(path.read_bytes(), name=path.name)

    def reference() -> None:
        for path in files:
            parse(path.read_bytes(), name=path.name)

    taken: dict[str, list[float]] = {"ours": [], "reference": []}
    calls: tuple[tuple[str, Callable[[], None]], ...] = (("ours", ours), ("reference", reference))
    for _ in range(rounds + 1):
        for name, call in calls:
            started = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - started)
    return {name: seconds[1:] for name, seconds in taken.items()}


_PEAK = """
import os, resource, sys
from manage import main
sys.stdout = open(os.devnull, "w")
try:
    main()
finally:
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, file=sys.stderr)
"""


def _measured(program: str, *words: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    return float(done.stderr.splitlines()[-1])


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started
