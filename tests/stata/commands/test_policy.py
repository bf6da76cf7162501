"""Staggered adoption, decompositions, matching and discrete outcomes."""

from __future__ import annotations

from typing import Any

import pytest

import digiprosper as dp


def read(text: str) -> object:
    read = dp.from_stata(text, entity="id", time="year")
    assert eval(read.python) == read.spec
    return read.spec


def test_callaway_and_santanna() -> None:
    assert read("csdid y, ivar(id) time(year) gvar(first)") == dp.StaggeredDid(
        "y", "first", never=0, cov_type="influence"
    )
    assert read(
        "csdid y x if g == 1, ivar(id) time(year) gvar(first) method(reg) notyet "
        "long2 agg(simple)"
    ) == dp.StaggeredDid(
        "y",
        "first",
        "x",
        adjustment="regression",
        control="not_yet",
        base_period="universal",
        aggregate="simple",
        never=0,
        cov_type="influence",
        where="g == 1",
    )


def test_imputation() -> None:
    assert read(
        "did_imputation y id year first, fe(id year) allhorizons pretrends(5) "
        "autosample"
    ) == dp.StaggeredDid(
        "y", "first", estimator="imputation", leads=5, cov_type="influence"
    )
    simple = read("did_imputation y id year first, cluster(prov) controls(x)")
    assert simple == dp.StaggeredDid(
        "y",
        "first",
        "x",
        estimator="imputation",
        aggregate="simple",
        clusters="prov",
        cov_type="influence",
    )


def test_sun_and_abraham() -> None:
    text = (
        "eventstudyinteract y g_*, cohort(first) control_cohort(never) absorb(id year)"
    )
    panel = dp.datasets.us_states()
    frame = panel.frame.reset_index().assign(first=1980, g_1=0, never=0)
    states = dp.Panel(frame, "state", "year")
    text = text.replace(" y ", " gsp ").replace("id", "state")
    assert dp.from_stata(text, states).spec == dp.StaggeredDid(
        "gsp", "first", estimator="sun_abraham", cov_type="influence"
    )


def test_decomposition() -> None:
    python = dp.from_stata("bacondecomp y d, ddetail").python
    assert python == 'dp.bacon_decomposition(dp.FixedEffects("y", ["d"]), panel)'
    chosen = dp.from_stata("bacondecomp y d if g == 1", entity="id").python
    assert 'dp.FixedEffects("y", ["d"], where="g == 1")' in chosen


@pytest.mark.many(12)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("csdid y x, ivar(id) time(year) gvar(first)", "drimp"),
        ("csdid y, ivar(id) time(year)", "gvar"),
        ("csdid y, gvar(first) wboot", "bands='joint'"),
        ("csdid y, gvar(first) agg(attgt)", "agg"),
        ("did_imputation y id year first, fe(id prov#year)", "other effects"),
        ("did_imputation y id year first, unitcontrols(t)", "'unitcontrols'"),
        ("did_imputation y id year", "first treated time"),
        ("did_imputation y firm year first", "not the entity of xtset"),
        ("eventstudyinteract y g1, cohort(f) absorb(id prov)", "other than the keys"),
        ("bacondecomp y d x", "controls"),
        ("psmatch2 d x, logit neighbor(1)", "match_entities"),
        ("xtlogit y x", "random effects"),
        ("xtprobit y x, fe", "random effects"),
        ("clogit y x", r"group\(\) is absent"),
        ("xtpoisson y x, re", "'re'"),
        ("xtpoisson y x", "without fe"),
        ("poisson y x, vce(bootstrap)", r"vce\(bootstrap\)"),
        ("csdid y [iw=w], gvar(first)", "weights of csdid"),
        ("poisson y x [pw=w]", "weights of poisson"),
        ("did_imputation y id year first in 1/9", "rows by number"),
    ],
)
def test_refusals(text: str, reason: str) -> None:
    with pytest.raises(dp.StataError, match=reason):
        dp.from_stata(text, entity="id", time="year")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ppmlhdfe n x, absorb(id year) cluster(id)", "PoissonEffects"),
        ("xtpoisson n x i.year, fe vce(robust)", "PoissonEffects"),
        ("logit d x i.year, vce(cluster id)", "LogitEffects"),
        ("probit d x i.ind, r", "LogitEffects"),
    ],
)
def test_models_of_counts_and_choices(text: str, name: str) -> None:
    if not hasattr(dp, name):
        with pytest.raises(dp.StataError, match=f"needs {name}"):
            dp.from_stata(text, entity="id", time="year")
        return
    assert type(read(text)).__name__ == name


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("xtlogit y x i.year, fe", {"cov_type": "unadjusted"}),
        ("clogit y x i.year, gr(id) or", {"cov_type": "unadjusted"}),
        ("clogit y x i.year, group(id) vce(cluster id)", {}),
        (
            "clogit y x i.year, group(firm) vce(robust)",
            {"entity_effects": False, "absorb": ("firm",), "cov_type": "robust"},
        ),
    ],
)
def test_conditional_logits(text: str, fields: dict[str, Any]) -> None:
    """Its coefficients and errors are those of R's clogit (tests/counts)."""
    spec = dp.LogitEffects(
        "y", ["x", "C(year)"], time_effects=False, collinear="drop", **fields
    )
    assert dp.from_stata(text, entity="id", time="year").spec == spec


def test_robust_errors_of_a_conditional_logit_are_sums_by_group() -> None:
    states = dp.datasets.us_states().assign(d="I(unemp > 6)", z="I(emp / 1000)")
    errors = [
        dp.from_stata(f"clogit d z, group(state) vce({kind})", states).spec.fit(states)
        for kind in ("robust", "cluster state")
    ]
    assert errors[0].std_errors["z"] == pytest.approx(errors[1].std_errors["z"])
