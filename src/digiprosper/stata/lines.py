"""A do-file as statements: encodings, comments, continued lines, delimiters."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# A delimiter is set at the start of a line, a comment of two slashes needs a blank
# before it, and a quoted text ends with its line.
_PIECES = (
    r"(?m:^)[ \t]*#d(?:e|el|eli|elim|elimi|elimit)?\b[ \t]*(?:;|cr\b)?"
    r'|(?<!/)/\*|(?:^|(?<=\s))///?[^\n]*|"[^"%s]*"?|\n|;|[^/"\n;*]+|.'
)
_PIECE = {
    "\n": re.compile(_PIECES % r"\n", re.DOTALL),
    ";": re.compile(_PIECES % "", re.DOTALL),
}
# Comments, and the ends of lines inside a statement.
_BLANKS = ("/*", "//", "\n")
_BLOCK_SIGN = re.compile(r"/\*|\*/")


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

    A comment that starts with an asterisk is read like a statement and left out, since
    ``///`` continues it too.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n") + "\n"
    out: list[Statement] = []
    statement, delimiter, line, at = "", "\n", 1, 0
    start = line
    while at < len(text):
        start = start if statement.strip() else line
        piece = _next_piece(text, at, statement, delimiter)
        at += len(piece)
        line += piece.count("\n")
        sets_delimiter = piece.lstrip().startswith("#d")
        if sets_delimiter or piece == delimiter or at == len(text):
            body = statement.strip()
            if body and not body.startswith("*"):
                out.append(Statement(start, body))
            statement = ""
        if sets_delimiter:
            delimiter = ";" if piece.endswith(";") else "\n"
        elif piece != delimiter:
            statement += " " if piece.startswith(_BLANKS) else piece
    return out


def _next_piece(text: str, at: int, statement: str, delimiter: str) -> str:
    """Cut out the next word, mark, quoted text or comment."""
    match = _PIECE[delimiter].match(text, at)
    assert match is not None
    piece = match[0]
    in_comment = statement.lstrip().startswith("*")
    if piece == "/*" and not (in_comment and "*/" not in text[at:]):
        return _block(text, at)
    if in_comment and (piece[0] == '"' or delimiter == ";"):
        # Quotation marks and slashes of such a comment are nothing special.
        return piece[0]
    return text[at : match.end() + 1] if piece.startswith("///") else piece


def _block(text: str, at: int) -> str:
    """Cut out a block comment; such comments may be nested."""
    depth = 0
    for sign in _BLOCK_SIGN.finditer(text, at):
        depth += 1 if sign[0] == "/*" else -1
        if depth == 0:
            return text[at : sign.end()]
    return text[at:]
