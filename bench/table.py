"""The table that a run prints: `Row`, `as_text`, `as_markdown`, and the facts of the machine above it."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.workplace import Workplace

HEAD = ("what", "ours", "reference", "ratio", "target", "met")


@dataclass(frozen=True)
class Row:
    what: str
    ours: str = "-"
    reference: str = "-"
    ratio: str = "-"
    target: str = "-"
    met: bool | None = None
    """None: no target, the row is there to be read beside others."""
    problem: str = ""
    """Why it could not be measured."""

    def cells(self) -> tuple[str, ...]:
        if self.problem:
            return (self.what, "not measured: " + self.problem, "-", "-", self.target, "?")
        met = "-" if self.met is None else "yes" if self.met else "NO"
        return (self.what, self.ours, self.reference, self.ratio, self.target, met)


def as_text(facts: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    drawn = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    drawn.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*facts, "", *(line.rstrip() for line in drawn)])


def as_markdown(facts: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    drawn = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([*(f"- {fact}" for fact in facts), "", *drawn])


def machine(place: Workplace) -> list[str]:
    """What the figures depend on, and when they were taken."""
    load = os.getloadavg()[0]
    return [
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC{', quick run' if place.quick else ''}",
        f"{os.cpu_count()} cores ({_processor()}), {platform.system()}, load {load:.1f} at the start",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {place.postgres_version()}",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


# ------------------------------------------------------------------------------------- numbers


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """The smallest value that at least 95 of 100 do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * 95 // 100) - 1)]


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
