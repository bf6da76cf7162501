"""Arellano & Bond (1991), Table 4, column b, and what gretl prints of their firms."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

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


WITHOUT_LAGS = {"lag(w)": None, "lag(k)": None}
LATER = {"n": (2, None), "w": (2, 3), "k": (2, 3), "lag(w)": None}
EVERY = {"n": (2, None), "w": (2, None), "k": (2, None)} | WITHOUT_LAGS
TABLE_4C = {"x": ["ys", "lag(ys)"], "endogenous": ["w", "k", "lag(w)"], "lags": 2}
BLUNDELL_BOND = {"endogenous": ["w", "k", "lag(w)", "lag(k)"]}
# gretl 2025a: the commands of its scripts arbond91.inp and bbond98.inp, which have
# --dpdstyle. Estimates, standard errors, rows, instruments, AR(1), AR(2), and the test
# that gretl calls Sargan's.
GRETL: dict[str, tuple[dict[str, Any], dict[str, tuple[float, float]], list[float]]] = {
    "one step, predetermined w and k": (
        {**TABLE_4C, "instrument_lags": LATER, "steps": 1, "sargan_df": "n-k"},
        {"lag(n)": (0.802481, 0.109533), "w": (-0.604034, 0.155815)},
        [611, 59, -4.19678, -0.486866, 96.652],
    ),
    "two steps, predetermined w and k": (
        {**TABLE_4C, "instrument_lags": LATER},
        {"lag(n)": (0.807430, 0.128189), "w": (-0.568624, 0.173075)},
        [611, 59, -3.05953, -0.571829, 58.7147],
    ),
    "Blundell and Bond, differences": (
        {**BLUNDELL_BOND, "instrument_lags": EVERY},
        {"lag(n)": (0.678787, 0.0890780), "w": (-0.719830, 0.122141)},
        [751, 91, -4.46186, -0.168749, 88.7965],
    ),
    "Blundell and Bond, system": (
        {
            **BLUNDELL_BOND,
            "instrument_lags": EVERY,
            "estimator": "system",
            "h": 2,
            "equations": {"time_effects": "level"},
        },
        {"lag(n)": (0.872881, 0.0452841), "w": (-0.779745, 0.116560)},
        [891, 113, -5.80672, -0.147052, 111.589],
    ),
}


@pytest.fixture(scope="module")
def firms() -> dp.Panel:
    if not FIRMS.exists():
        pytest.skip("abdata.csv is not beside the project")
    return dp.Panel(pd.read_csv(FIRMS), "id", "year")


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("name", GRETL)
def test_numbers_of_gretl(name: str, firms: dp.Panel) -> None:
    options, table, printed = GRETL[name]
    fit = dp.DynamicPanel("n", collapse=False, **options).fit(firms)
    values = np.array(list(table.values()))
    np.testing.assert_allclose(fit.params[list(table)], values[:, 0], atol=ATOL)
    np.testing.assert_allclose(fit.std_errors[list(table)], values[:, 1], atol=ATOL)
    test = fit.sargan if options.get("steps") == 1 else fit.hansen
    numbers = [fit.nobs, fit.n_instruments, *fit.ar_tests["z"][:2], test.statistic]
    np.testing.assert_allclose(numbers, printed, rtol=2e-5)


def test_table_4b(firms: dp.Panel) -> None:
    x = list(TABLE_4B)[2:]
    every_lag = {"collapse": False, "instrument_lags": (2, None)}
    spec = dp.DynamicPanel("n", x, lags=2, **every_lag)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = spec.fit(firms)
    values = np.array(list(TABLE_4B.values()))
    np.testing.assert_allclose(fit.params[list(TABLE_4B)], values[:, 0], atol=ATOL)
    np.testing.assert_allclose(fit.std_errors[list(TABLE_4B)], values[:, 1], atol=ATOL)
    assert (fit.nobs, fit.n_instruments, fit.hansen.df) == (611, 38, 25)
    assert fit.hansen.statistic == pytest.approx(30.112, abs=6e-4)
    assert fit.ar_tests["z"].round(2).tolist()[:2] == [-1.54, -0.28]
