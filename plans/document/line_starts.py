"""How the beginning of a line is told: patterns of CommonMark and GFM, and where markers and blanks end."""

from __future__ import annotations

import re

from plans.document.text import TRIMMED

LIST_MARKER = re.compile(r"(?:([-+*])|([0-9]{1,9})([.)]))(?=[ \t]|$)")
_RULE_RUNS = {character: re.compile(rf"[{character} \t]*") for character in "-*_"}
ORDERED = re.compile(r"([0-9]{1,9})([.)]) {1,4}(?! )")
FENCE_OPEN = re.compile(r"(`{3,})[^`]*$|(~{3,})")
GLUED_FENCE = re.compile(r"[^`]```[a-z]+$")
HEADING = re.compile(r"(#{1,6})(?:[ \t]+|$)")
UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*$")
DELIMITERS = re.compile(r"(?:[-|:][-|:]|[|:][ \t])[-|: \t]*$")
DELIMITER_CELL = re.compile(r":?-+:?")
BOX = re.compile(r"\[([ \t\v\f]|.)\](?=[ \t\v\f])")

_HTML_NAMES = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|"
    "fieldset|figcaption|figure|footer|form|frame|frameset|h1|h2|h3|h4|h5|h6|head|header|hr|html|iframe|legend|li|"
    "link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|"
    "thead|title|tr|track|ul"
)
_ATTRIBUTE = r"(?:\s+[a-zA-Z_:][a-zA-Z0-9:._-]*(?:\s*=\s*(?:[^\"'=<>`\x00-\x20]+|'[^']*'|\"[^\"]*\"))?)"
HTML_STARTS: tuple[tuple[re.Pattern[str], re.Pattern[str] | None], ...] = (
    (
        re.compile(r"<(?a:(script|pre|style|textarea))(?=(\s|>|$))", re.IGNORECASE),
        re.compile(r"</(?a:(script|pre|style|textarea))>", re.IGNORECASE),
    ),
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<\?"), re.compile(r"\?>")),
    (re.compile(r"<![A-Za-z]"), re.compile(r">")),
    (re.compile(r"<!\[CDATA\["), re.compile(r"\]\]>")),
    (re.compile(rf"</?(?a:({_HTML_NAMES}))(?=(\s|/?>|$))", re.IGNORECASE), None),
)
HTML_TAG = re.compile(rf"(?:<[A-Za-z][A-Za-z0-9\-]*{_ATTRIBUTE}*\s*/?>|</[A-Za-z][A-Za-z0-9\-]*\s*>)\s*$")

_BLANKS = frozenset(TRIMMED)
DIGITS = frozenset("0123456789")
NO_TEXT = _BLANKS | {""}
SIGNS = frozenset("☐☑☒✅â")
NOT_PLAIN = frozenset("#`~>-*+_<[=0123456789") | _BLANKS
"""First characters that need a closer look. A line that begins otherwise is text, or if `PLAIN` matches."""

PLAIN = re.compile(
    r"\*\*?[^\s*]|__?[^\s_]|-[^\s-]|\+\S|=[^\s=]|``?[^`\s]|\[(?!.\])[^\[\]\\]+\](?!:)|[0-9]+[^\s0-9.)]|[0-9]+[.)]\S"
)


def is_first(body: str, start: int, pos: int) -> bool:
    """Whether only the list marker at `start` and blanks stand before `pos`."""
    match = LIST_MARKER.match(body, start)
    return match is not None and not body[match.end() : pos].strip(" \t")


def run_end(body: str, pos: int, character: str) -> int:
    """Where something else than `character` and blanks begins."""
    match = _RULE_RUNS[character].match(body, pos)
    assert match is not None, "the pattern matches the empty text"
    return match.end()


def is_rule(body: str, pos: int, character: str) -> bool:
    """Whether the line is a thematic break of such characters."""
    return run_end(body, pos, character) == len(body) and body.count(character, pos) >= 3


def skip_blanks(body: str, pos: int, column: int, base: int) -> tuple[int, int]:
    """(position of the first character that is no blank, its column), from `pos` in `column` on."""
    end = len(body)
    while pos < end:
        character = body[pos]
        if character == " ":
            column += 1
        elif character == "\t":
            column += 4 - (column + base) % 4
        else:
            break
        pos += 1
    return pos, column


def enter_quote(body: str, pos: int, indent: int, base: int) -> tuple[int, int, int, int]:
    """(position of the text, its indent, column base, begin of the content) after the `>` at `pos`."""
    offset = indent + 1
    pos += 1
    following = body[pos : pos + 1]
    blank = following in (" ", "\t")
    new_base = indent + 1 + blank
    shift = 0
    if following == " " or (following == "\t" and (base + offset) % 4 == 3):
        pos += 1
        offset += 1
        initial = offset
    else:
        initial = offset
        shift = int(blank)
    begin = pos
    pos, offset = skip_blanks(body, pos, offset, base + shift)
    return pos, offset - initial, new_base, begin


def header_cells(text: str) -> int:
    """The number of cells in a row of a table; a `|` after a backslash is text."""
    cells = len(re.findall(r"(?<!\\)\|", text)) + 1
    if text.startswith("|"):
        cells -= 1
    if cells and text.endswith("|") and not text.endswith("\\|"):
        cells -= 1
    return cells
