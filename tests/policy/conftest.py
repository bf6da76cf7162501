from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import EventStudy, EventStudyResults, Panel


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Draw sixty cities over ten years: cohorts 2004, 2006, a third never treated."""
    rng = np.random.default_rng(1)
    made = pd.DataFrame(
        {
            "city": np.repeat(np.arange(60), 10),
            "year": np.tile(np.arange(10) + 2000, 60),
        }
    )
    made["first"] = np.array([2004.0, 2006.0, np.nan])[made["city"] % 3]
    made["x"] = rng.normal(size=600)
    made["y"] = (
        (made["year"] >= made["first"]) * 1.0 + 0.5 * made["x"] + rng.normal(size=600)
    )
    return made


@pytest.fixture(scope="session")
def panel(frame: pd.DataFrame) -> Panel:
    return Panel(frame, "city", "year", labels={"y": "Output", "x": "Capital"})


@pytest.fixture(scope="session")
def study(panel: Panel) -> EventStudyResults:
    return EventStudy("y", "first", ["x"], before=3, after=2).fit(panel)
