"""`PLACES`: where the navigation leads, in its order; `shown` has those of one person on one page.

A place whose address does not exist (yet) is left out: a page joins the navigation with its line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Someone = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True)
class Place:
    name: str
    """Of its address; its last part is also that of its icon."""
    label: Promise
    key: str
    """Pressed after `g`."""
    needs: str = ""
    """A permission; "" for whoever is signed in."""
    staff: bool = False
    badge: str = ""
    """What is counted beside it: the id of an element that scripts keep up to date."""

    @property
    def icon(self) -> str:
        return self.name.partition(":")[2]

    def lets_in(self, user: Someone) -> bool:
        if self.staff and not getattr(user, "is_staff", False):
            return False
        return not self.needs or user.has_perm(self.needs)  # type: ignore[union-attr]  # every account of ours


PLACES = (
    Place("dashboard:overview", _("Overview"), "o"),
    Place("dashboard:plans", _("Plans"), "p"),
    Place("dashboard:conflicts", _("Conflicts"), "c", "conflicts.view_conflict", badge="waiting"),
    Place("dashboard:operations", _("Operations"), "h", "audit.view_operation"),
    Place("dashboard:replicas", _("Replicas"), "r", "sync.view_replica"),
    Place("dashboard:search", _("Search"), "s", "plans.view_plan"),
    Place("dashboard:validation", _("Validation"), "v", "plans.view_plan"),
    Place("dashboard:audit", _("Audit"), "a", "audit.view_entry"),
    Place("dashboard:performance", _("Performance"), "m", "audit.view_operation"),
    Place("dashboard:bin", _("Bin"), "b", "plans.view_plan"),
    Place("dashboard:settings", _("Settings"), "u"),
    Place("admin:index", _("Administration"), "d", staff=True),
)


class Shown(NamedTuple):
    """A place as the navigation of one page has it."""

    place: Place
    address: str
    current: bool


def shown(user: Someone, path: str) -> list[Shown]:
    """The places of this person; the one whose address begins that of the page is the current one."""
    found = [(place, address) for place in PLACES if place.lets_in(user) and (address := _address(place))]
    within = [address for _place, address in found if address != "/" and path.startswith(address)]
    here = max(within, key=len, default="/" if path == "/" else "")
    return [Shown(place, address, address == here) for place, address in found]


def _address(place: Place) -> str:
    try:
        return reverse(place.name)
    except NoReverseMatch:
        return ""
