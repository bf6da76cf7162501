"""Numbers of others: printed ones, linearmodels here, pyfixest on its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Panel

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "reference" / "munnell.json").read_text(
        encoding="utf-8"
    )
)
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
EFFECTS = {
    "one-way": {"time_effects": False},
    "time": {"entity_effects": False},
    "two-way": {},
    "none": {"entity_effects": False, "time_effects": False},
}


def fit(panel: Panel, x: tuple[str, ...] = X, y: str = "log(gsp)", **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return FixedEffects(y, x, **options).fit(panel)


@pytest.mark.parametrize(
    "case",
    GOLDEN["cases"],
    ids=lambda c: f"{c['effects']}, {c['name']}, {c['software']}",
)
def test_printed_numbers(case: dict) -> None:
    results = fit(
        dp.datasets.us_states(), **EFFECTS[case["effects"]], **case.get("options", {})
    )
    got = (
        results.coefficients
        if case["what"] == "coefficients"
        else results.std_errors.to_numpy()
    )
    tolerance = GOLDEN["tolerance"]["tight" if case.get("tight") else "value"]
    np.testing.assert_allclose(got, case["values"], rtol=tolerance)
    if "df_t" in case:
        assert results.df_t == results.glance()["df_t"] == case["df_t"]
    assert results.df_resid == {"one-way": 764, "two-way": 748}[case["effects"]]


# --- linearmodels ---------------------------------------------------------------------

COVARIANCES = {
    "unadjusted": ({"cov_type": "unadjusted"}, {"cov_type": "unadjusted"}),
    "robust": ({"cov_type": "robust"}, {"cov_type": "robust"}),
    "entity": ({}, {"cov_type": "clustered", "cluster_entity": True}),
    "time": ({"clusters": ("t",)}, {"cov_type": "clustered", "cluster_time": True}),
    "two": (
        {"clusters": ("i", "t")},
        {"cov_type": "clustered", "cluster_entity": True, "cluster_time": True},
    ),
    "region": ({"clusters": ("region",)}, {"cov_type": "clustered"}),
    "driscoll_kraay": (
        {"cov_type": "xtscc", "bandwidth": 3},
        {"cov_type": "kernel", "kernel": "bartlett", "bandwidth": 3},
    ),
}


def frame_of(kind: str) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    if kind == "produc":
        raw = dp.datasets.us_states().frame.reset_index()
        frame = pd.DataFrame(
            {"i": raw["state"].astype(str), "t": raw["year"], "unemp": raw["unemp"]}
        )
        for name in ("gsp", "pcap", "pc", "emp"):
            frame[name] = np.log(raw[name])
        frame["region"] = pd.factorize(frame["i"])[0] // 6
        return frame, "gsp", ("pcap", "pc", "emp", "unemp")
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(40), 10), "t": np.tile(np.arange(10), 40)}
    )
    frame["region"] = frame["i"] // 5
    frame[["a", "b"]] = rng.normal(size=(400, 2)) + 0.2 * frame[["t"]].to_numpy()
    frame["y"] = frame["a"] + frame["i"] + rng.normal(size=400) * (1 + frame["b"].abs())
    return frame[rng.random(400) > 0.3].reset_index(drop=True), "y", ("a", "b")


@pytest.mark.parametrize(
    ("data", "effects", "covariance"),
    list(product(["produc", "unbalanced"], EFFECTS, COVARIANCES)),
)
@pytest.mark.many(4)
def test_linearmodels(data: str, effects: str, covariance: str) -> None:
    from linearmodels.panel import PanelOLS

    frame, y, x = frame_of(data)
    flags = {"entity_effects": True, "time_effects": True, **EFFECTS[effects]}
    ours, theirs = COVARIANCES[covariance]
    table = frame.set_index(["i", "t"])
    if covariance == "region":
        theirs = {**theirs, "clusters": table[["region"]]}
    exog = table[list(x)] if effects != "none" else table[list(x)].assign(Intercept=1.0)
    peer = PanelOLS(table[y], exog, **flags).fit(**theirs)
    results = fit(Panel(frame, "i", "t"), x, y, ssc="linearmodels", **flags, **ours)
    np.testing.assert_allclose(results.params, peer.params, rtol=1e-10)
    np.testing.assert_allclose(results.std_errors, peer.std_errors, rtol=1e-7)
    if effects != "none":
        assert results.df_resid == peer.df_resid
    if flags["entity_effects"]:
        assert results.rsquared_within_entity == pytest.approx(
            peer.rsquared_within, abs=1e-9
        )
    if effects == "two-way":
        assert results.rsquared_within == pytest.approx(peer.rsquared, abs=1e-9)
        assert results.rsquared == pytest.approx(peer.rsquared_inclusive, abs=1e-9)


def test_linearmodels_with_weights() -> None:
    from linearmodels.panel import PanelOLS

    frame, y, x = frame_of("unbalanced")
    frame["w"] = np.random.default_rng(0).uniform(0.5, 2, len(frame))
    table = frame.set_index(["i", "t"])
    model = PanelOLS(
        table[y],
        table[list(x)],
        weights=table["w"],
        entity_effects=True,
        time_effects=True,
    )
    peer = model.fit(cov_type="clustered", cluster_entity=True)
    results = fit(Panel(frame, "i", "t"), x, y, ssc="linearmodels", obs_weights="w")
    np.testing.assert_allclose(results.params, peer.params, rtol=1e-9)
    np.testing.assert_allclose(results.std_errors, peer.std_errors, rtol=1e-7)


def test_dummies_of_statsmodels_have_the_errors_of_areg() -> None:
    from statsmodels.formula.api import ols

    frame, y, x = frame_of("unbalanced")
    model = ols(f"{y} ~ {' + '.join(x)} + C(i) + C(t)", frame)
    peer = model.fit(cov_type="cluster", cov_kwds={"groups": frame["i"]})
    results = fit(Panel(frame, "i", "t"), x, y, ssc="areg", singletons="keep")
    np.testing.assert_allclose(results.params, peer.params[list(x)], rtol=1e-9)
    np.testing.assert_allclose(results.std_errors, peer.bse[list(x)], rtol=1e-7)


# --- pyfixest -------------------------------------------------------------------------

SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
import pyfixest as pf


def numbers(job):
    data = pd.DataFrame(job["data"])
    out = {}
    for effects in ("i", "t", "i + t"):
        formula = f"{job['y']} ~ {' + '.join(job['x'])} | {effects}"
        fit = pf.feols(
            formula, data, vcov={"CRV1": "i"}, fixef_tol=1e-13, fixef_maxiter=100000
        )
        if effects == "i + t" and fit._df_k != job["k"]:
            sys.exit(3)
        row = {"b": list(fit.coef()), "r2_within": fit._r2_within}
        row |= {"r2": fit._r2, "nobs": int(fit._N)}
        kinds = {"entity": "i", "time": "t", "two": "i + t", "region": "region"}
        kinds = {name: {"CRV1": c} for name, c in kinds.items()}
        kinds = {"unadjusted": "iid", "robust": "hetero", **kinds}
        for name, vcov in kinds.items():
            fit.vcov(vcov)
            row[name] = [list(fit.se()), float(fit._df_t), list(fit.pvalue())]
        for name in ("i", "t", "region"):
            factor = float(fit.vcov({"CRV3": name})._ssc[0][0])
            row["crv3 " + name] = [list(fit.se()), float(fit._df_t), factor]
        fit.vcov("DK", vcov_kwargs={"lag": 3, "time_id": "time", "panel_id": "id"})
        row["driscoll_kraay"] = [list(fit.se()), float(fit._df_t), list(fit.pvalue())]
        out[effects] = row
    return out


jobs = json.loads(sys.stdin.read())
print(json.dumps({name: numbers(job) for name, job in jobs.items()}, default=float))
"""


def job_of(data: str) -> dict:
    frame, y, x = frame_of(data)
    frame = frame.assign(time=frame["t"], id=pd.factorize(frame["i"])[0])
    k = len(x) + 1 + frame["t"].nunique() - 1
    return {"data": frame.to_dict("list"), "y": y, "x": x, "k": k}


@pytest.fixture(scope="module")
def of_pyfixest() -> dict:
    """Numbers of all data from one process, which mostly compiles."""
    if find_spec("pyfixest") is None:
        pytest.skip("pyfixest is not installed (group `peers`)")
    jobs = json.dumps({data: job_of(data) for data in ("produc", "unbalanced")})
    for seed in range(12):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            input=jobs,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return json.loads(done.stdout.splitlines()[-1])
        assert done.returncode == 3, done.stderr
    raise AssertionError("no hash seed gives pyfixest the K that counts the periods")


@pytest.fixture(scope="module", params=["produc", "unbalanced"])
def pyfixest(request: pytest.FixtureRequest, of_pyfixest: dict) -> tuple[str, dict]:
    return request.param, of_pyfixest[request.param]


@pytest.mark.peers
@pytest.mark.parametrize("effects", ["i", "t", "i + t"])
@pytest.mark.parametrize("covariance", list(COVARIANCES))
def test_pyfixest(pyfixest: tuple[str, dict], effects: str, covariance: str) -> None:
    data, numbers = pyfixest
    frame, y, x = frame_of(data)
    peer = numbers[effects]
    flags = EFFECTS[{"i": "one-way", "t": "time", "i + t": "two-way"}[effects]]
    results = fit(Panel(frame, "i", "t"), x, y, **flags, **COVARIANCES[covariance][0])
    np.testing.assert_allclose(results.params, peer["b"], rtol=1e-10)
    se, df, p = peer[covariance]
    np.testing.assert_allclose(results.std_errors, se, rtol=1e-7)
    np.testing.assert_allclose(results.pvalues, p, rtol=1e-6, atol=1e-14)
    assert results.df_t == df
    assert results.nobs == peer["nobs"]
    assert results.rsquared_within == pytest.approx(peer["r2_within"], abs=1e-9)
    assert results.rsquared == pytest.approx(peer["r2"], abs=1e-9)


@pytest.mark.peers
@pytest.mark.parametrize("effects", ["i", "t", "i + t"])
@pytest.mark.parametrize("cluster", ["i", "t", "region"])
def test_crv3_of_pyfixest_rescaled(
    pyfixest: tuple[str, dict], effects: str, cluster: str
) -> None:
    """Its plain sum of squared deviations has CRV1's factor, not (G - 1) / G."""
    data, numbers = pyfixest
    frame, y, x = frame_of(data)
    se, df, factor = numbers[effects][f"crv3 {cluster}"]
    flags = EFFECTS[{"i": "one-way", "t": "time", "i + t": "two-way"}[effects]]
    results = fit(
        Panel(frame, "i", "t"), x, y, **flags, cov_type="crv3", clusters=cluster
    )
    groups = frame[cluster].nunique()
    # Without a cluster pyfixest demeans again, to its tolerance.
    want = np.array(se) * np.sqrt((groups - 1) / groups / factor)
    np.testing.assert_allclose(results.std_errors, want, rtol=1e-6)
    assert results.df_t == df
