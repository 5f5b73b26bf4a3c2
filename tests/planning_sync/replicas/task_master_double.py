"""A command that does to a project what `task-master` does, in a fiftieth of its time: `installed`.

It is a program of its own, is started as the real one, and takes the same liberties with the file: numbers
become text, unknown fields of a tag are dropped, and a task is done once all below it are.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

MOODS = ("refuses", "refuses once", "hangs", "floods", "lies", "garbles", "is old", "is odd")


def installed(folder: Path, mood: str = "") -> Path:
    """The command in the folder, which behaves as usual or as in one of `MOODS`."""
    command = folder / "task-master"
    command.write_text(f"#!{sys.executable} -IS\nmood = {mood!r}\n{inspect.getsource(main)}\nmain(mood)\n")
    command.chmod(0o755)
    return command


def main(mood: str) -> None:
    import json
    import os
    import sys
    import time
    from pathlib import Path
    from typing import Any

    if sys.argv[1] == "--version":
        print({"is old": "0.42.9", "is odd": "Good morning!"}.get(mood, "0.43.1"))
        return
    name, *rest = sys.argv[1:]
    told = dict(each.removeprefix("--").partition("=")[::2] for each in rest)
    if mood == "refuses" or (mood == "refuses once" and not Path("refused").exists()):
        Path("refused").touch()
        print("[ERROR] Not today.")
        sys.exit(1)
    if mood == "hangs":
        time.sleep(600)
    if mood == "floods":
        print("x" * 3_000_000)
    if mood == "lies":
        return
    if mood == "garbles":
        Path(".taskmaster", "tasks", "tasks.json").write_text('{"a.md": {"tasks": [', encoding="utf-8")
        return
    file = Path(".taskmaster", "tasks", "tasks.json")
    everything: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    tag = everything[told.get("tag") or os.environ["TASKMASTER_TAG"]]
    tasks: list[dict[str, Any]] = tag["tasks"]

    def found(own: str) -> dict[str, Any]:
        number, _, below = own.partition(".")
        task = next(each for each in tasks if str(each["id"]) == number)
        return next(each for each in task["subtasks"] if str(each["id"]) == below) if below else task

    if name == "set-status":
        for own in told["id"].split(","):
            found(own).update(status=told["status"], updatedAt=str(time.time_ns()))
            above = found(own.partition(".")[0])
            if "." in own and all(each["status"] == "done" for each in above["subtasks"]):
                above["status"] = "done"
    elif name == "add-dependency":
        found(told["id"]).setdefault("dependencies", []).append(told["depends-on"])
    elif name == "remove-dependency":
        task = found(told["id"])
        task["dependencies"] = [each for each in task["dependencies"] if str(each) != told["depends-on"]]
    else:
        sys.exit(f"error: unknown command {name!r}")
    for task in tasks:
        task["id"] = str(task["id"])
        task["dependencies"] = [str(each) for each in task.get("dependencies", [])]
        for each in task.setdefault("subtasks", []):
            each["parentId"] = "undefined"
    tag.clear()
    tag.update(tasks=tasks, metadata={"version": "1.0.0", "taskCount": len(tasks)})
    file.write_text(json.dumps(everything, indent=2, ensure_ascii=False), encoding="utf-8")
