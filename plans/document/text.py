"""Bytes to text and back without loss, lines, and the form of a text that can be stored and shown.

Public: `decode` / `encode` (each other's inverse for any bytes), `split`, `split_lines`, `line_end`, `signs`,
`is_sound`, `unsound_places`, `display` / `undisplay`, `BOM`, `TRIMMED`.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Mapping
from io import StringIO
from itertools import repeat
from operator import add
from types import MappingProxyType

BOM = "\ufeff"

UTF_8 = "utf-8"

TRIMMED = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What does not count at either end of a paragraph."""

_ERROR_HANDLERS: Mapping[str, str] = MappingProxyType(
    {UTF_8: "surrogateescape", "utf-16-le": "surrogatepass", "utf-16-be": "surrogatepass"}
)
_ASCII = bytes(range(0x80))
_UTF_16_MARKS = ((BOM_UTF16_LE, "utf-16-le"), (BOM_UTF16_BE, "utf-16-be"))
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4})")


def decode(data: bytes) -> tuple[str, str]:
    """The encoding's name and the text, marks of byte order included (as U+FEFF).

    Bytes that are not UTF-8 become lone surrogates (PEP 383). UTF-16 is known by its byte-order mark, and
    by an even number of bytes: otherwise the text could not be turned back into the same bytes.
    """
    for mark, encoding in _UTF_16_MARKS:
        if data.startswith(mark) and len(data) % 2 == 0:
            return encoding, data.decode(encoding, "surrogatepass")
    return UTF_8, data.decode(UTF_8, "surrogateescape")


def encode(text: str, encoding: str) -> bytes:
    """The bytes of a text. `UnicodeEncodeError` for a lone surrogate that `decode` cannot have made."""
    return text.encode(encoding, _ERROR_HANDLERS[encoding])


def signs(data: bytes, encoding: str) -> set[str]:
    """The characters beyond ASCII that occur in the text of the bytes."""
    if encoding == UTF_8:
        return set(data.translate(None, _ASCII).decode(UTF_8, _ERROR_HANDLERS[UTF_8]))
    return set(data.decode(encoding, _ERROR_HANDLERS[encoding]))


def is_sound(found: Iterable[str]) -> bool:
    """Whether there is no undecodable byte among the characters."""
    return not any("\ud800" <= character <= "\udfff" for character in found)


def unsound_places(text: str) -> list[int]:
    """Where there are undecodable bytes in a text."""
    return [match.start() for match in _LONE_SURROGATE.finditer(text)]


def split_lines(text: str) -> list[str]:
    """The lines with their ends. A line ends at LF, CRLF or CR, and never at FF, VT, NEL or U+2028."""
    return list(StringIO(text, newline=""))


def split(text: str) -> tuple[list[str], list[str]]:
    """The lines with their ends, and without."""
    if "\r" in text:
        lines = split_lines(text)
        return lines, [line.rstrip("\r\n") for line in lines]
    bodies = text.split("\n")
    lines = [*map(add, bodies, repeat("\n"))]
    if bodies[-1]:
        lines[-1] = bodies[-1]
    else:
        del bodies[-1], lines[-1]
    return lines, bodies


def line_end(line: str) -> str:
    """The line's end: LF, CRLF, CR, or "" for a last line without one."""
    if line.endswith("\n"):
        return "\r\n" if line.endswith("\r\n") else "\n"
    return "\r" if line.endswith("\r") else ""


def display(text: str) -> str:
    r"""The text as it can be stored and shown: undecodable bytes as `\xe9`, NUL as `\x00`.

    PostgreSQL stores every other character.
    """
    if _NOT_STORABLE.search(text):
        return _NOT_STORABLE.sub(_escape, text)
    return text


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == 0:
        return r"\x00"
    return rf"\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else rf"\u{code:04x}"


def undisplay(shown: str, raw: str) -> str:
    """The text that shows as `shown`, with the characters of `raw` that cannot be shown wherever they stay.

    `raw` is what stood there before. An escape that was written as such there stays as it is.
    """
    if not _NOT_STORABLE.search(raw):
        return shown
    pieces = [display(character) for character in raw]
    head, start = 0, 0
    while head < len(pieces) and shown.startswith(pieces[head], start):
        start += len(pieces[head])
        head += 1
    tail, end = len(pieces), len(shown)
    while tail > head and shown.endswith(pieces[tail - 1], start, end):
        tail -= 1
        end -= len(pieces[tail])
    hidden = {display(character): character for character in _NOT_STORABLE.findall(raw)}
    middle = _ESCAPE.sub(lambda match: hidden.get(match[0], match[0]), shown[start:end])
    return raw[:head] + middle + raw[tail:]
