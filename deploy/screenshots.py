"""Makes the pictures of the documentation from the sample plans, in a state folder of its own.

    .venv/bin/python deploy/screenshots.py      # writes docs/images/*.png

Needs Chromium or Chrome: `chromium`, `chromium-browser` or `google-chrome` on PATH, or CHROMIUM=/path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_SECONDS = 60

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def main() -> None:
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), "")
    if not browser:
        sys.exit(f"No browser found: install one of {', '.join(BROWSERS)}, or set CHROMIUM to its path.")
    with tempfile.TemporaryDirectory() as folder:
        plan = prepare(Path(folder))
        with_server(lambda url: take(browser, url, plan))


def prepare(folder: Path) -> str:
    """Import a copy of the sample plans, with one conflict among them; the id of the plan to show."""
    os.environ.update(
        PLANNING_SYNC_HOME=str(folder / "state"),
        DJANGO_SETTINGS_MODULE="planning_sync.settings",
        PLANNING_SYNC_LOG_LEVEL="ERROR",
        PLANNING_SYNC_FOLLOW="0",
    )
    for name in ("DATABASE_URL", "DATABASE_URL_FILE"):
        os.environ.pop(name, None)
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()
    from django.core.management import call_command

    from planning_sync.sync import services as sync
    from planning_sync.sync.models import Replica
    from planning_sync.sync.passes import Options
    from plans import services as plans
    from plans.models import Task

    call_command("migrate", verbosity=0)
    copy = folder / "plans"
    shutil.copytree(ROOT / "samples" / "plans", copy)
    row = sync.add_replica(copy, actor="setup", name="tidewatch")
    sync.sync_replica(row, Options(actor="setup"))
    task = Task.objects.select_related("plan").get(ref="1.4")
    plans.set_fields(task, {"assignee": "design"}, actor="setup")
    file = copy / "roadmap.md"
    said = file.read_text(encoding="utf-8")
    file.write_text(said.replace("office #assigned:frontend", "office #assigned:backend"), encoding="utf-8")
    sync.sync_replica(row, Options(actor="setup"))
    # The pages show where the folder is; that of this run means nothing to a reader.
    Replica.objects.filter(pk=row.pk).update(path="/srv/tidewatch/plans")
    return str(task.plan_id)


def with_server(act: Callable[[str], None]) -> None:
    """Serve the pages to an administrator who is signed in already, while `act` runs."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from planning_sync.wsgi import application

    client = Client()
    client.force_login(get_user_model().objects.create_superuser("admin"))
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())

    def signed_in(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["HTTP_COOKIE"] = cookies
        return application(environ, start_response)

    with make_server("127.0.0.1", 0, signed_in, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            act(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


class Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named so by its base
        """Say nothing: the pictures are the answer."""


def take(browser: str, url: str, plan: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, path, height in (("plans", "/", 780), ("plan", f"/plans/{plan}/", 920)):
        picture = IMAGES / f"{name}.png"
        subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *(f"--window-size=1200,{height}", f"--screenshot={picture}", url + path),
            ],
            check=True,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
