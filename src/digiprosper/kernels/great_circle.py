"""Distances on the earth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from digiprosper.kernels import Floats

EARTH_RADIUS: Final = 6371.0088
"""Mean radius of the earth in kilometres (International Union of Geodesy and Geophysics)."""


def great_circle(here: Floats, there: Floats) -> Floats:
    """Compute great-circle distances by the haversine formula.

    On a sphere of the earth's mean radius; distances on the ellipsoid differ by about half a percent at most.

    Parameters
    ----------
    here, there : (..., 2) arrays
        Latitude and longitude in degrees, of shapes that broadcast.

    Returns
    -------
    (...) array
        Kilometres; NaN where a coordinate is.

    Examples
    --------
    >>> float(great_circle(np.array([0.0, 0.0]), np.array([0.0, 180.0])).round(1))
    20015.1
    """
    here, there = np.radians(here), np.radians(there)
    latitude, other = here[..., 0], there[..., 0]
    # Half the chord, squared.
    chord = (
        np.sin((latitude - other) / 2) ** 2
        + np.cos(latitude) * np.cos(other) * np.sin((here[..., 1] - there[..., 1]) / 2) ** 2
    )
    return np.asarray(2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(chord, 1.0))))
