"""Who acts from where, known to whatever is called meanwhile.

Public: `origin` for the length of a block (or, as a decorator, of a function), `refine` for what becomes
known in the middle of it, `current`, `actor`. `audit.services.begin` writes it down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

NOBODY = "system"
"""Who acts where nobody said so: the product itself."""


@dataclass(frozen=True)
class Origin:
    via: str = ""
    """One of `Operation.Via`."""
    address: str = ""
    """The IP address of the client; "" where there is none."""
    on_behalf_of: str = ""
    """The person that a program says it acts for."""
    name: Callable[[], str] | None = None
    """Gives the actor's name. A function, because finding it may cost a query that most requests need not."""


_UNKNOWN = Origin()
_origin: ContextVar[Origin] = ContextVar("audit_origin", default=_UNKNOWN)


@contextmanager
def origin(*, via: str, address: str = "", name: Callable[[], str] | None = None) -> Iterator[None]:
    token = _origin.set(Origin(via, address, name=name))
    try:
        yield
    finally:
        _origin.reset(token)


def refine(**changes: Any) -> None:
    """Change fields of the present origin, until the `origin` around ends: a key was recognised, say."""
    _origin.set(replace(_origin.get(), **changes))


def current() -> Origin:
    return _origin.get()


def actor() -> str:
    """The name of who acts now."""
    name = _origin.get().name
    return (name() if name is not None else "") or NOBODY
