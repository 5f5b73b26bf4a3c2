"""The tool's own command, `task-master`, called for what it has commands for: `Tool`.

Nothing that it prints is believed: its caller reads the file afterwards. It gets no shell, no question to
answer, none of our environment but the way to its programs, and only so much time and output.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from planning_sync.replicas.errors import WriteFailed
from plans.document.text import display

DEFAULT_TIMEOUT_SECONDS = 60.0
OLDEST = (0, 43)
"""The first version whose commands, lock and file are known to be as they are taken to be here."""
_MOST_OUTPUT_BYTES = 1024 * 1024
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
_QUIET = {
    "NO_COLOR": "1",
    "TASKMASTER_ANONYMOUS_TELEMETRY": "false",
    "TASKMASTER_SKIP_AUTO_UPDATE": "1",
    "TASKMASTER_STORAGE_TYPE": "file",
}
_TAGGED = frozenset({"add-dependency", "remove-dependency"})
"""Commands with an option for the tag; `set-status` knows it from the environment alone."""
_VERSION = re.compile(r"^v?(\d+)\.(\d+)\.\d+\S*$", re.MULTILINE)
_ADVICE = (
    "Run the command there by hand to see what it wants, or take the option `binary` from the replica; "
    "the edit waits in the hub and the next sync tries it again."
)


@dataclass(frozen=True)
class Tool:
    binary: str
    project: str
    """The folder that holds `.taskmaster`."""
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    """For each command."""

    def obey(self, tag: str, orders: Sequence[Sequence[str]]) -> None:
        """Have the tool do them one after the other.

        :raises WriteFailed: at the first that it does not do; those before it are done.
        """
        try:
            self._check_version()
            for name, *arguments in orders:
                tagged = [f"--tag={tag}"] if name in _TAGGED else []
                self._run([name, *arguments, *tagged], {"TASKMASTER_TAG": tag})
        except _Failed as failure:
            raise WriteFailed(tag, str(failure), _ADVICE) from failure

    def _check_version(self) -> None:
        try:
            modified_ns = os.stat(self.binary).st_mtime_ns
        except OSError as error:
            raise _Failed(f"{self.binary} cannot be run ({error.strerror})") from error
        version = _version(self, modified_ns)
        if version < OLDEST:
            told = ".".join(map(str, version))
            raise _Failed(f"{self.binary} is of version {told}, and 0.43 or newer is needed")

    def _run(self, command: Sequence[str], told: Mapping[str, str]) -> str:
        """What it printed; raises `_Failed`."""
        try:
            process = subprocess.Popen(
                [self.binary, *command],
                cwd=self.project,
                env={**{name: os.environ[name] for name in _KEPT if name in os.environ}, **_QUIET, **told},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise _Failed(f"{self.binary} cannot be run ({error.strerror})") from error
        said = f"`{Path(self.binary).name} {' '.join(command)}`"
        with process, _Deadline(process, self.timeout_seconds) as deadline:
            assert process.stdout is not None, "it is a pipe"
            output = process.stdout.read(_MOST_OUTPUT_BYTES + 1)
            if len(output) > _MOST_OUTPUT_BYTES:
                deadline.kill()
            code = process.wait()
        if deadline.passed:
            raise _Failed(f"{said} did not end within {self.timeout_seconds:g} s")
        if len(output) > _MOST_OUTPUT_BYTES:
            raise _Failed(f"{said} printed more than {_MOST_OUTPUT_BYTES:,} bytes")
        text = output.decode("utf-8", "replace")
        if code != 0:
            raise _Failed(f"{said} ended with {code}: {_last_words(text)}")
        return text


@lru_cache(maxsize=16)
def _version(tool: Tool, modified_ns: int) -> tuple[int, int]:
    """Asked once for each file that the command is."""
    text = tool._run(["--version"], {})
    found = _VERSION.search(text)
    if found is None:
        raise _Failed(f"{tool.binary} does not say which version it is, but {_last_words(text)}")
    return int(found[1]), int(found[2])


class _Failed(Exception):
    """What a command did instead of what it was to do."""


class _Deadline:
    """Kills the process, and all that it has started, once its time is over."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.passed = False
        self._process = process
        self._timer = threading.Timer(seconds, self._end)

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.passed = True
        self.kill()

    def kill(self) -> None:
        with suppress(ProcessLookupError):  # it has just ended
            os.killpg(self._process.pid, signal.SIGKILL)


def _last_words(text: str) -> str:
    lines = [line.strip() for line in display(text).splitlines()]
    told = (line[:200].rstrip(".") for line in reversed(lines) if any(map(str.isalnum, line)))
    return next(told, "it said nothing")
