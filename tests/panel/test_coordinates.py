"""Latitude and longitude, read from columns with their names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import ColumnError, InputTypeError, OptionError
from digiprosper.panel.coordinates import degrees_of


@pytest.mark.parametrize(
    "names",
    [("lat", "lon"), ("Latitude", "LNG"), ("纬度", "经度"), ("latitude", "long")],
)
def test_names_of_columns(names) -> None:
    frame = pd.DataFrame({names[1]: [120.0, 121.0], "x": 1, names[0]: [30.0, None]})
    np.testing.assert_array_equal(
        degrees_of(frame, "f"), [[30.0, 120.0], [np.nan, 121.0]]
    )


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ([1, 2], InputTypeError),
        (pd.DataFrame({"lat": [1.0]}), ColumnError),
        (pd.DataFrame({"lat": [1.0], "latitude": [1.0], "lon": [1.0]}), ColumnError),
        (pd.DataFrame({"lat": ["1"], "lon": [1.0]}), InputTypeError),
        (pd.DataFrame({"lat": [91.0], "lon": [1.0]}), OptionError),
        (pd.DataFrame({"lat": [1.0], "lon": [181.0]}), OptionError),
    ],
)
def test_what_is_refused(frame, error) -> None:
    with pytest.raises(error, match="distances"):
        degrees_of(frame, "distances")
