"""Latitude and longitude, read from columns with their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import ColumnError, InputTypeError, OptionError, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats

_LATITUDES = ("lat", "latitude", "纬度")
_LONGITUDES = ("lon", "lng", "long", "longitude", "经度")


def degrees_of(frame: pd.DataFrame, caller: str) -> Floats:
    """Read latitude and longitude.

    Parameters
    ----------
    frame : DataFrame
        With one column for latitude (``lat``, ``latitude`` or ``纬度``) and one for longitude (``lon``,
        ``lng``, ``long``, ``longitude`` or ``经度``), in capitals or not.
    caller : str
        Which function needs them, for messages.

    Returns
    -------
    (n, 2) array
        Latitude and longitude in degrees; NaN where missing.

    Raises
    ------
    InputTypeError
        If it is not a DataFrame, or a column does not hold numbers.
    ColumnError
        If there is not one column of each.
    OptionError
        If a coordinate is beyond 90 or 180 degrees.
    """
    given: object = frame
    if not isinstance(given, pd.DataFrame):
        raise InputTypeError(
            f"{caller} takes a DataFrame with latitude and longitude, not {type(given).__name__}: "
            "panel.frame[['lat', 'lon']]."
        )
    values = frame[list(coordinate_names(list(frame.columns), caller))]
    odd = [c for c in values.columns if not _holds_numbers(values[c])]
    if odd:
        raise InputTypeError(f"{caller}: the column {quoted(odd)} does not hold numbers.")
    degrees = values.to_numpy(dtype=np.float64, na_value=np.nan)
    refuse_beyond(degrees, "coordinates", caller)
    return degrees


def coordinate_names(names: Sequence[Any], caller: str) -> tuple[Any, Any]:
    """Find the columns of latitude and longitude by their names.

    Parameters
    ----------
    names : sequence
        Names of columns.
    caller : str
        Which function needs them, for messages.

    Returns
    -------
    tuple
        The two names.

    Raises
    ------
    ColumnError
        If there is not one column of each.
    """
    found = [[n for n in names if str(n).casefold() in known] for known in (_LATITUDES, _LONGITUDES)]
    if [len(one) for one in found] != [1, 1]:
        raise ColumnError(
            f"{caller}: the columns are {quoted(names)}; it needs one latitude ('lat') and one longitude "
            "('lon')."
        )
    return found[0][0], found[1][0]


def _holds_numbers(column: pd.Series[float]) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype)


def refuse_beyond(degrees: Floats, what: str, caller: str) -> None:
    """Refuse coordinates that no place has.

    Parameters
    ----------
    degrees : (n, 2) array
        Latitude and longitude.
    what : str
        What they are, for messages.
    caller : str
        Which function needs them.

    Raises
    ------
    OptionError
        If a latitude is beyond 90 or a longitude beyond 180 degrees.
    """
    latitude, longitude = np.abs(degrees).T
    if (latitude > 90).any() or (longitude > 180).any():
        raise OptionError(
            f"{caller}: {what} have a latitude beyond 90 or a longitude beyond 180 degrees; are they "
            "swapped, or not in degrees?"
        )
