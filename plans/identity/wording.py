"""What a line says once its spelling is left aside, so that two versions of it can be recognised.

Public: `Wording`, `wording` and `closeness`.

Two lines have the same wording when they differ only in encoding damage, case, emphasis, kinds of
blanks and quotes, or in a sign or state word put before or after the text (`✅ **COMPLETE** - ...`).
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from rapidfuzz import fuzz

from plans.document import encoding

LONGEST_COMPARED = 4096
"""Longer texts are the same or different, never similar."""

_STARTS_LENGTH = 12
_STARTS_ALIKE = 0.9
_CONTINUED = 0.7
"""Closeness of a text that was only continued: the old one whole, then something more."""

_FEW_WORDS = 0.2
"""What one or two words lose against their characters: as words they say nothing of being alike."""

_OTHER_NUMBERS = 0.2
"""What it costs when each text has a number that the other lacks: `Semaine 1 ...`, `Semaine 2 ...`."""


class Wording(NamedTuple):
    ref: str
    """The number or word id, without emphasis and final punctuation."""
    text: str
    """The words after it."""

    @property
    def label(self) -> str:
        return f"{self.ref} {self.text}".strip()


_SPELLINGS = str.maketrans(
    {
        "*": None,
        "`": None,
        "\ufe0f": None,
        "\ufeff": None,
        "\u20e3": ".",  # the key around the digit of 4️⃣
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "‑": "-",
    }
)

_SYMBOLS = re.compile(r"^[^\w\s\[\](){}<>\"'./\\#$@&%+=~-]+\s*")
"""What stands before a text for ornament: `🎯 Phase 1`."""

_SIGN = "[✅✓✔☑☒☐❌✗✘🔄⏳🚧⚠🎉🎯🔴🟡🟢🟠⬜🔲🔳❎⏸🚀]"
_STATE_WORD = (
    r"(?:100 ?% )?(?:"
    r"(?:compl[eé]t|termin|finalis|valid|bloqu|annul|impl[eé]ment)(?:[eé]{1,2}s?|ed)|non commenc[eé]{1,2}s?|"
    r"(?:fini|fait|r[eé]ussi)(?:e|s|es)?|succ[eè]s|success|done|en cours|in progress|wip|todo|[aà] faire|"
    r"blocked|cancell?ed"
    r")"
)
_LEADING_STATE = re.compile(
    rf"(?:{_SIGN}\s*)+(?:\[?{_STATE_WORD}\]?(?:\s*\([^()]*\))?\s*(?:[-:]\s*|(?={_SIGN})))?"
    rf"|\[?{_STATE_WORD}\]?(?:\s*\(\d[^()]*\))?\s*[-:]\s+"
)
_TRAILING_STATE = re.compile(
    rf"\s*(?:(?:-\s*)?(?:{_SIGN}\s*)+(?:{_STATE_WORD})?(?:\s*\(\d[^()]*\))?[\s!.]*"
    rf"|-\s*{_STATE_WORD}[\s!.]*|\(\s*(?:{_STATE_WORD}|100 ?%)(?:\s+le)?[\s\d:/-]*\))$"
)
_MAY_END_IN_STATE = re.compile(rf"(?:{_SIGN}|[)!.a-zéè])\s*$")

_REF = re.compile(
    r"(?:(?:[^\W\d_]+[- ])?"
    r"(?:phase|[eé]tape|t[aâ]che|atomique|jour|semaine|sprint|module|niveau|section|axe) "
    r"\d+(?:[.-]\d+)*|(?:sub)?task-\d+(?:\.\d+)*|[a-z]\.?\d+(?:\.\d+)*(?= ?[:-] )|\d+(?:\.\d+)+|\d+(?=\.\s))"
    r"\.?(?: ?[:)-])?(?: |$)"
)


def wording(ref: str, text: str) -> Wording:
    """The wording of an item that goes by `ref` and says `text`."""
    text = _plain(text)
    if not ref:
        text = _without_state(text)
        found = _REF.match(text)
        if not found or found.end() == len(text):
            return Wording("", text)
        ref, text = found[0].rstrip(" :)-."), text[found.end() :]
    else:
        ref = _plain(ref).rstrip(" :)-.")
        text = "" if _SYMBOLS.fullmatch(text) else text
    return Wording(ref, _without_state(text))


def _plain(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", encoding.mend(text))
    text = " ".join(text.translate(_SPELLINGS).split()).casefold()
    if "__" in text:
        text = text.replace("__", "")
    return text if text[:1].isalnum() else _SYMBOLS.sub("", text) or text


def _without_state(text: str) -> str:
    kept = text
    found = _LEADING_STATE.match(kept)
    while found and found.end():
        kept = kept[found.end() :]
        found = _LEADING_STATE.match(kept)
    if _MAY_END_IN_STATE.search(kept):
        kept = _TRAILING_STATE.sub("", kept)
    return kept or text


_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"\w+")


def closeness(a: str, b: str) -> float:
    """How alike two wordings read, 0 to 1: the mean of the characters and of the words in common.

    Characters alone do not tell: unrelated sentences of one language share 0.6 of them in order.
    """
    if a == b:
        return 1.0
    shorter, longer = (a, b) if len(a) <= len(b) else (b, a)
    if len(longer) > LONGEST_COMPARED:
        return 0.0
    if longer.startswith(shorter):
        if len(shorter) >= _STARTS_LENGTH:
            return _STARTS_ALIKE
        if longer[len(shorter)] == " ":
            return _CONTINUED
    score = fuzz.ratio(a, b) / 100
    return (score + _common_words(a, b, score)) / 2 if score > 0.5 else score


def _common_words(a: str, b: str, characters: float) -> float:
    """The share of the words in common, less where each text has numbers that the other lacks."""
    mine, theirs = set(_WORD.findall(a)), set(_WORD.findall(b))
    fewest = min(len(mine), len(theirs))
    share = 2 * len(mine & theirs) / (len(mine) + len(theirs)) if fewest > 2 else characters - _FEW_WORDS
    numbers = set(_NUMBER.findall(a)), set(_NUMBER.findall(b))
    return share - 2 * _OTHER_NUMBERS * bool(numbers[0] - numbers[1] and numbers[1] - numbers[0])
