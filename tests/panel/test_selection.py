"""From terms to one matrix: names, categories, codes."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from formulaic import model_matrix

from digiprosper import FixedEffects, FixedEffectsIV, Mediation, Panel, PanelThreshold
from digiprosper.errors import (
    ColumnError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    OptionError,
    TermError,
)
from digiprosper.panel.access import table_of
from digiprosper.panel.selection import coefficient_column

if TYPE_CHECKING:
    from collections.abc import Callable

nan = np.nan


@pytest.fixture
def panel(regions: pd.DataFrame) -> Panel:
    return Panel(regions.sample(frac=1.0, random_state=1), "city", "year")


def test_a_missing_category_drops_the_row(panel: Panel) -> None:
    holes = panel.assign(region=panel.frame["region"].where(panel.frame["x"] > 1.2))
    sample = holes.sample({"y": ["y"], "x": ["C(region)"]})
    assert sample.nobs == int((panel.frame["x"] > 1.2).sum())
    assert sample.dropped[0].by_term == {"region": 24 - sample.nobs}


PIECES = (
    "x",
    "z",
    "K / L",
    "log(x)",
    "I(x**0)",
    "I(2**z)",
    "I(z > 0)",
    "I(region == 'east')",
    "lag(x)",
    "lead(z, 2)",
    "diff(`K / L`)",
    "C(region)",
    "C(level)",
    "C(flag)",
    "flag",
    "nullable",
)
JOINED = [
    *PIECES,
    *(f"{a}:{b}" for a in PIECES for b in PIECES if a != b and "K / L" not in (a, b)),
]


@pytest.mark.many(1)
@pytest.mark.parametrize("seed", range(3))
def test_a_sample_never_holds_a_missing_value_whatever_the_term(
    regions: pd.DataFrame, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    frame = regions.assign(nullable=rng.normal(size=24))
    for name in ("x", "z", "region", "level", "flag", "K / L", "nullable"):
        frame[name] = frame[name].mask(rng.random(24) < 0.12)
    frame["flag"] = frame["flag"].astype("boolean")
    frame["nullable"] = frame["nullable"].astype("Float64")
    panel = Panel(frame, "city", "year")
    for term in JOINED:
        sample = panel.sample({"x": [term]})
        assert np.isfinite(sample.matrix).all(), term
        if sample.nobs < panel.nobs:
            assert sum(sample.dropped[0].by_term.values()) >= sample.dropped[0].count, (
                term
            )
            with pytest.raises(MissingDataError):
                panel.sample({"x": [term]}, missing="raise")


def test_slopes_by_group_lose_the_rows_where_the_regressor_is_missing(
    panel: Panel,
) -> None:
    gap = panel.frame["x"].copy()
    gap.iloc[[1, 7]] = nan
    some = panel.assign(x=gap)
    sample = some.sample({"y": ["y"], "x": ["C(region):x"]})
    assert sample.dropped[0].by_term == {"x": 2}
    np.testing.assert_array_equal(
        sample.columns("x").sum(axis=1), gap.dropna().to_numpy()
    )
    lagged = some.sample({"y": ["y"], "x": ["C(region):lag(x)"]})
    assert lagged.dropped[0].by_term == {"lag(x)": 7}


def test_a_column_named_as_a_factor_keeps_its_own_gaps(regions: pd.DataFrame) -> None:
    frame = regions.assign(**{"log(x)": 1.0})
    frame.loc[[2, 3], "log(x)"] = nan
    frame.loc[5, "x"] = nan
    sample = Panel(frame, "city", "year").sample(
        {"y": ["log(x)"], "x": ["C(region):log(x)", "x"]}
    )
    assert sample.nobs == 21
    assert np.isfinite(sample.matrix).all()


def test_a_role_may_be_one_term(panel: Panel) -> None:
    assert panel.sample({"y": "y"}).names_of("y") == ("y",)


def test_a_missing_cluster_is_an_error_where_the_row_would_stay(panel: Panel) -> None:
    holes = panel.assign(region=panel.frame["region"].where(panel.frame["x"] > 1.2))
    with pytest.raises(
        MissingDataError,
        match=r"clusters: 'region' is missing in \d+ rows \(first: \(B, 2010\)",
    ):
        holes.sample({"y": ["y"]}, clusters=["region"])
    both = holes.assign(y=holes.frame["y"].where(panel.frame["x"] > 1.2))
    assert both.sample({"y": ["y"]}, clusters=["region"]).codes["region"].min() == 0
    sample = holes.sample({"y": ["y"]}, codes=["region"])
    assert sample.dropped[0].by_term == {"region": 24 - sample.nobs}


@pytest.mark.parametrize(
    ("roles", "codes", "kind", "words"),
    [
        ({"y": ["gpd"]}, (), ColumnError, "'gpd'"),
        ({"y": ["x**2"]}, (), TermError, r"I\(x\*\*2\)"),
        ({"y": ["region"]}, (), InputTypeError, r"C\(region\)"),
        ({"y": ["y"]}, ("state",), ColumnError, "'state'"),
        ({"y": ["y"]}, ("region^yeer",), ColumnError, "'yeer'"),
    ],
)
def test_refusals(
    panel: Panel, roles: Any, codes: Any, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        panel.sample(roles, codes=codes)


def test_missing_values_may_be_an_error(panel: Panel) -> None:
    holes = panel.assign(x=panel.frame["x"].where(panel.frame["x"] > 1.2))
    with pytest.raises(
        MissingDataError,
        match=r"missing values in x \(\d+\), lag\(y\) \(6\).*interpolate",
    ):
        holes.assign(
            x=lambda d: d["x"].where(d.index.get_level_values("year") > 2011)
        ).sample({"y": ["y"], "x": ["x", "lag(y)"]}, missing="raise")
    with pytest.raises(OptionError, match="'drop', 'raise'"):
        panel.sample({"y": ["y"]}, missing="ignore")


def test_a_coefficients_column_can_be_rebuilt(panel: Panel) -> None:
    terms = ["x", "I(x**2)", "C(region)", "C(kind):z", "lag(x)", "K / L", "x:z"]
    sample = panel.sample({"x": terms})
    rows = panel.frame.index.isin(sample.index)
    for name, column in zip(sample.names, sample.matrix.T, strict=True):
        np.testing.assert_allclose(
            coefficient_column(
                table_of(panel), sample.factors[name], sample.categories
            )[rows],
            column,
        )


@pytest.mark.parametrize(
    "terms",
    [
        ["x"],
        ["C(region)"],
        ["C(kind)"],
        ["C(level)"],
        ["C(flag)"],
        ["C(year)"],
        ["C(region)", "C(kind)"],
        ["C(region)", "x"],
        ["x", "C(region):x"],
        ["C(region):x"],
        ["x:C(region)"],
        ["x", "x:C(region)"],
        ["C(region)", "C(region):x"],
        ["C(region)", "x", "C(region):x"],
        ["x", "z", "x:z", "C(level):x:z"],
        ["C(level):log(x)"],
        ["log(x)", "C(level):log(x)"],
    ],
    ids=" + ".join,
)
def test_categories_equal_formulaics_columns(
    panel: Panel, regions: pd.DataFrame, terms: list[str]
) -> None:
    sample = panel.sample({"x": terms})
    expected = model_matrix(" + ".join(terms), regions).drop(columns="Intercept")
    expected = expected.loc[:, [c for c in expected if "unused" not in c]]
    assert set(sample.names_of("x")) == set(expected.columns)
    np.testing.assert_allclose(
        sample.columns("x"), expected[list(sample.names_of("x"))].to_numpy(dtype=float)
    )


@pytest.mark.parametrize("name", ["K / L", "`K / L`"])
def test_a_product_with_an_odd_name_knows_its_main_term(
    panel: Panel, name: str
) -> None:
    names = panel.sample({"x": [name, "C(region):`K / L`"]}).names
    assert names == ("K / L", "C(region)[T.north]:`K / L`", "C(region)[T.west]:`K / L`")


def test_levels_outside_of_the_sample_vanish(panel: Panel) -> None:
    holes = panel.assign(x=panel.frame["x"].where(panel.frame["region"] != "east"))
    assert holes.sample({"x": ["x", "C(region)"]}).names == ("x", "C(region)[T.west]")
    some = panel.assign(x=panel.frame["x"].where(panel.frame["region"] != "north"))
    assert some.sample({"x": ["x", "C(region)"]}).names == ("x", "C(region)[T.west]")
    with pytest.raises(InputTypeError, match=r"C\(region\) has fewer than two"):
        panel.subset("region == 'east'").sample({"x": ["C(region)"]})


def test_rival_equations_code_a_category_each_for_itself(panel: Panel) -> None:
    sample = panel.sample(
        {"y": ["y"], "(1)": ["z", "C(region):x"], "(2)": ["z", "C(region):x", "x"]}
    )
    assert sample.names_of("(1)") == (
        "z",
        "C(region)[east]:x",
        "C(region)[north]:x",
        "C(region)[west]:x",
    )
    assert sample.names_of("(2)") == (
        "z",
        "C(region)[T.north]:x",
        "C(region)[T.west]:x",
        "x",
    )


def test_parts_of_one_equation_are_read_together_and_weights_are_no_part(
    panel: Panel,
) -> None:
    together = panel.sample({"treatment": ["x"], "x": ["C(region):x"]})
    assert together.names_of("x") == ("C(region)[T.north]:x", "C(region)[T.west]:x")
    weighted = panel.sample({"y": ["y"], "x": ["C(region):x"], "obs_weights": ["x"]})
    assert len(weighted.names_of("x")) == 3
    assert len(panel.sample({"y": ["x"], "x": ["C(region):x"]}).names_of("x")) == 3


def test_a_term_is_evaluated_once_however_it_is_spaced(panel: Panel) -> None:
    sample = panel.sample({"a": ["I(x ** 2)", "x"], "b": ["x", "I(x**2)", "`x`"]})
    assert sample.names == ("I(x ** 2)", "x")
    assert sample.roles == {"a": (0, 1), "b": (1, 0, 1)}


# --- a reference that is named --------------------------------------------------------


@pytest.mark.parametrize(
    ("term", "theirs"),
    [
        ("C(region, ref='west')", "C(region, contr.treatment('west'))"),
        ('C(region,ref="north")', "C(region, contr.treatment('north'))"),
        ("C(kind, ref=2)", "C(kind, contr.treatment(2))"),
        ("C(kind, ref='2')", "C(kind, contr.treatment(2))"),
        ("C(below, ref=-1)", "C(below, contr.treatment(-1))"),
        ("C(flag, ref=True)", "C(flag, contr.treatment(True))"),
        ("C(region, ref='west'):x", "C(region, contr.treatment('west')):x"),
        ("x:C(region, ref='west')", "x:C(region, contr.treatment('west'))"),
    ],
)
def test_a_named_reference_equals_formulaics_treatment_coding(
    regions: pd.DataFrame, term: str, theirs: str
) -> None:
    frame = regions.assign(below=regions["kind"] - 3)
    sample = Panel(frame, "city", "year").sample({"x": ["x", term]})
    expected = model_matrix(f"x + {theirs}", frame).drop(columns=["Intercept", "x"])
    np.testing.assert_allclose(
        sample.columns("x")[:, 1:], expected.to_numpy(dtype=float)
    )
    column, written = (
        term.split("C(")[1].split(",")[0],
        term.split("ref=")[1].split(")")[0].strip("\"'"),
    )
    levels = [str(level) for level in np.unique(frame[column]) if str(level) != written]
    endings = [name.split("[")[1].split("]")[0] for name in sample.names_of("x")[1:]]
    assert endings == [f"T.{level}" for level in levels]


def test_names_say_the_reference(panel: Panel) -> None:
    names = panel.sample({"x": ['C(region,ref="west")']}).names
    assert names == ("C(region, ref='west')[T.east]", "C(region, ref='west')[T.north]")


def test_a_reference_is_last_where_every_level_has_a_column(panel: Panel) -> None:
    sample = panel.sample({"x": ["C(region, ref='east'):x"]})
    plain = panel.sample({"x": ["C(region):x"]})
    np.testing.assert_array_equal(sample.matrix, plain.matrix[:, [1, 2, 0]])
    assert sample.names[-1] == "C(region, ref='east')[east]:x"


def test_a_category_is_the_same_main_term_whatever_its_reference(panel: Panel) -> None:
    names = panel.sample({"x": ["C(region, ref='west')", "C(region):C(kind)"]}).names
    assert (
        names[2:] == panel.sample({"x": ["C(region)", "C(region):C(kind)"]}).names[2:]
    )


@pytest.mark.parametrize("kind", ["dates", "periods", "categories"])
def test_a_reference_may_be_a_date_a_period_or_a_category(
    regions: pd.DataFrame, kind: str
) -> None:
    dates = pd.to_datetime(regions["year"].astype(str))
    column, reference = {
        "dates": (dates, "2012-01-01"),
        "periods": (dates.dt.to_period("Y"), "2012"),
        "categories": (regions["year"].astype(str).astype("category"), "2012"),
    }[kind]
    panel = Panel(regions.assign(when=column), "city", "year")
    matrix = panel.sample({"x": [f"C(when, ref='{reference}')"]}).matrix
    np.testing.assert_array_equal(matrix.sum(axis=1) == 0, regions["year"] == 2012)


@pytest.mark.parametrize(
    ("term", "words"),
    [
        (
            "C(region, ref='wesst')",
            r"'region' has no value 'wesst' \(did you mean 'west'\?\); .*'east'",
        ),
        (
            "C(region, ref='overseas')",
            r"'region' has no value 'overseas'; its values are 'east', 'north', 'west'",
        ),
        ("C(kind, ref=7)", "'kind' has no value 7"),
        (
            "C(level, ref='unused')",
            "'level' is 'unused' in no row of the sample|no value 'unused'",
        ),
        ("C(region, ref='wesst'):x", "no value 'wesst'"),
    ],
)
def test_a_reference_that_does_not_exist_is_named(
    panel: Panel, term: str, words: str
) -> None:
    with pytest.raises(TermError, match=words) as caught:
        panel.sample({"x": [term]})
    assert term.removesuffix(":x") in str(caught.value)


def test_a_reference_without_a_row_in_the_sample_is_named(panel: Panel) -> None:
    holes = panel.assign(x=panel.frame["x"].where(panel.frame["region"] != "east"))
    with pytest.raises(TermError, match="'region' is 'east' in no row of the sample"):
        holes.sample({"x": ["x", "C(region, ref='east')"]})


@pytest.mark.parametrize(
    ("term", "write"),
    [
        ("C(region, 'west')", "C(region, ref='east')"),
        ("C(region, base='west')", "C(region, ref='east')"),
        ("C(region, ref=kind)", "C(region, ref='east')"),
        ("C(region, ref=None)", "C(region, ref='east')"),
        ("C(region, Treatment('west'))", "C(region, ref='west')"),
        ("C(region, Treatment(reference='west'))", "C(region, ref='west')"),
        ("i(region, ref = 'west')", "C(region, ref='west')"),
        ("i(region)", "C(region)"),
        ("ib2.kind", "C(kind, ref=2)"),
        ("I(C(region, ref='west'))", "C() takes one column"),
    ],
)
def test_other_ways_to_name_a_reference_are_told_what_to_write(
    panel: Panel, term: str, write: str
) -> None:
    with pytest.raises(TermError) as caught:
        panel.sample({"x": [term]})
    assert write in str(caught.value)


def test_a_comparison_names_every_column_that_is_missing_somewhere() -> None:
    frame = pd.DataFrame({"i": range(6), "x": [1.0, np.nan, 3, 4, 5, 6]})
    frame["z"], frame["w"] = [2.0, 2, 2, np.nan, 2, 2], 1.0
    terms = {"x": ["I((x < z) * w)"]}
    (dropped,) = Panel(frame, "i").sample(terms, missing="drop").dropped
    (compared,) = dropped.compared
    assert (compared.columns, compared.count) == (("x", "z"), 2)


# --- more columns than rows -----------------------------------------------------------


@pytest.fixture(scope="module")
def wide() -> Panel:
    """A thousand rows, two columns with a thousand values each, others fewer."""
    rng = np.random.default_rng(5)
    n = 1000
    columns = {"i": np.repeat(np.arange(100), 10), "t": np.tile(np.arange(10), 100)}
    columns |= {"a": rng.permutation(n), "b": rng.permutation(n)}
    columns |= {
        "g": np.arange(n) % 40,
        "k": np.arange(n) % 30,
        "five": np.arange(n) % 5,
    }
    return Panel(
        pd.DataFrame(columns | {c: rng.normal(size=n) for c in "yxmzq"}), "i", "t"
    )


MODELS: dict[str, Callable[[str], Any]] = {
    "FixedEffects": lambda term: FixedEffects("y", ["x", term]),
    "formula": lambda term: FixedEffects.from_formula(f"y ~ x + {term} | i"),
    "endog": lambda term: FixedEffectsIV("y", ["x"], endog=term, instruments="z"),
    "instruments": lambda term: FixedEffectsIV(
        "y", "q", endog="x", instruments=["z", term]
    ),
    "PanelThreshold": lambda term: PanelThreshold("y", "x", "q", [term]),
    "Mediation": lambda term: Mediation("y", "x", "m", [term]),
}


def refused(fit: Callable[[], object]) -> IdentificationError:
    """Catch the error of a fit that may neither take time nor memory."""
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(IdentificationError) as caught:
            fit()
        assert time.process_time() - start < 1
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    return caught.value


@pytest.mark.many(len(MODELS))
@pytest.mark.parametrize("model", MODELS)
def test_a_term_of_a_million_columns_is_refused_before_memory_is_asked_for(
    wide: Panel, model: str
) -> None:
    error = refused(lambda: MODELS[model]("C(a):C(b)").fit(wide))
    assert "'C(a):C(b)' makes 1,000,000 columns, and the sample has 1,000 rows" in str(
        error
    )
    assert "absorb='a^b'" in str(error)
    assert [p.data for p in error.problems] == [
        {"term": "C(a):C(b)", "columns": 1_000_000, "rows": 1000}
    ]


def test_terms_that_have_too_many_columns_together_are_refused_in_one_error(
    wide: Panel,
) -> None:
    products = ["C(g):C(t)", "C(k):C(t)", "C(five):C(g)", "C(five):C(k)"]
    error = refused(
        lambda: FixedEffects.from_formula(f"y ~ x + {' + '.join(products)} | i").fit(
            wide
        )
    )
    assert "1,051 with the other terms, and the sample has 1,000 rows" in str(error)
    assert {p.data["term"] for p in error.problems} == set(products)
    error = refused(
        lambda: FixedEffects.from_formula("y ~ C(a)*C(b)*C(g)*C(k) | i").fit(wide)
    )
    assert len(error.problems) == 11


@pytest.mark.parametrize(
    ("term", "absorb"),
    [
        ("C(a):C(b):x", "a^b[x]"),
        ("C(a):log(m2):C(b)", "a^b[log(m2)]"),
        ("C(i, ref=3):C(a)", "i^a"),
    ],
)
def test_what_to_absorb_is_written_out(wide: Panel, term: str, absorb: str) -> None:
    panel = wide.assign(m2="exp(m)")
    error = refused(lambda: panel.sample({"x": ["x", term]}))
    assert f"absorb='{absorb}'" in str(error)


def test_levels_and_rows_are_those_of_the_sample(wide: Panel) -> None:
    few = wide.assign(x=wide.frame["x"].where(wide.frame["a"] < 30))
    assert len(few.sample({"x": ["x", "C(t)"]}).names) == 10
    error = refused(lambda: few.sample({"x": ["x", "C(t):C(five)"]}))
    assert "the sample has 30 rows" in str(error)


def test_as_many_columns_as_rows_are_made(wide: Panel) -> None:
    assert wide.sample({"x": ["C(a):x"]}).matrix.shape == (1000, 1000)
    with pytest.raises(IdentificationError, match="1,001 with the other terms"):
        wide.sample({"x": ["C(a):x", "z"]})


def test_rival_equations_are_counted_each_for_itself(wide: Panel) -> None:
    rivals = {"(1)": ["z", "C(a):x"][1:], "(2)": ["C(b):x"]}
    assert wide.sample(rivals).matrix.shape == (1000, 2000)


def test_columns_beyond_memory_are_refused_although_there_are_rows_enough() -> None:
    n = 200_000
    frame = pd.DataFrame(
        {"i": np.arange(n) // 4, "t": np.arange(n) % 4, "k": np.arange(n) % 6000}
    )
    panel = Panel(frame.assign(x=1.0 * frame["t"]), "i", "t")
    error = refused(lambda: panel.sample({"x": ["x", "C(k)"]}))
    assert "'C(k)' makes 5,999 columns" in str(error)
    assert "would need 9 GB of memory" in str(error)


@pytest.mark.parametrize("absorb", ["a^b", "a:b", "half", "half[z]", "half^k[z]"])
def test_absorbed_effects_may_have_as_many_levels_as_rows(
    wide: Panel, absorb: str
) -> None:
    panel = wide.assign(half=wide.frame["a"] // 4)
    tracemalloc.start()
    sample_of = {"y": ["y"], "x": ["x"]}
    panel.sample(sample_of, codes=[absorb.split("[")[0]])
    assert tracemalloc.get_traced_memory()[1] < 5e6
    spec = FixedEffects(
        "y",
        "x",
        time_effects=False,
        absorb=absorb,
        singletons="keep",
        cov_type="robust",
    )
    try:
        spec.fit(panel)
    except IdentificationError:
        assert absorb != "half"
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
