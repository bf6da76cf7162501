"""Two tables: cities with holes and odd names, and regions with categories."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel


@pytest.fixture
def cities() -> pd.DataFrame:
    """An unsorted, unbalanced table with a text column."""
    rng = np.random.default_rng(0)
    grid = pd.DataFrame(
        [(f"p{i}", 2010 + t) for i in range(5) for t in range(6)],
        columns=["city", "year"],
    )
    grid["gdp"] = rng.lognormal(size=len(grid))
    grid["digital"] = rng.normal(size=len(grid))
    grid["region"] = np.where(grid["city"].isin(["p0", "p2"]), "east", "west")
    grid["K / L"] = rng.uniform(1, 2, size=len(grid))
    grid["资本"] = rng.uniform(1, 2, size=len(grid))
    return grid.sample(frac=0.85, random_state=0)


@pytest.fixture
def panel(cities: pd.DataFrame) -> Panel:
    return Panel(cities, "city", "year", labels={"gdp": "GDP"})


@pytest.fixture
def regions() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 24
    return pd.DataFrame(
        {
            "city": np.repeat(list("ABCDEF"), 4),
            "year": np.tile([2010, 2011, 2012, 2013], 6),
            "y": rng.normal(size=n),
            "x": rng.uniform(1, 2, size=n),
            "z": rng.normal(size=n),
            "region": np.repeat(["west", "east", "north"], 8),
            "kind": np.tile([3, 1, 2], 8),
            "level": pd.Categorical(
                np.tile(["low", "mid", "high"], 8),
                categories=["low", "mid", "unused", "high"],
            ),
            "flag": np.tile([True, False], 12),
            "K / L": rng.normal(size=n),
        }
    )
