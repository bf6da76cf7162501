"""Reading of Stata files, with variable labels and value labels."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    InputTypeError,
    Notice,
    as_path,
    cited,
    clipped,
    one_line,
    option_error,
    quoted,
    subject,
)
from digiprosper.panel.sheets import DAMAGED, drop_empty

_LEAP_SECONDS = "%tC"
_WIDE = {"i": "int64", "f": "float64"}


def read_stata(
    path: str | os.PathLike[str], time: str | None = None, encoding: str | None = None
) -> tuple[pd.DataFrame, dict[str, str], list[Notice]]:
    """Read a Stata file; return the table, labels, and notices of changes.

    Value labels become categories; missing values of every code are missing.

    Value labels of the time key `time` are not applied. `encoding` is for files of
    Stata 13 and earlier.
    """
    content = as_path("from_stata", path).read_bytes()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frame, labels, value_labels = _read(content)
        except DAMAGED as error:
            raise InputTypeError(
                f"from_stata: {cited(str(path))} cannot be read as a Stata file "
                f"(.dta), or is damaged: {clipped(str(error))}."
            ) from error
    single = frame.columns[frame.dtypes == np.float32]
    # Arithmetic of narrow integers would overflow.
    kinds = {name: _WIDE.get(dtype.kind, dtype) for name, dtype in frame.dtypes.items()}
    frame = frame.astype(kinds)
    if encoding is not None:
        frame = frame.map(lambda v: _decode(v, encoding))
        labels = _decode(labels, encoding)
        value_labels = _decode(value_labels, encoding)

    for name in frame.columns[[dtype.kind == "O" for dtype in frame.dtypes]]:
        # Stata counts empty texts as missing.
        frame[name] = frame[name].mask(frame[name] == "")
    frame, empty = drop_empty(frame, frame.columns.tolist())
    notices = [
        *_notices_of_warnings(caught, frame),
        *empty,
        *_single_precision_notices(frame, single),
    ]
    for name in [name for notice in notices for name in notice.data.get("columns", ())]:
        frame[name] = frame[name].where(frame[name].notna(), np.nan).astype(np.float64)
    if isinstance(time, str):
        value_labels.pop(time, None)
    partly = _apply_value_labels(frame, value_labels)
    return (
        frame,
        {name: text for name, label in labels.items() if (text := one_line(label))},
        notices + partly,
    )


def _single_precision_notices(
    frame: pd.DataFrame, names: Iterable[str]
) -> list[Notice]:
    """Report variables of Stata's type float whose values are not whole numbers."""
    rounded = [name for name in names if (frame[name] % 1 > 0).any()]
    text = (
        f"{subject(rounded, 'has')} Stata's type float with seven digits: .1 is "
        ".10000000149. Store it as double in Stata if this matters."
    )
    data = {"columns": tuple(rounded)}
    return [Notice("single_precision", text, data)] if rounded else []


def _apply_value_labels(
    frame: pd.DataFrame, value_labels: Mapping[str, Mapping[int, str]]
) -> list[Notice]:
    """Convert columns with all values labelled to categories; report others."""
    partly, missing = {}, ""
    for name, texts in value_labels.items():
        category = _as_category(frame[name], texts)
        codes = sorted(set(texts).intersection(frame[name].dropna()))
        if category is not None:
            frame[name] = category
        elif codes:
            some = "; ".join(f"{code} is {cited(texts[code])}" for code in codes[:3])
            partly[name] = f"{cited(name)} ({some})"
            likely = [int(code) for code in codes if code < 0] or [int(codes[-1])]
            column = f"f[{cited(name)}]"
            missing = missing or (
                f"panel.assign({name}=lambda f: {column}.mask({column}.isin({likely})))"
            )
    if not partly:
        return []
    text = (
        f"{', '.join(partly.values())}: some values have no value label, or share one; "
        "the numbers are kept. If they are codes of missing values, set them to "
        f"missing: {missing}."
    )
    return [Notice("partly_labelled", text, {"columns": tuple(partly)})]


def _read(
    content: bytes,
) -> tuple[pd.DataFrame, dict[str, str], dict[str, dict[int, str]]]:
    """Return the table, and the labels of its columns and of their values."""
    opened: Any = pd.read_stata(io.BytesIO(content), iterator=True)
    with opened as reader:
        labels = reader.variable_labels()
        # Private: which set of value labels belongs to which variable
        sets: list[str] = list(reader._lbllist)
        if len(labels) < len(sets):
            raise ValueError("two variables have one name")
        frame = reader.read(convert_categoricals=False)
        texts = reader.value_labels()
    keys = zip(frame.columns, sets, strict=True)
    return frame, labels, {name: texts[key] for name, key in keys if key in texts}


def _decode(text: Any, encoding: str) -> Any:
    """Decode text that was read as Latin-1, also in mappings, but no other values."""
    if isinstance(text, dict):
        return {key: _decode(value, encoding) for key, value in text.items()}
    if not isinstance(text, str):
        return text
    try:
        return text.encode("latin-1").decode(encoding)
    except (LookupError, TypeError, ValueError) as error:
        why = " is not known; use one such as 'gb18030'"
        if isinstance(error, UnicodeEncodeError):
            why = ": the text of this file is Unicode already; omit encoding"
        elif isinstance(error, UnicodeDecodeError):
            why = f" is not the encoding of the text {cited(text)}"
        raise option_error(
            "encoding", encoding, f"encoding={cited(encoding)}{why}."
        ) from error


def _as_category(
    values: pd.Series[Any], texts: Mapping[int, str]
) -> pd.Series[Any] | None:
    """Replace codes by labels; None unless every value has a different label."""
    codes = sorted(values.dropna().unique())
    words = [texts[code] for code in codes if code in texts]
    if not codes or len(set(words)) < len(codes):
        return None
    category = pd.Categorical(values, categories=codes).rename_categories(
        dict(zip(codes, words, strict=True))
    )
    return pd.Series(category, index=values.index, name=values.name)


def _notices_of_warnings(
    caught: Sequence[warnings.WarningMessage], frame: pd.DataFrame
) -> list[Notice]:
    """Convert the known warnings of pandas to notices; issue any other again."""
    notices = []
    for warning in caught:
        if _LEAP_SECONDS in str(warning.message):
            columns = tuple(
                [str(name) for name in frame if _are_numbers_as_objects(frame[name])]
            )
            text = (
                f"{quoted(columns)} has the format %tC with leap seconds and is kept "
                "as a number; for dates convert it to %tc in Stata: generate "
                "double t = cofC(x)."
            )
            notices.append(Notice("leap_seconds", text, {"columns": columns}))
        elif issubclass(warning.category, UnicodeWarning):
            text = (
                "some text of the Stata file is not valid UTF-8, the encoding of Stata "
                "14 and later, and was read as Latin-1; convert the file in Stata with "
                "'unicode translate', or pass its encoding."
            )
            notices.append(Notice("undecoded_text", text))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return list({notice.code: notice for notice in notices}.values())


def _are_numbers_as_objects(values: pd.Series[Any]) -> bool:
    return values.dtype == object and all(
        isinstance(v, int | float) for v in values.dropna()
    )
