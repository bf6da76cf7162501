"""Checks of options, and problems that errors of several folders state."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    cited,
    did_you_mean,
    quoted,
    suggestion,
)

# More draws than anybody needs, and fewer than memory holds.
MOST_DRAWS = 10_000_000
_LARGEST_ROOT = math.sqrt(sys.float_info.max)
# Levels of tests, which other packages take where we take the level of an interval.
_SIGNIFICANCE = (0.1, 0.05, 0.01)
_MOST_UNKNOWN = 12


def several(problems: Sequence[Notice], limit: int = 5) -> str:
    """Join the messages of problems, the first few and then a count."""
    shown = "; ".join(p.message for p in problems[:limit])
    return (
        shown
        if len(problems) <= limit
        else f"{shown}; and {len(problems) - limit} more like these"
    )


def plain(value: object) -> Any:
    """Convert a numpy scalar to a Python one; a float32 becomes what it prints."""
    if type(value).__module__ != "numpy" or getattr(value, "ndim", 1) != 0:
        return value
    scalar: Any = value
    item = scalar.item()
    # A longdouble has no equal Python float, so it is converted as it prints.
    return float(str(scalar)) if scalar.dtype.kind == "f" else item


def is_real(value: object) -> TypeGuard[float]:
    """Return whether a value is a real number in the range of floats, not a bool."""
    number = plain(value)
    if isinstance(number, int) and number.bit_length() > sys.float_info.max_exp - 1:
        return False
    return isinstance(number, int | float) and not isinstance(number, bool)


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer of Python or numpy, not a bool."""
    return is_real(value) and isinstance(plain(value), int)


def finite_numbers(values: object) -> list[float]:
    """List one or several numbers; empty unless all are real with finite squares."""
    if isinstance(values, bytes) or getattr(values, "ndim", 0) > 1:
        return []
    items = [values]
    # An array around one number cannot be listed.
    if isinstance(values, Iterable) and getattr(values, "shape", None) != ():
        items = list(values)
    if isinstance(values, Mapping) or not all(
        is_real(item) and abs(item) <= _LARGEST_ROOT for item in items
    ):
        return []
    return [float(plain(item)) for item in items]


def option_problem(
    option: str,
    value: object = None,
    allowed: Iterable[object] = (),
    what: str | None = None,
) -> Notice:
    """State that an option cannot be used (code option; data option, value, allowed).

    `what` is the message; by default the option with its value.
    """
    data = {"option": option, "value": value, "allowed": tuple(allowed)}
    return Notice("option", what or f"{option}={cited(value)}", data)


def option_error(
    option: str, value: object, text: str, allowed: Iterable[object] = ()
) -> OptionError:
    """Build an `OptionError` with a single problem."""
    return OptionError(text, [option_problem(option, value, allowed, text)])


def type_error(
    option: str, value: object, needed: str, caller: str = ""
) -> InputTypeError:
    """Build the error of an option that must be what is `needed`."""
    text = f"{option}={cited(value)} must be {needed}."
    if caller:
        text = f"{caller}: {text}"
    return InputTypeError(text, [option_problem(option, value)])


def one_problem(
    kind: type[DigiprosperError], code: str, text: str, /, **data: object
) -> DigiprosperError:
    """Build an error with a single problem."""
    return kind(text, [Notice(code, text, data)])


def not_identified(code: str, text: str, /, **data: object) -> IdentificationError:
    """Build an `IdentificationError` with a single problem."""
    return IdentificationError(text, [Notice(code, text, data)])


def column_problem(column: str, role: str, what: str | None = None) -> Notice:
    """State that a column or term is unknown or badly named (data column, role)."""
    return Notice(
        "column", what or f"no column {cited(column)}", {"column": column, "role": role}
    )


def missing_problem(
    term: str,
    count: int | None = None,
    rows: Iterable[object] = (),
    what: str | None = None,
) -> Notice:
    """State that values are missing or not finite (data term, count, rows)."""
    data = {"term": term, "count": count, "rows": tuple(rows)}
    return Notice("missing", what or f"{term}: {count}", data)


def models_problem(what: str, given: object = None) -> Notice:
    """State that an object is not a result of the required type (data type)."""
    return Notice(
        "models", what, {"type": None if given is None else type(given).__name__}
    )


def collinearity_problem(
    column: str, on: Iterable[str], what: str | None = None
) -> Notice:
    """State that a column is an exact combination (code collinear; data column, on)."""
    return Notice(
        "collinear", what or cited(column), {"column": column, "on": tuple(on)}
    )


def text_problem(
    column: str, values: Iterable[object] = (), what: str | None = None
) -> Notice:
    """State that a column is not numeric (code not_numeric; data column, values)."""
    data = {"column": column, "values": tuple(map(str, values))}
    return Notice("not_numeric", what or f"{cited(column)} is not numeric", data)


def alignment_problem(
    column: str | None, what: str, rows: Iterable[object] = ()
) -> Notice:
    """State that values do not belong to the rows (data column, rows)."""
    return Notice("alignment", what, {"column": column, "rows": tuple(rows)})


def term_problem(term: str, role: str, why: str) -> Notice:
    """State that a text cannot be read as a term (code term; data term, role)."""
    return Notice("term", why, {"term": term, "role": role})


def check_option(name: str, value: object, allowed: Sequence[object]) -> None:
    """Refuse an option that is not one of the allowed words."""
    # A 0-d array is not accepted as an option: it cannot be hashed.
    is_plain = value is None or type(value) is str
    if not is_plain and getattr(value, "__hash__", None):
        value = plain(value)
    for word in allowed:
        if value is word or (type(value) is type(word) and value == word):
            return
    words = list(map(repr, allowed))
    text = f"is not known; use one of {', '.join(words)}"
    text += suggestion(str(value), "word", map(str, allowed))
    if all(word is None or isinstance(word, bool) for word in allowed):
        text = f"must be {', '.join(words[:-1])} or {words[-1]}"
    raise OptionError(
        f"{name}={cited(value)} {text}.", [option_problem(name, value, allowed)]
    )


def check_level(level: object, nearest: float = 0.0) -> float:
    """Refuse a confidence level outside (0, 1), or nearer to its ends than asked."""
    number = plain(level)
    if not is_real(number) or not 0 < number < 1:
        raise OptionError(
            f"level={cited(level)} must be a number between 0 and 1, such as .95."
        )
    if number in _SIGNIFICANCE:
        raise OptionError(
            f"level={number} is a significance level; the confidence level is "
            f"level={1 - number}."
        )
    if not nearest <= number <= 1 - nearest:
        text = f"level={number} is too near 0 or 1; .95 is usual."
        raise option_error("level", level, text)
    return float(number)


def check_whole(name: str, value: object, least: int, most: int) -> int:
    """Refuse an option that is not a whole number from `least` to `most`."""
    number = plain(value)
    if not is_whole(number) or not least <= number <= most:
        raise OptionError(
            f"{name}={cited(value)} must be an integer from {least:,} to {most:,}.",
            [option_problem(name, value)],
        )
    return number


def check_real(
    name: str, value: object, is_allowed: Callable[[float], bool], kind: str
) -> float:
    """Refuse an option unless it is an allowed number; `kind` describes those."""
    number = plain(value)
    if not is_real(number) or not is_allowed(number):
        raise option_error(name, value, f"{name}={cited(value)} must be {kind}.")
    return float(number)


def check_numbers(
    name: str,
    values: object,
    kind: str,
    is_allowed: Callable[[float], bool] = math.isfinite,
) -> list[float]:
    """Refuse an option unless it is one or more allowed numbers; `kind` says which."""
    numbers = finite_numbers(values)
    if not numbers or not all(map(is_allowed, numbers)):
        raise option_error(name, values, f"{name}={cited(values)} must be {kind}.")
    return numbers


def check_type(value: object, kind: Any, needed: str) -> None:
    """Refuse a value of another type; `needed` says what it must be."""
    if not isinstance(value, kind):
        raise InputTypeError(f"{needed}, not {type(value).__name__}.")


def as_path(caller: str, value: Any) -> Path:
    """Convert text or a path-like object to a Path; refuse anything else."""
    check_type(value, str | os.PathLike, f"{caller} takes the path of a file or folder")
    return Path(value)


def refuse_unknown(
    names: Iterable[str],
    existing: Collection[object],
    role: str,
    labels: Mapping[str, str] | None = None,
) -> None:
    """Refuse columns that are not among the existing ones, all in one error."""
    if absent := [name for name in names if name not in existing]:
        raise unknown_columns(absent, existing, role, labels)


def unknown_columns(
    names: Iterable[str],
    existing: Iterable[object],
    role: str,
    labels: Mapping[str, str] | None = None,
    advice: str = "",
) -> ColumnError:
    """Build one error for all columns that are not in the panel.

    `labels` (column to label) explain names that are labels; `advice` is appended.
    """
    missing = list(dict.fromkeys(map(str, names)))
    columns = [str(k) for k in existing]
    column_of = {label: column for column, label in (labels or {}).items()}
    parts = []
    for name in missing[:_MOST_UNKNOWN]:
        column = column_of.get(name)
        hint = (
            did_you_mean(name, columns)
            if column is None
            else f" (the label of the column {cited(column)})"
        )
        parts.append(f"{cited(name)}{hint}")
    if len(missing) > _MOST_UNKNOWN:
        parts.append(f"and {len(missing) - _MOST_UNKNOWN} more")
    return ColumnError(
        (
            f"{role}: no column named {'; '.join(parts)}. The columns are "
            f"{quoted(columns, 12)}."
        )
        + (f" {advice}" if advice else ""),
        [column_problem(name, role) for name in missing],
    )
