"""Runs the measurements that are named, or all: rows to standard error as they come, then one table."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench import (
    api,
    checkbox,
    importing,
    lists,
    live,
    memory,
    pages,
    parsing,
    queue,
    replays,
    search,
    search_quality,
    taskmaster,
    unchanged,
    validate,
    watching,
)
from bench.table import Row, as_markdown, as_text, machine
from bench.workplace import Workplace

MEASURES: Mapping[str, Callable[[Workplace], Iterator[Row]]] = {
    "parse": parsing.rows,
    "validate": validate.rows,
    "import": importing.rows,
    "unchanged": unchanged.rows,
    "checkbox": checkbox.rows,
    "watcher": watching.rows,
    "memory": memory.rows,
    "live": live.rows,
    "api": api.rows,
    "replays": replays.rows,
    "queue": queue.rows,
    "search": search.rows,
    "search-quality": search_quality.rows,
    "pages": pages.rows,
    "taskmaster": taskmaster.rows,
    "lists": lists.rows,
}


def main() -> int:
    """0 where every target is met, 1 where one is missed, 2 where one could not be measured."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind
    rows: list[Row] = []
    with Workplace(quick=asked.quick, data=asked.data) as place:
        facts = machine(place)
        for name in asked.names or MEASURES:
            started = time.perf_counter()
            for row in MEASURES[name](place):
                print("  ".join(row.cells()), file=sys.stderr, flush=True)
                rows.append(row)
            print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    print(as_markdown(facts, rows) if asked.markdown else as_text(facts, rows))
    if any(row.problem for row in rows):
        return 2
    return 0 if all(row.met is not False for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASURES)}; else all")
    parser.add_argument("--quick", action="store_true", help="fewer runs, and 1,000 plans instead of 10,000")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--data", type=Path, help="keep the generated plans in this folder")
    asked = parser.parse_args()
    for name in asked.names:
        if name not in MEASURES:
            parser.error(f"there is no measurement {name!r}: name some of {', '.join(MEASURES)}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
