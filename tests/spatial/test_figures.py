"""What figures of spatial autocorrelation draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import (
    MissingDataError,
    OptionError,
    Panel,
    PanelSpatial,
    ResultSet,
    SpatialWeights,
    fit_all,
)
from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    IdentificationError,
    InputTypeError,
)
from digiprosper.spatial.figures import (
    chosen_kinds,
    decay,
    impacts,
    moran_scatter,
    read_fits,
    regressors,
)

STATES = dp.datasets.us_states()
BORDERS = SpatialWeights.from_neighbours(dp.datasets.us_neighbours(), name="borders")


def test_weights_have_their_label_in_figures_and_tables() -> None:
    labels, inside = (
        {"borders": "Nachbarn"},
        BORDERS.conventions.removeprefix("borders"),
    )
    drawn = moran_scatter(STATES, "unemp", BORDERS, None, labels)
    assert drawn.weights == f"Nachbarn{inside}"
    fit = PanelSpatial("log(gsp)", ["unemp"], BORDERS).fit(STATES)
    notes = dp.etable(fit, labels=labels).notes
    assert f"W: Nachbarn{inside}." in notes


@pytest.mark.parametrize("time", [None, 1975])
def test_points_are_those_of_the_local_statistics(time) -> None:
    drawn = moran_scatter(STATES, "log(gsp)", BORDERS, time, {})
    year = 1986 if time is None else time
    local = dp.local_moran(STATES, "log(gsp)", BORDERS, permutations=0).xs(
        year, level="year"
    )
    np.testing.assert_allclose(
        drawn.points, local[["value", "spatial_lag"]], rtol=1e-12
    )
    assert drawn.points.index.equals(STATES.entities)
    whole = dp.moran(STATES, "log(gsp)", BORDERS, permutations=0).loc[year]
    assert drawn.statistic == pytest.approx(whole["statistic"], rel=1e-12)
    assert drawn.slope == pytest.approx(whole["statistic"], rel=1e-12)
    assert drawn.p_value == pytest.approx(whole["p_randomisation"], rel=1e-9)
    counts = local["quadrant"].value_counts()
    assert {name.lower(): n for name, n in drawn.quadrants} == counts.to_dict()
    assert [name for name, _ in drawn.quadrants] == [
        "High-high",
        "High-low",
        "Low-low",
        "Low-high",
    ]
    assert (drawn.period, drawn.weights) == (str(year), "borders (row-standardised)")


def test_labels() -> None:
    drawn = moran_scatter(STATES, "log(gsp)", BORDERS, None, {})
    assert drawn.variable == "log(Gross state product (million USD))"
    assert (
        moran_scatter(STATES, "log(gsp)", BORDERS, None, {"gsp": "GSP"}).variable
        == "log(GSP)"
    )
    named = moran_scatter(STATES, "unemp", BORDERS, None, {"TX": "Texas"})
    assert "Texas" in named.points.index
    assert "TX" not in named.points.index


@pytest.mark.parametrize("time", [1999, "1975", [1975], (1975, 1)])
def test_a_period_has_to_be_there(time) -> None:
    with pytest.raises(OptionError, match="1970"):
        moran_scatter(STATES, "unemp", BORDERS, time, {})


def test_columns_are_refused_as_by_moran() -> None:
    holes = STATES.assign(u=STATES.frame["unemp"].where(STATES.frame["unemp"] > 4))
    with pytest.raises(MissingDataError, match=r"plots\.moran_scatter"):
        moran_scatter(holes, "u", BORDERS, None, {})


N, T = 24, 5
CUTOFFS = (500, 900, 1400)
NUMBERS = ["estimate", "conf_low", "conf_high"]
pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")


def make_places() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    places = {"lat": rng.uniform(25, 42, N), "lon": rng.uniform(100, 120, N)}
    return pd.DataFrame(places, index=[f"c{i}" for i in range(N)])


def make_panel() -> Panel:
    rng = np.random.default_rng(9)
    values = pd.DataFrame(rng.normal(size=(N * T, 3)), columns=["y", "x", "z"])
    keys = {"city": np.repeat(make_places().index, T), "year": np.tile(range(T), N)}
    return Panel(
        values.assign(**keys), "city", "year", labels={"x": "Digital", "y": "GDP"}
    )


PLACES, PANEL = make_places(), make_panel()


def weights(cutoff: float | None = None, power: int = 1) -> SpatialWeights:
    return SpatialWeights.inverse_distance(PLACES, cutoff=cutoff, power=power)


BASE = PanelSpatial("y", ["x", "z"], weights())


@pytest.fixture(scope="module")
def battery() -> ResultSet:
    return fit_all(
        {km: BASE.replace(spatial_weights=weights(km)) for km in CUTOFFS}, PANEL
    )


@pytest.fixture(scope="module")
def models() -> ResultSet:
    specs = {m: BASE.replace(model=m) for m in ("sdm", "sar", "sem")}
    return fit_all(
        {**specs, "bad": BASE.add("I(2*x)"), "x only": BASE.replace(x=["x"])}, PANEL
    )


# --- effects of one fit or of several -------------------------------------------------


def test_one_fit_has_a_column_a_kind(models: ResultSet) -> None:
    fit = models["sdm"]
    columns = impacts(read_fits(fit, "test"), ["z"], ("total", "direct"), 0.9)
    assert [column.head for column in columns] == ["Total", "Direct"]
    frame = fit.effects_table(0.9).set_index(["kind", "term"])
    for column, kind in zip(columns, ("total", "direct"), strict=True):
        assert list(column.estimates) == ["z"]
        np.testing.assert_array_equal(column.estimates["z"][1:], frame.loc[(kind, "z")])


def test_several_fits_have_a_column_each(models: ResultSet) -> None:
    columns = impacts(
        read_fits(models, "test"), ["x", "z"], ("direct", "indirect"), 0.95
    )
    assert [column.head for column in columns] == ["sdm", "sar", "sem", "bad", "x only"]
    assert list(columns[0].estimates) == [
        "direct:x",
        "indirect:x",
        "direct:z",
        "indirect:z",
    ]
    assert list(columns[4].estimates) == ["direct:x", "indirect:x"]
    assert isinstance(columns[3].failure, DigiprosperError)
    frame = models["sar"].impacts.set_index(["kind", "term"])
    np.testing.assert_array_equal(
        columns[1].estimates["indirect:z"][1:], frame.loc[("indirect", "z")]
    )


def test_the_figure_has_a_row_a_regressor_and_kind(models: ResultSet) -> None:
    pytest.importorskip("matplotlib")
    ax = dp.plots.impacts(models, keep="x", kinds=["indirect", "total"])
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "Digital: indirect",
        "Digital: total",
    ]
    ax.figure.canvas.draw()
    boxes = {t.get_text(): t.get_window_extent() for t in ax.get_legend().get_texts()}
    heads = sorted(boxes, key=lambda head: (-round(boxes[head].y0), boxes[head].x0))
    assert heads == ["sdm", "sar", "sem", "bad (not estimated)", "x only"]
    assert ax.get_xlabel() == "Effect and 95% confidence interval"
    drawn = [container.lines[0].get_xdata() for container in ax.containers]
    expected = models.compare("x", kind="indirect")["estimate"]
    np.testing.assert_array_equal([data[0] for data in drawn], expected)
    same = dp.plots.impacts(
        [models["sdm"], models["sar"]], kinds="indirect", level=0.9, ax=ax
    )
    assert same is ax
    assert ax.get_xlabel() == "Indirect effect and 90% confidence interval"


def test_an_effect_that_is_zero_by_definition_is_drawn_without_an_interval(
    models: ResultSet,
) -> None:
    pytest.importorskip("matplotlib")
    ax = dp.plots.impacts(models["sem"], kinds="indirect")
    (container,) = ax.containers
    assert container.lines[0].get_xdata().tolist() == [0.0, 0.0]
    assert [len(segment) for segment in container.lines[2][0].get_segments()] == [0, 0]


# --- over the cut-off -----------------------------------------------------------------


def test_decay_has_the_effects_of_each_fit(battery: ResultSet) -> None:
    drawn = decay(
        read_fits(battery, "test"),
        "z",
        ("indirect", "direct"),
        {"z": "Zeal"},
        0.9,
        "test",
    )
    assert (drawn.name, drawn.outcome, drawn.level) == ("Zeal", "GDP", 0.9)
    assert drawn.points["cutoff"].tolist() == [*CUTOFFS, *CUTOFFS]
    assert drawn.points["kind"].tolist() == ["indirect"] * 3 + ["direct"] * 3
    for kind, rows in drawn.points.groupby("kind"):
        expected = battery.compare("z", 0.9, kind=str(kind))
        np.testing.assert_array_equal(rows[NUMBERS], expected[NUMBERS])
    assert drawn.heads == {"indirect": "Indirect", "direct": "Direct"}


def test_cutoffs_are_ordered_as_numbers_whatever_the_order_of_the_fits(
    battery: ResultSet,
) -> None:
    turned = {float(label): battery[label] for label in reversed(battery.labels)}
    first = decay(read_fits(turned, "test"), None, ("total",), {}, 0.95, "test")
    again = decay(read_fits(battery, "test"), "x", ("total",), {}, 0.95, "test")
    pd.testing.assert_frame_equal(first.points, again.points)


def test_what_is_not_drawn_is_counted(battery: ResultSet, models: ResultSet) -> None:
    mixed: dict[Any, Any] = {
        500: battery["500"],
        600: models.failures["bad"],
        700: models["x only"],
    }
    drawn = decay(read_fits(mixed, "test"), "z", ("indirect",), {}, 0.95, "test")
    assert drawn.points["cutoff"].tolist() == [500]
    assert drawn.left_out == ["1 not estimated", "1 without the regressor"]


@pytest.mark.parametrize(
    "labels", [("near", 2), (0, 2), (-5, 2), (np.inf, 2), (np.nan, 2), ("1", "1.0")]
)
def test_labels_have_to_be_different_positive_numbers(
    battery: ResultSet, labels: tuple[Any, Any]
) -> None:
    fits = dict(zip(labels, battery.values(), strict=False))
    with pytest.raises(InputTypeError, match="label") as caught:
        dp.plots.decay(fits)
    assert caught.value.problems


@pytest.mark.parametrize(
    ("term", "error"),
    [("w", ColumnError), (3, InputTypeError), (["x"], InputTypeError)],
)
def test_a_regressor_has_to_be_there(
    battery: ResultSet, term: Any, error: type[DigiprosperError]
) -> None:
    with pytest.raises(error) as caught:
        dp.plots.decay(battery, term)
    assert caught.value.problems


def test_a_battery_without_any_fit_is_an_error(models: ResultSet) -> None:
    failed = {300: models.failures["bad"]}
    with pytest.raises(IdentificationError, match="none of the 1 models"):
        dp.plots.decay(failed)
    with pytest.raises(InputTypeError, match="no estimates"):
        dp.plots.impacts(failed)


# --- malformed input of both ----------------------------------------------------------


@pytest.mark.parametrize("draw", [dp.plots.impacts, dp.plots.decay])
@pytest.mark.parametrize(
    "results", [None, 3, "sdm", [], {}, [1], {300: None}, PANEL, ResultSet(())]
)
def test_what_is_no_spatial_model_is_refused(draw: Any, results: Any) -> None:
    with pytest.raises(
        InputTypeError, match=r"takes what PanelSpatial\(\.\.\.\)\.fit returns"
    ) as caught:
        draw(results)
    assert caught.value.problems


def test_other_models_are_refused() -> None:
    with pytest.raises(InputTypeError, match="not LinearResults"):
        dp.plots.impacts(dp.FixedEffects("y", ["x"]).fit(PANEL))


@pytest.mark.parametrize(
    "kinds", [[], "spillover", ["direct", "x"], None, 3, {"direct": 1}, [None]]
)
def test_kinds_have_to_be_known(battery: ResultSet, kinds: Any) -> None:
    for draw in (dp.plots.impacts, dp.plots.decay):
        with pytest.raises(OptionError) as caught:
            draw(battery, kinds=kinds)
        assert caught.value.problems


def test_options_of_all_figures_are_checked(battery: ResultSet) -> None:
    for draw in (dp.plots.impacts, dp.plots.decay):
        with pytest.raises(OptionError):
            draw(battery, level=95)
        with pytest.raises(InputTypeError):
            draw(battery, labels=["x"])
    with pytest.raises(ColumnError):
        dp.plots.impacts(battery, keep="digital*")
    with pytest.raises(InputTypeError):
        dp.plots.impacts(battery, keep=3)


def test_kinds_and_regressors_are_each_there_once(models: ResultSet) -> None:
    assert chosen_kinds(["total", "direct", "total"], "test") == ("total", "direct")
    assert regressors(read_fits([models["x only"], models["sar"]], "test")) == [
        "x",
        "z",
    ]


def test_labels_that_are_the_same_text_are_refused(models: ResultSet) -> None:
    with pytest.raises(InputTypeError, match="duplicated"):
        dp.plots.impacts({1: models["sar"], "1": models["sem"]})


# --- a battery over weights -----------------------------------------------------------


def test_a_battery_over_weights_equals_single_fits() -> None:
    income = PANEL.frame["z"].groupby("city").mean().rename("income")
    near, alike = weights(900), SpatialWeights.economic(income)
    neighbours = {
        city: [other for other in PLACES.index if other != city][:3]
        for city in PLACES.index
    }
    every = {
        "contiguity": SpatialWeights.from_neighbours(neighbours),
        "1/d": weights(),
        "1/d^2": weights(power=2),
        "economic": alike,
        "nested": SpatialWeights.nested(near, alike, 0.5),
    }
    # Links of the first band are not in the second one: a difference of raw weights
    # leaves those beyond.
    every["beyond 900 km"] = SpatialWeights(weights().raw - near.raw, near.entities)
    # Of eight cities the adjusted likelihood has no maximum with some of these weights.
    base = BASE.replace(likelihood="unadjusted")
    results = fit_all(
        {label: base.replace(spatial_weights=w) for label, w in every.items()}, PANEL
    )
    assert results.labels == tuple(every)
    effects = results.effects_table(0.9)
    assert effects["model"].unique().tolist() == list(every)
    for label, one in every.items():
        alone = base.replace(spatial_weights=one).fit(PANEL)
        pd.testing.assert_series_equal(results[label].params, alone.params)
        own = (
            effects[effects["model"] == label]
            .drop(columns="model")
            .reset_index(drop=True)
        )
        pd.testing.assert_frame_equal(own, alone.effects_table(0.9))
    assert results.compare("x")["nobs"].tolist() == [N * T] * 6
    assert results.compare("W:x")["estimate"].tolist() == [
        fit.params["W:x"] for fit in results.values()
    ]
