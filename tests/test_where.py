"""Rows chosen by a condition after terms are made, against columns made before."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import ColumnError, InputTypeError, MissingDataError, TermError
from digiprosper.report.columns import columns_of

# Warnings of few clusters, missing lags and the like, which other tests are about.
pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")

WHERE = "t >= 3 and s > 0"
CHOSEN = "t >= 3"


def make(n: int = 24, periods: int = 9) -> dp.Panel:
    """Columns with a few missing values, and a column of first treated times."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    for name in "mqxyz":
        frame[name] = rng.normal(size=len(frame)) + rng.normal(size=n)[frame["i"]]
    frame["y"] += frame["x"] + 0.5 * frame["m"]
    frame["s"] = rng.uniform(-0.2, 1, len(frame))
    frame.loc[::41, "s"] = np.nan
    frame.loc[7::50, "z"] = np.nan
    frame["first"] = np.array([4.0, 6.0, np.nan])[frame["i"] % 3]
    frame["g"] = np.where(frame["i"] % 2, "odd", "even")
    return dp.Panel(frame, "i", "t")


PANEL = make()
# The lags as columns of the whole panel; then the rows are chosen.
MADE = PANEL.assign(lx="lag(x)", dz="diff(z)", lq="lead(q)")


def fitted(spec: Any, panel: dp.Panel) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return spec.fit(panel, rng=1)


def numbers(result: Any) -> tuple[Any, Any, int]:
    slopes = getattr(result, "slopes", result)
    params, cov = slopes.params, slopes.cov
    return params.to_numpy(), np.asarray(cov), result.nobs


SPECS: dict[str, tuple[Any, Any]] = {
    "FixedEffects": (
        dp.FixedEffects("y", ["lag(x)", "diff(z)"]),
        dp.FixedEffects("y", ["lx", "dz"]),
    ),
    "robust, weights, absorb": (
        dp.FixedEffects(
            "y", ["lag(x)"], absorb=["g^t"], cov_type="robust", obs_weights="w"
        ),
        dp.FixedEffects(
            "y", ["lx"], absorb=["g^t"], cov_type="robust", obs_weights="w"
        ),
    ),
    "categories": (
        dp.FixedEffects("y", ["lag(x)", "C(t):x"], entity_effects=False),
        dp.FixedEffects("y", ["lx", "C(t):x"], entity_effects=False),
    ),
    "driscoll_kraay": (
        dp.FixedEffects("y", ["lag(x)"], cov_type="driscoll_kraay"),
        dp.FixedEffects("y", ["lx"], cov_type="driscoll_kraay"),
    ),
    "FixedEffectsIV": (
        dp.FixedEffectsIV("y", ["lag(x)"], ["m"], ["lead(q)", "z"]),
        dp.FixedEffectsIV("y", ["lx"], ["m"], ["lq", "z"]),
    ),
    "EventStudy": (
        dp.EventStudy("y", "first", ["lag(x)"], before=2, after=2),
        dp.EventStudy("y", "first", ["lx"], before=2, after=2),
    ),
    "PoissonEffects": (
        dp.PoissonEffects("exp(y)", ["lag(x)"]),
        dp.PoissonEffects("exp(y)", ["lx"]),
    ),
    "LogitEffects": (
        dp.LogitEffects("I(y > 0)", ["lag(x)"]),
        dp.LogitEffects("I(y > 0)", ["lx"]),
    ),
    "PanelThreshold": (
        dp.PanelThreshold("y", ["lag(x)"], "lead(q)", reps=19),
        dp.PanelThreshold("y", ["lx"], "lq", reps=19),
    ),
    "PanelKink": (
        dp.PanelKink("y", "lag(x)", ["z"], reps=19),
        dp.PanelKink("y", "lx", ["z"], reps=19),
    ),
    "Mediation": (
        dp.Mediation("y", "lag(x)", ["m"], ["diff(z)"], reps=99),
        dp.Mediation("y", "lx", ["m"], ["dz"], reps=99),
    ),
    "MediationIV": (
        dp.MediationIV("y", "x", "m", "lag(x)", reps=99),
        dp.MediationIV("y", "x", "m", "lx", reps=99),
    ),
    "imputation": (
        dp.StaggeredDid("y", "first", ["lag(x)"], estimator="imputation"),
        dp.StaggeredDid("y", "first", ["lx"], estimator="imputation"),
    ),
}


@pytest.mark.many(len(SPECS))
@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("where", [WHERE, CHOSEN])
def test_terms_are_made_before_rows_are_chosen(name: str, where: str) -> None:
    spec, made = SPECS[name]
    if spec.__class__ is dp.StaggeredDid:
        # Effects need a period before the first treatment, and all of some cohort.
        where = "t >= 1 and i != 5"
    panel, beside = PANEL, MADE
    if getattr(spec, "obs_weights", None):
        panel, beside = (p.assign(w=lambda f: f["q"].abs() + 1) for p in (PANEL, MADE))
    got = fitted(spec.replace(where=where), panel)
    expected = fitted(made, beside.subset(where))
    for a, b in zip(numbers(got), numbers(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    assert (got.nobs, got.glance()["sample_hash"]) == (
        expected.nobs,
        expected.glance()["sample_hash"],
    )
    assert got.nobs > fitted(spec, panel.subset(where)).nobs or "Mediation" in name


def test_as_stata_if_of_the_states() -> None:
    """Stata keeps 48 x 12 rows, since the lag of 1975 is made; a subset 48 x 11."""
    panel = dp.datasets.us_states()
    spec = dp.FixedEffects("log(gsp)", ["lag(unemp)"], where="year >= 1975")
    assert fitted(spec, panel).nobs == 576
    subset = panel.subset("year >= 1975")
    assert fitted(spec.replace(where=None), subset).nobs == 528


def test_dynamic_panels_keep_the_instruments_of_other_rows() -> None:
    panel = dp.datasets.us_states()
    spec = dp.DynamicPanel("log(gsp)", ["unemp"], instrument_lags=(2, 4))
    where = "year >= 1978"
    with_where = fitted(spec.replace(where=where), panel)
    cut = fitted(spec, panel.subset(where))
    assert with_where.glance()["n_times"] == cut.glance()["n_times"] + 1
    assert with_where.nobs > cut.nobs
    # The rows with a period before them in the sample are its differences.
    assert not np.allclose(with_where.params, cut.params)


def test_corrected_estimators_choose_rows_too() -> None:
    panel = dp.datasets.us_states()
    spec = dp.DynamicPanel("log(gsp)", ["unemp"], estimator="lsdvc", reps=49)
    made = fitted(spec, panel.subset("year >= 1977"))
    got = fitted(spec.replace(where="year >= 1978"), panel)
    # With one lag the subset loses its first period, which the condition does not.
    np.testing.assert_allclose(got.params, made.params, rtol=1e-10)


def weights() -> dp.SpatialWeights:
    return dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())


@pytest.mark.parametrize("where", ["year >= 1975", "state not in ['CA', 'NY']"])
def test_spatial_models_choose_balanced_rows(where: str) -> None:
    panel = dp.datasets.us_states()
    made = panel.assign(lu="lag(unemp)").subset(f"{where} and year > 1970")
    spec = dp.PanelSpatial("log(gsp)", ["lag(unemp)", "log(pc)"], weights())
    got = fitted(spec.replace(where=where), panel)
    expected = fitted(spec.replace(x=["lu", "log(pc)"]), made)
    for a, b in zip(numbers(got), numbers(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8)


def test_a_spatial_model_may_choose_the_balanced_part_of_a_panel() -> None:
    panel = dp.datasets.us_states().subset("not (state == 'CA' and year == 1970)")
    spec = dp.PanelSpatial("log(gsp)", ["log(pc)"], weights())
    with pytest.raises(MissingDataError, match="the panel is not balanced"):
        spec.fit(panel)
    assert fitted(spec.replace(where="year > 1970"), panel).nobs == 48 * 16
    unbalanced = spec.replace(where="not (state == 'CA' and year == 1980)")
    with pytest.raises(
        MissingDataError, match=r"the rows where not .* are not balanced"
    ):
        unbalanced.fit(dp.datasets.us_states())


# --- what is missing, and undefined ---------------------------------------------------


def test_values_missing_in_other_rows_are_no_missing_values() -> None:
    spec = dp.FixedEffects("y", ["x", "z"], missing="raise", where="t < 7")
    with pytest.raises(MissingDataError, match="missing values in z"):
        spec.fit(PANEL)
    only_chosen = PANEL.assign(
        v=lambda f: f["x"].where(f.index.get_level_values(1) < 7)
    )
    fit = dp.FixedEffects("y", ["v"], missing="raise", where="t < 7").fit(only_chosen)
    assert fit.nobs == 24 * 7
    assert "missing_rows" not in {n.code for n in fit.diagnostics}


def test_missing_values_are_counted_among_the_chosen_rows() -> None:
    panel = make()
    fit = dp.FixedEffects("y", ["x", "z"], where=CHOSEN).fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "missing_rows"]
    chosen = panel.subset(CHOSEN)
    missing = int(chosen["z"].isna().sum())
    assert notice.message.startswith(f"{missing} of {chosen.nobs} rows dropped")
    assert f"the other {chosen.nobs - missing} rows" in notice.message


def test_a_comparison_with_a_missing_value_is_false() -> None:
    """Stata keeps them, since a missing value is larger than any number there."""
    absent = int(PANEL.frame["s"].isna().sum())
    above = int((PANEL.frame["s"] > 0.5).sum())
    spec = dp.FixedEffects("y", ["x"], singletons="keep")
    assert absent > 0
    assert spec.replace(where="s > 0.5").fit(PANEL).nobs == above
    unequal = spec.replace(where="s != 0.5").fit(PANEL)
    assert unequal.nobs == PANEL.nobs


def test_a_term_may_be_undefined_in_other_rows() -> None:
    panel = PANEL.assign(p=lambda f: f["x"] - f["x"].quantile(0.2))
    spec = dp.FixedEffects("y", ["log(p)"], where="p > 0", singletons="keep")
    logs = panel.subset("p > 0").assign(lp="log(p)")
    expected = dp.FixedEffects("y", ["lp"], singletons="keep").fit(logs)
    np.testing.assert_allclose(spec.fit(panel).params, expected.params, rtol=1e-12)
    with pytest.raises(MissingDataError, match="undefined or infinite"):
        spec.replace(where="p > -1").fit(panel)
    # The log is missing, as in Stata, so its lag is too.
    lagged = fitted(spec.replace(x=["lag(log(p))"]), panel)
    both = panel.assign(
        lp=lambda f: np.log(f["p"].where(f["p"] > 0)).groupby(level=0).shift(1)
    )
    by_hand = fitted(
        dp.FixedEffects("y", ["lp"], singletons="keep"), both.subset("p > 0")
    )
    np.testing.assert_allclose(lagged.params, by_hand.params, rtol=1e-12)
    assert lagged.nobs == by_hand.nobs


def test_categories_have_the_levels_of_the_chosen_rows() -> None:
    spec = dp.FixedEffects("y", ["C(t)"], time_effects=False, where="t in [2, 4, 5]")
    assert list(spec.fit(PANEL).params.index) == ["C(t)[T.4]", "C(t)[T.5]"]


def test_a_comparison_in_a_term_counts_chosen_rows_and_entities() -> None:
    spec = dp.FixedEffects("y", ["x", "I(t >= first)"], where="t >= 2 and i < 9")
    with pytest.warns(dp.MissingDataWarning, match="with all rows of 3 i"):
        spec.fit(PANEL)


@pytest.mark.parametrize(
    ("where", "kind", "words"),
    [
        ("year > 3", ColumnError, "year"),
        (
            "t > 100",
            MissingDataError,
            "where='t > 100' is true in none of the 216 rows",
        ),
        ("t >", TermError, r"where\('t >'\) cannot be read"),
        ("t", TermError, "not true or false"),
        ("", TermError, "cannot be read"),
    ],
)
def test_conditions_that_choose_nothing_are_refused(
    where: str, kind: type[Exception], words: str
) -> None:
    for spec in (dp.FixedEffects("y", ["x"]), dp.Mediation("y", "x", ["m"], reps=99)):
        with pytest.raises(kind, match=words):
            spec.replace(where=where).fit(PANEL)
    with pytest.raises(kind, match=words):
        PANEL.sample({"y": ["y"]}, where=where)


@pytest.mark.parametrize("where", [True, ["t > 3"], PANEL["x"] > 0, {"t": 3}])
def test_a_condition_is_a_text(where: Any) -> None:
    specs = [spec for spec, _ in SPECS.values()]
    specs += [dp.DynamicPanel("y"), dp.PanelSpatial("y", ["x"], weights())]
    for spec in specs:
        with pytest.raises(InputTypeError, match="where must be a condition"):
            spec.replace(where=where)
    with pytest.raises(InputTypeError, match="where must be a condition"):
        PANEL.sample({"y": ["y"]}, where=where)


# --- invariances ----------------------------------------------------------------------


def test_a_condition_that_is_always_true_changes_no_digit() -> None:
    for spec, _ in list(SPECS.values())[:1]:
        for a, b in zip(
            numbers(fitted(spec.replace(where="t >= 0"), PANEL)),
            numbers(fitted(spec, PANEL)),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)


def test_order_of_rows_does_not_matter() -> None:
    spec = dp.FixedEffects("y", ["lag(x)"], where=WHERE)
    frame = PANEL.frame.reset_index().sample(frac=1, random_state=3)
    shuffled = dp.Panel(frame, "i", "t")
    for a, b in zip(
        numbers(fitted(spec, PANEL)), numbers(fitted(spec, shuffled)), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_specifications_are_values() -> None:
    spec = dp.FixedEffects("y", ["x"], where=WHERE)
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert spec != spec.replace(where=None)
    assert f"where={WHERE!r}" in repr(spec)
    assert spec.terms == ("y", "x")


# --- what is told ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depvar", "where", "told"),
    [
        ("y", "y > 0", True),
        ("超额", "t > 0 and `超额` > -1", True),
        ("y", "y2 > 0 and x < 1 and kind != 'y'", False),
        ("log(w)", "w > 1", False),
        ("lead(y)", "y > 0", False),
        ("y", "y != -999 and x < 1", False),
    ],
)
def test_rows_that_the_outcome_chooses_are_told(depvar, where, told) -> None:
    extra = {"w": "I(x**2 + 1)", "超额": "I(y + x)", "y2": "I(y + 1)"}
    panel = PANEL.assign(**extra, kind=lambda f: np.where(f["x"] > 1, "y", "z"))
    for fit in (
        dp.FixedEffects(depvar, ["x"], where=where).fit(panel),
        dp.FixedEffects(depvar, ["x"]).fit(panel.subset(where)),
    ):
        assert ("chosen_by_outcome" in [n.code for n in fit.diagnostics]) is told
        assert ("the outcome, so that slopes" in str(dp.etable(fit))) is told


@pytest.mark.parametrize("where", ["y == y", "y > -100", "t > 2 and y <= 1e6"])
def test_conditions_on_the_outcome_that_leave_out_nothing_are_no_choice(where) -> None:
    # Rows without regressors are left out by no condition.
    panel = PANEL.assign(x=lambda f: f["x"].where(f["y"].between(-1, 1)))
    fit = dp.FixedEffects("y", ["x"], where=where).fit(panel)
    assert "chosen_by_outcome" not in [n.code for n in fit.diagnostics]


@pytest.mark.many(len(SPECS))
@pytest.mark.parametrize("name", SPECS)
def test_summaries_and_tables_say_which_rows(name: str) -> None:
    spec, _ = SPECS[name]
    where, panel = "t >= 1 and i != 5", PANEL.assign(w=lambda f: f["q"].abs() + 1)
    result = fitted(spec.replace(where=where), panel)
    (notice,) = [n for n in result.diagnostics if n.code == "chosen_rows"]
    assert notice.data == {"where": where, "count": 23 * 8}
    told = " ".join(str(result.summary()).split())
    assert f"Rows where {where}: 184 of 216" in told
    columns = columns_of(result)
    assert columns
    for column in columns:
        assert "chosen_rows" in [r.code for r in column.remarks], column.head
    printed = " ".join(str(dp.etable([result])).split())
    assert "ows where t ≥ 1 and i ≠ 5" in printed
    assert "chosen_rows" in str(result.to_dict()["diagnostics"])


@pytest.mark.many(len(SPECS))
@pytest.mark.parametrize("name", SPECS)
def test_summaries_and_tables_say_which_columns_are_winsorised(name: str) -> None:
    panel = PANEL.assign(w=lambda f: f["q"].abs() + 1).winsorize(["x", "first"], 0.05)
    result = fitted(SPECS[name][0], panel)
    (notice,) = [n for n in result.diagnostics if n.code == "winsorised"]
    assert notice.data["cells"]["x"] == (panel.frame["x"] != PANEL.frame["x"]).sum()
    told = " ".join(str(result.summary()).split())
    assert "Winsorised at 5% and 95%: 'x' (" in told
    for column in columns_of(result) or ():
        assert "winsorised" in [r.code for r in column.remarks], column.head
    assert "insorised at 5% and 95%: x." in " ".join(str(dp.etable([result])).split())
    chinese = str(dp.etable([result], style=dp.TableStyle(language="zh")))
    assert "x在5%和95%分位数处缩尾。" in chinese.replace("\n", "")


def test_changed_columns_are_named_where_terms_are_plain_columns() -> None:
    holes = PANEL.assign(z=lambda f: f["z"].where(f.index.get_level_values("t") != 3))
    panel = holes.winsorize(["y", "q"], 0.05).interpolate("z").standardise("x", by="t")
    result = dp.FixedEffects("y", ["x", "z"]).fit(panel)
    notices = {n.code: n for n in result.diagnostics}
    cut = int((panel.frame["y"] != PANEL.frame["y"]).sum())
    filled = int((holes.frame["z"].isna() & panel.frame["z"].notna()).sum())
    assert notices["winsorised"].data["cells"] == {"y": cut}
    assert notices["interpolated"].data == {"cells": {"z": filled}}
    assert notices["standardised"].data == {"cells": {"x": None}, "by": "t"}
    told = " ".join(str(result.summary()).split())
    assert f"Interpolated: 'z' ({filled} values). Note: Standardised by t: 'x'." in told
    table = str(dp.etable([result]))
    assert "Interpolated: z.\nStandardised: x." in table
    other = dp.FixedEffects("m", ["z"]).fit(panel.rename(z="w").rename(w="z"))
    assert set(notices) - {n.code for n in other.diagnostics} == {
        "winsorised",
        "standardised",
    }


def test_conditions_in_a_note_have_the_labels_of_columns_and_values() -> None:
    panel, _ = dp.datasets.simulate_provinces(5, 8, rng=1)
    where = "year < 2018 and region != 'west' and province not in ['tianjin']"
    fit = dp.FixedEffects("prosperity", ["urban"], where=where).fit(panel)
    labels = {"year": "年份", "region": "地区", "province": "省份", "tianjin": "天津"}
    printed = {
        language: [
            note
            for note in dp.etable(
                fit, labels=labels, style=dp.TableStyle(language)
            ).notes
            if "< 2018" in note
        ]
        for language in ("en", "zh")
    }
    assert printed == {
        "en": ["Rows where 年份 < 2018 and 地区 ≠ west and 省份 not in [天津]."],
        "zh": ["样本为满足年份 < 2018 且 地区 ≠ 西部 且 省份 不属于 [天津]的观测。"],
    }


def test_a_table_says_it_of_the_columns_it_is_true_of() -> None:
    spec = dp.FixedEffects("y", ["x"])
    early, whole = spec.replace(where="t < 5"), spec
    table = str(dp.etable([early.fit(PANEL), whole.fit(PANEL)]))
    assert "(1): rows where t < 5." in table
    both = str(dp.etable([early.fit(PANEL), early.replace(x=["z"]).fit(PANEL)]))
    assert "\nRows where t < 5." in both
    chinese = str(dp.etable([early.fit(PANEL)], style=dp.TableStyle(language="zh")))
    assert "t < 5" in chinese


# --- functions of specifications ------------------------------------------------------


def agree(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a.p_value, b.p_value, rtol=1e-12)
    np.testing.assert_allclose(a.statistic, b.statistic, rtol=1e-10)


def test_tests_and_draws_use_the_chosen_rows() -> None:
    spec, made = dp.FixedEffects("y", ["lag(x)"], where=WHERE), MADE.subset(WHERE)
    other = dp.FixedEffects("y", ["lx"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(
            dp.wild_bootstrap(spec, PANEL, "lag(x)", reps=199, rng=1),
            dp.wild_bootstrap(other, made, "lx", reps=199, rng=1),
        )
        agree(
            dp.randomisation_test(spec, PANEL, "lag(x)", reps=99, rng=1),
            dp.randomisation_test(other, made, "lx", reps=99, rng=1),
        )
        agree(
            dp.hausman(spec, PANEL, method="mundlak"),
            dp.hausman(other, made, method="mundlak"),
        )
        one_way = [s.replace(time_effects=False) for s in (spec, other)]
        agree(
            *(
                dp.pesaran_cd(s.fit(p))
                for s, p in zip(one_way, (PANEL, made), strict=True)
            )
        )
        a = dp.cluster_bootstrap(spec, PANEL, reps=99, rng=1)
        b = dp.cluster_bootstrap(other, made, reps=99, rng=1)
        np.testing.assert_allclose(a.draws, b.draws, rtol=1e-10)
        steps = dp.stepwise(spec, PANEL, ["diff(z)"])
        by_hand = dp.stepwise(other, made, ["dz"])
    for one, two in zip(steps.values(), by_hand.values(), strict=True):
        np.testing.assert_allclose(one.params, two.params, rtol=1e-12)
        assert one.nobs == two.nobs
    assert "(1)" in dp.fit_all({"(1)": spec}, PANEL).labels


def test_a_placebo_test_draws_in_the_chosen_rows() -> None:
    panel = PANEL.assign(d="treated(first)")
    spec = dp.FixedEffects("y", ["d", "lag(x)"], where="t >= 2")
    made = panel.assign(lx="lag(x)").subset("t >= 2")
    agree(
        dp.placebo_test(spec, panel, "d", reps=99, rng=1),
        dp.placebo_test(dp.FixedEffects("y", ["d", "lx"]), made, "d", reps=99, rng=1),
    )


@pytest.mark.parametrize("method", ["permutation", "interaction"])
def test_groups_are_compared_in_the_chosen_rows(method: Any) -> None:
    spec = dp.FixedEffects("y", ["lag(x)"], where="t >= 3 and i > 3")
    made = MADE.subset("t >= 3 and i > 3")
    other = dp.FixedEffects("y", ["lx"])
    a = dp.by_group(spec, PANEL, "g", method=method, rng=1)
    b = dp.by_group(other, made, "g", method=method, rng=1)
    agree(a.difference, b.difference)
    assert [r.nobs for r in a.values()] == [r.nobs for r in b.values()]


def test_entities_without_a_chosen_row_are_not_permuted() -> None:
    spec = dp.FixedEffectsIV("y", ["x"], ["m"], ["q"], where="i > 15")
    few = PANEL.subset("i > 15")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a = dp.by_group(spec, PANEL, "g", term="m", reps=19, rng=1)
        b = dp.by_group(spec.replace(where=None), few, "g", term="m", reps=19, rng=1)
    np.testing.assert_array_equal(a.difference.draws, b.difference.draws)


def test_convergence_makes_leads_before_rows_are_chosen() -> None:
    panel = dp.datasets.us_states()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        actual = dp.beta_convergence(panel, "gsp", where="year < 1980")
        made = dp.beta_convergence(panel.subset("year <= 1980"), "gsp")
    np.testing.assert_allclose(actual.params, made.params, rtol=1e-12)


def test_a_propagated_index_learns_from_all_rows() -> None:
    panel = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
    system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    index = dp.CompositeIndex(system)
    model = dp.FixedEffects("log(gsp)", ["capital", "unemp"], where="year >= 1975")
    actual = fitted(dp.PropagatedIndex({"capital": index}, model, reps=99), panel)
    scores = panel.attach(index.fit(panel).scores.rename("capital"))
    expected = fitted(model, scores)
    np.testing.assert_allclose(actual.params, expected.params, rtol=1e-10)
    assert actual.nobs == 576


# --- which periods, and which rows of the panel ---------------------------------------


@pytest.mark.many(len(SPECS))
@pytest.mark.parametrize("name", SPECS)
def test_the_period_is_the_first_and_last_time_of_the_sample(name: str) -> None:
    spec, _ = SPECS[name]
    panel = PANEL.assign(w=lambda f: f["q"].abs() + 1)
    result = fitted(spec.replace(where="t >= 1 and t < 8 and i != 5"), panel)
    # A lead lacks the last period of the panel, which is not among the chosen rows.
    assert result.glance()["period"] == "1–7"
    rows = dp.etable(result, stats=["nobs", "period"]).frame
    assert set(rows.loc["Sample period"]) == {"1–7"}
    if hasattr(spec, "keep_rows"):
        few = spec.replace(where="t >= 1 and t < 8", keep_rows=False)
        assert fitted(few, panel).glance()["period"] == "1–7"


def test_periods_stand_by_column_in_both_languages() -> None:
    states = dp.datasets.us_states()
    spec = dp.FixedEffects("log(gsp)", ["unemp"])
    fits = [spec.fit(states), spec.replace(y="diff(log(gsp))").fit(states)]
    style = dp.TableStyle("zh", stats=("nobs", "period"))
    assert dp.etable(fits, style=style).frame.loc["样本期间"].tolist() == [
        "1970–1986",
        "1971–1986",
    ]
    assert "1970–1986" not in str(dp.etable(fits))


def test_a_date_has_no_midnight_and_a_cross_section_no_period() -> None:
    frame = PANEL.frame.reset_index()
    frame["t"] = pd.Timestamp("2011-01-01") + pd.to_timedelta(frame["t"], unit="D")
    fit = dp.FixedEffects("y", ["x"]).fit(dp.Panel(frame, "i", "t"))
    assert fit.glance()["period"] == "2011-01-01–2011-01-09"
    months = frame.assign(t=frame["t"].dt.day.map("2011-{:02}".format))
    months["t"] = pd.PeriodIndex(months["t"], freq="M")
    fit = dp.FixedEffects("y", ["x"]).fit(dp.Panel(months, "i", "t"))
    assert fit.glance()["period"] == "2011-01–2011-09"
    rows = dp.Panel.from_rows(frame)
    assert dp.FixedEffects("y", ["x"]).fit(rows).glance()["period"] is None


@pytest.mark.many(len(SPECS))
@pytest.mark.parametrize("name", SPECS)
def test_summaries_and_tables_say_which_rows_subset_kept(name: str) -> None:
    spec, _ = SPECS[name]
    panel = PANEL.assign(w=lambda f: f["q"].abs() + 1).subset("i != 5")
    result = fitted(spec, panel.subset("t >= 0").subset("t >= 1"))
    kept = [n.data["where"] for n in result.diagnostics if n.code == "chosen_rows"]
    assert kept == ["i != 5", "t >= 1"]
    told = " ".join(str(result.summary()).split())
    assert "Rows where t >= 1, chosen by subset before" in told
    for column in columns_of(result) or ():
        assert [r.code for r in column.remarks].count("chosen_rows") == 2, column.head
    assert "ows where i ≠ 5" in " ".join(str(dp.etable([result])).split())


def test_masks_complete_rows_and_groups_are_not_named() -> None:
    panel = PANEL.subset(PANEL["t"] > 2)
    spec = dp.FixedEffects("y", ["x"])
    for cut in (panel, PANEL.dropna("z"), PANEL.balance()):
        assert "rows where" not in str(dp.etable(fitted(spec, cut))).lower()
    groups = dp.by_group(spec, PANEL.subset("t < 5"), "g", method="interaction")
    assert str(dp.etable(groups)).count("ows where") == 1


def test_scanned_tables_say_which_rows_and_periods() -> None:
    pytest.importorskip("pyarrow")
    frame = PANEL.frame.reset_index()
    scan = dp.Panel.scan(frame, entity="i", time="t", blocks=3).subset("t >= 2")
    spec = dp.FixedEffects("y", ["lag(x)"], time_effects=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        far, near = spec.fit(scan), spec.fit(PANEL.subset("t >= 2"))
    assert far.glance()["period"] == near.glance()["period"] == "3–8"
    told = [[n for n in f.diagnostics if n.code == "chosen_rows"] for f in (far, near)]
    assert told[0] == told[1]
    assert [dict(n.data) for n in told[0]] == [{"where": "t >= 2"}]
