"""Which phases of a plan a person sees folded: `of`, from the cookie that `plan-tree.js` keeps for each plan.

The cookie has the ends of the keys of what was folded and of what was unfolded: `3b1f2c6d.7e8f0a1b~9c573b1f`.
In a large plan, what comes after the first `SHOWN` items is folded to begin with, and sent when asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest

from planning_sync.dashboard.tree import Tree
from planning_sync.dashboard.tree_markup import Folds
from plans.outline import Kind

COOKIE = "folds"
SHOWN = 1500
_LENGTH = 8
NONE = Folds()


def of(request: HttpRequest, tree: Tree, asked: Iterable[str] = ()) -> Folds:
    """`asked` are the keys of items that are to be seen, whatever was folded."""
    folded, _, unfolded = request.COOKIES.get(COOKIE, "").partition("~")
    shut, open_ = set(folded.split(".")), set(unfolded.split("."))
    large = len(tree.outline.items) > SHOWN
    phases = {item.key for item in tree.outline.phases()}
    chosen = _beyond(tree, open_) if large else set()
    chosen |= {key for key in phases if key[-_LENGTH:] in shut}
    return Folds(frozenset(chosen - tree.above(asked)), lazy=large)


def _beyond(tree: Tree, unfolded: set[str]) -> set[str]:
    """The phases that begin after the first `SHOWN` items, but for the unfolded."""
    found: set[str] = set()
    hidden: set[str] = set()
    shown = 0
    for item in tree.outline.items:
        if item.parent in hidden:
            hidden.add(item.key)
            continue
        shown += 1
        if item.kind is Kind.PHASE and shown > SHOWN and item.key[-_LENGTH:] not in unfolded:
            found.add(item.key)
            hidden.add(item.key)
    return found
