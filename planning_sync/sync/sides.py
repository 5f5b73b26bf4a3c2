"""From the row of a replica to the replica itself: `connect`.

And to what its options say: `policy_of`, who owns which field; `arbitration_of`, what strategies may settle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conflicts import policy as arbitration
from conflicts.errors import InvalidPolicy
from conflicts.merge import DEFAULT_POLICY, Policy
from conflicts.policy import DEFAULT_ARBITRATION, ArbitrationPolicy
from planning_sync.replicas.base import Replica as Side
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

OPTIONS = (
    *("include", "exclude", "marks", "ballots", "broken_fences", "limit_bytes"),
    *("owners", "commit", "arbitration"),
)
"""What `Replica.options` may hold."""


def connect(row: Replica) -> Side:
    """The replica that the row describes; reads nothing yet. Raises `InvalidOption`."""
    return _CONNECT[row.kind](row.path, row.options)


def policy_of(row: Replica) -> Policy:
    owners = row.options.get("owners")
    return Policy(owners=owners) if owners else DEFAULT_POLICY


def arbitration_of(row: Replica, side: Side) -> ArbitrationPolicy:
    """The option `arbitration`, else the file beside the plans, else the default.

    Raises `InvalidOption`, and the replica's errors.
    """
    option = row.options.get("arbitration")
    if option is not None:
        return _arbitration(lambda: arbitration.from_mapping(option, ""))
    data = side.beside(arbitration.FILE_NAME)
    if data is None:
        return DEFAULT_ARBITRATION
    return _arbitration(lambda: arbitration.from_toml(_decoded(data)))


def _arbitration(read: Callable[[], ArbitrationPolicy]) -> ArbitrationPolicy:
    try:
        return read()
    except InvalidPolicy as error:
        raise InvalidOption("arbitration", str(error)) from error


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidPolicy(arbitration.FILE_NAME, "", f"it is not UTF-8: {error}") from error


def check_options(options: Mapping[str, Any]) -> None:
    """Raise `InvalidOption` for an option that no replica has."""
    for name in options:
        if name not in OPTIONS:
            raise InvalidOption(name, f"the options are {', '.join(OPTIONS)}")
    if options.get("arbitration") is not None:
        _arbitration(lambda: arbitration.from_mapping(options["arbitration"], ""))


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
