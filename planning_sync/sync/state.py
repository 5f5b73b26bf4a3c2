"""How outlines and held values are packed into the columns of a link.

Public: `pack`, `unpack`, `names`, `pack_held`, `unpack_held`, `UnknownFormat`.

JSON rows compressed by zstd. The first element is the version of the format; an unknown one is
refused, because reading it wrongly would give every item a new identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import zstandard

from plans.outline import Item, Kind, Outline, Value

FORMAT = 1

Held = dict[tuple[str, str], Value]

_KINDS = {kind.value: kind for kind in Kind}


class UnknownFormat(Exception):
    def __init__(self, version: object) -> None:
        super().__init__(
            f"The stored state of a link has format {version!r}; this version of Planning Sync knows "
            f"{FORMAT}. "
            "Install the version that wrote it, or a later one."
        )
        self.version = version


def pack(outline: Outline, names: Mapping[str, str] | None = None) -> bytes:
    """`names`: which item goes by which name at its replica, where that gives names."""
    # orjson takes tuples, and refuses subclasses of them.
    rows = [FORMAT, tuple(outline.plan), list(map(tuple, outline.items))]
    return _compressed([*rows, dict(names)] if names else rows)


def unpack(data: bytes | memoryview) -> Outline:
    """The outline packed before; raises `UnknownFormat`."""
    plan, items, *_ = _rows(data)
    return Outline(_item(plan), tuple(map(_item, items)))


def names(data: bytes | memoryview) -> dict[str, str]:
    """Which item went by which name at the replica when the outline was packed."""
    _, _, *rest = _rows(data)
    found: dict[str, str] = rest[0] if rest else {}
    return found


def pack_held(held: Mapping[tuple[str, str], Value]) -> bytes | None:
    """None for nothing held."""
    if not held:
        return None
    return _compressed([FORMAT, [[key, field, value] for (key, field), value in held.items()]])


def unpack_held(data: bytes | memoryview | None) -> Held:
    if data is None:
        return {}
    (rows,) = _rows(data)
    return {(key, field): tuple(value) if isinstance(value, list) else value for key, field, value in rows}


def _compressed(content: list[Any]) -> bytes:
    return zstandard.compress(orjson.dumps(content), 1)


def _rows(data: bytes | memoryview) -> list[Any]:
    rows: list[Any]
    version, *rows = orjson.loads(zstandard.decompress(bytes(data)))
    if version != FORMAT:
        raise UnknownFormat(version)
    return rows


def _item(row: list[Any]) -> Item:
    row[1] = _KINDS[row[1]]
    row[10] = tuple(row[10])
    row[12] = tuple(row[12])
    return Item._make(row)
