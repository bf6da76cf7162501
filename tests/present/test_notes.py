"""The notes of a table; those that go with its rows are in test_rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from digiprosper.present.columns import name_columns, read_columns
from digiprosper.present.notes import note_lines
from digiprosper.present.rows import setting_rows
from digiprosper.present.style import Style
from digiprosper.report.columns import Estimate
from digiprosper.report.notices import too_few_clusters_to_draw
from digiprosper.report.terms import Term

STYLE = Style("se", (0.1, 0.05, 0.01), 3)


def estimate(*numbers):
    return Estimate(Term("digital"), *numbers)


def read(*models):
    return name_columns(read_columns(list(models), "etable"), None, {}, "etable")


def test_each_bootstrap_is_named(two_way, make_threshold):
    fits = [make_threshold(two_way, bootstrap=(b,)) for b in ("hansen", "iid", "hansen")]
    assert note_lines(read(*fits), {}, STYLE)[-1] == (
        "Below F of a test: its p-value, (1), (3): 2,999 draws, bootstrap of whole entities (Hansen 1999); "
        "(2): 2,999 draws, bootstrap of single rows."
    )


def test_each_confidence_set_names_its_criterion(two_way, make_threshold):
    one = make_threshold(two_way, (0.7,), bootstrap=())
    scaled = replace(one, bounded=replace(one.bounded, confidence="scaled"))
    drawn = replace(
        one,
        bounded=replace(
            one.bounded, confidence="bootstrap", lr_bounds=np.full(one.profiles.shape, 1.0), level=0.9
        ),
    )

    def notes(*models):
        return note_lines(read(*models), {}, STYLE)[3:]

    assert notes(scaled) == [
        "Below a threshold: its 95% confidence set (lower and upper end); LR scaled by the variance at the "
        "threshold.",
        "Confidence sets with gaps: (1) threshold 1 in 2 pieces.",
    ]
    assert notes(one, scaled, one)[0] == (
        "Below a threshold: its 95% confidence set (lower and upper end); (1), (3): LR (Hansen 1999); "
        "(2): LR scaled by the variance at the threshold."
    )
    assert notes(drawn) == ["Below a threshold: its 90% confidence set (lower and upper end); bootstrap."]
    assert notes(one, drawn)[0] == (
        "Below a threshold: its confidence set (lower and upper end); (1): 95%, LR (Hansen 1999); "
        "(2): 90%, bootstrap."
    )


@pytest.mark.parametrize(
    ("below", "note"),
    [
        (
            "se",
            "Standard errors clustered by province and year (small-sample correction as reghdfe) in "
            "parentheses.",
        ),
        ("t", "t statistics in parentheses, from {}."),
        ("p", "p-values in parentheses, from {}."),
        ("ci", "95% confidence intervals in brackets, from {}."),
    ],
)
def test_the_notes_explain_brackets_and_stars(make_fit, below, note):
    two = make_fit({"x": (1, 1, 1)}, info={"clusters": "province+year"})
    words = note.format("standard errors clustered by province and year (small-sample correction as reghdfe)")
    assert note_lines(read(two), {}, Style(below, (0.05, 0.001), 3)) == [words, "* p < 0.05, ** p < 0.001."]
    assert note_lines(read(pd.DataFrame({"b": [1]})), {}, STYLE) == []


def test_draws_are_told_where_they_are_in_the_table(one_way, make_drawn):
    columns = read(one_way, make_drawn({"x": (1, 1, 1)}))

    def notes(below, stars=None):
        return note_lines(columns, {}, Style(below, stars, 3))

    errors, drawn = (
        "standard errors clustered by province (small-sample correction as reghdfe)",
        "1,999 bootstrap draws",
    )
    assert notes("se") == [f"{errors.capitalize()} in parentheses."]
    assert notes("se", (0.1,))[1:] == ["* p < 0.1.", f"Stars of (2): p-values from {drawn}."]
    assert notes("p") == [f"p-values in parentheses: (1) from {errors}; (2) from {drawn}."]
    assert notes("p", (0.1,))[1:] == ["* p < 0.1."]
    assert notes("ci") == [
        f"95% confidence intervals in brackets: (1) from {errors}; (2) from percentiles of {drawn}."
    ]
    assert note_lines(columns[1:], {}, Style("ci", None, 3)) == [
        f"95% confidence intervals in brackets, from percentiles of {drawn}."
    ]
    for below, name in (("se", "SE clustered by"), ("ci", "Clustered by")):
        rows = dict(setting_rows(columns, {}, None, {}, Style(below, None, 3)))
        assert rows[name] == ["province", "province"]


def test_columns_drawn_from_too_few_clusters_have_no_p_values(make_drawn):
    few, enough = (make_drawn({"digital": (0.1, 0.04, p)}) for p in (np.nan, 0.02))
    few.diagnostics = too_few_clusters_to_draw(3, "province")
    lines = note_lines(read(few, enough), {}, STYLE)
    assert "Stars of (2): p-values from 1,999 bootstrap draws." in lines
    assert (
        lines[-1]
        == "Bootstrap p-values and intervals of (1) are not reported: 3 clusters are too few for a bootstrap."
    )
