"""`Parameters`: what an address says behind its question mark, as a value with a field for each name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self
from urllib.parse import urlencode


@dataclass(frozen=True)
class Parameters:
    """To be subclassed by dataclasses whose fields are texts, "" where the address does not say."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From the parameters of an address; those that have no field are left out."""
        return cls(**{each.name: clean(given.get(each.name, "")) for each in fields(cls)})

    def given(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}

    def as_query(self, **more: str) -> str:
        return urlencode({**self.given(), **more})


def clean(value: object) -> str:
    """Without what no database takes, nor spaces around it."""
    return str(value).replace("\0", "").strip()
