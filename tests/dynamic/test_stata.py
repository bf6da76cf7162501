"""Every number of Stata's xtabond, xtdpdsys and xtabond2 on Arellano & Bond's firms."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
STATA: dict[str, Any] = json.loads(
    (ROOT / "tests" / "reference" / "dynamic_panels.json").read_text()
)
CASES: dict[str, dict[str, Any]] = STATA["specifications"]
RTOL = STATA["tolerance"]["value"]

AB = ["w", "lag(w)", "k", "lag(k)", "lag(k, 2)"]
ONE_STEP = {
    "steps": 1,
    "collapse": False,
    "time_effects": False,
    "instrument_lags": (2, None),
}
TWO_STEP = {**ONE_STEP, "steps": 2}
DIFFERENCED = {"equations": {"w": "difference", "k": "difference"}}
SYSTEM = {"estimator": "system"}
NO_LAGS_OF_Y = {"instrument_lags": {"n": None}}
SPECS: dict[str, dict[str, Any]] = {
    "A1_ar1_1step_robust": ONE_STEP,
    "A2_ar1_1step_classic": {**ONE_STEP, "cov_type": "classical", "sargan_df": "n-k"},
    "A3_ar2_1step_robust": {**ONE_STEP, "lags": 2},
    "A4_ar1_2step_wc": TWO_STEP,
    "A5_ar1_2step_conv": {**TWO_STEP, "windmeijer": False},
    "A6_ar1_maxldep3": {**ONE_STEP, "instrument_lags": (2, 4)},
    "A7_minlag3": {**ONE_STEP, "instrument_lags": (3, None)},
    "B1_ab1991_1step_robust": {**ONE_STEP, "lags": 2, "x": AB},
    "B2_ab1991_2step_wc": {**TWO_STEP, "lags": 2, "x": AB},
    "B3_ab1991_yeardum": {
        **ONE_STEP,
        "lags": 2,
        "x": [*AB, *(f"yr{year}" for year in range(1979, 1985))],
    },
    "C1_w_predetermined": {
        **ONE_STEP,
        "lags": 2,
        "x": AB[2:],
        "predetermined": ["w", "lag(w)"],
        "instrument_lags": {"n": (2, None), "w": (2, None), "lag(w)": None},
    },
    "D1_x2_diff_1step": ONE_STEP,
    "D2_x2_diff_collapse": {**ONE_STEP, "collapse": True},
    "D3_x2_diff_ivwk": {**ONE_STEP, "x": ["w", "k"]},
    "D4_x2_sys_1step": {**ONE_STEP, **SYSTEM, "x": ["w", "k"]},
    "D5_x2_sys_2step_wc": {**TWO_STEP, **SYSTEM, "x": ["w", "k"]},
    "D6_x2_sys_collapse": {**TWO_STEP, **SYSTEM, "x": ["w", "k"], "collapse": True},
    "D7_x2_fod_diff": {**ONE_STEP, "x": ["w", "k"], "transform": "orthogonal"},
    "D8_x2_fod_sys_2step": {
        **TWO_STEP,
        **SYSTEM,
        "x": ["w", "k"],
        "transform": "orthogonal",
    },
    "D10_x2_fod_diff_2step": {**TWO_STEP, "x": ["w", "k"], "transform": "orthogonal"},
    "E1_xtdpdsys_ar1_1step": {**ONE_STEP, **SYSTEM, "h": 2},
    "E3_xtdpdsys_wk_1step": {
        **ONE_STEP,
        **SYSTEM,
        **DIFFERENCED,
        "x": ["w", "k"],
        "h": 2,
    },
    "F1_x2_diff_cluster_ind": {**ONE_STEP, "x": ["w", "k"], "clusters": "ind"},
    "F4_x2_diff_cluster_id": {**ONE_STEP, "x": ["w", "k"], "clusters": "id"},
    "G1_ah_levels": {**ONE_STEP, "collapse": True, "instrument_lags": (2, 2)},
    "G2_ah_differences": {**ONE_STEP, **NO_LAGS_OF_Y, "instruments": ["lag(n, 2)"]},
    "G3_ah_levels_wk": {
        **ONE_STEP,
        "x": ["w", "k"],
        "collapse": True,
        "instrument_lags": (2, 2),
    },
    **{
        f"I1_gap_collapse_lag{lag}": {
            **ONE_STEP,
            "collapse": True,
            "instrument_lags": (lag, lag),
        }
        for lag in range(2, 7)
    },
    "I6_gap_diff_1step": ONE_STEP,
    "I8_gap_fod_1step": {**ONE_STEP, "transform": "orthogonal"},
}
STATA_NAMES = {
    "L.n": "lag(n)",
    "L2.n": "lag(n, 2)",
    "L.w": "lag(w)",
    "L.k": "lag(k)",
    "L2.k": "lag(k, 2)",
    "_cons": "Intercept",
}


@pytest.fixture(scope="module")
def firms() -> pd.DataFrame:
    file = SHARED / "abdata.csv"
    if not file.exists():
        pytest.skip("abdata.csv is not beside the project")
    return pd.read_csv(file)


def test_every_specification_has_numbers() -> None:
    assert SPECS.keys() == CASES.keys()


@pytest.mark.many(40)
@pytest.mark.parametrize("name", SPECS)
def test_numbers_of_stata(name: str, firms: pd.DataFrame) -> None:
    case, options = CASES[name], dict(SPECS[name])
    if name.startswith("I"):
        firms = firms[~((firms["id"] % 3 == 0) & (firms["year"] == 1980))]
    spec = dp.DynamicPanel("n", options.pop("x", ()), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = spec.fit(dp.Panel(firms, "id", "year"))

    names = [STATA_NAMES.get(term, term) for term in case["coefficients"]]
    assert set(names) == set(fit.names)
    np.testing.assert_allclose(
        fit.params[names], list(case["coefficients"].values()), rtol=RTOL
    )
    np.testing.assert_allclose(
        fit.std_errors[names], list(case["std_errors"].values()), rtol=RTOL
    )
    assert (fit.nobs, fit.n_instruments) == (case["nobs"], case["n_instruments"])
    np.testing.assert_allclose(fit.ar_tests["z"].iloc[:2], case["ar"], rtol=RTOL)
    if name == "F1_x2_diff_cluster_ind":
        # Nine clusters and 30 moments: Stata's generalised inverse is one of many.
        assert np.isnan(fit.hansen.statistic)
    elif "hansen" in case:
        assert fit.hansen.statistic == pytest.approx(case["hansen"], rel=RTOL)
    if name == "A5_ar1_2step_conv":
        # xtabond calls the two-step statistic Sargan's.
        assert fit.hansen.statistic == pytest.approx(case["sargan"], rel=RTOL)
    elif "sargan" in case:
        assert fit.sargan.statistic == pytest.approx(case["sargan"], rel=RTOL)


# Structures of lags in pre(), and no gmm() of the outcome, are not read.
READ = sorted(SPECS.keys() - {"C1_w_predetermined", "G2_ah_differences"})


@pytest.mark.many(40)
@pytest.mark.parametrize("name", READ)
def test_commands_of_stata(name: str, firms: pd.DataFrame) -> None:
    case = CASES[name]
    panel = dp.Panel(firms, "id", "year")
    spec = dp.from_stata(case["command"], panel).spec
    if name.startswith("I"):
        firms = firms[~((firms["id"] % 3 == 0) & (firms["year"] == 1980))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = spec.fit(dp.Panel(firms, "id", "year"))
    names = [STATA_NAMES.get(term, term) for term in case["coefficients"]]
    np.testing.assert_allclose(
        fit.params[names], list(case["coefficients"].values()), rtol=RTOL
    )
    np.testing.assert_allclose(
        fit.std_errors[names], list(case["std_errors"].values()), rtol=RTOL
    )
    assert fit.n_instruments == case["n_instruments"]


def test_lags_of_regressors_as_bases_of_instruments(firms: pd.DataFrame) -> None:
    # Roodman (2009, section 3.4): xtabond2 n L.n L(0/1).(w k) yr*, ...
    read = dp.from_stata(
        "xtabond2 n L.n L(0/1).(w k) yr1977-yr1983, gmm(L.(n w k)) "
        "iv(yr1977-yr1983, eq(level)) robust small",
        dp.Panel(firms, "id", "year"),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = read.spec.fit(dp.Panel(firms, "id", "year"))
    assert (fit.nobs, fit.n_instruments) == (891, 113)
    expected = {
        "lag(n)": 0.9356053,
        "w": -0.6309761,
        "lag(w)": 0.4826203,
        "k": 0.4839299,
        "lag(k)": -0.4243928,
        "yr1977": -0.0240573,
        "yr1983": 0.0038132,
        "Intercept": 0.5522011,
    }
    np.testing.assert_allclose(
        fit.params[list(expected)], [*expected.values()], atol=6e-8
    )
    # small has other degrees of freedom, as its note says.
    factor = np.sqrt(890 / (891 - 13) * 140 / 139)
    assert fit.std_errors["lag(n)"] * factor == pytest.approx(0.026569, abs=6e-7)
    assert fit.hansen.statistic == pytest.approx(110.70, abs=0.005)
    np.testing.assert_allclose(fit.ar_tests["z"].iloc[:2], [-5.46, -0.25], atol=0.005)
