"""`live.js` in Node, with a socket and a page that the test plays."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "static" / "live" / "live.js"

# What a browser gives to the script. Time stands still: `advance` runs what is due.
STAGE = """
const said = [], sockets = [], timers = new Map(), listeners = {};
let now = 0, lastTimer = 0;
globalThis.location = { protocol: "https:", host: "plans.example" };
globalThis.document = Object.assign(new EventTarget(), { body: { dataset: DATASET } });
globalThis.CustomEvent = class extends Event {
  constructor(type, { detail }) { super(type); this.detail = detail; }
};
for (const name of ["event", "connection"])
  document.addEventListener(`planning-sync:${name}`, ({ detail }) => said.push([name, detail]));
globalThis.addEventListener = (name, act) => (listeners[name] ??= []).push(act);
globalThis.setTimeout = (act, ms) => { timers.set(++lastTimer, [now + ms, act]); return lastTimer; };
globalThis.clearTimeout = (id) => timers.delete(id);
Date.now = () => now;
Math.random = () => 1;
globalThis.WebSocket = class extends EventTarget {
  constructor(url) { super(); this.url = url; this.sent = []; sockets.push(this); }
  send(text) { this.sent.push(JSON.parse(text)); }
  close() { this.closed = true; }
  opens() { this.dispatchEvent(new Event("open")); }
  hears(name, more) { this.dispatchEvent(Object.assign(new Event(name), more)); }
  says(message) { this.hears("message", { data: JSON.stringify(message) }); }
  closes(code) { this.hears("close", { code }); }
};
function advance(ms) {
  now += ms;
  for (const [id, [at, act]] of [...timers]) if (at <= now) { timers.delete(id); act(); }
}
const last = () => sockets.at(-1);
function happens(name, event = {}) { for (const act of listeners[name] ?? []) act(event); }
await import(SCRIPT);
ACT
console.log(JSON.stringify({ said, urls: sockets.map((s) => s.url), sent: sockets.map((s) => s.sent) }));
"""


def play(act: str, **dataset: str) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on PATH (Debian, Ubuntu: apt-get install nodejs)")
    stage = STAGE.replace("DATASET", json.dumps(dataset)).replace("SCRIPT", json.dumps(SCRIPT.as_uri()))
    done = subprocess.run(
        [node, "--experimental-default-type=module", "--input-type=module", "-e", stage.replace("ACT", act)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


ANSWER = 'last().opens(); last().says({events: [], cursor: "5"});'


def test_a_page_without_topics_opens_no_socket() -> None:
    assert play("") == {"said": [], "urls": [], "sent": []}


def test_news_become_events_of_the_document() -> None:
    played = play(
        ANSWER + 'last().says({events: [{type: "plan.modified"}, {type: "sync.started"}], cursor: "7"});',
        live="conflicts  plan:1",
    )
    assert played["urls"] == ["wss://plans.example/ws/events/"]
    assert played["sent"] == [[{"subscribe": ["conflicts", "plan:1"]}]]
    assert played["said"] == [
        ["connection", {"state": "online"}],
        ["event", {"type": "plan.modified"}],
        ["event", {"type": "sync.started"}],
    ]


def test_the_cursor_of_the_page_is_where_it_starts() -> None:
    played = play("last().opens();", live="all", liveCursor="3")
    assert played["sent"] == [[{"subscribe": ["all"], "cursor": "3"}]]


def test_a_lost_connection_is_taken_up_at_the_last_cursor() -> None:
    played = play(ANSWER + "last().closes(1006); advance(499); advance(1); last().opens();", live="all")
    assert played["sent"] == [[{"subscribe": ["all"]}], [{"subscribe": ["all"], "cursor": "5"}]]
    assert [detail["state"] for _, detail in played["said"]] == ["online", "offline"]


def test_pauses_grow_to_half_a_minute_and_start_anew_after_a_steady_connection() -> None:
    fails = (
        "last().closes(1006); { const count = sockets.length; let waited = 0;"
        "while (sockets.length === count) { waited += 100; advance(100); } pauses.push(waited); }"
    )
    played = play(
        f"const pauses = []; for (let i = 0; i < 8; i++) {{ {fails} }} {ANSWER} advance(6000); {fails}"
        "said.length = 0; said.push(pauses);",
        live="all",
    )
    assert played["said"] == [[500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 500]]


def test_who_is_signed_out_is_not_connected_again() -> None:
    played = play("last().opens(); last().closes(4401); advance(60000); happens('online');", live="all")
    assert len(played["urls"]) == 1
    assert played["said"] == [["connection", {"state": "offline", "reason": "signed-out"}]]


def test_a_reset_and_a_cursor_that_is_refused_tell_the_page_to_load_afresh() -> None:
    played = play(
        'last().opens(); last().says({reset: true, cursor: "9"});'
        "last().closes(4400); advance(1000); last().opens();",
        live="all",
        liveCursor="3",
    )
    assert [detail["type"] for name, detail in played["said"] if name == "event"] == ["reset", "reset"]
    assert played["sent"][1] == [{"subscribe": ["all"]}]


def test_a_page_in_the_history_is_silent_and_goes_on_when_it_is_shown_again() -> None:
    played = play(
        ANSWER + "happens('pagehide'); sockets[0].says({events: [{type: 'late'}], cursor: '8'});"
        "sockets[0].closes(1005); advance(60000); happens('pageshow', {persisted: true}); last().opens();",
        live="all",
    )
    assert [name for name, _ in played["said"]] == ["connection"]
    assert played["sent"] == [[{"subscribe": ["all"]}], [{"subscribe": ["all"], "cursor": "5"}]]
