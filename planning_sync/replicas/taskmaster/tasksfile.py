"""The file of all tags: where in it each one stands, and the file with one of them replaced: `TasksFile`.

{"master": {"tasks": [...], "metadata": {...}}, "feature": {...}}     today
{"tasks": [...], "metadata": {...}}                                   before there were tags: `master`
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from planning_sync.replicas.jsontext import Node, Splices, decoded, parse

MASTER = "master"


class CannotHold(Exception):
    """The file has no place for another tag."""


@dataclass(frozen=True)
class TasksFile:
    text: str
    root: Node
    tags: Mapping[str, Node]
    """The object of each tag, in order of name."""

    @classmethod
    def of(cls, data: bytes) -> TasksFile:
        """Raises `Malformed` where it is no object of JSON in UTF-8 with an object for each tag."""
        text = decoded(data)
        root = parse(text)
        if not isinstance(root.value, dict):
            root.fail("the file must be an object with an object for each tag")
        return cls(text, root, {MASTER: root} if _is_untagged(root.value) else _sorted(root.members))

    def with_tag(self, name: str, text: str | None) -> str:
        """The text of the file with this as the text of the tag, or without the tag."""
        known = self.tags.get(name)
        if known is not None and (text is not None or known is self.root):
            return f"{self.text[: known.start]}{text or '{}'}{self.text[known.end :]}"
        if self.root in self.tags.values():
            raise CannotHold
        splices = Splices(self.text)
        if text is None:
            splices.remove_member(self.root, name)
        else:
            splices.set_raw_member(self.root, name, text)
        return splices.done()


def _is_untagged(root: Mapping[str, Any]) -> bool:
    """Whether it is as files were before there were tags."""
    tagged = any(isinstance(each, dict) and isinstance(each.get("tasks"), list) for each in root.values())
    return isinstance(root.get("tasks"), list) and not tagged


def _sorted(members: Mapping[str, Node]) -> dict[str, Node]:
    return {name: members[name] for name in sorted(members)}


def new_file(name: str, text: str) -> str:
    """A file with one tag, as the tool writes it: without a line end after the last line."""
    return f"{{\n  {json.dumps(name, ensure_ascii=False)}: {text}\n}}"
