"""The browser that tests and screenshots use, which is that of the system: `executable`, `ARGUMENTS`."""

from __future__ import annotations

import os
import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

MISSING = f"No browser found: install one of {', '.join(BROWSERS)}, or set TEST_CHROMIUM to its path."


def executable() -> str:
    """The path of Chromium or Chrome; "" where there is none."""
    return os.environ.get("TEST_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), "")
