"""The file of a project whose edits the tool makes, where it has commands for them: `CommandedFile`.

    read, scan     the file: what the tool lists leaves out fields, and takes seconds
    commit         orders --> the command --> the file, read again --> what remains, under the lock

What remains is put in place whole, as announced: with it come back the unknown fields of a tag that the tool
drops. Where the file says anything else than what was ordered, because of the tool's own rules or of someone
else, nothing more is written and the next look merges it. So does the next pass after a crash in between.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from planning_sync.replicas import atomic
from planning_sync.replicas.base import Write, checksum
from planning_sync.replicas.errors import CredentialsMissing, PlanChanged, WriteFailed
from planning_sync.replicas.files import Root
from planning_sync.replicas.http_credentials import reveal
from planning_sync.replicas.taskmaster.format import tasks_of
from planning_sync.replicas.taskmaster.orders import MOST_ORDERS, obeyed, orders
from planning_sync.replicas.taskmaster.replica import DEFAULT_LIMIT_BYTES, TaskMasterFile
from planning_sync.replicas.taskmaster.tag import explained
from planning_sync.replicas.taskmaster.tool import DEFAULT_TIMEOUT_SECONDS, Tool

_PLAIN = re.compile(r"[\w.][\w./-]*\Z")
"""Names of tags that surely mean the same to the tool, which may trim others and then take `master`."""


class CommandedFile(TaskMasterFile):
    """`binary` names the variable of the environment that holds the path of the command."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        binary: str,
        *,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        super().__init__(path, limit_bytes=limit_bytes)
        self._binary = binary
        self._project = str(Path(path).parents[2])
        self._timeout_seconds = timeout_seconds

    def commit(self, write: Write) -> str:
        patience_seconds = self._timeout_seconds * MOST_ORDERS
        with (
            self._failing(write),
            Root(self._project).entry(".taskmaster", follow=False) as entry,
            atomic.alone(entry, patience_seconds=patience_seconds),
        ):
            return super().commit(self._remaining(write))

    def _remaining(self, write: Write) -> Write:
        """The write that remains once the tool has done what it has commands for."""
        if write.data is None or not _PLAIN.match(write.path):
            return write
        present = self._text(write.path)
        if checksum(present.encode()) != write.before:
            return write  # which the commit then refuses
        with explained(write.path, present):
            before, wanted = tasks_of(present), tasks_of(write.data.decode())
            told = orders(before, wanted)
        if not told:
            return write
        self._tool(write.path).obey(write.path, told)
        found = self._text(write.path)
        if found == present:
            raise WriteFailed(write.path, f"{self._binary} did nothing to {self.name}", _ANOTHER)
        with explained(write.path, found):
            if not obeyed(before, wanted, tasks_of(found)):
                raise PlanChanged(write.path, "was edited")
        return replace(write, before=checksum(found.encode()))

    def _text(self, path: str) -> str:
        """That of the tag; "" where there is none."""
        tag = self.tag(path)
        return "" if tag is None else tag.raw

    def _tool(self, path: str) -> Tool:
        try:
            binary = reveal(self._binary)
        except CredentialsMissing as error:
            raise WriteFailed(path, f"{error.root} {error.reason}", _UNSET) from error
        return Tool(binary, self._project, self._timeout_seconds)


_ANOTHER = "See whether the command works on this project by hand; the edit waits in the hub."
_UNSET = (
    "Set it to the path of the command `task-master` for every process of the server; the edit waits in the "
    "hub and the next sync tries it again."
)
