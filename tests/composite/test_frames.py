from __future__ import annotations

import importlib.util
import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from digiprosper import (
    ColumnError,
    CompositeIndex,
    Indicator,
    IndicatorError,
    IndicatorSystem,
    IndicatorWarning,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    OptionError,
    Panel,
)

SPARK = pytest.param(
    "spark",
    marks=[
        pytest.mark.skipif(
            importlib.util.find_spec("pyspark") is None,
            reason="pyspark is not installed",
        ),
        pytest.mark.filterwarnings(
            "ignore:PySpark does not yet fully support pandas:FutureWarning"
        ),
    ],
)
ENGINES = ["pandas", "polars", "polars lazy", "pyarrow", "duckdb", SPARK]


@pytest.fixture(scope="module")
def session():
    from pyspark.sql import SparkSession

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spark = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "1")
            .getOrCreate()
        )
    yield spark
    spark.stop()


@pytest.fixture
def table_of(request):
    """A frame as a table of an engine; missing stays missing."""

    def make(frame, engine):
        arrow = pa.Table.from_pandas(frame, preserve_index=False)
        if engine == "spark":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                spark = request.getfixturevalue("session")
                rows = [
                    tuple(None if v != v else v for v in r)
                    for r in frame.itertuples(index=False)
                ]
                return spark.createDataFrame(
                    [tuple(map(_plain, r)) for r in rows], list(frame)
                )
        return {
            "pandas": lambda: frame,
            "polars": lambda: pl.from_arrow(arrow),
            "polars lazy": lambda: pl.from_arrow(arrow).lazy(),
            "pyarrow": lambda: arrow,
            "duckdb": lambda: duckdb.from_arrow(arrow),
        }[engine]()

    return make


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def collected(table):
    if isinstance(table, pd.DataFrame):
        return table
    if isinstance(table, pl.LazyFrame):
        table = table.collect()
    if isinstance(table, pl.DataFrame | pa.Table):
        return table.to_pandas()
    return (
        table.df()
        if hasattr(table, "df")
        else pd.DataFrame([r.asDict() for r in table.collect()])
    )


def scored(results, table):
    actual = collected(results.apply(table)).sort_values(["id", "year"])
    return actual["index_score"].to_numpy(dtype=float)


@pytest.mark.many(4)
@pytest.mark.parametrize("scope", ["pooled", "goalposts"])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_agrees_with_the_panel(engine, scope, posted, frame_of, table_of):
    frame = frame_of(1, n=30, unbalanced=True).assign(
        a=lambda f: (10 * f["a"]).astype(int) % 40
    )
    spec = CompositeIndex(posted, scope=scope)
    panel, table = spec.fit(Panel(frame, "id", "year")), table_of(frame, engine)
    results = spec.fit(table)
    columns = ["entropy", "redundancy", "weight"]
    np.testing.assert_allclose(
        results.weights[columns], panel.weights[columns], rtol=1e-12, atol=1e-14
    )
    pd.testing.assert_frame_equal(results.end_points, panel.end_points)
    assert results.weights["std_error"].isna().all()
    assert results.nobs == len(frame)
    np.testing.assert_allclose(scored(results, table), panel.scores, rtol=1e-12)
    # either state scores either kind
    np.testing.assert_allclose(scored(panel, table), panel.scores, rtol=1e-12)
    np.testing.assert_allclose(
        results.apply(Panel(frame, "id", "year")), panel.scores, rtol=1e-12
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_shift_constant_and_zeros(engine, frame_of, table_of):
    frame = frame_of(2).assign(
        flat=2.5, zeros=lambda f: np.where(f["a"] > 1, f["b"], 0.0)
    )
    system = IndicatorSystem(
        [Indicator(c, "-" if c == "c" else "+") for c in ("a", "c", "flat", "zeros")]
    )
    spec = CompositeIndex(system, shift=0.05)
    with pytest.warns(IndicatorWarning) as caught:
        results = spec.fit(table_of(frame, engine))
    assert len([w for w in caught if "'flat' is constant" in str(w.message)]) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IndicatorWarning)
        panel = spec.fit(Panel(frame, "id", "year"))
    np.testing.assert_allclose(
        results.weights["weight"], panel.weights["weight"], rtol=1e-12
    )
    assert results.weights.loc["flat", "weight"] == 0.0
    np.testing.assert_allclose(
        scored(results, table_of(frame, engine)), panel.scores, rtol=1e-12
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_missing_is_refused_or_dropped(engine, system, frame_of, table_of):
    frame = frame_of(3)
    frame.loc[[1, 7, 8], "c"] = np.nan
    frame.loc[[7, 20], "a"] = np.nan
    table = table_of(frame, engine)
    with pytest.raises(MissingDataError, match=r"a \(2\), c \(3\).*missing='drop'"):
        CompositeIndex(system).fit(table)
    spec = CompositeIndex(system, missing="drop")
    with pytest.warns(MissingDataWarning):
        results = spec.fit(table)
    assert [(n.code, n.data["count"]) for n in results.diagnostics] == [
        ("missing_rows", 4)
    ]
    kept = CompositeIndex(system).fit(
        Panel(frame.drop(index=[1, 7, 8, 20]), "id", "year")
    )
    assert results.nobs == 36
    np.testing.assert_allclose(
        results.weights["weight"], kept.weights["weight"], rtol=1e-12
    )
    scores = scored(results, table)
    assert np.isnan(scores).sum() == 4
    np.testing.assert_allclose(scores[~np.isnan(scores)], kept.scores, rtol=1e-12)


@pytest.mark.parametrize("engine", ["polars", "polars lazy", "duckdb", "pyarrow"])
@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(engine, odd, system, frame_of, table_of):
    eager = pl.DataFrame(frame_of(4).to_dict("list"))
    eager = eager.with_columns(
        b=pl.when(pl.int_range(pl.len()) == 5).then(odd).otherwise(pl.col("b"))
    )
    tables = {"polars": eager, "polars lazy": eager.lazy(), "pyarrow": eager.to_arrow()}
    table = tables[engine] if engine in tables else duckdb.from_arrow(eager.to_arrow())
    with pytest.raises(MissingDataError, match="'b' has infinite values or NaN"):
        CompositeIndex(system).fit(table)
    if odd != odd:
        with pytest.warns(MissingDataWarning):
            results = CompositeIndex(system, missing="drop").fit(table)
        assert results.nobs == 39
        assert [
            n.data["count"] for n in results.diagnostics if n.code == "missing_rows"
        ] == [1]


@pytest.mark.filterwarnings("ignore::digiprosper.IndicatorWarning")
def test_nearly_constant_columns_keep_their_digits(frame_of):
    frame = frame_of(5, n=40)
    frame["a"] = 50 + 1e-3 * frame["a"]
    system = IndicatorSystem([Indicator(c, goalposts=(0, 60)) for c in "ab"])
    spec = CompositeIndex(system, scope="goalposts")
    results, panel = (
        spec.fit(pl.from_pandas(frame)).weights,
        spec.fit(Panel(frame, "id", "year")).weights,
    )
    assert panel.loc["a", "weight"] < 1e-8
    # sums of u near 1 leave T some 1e-16, of the 1e-9 that it is here
    np.testing.assert_allclose(results["weight"], panel["weight"], rtol=1e-5)


def test_a_lazy_table_stays_lazy_and_keeps_its_columns(system, frame_of):
    table = pl.from_pandas(frame_of(6)).lazy()
    results = CompositeIndex(system, name="digital").fit(table)
    out = results.apply(table)
    assert isinstance(out, pl.LazyFrame)
    assert out.collect_schema().names() == [*table.collect_schema().names(), "digital"]
    relation = results.apply(duckdb.from_arrow(table.collect().to_arrow()))
    assert type(relation).__name__ == "DuckDBPyRelation"
    with pytest.raises(OptionError, match=r"column 'digital'.*another name"):
        results.apply(out)


def test_a_file_is_read_in_pieces(system, frame_of, tmp_path):
    frame = frame_of(7, n=200)
    pl.from_pandas(frame).write_parquet(tmp_path / "x.parquet", row_group_size=100)
    results = CompositeIndex(system).fit(pl.scan_parquet(tmp_path / "x.parquet"))
    again = CompositeIndex(system).fit(duckdb.read_parquet(str(tmp_path / "x.parquet")))
    panel = CompositeIndex(system).fit(Panel(frame, "id", "year"))
    for other in (results, again):
        np.testing.assert_allclose(
            other.weights["weight"], panel.weights["weight"], rtol=1e-12
        )


def test_what_needs_rows_is_refused_in_words(system, frame_of):
    results = CompositeIndex(system).fit(frame_of(8))
    for call in (
        lambda: results.scores,
        lambda: results.dimension_scores,
        results.ranks,
    ):
        with pytest.raises(OptionError, match=r"results.apply\(table\)"):
            call()
    for call in (lambda: results.weight_draws(9), results.weight_errors):
        with pytest.raises(OptionError, match="fit a Panel"):
            call()
    assert results.audit()["finding"].tolist()[0] == "warning"
    assert results.weights_by_year is None
    assert results.summary().startswith("Composite index 'index_score': 40 rows\n")
    assert results.to_dict()["n_entities"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weighting": "critic"}, ["weighting='critic'", "weighting entropy"]),
        ({"weighting": {"a": 1, "b": 1, "c": 1, "d": 1}}, ["weighting='given'"]),
        ({"normalise": "rank"}, ["normalise='rank'", "minmax"]),
        ({"structure": "nested"}, ["structure='nested'"]),
        ({"aggregate": "topsis"}, ["aggregate='topsis'"]),
        (
            {"scope": "per_year", "structure": "nested"},
            ["scope='per_year'", "structure=", "pooled or goalposts"],
        ),
    ],
)
def test_options_beyond_two_queries_are_refused(options, words, system, frame_of):
    with pytest.raises(OptionError) as caught:
        CompositeIndex(system, **options).fit(frame_of(9))
    assert all(w in str(caught.value) for w in [*words, "Panel(df"]), str(caught.value)


def test_apply_takes_tables_where_the_score_is_a_weighted_sum(system, frame_of, fit):
    frame = frame_of(10)
    critic = fit(system, frame, weighting="critic")
    np.testing.assert_allclose(
        scored(critic, pl.from_pandas(frame)), critic.scores, rtol=1e-12
    )
    for options in ({"aggregate": "topsis"}, {"normalise": "rank"}):
        with pytest.raises(OptionError, match="two aggregate queries"):
            fit(system, frame, **options).apply(frame)
    with pytest.raises(OptionError, match="needs the year"):
        fit(system, frame, scope="per_year").apply(frame)
    text = pl.from_pandas(frame.assign(a="1,234"))
    with pytest.raises(IndicatorError, match="'a' is not numeric; cast it first"):
        critic.apply(text)
    with pytest.raises(ColumnError, match="'a'"):
        critic.apply(text.drop("a"))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda f: f.drop(columns="c"), ColumnError, ["'c'"]),
        (lambda f: f.assign(a="much"), IndicatorError, ["'a'", "not numeric"]),
        (lambda f: f.iloc[:0], MissingDataError, ["no row"]),
        (
            lambda f: f.assign(a=1.0, b=2.0, c=3.0, d=4.0),
            IndicatorError,
            ["constant over the 40 rows"],
        ),
        (lambda f: {"a": [1]}, InputTypeError, ["Panel", "dict"]),
        (lambda f: "table.parquet", InputTypeError, ["Panel", "str"]),
    ],
)
def test_what_is_wrong_is_said(make, error, words, system, frame_of):
    with pytest.raises(error) as caught:
        CompositeIndex(system).fit(make(frame_of(11)))
    assert all(w in str(caught.value) for w in words), str(caught.value)


def test_a_table_without_a_complete_row_is_refused_without_advice_that_was_followed(
    system, frame_of
):
    frame = frame_of(11)
    frame.loc[::2, "a"], frame.loc[1::2, "b"] = np.nan, np.nan
    with pytest.raises(
        MissingDataError, match="none of 40 rows has values of all indicators"
    ) as caught:
        CompositeIndex(system, missing="drop").fit(frame)
    assert "missing='drop'" not in str(caught.value)


def test_beyond_the_worse_goalpost_is_refused(posted, frame_of):
    frame = frame_of(12)
    frame.loc[3, "a"], frame.loc[4, "c"] = -1.0, 50.0
    with pytest.raises(IndicatorError, match="'a', 'c' lie beyond the worse goalpost"):
        CompositeIndex(posted, scope="goalposts").fit(pl.from_pandas(frame))
