from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from digiprosper import (
    CompositeIndex,
    DigiprosperWarning,
    Indicator,
    IndicatorError,
    IndicatorSystem,
    IndicatorWarning,
    OptionError,
    Panel,
)
from digiprosper.composite.kernels.structure import FIXED_WEIGHTS
from digiprosper.composite.scopes import SCOPES
from digiprosper.composite.state import complete_rows, dropped_rows, without_indicator
from digiprosper.composite.weights import WEIGHTINGS

SCOPE_WORDS = [*SCOPES, "base_year(2012)"]


def agrees(results, slow, panel):
    scores = pd.Series(slow.scores())
    scores.index.names = ["id", "year"]
    np.testing.assert_allclose(
        results.scores, scores.loc[results.scores.index], rtol=1e-9, atol=1e-11
    )
    by_year = slow.weights()
    if results.weights_by_year is not None:
        np.testing.assert_allclose(
            results.weights_by_year, by_year, rtol=1e-9, atol=1e-12
        )
    np.testing.assert_allclose(
        results.weights["weight"], by_year.mean(), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(results.weights["weight"].sum(), 1.0, rtol=1e-12)
    dimensions = pd.DataFrame(slow.dimension_scores()).T
    np.testing.assert_allclose(
        results.dimension_scores,
        dimensions.loc[results.scores.index],
        rtol=1e-9,
        atol=1e-11,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        np.testing.assert_allclose(
            results.apply(panel), results.scores, rtol=1e-14, atol=1e-15
        )


@pytest.mark.many(8)
@pytest.mark.parametrize(
    ("scope", "structure"),
    [
        (scope, structure)
        for scope in SCOPE_WORDS
        for structure in ("flat", "nested", "equal_dimensions")
        if scope != "legacy_lnT" or structure == "flat"
    ],
)
def test_every_scope_and_structure_from_scratch(
    scope, structure, posted, frame_of, brute, fit
):
    frame = frame_of(1, unbalanced=True)
    results = fit(posted, frame, scope=scope, structure=structure)
    agrees(results, brute(results.spec, frame), Panel(frame, "id", "year"))
    assert (results.weights_by_year is None) == (scope not in SCOPES[1:4])


@pytest.mark.many(11)
@pytest.mark.parametrize(
    "weighting",
    [
        *(word for word in WEIGHTINGS if word != "entropy"),
        {"a": 1, "b": 2, "c": 3, "d": 0},
    ],
)
@pytest.mark.parametrize(
    "scope", ["pooled", "per_year", "expanding", "goalposts", "base_year(2012)"]
)
def test_every_weighting_from_scratch(scope, weighting, posted, frame_of, brute, fit):
    frame = frame_of(2, n=12)
    results = fit(posted, frame, scope=scope, weighting=weighting)
    agrees(results, brute(results.spec, frame), Panel(frame, "id", "year"))


@pytest.mark.parametrize(
    "weighting", [word for word in WEIGHTINGS if word not in FIXED_WEIGHTS]
)
@pytest.mark.parametrize("structure", ["nested", "equal_dimensions"])
def test_every_weighting_inside_dimensions(
    structure, weighting, system, frame_of, brute, fit
):
    frame = frame_of(3, n=12)
    if weighting == "pca":
        # Two columns that run against each other have loadings that cancel.
        frame[["a", "b", "d"]] = frame[["a", "b", "d"]].add(frame["c"], axis=0)
        frame["c"] *= -1
    results = fit(system, frame, structure=structure, weighting=weighting)
    agrees(results, brute(results.spec, frame), Panel(frame, "id", "year"))


@pytest.mark.parametrize(
    ("normalise", "weighting"),
    [
        ("zscore", "critic"),
        ("zscore", "pca"),
        ("rank", "entropy"),
        ("rank", "std"),
        ("max", "entropy"),
        ("max", "cv"),
    ],
)
@pytest.mark.parametrize("scope", [*SCOPE_WORDS[:4], "base_year(2012)"])
@pytest.mark.many(3)
def test_every_normalisation_from_scratch(
    scope, normalise, weighting, system, frame_of, brute, fit
):
    frame = frame_of(4).round({"a": 1})
    frame["a"] += 0.1
    results = fit(system, frame, scope=scope, normalise=normalise, weighting=weighting)
    agrees(results, brute(results.spec, frame), Panel(frame, "id", "year"))


@pytest.mark.parametrize(
    "scope", ["pooled", "per_year", "expanding", "base_year(2012)"]
)
def test_values_as_given_from_scratch(scope, frame_of, brute, fit):
    frame, plus = frame_of(5), IndicatorSystem([Indicator(c) for c in "abcd"])
    results = fit(plus, frame, scope=scope, normalise="none")
    agrees(results, brute(results.spec, frame), Panel(frame, "id", "year"))


POOLED_WEIGHTS = "base_year_norm_pooled_weights(2012)"


@pytest.mark.parametrize("structure", ["flat", "nested", "equal_dimensions"])
@pytest.mark.parametrize(
    ("normalise", "weighting"),
    [
        ("absolute_minmax", "entropy"),
        ("absolute_minmax", "cv"),
        ("minmax", "critic"),
        ("minmax", "equal"),
        ("zscore", "critic"),
        ("max", "entropy"),
    ],
)
def test_end_points_of_a_base_year_and_weights_of_all_years_from_scratch(
    normalise, weighting, structure, system, frame_of, brute, fit
):
    frame = frame_of(28, unbalanced=True)
    options = {"normalise": normalise, "weighting": weighting, "structure": structure}
    results = fit(system, frame, scope=POOLED_WEIGHTS, **options)
    agrees(results, brute(results.spec, frame), Panel(frame, "id", "year"))
    low = frame.loc[frame["year"] == 2012, list("abcd")].min()
    np.testing.assert_array_equal(results.end_points["low"], low)


def test_negative_values_are_signed_unless_absolute_ones_are_asked_for(
    system, frame_of, fit
):
    frame = frame_of(28)
    panel = Panel(frame, "id", "year")
    with pytest.raises(
        IndicatorError,
        match=r"worse than every value of the base year.*'absolute_minmax'",
    ):
        CompositeIndex(system, scope=POOLED_WEIGHTS).fit(panel)
    options = {"scope": POOLED_WEIGHTS, "weighting": "equal"}
    signed = fit(system, frame, **options).contributions(panel)
    absolute = fit(system, frame, normalise="absolute_minmax", **options)
    assert (signed.to_numpy() < 0).any()
    np.testing.assert_allclose(absolute.contributions(panel), signed.abs())


def test_absolute_values_need_a_base_year(system):
    with pytest.raises(OptionError, match="worse than the end points"):
        CompositeIndex(system, normalise="absolute_minmax")


@pytest.mark.parametrize("aggregate", ["geometric", "geometric_dimensions", "topsis"])
@pytest.mark.many(15)
@pytest.mark.parametrize(
    "scope",
    ["pooled", "per_year", "pooled_norm_yearly_weights", "expanding", "goalposts"],
)
def test_every_aggregate_from_scratch(scope, aggregate, posted, frame_of, brute, fit):
    frame = frame_of(6)
    results = fit(posted, frame, scope=scope, aggregate=aggregate)
    agrees(results, brute(results.spec, frame), Panel(frame, "id", "year"))


def test_topsis_learns_its_ideals_in_the_base_year(system, frame_of, brute, fit):
    frame = frame_of(7)
    results = fit(system, frame, scope="base_year(2012)", aggregate="topsis")
    agrees(results, brute(results.spec, frame), Panel(frame, "id", "year"))


@pytest.mark.parametrize("scope", ["pooled", "expanding"])
def test_the_shift_enters_weights_in_every_scope(scope, system, frame_of, brute, fit):
    frame = frame_of(8)
    for structure in ("flat", "nested"):
        results = fit(system, frame, scope=scope, shift=0.05, structure=structure)
        agrees(results, brute(results.spec, frame), Panel(frame, "id", "year"))


def test_expanding_knows_nothing_of_later_years(system, frame_of, fit):
    frame = frame_of(9)
    whole = fit(system, frame, scope="expanding").scores
    for year in (2011, 2013):
        past = fit(system, frame[frame["year"] <= year], scope="expanding").scores
        pd.testing.assert_series_equal(past, whole.loc[past.index])
    assert not np.allclose(
        fit(system, frame[frame["year"] <= 2013]).scores,
        fit(system, frame).scores.loc[past.index],
    )


def test_a_later_year_is_scored_by_the_last_state(system, frame_of, fit):
    frame = frame_of(10)
    early = fit(system, frame[frame["year"] <= 2013], scope="expanding")
    late = Panel(frame[frame["year"] == 2014], "id", "year")
    again = early.apply(late)
    pooled = fit(system, frame[frame["year"] <= 2013])
    np.testing.assert_allclose(again, pooled.apply(late), rtol=1e-12)


@pytest.mark.parametrize("scope", ["per_year", "pooled_norm_yearly_weights"])
def test_a_year_without_a_state_is_refused(scope, system, frame_of, fit):
    frame = frame_of(11)
    results = fit(system, frame[frame["year"] < 2014], scope=scope)
    with pytest.raises(
        OptionError, match=r"2010 to 2013; the panel has '2014'.*base_year"
    ):
        results.apply(Panel(frame, "id", "year"))
    some = Panel(frame[frame["year"].between(2011, 2012)], "id", "year")
    pd.testing.assert_series_equal(
        results.apply(some), results.scores.loc[some.frame.index]
    )


def test_expanding_knows_nothing_before_its_first_year(system, frame_of, fit):
    frame = frame_of(12)
    results = fit(system, frame[frame["year"] > 2010], scope="expanding")
    with pytest.raises(
        OptionError,
        match=r"from 2011 on and has no weights for earlier periods; the "
        r"panel has '2010'",
    ):
        results.apply(Panel(frame, "id", "year"))
    dated = frame.assign(year=pd.to_datetime(frame["year"].astype(str)))
    with pytest.raises(OptionError, match="the panel has '2010-01-01"):
        results.apply(Panel(dated, "id", "year"))


def test_per_year_gives_every_year_its_best(system, frame_of, fit):
    one = IndicatorSystem([Indicator("a")])
    scores = fit(one, frame_of(13), scope="per_year").scores
    assert scores.groupby("year").max().tolist() == [1.0] * 5
    assert scores.groupby("year").min().tolist() == [0.0] * 5


def test_the_base_year_may_be_a_date_or_a_period(system, frame_of):
    frame = frame_of(14)
    plain = CompositeIndex(system, scope="base_year( 2012 )").fit(
        Panel(frame, "id", "year")
    )
    assert plain.spec.scope == "base_year(2012)"
    period = frame.assign(year=pd.PeriodIndex(frame["year"].astype(str), freq="Y"))
    dated = frame.assign(year=pd.to_datetime(frame["year"].astype(str)))
    for other in (period, dated):
        results = CompositeIndex(system, scope="base_year(2012)").fit(
            Panel(other, "id", "year")
        )
        np.testing.assert_array_equal(results.scores, plain.scores)
    monthly = frame.assign(
        year=pd.date_range("2012-01-31", periods=5, freq="ME").to_numpy()[
            frame["year"] - 2010
        ]
    )
    with pytest.raises(OptionError, match=r"'2012' begins several periods.*2012-05"):
        CompositeIndex(system, scope="base_year(2012)").fit(
            Panel(monthly, "id", "year")
        )


def test_a_base_year_that_is_not_there_is_refused_at_fit(system, frame_of):
    spec = CompositeIndex(system, scope="base_year(1999)")
    with pytest.raises(
        OptionError,
        match=r"'1999' is not a period of the sample; it has '2010', '2011'",
    ):
        spec.fit(Panel(frame_of(15), "id", "year"))


@pytest.mark.parametrize(
    "scope", ["per_year", "expanding", "base_year(2012)", "legacy_lnT"]
)
def test_a_cross_section_has_no_years(scope, system, frame_of):
    table = frame_of(16, periods=1).drop(columns="year")
    with pytest.raises(OptionError, match=r"needs a time key.*'pooled'"):
        CompositeIndex(system, scope=scope).fit(Panel(table, "id"))


def test_one_year_has_no_logarithm(system, frame_of):
    with pytest.raises(OptionError, match="one year"):
        CompositeIndex(system, scope="legacy_lnT").fit(
            Panel(frame_of(16, periods=1), "id", "year")
        )


def test_constant_in_one_year_has_no_weight_there(system, frame_of, brute):
    frame = frame_of(17)
    frame.loc[frame["year"] == 2012, "b"] = 3.25
    with pytest.warns(match=r"'b' in 2012: .* its weight there is 0") as caught:
        results = CompositeIndex(system, scope="per_year").fit(
            Panel(frame, "id", "year")
        )
    assert len([w for w in caught if "constant" in str(w.message)]) == 1
    table = results.weights_by_year
    assert table.loc[2012, "b"] == 0.0
    assert (table.drop(index=2012)["b"] > 0).all()
    np.testing.assert_allclose(table.sum(axis=1), 1.0, rtol=1e-12)
    lone = IndicatorSystem([i for i in system if i.name != "b"])
    year = frame[frame["year"] == 2012]
    slow = brute(CompositeIndex(lone), year)
    np.testing.assert_allclose(
        results.scores.xs(2012, level="year"), list(slow.scores().values()), rtol=1e-9
    )


def test_all_constant_in_one_year_is_refused_by_name(system, frame_of):
    frame = frame_of(18)
    frame.loc[frame["year"] == 2012, list("abcd")] = 1.0
    with pytest.raises(IndicatorError, match=r"constant over the 8 rows in 2012"):
        CompositeIndex(system, scope="per_year").fit(Panel(frame, "id", "year"))


def test_beyond_the_worse_goalpost_entropy_is_undefined(posted, frame_of, fit):
    frame = frame_of(19)
    frame.loc[[3, 4], "a"] = -2.0
    with pytest.raises(
        IndicatorError,
        match=r"'a' lies beyond its worse goalpost in 2 rows \(first: \(r00, 2013\)",
    ):
        CompositeIndex(posted, scope="goalposts").fit(Panel(frame, "id", "year"))
    results = fit(posted, frame, scope="goalposts", weighting="equal")
    assert results.contributions(Panel(frame, "id", "year"))[
        "a"
    ].min() == pytest.approx(-2 / 40 / 4)


def test_negative_values_as_given_are_refused_for_entropy_only(frame_of, fit):
    plus = IndicatorSystem([Indicator(c) for c in "abcd"])
    frame = frame_of(20).assign(a=lambda f: f["a"] - 1)
    for weighting in ("entropy", "cv"):
        with pytest.raises(
            IndicatorError, match=r"'a' is negative.*normalise='minmax'"
        ):
            CompositeIndex(plus, normalise="none", weighting=weighting).fit(
                Panel(frame, "id", "year")
            )
    assert fit(plus, frame, normalise="none", weighting="critic").nobs == 40


def test_max_needs_positive_values(system, frame_of, fit):
    frame = frame_of(21)
    results = fit(system, frame, normalise="max")
    frame.loc[5, "c"] = 0.0
    panel = Panel(frame, "id", "year")
    for call in (
        lambda: CompositeIndex(system, normalise="max").fit(panel),
        lambda: results.apply(panel),
    ):
        with pytest.raises(
            IndicatorError,
            match=r"'c' is zero or negative in 1 row \(first: \(r01, 2010\)\)",
        ):
            call()


def test_a_product_needs_values_inside_the_end_points(system, frame_of):
    frame = frame_of(22)
    panel = Panel(frame, "id", "year")
    with pytest.raises(
        IndicatorError, match=r"below the worse end point.*aggregate='linear'"
    ):
        CompositeIndex(system, scope="base_year(2012)", aggregate="geometric").fit(
            panel
        )


@pytest.mark.parametrize("structure", ["nested", "equal_dimensions"])
def test_products_of_dimensions_from_scratch_with_every_structure(
    structure, system, frame_of, brute, fit
):
    frame = frame_of(27)
    options = {"structure": structure, "aggregate": "geometric_dimensions"}
    results = fit(system, frame, **options)
    agrees(results, brute(results.spec, frame), Panel(frame, "id", "year"))
    linear = fit(system, frame, structure=structure)
    assert results.weights.equals(linear.weights)
    other = frame.sample(frac=1, random_state=1).assign(a=lambda f: 3 * f["a"] - 7)
    again = fit(system, other, **options).scores
    np.testing.assert_allclose(again[results.scores.index], results.scores, rtol=1e-12)
    shares = results.weights.groupby("dimension", sort=False)["weight"].sum()
    np.testing.assert_allclose(
        results.scores, (results.dimension_scores**shares).prod(axis=1), rtol=1e-12
    )


def test_a_product_of_dimensions_needs_dimensions_that_are_not_negative(frame_of):
    frame, other = frame_of(22), frame_of(22)
    system = IndicatorSystem.from_dict(
        {"one": {"a": "+", "b": "+"}, "two": {"c": "+", "d": "+"}}
    )
    index = CompositeIndex(
        system, weighting="equal", aggregate="geometric_dimensions"
    ).fit(Panel(frame, "id", "year"))
    other.loc[2, "a"] = frame["a"].min() - 0.1
    other.loc[2, "b"] = frame["b"].max()
    inside = index.apply(Panel(other, "id", "year"))
    assert inside.iloc[2] > 0
    other.loc[2, "b"] = frame["b"].min()
    with pytest.raises(
        IndicatorError, match=r"'one' has a score below 0 in 1 row.*aggregate='linear'"
    ):
        index.apply(Panel(other, "id", "year"))


def test_one_zero_in_a_dimension_is_forgiven_and_a_dimension_of_zeros_is_not(frame_of):
    system = IndicatorSystem.from_dict({"one": {"a": "+", "b": "+"}, "two": {"c": "+"}})
    frame = frame_of(25)
    frame.loc[1, ["a", "b"]] = 0.0
    frame.loc[3, "a"] = 0.0
    spec = CompositeIndex(
        system, weighting="equal", normalise="none", aggregate="geometric_dimensions"
    )
    with pytest.warns(
        IndicatorWarning, match="1 score of 40 is 0 because one dimension has only"
    ):
        scores = spec.fit(Panel(frame, "id", "year")).scores
    assert scores.iloc[1] == 0 < scores.iloc[3]


def test_a_product_needs_weights_that_are_not_negative(frame_of):
    frame = frame_of(23)
    frame["b"] = 20 - frame["a"] + 0.01 * frame["b"]
    frame["c"] = frame["a"] + 0.01 * frame["c"]
    system = IndicatorSystem([Indicator(c) for c in "abc"])
    with pytest.raises(IndicatorError, match="'b' has a negative weight"):
        CompositeIndex(system, weighting="pca", aggregate="geometric").fit(
            Panel(frame, "id", "year")
        )


def test_topsis_needs_something_that_varies(posted, frame_of):
    frame = frame_of(24).assign(a=1.0, b=2.0, c=3.0, d=4.0)
    spec = CompositeIndex(
        posted, scope="goalposts", weighting="equal", aggregate="topsis"
    )
    with pytest.raises(IndicatorError, match="no indicator with a weight varies"):
        spec.fit(Panel(frame, "id", "year"))
    assert (
        spec.replace(aggregate="linear").fit(Panel(frame, "id", "year")).scores.std()
        == 0
    )


def test_constant_indicators_keep_given_weights_where_their_scale_is_given(
    posted, frame_of, fit
):
    frame = frame_of(25).assign(a=10.0)
    kept = fit(posted, frame, scope="goalposts", weighting="equal")
    assert kept.weights["weight"].tolist() == [0.25] * 4
    assert not any(n.code == "constant_indicator" for n in kept.diagnostics)
    lost = fit(posted, frame, weighting="equal")
    np.testing.assert_allclose(
        lost.weights["weight"], [0, 1 / 3, 1 / 3, 1 / 3], rtol=1e-14
    )
    given = fit(posted, frame, weighting={"a": 5, "b": 1, "c": 1, "d": 2})
    np.testing.assert_allclose(
        given.weights["weight"], [0, 0.25, 0.25, 0.5], rtol=1e-14
    )


def test_the_copied_script_turns_the_order_of_weights_round(frame_of, fit):
    system = IndicatorSystem([Indicator(c) for c in "abcdef"])
    frame = frame_of(26, n=30, periods=10, width=6)
    right, legacy = (
        fit(system, frame, scope=s).weights for s in ("pooled", "legacy_lnT")
    )
    assert (legacy["entropy"] > 1).all()
    assert (legacy["redundancy"] < 0).all()
    assert right["weight"].rank().tolist() == (7 - legacy["weight"].rank()).tolist()


@pytest.mark.further
@pytest.mark.parametrize("count", [15, pytest.param(60, marks=pytest.mark.weekly)])
def test_invariances_in_every_scope(system, frame_of, fit, count):
    @given(
        st.integers(0, 2**32 - 1),
        st.floats(0.01, 100),
        st.floats(-50, 50),
        st.sampled_from(
            [
                "per_year",
                "pooled_norm_yearly_weights",
                "expanding",
                "base_year(2012)",
                "legacy_lnT",
            ]
        ),
        st.sampled_from(["entropy", "critic", "std"]),
        st.sampled_from(["flat", "nested", "equal_dimensions"]),
    )
    @settings(max_examples=count, deadline=None)
    def compare(seed, factor, offset, scope, weighting, structure):
        options = {"scope": scope, "weighting": weighting, "structure": structure}
        if scope == "legacy_lnT":
            options = {"scope": scope}
        frame = frame_of(seed)
        base = fit(system, frame, **options)

        def same(changed, other=system):
            actual = fit(other, changed, **options)
            np.testing.assert_allclose(
                actual.weights["weight"], base.weights["weight"], rtol=1e-6, atol=1e-10
            )
            np.testing.assert_allclose(actual.scores, base.scores, rtol=1e-6, atol=1e-9)

        same(
            frame.assign(
                a=offset + factor * frame["a"], c=3 - offset + frame["c"] / factor
            )
        )
        flipped = {"one": {"a": "-", "b": "+"}, "two": {"c": "-", "d": "+"}}
        same(frame.assign(a=-frame["a"]), IndicatorSystem.from_dict(flipped))
        same(frame.sample(frac=1, random_state=seed % 1000))
        if scope != "legacy_lnT":
            # Every row twice; the script's entropy grows with the rows and its divisor
            # does not.
            doubled = pd.concat([frame, frame.assign(id=frame["id"] + "x")])
            twice = fit(system, doubled, **options).weights["weight"]
            np.testing.assert_allclose(
                twice, base.weights["weight"], rtol=1e-6, atol=1e-10
            )

    compare()


# --- rows -----------------------------------------------------------------------------


def test_rows_are_complete_and_coded(system, frame_of):
    frame = frame_of(0, n=4, periods=3)
    frame.loc[[0, 5], "b"] = np.nan
    sample = complete_rows(
        CompositeIndex(system, missing="drop").recipe, Panel(frame, "id", "year")
    )
    assert sample.matrix.shape == (10, 4)
    assert sample.names == system.names
    assert sample.entity.tolist() == [0, 0, 1, 1, 2, 2, 2, 3, 3, 3]
    assert sample.time.tolist() == [1, 2, 0, 1, 0, 1, 2, 0, 1, 2]
    assert sample.keys.time_name == "year"
    assert dropped_rows(sample)[0].data["count"] == 2
    kept = frame.drop(index=[0, 5])
    assert sample.index.equals(pd.MultiIndex.from_frame(kept[["id", "year"]]))
    np.testing.assert_array_equal(sample.matrix, kept[list(system.names)])


def test_an_indicator_of_text_is_refused(system, frame_of):
    panel = Panel(frame_of(0, n=4, periods=3).assign(a="much"), "id", "year")
    with pytest.raises(IndicatorError, match=r"'a' is not numeric; .*to_numeric first"):
        complete_rows(CompositeIndex(system).recipe, panel)


def test_a_cross_section_has_one_period(system, frame_of):
    table = frame_of(1, periods=1).drop(columns="year")
    sample = complete_rows(CompositeIndex(system).recipe, Panel(table, "id"))
    assert sample.keys.time_name is None
    assert sample.n_times == 1
    assert dropped_rows(sample) == []


def test_an_indicator_leaves_and_the_rows_stay(system, frame_of):
    frame = frame_of(2, n=4, periods=3)
    sample = complete_rows(CompositeIndex(system).recipe, Panel(frame, "id", "year"))
    left = without_indicator(sample, "b")
    assert left.names == ("a", "c", "d")
    assert left.keys is sample.keys
    np.testing.assert_array_equal(
        left.columns("indicators"), sample.matrix[:, [0, 2, 3]]
    )


@pytest.mark.parametrize("size", [1e160, 1e300, 1.7e308, 1e-160])
def test_values_beyond_the_range_of_squares_are_refused(system, frame_of, size):
    frame = frame_of(0, n=4, periods=3)
    frame["b"] *= size / frame["b"].max()
    with pytest.raises(IndicatorError, match="'b' has a largest value"):
        complete_rows(CompositeIndex(system).recipe, Panel(frame, "id", "year"))
