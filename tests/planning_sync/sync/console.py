"""Commands as a person gives them, and what comes back: `run`, `ask`."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest import mock

import manage

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*\+00:00")


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer, which must be one JSON document and nothing else."""
        return json.loads(self.out)


def run(*words: str) -> Answer:
    """Give the command in this process, on the database of the test."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    level = logging.getLogger().level
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        mock.patch.object(sys, "argv", ["planning-sync", *words]),
    ):
        try:
            manage.main()
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        finally:
            logging.getLogger().setLevel(level)
    return Answer(code, out.getvalue(), err.getvalue())


def ask(*words: str, code: int = 0) -> Any:
    """The JSON answer to the command, which must end with `code`."""
    answer = run(*words, "--json")
    assert answer.code == code, answer
    return answer.json


def settled(document: Any) -> str:
    """The document as readable JSON, with what differs from run to run replaced by names in order."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    known: dict[str, str] = {}
    text = _ID.sub(lambda found: known.setdefault(found[0], f"id-{len(known) + 1}"), text)
    text = _TIME.sub("TIME", text)
    text = re.sub(r'"duration_seconds": [\d.]+', '"duration_seconds": 0.0', text)
    text = re.sub(r'"path": "/[^"]*"', '"path": "FOLDER"', text)
    return re.sub(r'"([0-9a-f]{64}|[0-9a-f]{16}|[0-9a-f]{32})"', '"DIGEST"', text)
