"""Link reference definitions: lines such as `[label]: destination "title"`, which are no text.

Public: `Definition`, `without_nul`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from plans.document.text import TRIMMED

_LABEL_END = re.compile(r"(?:[^\[\]\\\n]|\\[^\n])*")
_POINTED = re.compile(r"<(?:[^<>\\\n]|\\.)*>")
_BAD_SCHEME = re.compile(
    r"\s*(?:vbscript|javascript|file|data(?!:image/(?:gif|png|jpeg|webp);)):", re.IGNORECASE
)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_TITLE_ENDS = {'"': '"', "'": "'", "(": ")"}


def without_nul(body: str) -> str:
    """The line as Markdown has it: NUL is a control character, U+FFFD is none."""
    return body.replace("\0", "\ufffd")


class Definition:
    """Reads a link reference definition; its text grows by a line where one is needed."""

    def __init__(self, continuation: Callable[[int], str | None], number: int, first: str) -> None:
        """`continuation` gives a line as it would go on with the definition; None if it cannot."""
        self.continuation = continuation
        self.following = number + 1
        self.text = without_nul(first) + "\n"

    def grow(self) -> bool:
        """Whether there is a further line that can belong to the definition. It is added."""
        line = self.continuation(self.following)
        if line is None:
            return False
        self.text += without_nul(line) + "\n"
        self.following += 1
        return True

    def end(self) -> int:
        """The number of the line after the definition; 0 if there is none."""
        pos = self.label(1)
        if pos < 0 or self.text[pos : pos + 2] != "]:" or not self.text[1:pos].strip(TRIMMED):
            return 0
        start = self.skip_blanks(pos + 2)
        pos = self.destination(start)
        if pos < 0 or _BAD_SCHEME.match(_ESCAPE.sub(r"\1", self.text[start:pos].strip("<>"))):
            return 0
        following = self.following
        begin = self.skip_blanks(pos)
        after = self.title(begin) if begin > pos else -1
        if after >= 0 and self.at_line_end(after):
            return self.following
        if after == begin + 2:
            return 0  # An empty title followed by something else is not given up, as any other would be.
        return following if self.at_line_end(pos) else 0

    def at_line_end(self, pos: int) -> bool:
        end = self.text.find("\n", pos)
        return not self.text[pos : end if end >= 0 else None].strip(" \t")

    def label(self, pos: int) -> int:
        """Where the label that begins at `pos` ends; -1 if it does not."""
        while pos < len(self.text):
            match = _LABEL_END.match(self.text, pos)
            pos = match.end() if match else pos
            character = self.text[pos : pos + 1]
            if character == "]":
                return pos
            if character == "\\":
                pos += 1
                character = "\n"
            if character != "\n":
                return -1
            self.grow()
            pos += 1
        return -1

    def skip_blanks(self, pos: int) -> int:
        while pos < len(self.text) and self.text[pos] in " \t\n":
            if self.text[pos] == "\n":
                self.grow()
            pos += 1
        return pos

    def destination(self, pos: int) -> int:
        """Where the link destination that begins at `pos` ends; -1 if there is none."""
        text = self.text
        if text.startswith("<", pos):
            match = _POINTED.match(text, pos)
            return match.end() if match else -1
        start, level = pos, 0
        while pos < len(text) and text[pos] > " " and text[pos] != "\x7f":
            character = text[pos]
            if character == "\\" and pos + 1 < len(text):
                if text[pos + 1] == " ":
                    break
                pos += 2
                continue
            if character == "(":
                level += 1
                if level > 32:
                    return -1
            elif character == ")":
                if level == 0:
                    break
                level -= 1
            pos += 1
        return pos if pos > start and level == 0 else -1

    def title(self, pos: int) -> int:
        """Where the title that begins at `pos` ends; -1 if there is none."""
        closing = _TITLE_ENDS.get(self.text[pos : pos + 1])
        if closing is None:
            return -1
        pos += 1
        while True:
            while pos < len(self.text):
                character = self.text[pos]
                if character == closing:
                    return pos + 1
                if character == "(" and closing == ")":
                    return -1
                pos += 2 if character == "\\" and pos + 1 < len(self.text) else 1
            if not self.grow():
                return -1
