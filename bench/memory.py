"""The peak of memory of a first sync by the command line, in a process of its own: `planning-sync sync`.

The number is the operating system's (`ru_maxrss`): the interpreter, Django and all libraries are in it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from bench.table import Row
from bench.workplace import REPOSITORY, Hub, Missing, Workplace, plans_of

SETS = ((84, 15_000, 100), (84, 107_450, 300))
"""Plans, tasks, and the megabytes (of 1,000,000 bytes) that they may take."""


def rows(place: Workplace) -> Iterator[Row]:
    for plans, tasks, most in SETS:
        what, target = f"peak memory, first sync, {tasks:,} tasks, SQLite", f"under {most} MB"
        try:
            source = place.scale(plans, tasks)
        except Missing as error:
            yield Row(what, target=target, problem=str(error))
            continue
        folder = place.copy(plans_of(source), source)
        found = []
        for _ in range(1 if place.quick else 3):
            with place.dropping(place.hub("sqlite")) as hub:
                _command(hub, "add", str(folder))
                found.append(float(_command(hub, "sync", "--json").splitlines()[-1]))
        idle = float(_command(place.hub("sqlite"), "status", "--json").splitlines()[-1])
        yield Row(
            what,
            f"{max(found):.0f} MB",
            f"{idle:.0f} MB (`planning-sync status`, no plans)",
            "-",
            target,
            max(found) < most,
        )


_PROGRAM = """
import resource, sys
from manage import main
try:
    main()
finally:
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)
"""


def _command(hub: Hub, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        capture_output=True,
        text=True,
        env=hub.environment,
        cwd=REPOSITORY,
        check=True,
    )
    return done.stdout
