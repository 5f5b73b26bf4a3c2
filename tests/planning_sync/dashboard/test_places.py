"""The navigation: who sees which places, and the frame around every page."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client

from planning_sync.dashboard import places
from planning_sync.dashboard.places import PLACES
from tests.planning_sync.dashboard.people import page, signed_in

pytestmark = pytest.mark.django_db


def names(user: User | AnonymousUser, path: str = "/") -> list[str]:
    return [each.place.icon for each in places.shown(user, path)]


def test_each_place_has_a_key_and_an_icon_of_its_own() -> None:
    assert len({place.key for place in PLACES}) == len(PLACES)
    icons = (settings.BASE_DIR / "static" / "dashboard" / "icons.css").read_text()
    drawn = set(re.findall(r"^\.i-(\w+)", icons, re.MULTILINE))
    assert {place.icon for place in PLACES} <= drawn


def test_who_may_not_look_is_not_led_there() -> None:
    assert names(User.objects.create_user("sam")) == ["overview", "plans", "settings"]
    assert "index" in names(User.objects.create_user("stan", is_staff=True))


def test_a_place_whose_page_does_not_exist_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = places.Place("dashboard:no_such_page", PLACES[0].label, "z")
    monkeypatch.setattr(places, "PLACES", (PLACES[0], missing))
    assert names(User.objects.create_user("sam")) == ["overview"]


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/", "overview"),
        ("/plans/", "plans"),
        ("/plans/0190/history/", "plans"),
        ("/settings/keys/", "settings"),
        ("/nowhere/", ""),
    ],
)
def test_the_current_place_is_marked(path: str, current: str) -> None:
    root = User.objects.create_superuser("root")
    assert [each.place.icon for each in places.shown(root, path) if each.current] == [current][
        : bool(current)
    ]


@pytest.mark.parametrize("who", ["olive", ""])
def test_what_is_not_there_is_told_within_the_frame(who: str) -> None:
    client = signed_in(who, "reader") if who else Client()
    shown = page(client, "/no/such/page/", status=404)
    assert "There is nothing at this address" in shown
    assert ("data-go=" in shown) == bool(who)


def test_every_page_names_its_keys_and_what_is_said_of_events() -> None:
    shown = page(signed_in("olive", "reader"), "/settings/")
    assert shown.count('class="shell-key"') == 3 + shown.count("data-go=")
    for name in ("conflict.detected", "sync.failed", "guard.refused", "replica.offline", "operation.undone"):
        assert f'data-toast="{name}"' in shown
