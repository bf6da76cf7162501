"""Descriptions of columns against numbers by hand and scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper import Panel
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    InputTypeError,
    MissingDataError,
    OptionError,
    TermError,
)


@pytest.fixture
def panel() -> Panel:
    rng = np.random.default_rng(0)
    n = 26
    data = pd.DataFrame(
        {"city": np.repeat(["a", "b"], n // 2), "year": np.tile(np.arange(n // 2), 2)}
    )
    data["gdp"] = rng.lognormal(size=n)
    data["digital"] = rng.normal(size=n)
    data["region"] = "east"
    data["K / L"] = rng.uniform(1, 2, size=n)
    data["资本"] = rng.uniform(1, 2, size=n)
    return Panel(data, "city", "year")


def test_summarise_by_hand(panel: Panel) -> None:
    holes = panel.assign(gdp=panel.frame["gdp"].where(panel.frame["digital"] > 0))
    out = holes.summarise()
    assert out.columns.tolist() == ["N", "mean", "sd", "min", "p50", "max"]
    assert out.index.tolist() == ["gdp", "digital", "K / L", "资本"]
    x = holes.frame["gdp"].dropna()
    expected = [len(x), x.mean(), x.std(ddof=1), x.min(), x.median(), x.max()]
    np.testing.assert_allclose(out.loc["gdp"].to_numpy(dtype=float), expected)
    assert holes.summarise("digital").index.tolist() == ["digital"]
    with pytest.raises(InputTypeError, match="'region'"):
        holes.summarise(["gdp", "region"])


def test_whole_weights_are_repeated_rows_but_for_the_divisor(panel: Panel) -> None:
    # A row of weight 3 counts as three rows; as in Stata's aweights, N is that of rows.
    weights = np.tile([0.0, 1, 2, 3, np.nan, 2, 1, 1, 5, 1, 1, 2, 1], 2)
    weighted = panel.assign(w=lambda _: weights)
    table = weighted.summarise(["gdp", "digital"], obs_weights="w")
    counts = np.nan_to_num(weights).astype(int)
    for name in ("gdp", "digital"):
        x = panel.frame[name].to_numpy()
        repeated = np.repeat(x, counts)
        n = int((counts > 0).sum())
        sd = repeated.std(ddof=0) * np.sqrt(n / (n - 1))
        used = x[counts > 0]
        expected = [n, repeated.mean(), sd, used.min(), np.median(repeated), used.max()]
        np.testing.assert_allclose(table.loc[name].to_numpy(dtype=float), expected)
    scaled = weighted.assign(w="I(w * 1e-9)").summarise(["gdp"], obs_weights="w")
    np.testing.assert_allclose(scaled.loc["gdp"], table.loc["gdp"])


def test_equal_weights_change_nothing_and_bad_ones_are_refused(panel: Panel) -> None:
    equal = panel.assign(w=0.1)
    pd.testing.assert_frame_equal(
        equal.summarise("gdp", obs_weights="w"), equal.summarise("gdp")
    )
    for bad in (-1.0, 0.0):
        with pytest.raises(OptionError, match="obs_weights='w' must not be negative"):
            panel.assign(w=bad).summarise("gdp", obs_weights="w")


TERMS = ["log(gdp)", "lag(digital)", "gdp:digital", "I(`K / L`**2)"]


def test_terms_are_described_as_the_columns_that_assign_makes_of_them(
    panel: Panel,
) -> None:
    made = panel.assign(**dict(zip("abcd", TERMS, strict=True)))
    made = made.assign(late=lambda f: f.index.get_level_values("year") > 5)
    names = dict(zip("abcd", TERMS, strict=True))

    table = made.summarise([*TERMS, "资本"])
    assert table.index.tolist() == [*TERMS, "资本"]
    columns = made.summarise([*names, "资本"]).rename(index=names)
    pd.testing.assert_frame_equal(table, columns)
    columns = made.describe([*names]).rename(index=names, level=0)
    pd.testing.assert_frame_equal(made.describe(TERMS), columns)
    columns = made.correlate([*names]).r.rename(index=names, columns=names)
    pd.testing.assert_frame_equal(made.correlate(TERMS).r, columns)
    columns = made.balance_table("late", [*names]).rename(index=names)
    pd.testing.assert_frame_equal(made.balance_table("late", TERMS), columns)


def test_labels_of_terms_are_those_of_correlations(panel: Panel) -> None:
    labelled = panel.relabel(gdp="GDP")
    labelled = Panel(labelled.frame, labels={"log(gdp)": "ln GDP"})
    labels = labelled.correlate(["log(gdp)", "digital"]).labels
    assert labels == {"log(gdp)": "ln GDP"}
    for frame in (labelled.summarise(["log(gdp)"]), labelled.describe(["log(gdp)"])):
        assert "ln GDP" in str(dp.etable(frame))


def test_descriptive_tables_have_the_labels_of_the_panel(panel: Panel) -> None:
    labelled = panel.relabel(gdp="人均GDP").assign(late=lambda f: f["gdp"] > 1)
    columns = ["gdp", "log(gdp)", "digital"]
    zh = dp.TableStyle("zh")
    names = ["人均GDP", "ln(人均GDP)", "digital"]
    for table in (
        labelled.summarise(columns),
        labelled.summarise(columns).round(1),
        labelled.balance_table("late", columns),
    ):
        assert dp.etable(table, style=zh).frame.index.tolist() == names
        assert table.index.tolist() == columns
    parts = dp.etable(labelled.describe(columns), style=zh).frame.index
    assert parts.str.partition(" / ").get_level_values(0).unique().tolist() == names
    correlations = dp.etable(labelled.correlate(columns), style=zh).frame.index
    assert correlations.tolist() == [f"({i}) {n}" for i, n in enumerate(names, start=1)]
    theirs = dp.etable(labelled.summarise(columns), labels={"gdp": "产出"}, style=zh)
    assert theirs.frame.index.tolist()[:2] == ["产出", "ln(产出)"]


def test_terms_that_cannot_be_described(panel: Panel) -> None:
    words = r"summarise: no column named 'gpd' \(did you mean 'gdp'\?\); 'wage'"
    with pytest.raises(ColumnError, match=words):
        panel.summarise(["log(gpd)", "digital", "wage"])
    with pytest.raises(TermError, match=r"summarise: C\(\) makes several columns"):
        panel.summarise(["C(region)"])
    with pytest.raises(InputTypeError, match="'region' is"):
        panel.describe("log(region)")
    with pytest.raises(ColumnError, match=r"interpolate: no column named 'log\(gdp\)'"):
        panel.interpolate("log(gdp)")


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({0: "…", 14: "-"}, r"'er' has '…', '-' in 2 rows \(first: \(a, 0\), \(b, 1\)"),
        ({}, "'er' has numbers of type .*pandas.to_numeric"),
    ],
)
def test_columns_of_numbers_are_not_left_out_silently(
    panel: Panel, cells: dict[int, str], words: str
) -> None:
    er = [cells.get(row, f"{row}") for row in range(len(panel))]
    texts = panel.assign(er=pd.Series(er, panel.index))
    for method in ("summarise", "correlate", "describe"):
        with pytest.warns(DigiprosperWarning, match=f"{method} leaves out .*{words}"):
            getattr(texts, method)()
    assert texts.summarise(["gdp"]).index.tolist() == ["gdp"]


def test_correlate_equals_scipy_pair_by_pair(panel: Panel) -> None:
    holes = panel.assign(gdp=panel.frame["gdp"].where(panel.frame["digital"] > -0.5))
    actual = holes.correlate(["gdp", "digital", "K / L"])
    r, p, n = actual.r, actual.p, actual.n
    f = holes.frame
    for a, b in (("gdp", "digital"), ("gdp", "K / L"), ("digital", "K / L")):
        both = f[[a, b]].dropna()
        expected = stats.pearsonr(both[a], both[b])
        assert (r.loc[a, b], p.loc[a, b]) == pytest.approx(
            (expected.statistic, expected.pvalue), rel=1e-10
        )
        assert n.loc[a, b] == n.loc[b, a] == len(both)
    np.testing.assert_allclose(np.diag(r), 1.0)
    np.testing.assert_allclose(
        [actual.mean, actual.sd], holes.summarise(list(r))[["mean", "sd"]].T
    )


def test_correlations_keep_the_labels_of_their_columns(panel: Panel) -> None:
    actual = panel.relabel(gdp="Output", digital="Digital economy").correlate(
        ["gdp", "K / L"]
    )
    assert actual.labels == {"gdp": "Output"}


def test_describe_is_xtsum() -> None:
    data = pd.DataFrame(
        {"i": list("AAABBC"), "t": [1, 2, 3, 1, 2, 1], "x": [1.0, 2, 6, 4, 8, 3]}
    )
    out = Panel(data, "i", "t").describe()
    assert out.columns.tolist() == ["mean", "sd", "min", "max", "N"]
    mean = 4.0
    between, within = (
        np.array([3.0, 6, 3]),
        np.array([1 - 3, 2 - 3, 6 - 3, 4 - 6, 8 - 6, 0]) + mean,
    )
    expected = [
        [mean, np.std(data["x"], ddof=1), 1, 8, 6],
        [mean, np.std(between, ddof=1), 3, 6, 3],
        [mean, np.std(within, ddof=1), within.min(), within.max(), 2],
    ]
    np.testing.assert_allclose(
        out.loc["x"].loc[["overall", "between", "within"]], expected
    )


@pytest.mark.parametrize("scale", [2.0**600, 2.0**-600])
def test_descriptions_have_the_units_of_the_column(panel: Panel, scale: float) -> None:
    scaled = panel.assign(gdp=panel.frame["gdp"] * scale)
    for one, other in (
        (
            panel.summarise("gdp").drop(columns="N"),
            scaled.summarise("gdp").drop(columns="N"),
        ),
        (
            panel.describe(["gdp"]).drop(columns="N"),
            scaled.describe(["gdp"]).drop(columns="N"),
        ),
    ):
        pd.testing.assert_frame_equal(one * scale, other)
    pd.testing.assert_frame_equal(
        panel.correlate(["gdp", "digital"]).r, scaled.correlate(["gdp", "digital"]).r
    )


def test_a_column_of_zeros_is_described(panel: Panel) -> None:
    zeros = panel.assign(gdp=0.0)
    assert zeros.summarise("gdp").loc["gdp"].tolist() == [26, 0, 0, 0, 0, 0]
    described = zeros.describe(["gdp"])
    assert (described[["mean", "sd", "min", "max"]] == 0).all(axis=None)
    assert described["N"].tolist() == [26, 2, 13]
    assert np.isnan(zeros.correlate(["gdp", "digital"]).r.loc["gdp", "digital"])


def test_correlations_over_unequal_rows_tell_the_fewest_and_the_most() -> None:
    states = dp.datasets.us_states()
    panel = states.assign(
        a=lambda frame: frame["gsp"].where(np.arange(len(frame)) >= 10),
        b=lambda frame: frame["pc"].where(np.arange(len(frame)) < 800),
    )
    notes = dp.etable(panel.correlate(["gsp", "a", "b"])).notes
    assert any("observed (N = 790 to 806)." in note for note in notes)


def test_correlations_in_chinese() -> None:
    actual = dp.datasets.us_states().correlate(["unemp", "gsp"])
    table = dp.etable(
        actual, style=dp.TableStyle("zh"), labels={"unemp": "失业率", "gsp": "产出"}
    )
    assert table.frame.columns.tolist() == ["均值", "标准差", "(1)", "(2)"]
    assert table.frame.index.tolist() == ["(1) 失业率", "(2) 产出"]
    assert table.notes == (
        "注：***、**、*分别表示在1%、5%、10%的水平上显著。",
        "Pearson相关系数，每对变量使用二者均有观测值的样本（N = 816）。",
        "相关系数的星号：自由度为N − 2的t检验，假定各行相互独立。",
    )


# --- definitions and balance ----------------------------------------------------------


def test_definitions_with_their_numbers(panel: Panel) -> None:
    made = panel.assign(gdp=panel.frame["gdp"].where(panel.frame["digital"] > 0))
    table = made.define(
        {
            "gdp": {"definition": "GDP per head", "unit": "yuan"},
            "region": "Region",
            "资本": {"definition": "资本", "source": "年鉴"},
        }
    )
    assert table.index.tolist() == ["gdp", "region", "资本"]
    assert table.columns.tolist() == [
        "definition",
        "unit",
        "source",
        "N",
        "mean",
        "sd",
    ]
    assert table["unit"].tolist() == ["yuan", "", ""]
    expected = made.summarise(["gdp", "资本"])
    numbers = table.loc[["gdp", "资本"], ["N", "mean", "sd"]].astype(float)
    np.testing.assert_array_equal(numbers, expected[["N", "mean", "sd"]])
    assert table.loc["region", "N"] == len(panel)
    assert table.loc["region", ["mean", "sd"]].isna().all()
    text = str(dp.etable(table, labels={"gdp": "Output"}))
    assert "Output" in text
    assert "GDP per head" in text
    assert "nan" not in text.lower()
    with pytest.raises(ColumnError, match="define: no column named 'wage'"):
        panel.define({"wage": "Wages"})
    with pytest.raises(InputTypeError, match="mapping"):
        panel.define(["gdp"])  # type: ignore[arg-type]


def groups(*, balanced: bool, few: bool = False) -> Panel:
    rng = np.random.default_rng(4)
    treated = 3 if few else 7
    frame = pd.DataFrame(
        [(i, t, int(i < treated)) for i in range(20) for t in range(8)],
        columns=["city", "year", "treated"],
    )
    level = rng.normal(size=20)[frame["city"]]
    frame["x"] = 1e4 * (frame["treated"] + level + rng.normal(size=len(frame)))
    frame["z"] = rng.lognormal(size=len(frame))
    frame["later"] = (frame["year"] >= 4) * 1
    if not balanced:
        frame.loc[rng.random(len(frame)) < 0.2, "x"] = np.nan
    return Panel(frame.sample(frac=1, random_state=1), "city", "year")


@pytest.mark.parametrize("few", [False, True])
def test_balance_of_a_balanced_panel_is_welch_of_the_means_of_entities(
    few: bool,
) -> None:
    panel = groups(balanced=True, few=few)
    table = panel.balance_table("treated")
    assert table.index.tolist() == ["x", "z", "later"]
    by_city = panel.frame.groupby("city").mean()
    for name in ("x", "z"):
        high, low = (by_city[name][by_city["treated"] == g] for g in (1, 0))
        expected = stats.ttest_ind(high, low, equal_var=False)
        row = table.loc[name]
        assert row["p_value"] == pytest.approx(expected.pvalue, rel=1e-10)
        assert row["difference"] / row["std_error"] == pytest.approx(
            expected.statistic, rel=1e-10
        )
        assert row["treated = 1"] == pytest.approx(high.mean())
        assert row["treated = 0"] == pytest.approx(low.mean())
    assert table.loc["x", "N"] == 160
    # A column that does not differ inside the groups has no test.
    assert np.isnan(
        panel.assign(c=1.0).balance_table("treated", "c").loc["c"][-2:]
    ).all()


def test_tables_say_by_what_a_balance_is_clustered() -> None:
    panel = groups(balanced=True, few=False).relabel(city="City")
    table = panel.balance_table("treated", clusters="city")
    for frame in (panel.balance_table("treated"), table.round(2)):
        note = str(dp.etable(frame)).splitlines()[-1]
        assert note == "Standard errors and p-values clustered by City."
    chinese = str(dp.etable(table, style=dp.TableStyle(language="zh")))
    assert chinese.endswith("注：标准误与p值聚类到City层面。")
    assert "clustered" not in str(dp.etable(table[["difference"]]))
    single = Panel.from_rows(panel.frame.reset_index(drop=True))
    assert "clustered" not in str(dp.etable(single.balance_table("treated")))


def test_balance_with_gaps_by_brute_force() -> None:
    frame = groups(balanced=False).frame.dropna().reset_index()
    row = groups(balanced=False).balance_table("treated", ["x"]).loc["x"]
    variances, parts = {}, {}
    for group, rows in frame.groupby("treated"):
        sums = (rows["x"] - rows["x"].mean()).groupby(rows["city"]).sum()
        parts[group] = len(sums) - 1
        variances[group] = (
            len(sums) / (len(sums) - 1) * (sums**2).sum() / len(rows) ** 2
        )
    variance = sum(variances.values())
    df = variance**2 / sum(variances[g] ** 2 / parts[g] for g in (0, 1))
    means = frame.groupby("treated")["x"].mean()
    t = (means[1] - means[0]) / np.sqrt(variance)
    assert row["std_error"] == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-10)
    assert row["N"] == len(frame)


# That errors should rather be by period is not the question here.
@pytest.mark.filterwarnings(
    "ignore:'later' has one value:digiprosper.CovarianceWarning"
)
def test_balance_of_groups_that_cross_entities_is_a_clustered_regression() -> None:
    panel = groups(balanced=False)
    table = panel.balance_table("later", ["x", "z"])
    for name in ("x", "z"):
        fit = dp.FixedEffects(
            name, ["later"], entity_effects=False, time_effects=False
        ).fit(Panel(panel.frame[[name, "later"]].dropna()))
        row = table.loc[name]
        assert row["difference"] == pytest.approx(fit.params["later"], rel=1e-10)
        assert row["std_error"] == pytest.approx(fit.std_errors["later"], rel=1e-10)
        assert row["p_value"] == pytest.approx(fit.pvalues["later"], rel=1e-8)


def test_balance_does_not_depend_on_units_labels_or_the_order_of_rows() -> None:
    panel = groups(balanced=False)
    table = panel.balance_table("treated", ["x"])
    frame = panel.frame.reset_index()
    frame["x"] *= 1e-7
    frame["treated"] = frame["treated"].map({0: "control", 1: "treated"})
    frame["city"] = "c" + (99 - frame["city"]).astype(str)
    other = Panel(frame, "city", "year").balance_table("treated", ["x"])
    np.testing.assert_allclose(
        other.loc["x", "difference":"std_error"] * 1e7,  # type: ignore[misc]
        table.loc["x", "difference":"std_error"],  # type: ignore[misc]
        rtol=1e-10,
    )
    assert other.loc["x", "p_value"] == pytest.approx(table.loc["x", "p_value"])
    assert other.columns[1] == "treated = control"


def test_balance_where_a_group_is_too_small() -> None:
    panel = groups(balanced=True).assign(
        one=lambda f: (f.index.get_level_values(0) == 3) * 1
    )
    row = panel.balance_table("one", ["x"]).loc["x"]
    assert np.isfinite(row["difference"])
    assert row[["std_error", "p_value"]].isna().all()
    empty = panel.assign(w=lambda f: f["x"].where(f["treated"] == 0))
    row = empty.balance_table("treated", ["w"]).loc["w"]
    assert np.isnan(row["treated = 1"])
    assert row[["difference", "std_error", "p_value"]].isna().all()
    with pytest.raises(OptionError, match=r"two groups; by='year' has 8"):
        panel.balance_table("year")
    with pytest.raises(MissingDataError, match="'w' is missing"):
        empty.balance_table("w")
    with pytest.raises(ColumnError, match="policy"):
        panel.balance_table("policy")


def test_a_cross_section_is_welch_of_the_rows() -> None:
    frame = groups(balanced=True).frame.reset_index().query("year == 3")
    row = Panel(frame, "city").balance_table("treated", ["x"]).loc["x"]
    high, low = (frame["x"][frame["treated"] == g] for g in (1, 0))
    expected = stats.ttest_ind(high, low, equal_var=False)
    assert row["p_value"] == pytest.approx(expected.pvalue, rel=1e-10)


def test_numbers_of_rows_are_printed_as_whole_numbers(panel: Panel) -> None:
    described = panel.describe("gdp")
    assert described["N"].tolist() == [26, 2, 13]
    assert "26.0" not in described.to_string()
    holes = panel.assign(gdp=lambda f: f["gdp"].where(f["gdp"] > f["gdp"].min()))
    described = holes.describe("gdp")
    assert described["N"].tolist() == [25, 2, 12.5]
    assert "25.0" not in str(dp.etable(described))


@pytest.fixture
def weighted() -> Panel:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"firm": np.repeat(np.arange(20), 5), "year": [*range(5)] * 20})
    data["x"] = rng.normal(5, 1, 100) + rng.normal(size=20).repeat(5)
    data["z"] = rng.normal(size=100) + data["x"] / 2
    data.loc[::9, "z"] = np.nan
    data["constant"] = 0.1
    data["w"] = rng.integers(0, 4, 100) + 0.5 * rng.integers(0, 2, 100)
    data.loc[::13, "w"] = np.nan
    data["treated"] = (data["firm"] < 6) * 1
    data["late"] = (data["year"] > 2) * 1
    return Panel(data, "firm", "year")


@pytest.mark.parametrize("wrong", [["w"], 5, {}])
def test_weights_that_are_no_name_are_refused(weighted: Panel, wrong) -> None:
    for call in (
        lambda: weighted.correlate(["x", "z"], obs_weights=wrong),
        lambda: weighted.balance_table("late", ["x"], obs_weights=wrong),
        lambda: weighted.summarise(["x"], obs_weights=wrong),
    ):
        with pytest.raises(InputTypeError, match="columns are names"):
            call()


def test_weighted_correlations_are_those_of_statsmodels(weighted: Panel) -> None:
    from statsmodels.stats.weightstats import DescrStatsW

    names = ["x", "z", "constant"]
    table = weighted.correlate(names, obs_weights="w")
    frame = weighted.frame.query("w > 0")
    pairs = frame.dropna(subset=["z"])
    outside = DescrStatsW(pairs[["x", "z"]], pairs["w"])
    np.testing.assert_allclose(table.r.loc["x", "z"], outside.corrcoef[0, 1])
    assert table.n.loc["x", "z"] == len(pairs) < table.n.loc["x", "x"] == len(frame)
    r, df = outside.corrcoef[0, 1], len(pairs) - 2
    p = 2 * stats.t.sf(abs(r) * np.sqrt(df / (1 - r**2)), df)
    np.testing.assert_allclose(table.p.loc["x", "z"], p)
    assert table.r.loc["constant"].isna().all()
    summary = weighted.summarise(names, obs_weights="w")
    np.testing.assert_array_equal(table.mean, summary["mean"])
    np.testing.assert_array_equal(table.sd, summary["sd"])

    equal = weighted.assign(w=0.1)
    same = equal.correlate(names, obs_weights="w")
    np.testing.assert_allclose(same.r, equal.correlate(names).r, rtol=1e-12)


@pytest.mark.parametrize("by", ["treated", "late"])
def test_weighted_means_of_groups_are_those_of_statsmodels(
    weighted: Panel, by: str
) -> None:
    from statsmodels.regression.linear_model import WLS
    from statsmodels.stats.weightstats import DescrStatsW

    row = weighted.balance_table(by, ["z"], obs_weights="w").loc["z"]
    frame = weighted.frame.query("w > 0").dropna(subset=["z"])
    firm = frame.index.get_level_values("firm").to_numpy()
    means = [DescrStatsW(p["z"], p["w"]).mean for _, p in frame.groupby(by)]
    np.testing.assert_allclose(row.iloc[:3], [len(frame), *means])
    np.testing.assert_allclose(row["difference"], means[1] - means[0])
    if by == "late":
        design = np.column_stack([np.ones(len(frame)), frame[by]])
        fit = WLS(frame["z"], design, weights=frame["w"]).fit(
            cov_type="cluster", cov_kwds={"groups": firm}, use_t=True
        )
        expected = [fit.bse.iloc[1], fit.pvalues.iloc[1]]
        np.testing.assert_allclose(row[["std_error", "p_value"]], expected)
    else:
        # With one group at a time, the clustered variance of a weighted mean.
        variance = 0.0
        for _, part in frame.groupby(by):
            fit = WLS(part["z"], np.ones(len(part)), weights=part["w"]).fit(
                cov_type="cluster",
                cov_kwds={"groups": part.index.get_level_values("firm").to_numpy()},
            )
            variance += fit.bse.iloc[0] ** 2
        np.testing.assert_allclose(row["std_error"], np.sqrt(variance))


def test_bad_weights_are_refused_by_every_description(weighted: Panel) -> None:
    bad = weighted.assign(w=-1.0)
    for describe in (bad.correlate, lambda **o: bad.balance_table("late", **o)):
        with pytest.raises(OptionError, match="obs_weights='w' must not be negative"):
            describe(obs_weights="w")


def test_headings_of_groups_have_labels_in_both_languages() -> None:
    panel, _ = dp.datasets.simulate_provinces(rng=1)
    labels = {"region": "Area", "digital": "Digital", "urban": "Urban"}
    two = panel.subset("region != 'central'").relabel(**labels)
    balance = two.balance_table("region", ["digital", "log(urban)"])
    assert [*balance][1:3] == ["region = east", "region = west"]
    english = dp.etable(balance, labels={"west": "West"}).frame
    assert english.index.tolist() == ["Digital", "log(Urban)"]
    assert [*english][1:3] == ["Area = east", "Area = West"]
    chinese = dp.etable(balance, style=dp.TableStyle("zh"), labels={"region": "地区"})
    assert [*chinese.frame][1:3] == ["地区 = 东部", "地区 = 西部"]
