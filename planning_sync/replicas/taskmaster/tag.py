"""One tag as a way to write a plan down, wherever it is kept: `TagFormat`; `explained`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from planning_sync.replicas import structured
from planning_sync.replicas.base import Reading, Write
from planning_sync.replicas.errors import PlanUnreadable, Unreadable
from planning_sync.replicas.formats import Format
from planning_sync.replicas.jsontext import Malformed, decoded, described
from planning_sync.replicas.structured import Records
from planning_sync.replicas.taskmaster import format as tags
from planning_sync.replicas.taskmaster.splicing import EMPTY, splice
from plans.outline import Outline


class TagFormat(Format):
    suffix = ""

    def parse(self, data: bytes, path: str) -> Records:
        text = data.decode(errors="replace")
        with explained(path, text):
            return self.read(decoded(data), path)

    def read(self, text: str, path: str) -> Records:
        """Raises `Malformed`."""
        return tags.read(text, text.encode(), path)

    def rewritten(self, reading: Reading, target: Outline) -> Write:
        return structured.rewritten(reading, target, splice)

    def created(self, path: str, target: Outline) -> Write:
        return structured.created(path, target, self.read(EMPTY, path), splice)


@contextmanager
def explained(path: str, text: str, start: int = 0) -> Iterator[None]:
    """Tells where in the text a fault is that was found in what begins at `start` of it."""
    try:
        yield
    except Malformed as fault:
        told = described(Malformed(fault.reason, start + fault.at), text)
        raise PlanUnreadable(path, Unreadable.MALFORMED, told) from fault
