"""Real plans and their histories, through the whole sync.

On PostgreSQL, where the same code runs above the database, every third file and the shorter histories are
taken; `pytest -m soak --postgres` takes all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from conflicts.models import Conflict
from planning_sync.sync import exchange, state
from planning_sync.sync.models import Link
from plans import identity, storage
from plans.document import parse
from plans.models import Plan, Task
from tests.corpus import CORPUS, corpus_root
from tests.planning_sync.sync.survival import drawn
from tests.planning_sync.sync.workbench import Workbench

SETS = ("dev", "dev-large")
SHORT_BYTES = 150_000
"""The histories that are replayed on PostgreSQL are those of no more bytes."""


@pytest.fixture
def corpus() -> Path:
    root = corpus_root()
    if root is None:
        message = f"The corpus is not at {CORPUS}: put the folder `shared` beside the repository."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return root


def files_of(corpus: Path, name: str) -> Iterator[str]:
    manifest = json.loads((corpus / name / "MANIFEST.json").read_text())
    return (row["path"] for row in manifest["files"])


def histories() -> list[str]:
    root = corpus_root()
    found = sorted(root.glob("*/history/*/history.json")) if root else []
    return [str(place.parent.relative_to(root)) for place in found if root] or ["missing"]


def import_all(desk: Workbench, corpus: Path, chosen: slice) -> dict[str, bytes]:
    """Files of both sets, put into the folder and synced; ones that are not text are reported by the sync."""
    written: dict[str, bytes] = {}
    for name in SETS:
        for path in list(files_of(corpus, name))[chosen]:
            # Under "plans/archived" and the like the default globs would leave it out.
            place = f"{name}/{path}".replace("templates/", "samples/").replace("archived/", "old/")
            written[place] = (corpus / name / path).read_bytes()
            desk.write(place, written[place])
    report = desk.try_sync()
    assert not report.refused
    unread = {failure["plan"] for failure in report.errors}
    assert all("is not text" in failure["error"] for failure in report.errors), report.errors
    return {path: data for path, data in written.items() if path not in unread and path.endswith(".md")}


def check_all(desk: Workbench, corpus: Path, chosen: slice) -> None:
    written = import_all(desk, corpus, chosen)
    assert len(written) > 80
    for path, data in written.items():
        assert (desk.folder / path).read_bytes() == data, path
        document = parse(data, name=path.rpartition("/")[2])
        assert desk.outline(path).same_shape(document.outline), path
    again = desk.try_sync()
    assert (again.changed, again.files_written) == (0, [])
    for path in written:
        desk.age(path)  # new stamps: every file is looked at once more
    again = desk.try_sync()
    assert (again.changed, again.files_written) == (0, [])
    for path, data in written.items():
        assert (desk.folder / path).read_bytes() == data, path


def on_postgres() -> bool:
    return connection.vendor == "postgresql"


def test_no_byte_of_a_real_plan_changes_and_the_hub_says_what_it_says(corpus: Path, desk: Workbench) -> None:
    check_all(desk, corpus, slice(None, None, 3 if on_postgres() else 1))


@pytest.mark.soak
def test_no_byte_of_any_real_plan_changes_and_the_hub_says_what_it_says(
    corpus: Path, desk: Workbench
) -> None:
    check_all(desk, corpus, slice(None))


@pytest.mark.parametrize("name", histories())
def test_each_version_of_a_real_plan_leaves_the_hub_as_a_fresh_reading(
    name: str, corpus: Path, desk: Workbench
) -> None:
    if on_postgres() and size_of(corpus / name) > SHORT_BYTES:
        pytest.skip("replayed on SQLite, and on PostgreSQL by `pytest -m soak --postgres`")
    replay(corpus / name, desk)


@pytest.mark.soak
@pytest.mark.parametrize("name", histories())
def test_each_version_of_any_real_plan_leaves_the_hub_as_a_fresh_reading(
    name: str, corpus: Path, desk: Workbench
) -> None:
    replay(corpus / name, desk)


def size_of(folder: Path) -> int:
    return sum(place.stat().st_size for place in folder.glob("*.md"))


def replay(folder: Path, desk: Workbench) -> None:
    versions: list[dict[str, Any]] = json.loads((folder / "history.json").read_text())["versions"]
    assert len(versions) > 1
    for version in versions:
        data = (folder / version["file"]).read_bytes()
        before = set(Task.objects.live().values_list("pk", flat=True))
        desk.write("plan.md", data)
        report = desk.try_sync(allow_mass_delete=True)
        assert not report.errors, report.errors
        assert report.files_written == []
        assert (desk.folder / "plan.md").read_bytes() == data
        check_version(version["file"], desk, data)
        events = version.get("from_previous", {}).get("events", [])
        if only_fences_broke(version):
            gone = before - set(Task.objects.live().values_list("pk", flat=True))
            assert not gone, f"{version['file']} ({events}): {len(gone)} tasks deleted"
    assert Plan.objects.count() == 1
    assert not Conflict.objects.exists()


def check_version(file: str, desk: Workbench, data: bytes) -> None:
    """The hub says what a fresh reading says, and keeps what code has swallowed."""
    link = Link.objects.get(path="plan.md")
    document = parse(data, name="plan.md")
    hub = storage.load(link.plan).outline
    assert hub == state.unpack(link.seen)
    kept = identity.match(hub, document.outline, document.hidden).unreachable
    reachable = exchange.without(hub, kept)
    assert reachable.same_shape(document.outline), f"{file}:\n{drawn(reachable)}\n\n{drawn(document.outline)}"
    matched = identity.match(hub, document.outline, document.hidden)
    assert len(matched.keys) == len(document.outline.items), f"{file}: not every item of the file is known"


def only_fences_broke(version: dict[str, Any]) -> bool:
    """The count of tasks fell while no task line went."""
    step = version.get("from_previous")
    if not step:
        return False
    removed = step.get("tasks", {}).get("removed", 0)
    lines, tasks = step["task_lines"], step["gfm_tasks"]
    return bool(removed == 0 and lines[0] == lines[1] and tasks[1] < tasks[0])
