"""What is to be known of a kind of replica to add and connect one: `Kind`, `Place`, `folder`, `check`.

Each kind's module makes its `KIND`; `planning_sync.sync.sides` lists them, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from planning_sync.replicas.base import Replica
from planning_sync.replicas.errors import OptionRefused


class Place(NamedTuple):
    path: str
    """What is stored of where the replica is: an absolute path, or an address."""
    name: str
    """What it is called if nobody says otherwise."""


def folder(given: str) -> Place:
    """The place of a replica that is a folder, or a file."""
    path = Path(given).expanduser().resolve()
    return Place(str(path), path.name)


class Kind(NamedTuple):
    connect: Callable[[str, Mapping[str, Any]], Replica]
    """The replica at a path, with its options, which are checked already; raises `OptionRefused`."""
    options: tuple[str, ...] = ()
    """The names that its options may have."""
    locate: Callable[[str], Place] = folder
    """Where the replica is that somebody names; raises `OptionRefused` for the option `path`."""


def check(options: Collection[str], known: Collection[str]) -> None:
    """Raise `OptionRefused` for a name that is none of those known."""
    for name in options:
        if name not in known:
            raise OptionRefused(name, f"the options are {', '.join(known)}")
