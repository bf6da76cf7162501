"""What figures draw, and its numbers as tables."""

from __future__ import annotations

import dataclasses

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import digiprosper as dp
from digiprosper import plots
from digiprosper.errors import InputTypeError
from digiprosper.report import drawings
from digiprosper.report.columns import Estimate
from digiprosper.report.drawings import (
    Balance,
    Bars,
    Choice,
    Drawing,
    DrawnDensity,
    Effects,
    PathDiagram,
    Ridges,
    SpecificationCurve,
    words_in,
)
from digiprosper.report.terms import Term

OWN = [
    name
    for name, value in vars(drawings).items()
    if isinstance(value, type) and value.__module__ == drawings.__name__
]


@pytest.mark.parametrize("name", OWN)
def test_what_is_drawn_is_a_value(name):
    kind = getattr(drawings, name)
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert "__slots__" in vars(kind)
    assert kind.__doc__


mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fit():
    return dp.FixedEffects("log(gsp)", ["log(pcap)", "unemp"]).fit(
        dp.datasets.us_states()
    )


def test_estimates_are_those_of_tidy(fit) -> None:
    frame = plots.data(plots.coefficients({"a": fit, "b": fit}, level=0.9))
    tidy = fit.tidy(0.9)
    for model in ("a", "b"):
        own = frame[frame["model"] == model].reset_index(drop=True)
        columns = ["term", "estimate", "std_error", "p_value", "conf_low", "conf_high"]
        pd.testing.assert_frame_equal(own[columns], tidy[columns])


def test_a_new_frame_each_time(fit) -> None:
    ax = plots.coefficients(fit)
    frame = plots.data(ax)
    frame["estimate"] = 0.0
    assert plots.data(ax)["estimate"].tolist() == fit.params.tolist()


def test_the_last_figure_on_axes_counts(fit) -> None:
    ax = plots.coefficients(fit)
    plots.coefficients(fit, keep="unemp", ax=ax)
    assert plots.data(ax)["term"].tolist() == ["unemp"]


def test_a_density_has_its_draws_and_the_data() -> None:
    points = pd.DataFrame({"value": [0.0, 1.0], "density": [0.5, 0.5]})
    frame = DrawnDensity("b", points, np.array([0.2, 0.4, 0.6]), 0.9, 0.1).data()
    assert frame["series"].value_counts().to_dict() == {
        "draw": 3,
        "density": 2,
        "data": 1,
    }
    assert frame["value"].iloc[-1] == 0.9


def test_choices_of_one_name_keep_a_column_each() -> None:
    points = pd.DataFrame({"model": ["a", "b"], "estimate": [1.0, 2.0]})
    choices = [
        Choice("control", "year", np.array([True, False])),
        Choice("effect", "year", np.array([False, True])),
    ]
    curve = SpecificationCurve("x", "y", points, choices, None, "", [], [], 0.95)
    frame = curve.data()
    assert frame["year"].tolist() == [True, False]
    assert frame["year (effect)"].tolist() == [False, True]


def test_arrows_say_where_they_go() -> None:
    one = Estimate(Term("x"), 1.0, 0.1, 10.0, 0.0, 0.8, 1.2)
    diagram = PathDiagram(
        "X", "Y", ["M", "N"], True, [[("a₁ =", one)], []], [[], [("b₂ =", one)]],
        {(0, 1): [("d₂₁", one)]},
        [("c' =", one)], [], "", frozenset(), "", [], 0.95, [],
    )  # fmt: skip
    frame = diagram.data()
    assert frame[["from", "to", "label"]].to_numpy().tolist() == [
        ["X", "M", "a₁"],
        ["N", "Y", "b₂"],
        ["M", "N", "d₂₁"],
        ["X", "Y", "c'"],
    ]


def test_what_has_no_density_or_share_is_missing() -> None:
    ridges = Ridges(
        np.array([0.0, 1.0]),
        [("1", "", None), ("2", "", np.array([0.1, 0.2]))],
        "x",
        "t",
        "",
    )
    assert ridges.data()["density"].isna().tolist() == [True, False, False]
    bars = Bars(
        ["a", "b"], np.array([0.1, np.nan]), np.array([0.2, np.nan]), [False, True]
    )
    assert bars.data()["total"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "given",
    [
        None,
        1,
        "figure.pdf",
        [],
        {},
        object(),
        pd.DataFrame(),
        np.zeros(2),
        plots.data,
        mpl.figure.Figure,
    ],
)
def test_what_is_no_figure_of_ours_is_refused(given: object) -> None:
    with pytest.raises(InputTypeError) as caught:
        plots.data(given)
    assert caught.value.problems


def test_empty_and_several_axes_are_refused(fit) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    for given in (figure, left):
        with pytest.raises(InputTypeError, match="no figure of plots"):
            plots.data(given)
    plots.coefficients(fit, ax=left)
    assert len(plots.data(figure)) == 2
    plots.coefficients(fit, ax=right)
    with pytest.raises(InputTypeError, match="several"):
        plots.data(figure)


def test_the_words_of_a_drawing_are_those_of_its_parts() -> None:
    ridge = ("2010", "n = 3", np.array([0.1, 0.2]))
    ridges = Ridges(np.array([0.0, 1.0]), [ridge], "x", "year", "Scott")
    assert list(words_in(ridges)) == ["2010", "n = 3", "x", "year", "Scott"]


def test_names_of_terms_and_inside_tables_are_no_words() -> None:
    estimate = Estimate(Term("数字"), 1.0, 0.1, 10.0, 0.0, 0.8, 1.2)
    effects = Effects({"数字": estimate}, {"数字": ("Digital",)}, "draws", 0.95)
    assert list(words_in(effects)) == ["Digital", "draws"]
    points = pd.DataFrame({"label": ["数字"], "before": [0.8], "after": [0.1]})
    assert list(words_in(Balance(points, 0.1))) == []


def test_what_is_no_drawing_has_no_data() -> None:
    with pytest.raises(NotImplementedError):
        Drawing().data()
