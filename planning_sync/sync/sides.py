"""From the row of a replica to the replica itself, `connect`, and to its policy, `arbitration_of`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from conflicts import policy as arbitration
from conflicts.errors import InvalidPolicy
from conflicts.models import Policy
from conflicts.policy import ArbitrationPolicy, Layer
from planning_sync.replicas import kinds, listing, markdown, roadmap, taskmaster
from planning_sync.replicas.base import Replica as Side
from planning_sync.replicas.errors import OptionRefused, ReplicaError
from planning_sync.replicas.kinds import Kind, Place
from planning_sync.sync.errors import InvalidOption
from planning_sync.sync.models import Replica

COMMON_OPTIONS = ("pairing", "validation")
"""What the options of any replica may hold, beside those of its kind."""

PAIRING = ("ask", "off")
"""What becomes of a plan that looks like one of the hub: it waits for a person, or is imported as new."""

VALIDATION = ("warn", "refuse")
"""What becomes of a file that breaks the rules for plans: people see it, or a guard refuses it."""

KINDS: dict[str, Kind] = {
    Replica.Kind.MARKDOWN: markdown.KIND,
    Replica.Kind.TASK_MASTER: taskmaster.KIND,
    Replica.Kind.ROADMAP: roadmap.KIND,
    Replica.Kind.LIST: listing.KIND,
}
"""Every kind of replica there is."""


def options_of(kind: str) -> tuple[str, ...]:
    """The names that the options of such a replica may have."""
    return (*KINDS[kind].options, *COMMON_OPTIONS)


def connect(row: Replica) -> Side:
    """The replica that the row describes; reads nothing yet. Raises `InvalidOption`."""
    check_options(row.options, row.kind)
    with _translated():
        return KINDS[row.kind].connect(row.path, row.options)


def locate(kind: str, given: str) -> Place:
    """Where the replica of that kind is that somebody names. Raises `InvalidOption`."""
    with _translated():
        return KINDS[kind].locate(given)


def check_options(options: Mapping[str, Any], kind: str = Replica.Kind.MARKDOWN) -> None:
    """Raise `InvalidOption` for an option that no such replica has."""
    with _translated():
        kinds.check(options, options_of(kind))
    for name, choices in (("pairing", PAIRING), ("validation", VALIDATION)):
        if options.get(name, choices[0]) not in choices:
            raise InvalidOption(name, f"give one of {', '.join(choices)}")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OptionRefused as error:
        raise InvalidOption(error.name, error.reason) from error


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
