"""From the row of a replica to the replica itself, `connect`, and to its policy, `arbitration_of`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from conflicts import policy as arbitration
from conflicts.errors import InvalidPolicy
from conflicts.models import Policy
from conflicts.policy import ArbitrationPolicy, Layer
from planning_sync.replicas.base import Replica as Side
from planning_sync.replicas.errors import ReplicaError
from planning_sync.replicas.markdown import (
    DEFAULT_EXCLUDE,
    DEFAULT_INCLUDE,
    DEFAULT_LIMIT_BYTES,
    MarkdownFolder,
)
from planning_sync.sync.errors import InvalidOption
from planning_sync.sync.models import Replica
from plans.document import DEFAULT_DIALECT, Dialect
from plans.outline import Status

OPTIONS = ("include", "exclude", "marks", "ballots", "broken_fences", "limit_bytes", "commit")
"""What `Replica.options` may hold."""


def connect(row: Replica) -> Side:
    """The replica that the row describes; reads nothing yet. Raises `InvalidOption`."""
    return _CONNECT[row.kind](row.path, row.options)


class Arbitration(NamedTuple):
    policy: ArbitrationPolicy
    problem: str = ""
    """Why some of it could not be read; then every clash is for a person, and who owns what still holds."""


def arbitration_of(row: Replica, side: Side) -> Arbitration:
    """What the policies in the hub say of this replica, then what the file beside its plans says."""
    policies = Policy.objects.in_force(row.pk)
    layers = [Layer(policy.as_mapping(), str(policy)) for policy in policies]
    try:
        if not policies or policies[0].reads_file:
            layers += _beside(side)
        return Arbitration(arbitration.combined(layers))
    except (InvalidPolicy, ReplicaError) as error:
        kept = [layer for layer in map(_ownership, layers) if _is_valid(layer)]
        return Arbitration(arbitration.combined(kept).without_rules, str(error))


def _beside(side: Side) -> list[Layer]:
    data = side.beside(arbitration.FILE_NAME)
    if data is None:
        return []
    try:
        return [arbitration.read_toml(data.decode("utf-8-sig"))]
    except UnicodeDecodeError as error:
        raise InvalidPolicy(arbitration.FILE_NAME, "", f"it is not UTF-8: {error}") from error


def _ownership(layer: Layer) -> Layer:
    return layer._replace(content={name: said for name, said in layer.content.items() if name != "rule"})


def _is_valid(layer: Layer) -> bool:
    try:
        arbitration.combined([layer])
    except InvalidPolicy:
        return False
    return True


def check_options(options: Mapping[str, Any]) -> None:
    """Raise `InvalidOption` for an option that no replica has."""
    for name in options:
        if name not in OPTIONS:
            raise InvalidOption(name, f"the options are {', '.join(OPTIONS)}")


def _markdown(path: str, options: Mapping[str, Any]) -> Side:
    check_options(options)
    return MarkdownFolder(
        path,
        include=tuple(options.get("include") or DEFAULT_INCLUDE),
        exclude=DEFAULT_EXCLUDE + tuple(options.get("exclude") or ()),
        dialect=_dialect(options),
        limit_bytes=int(options.get("limit_bytes") or DEFAULT_LIMIT_BYTES),
    )


def _dialect(options: Mapping[str, Any]) -> Dialect:
    known = Status._value2member_map_
    for mark, status in options.get("marks", {}).items():
        if len(mark) != 1 or status not in known:
            raise InvalidOption("marks", f"{mark!r}: {status!r} is not one character and a status")
    marks = {mark: Status(status) for mark, status in options.get("marks", {}).items()}
    for name, choices in (("ballots", ("off", "auto", "on")), ("broken_fences", ("off", "auto"))):
        if options.get(name, "auto") not in choices:
            raise InvalidOption(name, f"give one of {', '.join(choices)}")
    return Dialect(
        marks={**DEFAULT_DIALECT.marks, **marks},
        ballots=options.get("ballots", "auto"),
        broken_fences=options.get("broken_fences", "auto"),
    )


_CONNECT: Mapping[str, Callable[[str, Mapping[str, Any]], Side]] = {Replica.Kind.MARKDOWN: _markdown}
