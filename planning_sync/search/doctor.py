"""What `planning-sync doctor` says of search: `checks`."""

from __future__ import annotations

from collections.abc import Iterator

from planning_sync.search import standing
from planning_sync.sync.management.checkup import Found


def checks() -> Iterator[Found]:
    if not standing.is_on():
        yield Found("search", "ok", "Search by meaning is switched off; words are compared.")
        return
    found = standing.standing()
    if found.problem:
        told = f"Searches compare only words: {found.problem}"
        yield Found("search", "warning", told, "`planning-sync up` keeps the index in step.")
    elif found.differing:
        told = f"The index was apart from the hub in {found.differing} points, which it was told again."
        yield Found("search", "warning", told, "If it comes back: `planning-sync reindex`.")
    else:
        yield Found("search", "ok", f"{found.engine} with {found.model}: {found.found} points in step")
