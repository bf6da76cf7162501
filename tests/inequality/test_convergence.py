"""Spread over time, and moves between classes, with gaps in time that are real."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    Panel,
    coefficient_of_variation,
    datasets,
    markov_transitions,
    sigma_convergence,
)
from digiprosper.errors import (
    ColumnError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    OptionError,
    PanelIndexError,
    TermError,
)

OUTSIDE = json.loads(
    (Path(__file__).parents[1] / "reference" / "inequality.json").read_text(
        encoding="utf-8"
    )
)


def long(values, ids="abcdefghij", start=2010):
    """One row of `values` an entity, one column a year."""
    table = pd.DataFrame(
        values,
        index=list(ids)[: len(values)],
        columns=range(start, start + len(values[0])),
    )
    frame = (
        table.rename_axis("id")
        .reset_index()
        .melt("id", var_name="year", value_name="y")
    )
    return Panel(frame.astype({"year": int}), "id", "year")


# --- sigma ----------------------------------------------------------------------------


def test_sigma_by_hand():
    rng = np.random.default_rng(1)
    values = rng.lognormal(size=(8, 4))
    found = sigma_convergence(long(values), "y")
    assert found.index.tolist() == [2010, 2011, 2012, 2013]
    assert found.columns.tolist() == ["cv", "sd_log"]
    np.testing.assert_allclose(
        found["cv"], values.std(axis=0) / values.mean(axis=0), rtol=1e-13
    )
    np.testing.assert_allclose(
        found["sd_log"], np.log(values).std(axis=0, ddof=1), rtol=1e-13
    )
    assert found["cv"].iloc[2] == pytest.approx(
        coefficient_of_variation(values[:, 2]), rel=1e-13
    )


def test_sigma_of_a_term_and_of_other_units():
    panel = datasets.us_states()
    found = sigma_convergence(panel, "I(gsp / emp)")
    again = sigma_convergence(
        panel.assign(per=lambda f: 1000 * f["gsp"] / f["emp"]), "per"
    )
    pd.testing.assert_frame_equal(found, again)
    assert found.index.name == "year"


def test_sigma_on_a_panel_with_holes_warns_and_uses_what_is_there():
    values = np.array([[1.0, 2, 3], [2, np.nan, 5], [4, 7, 8]])
    panel = long(values)
    with pytest.warns(
        MissingDataWarning, match="1 of 3 entities are not observed in every period"
    ):
        found = sigma_convergence(panel, "y")
    pair = values[[0, 2], 1]
    assert found.loc[2011, "cv"] == pytest.approx(pair.std() / pair.mean())
    with pytest.warns(MissingDataWarning):
        gone = sigma_convergence(panel.subset("id != 'b' or year != 2011"), "y")
    pd.testing.assert_frame_equal(found, gone)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sigma_convergence(panel.subset("y == y").balance(), "y")


def test_sigma_of_one_entity_and_of_a_period_without_values():
    with pytest.warns(MissingDataWarning):
        found = sigma_convergence(
            long([[1.0, 2.0, np.nan], [np.nan, 3.0, np.nan]]), "y"
        )
    assert found.index.tolist() == [2010, 2011]
    assert np.isnan(found.loc[2010, "sd_log"])
    assert found.loc[2010, "cv"] == 0.0


def test_sigma_refusals():
    panel = long([[1.0, 2], [0, -3]])
    with pytest.raises(
        IdentificationError,
        match=r"'y' is zero or negative in 2 rows \(first: \(b, 2010\)",
    ):
        sigma_convergence(panel, "y")
    with pytest.raises(ColumnError, match="income"):
        sigma_convergence(panel, "income")
    with pytest.raises(InputTypeError, match="DataFrame"):
        sigma_convergence(panel.frame, "y")
    with pytest.raises(InputTypeError, match="list"):
        sigma_convergence(panel, ["y"])
    with pytest.raises(TermError, match="categorical"):
        sigma_convergence(panel, "C(id)")
    with pytest.raises(InputTypeError, match="not numeric"):
        sigma_convergence(panel, "id")
    with pytest.raises(MissingDataError, match="every row"):
        sigma_convergence(panel.assign(y=np.nan), "y")
    with pytest.raises(PanelIndexError, match="time key"):
        sigma_convergence(Panel(pd.DataFrame({"id": [1, 2], "y": [1.0, 2]}), "id"), "y")


# --- Markov chains --------------------------------------------------------------------


@pytest.mark.parametrize("case", ["irreducible", "absorbing"])
def test_markov_outside_numbers(case):
    small = OUTSIDE["markov_small"]
    numbers = [
        [{"a": 1.0, "b": 2.0, "c": 3.0}[c] for c in path]
        for path in small[case]["paths"]
    ]
    found = markov_transitions(long(numbers), "y", cuts=[1.5, 2.5])
    np.testing.assert_array_equal(found.counts, small[case]["counts"])
    np.testing.assert_allclose(
        found.ergodic, small[case]["ergodic"], atol=small["tolerance"]
    )
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0, atol=1e-15)
    assert found.n == np.sum(small[case]["counts"])


def test_markov_by_hand():
    # Pooled terciles of 1..9 are 3.67 and 6.33: classes 1 2 3, 1 1 3, 2 3 2
    panel = long([[1.0, 4, 9], [2, 3, 8], [5, 7, 6]])
    found = markov_transitions(panel, "y", classes=3)
    np.testing.assert_array_equal(found.counts, [[1, 1, 1], [0, 0, 2], [0, 1, 0]])
    np.testing.assert_allclose(
        found.cuts.to_numpy(), np.quantile(np.arange(1, 10), [1 / 3, 2 / 3])[None, :]
    )
    assert found.counts.index.tolist() == [1, 2, 3]
    yearly = markov_transitions(panel, "y", classes=3, cuts="per_year")
    # Ranks by year: 1 2 3, 2 1 2, 3 3 1
    np.testing.assert_array_equal(yearly.counts, [[0, 2, 0], [1, 0, 1], [1, 0, 1]])
    assert yearly.cuts.index.tolist() == [2010, 2011, 2012]


def test_a_value_at_a_cut_is_in_the_lower_class():
    found = markov_transitions(long([[2.0, 2.5], [2.5, 2.0]]), "y", cuts=[2.0])
    np.testing.assert_array_equal(found.counts, [[0, 1], [1, 0]])


def test_four_classes_by_default():
    panel = datasets.us_states()
    assert markov_transitions(panel, "gsp").counts.shape == (4, 4)
    assert markov_transitions(panel, "gsp").cuts.shape == (1, 3)


def test_growth_moves_everybody_up_under_pooled_cuts_only():
    panel, column = datasets.us_states(), "I(gsp / emp * exp(year - 1970))"
    assert np.tril(markov_transitions(panel, column).counts, -1).sum() == 0
    assert (
        np.tril(markov_transitions(panel, column, cuts="per_year").counts, -1).sum() > 0
    )


def test_gaps_make_no_move_and_steps_are_the_panels():
    rows = pd.DataFrame(
        {
            "id": list("aaabbb"),
            "year": [2010, 2011, 2013] * 2,
            "y": [1.0, 2, 1, 2, 1, 2],
        }
    )
    found = markov_transitions(Panel(rows, "id", "year"), "y", cuts=[1.5])
    np.testing.assert_array_equal(found.counts, [[0, 1], [1, 0]])
    missing = rows.assign(y=[1.0, 2, 1, 2, np.nan, 2])
    with pytest.raises(IdentificationError, match=r"starts in class 2 of 2"):
        markov_transitions(Panel(missing, "id", "year"), "y", cuts=[1.5])
    five = rows.assign(year=[2000, 2005, 2010] * 2)
    assert markov_transitions(Panel(five, "id", "year", step=5), "y", cuts=[1.5]).n == 4
    with pytest.raises(IdentificationError, match="two consecutive periods"):
        markov_transitions(Panel(five, "id", "year"), "y", cuts=[1.5])


def test_an_ergodic_distribution_that_hangs_on_the_start():
    found = markov_transitions(
        long([[1.0, 1, 1], [2, 1, 1], [2, 3, 3]]), "y", cuts=[1.5, 2.5]
    )
    assert found.ergodic.isna().all()
    assert [n.code for n in found.diagnostics] == ["reducible"]
    assert "2 sets of classes" in found.summary()


def test_row_order_and_units_do_not_matter():
    panel = datasets.us_states()
    found = markov_transitions(panel, "gsp", cuts="per_year")
    turned = Panel(
        panel.frame.reset_index().sample(frac=1, random_state=2), "state", "year"
    )
    again = markov_transitions(turned.assign(gsp="I(gsp / 7)"), "gsp", cuts="per_year")
    pd.testing.assert_frame_equal(found.counts, again.counts)


def test_the_result_is_plain():
    found = markov_transitions(datasets.us_states(), "I(gsp / emp)", cuts="per_year")
    back = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(back.probabilities, found.probabilities)
    pd.testing.assert_series_equal(back.ergodic, found.ergodic)
    data = json.loads(json.dumps(found.to_dict()))
    assert data["n"] == 768
    assert np.shape(data["cuts"]) == (17, 3)
    assert repr(found) == found.summary()
    text = found.summary().splitlines()
    assert found.conventions == (
        "768 transitions between consecutive periods; 4 classes, cut at quantiles "
        "of each period"
    )
    assert max(map(len, text)) <= 80


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cuts": "yearly"}, "cuts='yearly'"),
        ({"cuts": 3}, "cuts=3"),
        ({"cuts": []}, "cuts"),
        ({"cuts": [2.0, 1.0]}, "ascending order"),
        ({"cuts": [1.0, np.nan]}, "finite"),
        ({"cuts": ["a"]}, "finite"),
        ({"cuts": [1.0], "classes": 3}, "omit classes"),
        ({"classes": 1}, "classes=1"),
        ({"classes": 10**30}, "fewer than classes"),
        ({"classes": 2.0}, "classes=2.0"),
        ({"classes": True}, "classes=True"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(OptionError, match=words):
        markov_transitions(datasets.us_states(), "gsp", **options)


def test_cuts_that_coincide():
    values = [[1.0, 1, 1, 2]] * 3
    with pytest.raises(IdentificationError, match="equal cuts: too many equal values"):
        markov_transitions(long(values), "y", classes=3)
    with pytest.raises(IdentificationError, match="equal cuts in 2010"):
        markov_transitions(long(values), "y", classes=3, cuts="per_year")


def test_two_classes_are_the_fewest():
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(6), 3), "t": np.tile(np.arange(3), 6)}
    )
    moved = markov_transitions(
        Panel(frame.assign(y=np.random.default_rng(0).normal(size=18)), "i", "t"),
        "y",
        classes=2,
    )
    assert moved.probabilities.shape == (2, 2)
