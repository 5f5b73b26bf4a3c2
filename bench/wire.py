"""HTTP over connections that stay open, with little work of its own: `Wire`, `Answer`, `BadAnswer`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple


class BadAnswer(Exception):
    """What came is no whole answer; the message has its beginning."""


class Answer(NamedTuple):
    status: int
    body: bytes


class Wire:
    """One connection, for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: str) -> None:
        self._reader = reader
        self._writer = writer
        self._secret = secret

    async def get(self, path: str) -> Answer:
        return await self._ask("GET", path, b"")

    async def patch(self, path: str, fields: dict[str, Any]) -> Answer:
        return await self._ask("PATCH", path, json.dumps(fields).encode())

    async def _ask(self, method: str, path: str, body: bytes) -> Answer:
        """Raises `BadAnswer`, and `OSError` or `EOFError` where the connection breaks."""
        self._writer.write(request(method, path, self._secret, body))
        await self._writer.drain()
        status, length = head(await self._reader.readuntil(b"\r\n\r\n"))
        return Answer(status, await self._reader.readexactly(length))


@asynccontextmanager
async def wire(port: int, secret: str) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        yield Wire(reader, writer, secret)
    finally:
        writer.close()


def request(method: str, path: str, secret: str, body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {secret}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def head(data: bytes) -> tuple[int, int]:
    """The status, and how many bytes follow. Raises `BadAnswer`."""
    first, *lines = data.decode("latin-1").split("\r\n")
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    words = first.split(" ", 2)
    length = fields.get("content-length", "")
    if len(words) < 2 or not words[1].isdecimal() or not length.isdecimal():
        raise BadAnswer(f"neither a status nor a length can be read from {data[:200]!r}")
    return int(words[1]), int(length)
