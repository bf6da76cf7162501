"""Functions at the start of every script compute as Stata does."""

from __future__ import annotations

import numpy as np
import pandas as pd

from digiprosper.stata import _script


def test_a_weighted_mean_leaves_out_missing_values() -> None:
    x, weights = pd.Series([1.0, np.nan, 4.0]), pd.Series([1.0, 5.0, 2.0])
    assert _script.weighted_mean(x, weights) == 3.0
