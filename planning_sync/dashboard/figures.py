"""`Figure`: a number that a part of the product has for the first page."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    number: str
    label: str
    address: str
    """Of the page with what it counts."""
    alarming: bool = False
