"""`planning-sync up` with pages open."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.planning_sync.live.server import Listener
from tests.planning_sync.sync import test_up
from tests.planning_sync.sync.test_up import Browser, Up

started = test_up.started


def test_a_save_in_an_editor_reaches_open_pages_and_ctrl_c_still_stops_at_once(
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
    begun = time.perf_counter()
    said = up.end(signal.SIGINT)
    # 0.9 s on a quiet machine; a server that waits for its sockets says ERROR after 2 s or is killed after 4
    assert time.perf_counter() - begun < 3.9
    assert re.search("Traceback|ERROR", said) is None, said
    for listener in listeners:
        with pytest.raises(ConnectionClosed):
            listener.receive()
