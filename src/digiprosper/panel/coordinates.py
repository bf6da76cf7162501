"""Latitude and longitude, read from columns with their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.errors import ColumnError, InputTypeError, OptionError, quoted, subject
from digiprosper.kernels import Floats

_LATITUDES = ("lat", "latitude", "纬度")
_LONGITUDES = ("lon", "lng", "long", "longitude", "经度")


def degrees_of(frame: pd.DataFrame, caller: str) -> Floats:
    """Read latitude and longitude in degrees (n, 2), by their usual names."""
    if not isinstance(frame, pd.DataFrame):
        raise InputTypeError(
            f"{caller} takes a DataFrame with latitude and longitude, not "
            f"{type(frame).__name__}: panel.frame[['lat', 'lon']]."
        )
    values = frame[list(coordinate_names(list(frame.columns), caller))]
    odd = [
        name
        for name, kind in values.dtypes.items()
        if not pd.api.types.is_numeric_dtype(kind) or kind.kind == "c"
    ]
    if odd:
        raise InputTypeError(f"{caller}: {subject(odd, 'does')} not hold numbers.")
    degrees = values.to_numpy(dtype=np.float64, na_value=np.nan)
    refuse_beyond(degrees, "coordinates", caller)
    return degrees


def coordinate_names(names: Sequence[Any], caller: str) -> tuple[Any, Any]:
    """Find the one column of latitude and the one of longitude by their names."""
    matches = [
        [n for n in names if str(n).casefold() in spellings]
        for spellings in (_LATITUDES, _LONGITUDES)
    ]
    if [len(columns) for columns in matches] != [1, 1]:
        raise ColumnError(
            f"{caller}: the columns are {quoted(names)}; it needs one latitude ('lat') "
            "and one longitude ('lon')."
        )
    return matches[0][0], matches[1][0]


def latitude_first(first: str, second: str) -> tuple[str, str]:
    """Return two terms; usual names of longitude and latitude in the other order."""
    swapped = first.casefold() in _LONGITUDES and second.casefold() in _LATITUDES
    return (second, first) if swapped else (first, second)


def refuse_beyond(degrees: Floats, subject: str, caller: str) -> None:
    """Refuse latitudes beyond 90 or longitudes beyond 180 in `degrees`, (n, 2)."""
    latitude, longitude = np.abs(degrees).T
    if (latitude > 90).any() or (longitude > 180).any():
        raise OptionError(
            f"{caller}: {subject} have a latitude beyond 90 or a longitude beyond 180 "
            "degrees. Check that they are in degrees and not swapped."
        )
