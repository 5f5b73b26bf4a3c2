"""Reading a task_vectors.json of any size: `Importing`.

    {"model": ..., "dimension": ..., "tasks": [{"id", "text", "vector"}, ...], "count": ..., "checksum": ...}

Read piece by piece, stored batch by batch. How far it came is kept beside the state, by the checksum of the
file: an import that was cut short goes on there. At the end the count, the checksum of all vectors, and a
sample of what was stored are compared.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import orjson
from django.conf import settings

from audit.transactions import write_transaction
from planning_sync.search import embeddings, words
from planning_sync.search.errors import InvalidImport
from planning_sync.search.records import sha256_of
from planning_sync.search.services import vectors
from planning_sync.search.services.vectors import Given, Taken

PIECE = 1 << 20
AT_ONCE = 1000
SAMPLE = 200
TOLERANCE = 0.001
_ARRAY = re.compile(rb'"tasks"\s*:\s*\[')
_BETWEEN = re.compile(rb"[\s,]*")
_LONGEST = 4 << 20
"""No single entry is as long as that."""

Progress = Callable[[int, int], None]


@dataclass
class Importing:
    """Raises `InvalidImport`, `WrongModel`, `WrongDimension`; what was stored by then is right, and stays."""

    path: Path
    actor: str
    model: str = ""
    """Where the file does not name it itself."""
    progress: Progress | None = None
    _sampled: dict[str, list[float]] = field(default_factory=dict)

    def run(self) -> Taken:
        size = self.path.stat().st_size
        note = self._note_path()
        state = _State.load(note)
        head, start = self._head()
        model = str(head.get("model") or self.model)
        if not model:
            raise InvalidImport("it does not say its model; name it with --model.")
        vectors.index_of(model)
        reader = _Reader(self.path, max(start, state.offset))
        for batch, end in _batches(reader):
            given = [_given(entry) for entry in batch]
            self._sample(given)
            taken = vectors.take(given, model=model)
            state = state.after(batch, taken, end)
            state.save(note)
            if self.progress is not None:
                self.progress(end, size)
        self._check(head | reader.tail(), state, model)
        taken = Taken(state.stored, state.unknown)
        with write_transaction():
            vectors.note_taken(taken, model, actor=self.actor)
        note.unlink(missing_ok=True)
        return taken

    def _note_path(self) -> Path:
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
        folder = Path(settings.PLANNING_SYNC_HOME) / "imports"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{digest.hexdigest()}.json"

    def _head(self) -> tuple[dict[str, Any], int]:
        """What stands before the entries, and where these begin."""
        with self.path.open("rb") as file:
            first = file.read(PIECE)
        if first.lstrip().startswith(b"["):
            return {}, first.index(b"[") + 1
        found = _ARRAY.search(first)
        if found is None:
            raise InvalidImport('it has no "tasks": [ ... ] near its beginning.')
        before = first[: found.start()].rstrip().removesuffix(b",")
        return _object(before + b"}"), found.end()

    def _sample(self, given: list[Given]) -> None:
        for each in random.sample(given, min(len(given), 5)):
            if each.text and len(self._sampled) < SAMPLE:
                self._sampled[sha256_of(words.plain(each.text))] = each.vector

    def _check(self, told: dict[str, Any], state: _State, model: str) -> None:
        if told.get("count") not in (None, state.read):
            raise InvalidImport(f"it says that it has {told['count']} entries, and has {state.read}.")
        if told.get("checksum") not in (None, state.chain):
            raise InvalidImport("its vectors do not have the checksum that it says: it was damaged.")
        stored = embeddings.vectors(model, self._sampled)
        for checksum, values in self._sampled.items():
            wanted = np.asarray(values, dtype=np.float32)
            cosine = float(stored[checksum] @ wanted) / float(np.linalg.norm(wanted))
            if abs(1 - cosine) > TOLERANCE:
                raise InvalidImport("what was stored differs from the file. Was another import at work?")


@dataclass(frozen=True)
class _State:
    """How far an import came. The checksum is that of the vectors so far, chained entry by entry."""

    offset: int = 0
    read: int = 0
    stored: int = 0
    unknown: int = 0
    chain: str = ""

    @classmethod
    def load(cls, path: Path) -> _State:
        try:
            return cls(**orjson.loads(path.read_bytes()))
        except FileNotFoundError:
            return cls()

    def save(self, path: Path) -> None:
        part = path.with_suffix(".part")
        part.write_bytes(orjson.dumps(self))
        part.replace(path)

    def after(self, batch: list[dict[str, Any]], taken: Taken, end: int) -> _State:
        chain = self.chain
        for entry in batch:
            chain = vectors.chained(chain, np.asarray(entry["vector"], dtype="<f4").tobytes())
        return _State(
            end, self.read + len(batch), self.stored + taken.stored, self.unknown + taken.unknown, chain
        )


class _Reader:
    """The entries of the array from a place in the file on, each with where it ends."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path = path
        self._offset = offset
        self._rest = b""

    def __iter__(self) -> Iterator[tuple[dict[str, Any], int]]:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            buffer, base = b"", self._offset
            while piece := file.read(PIECE):
                buffer += piece
                place = 0
                while True:
                    place = _after(buffer, place)
                    if buffer[place : place + 1] != b"{":
                        break
                    entry, length = _entry(buffer, place)
                    if entry is None:
                        break
                    place += length
                    yield entry, base + place
                if buffer[place : place + 1] == b"]":
                    self._rest = buffer[place + 1 :] + file.read(PIECE)
                    return
                if len(buffer) - place > _LONGEST:
                    raise InvalidImport(f"no entry ends after byte {base + place}.")
                buffer, base = buffer[place:], base + place
        raise InvalidImport("it ends in the middle: was it copied whole?")

    def tail(self) -> dict[str, Any]:
        """What stands behind the entries."""
        rest = self._rest.strip().removeprefix(b",")
        return _object(b"{" + rest) if rest else {}


def _after(buffer: bytes, place: int) -> int:
    found = _BETWEEN.match(buffer, place)
    assert found is not None, "it matches nothing as well"
    return found.end()


def _entry(buffer: bytes, place: int) -> tuple[dict[str, Any] | None, int]:
    """The entry that begins there, and its length in bytes; None where the buffer ends within it."""
    end = buffer.find(b"}", place)
    while end >= 0:
        piece = buffer[place : end + 1]
        try:
            found = orjson.loads(piece)
        except orjson.JSONDecodeError:
            end = buffer.find(b"}", end + 1)  # that brace stood in a text
            continue
        return found, len(piece)
    return None, 0


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidImport(f"it is not JSON around its entries ({error}).") from error
    return dict(found)


def _batches(reader: _Reader) -> Iterator[tuple[list[dict[str, Any]], int]]:
    batch: list[dict[str, Any]] = []
    end = 0
    for entry, end in reader:
        batch.append(entry)
        if len(batch) == AT_ONCE:
            yield batch, end
            batch = []
    if batch:
        yield batch, end


def _given(entry: dict[str, Any]) -> Given:
    vector, text, item_id = entry.get("vector"), entry.get("text", ""), entry.get("id")
    if not isinstance(vector, list) or not isinstance(text, str):
        raise InvalidImport(f"the entry {item_id!r} has no list `vector`, or a `text` that is none.")
    try:
        return Given(vector, text, UUID(str(item_id)) if item_id else None)
    except ValueError:
        return Given(vector, text, None)
