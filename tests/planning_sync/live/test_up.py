"""`planning-sync up` with pages open."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from websockets.sync.client import connect

from tests.planning_sync.live.server import Listener
from tests.planning_sync.live.test_sockets import closed_with
from tests.planning_sync.sync import test_up
from tests.planning_sync.sync.test_up import Browser, Up
from tests.waiting import PATIENCE_SECONDS

started = test_up.started


def test_a_save_in_an_editor_reaches_open_pages_and_ctrl_c_still_stops(
    tmp_path: Path, started: Callable[..., Up]
) -> None:
    (tmp_path / "plans").mkdir()
    shop = tmp_path / "plans" / "shop.md"
    shop.write_text("# Shop\n\n- [ ] Paint the door\n")
    up = started(tmp_path, "plans")
    url = up.answer["url"].rstrip("/")
    browser = Browser(url)
    browser.post("/login/", browser.get("/login/"), **up.answer["administrator"])
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser._cookies.cookiejar)
    listeners = [
        Listener(
            connect(
                url.replace("http", "ws", 1) + "/ws/events/",
                origin=url,
                additional_headers={"Cookie": cookies},
                open_timeout=PATIENCE_SECONDS,
            ),
            "all",
        )
        for _ in range(3)
    ]
    shop.write_text("# Shop\n\n- [x] Paint the door\n")
    for listener in listeners:
        while "sync.completed" not in listener.types():
            listener.receive()
        assert listener.types() == ["sync.started", "plan.modified", "sync.completed"]
    said = up.end(signal.SIGINT)
    assert "Traceback" not in said
    for listener in listeners:
        assert closed_with(listener.socket) == 1012
