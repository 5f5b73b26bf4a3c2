"""Makes the pictures of the documentation: every page, in light and in dark, of a hub of its own.

    .venv/bin/python deploy/screenshots.py [NAME...]                     # writes docs/images/*.webp
    .venv/bin/python deploy/screenshots.py --into FOLDER --language fr --width 360     # to look at

Needs Chromium or Chrome: `chromium`, `chromium-browser` or `google-chrome` on PATH, or TEST_CHROMIUM=/path.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import chromium  # noqa: E402

if TYPE_CHECKING:
    from tests.showcase import pages as showcase
    from tests.showcase.people import Cookies

IMAGES = ROOT / "docs" / "images"
SHOWN_FOLDER = Path("/srv/tidewatch")
THEMES = ("light", "dark")
WIDTH, LEAST_HEIGHT, MOST_HEIGHT = 1200, 720, 1300
PHONE = 390
ON_THE_PHONE = ("overview", "plan", "conflict")
QUALITY = 78
PATIENCE_MS = 60_000


class Look(NamedTuple):
    """How a page is looked at."""

    theme: str
    language: str
    width: int


def main() -> None:
    said = arguments()
    browser = chromium.executable()
    if not browser:
        sys.exit(chromium.MISSING)
    with tempfile.TemporaryDirectory() as state, ExitStack() as stack:
        folder = stack.enter_context(harbour(Path(state)))
        prepare(Path(state), folder)
        from tests.showcase import hub, pages, people

        found = hub.build(folder)
        shown = pages.pages(found)
        cookies = people.sign_in(found)
        stack.enter_context(embedder())
        url = stack.enter_context(server())
        take(browser, url, cookies, {name: shown[name] for name in said.names or shown}, said)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of pages; without any, all of them")
    parser.add_argument("--into", type=Path, default=IMAGES, metavar="FOLDER")
    parser.add_argument("--language", default="en")
    parser.add_argument("--theme", choices=THEMES, action="append", help="by default both")
    parser.add_argument("--width", type=int, default=WIDTH, help="of the window, in pixels")
    return parser.parse_args()


@contextmanager
def harbour(state: Path) -> Iterator[Path]:
    """Where the plans lie meanwhile, which is to be read in the pictures."""
    try:
        SHOWN_FOLDER.mkdir()
    except PermissionError:
        yield state / SHOWN_FOLDER.name
        return
    try:
        yield SHOWN_FOLDER
    finally:
        shutil.rmtree(SHOWN_FOLDER)


def prepare(state: Path, folder: Path) -> None:
    """An empty hub."""
    os.environ.update(
        PLANNING_SYNC_HOME=str(state),
        PLANNING_SYNC_REPLICA_ROOTS=str(folder),
        DJANGO_SETTINGS_MODULE="planning_sync.settings",
        PLANNING_SYNC_LOG_LEVEL="ERROR",
        PLANNING_SYNC_FOLLOW="0",
        # Playwright runs a loop in this thread, in which Django would rather not work.
        DJANGO_ALLOW_ASYNC_UNSAFE="1",
    )
    for name in ("DATABASE_URL", "DATABASE_URL_FILE"):
        os.environ.pop(name, None)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


@contextmanager
def embedder() -> Iterator[None]:
    """What answers the search by meaning, once it knows all there is."""
    from planning_sync.search.embedder import Embedder
    from planning_sync.search.wire import Server

    answering = Embedder()
    wire = Server(answering.answers())
    wire.start()
    while answering.turn():
        pass
    try:
        yield
    finally:
        wire.stop()
        answering.close()


@contextmanager
def server() -> Iterator[str]:
    """The server that people run, at the address that comes back."""
    import uvicorn

    from planning_sync.asgi import application

    config = uvicorn.Config(application, port=0, log_level="error", lifespan="off")
    served = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(served.serve()))
    thread.start()
    try:
        while not served.started:
            thread.join(0.05)
        host, port = served.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        served.should_exit = True
        thread.join()


def take(
    executable: str,
    url: str,
    cookies: dict[showcase.Who, Cookies],
    shown: dict[str, showcase.Page],
    said: argparse.Namespace,
) -> None:
    said.into.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(chromium.ARGUMENTS))
        for name, page in shown.items():
            looks = {f"-{theme}".removesuffix("-light"): said.width for theme in said.theme or THEMES}
            if name in ON_THE_PHONE and said.width == WIDTH:
                looks["-phone"] = PHONE
            for suffix, width in looks.items():
                look = Look("dark" if suffix == "-dark" else "light", said.language, width)
                file = said.into / f"{name}{suffix}.webp"
                with opened(browser, url, cookies[page.who], look) as context:
                    file.write_bytes(picture(context, page, width))
                print(f"{file.name}: {file.stat().st_size // 1024} kB")
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, cookies: Cookies, look: Look) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=url,
        viewport={"width": look.width, "height": LEAST_HEIGHT},
        color_scheme="dark" if look.theme == "dark" else "light",
        locale={"en": "en-GB"}.get(look.language, look.language),
        reduced_motion="reduce",
    )
    context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
    yield context
    context.close()


def picture(context: BrowserContext, page: showcase.Page, width: int) -> bytes:
    """The page as WebP, as high as it is within limits."""
    tab = context.new_page()
    tab.goto(page.address)
    if page.first is not None:
        page.first(tab)
    height = tab.evaluate("document.documentElement.scrollHeight")
    tab.set_viewport_size({"width": width, "height": bounded(height)})
    tab.wait_for_load_state("networkidle")
    session = context.new_cdp_session(tab)
    taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    return base64.b64decode(taken["data"])


def bounded(height: int) -> int:
    return max(LEAST_HEIGHT, min(height, MOST_HEIGHT))


if __name__ == "__main__":
    main()
