"""The addresses, and what each needs: `Route`, `all_routes`, `needs`.

Each module of `resources` has `ROUTES`. A method that no route names is not served, and a route needs, for
each of its methods, a permission by its name, `SIGNED_IN`, or `OPEN`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from planning_sync.api import resources

OPEN = "open"
"""Anyone, signed in or not."""
SIGNED_IN = "signed in"
"""Anyone who is signed in."""


class Route(NamedTuple):
    path: str
    """Below `/api/v1/`, as Django writes them."""
    view: Any
    name: str
    needs: Mapping[str, str]
    """By method: a permission, `SIGNED_IN` or `OPEN`."""


@cache
def all_routes() -> tuple[Route, ...]:
    """Every route of every module of `resources`."""
    found: list[Route] = []
    for module in sorted(pkgutil.iter_modules(resources.__path__), key=lambda each: each.name):
        found.extend(getattr(import_module(f"{resources.__name__}.{module.name}"), "ROUTES", ()))
    names = [route.name for route in found]
    assert len(set(names)) == len(names), "two routes have one name"
    return tuple(found)


@cache
def needs() -> Mapping[str, Mapping[str, str]]:
    """By the route's name and the method."""
    return {route.name: route.needs for route in all_routes()}
