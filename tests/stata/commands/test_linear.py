"""Regressions: which options are translated, and which are refused."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import linearmodels
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.datasets.grunfeld import load_pandas as load_grunfeld

import digiprosper as dp
from digiprosper.stata import DoFile, run_do_file

FE = dp.FixedEffects


def spec(text: str) -> object:
    return dp.from_stata(text, entity="id", time="year").spec


@pytest.mark.many(25)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reghdfe y x, absorb(id year) vce(cluster id)", FE("y", "x")),
        (
            "reghdfe y x, a(id year) vce(cluster prov year)",
            FE("y", "x", clusters=["prov", "year"]),
        ),
        ("reghdfe y x, a(id year) vce(r)", FE("y", "x", cov_type="robust")),
        ("reghdfe y x, a(id year) robust", FE("y", "x", cov_type="robust")),
        ("reghdfe y x, a(id year) robust cluster(id)", FE("y", "x")),
        (
            "reghdfe y x i.year, a(id) cluster(prov#year)",
            FE("y", "x", clusters="prov^year"),
        ),
        ("reghdfe y x [aw=w], a(id year) cl(id)", FE("y", "x", obs_weights="w")),
        ("reghdfe y x, a(id year) cl(id) keepsin", FE("y", "x", singletons="keep")),
        (
            "reghdfe y x if year>=2010, a(id year) cl(id)",
            FE("y", "x", where="year >= 2010"),
        ),
        (
            "reghdfe y x, a(id prov#year, savefe) cl(id) nolog level(90)",
            FE("y", "x", time_effects=False, absorb="prov^year"),
        ),
        (
            "reghdfe y z v i.g##c.v v, a(id year) cl(id)",
            FE("y", ["z", "v", "C(g)", "C(g):v"]),
        ),
        *(
            # Robust errors are clustered by the entities of the command.
            (
                f"xtreg y x {end}",
                FE(
                    "y",
                    "x",
                    entity_effects=False,
                    time_effects=False,
                    absorb="prov",
                    clusters="prov",
                    ssc="xtreg",
                    singletons="keep",
                    obs_weights="w" if "w" in end else None,
                ),
            )
            for end in (
                ", fe i(prov) robust",
                ", fe i(prov) cl(prov)",
                "[pw=w], fe i(prov)",
            )
        ),
        (
            "areg y x, absorb(prov) vce(cluster id)",
            FE(
                "y",
                "x",
                entity_effects=False,
                time_effects=False,
                absorb="prov",
                ssc="areg",
                singletons="keep",
            ),
        ),
        (
            "xtreg y x i.year, fe",
            FE("y", "x", cov_type="unadjusted", ssc="xtreg", singletons="keep"),
        ),
        (
            "xtreg y x, fe vce(cluster prov) nonest",
            FE(
                "y",
                "x",
                time_effects=False,
                clusters="prov",
                ssc="xtreg",
                singletons="keep",
            ),
        ),
        (
            "reg y x i.ind, vce(hc3)",
            FE(
                "y",
                ["x", "C(ind)"],
                entity_effects=False,
                time_effects=False,
                cov_type="hc3",
                singletons="keep",
            ),
        ),
        (
            "xtscc y x, fe lag(3)",
            FE(
                "y",
                "x",
                time_effects=False,
                cov_type="xtscc",
                bandwidth=3,
                ssc="plm",
                singletons="keep",
            ),
        ),
        (
            "ivreghdfe y x (d = z w), absorb(id year) cluster(id) first",
            dp.FixedEffectsIV("y", ["x"], ["d"], ["z", "w"]),
        ),
        (
            "ivreghdfe y (d c.d#i.g = z c.z#i.g) x i.g, a(id year) cl(id)",
            dp.FixedEffectsIV("y", ["x", "C(g)"], ["d", "d:C(g)"], ["z", "z:C(g)"]),
        ),
        (
            "xtivreg2 y x (d = z), fe gmm small robust",
            dp.FixedEffectsIV(
                "y",
                ["x"],
                ["d"],
                ["z"],
                time_effects=False,
                cov_type="robust",
                ssc="xtreg",
            ),
        ),
        (
            "xtivreg y x (d = L.d), fe",
            dp.FixedEffectsIV(
                "y",
                ["x"],
                ["d"],
                ["lag(d)"],
                time_effects=False,
                cov_type="unadjusted",
                ssc="xtreg",
                singletons="keep",
            ),
        ),
        (
            "ivreghdfe y (d = z), r",
            dp.FixedEffectsIV(
                "y",
                [],
                ["d"],
                ["z"],
                entity_effects=False,
                time_effects=False,
                cov_type="robust",
                ssc="none",
            ),
        ),
        (
            "ivregress 2sls y x i.id (d = z), small vce(cluster id)",
            dp.FixedEffectsIV(
                "y",
                ["x"],
                ["d"],
                ["z"],
                time_effects=False,
                ssc="areg",
                singletons="keep",
            ),
        ),
        (
            "ivreg2 y x i.id (d = z), small",
            dp.FixedEffectsIV(
                "y",
                ["x"],
                ["d"],
                ["z"],
                time_effects=False,
                cov_type="unadjusted",
                singletons="keep",
            ),
        ),
    ],
)
def test_regressions(text: str, expected: dp.FixedEffects) -> None:
    assert spec(text) == expected.replace(collinear="drop")
    assert eval(dp.from_stata(text, entity="id", time="year").python) == spec(text)


@pytest.mark.many(18)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("reghdfe y x [fw=n], a(id)", r"weights \[fw=n\]"),
        ("reghdfe y x [aw=1/n], a(id)", "expression '1/n' as weights"),
        ("reghdfe y x, a(id) vce(bootstrap)", "vce"),
        ("reghdfe y x, a(id) group(g)", "'group'"),
        ("reghdfe y x, a(id, tol(1))", "absorb"),
        ("reghdfe y x in 1/5, a(id)", "rows by number"),
        ("reghdfe y, a(id)", "no regressor"),
        ("reghdfe, a(id)", "no variables"),
        ("regress y x i.g, noconstant", "without constant, with categories"),
        ("regress y x [aw=w], noconstant", "without constant, with categories"),
        ("regress y x, hascons", "without constant"),
        ("xtreg y x, re vce(cluster g)", "another entity or cluster than xtset"),
        ("xtreg y x [aw=w]", "with weights"),
        ("xtreg y 1.g", "single levels"),
        ("xtreg y x, be", "no such estimator"),
        ("xtivreg y (d = z)", "without fe"),
        ("ivregress gmm y (d = z)", "ivregress gmm"),
        ("ivreg2 y (d = z w), gmm2s", "two-stage least squares only"),
        ("ivreg2 y (d = z), liml", "two-stage least squares only"),
        ("ivreg2 y x", "no .endogenous = instruments"),
        ("ivreg2 y (d = ) x", "no .endogenous = instruments"),
        ("bootstrap, reps(50): reghdfe y x, a(id)", "bootstrap prefix"),
        ("bysort g: reg y x", "the prefix bysort"),
        ("reg y x, vce(cluster id, dfadjust)", "dfadjust"),
    ],
)
def test_refusals(text: str, reason: str) -> None:
    with pytest.raises(dp.StataError, match=reason):
        spec(text)


def test_notes() -> None:
    def notes(text: str) -> str:
        return " ".join(dp.from_stata(text, entity="id").notes)

    assert "neither clustered nor robust" in notes("reghdfe y x, a(id)")
    assert notes("reghdfe y x, a(id) cl(id)") == ""
    assert "normal distribution" in notes("ivreg2 y (d = z), r")
    assert "leaves out other cells" in notes("reghdfe y a b a#b, a(id) cl(id)")
    assert notes("reghdfe y a##b, a(id) cl(id)") == ""


def _by_group(values: np.ndarray, groups: pd.Series) -> np.ndarray:
    return pd.DataFrame(values).groupby(groups.to_numpy()).sum().to_numpy()


def _gappy_states() -> pd.DataFrame:
    """States, of which one has a single year."""
    states = dp.datasets.us_states().frame.reset_index()
    return states[(states["state"] != states["state"].max()) | (states["year"] == 1970)]


@pytest.mark.parametrize("option", ["", " ase"])
def test_xtscc_counts_a_constant_and_dummies_by_hand(
    tmp_path: Path, option: str
) -> None:
    """xtscc.ado 1.4: T/(T - 1) (n - 1)/(n - rank), without it under ase."""
    rows = _gappy_states()
    text = f"xtscc gsp pc unemp i.year, fe lag(1){option}"
    (line,) = run_states(tmp_path, rows, text).estimations
    dummies = pd.get_dummies(rows["year"], drop_first=True, dtype=float)
    columns = pd.concat([rows[["pc", "unemp"]], dummies, rows["gsp"]], axis=1)
    within = columns - columns.groupby(rows["state"]).transform("mean") + columns.mean()
    x = within.iloc[:, :-1].assign(constant=1.0).to_numpy()
    slopes, _, rank, _ = np.linalg.lstsq(x, within["gsp"].to_numpy(), rcond=None)
    e = within["gsp"].to_numpy() - x @ slopes
    scores = _by_group(x * e[:, None], rows["year"])
    neighbours = scores[1:].T @ scores[:-1]
    bread = np.linalg.inv(x.T @ x)
    middle = scores.T @ scores + 0.5 * (neighbours + neighbours.T)
    n, periods = len(rows), len(scores)
    factor = 1 if option else periods / (periods - 1) * (n - 1) / (n - rank)
    errors = np.sqrt(np.diag(bread @ middle @ bread) * factor)
    # The note says what is not counted: the constant.
    noted = 1 if option else np.sqrt((n - rank + 1) / (n - rank))
    assert any(
        "sqrt((n - k)/(n - k - 1))" in n for n in line.translations[0].notes
    ) != (bool(option))
    np.testing.assert_allclose(line.results[0].params[:2], slopes[:2], rtol=1e-8)
    np.testing.assert_allclose(
        line.results[0].std_errors[:2] * noted, errors[:2], rtol=1e-8
    )


@pytest.mark.many(5)
@pytest.mark.parametrize("option", ["", "r", "cluster(id)", "small", "r small"])
def test_xtivreg2_counts_entities_by_hand(tmp_path: Path, option: str) -> None:
    """xtivreg2.ado 1.0.17: ivreg2 with dofminus(g), and without singletons."""
    rows = _gappy_states()
    text = f"xtivreg2 gsp emp (pc = hwy water), fe {option}"
    (line,) = run_states(tmp_path, rows, text).estimations
    fit = line.results[0]
    rows = rows[rows.groupby("state")["year"].transform("size") > 1]
    columns = rows[["gsp", "pc", "emp", "hwy", "water"]].astype(float)
    y, d, x, *z = (
        (columns - columns.groupby(rows["state"]).transform("mean")).to_numpy().T
    )
    regressors, instruments = np.column_stack([d, x]), np.column_stack([x, *z])
    first, *_ = np.linalg.lstsq(instruments, regressors, rcond=None)
    fitted = instruments @ first
    slopes = np.linalg.solve(fitted.T @ regressors, fitted.T @ y)
    e, bread = y - regressors @ slopes, np.linalg.inv(fitted.T @ fitted)
    scores = fitted * e[:, None]
    n, k, groups = len(rows), 2, rows["state"].nunique()
    if option == "cluster(id)":
        sums = _by_group(scores, rows["state"])
        covariance = bread @ sums.T @ sums @ bread
    else:
        middle = n * scores.T @ scores if "r" in option else e @ e * fitted.T @ fitted
        counted = groups + k * ("small" in option)
        covariance = bread @ middle @ bread / (n - counted)
    is_noted = any(
        "counts g entities but no slopes" in n for n in line.translations[0].notes
    )
    noted = np.sqrt((n - groups - k) / (n - groups)) if is_noted else 1
    assert is_noted == (option in ("", "r"))
    assert fit.nobs == n
    errors = fit.std_errors[["pc", "emp"]] * noted
    np.testing.assert_allclose(errors, np.sqrt(np.diag(covariance)), rtol=1e-6)


def test_random_effects_are_those_of_stata(tmp_path: Path) -> None:
    """Grunfeld's ten firms, whose results are in many texts."""
    frame = load_grunfeld().data.query("firm != 'American Steel'")
    frame.to_stata(tmp_path / "grunfeld.dta", write_index=False)
    path = tmp_path / "paper.do"
    path.write_text(
        "use grunfeld\nencode firm, gen(id)\nxtset id year\n"
        "xtreg invest value capital, re\n"
    )
    (fit,) = run_do_file(path, tmp_path).estimations[0].results
    names = ["value", "capital", "Intercept"]
    np.testing.assert_allclose(
        fit.params[names], [0.1097811, 0.308113, -57.83441], rtol=1e-5
    )
    np.testing.assert_allclose(
        fit.std_errors[names], [0.0104927, 0.0171805, 28.89893], rtol=1e-5
    )


@pytest.mark.parametrize("missing", ["", "_light", "_heavy"])
@pytest.mark.parametrize("vcv", ["conventional", "robust", "cluster"])
def test_random_effects_of_unbalanced_panels(
    tmp_path: Path, missing: str, vcv: str
) -> None:
    """Stata's results are those that linearmodels has for its tests."""
    folder = Path(linearmodels.__file__).parent / "tests" / "panel" / "results"
    if not (folder / "simulated-panel.dta").exists():
        pytest.skip("linearmodels is installed without its tests")
    known = import_module("linearmodels.tests.panel.results.parse_stata_results")
    stata = known.data()[f"random_effect-{vcv}--{missing}"]
    frame = pd.read_stata(folder / "simulated-panel.dta")
    frame["year"] = pd.factorize(frame["time"], sort=True)[0]
    frame.drop(columns="time").to_stata(tmp_path / "a.dta", write_index=False)
    errors = {"conventional": "", "robust": "r", "cluster": "vce(cluster id)"}[vcv]
    names = [f"x{number}{missing}" for number in range(1, 6)]
    path = tmp_path / "paper.do"
    path.write_text(
        "use a\nencode firm, gen(id)\nxtset id year\n"
        f"xtreg y{missing} {' '.join(names)}, {errors}\n"
    )
    (fit,) = run_do_file(path, tmp_path).estimations[0].results
    variances = np.diag(stata.variance)[:5]
    np.testing.assert_allclose(fit.params[names], stata.params.param[:5], rtol=1e-6)
    np.testing.assert_allclose(fit.std_errors[names], np.sqrt(variances), rtol=1e-5)


def run_states(folder: Path, states: pd.DataFrame, lines: str) -> DoFile:
    states.to_stata(folder / "a.dta", write_index=False)
    path = folder / "paper.do"
    path.write_text(f"use a\nencode state_name, gen(id)\nxtset id year\n{lines}")
    return run_do_file(path, folder)


def test_a_regression_without_constant_by_hand(tmp_path: Path) -> None:
    """[R] regress: factors n/(n - k) and G/(G - 1) (n - 1)/(n - k)."""
    states = dp.datasets.us_states().frame.reset_index()
    lines = ["", " r", " vce(cluster id)"]
    file = run_states(
        tmp_path, states, "\n".join(f"reg gsp L.pc emp, noc{e}" for e in lines)
    )
    rows = states.assign(lag=states.groupby("state")["pc"].shift()).dropna()
    x, y = rows[["lag", "emp"]].to_numpy(), rows["gsp"].to_numpy(float)
    slopes, *_ = np.linalg.lstsq(x, y, rcond=None)
    bread, e = np.linalg.inv(x.T @ x), y - x @ slopes
    n, k = x.shape
    scores = x * e[:, None]
    sums = pd.DataFrame(scores).groupby(rows["state"].to_numpy()).sum().to_numpy()
    groups = len(sums)
    factor = groups / (groups - 1) * (n - 1) / (n - k)
    covariances = [
        bread * (e @ e) / (n - k),
        bread @ scores.T @ scores @ bread * n / (n - k),
        bread @ sums.T @ sums @ bread * factor,
    ]
    degrees = [n - k, n - k, groups - 1]
    for line, covariance, df in zip(
        file.estimations, covariances, degrees, strict=True
    ):
        (fit,) = line.results
        errors = np.sqrt(np.diag(covariance))
        np.testing.assert_allclose(fit.params, slopes, rtol=1e-8)
        np.testing.assert_allclose(fit.bse, errors, rtol=1e-8)
        p = 2 * stats.t.sf(np.abs(slopes / errors), df)
        np.testing.assert_allclose(fit.pvalues, p, rtol=1e-6, atol=1e-12)


def test_collinear_columns_without_constant_are_refused(tmp_path: Path) -> None:
    """Stata leaves one of them out, statsmodels shares their slope."""
    states = dp.datasets.us_states().frame.reset_index()
    file = run_states(
        tmp_path, states, "gen double pc2 = 2 * pc\nreg gsp pc pc2, nocons"
    )
    assert "collinear" in file.lines[-1].reason


def test_an_instrument_that_is_a_control_is_a_control(tmp_path: Path) -> None:
    states = dp.datasets.us_states().frame.reset_index()
    file = run_states(
        tmp_path,
        states,
        "ivregress 2sls gsp emp i.year (pc = emp i.year hwy), small\n"
        "ivreg gsp emp i.year (pc = hwy)\n",
    )
    first, second = (line.results[0] for line in file.estimations)
    np.testing.assert_array_equal(first.params, second.params)
    np.testing.assert_array_equal(first.std_errors, second.std_errors)
    codes = [line.translations[0].python for line in file.estimations]
    assert any('IV("gsp", ["emp"], ["pc"], ["hwy"]' in code for code in codes)


def test_random_effects_of_terms(tmp_path: Path) -> None:
    states = dp.datasets.us_states().frame.reset_index()
    file = run_states(
        tmp_path,
        states,
        "xtreg gsp L.unemp c.pc##c.pc ib1975.year if year > 1972, re\n"
        "est store re\ntest pc\npredict e, resid\n"
        "xtreg gsp pc, re vce(cluster year)\nxtreg gsp pc [aw=emp], re\n",
    )
    fit = file.results["re"]
    assert fit.nobs == 48 * 14
    assert file.estimations[0].is_translated
    assert [line.status for line in file.lines[3:]] == [
        *("ran", "read", "not run", "refused", "refused", "refused")
    ]
    # By hand: quasi-demeaned columns, with one share for a balanced panel.
    rows = states.assign(lag=states.groupby("state")["unemp"].shift())
    rows = rows.query("year > 1972")
    years = pd.get_dummies(rows["year"], dtype=float).drop(columns=1975)
    x = pd.concat([rows[["lag", "pc"]], rows["pc"] ** 2, years], axis=1)
    x.insert(0, "one", 1.0)
    share = float(fit.theta.iloc[0, 0])

    def part(table: pd.DataFrame) -> np.ndarray:
        means = table.groupby(rows["state"]).transform("mean")
        return (table - share * means).to_numpy()

    x.columns = range(x.shape[1])
    slopes = np.linalg.lstsq(part(x), part(rows[["gsp"]])[:, 0])[0]
    np.testing.assert_allclose(fit.params[["lag(unemp)", "pc"]], slopes[1:3], rtol=1e-6)


def test_random_effects_with_lags_keep_columns_apart(tmp_path: Path) -> None:
    states = dp.datasets.us_states().frame.reset_index()
    states["lag_unemp"] = states["unemp"] ** 2
    file = run_states(
        tmp_path,
        states,
        "xtreg gsp L.unemp lag_unemp i.year, re\nest store re\n"
        "xtreg gsp L.unemp lag_unemp i.year, fe\nest store fe\nesttab re fe\n",
    )
    assert {line.status for line in file.lines[3:]} == {"ran", "read"}
    fit = file.results["re"]
    assert fit.nobs == 48 * 16
    assert fit.params.index[1:3].tolist() == ["lag(unemp)", "lag_unemp"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reghdfe y x i.year, a(id) cl(id)", 'dp.FixedEffects("y", ["x"], '),
        # Years are inside the clusters: absorbed, they would not be counted.
        ("reghdfe y x i.year, a(id) cl(prov year)", '["x", "C(year)"], time_effects='),
        ("reghdfe y x i.id, a(year) cl(id)", '["x", "C(id)"], entity_effects=False'),
        ("reghdfe y x i.id, a(year) vce(r)", 'dp.FixedEffects("y", ["x"], cov_type'),
        ("reghdfe y x i.year, a(id year) cl(year)", 'dp.FixedEffects("y", ["x"], clu'),
    ],
)
def test_dummies_inside_clusters_are_counted_by_reghdfe(
    text: str, expected: str
) -> None:
    """Help of reghdfe: absorbed effects nested in a cluster cost no degree of freedom.

    Those of dummies do, as in Stata's own regressions.
    """
    assert expected in dp.from_stata(text, entity="id", time="year").python


@pytest.mark.filterwarnings("ignore::digiprosper.FewClustersWarning")
@pytest.mark.parametrize("weight", ["", " [aw=w]"])
def test_clusters_in_two_ways_have_factors_of_their_own(weight: str) -> None:
    """Regress of Stata 18: each part of the covariance has the G/(G - 1) of its own."""
    rng = np.random.default_rng(3)
    df = pd.DataFrame({"id": range(90), "year": 1, "g": rng.integers(0, 12, 90)})
    df["k"], df["w"] = rng.integers(0, 4, 90), rng.uniform(0.5, 2, 90)
    df["x"] = rng.normal(size=90) + df["g"] / 5
    df["y"] = df["x"] + rng.normal(size=90) + df["g"] / 3
    panel = dp.Panel(df, "id", "year")
    command = f"regress y x{weight}, vce(cluster g k)"
    spec = dp.from_stata(command, panel).spec
    w = df["w"] if weight else df["w"] ** 0
    x = np.column_stack([df["x"], np.ones(90)])
    bread = np.linalg.inv((x.T * w.to_numpy()) @ x)
    residuals = df["y"] - x @ (bread @ (x.T @ (w * df["y"])))
    scores = pd.DataFrame(x * (w * residuals).to_numpy()[:, None])
    middle = 0
    for sign, names in ((1, ["g"]), (1, ["k"]), (-1, ["g", "k"])):
        sums = scores.groupby([df[name] for name in names]).sum()
        middle += sign * len(sums) / (len(sums) - 1) * (sums.T @ sums).to_numpy()
    error = np.sqrt((bread @ middle @ bread * 89 / 88)[0, 0])
    assert spec.fit(panel).std_errors["x"] == pytest.approx(error)


@pytest.mark.parametrize(
    ("absorbed", "has_note"),
    [("id", False), ("id year", False), ("id g#year", True), ("id year ind", True)],
)
def test_effects_that_reghdfe_may_count_twice_are_noted(
    absorbed: str, *, has_note: bool
) -> None:
    """DoF.mata: effects inside clusters make no other effect redundant."""
    text = f"reghdfe y x, absorb({absorbed}) vce(cluster id)"
    for keys in ({}, {"entity": "id", "time": "year"}):
        notes = " ".join(dp.from_stata(text, **keys).notes)
        assert ("redundant effects twice" in notes) == has_note
