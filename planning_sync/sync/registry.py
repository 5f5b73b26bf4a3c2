"""Replicas as programs manage them: `add_below`, `switch`; each is in the log. `described` only looks.

Whoever names a folder, or a service, has the product read it and write to it. So over the network a replica
is added only below what whoever runs the server has named, its `Reach`; the command line on the server may
name any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings

from audit import services as audit
from audit.models import Entry, Operation
from audit.services import Note
from audit.transactions import write_transaction
from planning_sync.replicas import http_plans
from planning_sync.sync import services, sides
from planning_sync.sync.errors import InvalidOption, OutsideRoots, UnknownService
from planning_sync.sync.models import Replica

FROM_AFAR = frozenset(
    {
        *("include", "exclude", "marks", "ballots", "broken_fences", "limit_bytes", "commit", "mapping"),
        *("pairing", "validation", "scheme", "secret", "plain", "patch", "timeout_seconds", "per_minute"),
    }
)
"""The options that may be given over the network: those that reach no further than the place itself.

A secret is named, and only those can be named that are for services.
"""


class Reach(NamedTuple):
    """What replicas may be added of over the network."""

    folders: Sequence[Path] = ()
    """These, and what lies in them."""
    services: Sequence[str] = ()
    """These addresses, and those below them."""

    @classmethod
    def configured(cls) -> Reach:
        return cls(settings.PLANNING_SYNC_REPLICA_ROOTS, settings.PLANNING_SYNC_REPLICA_SERVICES)

    def check(self, place: str) -> None:
        """Raise `OutsideRoots` or `UnknownService` for what is in none of them; looks at no place."""
        if http_plans.is_address(place):
            if not any(_is_at(place, service) for service in self.services):
                raise UnknownService(place)
        elif not Path(place).is_absolute() or not _is_below(Path(place).resolve(), self.folders):
            raise OutsideRoots(place)


def add_below(
    reach: Reach,
    path: str,
    *,
    actor: str,
    on_behalf_of: str = "",
    name: str = "",
    kind: str = Replica.Kind.MARKDOWN,
    options: Mapping[str, Any] | None = None,
) -> Replica:
    """A new replica of a folder, a file or a service within reach; not synced yet.

    Raises `OutsideRoots` or `UnknownService` before it looks at the place, then what `services.add_replica`
    raises.
    """
    place = described_below(reach, path, kind=kind, options=options)
    row = services.add_replica(place.path, actor=actor, name=name, kind=kind, **place.options)
    _note(Entry.Action.CREATED, row, None, {**_named(row), "path": row.path}, actor, on_behalf_of)
    return row


def described(
    place: str, *, kind: str = Replica.Kind.MARKDOWN, options: Mapping[str, Any] | None = None
) -> Replica:
    """The row of a replica that is not added, to be looked at; raises `InvalidOption`."""
    chosen = dict(options or {})
    sides.check_options(chosen, kind)
    return Replica(kind=kind, path=sides.locate(kind, place).path, options=chosen)


def described_below(
    reach: Reach,
    path: str,
    *,
    kind: str = Replica.Kind.MARKDOWN,
    options: Mapping[str, Any] | None = None,
) -> Replica:
    """As `described`, of a place within reach; else raises `OutsideRoots` or `UnknownService`.

    Options that name programs or other files of the server raise `InvalidOption`.
    """
    reach.check(path)
    for name in options or ():
        if name not in FROM_AFAR:
            raise InvalidOption(name, "over the network only " + ", ".join(sorted(FROM_AFAR)) + " can be set")
    return described(path, kind=kind, options=options)


def switch(row: Replica, *, on: bool, actor: str, on_behalf_of: str = "") -> None:
    """Have it take part in syncs, or not. What is off is as it was: nothing is forgotten."""
    with write_transaction():
        if Replica.objects.filter(pk=row.pk, enabled=not on).update(enabled=on):
            before, after = {"enabled": not on}, {**_named(row), "enabled": on}
            _note(Entry.Action.CHANGED, row, before, after, actor, on_behalf_of)
    row.refresh_from_db()


def _is_below(place: Path, roots: Sequence[Path]) -> bool:
    return any(place.is_relative_to(root.resolve()) for root in roots)


def _is_at(address: str, service: str) -> bool:
    """No step of the rest of the address leads up again, whoever decodes it."""
    service = service.rstrip("/")
    rest = address.removeprefix(service)
    return rest == "" or (rest != address and rest.startswith("/") and bool(_DOWNWARD.match(rest)))


_DOWNWARD = re.compile(r"(/(?!\.)[\w.~-]+)*/?\Z", re.ASCII)


def _named(row: Replica) -> dict[str, str]:
    return {"replica": row.name}


def _note(action: str, row: Replica, before: Any, after: Any, actor: str, on_behalf_of: str) -> None:
    note = Note(action, item_kind="replica", item_id=row.pk, before=before, after=after)
    audit.note_done(Operation.Kind.ADMIN, [note], actor=actor, on_behalf_of=on_behalf_of)
