"""Regressions: which options are translated, and which are refused."""

from __future__ import annotations

import pytest

import digiprosper as dp

FE = dp.FixedEffects


def spec(text: str) -> object:
    return dp.from_stata(text, entity="id", time="year").spec


@pytest.mark.many(22)
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
                singletons="keep",
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
        ("reghdfe y x [fw=n], a(id)", "frequency weights"),
        ("reghdfe y x [aw=1/n], a(id)", "expression '1/n' as weights"),
        ("reghdfe y x, a(id) vce(bootstrap)", "vce"),
        ("reghdfe y x, a(id) group(g)", "'group'"),
        ("reghdfe y x, a(id, tol(1))", "absorb"),
        ("reghdfe y x in 1/5, a(id)", "rows by number"),
        ("reghdfe y, a(id)", "no regressor"),
        ("reghdfe, a(id)", "no variables"),
        ("regress y x, noconstant", "without constant"),
        ("regress y x, hascons", "without constant"),
        ("xtreg y x, re", "random effects"),
        ("xtreg y x, be", "random effects"),
        ("xtreg y x", "without fe"),
        ("ivregress gmm y (d = z)", "ivregress gmm"),
        ("ivreg2 y (d = z w), gmm2s", "two-stage least squares only"),
        ("ivreg2 y (d = z), liml", "two-stage least squares only"),
        ("ivreg2 y x", "no .endogenous = instruments"),
        ("ivreg2 y (d = ) x", "absent"),
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
