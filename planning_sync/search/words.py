"""Texts as search compares them: `plain`, `folded`, `words`, `refs`, `called`, `sparse`, `places`. Pure.

Accents, case and Markdown's marks do not count, and mojibake counts as what it was. `1.2.3` and `v55` are
words of their own. The sparse vector has words and the groups of three letters in them, so that a slip of
the pen, an inflection or half an identifier still finds most of a word.
"""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from plans.document.encoding import mend

FORMAT = 1
"""Raised when texts come out otherwise than before: everything is then read again."""

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"[*`~]+|(?<!\w)_+|_+(?!\w)")
_REF = r"v?\d+(?:\.\d+)+|v\d+"
_REFS = re.compile(rf"(?<![\w.])(?:{_REF})(?![\w]|\.\d)", re.IGNORECASE)
_TOKENS = re.compile(rf"{_REFS.pattern}|[^\W_]+", re.IGNORECASE)
_SATURATION = 0.8
"""How soon repeating a word adds nothing (k1 of BM25)."""
_USUAL_LENGTH, _LENGTH_COUNTS = 60.0, 0.5
"""So many parts has a usual text; how much longer ones are held back (b of BM25)."""


class Sparse(NamedTuple):
    """Weights by the hash of a word or a group of letters; how rare each is, the index knows."""

    indices: list[int]
    values: list[float]


def plain(text: str) -> str:
    """The text as one reads it: mended, on one line, without the marks of Markdown."""
    text = _LINK.sub(r"\1", mend(text))
    return " ".join(_MARKS.sub("", text).split())


def folded(text: str) -> str:
    """In small letters without accents."""
    if text.isascii():
        return text.lower()
    # Twice: taken apart, 𝑨 is a capital letter.
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(each for each in letters if not unicodedata.combining(each))


def words(text: str) -> list[str]:
    """The words of a text that `plain` gave, folded. A ref is one word of letters and digits alone."""
    return [_joined(each) for each in _TOKENS.findall(folded(text))]


def refs(text: str) -> list[str]:
    """The refs and versions that it names, as `words` has them: `1.2.3` and `v55`, not `7`."""
    return [_joined(each) for each in _REFS.findall(folded(text))]


def called(ref: str) -> str:
    """The ref as one word, by which it is asked for."""
    return " ".join(words(ref))


def sparse(text: str, *, query: bool = False) -> Sparse:
    """Its weights, as those of a thing to be found or of a `query`."""
    counts = Counter(_parts(words(text)))
    norm = _norm(counts)
    weights: dict[int, float] = {}
    for part, count in counts.items():
        slot = zlib.crc32(part.encode())
        weight = count if query else count * (_SATURATION + 1) / (count + norm)
        weights[slot] = weights.get(slot, 0.0) + weight
    return Sparse(list(weights), list(weights.values()))


def places(text: str, query: str) -> tuple[tuple[int, int], ...]:
    """Where in `text` words of the query stand, or words that begin alike: (start, end), in order."""
    wanted = {word[: max(4, math.ceil(len(word) * 0.7))] for word in words(query) if len(word) > 1}
    if not wanted:
        return ()
    starts = tuple(wanted)
    tokens = _TOKENS.finditer(text)
    return tuple(token.span() for token in tokens if _joined(folded(token[0])).startswith(starts))


def _joined(token: str) -> str:
    """`1.2.3` as `r1x2x3`, which no database takes apart."""
    if not token.isalnum() or (token[0] == "v" and token[1:].isdigit()):
        token = "r" + token.removeprefix("v").replace(".", "x")
    return token


def _norm(counts: Counter[str]) -> float:
    length = sum(counts.values()) / _USUAL_LENGTH
    return _SATURATION * (1 - _LENGTH_COUNTS + _LENGTH_COUNTS * length)


def _parts(found: list[str]) -> Iterator[str]:
    for word in found:
        yield word
        yield from _trigrams(word)


@lru_cache(maxsize=65536)
def _trigrams(word: str) -> tuple[str, ...]:
    framed = f"^{word}$"
    return tuple(f"#{framed[start : start + 3]}" for start in range(len(framed) - 2))
