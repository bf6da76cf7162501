"""Numbers of ppmlhdfe, fixest and clubSandwich, and the public sets of separation."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.kernels.separation import mark_empty_levels, separated_rows
from digiprosper.kernels.within import compress

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
PUBLISHED: dict[str, Any] = json.loads(
    (ROOT / "tests" / "reference" / "poisson.json").read_text()
)
CASES: dict[str, dict[str, Any]] = PUBLISHED["cases"]
SPECS: dict[str, dict[str, Any]] = {
    "one_effect": {"absorb": ["origin"], "cov_type": "robust"},
    "gravity": {
        "y": "trade",
        "x": ["log_dist", "contig"],
        "absorb": ["origin", "dest", "year"],
        "cov_type": "robust",
    },
    "one_way": {"absorb": ["o", "d"], "clusters": "ca"},
    "two_way": {"absorb": ["o", "d"], "clusters": ["ca", "cb"]},
    "fixest": {"absorb": ["o", "d"], "clusters": "ca", "ssc": "fixest"},
    "panel": {"absorb": ["id"], "cov_type": "robust"},
    "cr3": {"absorb": ["firm"], "clusters": "clu", "cov_type": "crv3"},
    "separated": {"absorb": ["i", "j"], "collinear": "drop", "cov_type": "robust"},
}
PRINTED_CASES = ("one_way", "two_way", "separated", "cr3")
SETS = [f"{number:02d}" for number in range(1, 19)]


def frame_of(name: str) -> pd.DataFrame:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the project")
    return pd.read_csv(path)


def fit(name: str) -> dp.PoissonResults:
    options = {"y": "y", "x": ["x1", "x2"], **SPECS[name]}
    frame = frame_of(CASES[name]["file"])
    panel = dp.Panel(frame.assign(row=range(len(frame))), "row")
    spec = dp.PoissonEffects(**options, entity_effects=False, time_effects=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(panel)


def test_every_specification_has_numbers() -> None:
    assert SPECS.keys() == CASES.keys()


@pytest.mark.many(20)
@pytest.mark.parametrize("name", SPECS, ids=[c["command"] for c in CASES.values()])
def test_numbers_of_programs(name: str) -> None:
    case, results = CASES[name], fit(name)
    tolerance = PUBLISHED["tolerance"]
    atol = tolerance["printed"] if name in PRINTED_CASES else tolerance["value"]
    atol = tolerance["pyfixest"] if name == "fixest" else atol
    for term, value in case.get("coefficients", {}).items():
        assert results.params[term] == pytest.approx(value, abs=atol, rel=0)
    for term, value in case.get("std_errors", {}).items():
        assert results.std_errors[term] == pytest.approx(value, abs=atol, rel=0)
    for term, value in case.get("clubsandwich", {}).items():
        groups = results.inference.n_clusters[0]
        ours = results.std_errors[term] * np.sqrt(groups / (groups - 1))
        assert ours == pytest.approx(value, abs=1e-10, rel=0)
    if "n_separated" in case:
        assert len(results.separated) == case["n_separated"]


@pytest.mark.many(20)
@pytest.mark.parametrize("name", SETS)
def test_separated_rows_of_the_public_sets(name: str) -> None:
    """The sets of ppmlhdfe; 02, 03, 04, 12 and 13 have no regressor."""
    frame = frame_of(f"cases/separation/{name}.csv")
    y = frame["y"].to_numpy(dtype=float)
    x = frame.filter(regex="^x").to_numpy(dtype=float)
    codes = [compress(frame[c].to_numpy(np.intp))[0] for c in frame.filter(like="id")]
    separated = mark_empty_levels(y, codes)
    rows = np.flatnonzero(~separated)
    part = [compress(code[rows])[0] for code in codes]
    separated[rows], _ = separated_rows(y[rows], x[rows], part)
    np.testing.assert_array_equal(separated, frame["separated"] == 1)


@pytest.mark.parametrize("name", ["05", "10", "15", "16", "17", "18"])
def test_a_regressor_that_is_collinear_afterwards_is_named(name: str) -> None:
    frame = frame_of(f"cases/separation/{name}.csv")
    panel = dp.Panel(frame.assign(row=range(len(frame))), "row")
    spec = dp.PoissonEffects(
        "y",
        list(frame.filter(regex="^x")),
        entity_effects=False,
        time_effects=False,
        cov_type="robust",
    )
    with pytest.raises(dp.DigiprosperError, match="with outcome zero were dropped"):
        spec.fit(panel)
    with pytest.warns(dp.IdentificationWarning, match="are fitted perfectly"):
        results = spec.replace(collinear="drop").fit(panel)
    assert len(results.separated) == frame["separated"].sum()
    assert any(n.code.startswith("dropped") for n in results.diagnostics)


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_effects_of_cohorts_by_period_are_those_of_etwfe() -> None:
    """Dummies of cohort and period; the effect in counts by the delta method."""
    case = PUBLISHED["etwfe"]
    frame = frame_of(case["file"])
    cells = [
        (g, t)
        for g in sorted(frame.g[frame.g > 0].unique())
        for t in sorted(frame.year.unique())
        if t >= g
    ]
    names = [f"cell_{g}_{t}" for g, t in cells]
    columns = {
        name: 1.0 * ((frame.g == g) & (frame.year == t))
        for name, (g, t) in zip(names, cells, strict=True)
    }
    columns |= {f"g_{g}": 1.0 * (frame.g == g) for g in frame.g.unique() if g > 0}
    columns |= {f"t_{t}": 1.0 * (frame.year == t) for t in frame.year.unique()[1:]}
    panel = dp.Panel(frame.assign(**columns), "id", "year")
    spec = dp.PoissonEffects("y", names, ssc="fixest")
    dummies = spec.replace(
        x=tuple(columns), entity_effects=False, time_effects=False, clusters="id"
    ).fit(panel)

    # In a balanced panel entity effects give the cells of cohort effects.
    effects = spec.fit(panel)
    np.testing.assert_allclose(effects.params, dummies.params[names], atol=1e-10)

    x = np.column_stack([panel.frame[list(columns)], np.ones(len(frame))])
    zero = x * ~np.isin([*columns, "Intercept"], names)
    b = dummies.params[[*columns, "Intercept"]].to_numpy()
    mean, without = np.exp(x @ b), np.exp(zero @ b)
    treated = (x != zero).any(axis=1)
    event = (panel.frame.index.get_level_values("year") - panel.frame["g"]).to_numpy()
    effect = mean - without
    assert effect[treated].mean() == pytest.approx(case["simple"], abs=1e-9)
    for time in (0, 2):
        at = treated & (event == time)
        assert effect[at].mean() == pytest.approx(case[f"event_{time}"], abs=5e-7)
    slope = (mean[:, None] * x - without[:, None] * zero)[treated].mean(axis=0)
    # The derivatives of R's marginaleffects are numerical.
    error = np.sqrt(slope @ dummies.covariance @ slope)
    assert error == pytest.approx(case["std_error"], rel=5e-6)
