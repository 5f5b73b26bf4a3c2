"""The real Task Master, as `deploy/task-master` installs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120.0


def command() -> Path:
    """Where its command is. Without it the test is skipped, and fails where `CI` is set."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    (version,) = (
        line.partition("=")[2]
        for line in (ROOT / "deploy" / "task-master").read_text().splitlines()
        if line.startswith("VERSION=")
    )
    default = cache / "planning-sync" / f"task-master-{version}"
    found = Path(os.environ.get("TASK_MASTER_FOLDER") or default) / "node_modules" / ".bin" / "task-master"
    if not found.exists():
        told = f"TASK MASTER IS NOT INSTALLED at {found}: run deploy/task-master (770 MB, about a minute)"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    return found


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command on the project in the folder."""
    return subprocess.Popen(
        [command(), *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "HOME": str(folder), "NO_COLOR": "1", "TASKMASTER_ANONYMOUS_TELEMETRY": "false"},
    )


def run(folder: Path, *arguments: str) -> str:
    """What the command prints; it has to go well. Notices go to standard error."""
    return ended(begin(folder, *arguments))


def ended(process: subprocess.Popen[str]) -> str:
    told, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, f"{told}\n{errors}"
    return told
