"""Arellano & Bond (1991), Table 4, column b: two steps with dummies of periods."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

FIRMS = Path(__file__).resolve().parents[3] / "shared" / "data" / "abdata.csv"
# As plm prints them, from logarithms in double precision.
TABLE_4B = {
    "lag(log(emp))": (0.4741506, 0.1853985),
    "lag(log(emp), 2)": (-0.0529675, 0.0517491),
    "log(wage)": (-0.5132048, 0.1455653),
    "lag(log(wage))": (0.2246398, 0.1419495),
    "log(cap)": (0.2927231, 0.0626271),
    "log(indoutpt)": (0.6097748, 0.1562625),
    "lag(log(indoutpt))": (-0.4463726, 0.2173020),
}


def test_table_4b() -> None:
    if not FIRMS.exists():
        pytest.skip("abdata.csv is not beside the project")
    x = list(TABLE_4B)[2:]
    spec = dp.DynamicPanel("log(emp)", x, lags=2, collapse=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = spec.fit(dp.Panel(pd.read_csv(FIRMS), "id", "year"))
    values = np.array(list(TABLE_4B.values()))
    np.testing.assert_allclose(fit.params[list(TABLE_4B)], values[:, 0], atol=6e-8)
    np.testing.assert_allclose(fit.std_errors[list(TABLE_4B)], values[:, 1], atol=6e-8)
    assert (fit.nobs, fit.n_instruments, fit.hansen.df) == (611, 38, 25)
    assert fit.hansen.statistic == pytest.approx(30.112, abs=6e-4)
    assert fit.ar_tests["z"].round(2).tolist()[:2] == [-1.54, -0.28]
