"""System checks on settings that work and may not be meant: `register`."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

_HERE = {"localhost", "127.0.0.1", "[::1]", "::1", "testserver"}


def register() -> None:
    checks.register(doubtful_settings)


def doubtful_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """A warning for each setting that is open to more people than a person may think."""
    return [*_debug(), *_hosts(), *_proxies(), *_state_folder()]


def _public_hosts() -> list[str]:
    return [host for host in settings.ALLOWED_HOSTS if host not in _HERE and not host.endswith(".localhost")]


def _debug() -> Iterable[checks.CheckMessage]:
    if settings.DEBUG and _public_hosts():
        yield checks.Warning(
            "PLANNING_SYNC_DEBUG is on for hosts other than this machine.",
            hint="Error pages then show settings and source to any visitor: unset PLANNING_SYNC_DEBUG.",
            id="planning_sync.W001",
        )


def _hosts() -> Iterable[checks.CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield checks.Warning(
            "PLANNING_SYNC_ALLOWED_HOSTS is *, so any host name is accepted.",
            hint="Name the hosts, separated by commas.",
            id="planning_sync.W002",
        )
    if _public_hosts() and not settings.HTTPS:
        yield checks.Warning(
            "Hosts other than this machine are served without PLANNING_SYNC_HTTPS.",
            hint="Put a proxy with TLS in front and set PLANNING_SYNC_HTTPS=1, so that cookies are safe.",
            id="planning_sync.W003",
        )


def _proxies() -> Iterable[checks.CheckMessage]:
    if settings.HTTPS and not settings.PLANNING_SYNC_TRUSTED_PROXIES:
        yield checks.Warning(
            "PLANNING_SYNC_HTTPS is on, and no proxy is named in PLANNING_SYNC_TRUSTED_PROXIES.",
            hint="Without one every request counts as plain HTTP, and is sent to HTTPS again and again: name "
            "the proxy that does TLS, such as 127.0.0.1. It has to send X-Forwarded-Proto.",
            id="planning_sync.W005",
        )


def _state_folder() -> Iterable[checks.CheckMessage]:
    folder = Path(settings.PLANNING_SYNC_HOME)
    if folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield checks.Warning(
            f"Other accounts of this machine may enter {folder}.",
            hint=f"It holds the secret key and the database: chmod 700 {folder}",
            id="planning_sync.W004",
        )
