"""Distances on the earth."""

from __future__ import annotations

import numpy as np

from digiprosper.kernels import Floats

# Mean radius of the earth in kilometres (International Union of Geodesy and
# Geophysics).
EARTH_RADIUS = 6371.0088


def great_circle(origin: Floats, destination: Floats) -> Floats:
    """Compute great-circle distances in kilometres by the haversine formula.

    The (..., 2) arrays of latitude and longitude in degrees broadcast; NaN where a
    coordinate is. On a sphere of the earth's mean radius; distances on the ellipsoid
    differ by about half a percent at most.
    """
    origin, destination = np.radians(origin), np.radians(destination)
    latitude, other = origin[..., 0], destination[..., 0]
    # Half the chord, squared.
    chord = (
        np.sin((latitude - other) / 2) ** 2
        + np.cos(latitude)
        * np.cos(other)
        * np.sin((origin[..., 1] - destination[..., 1]) / 2) ** 2
    )
    return np.asarray(2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(chord, 1.0))))
