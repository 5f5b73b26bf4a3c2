"""Mojibake: UTF-8 that was once read as something else, known and mended line by line.

Public: `is_garbled`, `damage_places`, `mend`, `repair`, `Repair`, `Mended`.

A file is never mended as a whole, since files mix levels of damage, and never without being asked: elsewhere
the mended line serves only to compare and to show.
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache
from typing import NamedTuple

from plans.document.model import Document
from plans.document.text import encode, line_end

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_CP850_SECONDS = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐"
_SECONDS = {
    lead: frozenset(seconds)
    for lead, seconds in {
        # cp1252 and Latin-1
        "Ã": "".join(map(chr, range(0x80, 0xC0))) + "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ \u202f%Â",
        "Â": " \u00a0\u202f«»°·´§±²³¹©®¿¡µ¶",
        "ğ": "Ÿ",
        "â": "€˜œ‰‹ŒŸ¬†‡ˆš”“ž—‚„…\u0080\u0086\u0087\u0088\u0094\u0095\u0096\u0098\u0099\u009a\u009c\u009d",
        "Å": "“’¸",
        "ð": "Ÿ\u009f",
        "ï": "¸»",
        # cp850 and cp437
        "├": _CP850_SECONDS,
        "┬": "áí®«»░▒▓│ÁÂÀ©",
        "Ô": "ÇåêëöûüéÉ£ÿòô",
        "­": "ƒ",
        # Mac Roman
        "√": "©¢®™ßÆ¥†àâÄâ",
        "‚": "ÄîñúÜ",
        "\uf8ff": "ü",
    }.items()
}
"""Per first character, what follows it in damaged text and hardly ever in right text."""
_SIGNS_OF_DAMAGE = {
    lead: re.compile(f"{lead}[{re.escape(''.join(sorted(seconds)))}]") for lead, seconds in _SECONDS.items()
}
_LEADS = frozenset(_SECONDS)
_ASCII_SECONDS = frozenset(" %")

_HIGH_CP850 = "".join(bytes([byte]).decode("cp850") for byte in range(0x80, 0x100))
_CP850_RUN = re.compile(f"[├┬Ô┼­][{re.escape(_HIGH_CP850)}]+")
"""What two, three and four bytes of UTF-8 that begin usual French text and emoji look like in cp850."""


def is_garbled(text: str) -> bool:
    """Whether a text may hold mojibake. Cheap; a few right texts are suspected, such as drawn trees."""
    if text.isascii():
        return False
    return any(lead in text and sign.search(text) is not None for lead, sign in _SIGNS_OF_DAMAGE.items())


def damage_places(text: str, characters: Set[str]) -> list[int]:
    """Where there may be mojibake, in no order. `characters`: those beyond ASCII in the text."""
    places: list[int] = []
    possible = characters | _ASCII_SECONDS
    for lead in _LEADS & characters:
        if not possible.isdisjoint(_SECONDS[lead]):
            places.extend(match.start() for match in _SIGNS_OF_DAMAGE[lead].finditer(text))
    return places


def mend(line: str) -> str:
    """The line as it was before its UTF-8 was read as cp1252 (once or twice), Latin-1, cp437 or cp850."""
    if not is_garbled(line) or _LONE_SURROGATE.search(line):
        return line
    return _mended(line)


@lru_cache(maxsize=4096)
def _mended(line: str) -> str:
    restored = _CP850_RUN.sub(_from_cp850, line)
    if restored != line:
        return restored
    import ftfy

    return ftfy.fix_encoding(line)


def _from_cp850(run: re.Match[str]) -> str:
    """What the run was in UTF-8; the run itself where its bytes are not UTF-8, as in drawn trees."""
    try:
        found = run[0].encode("cp850").decode("utf-8")
    except UnicodeDecodeError:
        return run[0]
    return (
        found
        if all(character.isprintable() or character in "\u00a0\u202f\ufe0f\u200d" for character in found)
        else run[0]
    )


class Mended(NamedTuple):
    line: int
    """1-based."""
    before: str
    after: str


class Repair(NamedTuple):
    lines: tuple[Mended, ...]
    data: bytes
    """The file with those lines mended and every other byte as it was."""


def repair(document: Document) -> Repair:
    """What mending a document would change. Lines that also hold undecodable bytes are left as they are."""
    lines = list(document.lines)
    mended: list[Mended] = []
    for position, line in enumerate(lines):
        if line.isascii():
            continue
        end = line_end(line)
        body = line[: len(line) - len(end)]
        new = mend(body)
        if new != body and not re.search("[\r\n]", new):
            lines[position] = new + end
            mended.append(Mended(position + 1, body, new))
    data = encode("".join(lines), document.encoding) if mended else document.data
    return Repair(tuple(mended), data)
