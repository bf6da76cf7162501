"""A do-file as statements: encodings, comments, continued lines, delimiters, blocks."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from digiprosper.stata.prefixes import Origin, command_name

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
_FIRST_WORD = re.compile(
    r"(?:(?:qui\w*|noi\w*|cap(?:t|tu|tur|ture)?|n)(?:\s*:\s*|\s+))*"
    r"(?P<word>[^\W\d]\w*|[{}])?"
)
CONTROL = ("foreach", "forvalues", "if", "else", "while")
# Blocks that a line with ``end`` closes; those of `CONTROL` have braces.
UNTIL_END = ("program", "mata", "python", "input")
_BLOCK_SIGN = re.compile(r"/\*|\*/")
# The loop of old Stata, in whose command X stands for an entry, also inside a word.
_OLD_LOOP = re.compile(r"(?:qui\w*:?\s+)?for\s+(var|num|new|any)\w*([^:\\,]+):([^\\]+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a do-file, without comments."""

    origin: Origin
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


def statements(text: str, file: str = "") -> list[Statement]:
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
                out.append(Statement(Origin(file, start), body))
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


# --- blocks --------------------------------------------------------------------------


def _as_foreach(text: str) -> str:
    """Write a loop of old Stata, of one command, as a loop of today on one line."""
    if loop := _OLD_LOOP.fullmatch(text):
        command = loop[3].replace("X", "`X'")
        return f"foreach X of {loop[1]}{loop[2]} {{ {command} }}"
    return text


def one_by_one(statements: Sequence[Statement]) -> list[Statement]:
    """Put closing braces and blocks on one line into statements of their own."""
    out: list[Statement] = []
    for statement in statements:
        text, parts = _as_foreach(statement.text), list[str]()
        while text.startswith("}") and text != "}":
            parts.append("}")
            text = text[1:].strip()
        opens = (
            re.search(r"(?<![$`\w])\{", text) if first_word(text) in CONTROL else None
        )
        if opens and not text.endswith("{"):
            parts.append(text[: opens.end()])
            text = text[opens.end() :].strip()
        if text.endswith("}") and text != "}" and "{" not in text:
            parts += [text[:-1].strip(), "}"]
        else:
            parts.append(text)
        out += [Statement(statement.origin, part) for part in parts if part]
    return out


def ends_of_blocks(statements: Sequence[Statement]) -> dict[int, int]:
    """Find the end of each block: its closing brace, or ``end`` of a program."""
    ends: dict[int, int] = {}
    braces: list[int] = []
    program = -1  # or the position at which an open one begins
    for at, statement in enumerate(statements):
        text = without_prefix(statement.text)
        if program < 0 and _opens_until_end(text):
            program = at
        elif program >= 0 and text == "end":
            del braces[bisect(braces, program) :]
            ends[program], program = at, -1
        elif text.startswith("}") and braces and braces[-1] > program:
            ends[braces.pop()] = at
        elif text.endswith("{"):
            braces.append(at)
    # What is not closed ends with the file.
    unclosed = {*braces, program} - {-1}
    return ends | dict.fromkeys(unclosed, len(statements) - 1)


def _opens_until_end(text: str) -> bool:
    """Tell whether a statement opens a block that ``end`` closes."""
    word = first_word(text)
    if word == "program":
        return not re.match(r"\S+\s+(drop|dir|list)\b", text)
    return word == "input" or text.rstrip(":") in ("mata", "python")


def first_word(text: str) -> str:
    """Name the command of a text, prefixes such as quietly left out."""
    match = _FIRST_WORD.match(text)
    word = match["word"] or "" if match else ""
    return word if word in ("", "{", "}") else command_name(word)


def without_prefix(text: str) -> str:
    """Remove prefixes such as quietly."""
    match = _FIRST_WORD.match(text)
    return text[match.start("word") :] if match and match["word"] else text
