"""What plans are called: paths that every store can hold, and file names for new plans.

Public: `from_os`, `to_os`, `parts`, `file_name`, `comparable`.

A path is relative to the replica's root, with `/` between its parts. A file name may hold bytes that are
not valid UTF-8, which neither JSON nor a database can hold. Such a byte is written `%xE9` (percent, x, two
capital hexadecimal digits); and so that the way back is exact, a percent sign that happens to stand before
`x` and two such digits is written `%x25`. All other names are written as they are: `100%20done.md` stays.
"""

from __future__ import annotations

import os
import re
import unicodedata

from planning_sync.replicas.errors import OutsideRoot

_TO_ESCAPE = re.compile(r"%(?=x[0-9A-F]{2})|[\udc80-\udcff]")
_ESCAPED = re.compile(r"%x([0-9A-F]{2})")
_LONGEST_NAME = 80
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)\Z")
"""Names that Windows keeps for devices: a plan with such a name could not be checked out there."""


def from_os(name: str) -> str:
    """The path that stands for `name` as the operating system's calls give it (PEP 383)."""
    if name.isascii() and "%x" not in name:
        return name
    return _TO_ESCAPE.sub(lambda found: f"%x{os.fsencode(found[0])[0]:02X}", name)


def to_os(path: str) -> str:
    """The inverse of `from_os`."""
    if "%x" not in path:
        return path
    return _ESCAPED.sub(lambda found: os.fsdecode(bytes([int(found[1], 16)])), path)


def parts(path: str) -> list[str]:
    """The names on the way from the root to the file, for the operating system.

    :raises OutsideRoot: for a path that is absolute, empty, or has a `..` in it; or that `from_os` never
        gives, as it would be a second path to a file.
    """
    name = to_os(path)
    steps = name.split("/")
    if any(step in ("", ".", "..") or "\0" in step for step in steps) or not _is_canonical(path, name):
        raise OutsideRoot(path, "is not a path below the replica's folder")
    return steps


def file_name(title: str, number: int = 1, *, suffix: str = ".md") -> str:
    """A file name for a plan of that title: lower case, without accents, words joined by `-`.

    `number` above 1 is added at the end, to tell plans of one title apart.
    """
    decomposed = unicodedata.normalize("NFKD", title)
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", letters).lower()).strip("-")
    stem = _cut(words).strip("-") or "plan"
    if _RESERVED.match(stem):
        stem = f"plan-{stem}"
    return f"{stem}-{number}{suffix}" if number > 1 else f"{stem}{suffix}"


def comparable(name: str) -> str:
    """Equal for names that some file system takes for one: by letter case, or by how accents are coded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _is_canonical(path: str, name: str) -> bool:
    try:
        return (path.isascii() and "%" not in path) or from_os(os.fsdecode(os.fsencode(name))) == path
    except UnicodeEncodeError:
        return False


def _cut(words: str) -> str:
    """As many whole words as fit in the longest name; a name's limit on disk counts bytes."""
    kept = words.encode()[:_LONGEST_NAME].decode(errors="ignore")
    return kept if kept == words or "-" not in kept else kept[: kept.rindex("-")]
