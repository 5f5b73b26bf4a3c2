"""What the replicas are called, which only a layer above knows: `names`, and `register` for that layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

Names = Callable[[], Mapping[UUID, str]]

_sources: list[Names] = []


def register(source: Names) -> None:
    """Have `names` ask there from now on."""
    _sources[:] = [source]


def names() -> Mapping[UUID, str]:
    """The name of each replica by its id, in the order to show them in."""
    return _sources[0]() if _sources else {}
