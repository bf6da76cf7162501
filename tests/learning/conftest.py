"""Panels whose effects are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Draw 40 entities in six years; the effect is .5 and controls enter squared."""
    rng = np.random.default_rng(5)
    entity, year = np.repeat(np.arange(40), 6), np.tile(np.arange(6), 40)
    effects = rng.normal(size=(3, 40))[:, entity]
    x, z = rng.normal(size=(2, 240)) + effects[0]
    d = x + 0.5 * x**2 + effects[1] + rng.normal(size=240)
    y = 0.5 * d + z + x**2 + effects[2] + 0.3 * year + rng.normal(size=240)
    return pd.DataFrame({"i": entity, "t": year, "y": y, "d": d, "x": x, "z": z})


@pytest.fixture(scope="session")
def panel(frame: pd.DataFrame) -> dp.Panel:
    return dp.Panel(frame, "i", "t")
