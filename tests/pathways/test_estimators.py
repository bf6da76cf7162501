"""Every shape gives the numbers of a direct call of its estimator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import pathways
from digiprosper.pathways import Mechanism

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
REPS = 499

CONTROLS = ["urban", "fiscal", "openness"]
ROLES = {
    "x": "digital",
    "y": "prosperity",
    "m": "upgrading",
    "n": "productivity",
    "w": "schooling",
}
SEED = 7


def parts_of(panel, shape, sign="+", columns=ROLES, **more):
    roles = {"cause": "x", "outcome": "y", **more}
    mechanism = Mechanism("M", "a claim", sign=sign, shape=shape, **roles)
    report = evaluated(panel, mechanism, columns)
    return report, report.parts


def evaluated(panel, mechanism, columns=ROLES, **more):
    own = {role: columns[role] for role in mechanism.roles}
    return pathways.evaluate(
        panel, [mechanism], own, controls=CONTROLS, rng=SEED, **more
    )


def numbers(row):
    return (
        row[["estimate", "std_error", "conf_low", "conf_high", "p_value"]]
        .astype(float)
        .tolist()
    )


def drawn(spec, panel, term):
    test = dp.wild_bootstrap(spec, panel, term, reps=REPS, rng=SEED)
    return [test.estimate, test.std_error, *test.interval(), test.p_value]


def of_tidy(rows, term):
    row = rows.set_index("term").loc[term]
    return (
        row[["estimate", "std_error", "conf_low", "conf_high", "p_value"]]
        .astype(float)
        .tolist()
    )


def test_linear(panel) -> None:
    report, parts = parts_of(panel, "linear")
    spec = dp.FixedEffects("prosperity", ["digital", *CONTROLS])
    assert numbers(parts.loc[0]) == drawn(spec, panel, "digital")
    row = report.frame.loc["M"]
    assert (row["nobs"], row["n_entities"], row["n_clusters"]) == (372, 31, 31)


def test_moderated(panel) -> None:
    _, parts = parts_of(panel, "moderated", moderator="w")
    spec = dp.FixedEffects(
        "prosperity", ["digital:schooling", "digital", "schooling", *CONTROLS]
    )
    assert numbers(parts.loc[0]) == drawn(spec, panel, "digital:schooling")


def test_several_moderators_are_in_one_model(panel) -> None:
    _, parts = parts_of(panel, "moderated", moderator="w;m")
    terms = [
        "digital:schooling",
        "digital:upgrading",
        "digital",
        "schooling",
        "upgrading",
        *CONTROLS,
    ]
    spec = dp.FixedEffects("prosperity", terms)
    assert numbers(parts.loc[1]) == drawn(spec, panel, "digital:upgrading")


def test_the_level_of_a_moderator_that_does_not_vary_is_left_to_the_effects(
    panel,
) -> None:
    east = panel.assign(schooling=lambda f: (f["region"] == "east").astype(float))
    _, parts = parts_of(east, "moderated", moderator="w")
    spec = dp.FixedEffects("prosperity", ["digital:schooling", "digital", *CONTROLS])
    assert numbers(parts.loc[0]) == drawn(spec, east, "digital:schooling")


def test_coupled_is_one_association(panel) -> None:
    """The slopes of y on x and of x on y have the same t.

    So two p-values say the same thing.
    """
    report, parts = parts_of(panel, "coupled")
    spec, turned = (
        dp.FixedEffects(y, [x, *CONTROLS])
        for y, x in [("prosperity", "digital"), ("digital", "prosperity")]
    )
    assert len(parts) == 1
    assert numbers(parts.loc[0]) == drawn(spec, panel, "digital")
    plain = [
        fit.replace(cov_type="unadjusted").fit(panel).tstats.iloc[0]
        for fit in (spec, turned)
    ]
    assert plain[0] == pytest.approx(plain[1], rel=1e-9)
    assert (
        "positively associated, direction not identified"
        in report.frame.loc["M", "wording"]
    )
    assert "正相关，方向无法识别" in report.in_language("zh").frame.loc["M", "wording"]


def test_mediated(panel) -> None:
    report, parts = parts_of(panel, "mediated", channels="m;n")
    spec = dp.Mediation(
        "prosperity", "digital", ["upgrading", "productivity"], CONTROLS, reps=REPS
    )
    rows = spec.fit(panel, rng=SEED).tidy()
    assert numbers(parts.loc[0]) == of_tidy(rows, "indirect:upgrading")
    assert numbers(parts.loc[1]) == of_tidy(rows, "indirect:productivity")
    assert report.frame.loc["M", "p_value"] == parts["p_value"].max()


def test_paths_with_claimed_signs(panel) -> None:
    _, parts = parts_of(panel, "mediated", channels="m", path_signs="++")
    fit = dp.Mediation("prosperity", "digital", ["upgrading"], CONTROLS, reps=REPS).fit(
        panel, rng=SEED
    )
    assert numbers(parts.loc[1]) == of_tidy(
        fit.paths["mediator:upgrading"].tidy(), "digital"
    )
    assert numbers(parts.loc[2]) == of_tidy(fit.paths["outcome"].tidy(), "upgrading")


def test_u_shape(panel) -> None:
    report, parts = parts_of(panel, "U", "-/+", {**ROLES, "y": "urban_rural_theil"})
    fit = dp.FixedEffects(
        "urban_rural_theil", ["digital", "I(digital**2)", *CONTROLS]
    ).fit(panel)
    test = dp.u_test(fit, "digital")
    assert parts["estimate"].tolist() == [test.slope_low, test.slope_high]
    assert parts["at"].tolist() == list(test.interval)
    # The one-sided p-value of the test, doubled because either shape may be found.
    assert report.frame.loc["M", "p_value"] == pytest.approx(2 * test.p_value, rel=1e-9)
    for row, term in enumerate(["digital", "I(digital**2)"]):
        slope = fit.combination(f"digital + {2 * test.interval[row]!r}*I(digital**2)")
        assert numbers(parts.loc[row])[:4] == pytest.approx(
            [slope.estimate, slope.std_error, *slope.interval()], rel=1e-9
        ), term


def test_u_moderated(panel) -> None:
    _, parts = parts_of(
        panel,
        "U-moderated",
        "shift",
        {**ROLES, "y": "urban_rural_theil"},
        moderator="w",
    )
    terms = [
        "digital",
        "I(digital**2)",
        "digital:schooling",
        "I(digital**2):schooling",
        "schooling",
    ]
    fit = dp.FixedEffects("urban_rural_theil", [*terms, *CONTROLS]).fit(panel)
    shift = dp.moderated_u_test(fit, "digital", "schooling").shift
    assert parts.loc[0, "estimate"] == shift.detail["estimate"]
    assert parts.loc[0, "p_value"] == pytest.approx(shift.p_value, rel=1e-12)


def test_u_mediated(panel) -> None:
    _, parts = parts_of(panel, "U-mediated", "-/+", channels="m")
    spec = dp.Mediation(
        "prosperity",
        "digital",
        ["upgrading"],
        CONTROLS,
        quadratic=("a", "direct"),
        reps=REPS,
    )
    interval_words = [panel["digital"].min(), panel["digital"].max()]
    rows = (
        spec.fit(panel, rng=SEED)
        .conditional_effects(interval_words)
        .set_index("effect")
        .loc["indirect:upgrading"]
    )
    assert parts["at"].tolist() == interval_words
    names = ["estimate", "std_error", "conf_low", "conf_high", "p_value"]
    assert parts[names].to_numpy().tolist() == rows[names].to_numpy().tolist()


def threshold(panel, **more):
    spec = dp.PanelThreshold(
        "prosperity",
        "digital",
        regime_intercept=True,
        reps=REPS,
        **{"x": CONTROLS, **more},
    )
    return spec.fit(panel, rng=SEED)


def test_threshold(panel) -> None:
    report, parts = parts_of(panel, "threshold", moderator="w")
    actual = threshold(
        panel, threshold_variable="schooling", x=["schooling", *CONTROLS]
    )
    change = actual.slopes.combination("digital:regime2 - digital:regime1")
    p = max(change.p_value, actual.thresholds.loc[1, "p_value"])
    assert numbers(parts.loc[0]) == [
        change.estimate,
        change.std_error,
        *change.interval(),
        p,
    ]
    assert (
        report.findings[0].detail["threshold"] == actual.thresholds.loc[1, "estimate"]
    )


def test_threshold_with_channels(panel) -> None:
    _, parts = parts_of(panel, "threshold", moderator="x", channels="m")
    gamma = float(
        threshold(panel, threshold_variable="digital").thresholds.loc[1, "estimate"]
    )
    spec = dp.Mediation(
        "prosperity",
        "digital",
        ["upgrading"],
        CONTROLS,
        threshold=("digital", gamma),
        reps=REPS,
    )
    rows = spec.fit(panel, rng=SEED).tidy()
    assert numbers(parts.loc[1]) == of_tidy(rows, "difference:upgrading")


@pytest.mark.parametrize("impact", ["total", "indirect"])
def test_spatial(panel, ring, impact) -> None:
    mechanism = Mechanism(
        "M", "a claim", cause="x", outcome="y", sign="+", shape="spatial", impact=impact
    )
    report = evaluated(panel, mechanism, spatial_weights=ring)
    spec = dp.PanelSpatial("prosperity", ["digital", *CONTROLS], ring)
    rows = spec.fit(panel).impacts
    expected = rows[(rows["term"] == "digital") & (rows["kind"] == impact)]
    assert numbers(report.parts.loc[0]) == of_tidy(expected, "digital")


def test_staggered(panel) -> None:
    first = dict(zip(panel.entities[:16], [2015, 2017] * 8, strict=True))
    treated = [float(year >= first.get(name, np.inf)) for name, year in panel.index]
    policy = panel.assign(schooling=pd.Series(treated, index=panel.index))
    mechanism = Mechanism(
        "M",
        "a claim",
        cause="w",
        outcome="y",
        sign="+",
        shape="linear",
        design="staggered",
    )
    report = evaluated(policy, mechanism)
    spec = dp.StaggeredDid(
        "prosperity", "schooling", CONTROLS, estimator="imputation", aggregate="simple"
    )
    rows = spec.fit(policy).tidy()
    assert numbers(report.parts.loc[0]) == of_tidy(rows, rows["term"].iloc[0])
    assert "parallel trends" in report.frame.loc["M", "wording"] or report.frame.loc[
        "M", "verdict"
    ] == ("inconclusive")


def test_a_single_entity_that_is_never_treated_is_reported(panel) -> None:
    first = dict(zip(panel.entities[1:], [2015, 2017] * 15, strict=True))
    treated = [float(year >= first.get(name, np.inf)) for name, year in panel.index]
    policy = panel.assign(schooling=pd.Series(treated, index=panel.index))
    mechanism = Mechanism(
        "M",
        "a claim",
        cause="w",
        outcome="y",
        sign="+",
        shape="linear",
        design="staggered",
    )
    report = evaluated(policy, mechanism)
    assert "few_untreated" in report.notices["code"].tolist()
    assert "is never treated" in " ".join(report.summary().split())


def test_notices_of_the_models_are_in_the_report_once(panel) -> None:
    """Two of 31 provinces are treated, and two propositions have the same model."""
    treated = [
        float(name in panel.entities[:2] and year >= 2016) for name, year in panel.index
    ]
    policy = panel.assign(schooling=pd.Series(treated, index=panel.index))
    mechanisms = [
        Mechanism(
            name,
            "a claim",
            cause="w",
            outcome="y",
            sign="+",
            shape="linear",
            design="staggered",
        )
        for name in ("M", "N")
    ]
    roles = {"w": "schooling", "y": "prosperity"}
    report = pathways.evaluate(policy, mechanisms, roles, controls=CONTROLS, rng=SEED)
    spec = dp.StaggeredDid(
        "prosperity", "schooling", CONTROLS, estimator="imputation", aggregate="simple"
    )
    expected = spec.fit(policy).diagnostics
    assert "few_treated_clusters" in {notice.code for notice in expected}
    for finding in report.findings:
        assert finding.notices == expected
    assert report.notices["id"].value_counts().to_dict() == {
        "M": len(expected),
        "N": len(expected),
    }
    assert report.to_dict()["notices"] == report.notices.to_dict("records")
    for chinese in (False, True):
        text = " ".join(
            (report.in_language("zh") if chinese else report).summary().split()
        )
        for notice in expected:
            assert (
                text.count(
                    f"{'注（M、N）：' if chinese else 'Note on M, N: '}{notice.message}"
                )
                == 1
            )


def test_notices_are_those_of_every_model(panel) -> None:
    gaps = panel.assign(
        digital=panel["digital"].where(panel["digital"] > panel["digital"].min())
    )
    for shape, sign, more in (
        ("linear", "+", {}),
        ("coupled", "+", {}),
        ("moderated", "+", {"moderator": "w"}),
        ("mediated", "+", {"channels": "m"}),
        ("threshold", "+", {"moderator": "w"}),
        ("threshold", "+", {"moderator": "w", "channels": "m"}),
        ("U", "-/+", {}),
        ("U-mediated", "-/+", {"channels": "m"}),
        ("U-moderated", "shift", {"moderator": "w"}),
    ):
        report, _ = parts_of(gaps, shape, sign, **more)
        (finding,) = report.findings
        assert "missing_rows" in {notice.code for notice in finding.notices}, shape
        assert len(set(map(str, finding.notices))) == len(finding.notices), shape


@pytest.mark.further
def test_columns_may_have_any_name(panel) -> None:
    odd = panel.rename(digital="数字 (指数)", schooling="a b", upgrading="m-1")
    columns = {**ROLES, "x": "数字 (指数)", "w": "a b", "m": "m-1"}
    for shape, sign, more in (
        ("moderated", "+", {"moderator": "w"}),
        ("U", "-/+", {}),
        ("U-moderated", "shift", {"moderator": "w"}),
        ("threshold", "+", {"moderator": "w"}),
        ("U-mediated", "-/+", {"channels": "m"}),
    ):
        _, parts = parts_of(odd, shape, sign, columns, **more)
        _, plain = parts_of(panel, shape, sign, ROLES, **more)
        assert parts["estimate"].tolist() == plain["estimate"].tolist(), shape


def test_a_mechanism_that_is_replaced_runs(panel, catalogue) -> None:
    willing = replace(catalogue["P52"], testable="yes")
    report = pathways.evaluate(
        panel,
        [willing],
        {"de": "digital", "cp": "prosperity", "privacy_law": "schooling"},
        rng=SEED,
    )
    assert report.frame.loc["P52", "verdict"] != "not testable"
