"""The editor server as an editor talks to it: a process of its own, over standard streams."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[3]
POOR = "# Poor 🚢\n\nVersion 1.0 - 2026-05-04\n\n- [ ]Order rope\n- [ ] Rest\r\n"


class Editor:
    """The client's side of the protocol."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.numbers = itertools.count(1)
        self.told: list[dict[str, Any]] = []

    def send(self, method: str, params: Any, number: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        body = json.dumps(message if number is None else {**message, "id": number}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def ask(self, method: str, params: Any) -> Any:
        number = next(self.numbers)
        self.send(method, params, number)
        while (message := self.read()).get("id") != number:
            self.told.append(message)
        assert "error" not in message, message
        return message["result"]

    def read(self) -> dict[str, Any]:
        stream = self.process.stdout
        assert stream is not None
        length = 0
        while (line := stream.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert length, "the server ended"
        found: dict[str, Any] = json.loads(stream.read(length))
        return found

    def diagnostics(self) -> list[dict[str, Any]]:
        """Of the next notification."""
        while True:
            message = self.told.pop(0) if self.told else self.read()
            if message.get("method") == "textDocument/publishDiagnostics":
                found: list[dict[str, Any]] = message["params"]["diagnostics"]
                return found

    def open(self, uri: str, text: str) -> list[dict[str, Any]]:
        document = {"uri": uri, "languageId": "markdown", "version": 1, "text": text}
        self.send("textDocument/didOpen", {"textDocument": document})
        return self.diagnostics()

    def actions(self, uri: str, line: int, *only: str) -> list[dict[str, Any]]:
        place = {"start": {"line": line, "character": 0}, "end": {"line": line, "character": 0}}
        context: dict[str, Any] = {"diagnostics": [], **({"only": list(only)} if only else {})}
        params = {"textDocument": {"uri": uri}, "range": place, "context": context}
        found: list[dict[str, Any]] = self.ask("textDocument/codeAction", params)
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans")


@pytest.fixture(scope="module")
def editor(folder: Path) -> Iterator[Editor]:
    with subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "lsp"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        editor = Editor(process)
        able = editor.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        assert able["capabilities"]["hoverProvider"]
        editor.send("initialized", {})
        yield editor
        editor.ask("shutdown", None)
        editor.send("exit", None)
        assert process.wait(PATIENCE_SECONDS) == 0


def saved(folder: Path, name: str, text: str) -> str:
    (folder / name).write_bytes(text.encode())
    return (folder / name).as_uri()


def codes(found: list[dict[str, Any]]) -> list[str]:
    return [each["code"] for each in found]


def test_what_the_rules_find_is_shown_where_it_is(editor: Editor, folder: Path) -> None:
    found = editor.open(saved(folder, "open.md", POOR), POOR)
    box = next(each for each in found if each["code"] == "task-box")
    assert box["range"]["start"]["line"] == 4
    assert box["severity"] == 2
    assert box["source"] == "planning-sync"


def test_it_follows_what_is_typed_before_it_is_saved(editor: Editor, folder: Path) -> None:
    uri = saved(folder, "typed.md", POOR)
    assert "task-box" in codes(editor.open(uri, POOR))
    change = {"text": POOR.replace("[ ]Order", "[ ] Order")}
    editor.send(
        "textDocument/didChange",
        {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [change]},
    )
    assert "task-box" not in codes(editor.diagnostics())


def test_a_quick_fix_changes_the_line_alone_and_says_if_it_changes_the_plan(
    editor: Editor, folder: Path
) -> None:
    uri = saved(folder, "fixed.md", POOR)
    editor.open(uri, POOR)
    action = next(
        each
        for each in editor.actions(uri, 4, "quickfix")
        if "task" in each["title"].lower() or "blank" in each["title"].lower()
    )
    (edit,) = action["edit"]["changes"][uri]
    assert edit["newText"].startswith("- [ ] Order rope")
    assert (edit["range"]["start"]["line"], edit["range"]["end"]["line"]) == (4, 5)
    assert "changes what the plan says" in action["title"]
    assert editor.actions(uri, 0, "quickfix") == []


def test_all_safe_fixes_are_one_action(editor: Editor, folder: Path) -> None:
    uri = saved(folder, "all.md", POOR)
    editor.open(uri, POOR)
    (action,) = editor.actions(uri, 0, "source.fixAll")
    (edit,) = action["edit"]["changes"][uri]
    assert edit["newText"] == POOR.replace("\r\n", "\n")


def test_the_pointer_is_told_what_a_rule_is_about(editor: Editor, folder: Path) -> None:
    uri = saved(folder, "hover.md", POOR)
    editor.open(uri, POOR)
    asked = {"textDocument": {"uri": uri}, "position": {"line": 4, "character": 2}}
    assert "task-box" in editor.ask("textDocument/hover", asked)["contents"]["value"]
    asked["position"] = {"line": 0, "character": 0}
    assert editor.ask("textDocument/hover", asked) is None


def test_the_rules_beside_the_plan_hold_and_bad_ones_are_said(editor: Editor, folder: Path) -> None:
    (folder / "own").mkdir()
    rules = folder / "own" / "validation-rules.yaml"
    rules.write_text("version: 1\nrules:\n  task-box: off\n")
    uri = saved(folder / "own", "plan.md", POOR)
    assert "task-box" not in codes(editor.open(uri, POOR))
    rules.write_text("rules: [")
    editor.send("textDocument/didSave", {"textDocument": {"uri": uri}})
    (complaint,) = editor.diagnostics()
    assert "validation-rules.yaml" in complaint["message"]
