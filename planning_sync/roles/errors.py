"""What can be wrong with a limit.

RolesError
├── LimitedPerson    somebody who is limited would change limits
└── KnownLimit       the limit is there already
"""

from __future__ import annotations


class RolesError(Exception):
    """Base of this package's refusals; the message is fit for a person."""


class LimitedPerson(RolesError):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is limited to some replicas, and so cannot change limits. Ask somebody who is not."
        )
        self.name = name


class KnownLimit(RolesError):
    def __init__(self, whose: str, replica: str) -> None:
        super().__init__(f"{whose} is limited to {replica} already. Nothing is to be done.")
        self.whose = whose
        self.replica = replica
