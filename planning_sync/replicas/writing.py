"""What shall stand in a Markdown plan, decided from values alone; nothing is read or written here.

Public: `rewritten`, `created`, `deleted`, `restored`.
"""

from __future__ import annotations

from planning_sync.replicas.base import ABSENT, Reading, Write, checksum
from plans.document.model import Dialect
from plans.document.parse import parse
from plans.document.rewrite import rewrite
from plans.outline import Item, Outline


def rewritten(reading: Reading, target: Outline) -> Write:
    """`reading`, whose keys are real, as `target`."""
    if reading.document.outline == target:
        return Write(reading.path, reading.checksum, reading.checksum, reading.data, reading.document)
    result = rewrite(reading.document, target)
    data = result.document.data
    return Write(reading.path, reading.checksum, checksum(data), data, result.document, result.left)


def created(path: str, target: Outline, dialect: Dialect) -> Write:
    """A new plan at `path` with all that `target` holds."""
    empty = parse(_head(target.plan).encode(), dialect, path.rpartition("/")[2])
    result = rewrite(empty, target)
    data = result.document.data
    return Write(path, ABSENT, checksum(data), data, result.document, result.left)


def deleted(reading: Reading) -> Write:
    return Write(reading.path, reading.checksum, ABSENT, None, None)


def restored(path: str, before: str, data: bytes, dialect: Dialect) -> Write:
    """Exactly `data`, whatever it holds, in the place of `before`."""
    document = parse(data, dialect, path.rpartition("/")[2])
    return Write(path, before, checksum(data), data, document)


def _head(plan: Item) -> str:
    """The first lines of a new file: the title, and the version line if there is something to say in one."""
    told = [
        f"Version {plan.version}" if plan.version else "",
        plan.date,
        f"Progression globale : {plan.progress}%" if plan.progress else "",
    ]
    version_line = " - ".join(part for part in told if part)
    blocks = [f"# {plan.text}\n" if plan.text else "", f"*{version_line}*\n" if version_line else ""]
    return "\n".join(block for block in blocks if block)
