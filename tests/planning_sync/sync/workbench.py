"""A folder of plans and the hub, side by side, as tests handle them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conflicts.models import Conflict
from planning_sync.sync import services
from planning_sync.sync.models import Link, Replica
from planning_sync.sync.passes import Options
from planning_sync.sync.report import Report
from plans import services as plans
from plans import storage
from plans.document import parse
from plans.models import Phase, Plan, Task
from plans.outline import Outline


@dataclass
class Workbench:
    folder: Path
    row: Replica

    @classmethod
    def at(cls, folder: Path, **options: Any) -> Workbench:
        folder.mkdir(exist_ok=True)
        return cls(folder, services.add_replica(folder, actor="alice", **options))

    # ------------------------------------------------------------------------------- the file side

    def write(self, path: str, text: str | bytes) -> Path:
        """Save the file as an editor does, long enough ago to be believed at once."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.age(path)
        return place

    def age(self, path: str) -> None:
        """Make the file look as if it had been written a minute ago."""
        place = self.folder / path
        found = place.stat()
        os.utime(place, ns=(found.st_atime_ns, found.st_mtime_ns - 60 * 1_000_000_000))

    def read(self, path: str) -> str:
        return (self.folder / path).read_bytes().decode()

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace `old`, which must be there once, in the file."""
        text = self.read(path)
        assert text.count(old) == 1, (old, text)
        self.write(path, text.replace(old, new))

    # -------------------------------------------------------------------------------- the hub side

    def plan(self, path: str) -> Plan:
        return Plan.objects.get(links__path=path, links__replica=self.row)

    def task(self, text: str) -> Task:
        return Task.objects.live().get(text=text)

    def phase(self, title: str) -> Phase:
        return Phase.objects.live().get(title=title)

    def set(self, said: str, /, **fields: Any) -> None:
        """Change fields of the task that says `said`."""
        plans.set_fields(self.task(said), fields, actor="alice")

    def outline(self, path: str) -> Outline:
        return storage.load(self.plan(path)).outline

    def texts(self, path: str) -> list[str]:
        return [item.text for item in self.outline(path).tasks()]

    # ------------------------------------------------------------------------------------ the sync

    def sync(self, **options: Any) -> Report:
        """One pass that has to go well, unless the options say that this is looked at."""
        report = self.try_sync(**options)
        assert not report.errors, report.errors
        assert not report.refused, report.refused
        return report

    def try_sync(self, **options: Any) -> Report:
        self.row.refresh_from_db()
        return services.sync_replica(
            self.row, Options(**{"actor": "alice", "settle_seconds": 0.0, **options})
        )

    def conflicts(self) -> list[tuple[str, Any, Any, Any]]:
        """(field, base, replica, hub) of the open ones."""
        rows = Conflict.objects.filter(state="open").order_by("item_label", "field")
        return [(row.field, row.base_value, row.replica_value, row.hub_value) for row in rows]

    def assert_in_step(self) -> None:
        """Both sides say the same, and a further sync would do nothing."""
        for link in Link.objects.filter(replica=self.row, gone_at=None):
            document = parse((self.folder / link.path).read_bytes(), name=link.path.rpartition("/")[2])
            hub = storage.load(Plan.objects.get(pk=link.plan_id)).outline
            assert hub.same_shape(document.outline), (hub, document.outline)
        report = self.sync()
        assert report.files_written == []
        assert report.changed == 0
