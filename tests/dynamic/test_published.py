"""Arellano & Bond (1991), Table 4, column b: two steps with dummies of periods."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

FIRMS = Path(__file__).resolve().parents[3] / "shared" / "data" / "abdata.csv"
# As plm, pydynpd and panelbox print them too.
TABLE_4B = {
    "lag(n)": (0.4741506, 0.1853985),
    "lag(n, 2)": (-0.0529675, 0.0517491),
    "w": (-0.5132048, 0.1455653),
    "lag(w)": (0.2246398, 0.1419495),
    "k": (0.2927231, 0.0626271),
    "ys": (0.6097748, 0.1562625),
    "lag(ys)": (-0.4463726, 0.2173020),
}
# The file has the logarithms in single precision. Other roundings of the last digit
# move the estimates by as much.
ATOL = 3e-6


def test_table_4b() -> None:
    if not FIRMS.exists():
        pytest.skip("abdata.csv is not beside the project")
    x = list(TABLE_4B)[2:]
    every_lag = {"collapse": False, "instrument_lags": (2, None)}
    spec = dp.DynamicPanel("n", x, lags=2, **every_lag)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = spec.fit(dp.Panel(pd.read_csv(FIRMS), "id", "year"))
    values = np.array(list(TABLE_4B.values()))
    np.testing.assert_allclose(fit.params[list(TABLE_4B)], values[:, 0], atol=ATOL)
    np.testing.assert_allclose(fit.std_errors[list(TABLE_4B)], values[:, 1], atol=ATOL)
    assert (fit.nobs, fit.n_instruments, fit.hansen.df) == (611, 38, 25)
    assert fit.hansen.statistic == pytest.approx(30.112, abs=6e-4)
    assert fit.ar_tests["z"].round(2).tolist()[:2] == [-1.54, -0.28]
