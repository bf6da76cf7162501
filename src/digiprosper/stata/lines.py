"""A do-file as statements: encodings, comments, continued lines, delimiters."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DELIMIT = re.compile(r"#d(?:e(?:l(?:i(?:m(?:i(?:t)?)?)?)?)?)?\s*(;|cr)?\s*$")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a do-file, without comments, and the line where it starts."""

    number: int
    text: str


def decode(data: bytes) -> str:
    """Decode a do-file: UTF-16 with its mark, UTF-8, else GB18030, else Latin-1."""
    if data.startswith(_UTF16):
        return data.decode("utf-16", errors="replace")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def statements(text: str) -> list[Statement]:
    """Split a do-file into statements; comments are removed.

    ``///`` continues a line, that of a ``*`` comment too. ``//`` starts a comment at
    the start of a line and after a blank only.
    """
    return _Scanner(text.replace("\r\n", "\n").replace("\r", "\n")).run()


class _Scanner:
    """Reads characters from left to right and collects statements."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.semicolon = False
        self.buffer: list[str] = []
        self.start = 1
        self.out: list[Statement] = []

    def run(self) -> list[Statement]:
        while self.at < len(self.text):
            self._step()
        self._finish()
        return self.out

    def _step(self) -> None:
        text, at = self.text, self.at
        empty = not "".join(self.buffer).strip()
        if text.startswith("/*", at) and not text.startswith("//*", at - 1):
            self._skip_block()
        elif text.startswith("//", at) and (at == 0 or text[at - 1].isspace()):
            self._skip_slashes()
        elif empty and text[at] == "*":
            self._skip_star()
        elif text[at] == '"':
            self._read_quoted()
        elif text[at] == "\n":
            self._end_of_line()
        elif text[at] == ";" and self.semicolon:
            self.at += 1
            self._finish()
        else:
            self._take(1)

    def _take(self, count: int) -> None:
        if not "".join(self.buffer).strip():
            self.start = self.line
        self.buffer.append(self.text[self.at : self.at + count])
        self.at += count

    def _end_of_line(self) -> None:
        self.at += 1
        if not self.semicolon or _DELIMIT.match("".join(self.buffer).strip()):
            self._finish()
        else:
            self.buffer.append(" ")
        self.line += 1

    def _finish(self) -> None:
        text = "".join(self.buffer).strip()
        self.buffer = []
        delimit = _DELIMIT.match(text)
        if delimit:
            self.semicolon = delimit[1] == ";"
        elif text:
            self.out.append(Statement(self.start, text))

    def _skip_block(self) -> None:
        """Skip a block comment; such comments may be nested."""
        depth = 0
        while self.at < len(self.text):
            pair = self.text[self.at : self.at + 2]
            depth += (pair == "/*") - (pair == "*/")
            self.line += self.text[self.at] == "\n"
            self.at += 2 if pair in ("/*", "*/") else 1
            if depth == 0:
                break
        self.buffer.append(" ")

    def _skip_slashes(self) -> None:
        """Skip from ``//`` to the end of the line, which ``///`` joins to the next."""
        joins = self.text.startswith("///", self.at)
        end = self._end()
        self.at = end + 1 if joins else end
        self.line += joins
        self.buffer.append(" ")

    def _skip_star(self) -> None:
        """Skip a comment that starts with an asterisk, continued lines included."""
        while self.at < len(self.text):
            end = self.text.find(";", self.at) if self.semicolon else self._end()
            end = len(self.text) if end < 0 else end
            comment = self.text[self.at : end]
            opened = comment.find("/*")
            if opened >= 0 and "*/" in self.text[self.at + opened :]:
                self.at += opened
                self._skip_block()
                continue
            continues = not self.semicolon and re.search(r"(^|\s)///", comment)
            self.line += comment.count("\n") + bool(continues)
            self.at = end + bool(continues)
            if not continues:
                break

    def _read_quoted(self) -> None:
        """Copy a quoted text; one that is not closed ends with the line."""
        close = self.text.find('"', self.at + 1)
        end = len(self.text) if self.semicolon else self._end()
        stop = end if close < 0 or close > end else close + 1
        count = max(stop - self.at, 1)
        newlines = self.text.count("\n", self.at, self.at + count)
        self._take(count)
        self.line += newlines

    def _end(self) -> int:
        end = self.text.find("\n", self.at)
        return len(self.text) if end < 0 else end
