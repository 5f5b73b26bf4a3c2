"""docs/api.md says what there is: every address with what it needs, and every kind of problem."""

from __future__ import annotations

import re
from pathlib import Path

from planning_sync.api import problems, routes

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_address_is_in_the_table_with_what_it_needs() -> None:
    table = PAGE.partition("## What each address needs")[2]
    told = dict(re.findall(r"^\| `([A-Z]+ /[^`]*)` \| `?([^`|]+?)`? \|$", table, re.MULTILINE))
    served = {
        f"{method} /{re.sub('<[a-z]+:([a-z_]+)>', lambda name: '{' + name[1] + '}', route.path)}": need
        for route in routes.all_routes()
        for method, need in route.needs.items()
    }
    assert told == served


def test_every_kind_of_problem_has_its_row() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", PAGE, re.MULTILINE)
    routes.all_routes()  # whose modules may bring kinds of their own
    assert {slug: int(status) for slug, status in told} == {
        kind.slug: kind.status for kind in problems.KINDS.values()
    }
