"""Parsing a corpus, against the block phase of markdown-it-py on the same text.

The reference does less: it finds blocks and makes tokens of them, and neither reads what a task line says nor
keeps what is needed to write the file again. It is called as `run_spec` of the corpus' oracle does: the core
rules `normalize` and `block`, nothing of the inline phase; tables on; nesting without a limit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.table import Row, median
from bench.workplace import CORPUS, Missing, Workplace, plans_of

TARGET = "at least 5 times faster"
TIMES_FASTER = 5


def rows(place: Workplace) -> Iterator[Row]:
    sets: list[tuple[str, Callable[[], Path]]] = [
        ("84 plans, 107,450 tasks", lambda: place.scale(84, 107_450)),
        ("real plans (dev/plans)", lambda: CORPUS / "dev" / "plans"),
    ]
    for name, find in sets:
        what = f"parse {name}"
        try:
            folder = find()
            if not folder.is_dir():
                raise Missing(f"the corpus is not at {folder}")
        except Missing as error:
            yield Row(what, target=TARGET, problem=str(error))
            continue
        hub = place.hub("sqlite")
        found = hub.run("bench.parsing:measure", folder=str(folder), rounds=2 if place.quick else 3)
        ours, reference = median(found["ours"]), median(found["reference"])
        lines = found["lines"]
        yield Row(
            f"{what}, {lines:,} lines",
            f"{lines / ours:,.0f} lines/s",
            f"{lines / reference:,.0f} lines/s (markdown-it-py)",
            f"{reference / ours:.1f} times faster",
            TARGET,
            reference / ours >= TIMES_FASTER,
        )


def measure(folder: str, rounds: int) -> dict[str, Any]:
    """Seconds for all files, of both, in turns; the first round of each warms up and does not count."""
    from plans.document import parse

    texts = [path.read_bytes() for path in plans_of(Path(folder))]
    blocks = _reference()

    def ours() -> None:
        for data in texts:
            parse(data)

    def reference() -> None:
        for data in texts:
            blocks(data)

    taken: dict[str, Any] = {"ours": [], "reference": []}
    for _ in range(rounds + 1):
        for name, call in (("ours", ours), ("reference", reference)):
            started = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - started)
    taken = {name: seconds[1:] for name, seconds in taken.items()}
    return {**taken, "lines": sum(len(data.splitlines()) for data in texts)}


def _reference() -> Callable[[bytes], object]:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore

    sys.setrecursionlimit(100_000)
    markdown = MarkdownIt("commonmark", {"maxNesting": 100_000}).enable("table")
    wanted = ("normalize", "block")
    phases = [rule.fn for rule in markdown.core.ruler.__rules__ if rule.name in wanted]
    assert len(phases) == len(wanted), "these are the core rules of markdown-it-py"

    def blocks(data: bytes) -> object:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            text = data.decode("utf-16", "replace")
        else:
            text = data.decode("utf-8", "replace")
        state = StateCore(text.removeprefix("\ufeff"), markdown, {})
        for phase in phases:
            phase(state)
        return state.tokens

    return blocks
